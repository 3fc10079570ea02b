# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executors, futures and iterators as a Python program uses them, without a main loop."""

import asyncio
import concurrent.futures
import decimal
import itertools
import logging
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback

from support import (C_WORKER, LIMIT, PYTHON_WORKER, Gate, check, check_equal, check_raises, main,
                     new_executor, turn_until, wait_until)
from gi.overrides.PPool import _loop, _values
from gi.repository import Gio, GLib, PPool


def test_make(executor):
    check_equal(executor.get_max_workers(), 1)
    check_equal(PPool.Executor().get_max_workers(), 0)
    launcher = PPool.Launcher.new(C_WORKER)
    for made in (PPool.Executor(launcher=launcher, max_workers=3, grace_msec=7),
                 PPool.Executor(tuple(map(pathlib.Path, C_WORKER)), 3, grace_msec=7)):
        check_equal((made.get_max_workers(), made.get_grace_msec()), (3, 7))
        check_equal(made.call_sync('echo', 1), 1)
        check_equal(made.get_launcher().get_argv(), C_WORKER)
    check_equal(PPool.Executor.new(launcher).call_sync('echo', 1), 1)
    for wrong in (0, -1, 1.5, '2', True, 1 << 32):
        check_raises(ValueError, PPool.Executor, max_workers=wrong)
        check_raises(ValueError, PPool.Executor, max_tasks_per_worker=wrong)
    check_raises(TypeError, PPool.Executor, 'a command line')
    check_raises(TypeError, PPool.Executor, no_such_property=1)


def test_initializer(executor):
    for args in ((1, 'a'), [1, 'a'], GLib.Variant('(xs)', (1, 'a'))):
        with PPool.Executor(C_WORKER, 1, initializer='remember', initializer_args=args) as other:
            check_equal(other.call_sync('recall')[1], (1, 'a'))


def test_functions_are_names(executor):
    """Who gives a function itself is told to give its name."""
    for call in (executor.submit, executor.call_sync, executor.map,
                 lambda function, *args: asyncio.run(executor.call(function, *args))):
        error = check_raises(TypeError, call, test_result, [object()])
        check("a str such as 'test_result'" in str(error), error)
        error = check_raises(TypeError, call, 7, [1])
        check('the function must be given by its name, a str, not int' in str(error), error)
        error = check_raises(ValueError, call, 'echo\0', [1])
        check("the name of the function has a NUL: 'echo\\x00'" in str(error), error)
    for wrong in (test_result, 7, b'remember'):
        error = check_raises(TypeError, PPool.Executor, C_WORKER, initializer=wrong)
        check('the initializer must be given by its name' in str(error), error)
    check_equal(executor.call_sync('echo', 1), 1)


def test_result(executor):
    future = executor.submit('echo', 7)
    check_equal(future.result(), 7)
    check_equal((future.result(0), future.result(timeout=LIMIT)), (7, 7))
    check_equal(future.result_variant(0), GLib.Variant('x', 7))
    check_equal(future.propagate(), GLib.Variant('x', 7))
    check(future.exception() is None)
    check_equal((future.done(), future.cancelled(), future.running()), (True, False, False))
    check_equal(repr(future), '<PPool.Future of “echo”, finished>')


def test_timeout(executor):
    """Seconds, in the main thread and in another, shorter and longer than a signal waits."""
    with Gate(executor) as gate:
        def wait():
            for timeout in (-1, 0, 0.001, 0.01, 0.06, 0.2):
                begin = time.monotonic()
                error = check_raises(TimeoutError, gate.future.result, timeout)
                check(max(timeout, 0) <= time.monotonic() - begin < timeout + LIMIT, timeout)
                check('“gate” was not done within' in str(error), error)
                check_raises(concurrent.futures.TimeoutError, gate.future.exception, timeout)
            return True
        wait()
        with concurrent.futures.ThreadPoolExecutor() as threads:
            check(threads.submit(wait).result())
        check_raises(TypeError, gate.future.result, 'soon')
        wait_until(gate.future.running)
        check_equal((gate.future.done(), gate.future.cancel()), (False, False))
        timer = threading.Timer(0.1, gate.open)
        timer.start()
        check_equal(gate.future.result(1e9), '')


def test_cancel(executor):
    with Gate(executor) as gate:
        future = executor.submit('echo')
        check_equal((future.cancel(), future.cancel()), (True, True))
        check_equal((future.done(), future.cancelled(), future.running()), (True, True, False))
        check_raises(concurrent.futures.CancelledError, future.result)
        check_raises(concurrent.futures.CancelledError, future.exception, 0)
        check_raises(concurrent.futures.CancelledError, future.result_variant)
        cancellable = Gio.Cancellable()
        future = executor.submit('echo', cancellable=cancellable)
        cancellable.cancel()
        check_raises(concurrent.futures.CancelledError, future.result)
        check_raises(concurrent.futures.CancelledError, executor.submit, 'echo',
                     cancellable=cancellable)
    check_equal(gate.future.result(), '')


