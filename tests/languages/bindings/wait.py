# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits for many futures from Python, through the typelib alone. wait.js does
the same in JavaScript."""

import os
import socket
import sys
import tempfile
import traceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

LIMIT_MSEC = 20000
ALL = PPool.ReturnWhen.ALL_COMPLETED
FIRST = PPool.ReturnWhen.FIRST_COMPLETED
FIRST_ERROR = PPool.ReturnWhen.FIRST_ERROR


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_equal(got, wanted):
    check(got == wanted, 'got', repr(got), 'wanted', repr(wanted))


def check_fails(code, func, *args):
    try:
        value = func(*args)
    except GLib.Error as error:
        check(error.matches(Gio.io_error_quark(), code), 'got', error)
        return
    raise AssertionError('got %s instead of an error' % value)


def run_loop(until):
    """Runs the main context until something is true."""
    context = GLib.MainContext.default()
    late = []
    source = GLib.timeout_source_new(LIMIT_MSEC)
    source.set_callback(lambda *_: late.append(True))
    source.attach(context)
    while not until() and not late:
        context.iteration(True)
    source.destroy()
    check(not late, 'waited in vain')


class Gate:
    """Keeps a call in its worker until it is opened."""

    def __init__(self, executor):
        with tempfile.TemporaryDirectory() as folder, \
             socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, 'gate')
            listener.bind(path)
            listener.listen()
            listener.settimeout(LIMIT_MSEC / 1000)
            self.future = executor.submit('gate', GLib.Variant('(s)', (path, )), None)
            self.visitor = listener.accept()[0]

    def open(self):
        self.visitor.close()
        check_equal(self.future.result(LIMIT_MSEC).unpack(), '')


def fail(executor):
    args = GLib.Variant('(sis)', ('g-io-error-quark', int(Gio.IOErrorEnum.BUSY), 'busy'))
    return executor.submit('fail', args, None)


def test_all(executor):
    futures = [executor.submit('echo', GLib.Variant('i', i), None) for i in range(20)]
    check_equal(PPool.wait_futures(futures, ALL, -1, None), futures)
    check_equal(PPool.wait_futures(futures[:2] * 3, ALL, -1, None), futures[:2])
    check_equal([future.propagate().unpack() for future in futures], list(range(20)))


def test_references(executor):
    future = executor.submit('echo', None, None)
    future.result(LIMIT_MSEC)
    before = future.__grefcount__
    for _ in range(1000):
        check_equal(PPool.wait_futures([future, future], ALL, -1, None), [future])
        check_equal(PPool.AsCompleted.new([future], -1).next_future(-1), future)
    check_equal(future.__grefcount__, before)


def test_return_when(executor):
    gate = Gate(executor)
    futures = [gate.future, executor.submit('echo', None, None)]
    check_equal(PPool.wait_futures(futures, FIRST, -1, None), futures[1:])
    check_equal(PPool.wait_futures(futures, FIRST_ERROR, 10, None), futures[1:])
    check_equal(PPool.wait_futures(futures, ALL, 10, None), futures[1:])
    check_equal(PPool.wait_futures(futures[:1], ALL, 0, None), [])
    futures.append(fail(executor))
    check_equal(PPool.wait_futures(futures, FIRST_ERROR, -1, None), futures[1:])
    gate.open()


def test_empty(executor):
    check_equal(PPool.wait_futures([], ALL, -1, None), [])
    check(PPool.AsCompleted.new([], -1).next_future(-1) is None)
    check(PPool.AsCompleted().next_future(-1) is None)


def test_async(executor):
    gate = Gate(executor)
    results = []

    def waited(source, result, data):
        check(source is None)
        results.append((PPool.wait_futures_finish(result), data))

    PPool.wait_futures_async([gate.future], ALL, -1, None, waited, 'data')
    check_equal(results, [])
    gate.open()
    run_loop(lambda: results)
    check_equal(results, [([gate.future], 'data')])


def test_cancellable(executor):
    gate = Gate(executor)
    cancellable = Gio.Cancellable()
    results = []
    PPool.wait_futures_async([gate.future], ALL, -1, cancellable,
                             lambda source, result: results.append(result))
    cancellable.cancel()
    run_loop(lambda: results)
    check_fails(Gio.IOErrorEnum.CANCELLED, PPool.wait_futures_finish, results[0])
    check_fails(Gio.IOErrorEnum.CANCELLED, PPool.wait_futures, [gate.future], ALL, -1, cancellable)
    gate.open()


def test_as_completed(executor):
    gate = Gate(executor)
    futures = [gate.future, executor.submit('echo', None, None)]
    completed = PPool.AsCompleted.new(futures * 2, -1)
    check_equal(completed.next_future(-1), futures[1])
    check_fails(Gio.IOErrorEnum.TIMED_OUT, completed.next_future, 10)
    gate.open()
    check_equal(completed.next_future(-1), futures[0])
    check(completed.next_future(-1) is None)


def test_as_completed_timeout(executor):
    gate = Gate(executor)
    completed = PPool.AsCompleted.new([gate.future], 10)
    check_fails(Gio.IOErrorEnum.TIMED_OUT, completed.next_future, -1)
    check(completed.next_future(-1) is None)
    gate.open()


def test_as_completed_async(executor):
    gate = Gate(executor)
    completed = PPool.AsCompleted.new([gate.future], -1)
    results = []
    for _ in range(2):
        completed.next_future_async(
            None, lambda source, result: results.append(source.next_future_finish(result)))
    gate.open()
    run_loop(lambda: len(results) == 2)
    check_equal(results, [gate.future, None])


TESTS = [value for name, value in list(globals().items()) if name.startswith('test_')]


def main():
    launcher = PPool.Launcher.new([os.path.join(os.environ['G_TEST_BUILDDIR'], 'workers',
                                               'bad-worker')])
    n_failed = 0
    print('1..%d' % len(TESTS))
    for number, test in enumerate(TESTS, 1):
        executor = PPool.Executor(launcher=launcher, max_workers=2)
        problem = None
        try:
            test(executor)
            executor.shutdown_sync(PPool.ShutdownFlags.NONE, None)
        except Exception:
            problem = traceback.format_exc()
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d %s' % ('not ok' if problem else 'ok', number,
                            test.__name__.removeprefix('test_').replace('_', '-')), flush=True)
    return 1 if n_failed else 0


sys.exit(main())
