# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of ProcessPoolExecutor share: running tests, and calls that go on until they
are let go."""

import faulthandler
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback

LIMIT_SEC = 20

# When a test counts as stuck: it ends the program then, and tells where each thread is.
STUCK_SEC = 10 * LIMIT_SEC

# What a script in a process of its own begins with.
PREAMBLE = '''\
import concurrent.futures, os, signal, sys, time
import gi
gi.require_version('PPool', '1.0')
from gi.repository import PPool
from pool_harness import *
'''


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_equal(got, wanted):
    check(got == wanted, 'got', repr(got), 'wanted', repr(wanted))


def check_raises(kind, func, *args, **kwargs):
    """Returns the exception that a call must raise."""
    try:
        value = func(*args, **kwargs)
    except BaseException as error:
        if type(error) is kind or kind is not None and isinstance(error, kind):
            return error
        raise
    raise AssertionError('got %r instead of an exception' % (value,))


def wait_for(condition):
    """Looks again and again until something is true, and returns it."""
    end = time.monotonic() + LIMIT_SEC
    while not (value := condition()):
        check(time.monotonic() < end, 'waited in vain')
        time.sleep(0.002)
    return value


class Gate:
    """Has calls of hold() go on until it is opened. It can be pickled."""

    def __init__(self, directory=None):
        self.directory = pathlib.Path(directory or tempfile.mkdtemp())

    def hold(self, value=None):
        (self.directory / ('pid-%d' % os.getpid())).touch()
        wait_for((self.directory / 'open').exists)
        return value

    def mark(self, name):
        (self.directory / name).touch()

    def open(self):
        (self.directory / 'open').touch()

    def pids(self):
        """Returns the processes that have been here."""
        return {int(path.name[4:]) for path in self.directory.glob('pid-*')}

    def wait_until_held(self, n=1):
        wait_for(lambda: len(self.pids()) >= n)


def is_alive(pid):
    """Tells whether there is such a process which has not ended."""
    try:
        return pathlib.Path('/proc/%d/stat' % pid).read_text().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_ends(pids):
    wait_for(lambda: not any(map(is_alive, pids)))


def start_script(text, *args, before='', **kwargs):
    """Starts a program of its own, in a file, so that workers find its functions."""
    directory = pathlib.Path(tempfile.mkdtemp())
    path = directory / 'script.py'
    path.write_text(before + PREAMBLE + textwrap.dedent(text))
    environ = {**os.environ, 'PYTHONPATH': os.pathsep.join(
        [os.path.dirname(__file__), os.environ.get('PYTHONPATH', '')])}
    return subprocess.Popen([sys.executable, *args, str(path)], env=environ, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)


def finish_script(process, status=0):
    """Returns what a program wrote to its standard output and its standard error."""
    out, errors = process.communicate(timeout=LIMIT_SEC)
    check(process.returncode == status, 'status', process.returncode, out, errors)
    return out, errors


def run_script(text, *args, status=0):
    return finish_script(start_script(text, *args), status)


def _to_name(name):
    return name.removeprefix('test_').replace('_', '-')


def run_tests(namespace, chosen):
    """Runs the functions test_*, of which names may be chosen as they are printed, and prints
    how that went."""
    tests = {_to_name(name): value for name, value in namespace.items()
             if name.startswith('test_')}
    tests = [tests[name] for name in chosen] or list(tests.values())
    n_failed = 0
    print('1..%d' % len(tests))
    for number, test in enumerate(tests, 1):
        problem = skip = None
        faulthandler.dump_traceback_later(STUCK_SEC, exit=True, file=sys.__stderr__)
        try:
            skip = test()
        except BaseException:
            problem = traceback.format_exc()
        faulthandler.cancel_dump_traceback_later()
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d %s%s' % ('not ok' if problem else 'ok', number,
                              _to_name(test.__name__),
                              ' # SKIP ' + skip if skip else ''), flush=True)
    return 1 if n_failed else 0