def test_done_callbacks(executor):
    """They need no main loop, come in order and in another thread, once each."""
    called, threads = [], set()

    def note(i):
        def callback(future):
            threads.add(threading.current_thread())
            called.append((i, future.result()))
        return callback

    def fail(future):
        raise ValueError('on purpose')

    records = []
    logging.getLogger('ppool').addFilter(lambda record: records.append(record.exc_info[0]))
    with Gate(executor) as gate:
        future = executor.submit('echo', 1)
        for i in range(3):
            future.add_done_callback(note(i))
            future.add_done_callback(fail)
        check_equal(called, [])
    wait_until(lambda: len(called) == 3)
    future.add_done_callback(note(3))
    wait_until(lambda: len(called) == 4)
    check_equal(called, [(i, 1) for i in range(4)])
    check_equal(records, [ValueError] * 3)
    check(len(threads) == 1 and threading.current_thread() not in threads, threads)
    check(gate.future.done())

    with Gate(executor) as gate:
        gate.future.add_done_callback(lambda future: called.append('unheld'))
        del gate.future
    wait_until(lambda: called[-1] == 'unheld')


def test_done_callback_context(executor):
    called = []
    with Gate(executor) as gate:
        for i in range(3):
            gate.future.add_done_callback(
                lambda future, i=i: called.append((i, threading.current_thread())),
                context=GLib.MainContext.default())
    gate.future.result()
    check_equal(called, [])
    turn_until(lambda: len(called) == 3)
    check_equal(called, [(i, threading.main_thread()) for i in range(3)])


def test_submit_in_done_callback(executor):
    results = []

    def go_on(future):
        results.append(executor.call_sync('echo', future.result() + 1))

    executor.submit('echo', 1).add_done_callback(go_on)
    wait_until(lambda: results)
    check_equal(results, [2])


def test_threads(executor):
    def work(i):
        return [executor.call_sync('echo', i) for _ in range(50)]

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        check_equal(list(threads.map(work, range(4))), [[i] * 50 for i in range(4)])


def test_wait_futures(executor):
    with Gate(executor) as gate:
        futures = [gate.future, executor.submit('echo')]
        futures[1].cancel()
        for first in (PPool.ReturnWhen.FIRST_COMPLETED, concurrent.futures.FIRST_COMPLETED):
            check_equal(PPool.wait_futures(futures, first), futures[1:])
        begin = time.monotonic()
        check_equal(PPool.wait_futures(iter(futures), timeout=0.1), futures[1:])
        check(0.1 <= time.monotonic() - begin < LIMIT)
        check_equal(PPool.wait_futures(futures[:1], timeout=0), [])
    check_equal(PPool.wait_futures(futures), futures)
    check_equal(PPool.wait_futures([]), [])
    for wrong in (1, None, executor, concurrent.futures.Future()):
        check_raises(TypeError, PPool.wait_futures, [futures[0], wrong])
    for wrong in ('FIRST', 77, None):
        check_raises(ValueError, PPool.wait_futures, futures, wrong)


def test_as_completed(executor):
    with Gate(executor) as gate:
        last = executor.submit('echo')
        last.cancel()
        completed = PPool.as_completed({gate.future, last})
        check(next(completed) is last)
        error = check_raises(TimeoutError, next,
                             PPool.as_completed(iter([gate.future]), timeout=0.05))
        check_equal(str(error), 'not all futures were done within 0.05 s')
        error = check_raises(TimeoutError, next, executor.map('echo', [1], timeout=0.05))
        check_equal(str(error), 'the map of “echo” had no result within 0.05 s')
    check_equal(list(completed), [gate.future])
    futures = [executor.submit('echo', i) for i in range(100)]
    check_equal(sorted(future.result() for future in PPool.as_completed(futures)),
                list(range(100)))
    check_equal(list(PPool.as_completed([])), [])


def test_map(executor):
    check_equal(list(executor.map('echo', range(1000))), list(range(1000)))
    check_equal(list(executor.map('echo', 'ab', itertools.count())), [('a', 0), ('b', 1)])
    check_equal(list(executor.map('echo', [], range(3))), [])
    check_equal(list(executor.map('echo', GLib.Variant('as', ['a', 'b']))), ['a', 'b'])
    check_equal(list(executor.map('echo', [(1, ), None, []])), [((1, ), ), None, []])
    check_equal(list(executor.map('echo', range(10), chunksize=3, buffersize=7)), list(range(10)))
    check_raises(TypeError, executor.map, len, [1])


