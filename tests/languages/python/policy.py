# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers that die and are replaced, and calls that run again, take too long or are aborted, with
both kinds of executors. Names of tests as arguments choose some.

Workers import this file, so what takes long to import is imported where it is needed."""

import concurrent.futures
import contextlib
import functools
import math
import os
import pathlib
import pickle
import signal
import sys
import tempfile
import threading
from concurrent.futures.process import BrokenProcessPool

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

from pool_harness import (LIMIT_SEC, Gate, check, check_equal, check_raises,  # noqa: E402
                          run_tests, wait_for)

WORKER = [sys.executable, pathlib.Path(__file__).with_name('functions.py')]

NewPool = functools.partial(PPool.ProcessPoolExecutor, 1, crash_policy='replace', abort_grace=0)
NewExecutor = functools.partial(PPool.Executor, WORKER, 1, crash_policy='replace', abort_grace=0)


def die(number=signal.SIGSEGV):
    os.kill(os.getpid(), number)


def die_times(path, n):
    """Dies so many times, and then tells how many times it was begun."""
    with open(path, 'a') as file:
        file.write('x')
    if os.path.getsize(path) <= n:
        die()
    return PPool.get_current_invocation().get_attempt()


def wait_until_cancelled(gate):
    """Returns a value once nobody wants it any more."""
    gate.mark('begun')
    cancellable = PPool.get_current_invocation().get_cancellable()
    wait_for(cancellable.is_cancelled)
    gate.mark('cancelled')
    return 'late'


def get_limit():
    """Returns how many seconds this call may run."""
    deadline = PPool.get_current_invocation().get_deadline()
    return deadline if deadline < 0 else (deadline - GLib.get_monotonic_time()) / 1000000


def fail_to_start(path):
    if os.path.exists(path):
        raise ValueError('not now')


def get_temporary_name():
    return os.path.join(tempfile.mkdtemp(), 'file')


def check_death(error, function, number):
    check_equal(type(error), PPool.WorkerDied)
    check(isinstance(error, BrokenProcessPool) and isinstance(error, GLib.Error), error)
    check(error.matches(PPool.error_quark(), PPool.Error.WORKER_DIED), error.domain, error.code)
    death = error.death
    check_equal(death.get_signal_number(), number)
    check(death.get_function().endswith(function), death.get_function())
    check(death.get_worker_pid() > 0)
    again = pickle.loads(pickle.dumps(error))
    check_equal((type(again), str(again), again.death), (type(error), str(error), None))


def check_timeout(error):
    check(isinstance(error, concurrent.futures.TimeoutError), repr(error))
    check(isinstance(error, GLib.Error), repr(error))
    check(error.matches(PPool.error_quark(), PPool.Error.TIMED_OUT), error.domain, error.code)
    check_equal(str(error), error.message)


def test_replace_in_pool():
    with NewPool() as pool:
        for number in signal.SIGSEGV, signal.SIGKILL:
            future, behind = pool.submit(die, number), pool.submit(abs, -1)
            check_death(future.exception(LIMIT_SEC), 'die', number)
            check_raises(PPool.WorkerDied, future.result)
            check_equal(behind.result(LIMIT_SEC), 1)
        check_equal(list(pool.map(abs, range(-9, 0), chunksize=2)), list(range(9, 0, -1)))


def test_history_of_futures():
    """What a future knows of its call stays when the outcome was read."""
    with NewPool() as pool, NewExecutor() as executor:
        good = pool.submit(abs, -1), executor.submit('echo', 1)
        bad = (pool.options(retries=1).submit(die),
               executor.options(retries=1).submit('give', '__import__("os").abort()'))
        for future in good:
            check_equal(future.result(LIMIT_SEC), 1)
            check_equal((future.n_attempts, future.death), (1, None))
        for future, number in zip(bad, (signal.SIGSEGV, signal.SIGABRT)):
            error = future.exception(LIMIT_SEC)
            check_equal(future.n_attempts, 2)
            check_equal(future.death.get_signal_number(), number)
            check_equal(future.death.get_worker_pid(), error.death.get_worker_pid())
            check_equal(future.worker_pid, future.death.get_worker_pid())
        check_equal(executor.submit('echo', 1).death, None)
    gate = Gate()
    with NewPool() as pool:
        held, waiting = pool.submit(gate.hold), pool.submit(abs, -1)
        gate.wait_until_held()
        check_equal((held.n_attempts, held.death), (1, None))
        check_equal((waiting.n_attempts, waiting.death), (0, None))
        waiting.abort()
        check(waiting.cancelled())
        check_equal((waiting.n_attempts, waiting.death), (0, None))
        held.abort()
        check_equal(type(held.exception(LIMIT_SEC)), concurrent.futures.CancelledError)
        check_equal(held.death.get_cause(), PPool.DeathCause.ENDED)


def check_map_goes_on(results, wanted):
    """Of each outcome, the value or the type of the exception."""
    got = []
    for _ in wanted:
        try:
            got.append(next(results))
        except Exception as error:
            got.append(type(error))
    check_equal(got, wanted)
    check_raises(StopIteration, next, results)


def die_at(n):
    if n == 1:
        die()
    if n == 3:
        raise KeyError(n)
    if n == 5:
        raise StopIteration
    return n


def test_map_goes_on():
    wanted = [0, PPool.WorkerDied, 2, KeyError, 4, RuntimeError, 6]
    with NewPool() as pool:
        for either in pool, pool.options(label='x'):
            check_map_goes_on(either.map(die_at, range(7), stop_on_error=False), wanted)
            check_map_goes_on(either.map(die_at, range(7), stop_on_error=False, buffersize=2),
                              wanted)
            chunks = either.map(die_at, range(2, 8), stop_on_error=False, chunksize=3)
            check_map_goes_on(chunks, [KeyError, RuntimeError])
            chunks = either.map(die_at, [0, 2, 1, 4, 6, 8], stop_on_error=False, chunksize=2)
            check_map_goes_on(chunks, [0, 2, PPool.WorkerDied, 6, 8])
            check_raises(PPool.WorkerDied, list, either.map(die_at, range(7)))
    codes = ['0', '__import__("os")._exit(4)', '2', '{}[3]', '4']
    with NewExecutor() as executor:
        for either in executor, executor.options(label='x'):
            check_map_goes_on(either.map('give', codes, stop_on_error=False),
                              [0, PPool.WorkerDied, 2, KeyError, 4])
            results = either.map('give', codes)
            check_equal(next(results), 0)
            check_raises(PPool.WorkerDied, next, results)
            check_raises(StopIteration, next, results)


def test_failed_calls_of_a_map():
    """What is known of a call that has failed, at each door."""
    codes = ['0', '__import__("os")._exit(4)', '{}[3]']

    def check_failed(results, error, index, status):
        check_equal((results.failed_index, results.failed_future.n_attempts), (index, 1))
        death = results.failed_future.death
        check_equal((death and death.exit_status, getattr(error, 'death', None)), (status, death))

    async def run(executor):
        results = executor.map('give', codes, stop_on_error=False)
        check_equal(await results.__anext__(), 0)
        try:
            await results.__anext__()
        except PPool.WorkerDied as error:
            check_failed(results, error, 1, 4)

    import asyncio
    with NewExecutor() as executor:
        results = executor.map('give', codes, stop_on_error=False)
        check_equal((next(results), results.failed_future, results.failed_index), (0, None, None))
        check_failed(results, check_raises(PPool.WorkerDied, next, results), 1, 4)
        check_failed(results, check_raises(KeyError, next, results), 2, None)
        check_raises(StopIteration, next, results)
        check_equal((results.failed_future, results.failed_index), (None, None))
        asyncio.run(run(executor))
    with NewPool() as pool:
        results = pool.map(die_at, range(2), stop_on_error=False)
        check_equal(next(results), 0)
        check_equal(check_raises(PPool.WorkerDied, next, results).death.signal_number,
                    signal.SIGSEGV)


def test_closed_map_ends_its_calls():
    with NewExecutor(cancel_running=True) as executor:
        results = executor.map('give', ['__import__("time").sleep(%d)' % LIMIT_SEC] * 2)
        thread = threading.Thread(target=lambda: check_raises(StopIteration, next, results))
        thread.start()
        wait_for(executor.get_n_running)
        results.close()
        thread.join()
        check_equal(executor.call_sync('echo', 1), 1)


def test_attributes_of_a_death():
    with NewExecutor() as executor:
        error = executor.submit('die').exception(LIMIT_SEC)
        death = error.death
        check_equal((death.cause, death.function, death.signal_number, death.exit_status),
                    (PPool.DeathCause.EXIT, 'die', None, 3))
        check_equal((death.worker_pid, death.message), (death.get_worker_pid(), str(error)))
        check_equal((death.stderr_tail, death.run_time), (None, death.get_run_time() / 1000000))
        check('status 3' in repr(death), death)
        error = executor.options(timeout=0.05).submit('give', '__import__("time").sleep(100)')
        error = error.exception(LIMIT_SEC)
        check(isinstance(error, PPool.CallTimeoutError), error)
        check_equal(error.death.cause, PPool.DeathCause.ENDED)
    with NewExecutor(crash_policy='break') as executor:
        future = executor.submit('die')
        check_equal(future.exception(LIMIT_SEC).death, future.death)
        check_equal(check_raises(BrokenProcessPool, executor.submit, 'die').death, None)


def test_map_that_goes_on_ends():
    """With its time, with an error of its inputs, and when it is closed."""
    def draw():
        yield 1
        raise LookupError

    gate = Gate()
    with NewPool() as pool:
        results = pool.map(gate.hold, range(3), stop_on_error=False, timeout=0.05)
        check_raises(concurrent.futures.TimeoutError, next, results)
        check_raises(StopIteration, next, results)
        check_raises(LookupError, pool.map, die_at, draw(), stop_on_error=False)
        results = pool.map(gate.hold, range(3), stop_on_error=False)
        results.close()
        check_raises(StopIteration, next, results)
        gate.open()
        results = pool.map(die_at, [1, 2, 4], stop_on_error=False, buffersize=1)
        check_raises(PPool.WorkerDied, next, results)
        pool.shutdown()
        check_raises(RuntimeError, next, results)
        check_raises(StopIteration, next, results)


def test_reason_of_a_death():
    with NewPool() as pool:
        future = pool.submit(die, signal.SIGXCPU)
        check('limit of processor time' in str(future.exception(LIMIT_SEC)), future.exception())
        check_equal(future.death.get_cause(), PPool.DeathCause.LIMIT)
        future = pool.submit(die, signal.SIGTERM)
        check('did not send' in str(future.exception(LIMIT_SEC)), future.exception())
        check_equal(future.death.get_cause(), PPool.DeathCause.SIGNAL)


def leave_saying(text, status):
    sys.stderr.write(text + '\n')
    sys.stderr.flush()
    os._exit(status)


def test_causes():
    """All that is told of each death that a test can bring about."""
    cause = PPool.DeathCause
    with NewPool() as pool:
        for function, args, kind, number, status, tail in [
                (die, (signal.SIGTERM, ), cause.SIGNAL, signal.SIGTERM, -1, None),
                (die, (signal.SIGKILL, ), cause.KILLED, signal.SIGKILL, -1, None),
                (die, (signal.SIGXCPU, ), cause.LIMIT, signal.SIGXCPU, -1, None),
                (os._exit, (0, ), cause.EXIT, 0, 0, None),
                (leave_saying, ('last words', 5), cause.EXIT, 0, 5, 'last words'),
                (leave_saying, ('MemoryError', 1), cause.OUT_OF_MEMORY, 0, 1, 'MemoryError')]:
            future = pool.options(label='a.png').submit(function, *args)
            error, death = future.exception(LIMIT_SEC), future.death
            check_equal((death.get_cause(), death.get_signal_number(), death.get_exit_status()),
                        (kind, number, status))
            check_equal((death.get_stderr_tail() or '').strip(), tail or '')
            check(death.get_run_time() >= 0, death.get_run_time())
            check('(a.png)' in death.get_message(), death.get_message())
            check_equal(str(error), death.get_message())
        gate = Gate()
        late = pool.options(timeout=0.3).submit(gate.hold)
        check_timeout(late.exception(LIMIT_SEC))
        check_equal(late.death.get_cause(), cause.ENDED)
    worker = pathlib.Path(os.environ['G_TEST_BUILDDIR']) / 'workers' / 'raw-worker'
    for step, kind in ('unasked:method', cause.PROTOCOL), ('close', cause.CLOSED):
        with PPool.Executor([worker, 'init', 'call', step, 'hang'], 1,
                            crash_policy='replace') as executor:
            future = executor.submit('function')
            check_equal(type(future.exception(LIMIT_SEC)), PPool.WorkerDied)
            check_equal((future.death.get_cause(), future.death.get_exit_status()), (kind, -1))


def test_unknown_cause():
    """A program that has the kernel reap its children can't say how they ended."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with NewPool() as pool:
        future = pool.submit(os._exit, 3)
        check('unknown status' in str(future.exception(LIMIT_SEC)), future.exception())
        check_equal((future.death.get_cause(), future.death.get_exit_status()),
                    (PPool.DeathCause.UNKNOWN, -1))
    signal.signal(signal.SIGCHLD, before)


