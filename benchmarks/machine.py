# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the figures were measured on, and which peers there are."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess


def missing_peers(environ):
    """Why a peer can't be run, by its name."""
    missing = {}
    if importlib.util.find_spec('joblib') is None:
        missing['loky'] = 'python3-joblib is not installed'
    if shutil.which('node') is None:
        missing['workerpool'] = 'node is not installed'
    elif subprocess.run(['node', '-e', 'require("workerpool")'], env=environ, check=False,
                        stderr=subprocess.DEVNULL).returncode != 0:
        missing['workerpool'] = 'the package workerpool of npm is not installed'
    return missing


def processor():
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            return re.search(r'^model name\s*: (.*)$', file.read(), re.MULTILINE).group(1)
    except (OSError, AttributeError):
        return platform.machine()


def describe(programs, runner):
    """One line."""
    about = runner.run([*programs.commands['ppool'], 'about'], programs.environ)
    parts = [
        '%d × %s' % (len(os.sched_getaffinity(0)), processor()),
        'Linux ' + os.uname().release,
        'GLib ' + about.get('glib', '?'),
        'Python ' + platform.python_version(),
    ]
    if 'loky' not in programs.missing:
        import joblib
        parts.append('joblib ' + joblib.__version__)
    if 'workerpool' not in programs.missing:
        node = subprocess.run(['node', '--version'], stdout=subprocess.PIPE, check=False)
        parts.append('Node ' + node.stdout.decode().strip().lstrip('v'))
    parts.append('load at the start %.2f' % os.getloadavg()[0])
    return ', '.join(parts)
