# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many processors this process may use, by the library's account: those of its affinity,
and no more than its control groups give it the time of."""

import math
import os
import pathlib
import re


def count():
    return int(min(len(os.sched_getaffinity(0)), get_quota(pathlib.Path('/'))))


def get_quota(root):
    """How many processors' time the control groups allow, rounded up, or infinity. Files are
    read below a directory."""
    groups, mounts = _read(root / 'proc/self/cgroup'), _read(root / 'proc/self/mountinfo')
    least = math.inf
    for line in groups.splitlines():
        _, _, rest = line.partition(':')
        controllers, colon, path = rest.partition(':')
        if colon and (not controllers or 'cpu' in controllers.split(',')):
            least = min(least, _read_groups(root, mounts, path, not controllers))
    return least


def _read(path):
    try:
        return path.read_text('utf-8', 'surrogateescape')
    except OSError:
        return ''


def _read_groups(root, mounts, path, is_unified):
    """A group has no more than any of those above it."""
    mount = _find_mount(mounts, is_unified)
    if mount is None:
        return math.inf
    top, point = mount
    top = top.rstrip('/')
    below = path[len(top):] if (path + '/').startswith(top + '/') and '/..' not in path else ''
    names = [name for name in below.split('/') if name]
    folders = [root.joinpath(point.lstrip('/'), *names[:n]) for n in range(len(names) + 1)]
    return min(map(_read_unified if is_unified else _read_old, folders))


def _find_mount(mounts, is_unified):
    """Where a hierarchy that rules processor time is mounted, and which group that is."""
    for line in mounts.splitlines():
        left, dash, right = line.partition(' - ')
        left, right = left.split(' '), right.split(' ')
        if dash and len(left) >= 6 and len(right) >= 3 and (
                right[0] == 'cgroup2' if is_unified
                else right[0] == 'cgroup' and 'cpu' in right[2].split(',')):
            return tuple(re.sub(r'\\([0-7]{3})', lambda match: chr(int(match[1], 8)), part)
                         for part in left[3:5])
    return None


def _read_unified(folder):
    return _to_processors(*(_read(folder / 'cpu.max').split() + ['', ''])[:2])


def _read_old(folder):
    return _to_processors(_read(folder / 'cpu.cfs_quota_us').strip(),
                          _read(folder / 'cpu.cfs_period_us').strip())


def _to_processors(quota, period):
    """The number of processors of a quota, rounded up, since a worker can use a part of one."""
    if not (quota.isdecimal() and period.isdecimal() and int(quota) and int(period)):
        return math.inf
    return -(-int(quota) // int(period))
