# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Launchers of this very script, which also start it from another directory."""

import os
import sys

from gi.module import get_introspection_module
from gi.overrides import override

_PPool = get_introspection_module('PPool')
_raw_new_self = _PPool.Launcher.new_self


def _find_script():
    """The path of the script that Python was given, if that is relative, and the same as
    an absolute one; Python knows it also when the program has gone to another directory."""
    given = sys.argv[0] if sys.argv else ''
    if given in ('', '-', '-c', '-m') or os.path.isabs(given):
        return None
    main = sys.modules.get('__main__')
    if getattr(main, '__spec__', None) is None:
        path = getattr(main, '__file__', None) or given
    else:
        path = given
    path = os.path.abspath(path)
    return (given, path) if os.path.exists(path) else None


_script = _find_script()


def _read_command():
    """What the kernel was given, with the script's path as an absolute one; or None, if
    there is no such path in it, or another Python would start."""
    try:
        with open('/proc/self/cmdline', 'rb') as file:
            command = file.read().split(b'\0')[:-1]
        given, path = map(os.fsencode, _script)
        number = command.index(given, 1)
        if not os.path.samefile(sys.executable, '/proc/self/exe'):
            return None
    except (OSError, ValueError):
        return None
    return [sys.executable, *map(os.fsdecode, [*command[1:number], path, *command[number + 1:]])]


def new_self():
    """A launcher of this program."""
    command = None if _script is None else _read_command()
    return _raw_new_self() if command is None else _PPool.Launcher.new(command)


@override
class Launcher(_PPool.Launcher):
    """What the workers are."""

    __module__ = 'gi.overrides.PPool'

    @staticmethod
    def new_self():
        """Starts this program again; a script is found also after os.chdir(), and in the
        directory of set_cwd()."""
        return new_self()