def test_break_is_the_default():
    with PPool.ProcessPoolExecutor(1) as pool:
        error = pool.submit(die).exception(LIMIT_SEC)
        check(isinstance(error, BrokenProcessPool), error)
        check(not isinstance(error, PPool.WorkerDied), error)
        check_raises(BrokenProcessPool, pool.submit, abs, -1)
        pool.revive()
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)
    check_raises(RuntimeError, pool.revive)


def test_revive_before_the_first_call():
    with NewPool() as pool:
        pool.revive()
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)


def test_max_start_failures():
    path = get_temporary_name()
    open(path, 'x').close()
    with NewPool(initializer=fail_to_start, initargs=(path, ), max_start_failures=2) as pool:
        error = pool.submit(abs, -1).exception(LIMIT_SEC)
        check(isinstance(error, BrokenProcessPool) and 'not now' in str(error), error)
        os.unlink(path)
        pool.revive()
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)


def test_retries_in_pool():
    with NewPool() as pool:
        view = pool.options(retries=1)
        check_equal(view.submit(die_times, get_temporary_name(), 1).result(LIMIT_SEC), 2)
        error = view.submit(die_times, get_temporary_name(), 2).exception(LIMIT_SEC)
        check_death(error, 'die_times', signal.SIGSEGV)
        paths = [get_temporary_name() for _ in range(2)]
        check_equal(list(view.map(die_times, paths, [0, 1])), [1, 2])


