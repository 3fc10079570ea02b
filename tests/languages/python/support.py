# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of the override share: checks, gates, executors, and the way in which
they are run."""

import gc
import os
import pathlib
import socket
import sys
import tempfile
import time
import traceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

LIMIT = 20  # seconds

C_WORKER = [os.path.join(os.environ['G_TEST_BUILDDIR'], 'workers', 'bad-worker')]
PYTHON_WORKER = [sys.executable, pathlib.Path(__file__).with_name('functions.py')]


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_equal(got, wanted):
    check(got == wanted, 'got', repr(got)[:2000], 'wanted', repr(wanted)[:2000])


def check_same(got, wanted):
    """Equal, and of the same types all through."""
    check_equal(got, wanted)
    check_equal(repr(got), repr(wanted))


def check_raises(kind, func, *args, **kwargs):
    """Gives the exception that a call must raise."""
    try:
        value = func(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError('got %r instead of a %s' % (value, kind.__name__))


def wait_until(condition):
    """For what happens in another thread."""
    end = time.monotonic() + LIMIT
    while not condition():
        check(time.monotonic() < end, 'waited in vain')
        time.sleep(0.002)


def turn_until(condition):
    """Runs the default main context meanwhile."""
    source = GLib.timeout_add(5, lambda: GLib.SOURCE_CONTINUE)
    end = time.monotonic() + LIMIT
    while not condition():
        check(time.monotonic() < end, 'waited in vain')
        GLib.MainContext.default().iteration(True)
    GLib.source_remove(source)


class Gate:
    """Keeps a call in its worker until it is opened."""

    def __init__(self, executor, function='gate'):
        with tempfile.TemporaryDirectory() as folder, \
             socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, 'gate')
            listener.bind(path)
            listener.listen()
            listener.settimeout(LIMIT)
            self.future = executor.submit(function, GLib.Variant('(s)', (path, )))
            self.visitor = listener.accept()[0]

    def open(self):
        self.visitor.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()


def new_executor(command=None, max_workers=1, **properties):
    return PPool.Executor(command or C_WORKER, max_workers, **properties)


def get_resident_size():
    return int(pathlib.Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGESIZE')


def check_no_growth(run, rounds=3, size_limit=1 << 20, object_limit=50):
    """Runs something some times to warm up, and then must find no more objects and no
    more memory, but for a little that other threads may have at the moment. The allocator
    may take more once, on a busy machine later than usual; what leaks grows every time."""
    for _ in range(2):
        run()
    grown = size_limit + 1
    for _ in range(3):
        if grown <= size_limit:
            break
        gc.collect()
        n_objects, size = len(gc.get_objects()), get_resident_size()
        for _ in range(rounds):
            run()
        gc.collect()
        more = len(gc.get_objects()) - n_objects
        check(more <= object_limit, more, 'more objects')
        grown = get_resident_size() - size
    check(grown <= size_limit, grown, 'more bytes')


def main(tests, executors=C_WORKER):
    """Runs functions named test_...; each gets an executor of its own."""
    wanted = sys.argv[1:]
    tests = {name.removeprefix('test_').replace('_', '-'): value
             for name, value in tests.items() if name.startswith('test_')}
    tests = {name: value for name, value in tests.items() if not wanted or name in wanted}
    n_failed = 0
    print('1..%d' % len(tests))
    for number, (name, test) in enumerate(tests.items(), 1):
        problem = None
        try:
            with new_executor(executors) as executor:
                test(executor)
        except Exception:
            problem = traceback.format_exc(limit=-8)
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d %s' % ('not ok' if problem else 'ok', number, name), flush=True)
    sys.exit(1 if n_failed else 0)