def test_map_is_lazy(executor):
    drawn = itertools.count()
    values = executor.map('echo', drawn, buffersize=10)
    check_equal(next(drawn), 0)
    check_equal([next(values) for _ in range(100)], list(range(1, 101)))
    check(next(drawn) <= 130)
    values.close()
    check_equal(list(values), [])
    with executor.map('echo', itertools.count()) as values:
        check_equal(next(values), 0)
    check_raises(StopIteration, next, values)


def test_map_errors(executor):
    def inputs(wrong):
        yield from range(10)
        raise wrong

    def read(values):
        for value in values:
            got.append(value)

    for wrong in (ZeroDivisionError('on purpose'), KeyError('k'), GeneratorExit(), GLib.Error('x')):
        got = []
        values = executor.map('echo', inputs(wrong))
        check(check_raises(type(wrong), read, values) is wrong)
        check_equal(got, list(range(10)))
        check_equal(list(values), [])
    got = []
    check_raises(TypeError, read, executor.map('echo', [1, object()]))
    check_equal(got, [1])
    got = []
    error = check_raises(GLib.Error, read, executor.map('step', [1, 2, -1, 3]))
    check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_DATA), error)
    check_equal(got, [1, 2])
    args = GLib.Variant('(sis)', ('g-io-error-quark', int(Gio.IOErrorEnum.TIMED_OUT), 'its own'))
    error = check_raises(GLib.Error, next, executor.map('fail', [args]))
    check_equal(error.message, 'its own')


def test_any_timeout(executor):
    """What is too long for the system is no limit; what is no number is refused."""
    with Gate(executor) as gate:
        future = gate.future
        doors = [future.result, future.result_variant, future.exception,
                 lambda timeout: PPool.wait_futures([future], timeout=timeout),
                 lambda timeout: next(PPool.as_completed([future], timeout)),
                 lambda timeout: next(executor.map('echo', [1], timeout=timeout))]
        for door in doors:
            for timeout in (math.nan, decimal.Decimal('NaN')):
                check('NaN' in str(check_raises(ValueError, door, timeout)))
            check('must be a number' in str(check_raises(TypeError, door, '5')))
        for door in doors[:3] + doors[4:]:
            for timeout in (0, -1, -math.inf, decimal.Decimal('0.001'), -(1 << 2000)):
                check_raises(concurrent.futures.TimeoutError, door, timeout)
    for timeout in (2147483, 2147484, 1e9, threading.TIMEOUT_MAX, threading.TIMEOUT_MAX * 2,
                    math.inf, 1 << 70, 1 << 2000):
        with Gate(executor) as gate:
            future, results = gate.future, []
            threads = [threading.Thread(target=lambda door=door: results.append(door(timeout)))
                       for door in doors]
            for thread in threads:
                thread.start()
            gate.open()
            for thread in threads:
                thread.join(LIMIT)
            check_equal(len(results), len(doors))


def test_history(executor):
    """Which worker has a call, and since when, in the clock of time.monotonic()."""
    begin = time.monotonic()
    with Gate(executor) as gate:
        waiting = executor.submit('echo')
        wait_until(gate.future.running)
        check_equal(gate.future.worker_pid, gate.future.get_worker_pid())
        check(os.path.exists('/proc/%d' % gate.future.worker_pid))
        check(begin <= gate.future.started_time <= time.monotonic())
        check(waiting.cancel())
        check_equal((waiting.worker_pid, waiting.started_time), (None, None))


def test_addresses(executor):
    """The override doesn't load where it would give anything else to C than addresses."""
    for kind in ('Gio.Cancellable', 'GLib.MainContext'):
        done = subprocess.run([sys.executable, '-c', """
import gi
gi.require_version('PPool', '1.0')
from gi.repository import Gio, GLib
%s.__hash__ = lambda self: 5
try:
    from gi.repository import PPool
except ImportError as error:
    print(error)
""" % kind], capture_output=True, text=True, timeout=LIMIT, check=True)
        check('can\'t work with PyGObject' in done.stdout and kind in done.stdout, done)


def test_map_interrupted(executor):
    """Who presses Ctrl-C while an input is drawn doesn't wait for the values before it; and
    none of these is lost."""
    def draw():
        yield 1
        raise KeyboardInterrupt

    with Gate(executor):
        values = executor.map('echo', draw(), timeout=LIMIT)
        check_raises(KeyboardInterrupt, next, values)
    check_equal(next(values), 1)
    check_raises(KeyboardInterrupt, next, values)
    check_raises(StopIteration, next, values)