def test_label():
    with NewPool() as pool:
        error = pool.options(label='a.png').submit(die).exception(LIMIT_SEC)
        check('a.png' in str(error), error)


def test_timeout_in_pool():
    gate = Gate()
    with NewPool() as pool:
        future = pool.options(timeout=0.05).submit(gate.hold)
        check_timeout(future.exception(LIMIT_SEC))
        check_raises(concurrent.futures.TimeoutError, future.result)
        check(future.done() and not future.cancelled())
        check_timeout(pickle.loads(pickle.dumps(future.exception())))
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)
    with NewPool(call_timeout=0.05) as pool:
        check_timeout(pool.submit(gate.hold).exception(LIMIT_SEC))
        check_equal(pool.options(timeout=math.inf).submit(get_limit).result(LIMIT_SEC) > 1e6, True)


def test_timeout_tells_where_it_was():
    with NewPool(abort_grace=0.5, call_timeout=0.05) as pool:
        error = pool.submit(Gate().hold).exception(LIMIT_SEC)
        check_timeout(error)
        check(' in hold\n' in str(error), error)
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)
    with NewExecutor(abort_grace=0.5, call_timeout=0.05) as executor:
        error = hold(executor).exception(LIMIT_SEC)
        check(' in give\n' in str(error), error)


