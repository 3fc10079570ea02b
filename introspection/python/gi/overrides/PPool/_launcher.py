# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Launchers of this very script, which also start it from another directory."""

import os
import re
import sys

from gi.module import get_introspection_module
from gi.overrides import override

_PPool = get_introspection_module('PPool')
_raw_new = _PPool.Launcher.new
_raw_new_self = _PPool.Launcher.new_self


def _get_directory():
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


_directory = _get_directory()


def _read_cmdline():
    """The command as the kernel has it; a program that changes its title overwrites that."""
    try:
        with open('/proc/self/cmdline', 'rb') as file:
            return list(map(os.fsdecode, file.read().split(b'\0')[:-1]))
    except OSError:
        return []


# Python has kept its own copy since 3.10.
_command = list(getattr(sys, 'orig_argv', None) or _read_cmdline())


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
    try:
        path = os.path.abspath(path)
    except FileNotFoundError:
        return None
    return (given, path) if os.path.exists(path) else None


_script = _find_script()
_has_code = sys.argv[:1] == ['-c']


def get_own_executable():
    """The program that this process runs. Under valgrind that can be read, but not opened."""
    try:
        return os.readlink('/proc/self/exe').removesuffix(' (deleted)')
    except OSError:
        return sys.executable or ''


def is_own_executable(path):
    return bool(path) and os.path.realpath(path) == os.path.realpath(get_own_executable())


def is_interpreter():
    """Whether this process runs a Python, and not another program with a Python in it. One of
    an unusual name has been given a command, and knows that it is what Python calls itself."""
    if re.search('python|pypy', os.path.basename(get_own_executable()).lower()):
        return True
    return is_own_executable(sys.executable) and bool(getattr(sys, 'orig_argv', True))


def find_interpreter():
    """The path of the Python that this process runs, or None if it runs something else. Python
    itself does not know one if it was started by another name than its own."""
    if is_own_executable(sys.executable):
        return sys.executable if is_interpreter() else None
    executable = get_own_executable()
    is_python = re.search('python|pypy', os.path.basename(executable).lower())
    return executable if is_python and os.path.exists(executable) else None


def _drop_inspect(args):
    """The arguments of Python without -i, of which it makes an interactive session in the end."""
    kept = []
    for i, arg in enumerate(args):
        if arg[:1] != '-' or arg[:2] in ('-', '--'):
            return kept + args[i:]
        # What stands behind these is a value, or in the next argument.
        flags, letter, value = re.fullmatch('-([^cmWX]*)([cmWX]?)(.*)', arg, re.DOTALL).groups()
        flags = flags.replace('i', '') + letter + value
        kept += ['-' + flags] if flags else []
        if letter in ('c', 'm'):
            return kept + args[i + 1:]
        if letter and not value:
            return kept + args[i + 1:i + 2] + _drop_inspect(args[i + 2:])
    return kept


def _find_command():
    """The command of this program, where the library does not know it as well: the path
    of the script as an absolute one, the arguments as they were before the title of the
    process was changed, and no interactive session."""
    executable = find_interpreter()
    if executable is None:
        return None
    command = [executable, *_drop_inspect(_command[1:])]
    if _script is not None and _script[0] in command[1:]:
        command[command.index(_script[0], 1)] = _script[1]
        return command
    return command if _command and [_command[0], *command[1:]] != _read_cmdline() else None


def _check_command():
    """Without a copy, it is not known what the arguments were before the title was changed."""
    if len(_command) > 1 and not any(_command[1:]) and all(sys.argv):
        raise RuntimeError('The arguments of this program are not known, since the title of the '
                           'process was changed before PPool was imported: import PPool first, '
                           'or give the executor the command of a worker')


def _check_script():
    """Where the program was typed, or came through standard input, workers would find nothing
    there; what stands behind -c is there again. A notebook has put a module of its own in the
    place of the program's, and the one whose file was started is not what there is to run."""
    main = sys.modules.get('__main__')
    path = getattr(main, '__file__', None) or '<'
    has_file = not path.startswith('<') or getattr(main, '__spec__', None) is not None
    if not has_file and not _has_code and is_interpreter() and not getattr(sys, 'frozen', False):
        raise RuntimeError('This program has no script file that could be started again: put it in '
                           'a file, or give the executor the command of a worker, such as '
                           'PPool.Executor(["/usr/bin/python3", "worker.py"])')


def keep_paths(launcher):
    """Has workers take relative paths of modules from where this program was, as Python did."""
    paths = launcher.getenv('PYTHONPATH')
    if paths and _directory:
        launcher.setenv('PYTHONPATH', os.pathsep.join(
            os.path.join(_directory, path) for path in paths.split(os.pathsep)), True)
    return launcher


def _prevent_session(launcher):
    """A worker that is Python would end with an interactive session, and what that imports."""
    launcher.unsetenv('PYTHONINSPECT')
    return launcher


def new(command):
    """A launcher of any command."""
    return _prevent_session(_raw_new(command))


def new_self():
    """A launcher of this program."""
    _check_script()
    _check_command()
    command = _find_command()
    return keep_paths(_prevent_session(_raw_new_self()) if command is None else new(command))


def new_default():
    """A launcher for an executor that was given none."""
    if is_interpreter() or getattr(sys, 'frozen', False):
        return new_self()
    raise RuntimeError(
        'An executor without a launcher starts this program again, “%s”, which is not '
        'a Python interpreter but embeds one. Give the executor the command of a worker, such as '
        'PPool.Executor(["/usr/bin/python3", "worker.py"]), or PPool.Launcher.new_self() if the '
        'whole program is to be the worker' % get_own_executable())


@override
class Launcher(_PPool.Launcher):
    """Describes how workers are started."""

    __module__ = 'gi.overrides.PPool'

    @staticmethod
    def new(argv):
        """Creates a launcher for a command, a list of str. PYTHONINSPECT is not in its
        environment."""
        return new(argv)

    @staticmethod
    def new_self():
        """Creates a launcher that starts this program again; a script is found even after
        os.chdir(), and in the directory of set_cwd(). Raises RuntimeError for a program that is
        not in a file."""
        return new_self()
