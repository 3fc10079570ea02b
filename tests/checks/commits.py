# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the form of the commits since the last tag: a short subject without a full stop, then
an empty line.

commits.py SRCDIR
"""

import subprocess
import sys

from tap import Tap

MAX_COLUMNS = 72
# The last commit that was made before this was checked.
UNCHECKED = 'cf4642c'


def git(srcdir, *args):
    """What a command of git prints, or None if it fails."""
    try:
        done = subprocess.run(['git', '-C', srcdir, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode(errors='replace') if done.returncode == 0 else None


def start(srcdir):
    """The commit after which the form matters, as far as this clone has one."""
    for revision in (git(srcdir, 'describe', '--tags', '--abbrev=0'), UNCHECKED):
        if revision and git(srcdir, 'merge-base', '--is-ancestor', revision.strip(),
                            'HEAD') is not None:
            return [revision.strip() + '..HEAD']
    return ['HEAD']


def problems(messages):
    for message in messages:
        commit, _, text = message.strip().partition(' ')
        subject, *body = text.splitlines()
        if len(subject) > MAX_COLUMNS:
            yield '%s: %d columns, over %d: %s' % (commit, len(subject), MAX_COLUMNS, subject)
        if subject.endswith('.'):
            yield '%s: a full stop: %s' % (commit, subject)
        if body and body[0]:
            yield '%s: no empty line below: %s' % (commit, subject)


def main():
    srcdir = sys.argv[1]
    tap = Tap()
    # A folder above may be a clone of something else.
    if git(srcdir, 'ls-files', '--error-unmatch', 'meson.build') is None:
        tap.skip('commits/form', 'this is no git clone')
    else:
        log = git(srcdir, 'log', '--no-merges', '--format=%h %B%x00', *start(srcdir))
        tap.report('commits/form',
                   problems(message for message in log.split('\0') if message.strip()))
    tap.end()


main()