def test_deaf_coroutine_tells_where_it_was():
    with NewExecutor(abort_grace=0.5) as executor:
        error = executor.options(timeout=0.05).submit('async-deaf').exception(LIMIT_SEC)
        check_timeout(error)
        check(' in be_deaf' in str(error), error)


def test_queue_timeout():
    gate = Gate()
    with NewPool(queue_timeout=0.01) as pool:
        held = pool.options(queue_timeout=LIMIT_SEC).submit(gate.hold, 'held')
        error = pool.submit(abs, -1).exception(LIMIT_SEC)
        check_timeout(error)
        check('never ran' in str(error), error)
        gate.open()
        check_equal(held.result(LIMIT_SEC), 'held')


def test_views_combine():
    with NewPool() as pool:
        view = pool.options(timeout=100).options(retries=1)
        check(isinstance(view, concurrent.futures.Executor))
        limit = view.submit(get_limit).result(LIMIT_SEC)
        check(90 < limit <= 100, limit)
        check_equal(view.submit(die_times, get_temporary_name(), 1).result(LIMIT_SEC), 2)
        limit = view.options(timeout=200).submit(get_limit).result(LIMIT_SEC)
        check(190 < limit <= 200, limit)
        check_equal(view.options(timeout=None).submit(get_limit).result(LIMIT_SEC), -1)
        check_equal(pool.submit(get_limit).result(LIMIT_SEC), -1)
        with view:
            pass
        check_raises(RuntimeError, pool.submit, abs, -1)


def test_view_in_asyncio():
    import asyncio

    async def run(view):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(view, die_times, get_temporary_name(), 1)

    with NewPool() as pool:
        check_equal(asyncio.run(run(pool.options(retries=1))), 2)