def test_map_interrupted_value(executor):
    """So is what was being made of a value when a signal came."""
    class Alarm(Exception):
        pass

    def alarm(*_):
        raise Alarm()

    def interrupt(variant):
        decoders['s'] = decode
        signal.raise_signal(number)
        return decode(variant)

    decoders = _values._DECODERS
    decode = decoders['s']
    before = signal.signal(signal.SIGUSR1, alarm)
    try:
        for number, kind in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGUSR1, Alarm)):
            values = executor.map('echo', ['a', 'b', 'c'])
            check_equal(next(values), 'a')
            decoders['s'] = interrupt
            check_raises(kind, next, values)
            check_equal(list(values), ['b', 'c'])
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_map_timeout(executor):
    with Gate(executor):
        begin = time.monotonic()
        values = executor.map('echo', itertools.count(), timeout=0.1)
        check_raises(TimeoutError, next, values)
        check(0.1 <= time.monotonic() - begin < LIMIT)
        check_equal(list(values), [])


def test_map_cancelled(executor):
    with Gate(executor):
        values = executor.map('echo', range(3))
        timer = threading.Timer(0.05, values.cancel)
        timer.start()
        check_raises(concurrent.futures.CancelledError, next, values)


def test_context_manager(executor):
    with new_executor() as other:
        future = other.submit('echo', 1)
    check_equal(other.get_state(), PPool.ExecutorState.SHUT_DOWN)
    check_equal(other.get_n_workers(), 0)
    check(future.done())
    error = check_raises(RuntimeError, other.submit, 'echo')
    check(error.matches(PPool.error_quark(), PPool.Error.SHUT_DOWN), error)
    other.shutdown()


def test_shutdown(executor):
    gate = Gate(executor)
    pending = executor.submit('echo', 1)
    executor.shutdown(wait=False)
    check_equal((gate.future.done(), pending.done()), (False, False))
    executor.shutdown(False, cancel_futures=True)
    check_equal((gate.future.done(), pending.cancelled()), (False, True))
    executor.shutdown(PPool.ShutdownFlags.NONE)
    timer = threading.Timer(0.05, gate.open)
    timer.start()
    executor.shutdown()
    check(gate.future.done())


def test_shutdown_in_done_callback(executor):
    states = []

    def end(future):
        executor.shutdown()
        states.append(executor.get_state())

    executor.submit('echo').add_done_callback(end)
    wait_until(lambda: states)
    check_equal(states, [PPool.ExecutorState.SHUT_DOWN])


def test_interrupt_in_with(executor):
    """Ctrl-C doesn't wait for calls that run."""
    def wait():
        with new_executor() as other:
            gates.append(Gate(other))
            raise KeyboardInterrupt

    gates = []
    check_raises(KeyboardInterrupt, wait)
    check_equal(type(gates[0].future.exception(0)).__name__, 'BrokenProcessPool')


def test_interrupted_call_sync(executor):
    """Who is interrupted has no future left by which the call could be cancelled. A signal
    that another thread gets interrupts no system call of the main thread."""
    class Interrupted(Exception):
        pass

    def interrupt(*_):
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    with Gate(executor):
        for send in (lambda: os.kill(os.getpid(), signal.SIGUSR1),
                     lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)):
            timer = threading.Timer(0.05, send)
            timer.start()
            check_raises(Interrupted, executor.call_sync, 'echo')
            wait_until(lambda: executor.get_n_pending() == 0)
    signal.signal(signal.SIGUSR1, before)


def test_shutdown_async(executor):
    """With the arguments that C has, for a main loop."""
    done = []
    future = executor.submit('echo', 1)
    executor.shutdown_async(PPool.ShutdownFlags.NONE, None,
                            lambda source, result: done.append(source.shutdown_finish(result)))
    turn_until(lambda: done)
    check_equal((future.result(0), done), (1, [True]))


def test_fork(executor):
    """A copy of the process has no use of the pool, but callbacks of its own."""
    check_equal(executor.call_sync('echo', 1), 1)
    called = []
    executor.submit('echo').add_done_callback(called.append)
    wait_until(lambda: called)
    with Gate(executor) as gate:
        pid = os.fork()
        if pid == 0:
            use_copy(executor, gate.future, called)
        check_equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
    check_equal(executor.call_sync('echo', 1), 1)


def use_copy(executor, future, called):
    status = 1
    try:
        check_raises(concurrent.futures.BrokenExecutor, executor.submit, 'echo')
        check_raises(concurrent.futures.BrokenExecutor, executor.call_sync, 'echo')
        check_raises(concurrent.futures.BrokenExecutor, future.result)
        check_raises(concurrent.futures.BrokenExecutor, PPool.wait_futures, [future])
        check_raises(concurrent.futures.BrokenExecutor, executor.prestart, 1)
        check_raises(concurrent.futures.BrokenExecutor, executor.submit_call,
                     PPool.Call.new('echo', None))
        future.add_done_callback(called.append)
        invoked = []
        _loop.invoke(invoked.append, 1)
        wait_until(lambda: invoked)
        executor.shutdown()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def test_python_worker(executor):
    with new_executor(PYTHON_WORKER, max_workers=2) as other:
        check_equal(list(other.map('tell-args', 'ab', [(1, ), 2])), ["('a', (1,))", "('b', 2)"])
        check_equal(list(other.map('echo', range(2000))), list(range(2000)))


def test_keywords(executor):
    """A function of a worker has none."""
    for call in (executor.submit, executor.call_sync,
                 lambda *args, **keywords: asyncio.run(executor.call(*args, **keywords))):
        error = check_raises(TypeError, call, 'echo', 1, number=2)
        for part in ('“echo”', 'keyword argument number', 'in its place', 'a dict'):
            check(part in str(error), error)


def run_program(program, *args, **options):
    """Returns what a program has printed that comes through standard input, or in an argument."""
    return subprocess.run([sys.executable, *args], input=program, capture_output=True, text=True,
                          timeout=LIMIT, check=False, **options)


BEGIN = """
import sys, gi
gi.require_version('PPool', '1.0')
from gi.repository import PPool
"""


def test_no_script(executor):
    """What came through standard input or was typed isn't there for workers; what stands behind
    -c is."""
    program = BEGIN + """
worker = PPool.Worker()
worker.add_function('echo', lambda _, args: args)
PPool.Worker.is_spawned() and sys.exit(worker.run())
for make in [PPool.Executor, PPool.Executor.new, PPool.Launcher.new_self]: print(make().__class__)
"""
    wanted = 'has no script file that could be started again: put it in a file, or give'
    for args in ((), ('-', ), ('-i', '-q')):
        done = run_program(program.replace('\nfor', '\nPPool.Executor()\nfor'), *args)
        check(wanted in done.stderr and 'Executor' not in done.stdout, args, done)
        done = run_program(program.replace('[PPool.Executor, PPool.Executor.new, ', '['), *args)
        check(wanted in done.stderr and 'Launcher' not in done.stdout, args, done)
    done = run_program('', '-c', program + """
with PPool.Executor() as executor: print(executor.call_sync('echo', 5))
""")
    check_equal((done.returncode, done.stdout.splitlines()[-1:]), (0, ['5']))


def test_no_descriptors(executor):
    """When there are no more, whoever waits is told what has happened to the executor."""
    done = run_program(BEGIN + """
import asyncio, concurrent.futures, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
executor = PPool.Executor(['true'], 1)
async def call():
    future = executor.submit('a')
    while not future.done(): await asyncio.sleep(0.01)
    try:
        while True: held.append(os.dup(1))
    except OSError: pass
    try: future.result()
    except concurrent.futures.BrokenExecutor as error: print(type(error).__name__)
    try: await future
    except concurrent.futures.BrokenExecutor as error: print(type(error).__name__)
held = []
asyncio.run(call())
for number in held: os.close(number)
other = PPool.Executor(['true'], 1)
loop = asyncio.new_event_loop()
taken = []
async def late():
    future = other.submit('a')
    try:
        while True: taken.append(os.dup(1))
    except OSError: pass
    try: await future
    except (OSError, concurrent.futures.BrokenExecutor): print('an error')
    for number in taken: os.close(number)
loop.run_until_complete(late())
loop.close()
executor.shutdown()
other.shutdown()
""", '-')
    check_equal((done.returncode, done.stdout, done.stderr),
                (0, 2 * 'BrokenProcessPool\n' + 'an error\n', ''))


def test_no_threads(executor):
    """An executor that could start nothing can be shut down all the same."""
    done = run_program(BEGIN + """
import os, resource
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
executor = PPool.Executor(['true'], 1)
try: executor.submit('a')
except Exception as error: print(error)
executor.shutdown()
executor.shutdown(cancel_futures=True)
print('shut down')
""", '-')
    check_equal((done.returncode, done.stderr), (0, ''))
    check('RLIMIT_NPROC' in done.stdout and done.stdout.endswith('shut down\n'), done)


main(globals())