def test_abort_in_pool():
    gate = Gate()
    with NewPool() as pool:
        running, waiting = pool.submit(gate.hold), pool.submit(abs, -1)
        gate.wait_until_held()
        called = threading.Event()
        running.add_done_callback(lambda _: called.set())
        pool.abort(waiting)
        check(waiting.cancelled())
        pool.abort(running)
        check_equal(type(running.exception(LIMIT_SEC)), concurrent.futures.CancelledError)
        check(called.wait(LIMIT_SEC))
        check(running.done() and not running.cancelled() and not running.cancel())
        pool.abort(running)
        check_equal(pool.submit(abs, -1).result(LIMIT_SEC), 1)
        check_raises(TypeError, pool.abort, concurrent.futures.Future())


def test_abort_of_an_unwatched_future():
    """Who looks first finds out."""
    gate = Gate()
    with NewPool() as pool:
        looks = [lambda future: future.done(), lambda future: future.cancel() or True,
                 lambda future: concurrent.futures.wait([future], LIMIT_SEC).done]
        for n, look in enumerate(looks, 1):
            future = pool.submit(gate.hold)
            gate.wait_until_held(n)
            pool.abort(future)
            wait_for(functools.partial(look, future))
            check_equal(type(future.exception(LIMIT_SEC)), concurrent.futures.CancelledError)
            check(not future.cancelled())


def test_abort_asks_first():
    gate = Gate()
    with NewPool(abort_grace=LIMIT_SEC) as pool:
        future = pool.submit(wait_until_cancelled, gate)
        wait_for((gate.directory / 'begun').exists)
        pool.abort(future)
        check_equal(future.result(LIMIT_SEC), 'late')
        pid = pool.submit(os.getpid).result(LIMIT_SEC)
        check_equal(future.worker_pid, pid)


def test_cancelled_task_of_pool():
    import asyncio

    async def run(pool, gate):
        task = asyncio.get_running_loop().run_in_executor(pool, wait_until_cancelled, gate)
        while not (gate.directory / 'begun').exists():
            await asyncio.sleep(0.002)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    gate = Gate()
    with NewPool(cancel_running=True, abort_grace=LIMIT_SEC) as pool:
        asyncio.run(run(pool, gate))
        wait_for((gate.directory / 'cancelled').exists)


def test_aborted_where_it_is_awaited():
    import asyncio

    async def run(pool, gate):
        future = pool.submit(gate.hold)
        gate.wait_until_held()
        pool.abort(future)
        try:
            await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            return True

    with NewPool() as pool:
        check(asyncio.run(run(pool, Gate())))


def test_executor():
    with NewExecutor() as executor:
        future = executor.submit('die')
        error = future.exception(LIMIT_SEC)
        check_equal(type(error), PPool.WorkerDied)
        check_equal(error.death.get_exit_status(), 3)
        check_raises(PPool.WorkerDied, future.result)
        check_raises(PPool.WorkerDied, executor.call_sync, 'die')
        check_equal(executor.call_sync('echo', 1), 1)
        check_equal(executor.props.crash_policy, PPool.CrashPolicy.REPLACE)
        check_equal(executor.props.abort_grace_msec, 0)
    check_raises(GLib.Error, executor.revive)
    with NewExecutor(crash_policy=PPool.CrashPolicy.BREAK) as executor:
        error = check_raises(BrokenProcessPool, executor.call_sync, 'die')
        check(not isinstance(error, PPool.WorkerDied), error)
        executor.revive()
        check_equal(executor.call_sync('echo', 1), 1)


def hold(executor):
    """Has a function run that takes long."""
    future = executor.submit('give', '__import__("time").sleep(%d)' % LIMIT_SEC)
    wait_for(future.running)
    return future


def test_view_of_executor():
    import asyncio

    with NewExecutor(call_timeout=LIMIT_SEC) as executor:
        check_equal(executor.props.call_timeout_msec, LIMIT_SEC * 1000)
        view = executor.options(retries=1, label='x.png').options(timeout=0.05)
        check_timeout(hold(view).exception(LIMIT_SEC))
        check_timeout(check_raises(concurrent.futures.TimeoutError, view.call_sync, 'give',
                                   '__import__("time").sleep(%d)' % LIMIT_SEC))
        view = view.options(timeout=None)
        future = view.submit('die')
        check('x.png' in str(future.exception(LIMIT_SEC)), future.exception())
        check_equal(future.get_n_attempts(), 2)
        check_equal(view.call_sync('echo', [1, 2]), [1, 2])
        check_equal(asyncio.run(view.call('echo', 'a')), 'a')
        check_equal(list(view.map('echo', [1, 2, 3])), [1, 2, 3])
        error = check_raises(PPool.WorkerDied, next, executor.options(label='x.png').map(
            'give', ['__import__("os")._exit(4)']))
        check('x.png' in str(error), error)
        check_equal(future.get_call().get_label(), 'x.png')
        check('keyword' in str(check_raises(TypeError, view.submit, 'echo', value=1)))
        call = PPool.Call.new('die', None)
        check('x.png' in str(view.submit_call(call).exception(LIMIT_SEC)))
        call.set_label('y.png')
        call.set_max_retries(2)
        call = view.submit_call(call).get_call()
        check_equal((call.get_label(), call.get_max_retries()), ('y.png', 2))
        call = PPool.Call.new('echo', GLib.Variant('x', 1))
        call.set_result_type(GLib.VariantType.new('x'))
        future = view.submit_call(call)
        check_equal(future.result(LIMIT_SEC), 1)
        check_equal(future.get_call().get_result_type().dup_string(), 'x')
        check_equal(future.get_call().get_max_retries(), 1)


def test_call_async_of_view():
    loop = GLib.MainLoop.new(None, False)
    outcomes = []

    def done(source, result, extra):
        try:
            outcomes.append((source, source.call_finish(result).unpack(), extra))
        except GLib.Error as error:
            outcomes.append((source, error, extra))
        loop.quit()

    def call(view, *args):
        view.call_async(*args, done, 'extra')
        loop.run()
        source, value, extra = outcomes.pop()
        check_equal((source, extra), (view, 'extra'))
        return value

    with NewExecutor() as executor:
        view = executor.options(label='x.png')
        check_equal(call(view, 'echo', GLib.Variant('s', 'a'), None), 'a')
        check('x.png' in call(view, 'die', None, None).message)
        cancellable = Gio.Cancellable()
        GLib.idle_add(cancellable.cancel)
        error = call(view, 'give', GLib.Variant('s', '__import__("time").sleep(1)'), cancellable)
        check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), error)
    check_raises(GLib.Error, view.call_async, 'echo', None, None, done)


def test_abort_of_named_call():
    with NewExecutor() as executor:
        future = hold(executor)
        check(not future.cancel())
        future.abort()
        error = check_raises(concurrent.futures.CancelledError, future.result, LIMIT_SEC)
        check('“give” was aborted; Worker %d was killed' % future.worker_pid in str(error), error)
        check_equal(str(check_raises(concurrent.futures.CancelledError, future.exception)),
                    str(error))
        check(future.cancelled())
        check_equal(executor.call_sync('echo', 1), 1)


def test_cancelled_task_of_executor():
    import asyncio

    async def run(executor):
        future = hold(executor)
        task = asyncio.ensure_future(future)
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return future

    with NewExecutor(cancel_running=True) as executor:
        future = asyncio.run(run(executor))
        check_raises(concurrent.futures.CancelledError, future.result, LIMIT_SEC)


def test_bad_options():
    with NewPool() as pool, NewExecutor() as executor:
        for either in pool, executor, pool.options(), executor.options():
            for error, options in [
                    (TypeError, {'timeout': '5'}), (TypeError, {'timeout': True}),
                    (ValueError, {'timeout': -1}), (ValueError, {'queue_timeout': math.nan}),
                    (TypeError, {'retries': 1.5}), (TypeError, {'retries': True}),
                    (ValueError, {'retries': -1}), (ValueError, {'retries': 1 << 32}),
                    (TypeError, {'label': b'x'}), (ValueError, {'label': 'a\0'}),
                    (ValueError, {'label': '\udc80'})]:
                problem = check_raises(error, either.options, **options)
                check(str(problem).startswith(next(iter(options))), problem)
            check_raises(TypeError, either.options, 5)
            check_raises(TypeError, either.options, priority=1)
    for make in NewPool, NewExecutor:
        for error, options in [
                (ValueError, {'crash_policy': 'mend'}), (TypeError, {'crash_policy': 1}),
                (ValueError, {'max_start_failures': -1}), (TypeError, {'abort_grace': 'x'}),
                (ValueError, {'call_timeout': -1}), (TypeError, {'queue_timeout': []}),
                (TypeError, {'cancel_running': 'yes'})]:
            problem = check_raises(error, make, **options)
            check(str(problem).startswith(next(iter(options))), problem)
    check_raises(TypeError, NewExecutor, call_timeout=1, call_timeout_msec=1)


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
