# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Awaiting: each test runs under plain asyncio, where no GLib loop turns, and under a
GLib main loop."""

import asyncio
import concurrent.futures
import functools
import gc
import itertools
import os
import socket
import sys
import threading
import time
import warnings
import weakref

from support import (LIMIT, Gate, check, check_equal, check_no_growth, check_raises, main,
                     new_executor, turn_until, wait_until)
from gi.repository import Gio, GLib, PPool


def in_both_loops(test):
    @functools.wraps(test)
    def run(executor):
        asyncio.run(test(executor))
        with new_executor() as other:
            PPool.run(test(other))
        with new_executor() as other, concurrent.futures.ThreadPoolExecutor() as threads:
            threads.submit(lambda: asyncio.run(test(other))).result()
    return run


async def check_raises_awaited(kind, awaitable):
    try:
        value = await awaitable
    except kind as error:
        return error
    raise AssertionError('got %r instead of a %s' % (value, kind.__name__))


@in_both_loops
async def test_await(executor):
    check_equal(await executor.call('echo', 1, 'a'), (1, 'a'))
    future = executor.submit('echo', 2)
    check_equal((await future, await future, future.result()), (2, 2, 2))
    check_equal(await asyncio.gather(*[executor.call('echo', i) for i in range(100)]),
                list(range(100)))
    check_equal(await asyncio.gather(*[executor.submit('echo', i) for i in range(100)]),
                list(range(100)))


@in_both_loops
async def test_loop_goes_on(executor):
    """What else runs in the loop does so while a call is awaited."""
    with Gate(executor) as gate:
        task = asyncio.create_task(executor.call('echo', 1))
        for _ in range(3):
            await asyncio.sleep(0.01)
        check(not task.done())
        await check_raises_awaited(asyncio.TimeoutError, asyncio.wait_for(task, 0.02))
    check_equal(await gate.future, '')


@in_both_loops
async def test_error(executor):
    args = GLib.Variant('(sis)', ('g-io-error-quark', int(Gio.IOErrorEnum.BUSY), 'busy'))
    error = await check_raises_awaited(GLib.Error, executor.call('fail', args))
    check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY), error)
    await check_raises_awaited(TypeError, executor.call('echo', object()))
    death = executor.call('die', GLib.Variant('(is)', (9, '')))
    await check_raises_awaited(concurrent.futures.BrokenExecutor, death)
    await check_raises_awaited(concurrent.futures.BrokenExecutor, executor.call('echo'))


@in_both_loops
async def test_cancel_task(executor):
    """Cancelling who awaits cancels the call, if no worker has taken it."""
    with Gate(executor) as gate:
        future = executor.submit('echo', 1)

        async def wait():
            return await future
        for awaitable in (future, wait(), executor.call('echo', 2)):
            task = asyncio.ensure_future(awaitable)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await check_raises_awaited(asyncio.CancelledError, task)
            check(task.cancelled())
        check(future.cancelled())
        check_equal(executor.get_n_pending(), 0)
        shielded = executor.submit('echo', 3)
        await check_raises_awaited(asyncio.TimeoutError,
                                   asyncio.wait_for(asyncio.shield(shielded), 0.01))
        check(not shielded.done())
        running = asyncio.ensure_future(gate.future)
        await asyncio.sleep(0)
        running.cancel()
        await check_raises_awaited(asyncio.CancelledError, running)
        check(not gate.future.done())
    check_equal((await gate.future, await shielded), ('', 3))


@in_both_loops
async def test_cancelled_call(executor):
    with Gate(executor):
        future = executor.submit('echo', 1)
        task = asyncio.ensure_future(future)
        await asyncio.sleep(0)
        future.cancel()
        await check_raises_awaited(asyncio.CancelledError, task)
        await check_raises_awaited(asyncio.CancelledError, future)


@in_both_loops
async def test_shutdown(executor):
    """Without blocking, until all is done."""
    with Gate(executor) as gate:
        pending = executor.submit('echo', 1)
        task = asyncio.create_task(executor.shutdown_async(cancel_futures=True))
        await check_raises_awaited(asyncio.CancelledError, pending)
        check(not task.done())
    check(await task is None)
    check_equal((gate.future.result(0), executor.get_n_workers()), ('', 0))
    other = new_executor()
    pending = other.submit('echo', 1)
    await other.shutdown_async()
    await other.shutdown_async()
    check_equal(pending.result(0), 1)


@in_both_loops
async def test_asyncio_wait(executor):
    """Takes tasks, also of futures; and futures where it makes tasks of them itself."""
    futures = [executor.submit('echo', i) for i in range(3)]
    done, pending = await asyncio.wait(map(asyncio.ensure_future, futures), timeout=LIMIT)
    check_equal((sorted(task.result() for task in done), pending), ([0, 1, 2], set()))
    if sys.version_info >= (3, 11):
        error = await check_raises_awaited(TypeError, asyncio.wait(futures))
        check('asyncio.ensure_future' in str(error), error)


@in_both_loops
async def test_map(executor):
    check_equal([value async for value in executor.map('echo', range(500))], list(range(500)))
    threads = set()

    def inputs():
        for i in itertools.count():
            threads.add(threading.current_thread())
            yield i

    async with executor.map('echo', inputs(), buffersize=5) as values:
        async for value in values:
            if value == 100:
                break
    check_equal(threads, {threading.current_thread()})
    check_equal([value async for value in values], [])
    values = executor.map('step', [1, -1, 2])
    check_equal(await anext(values), 1)
    await check_raises_awaited(GLib.Error, anext(values))
    await check_raises_awaited(StopAsyncIteration, anext(values))
    values = executor.map('echo', itertools.repeat(object()))
    await check_raises_awaited(TypeError, anext(values))


@in_both_loops
async def test_map_cancelled(executor):
    """A read that is cancelled loses nothing."""
    with Gate(executor) as gate:
        values = executor.map('echo', range(20))
        await check_raises_awaited(asyncio.TimeoutError, asyncio.wait_for(anext(values), 0.02))
    got = []
    while len(got) < 20:
        task = asyncio.ensure_future(anext(values))
        for _ in range(len(got) % 4):
            await asyncio.sleep(0)
        task.cancel()
        try:
            got.append(await task)
        except asyncio.CancelledError:
            await asyncio.sleep(0.002)
            got.append(await anext(values))
    check_equal(got, list(range(20)))
    check_equal(await gate.future, '')


@in_both_loops
async def test_map_timeout(executor):
    with Gate(executor):
        values = executor.map('echo', itertools.count(), timeout=0.05)
        await check_raises_awaited(concurrent.futures.TimeoutError, anext(values))
        await check_raises_awaited(StopAsyncIteration, anext(values))
        values = executor.map('echo', itertools.count())
        task = asyncio.ensure_future(anext(values))
        await asyncio.sleep(0.01)
        values.close()
        await check_raises_awaited(StopAsyncIteration, task)


@in_both_loops
async def test_as_completed(executor):
    with Gate(executor) as gate:
        first = executor.submit('echo')
        first.cancel()
        completed = PPool.as_completed([gate.future, first])
        check(await anext(completed) is first)
        await check_raises_awaited(concurrent.futures.TimeoutError,
                                   anext(PPool.as_completed([gate.future], timeout=0.02)))
        await check_raises_awaited(asyncio.TimeoutError, asyncio.wait_for(anext(completed), 0.02))
    check_equal([future async for future in completed], [gate.future])


@in_both_loops
async def test_async_with(executor):
    async with new_executor(max_workers=2) as other:
        future = other.submit('echo', 1)
        turned = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turned.set_result, None)
    check_equal((turned.done(), future.done(), other.get_n_workers()), (True, True, 0))


@in_both_loops
async def test_run_in_coroutine(executor):
    check_raises(RuntimeError, PPool.run, executor.call('echo'))


def test_run_is_left(executor):
    """What is to end a program leaves run() as it leaves asyncio.run(), from whatever task
    it comes; and the loop turns on after that."""
    async def fail(kind):
        raise kind(3)

    async def fail_in_task(kind):
        task = asyncio.create_task(fail(kind))
        try:
            await asyncio.sleep(LIMIT)
        finally:
            check_equal(type(task.exception()), kind)

    async def fail_in_callback(kind):
        asyncio.get_running_loop().call_soon(lambda: fail(kind).send(None))
        await asyncio.sleep(LIMIT)

    for run in (asyncio.run, PPool.run):
        for kind in (SystemExit, KeyboardInterrupt):
            for main_function in (fail, fail_in_task, fail_in_callback):
                check_equal(check_raises(kind, run, main_function(kind)).args, (3, ))
                check_equal(run(executor.call('echo', 1)), 1)


def test_main_loop_turns(executor):
    """Sources of the main loop are dispatched while a coroutine is awaited, and the
    coroutine goes on when nothing but the main loop turns."""
    called = []

    async def work():
        first = await executor.call('echo', 1)
        await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(b'x')
        check_equal(await reader.read(1), b'y')
        writer.close()
        return first, await executor.call('echo', 2)

    ours, theirs = socket.socketpair()
    with theirs:
        GLib.timeout_add(1, lambda: called.append(1) or len(called) < 5)
        theirs.send(b'y')
        task = PPool.create_task(work())
        check(not task.done())
        turn_until(lambda: task.done() and len(called) == 5)
        check_equal(task.result(), (1, 2))
        check_equal(theirs.recv(1), b'x')


def test_own_context(executor):
    """Each thread with a main context of its own has a loop of its own."""
    def run():
        context = GLib.MainContext.new()
        context.push_thread_default()
        try:
            return [PPool.run(executor.call('echo', i)) for i in range(3)]
        finally:
            context.pop_thread_default()

    with concurrent.futures.ThreadPoolExecutor() as threads:
        check_equal(threads.submit(run).result(), [0, 1, 2])
        n_descriptors = len(os.listdir('/proc/self/fd'))
        for _ in range(20):
            check_equal(threads.submit(run).result(), [0, 1, 2])
        gc.collect()
        check(len(os.listdir('/proc/self/fd')) < n_descriptors + 20)


def test_task_is_kept(executor):
    """Nobody has to hold a task, and its loop costs nothing while it waits."""
    results = []

    async def work():
        results.append(await executor.call('echo', 1))

    with Gate(executor):
        PPool.create_task(work())
        gc.collect()
        turns, end = 0, time.monotonic() + 0.2
        while time.monotonic() < end:
            GLib.timeout_add(50, lambda: GLib.SOURCE_REMOVE)
            GLib.MainContext.default().iteration(True)
            turns += 1
        check(turns < 100, turns)
    turn_until(lambda: results)

    async def wait_for_nothing():
        results.append('waits')
        await asyncio.get_running_loop().create_future()

    task = weakref.ref(PPool.create_task(wait_for_nothing()))
    turn_until(lambda: results[-1] == 'waits')
    gc.collect()
    check(task() is not None)
    task().cancel()
    turn_until(lambda: task() is None)


def test_timer_order(executor):
    """Timers of asyncio under a main loop: in time, in order, also when one is made by
    another or taken back."""
    async def work():
        loop, order = asyncio.get_running_loop(), []
        loop.call_later(0.03, order.append, 3)
        loop.call_later(0.01, lambda: loop.call_later(0.01, order.append, 2))
        loop.call_later(0.001, order.append, 1)
        loop.call_later(0.002, order.append, 'never').cancel()
        begin = time.monotonic()
        await asyncio.sleep(0.05)
        check(0.05 <= time.monotonic() - begin < LIMIT)
        await asyncio.to_thread(time.sleep, 0.001)
        return order
    check_equal(PPool.run(work()), [1, 2, 3])


def test_many_awaited(executor):
    rounds = 4
    n = int(os.environ.get('PPOOL_TEST_CALLS', 4000)) // rounds

    async def work():
        for i in range(n):
            await executor.call('echo', i)

    async def work_at_once():
        await asyncio.gather(*[executor.call('echo', i) for i in range(n)])

    for run in (asyncio.run, PPool.run):
        for coroutine in (work, work_at_once):
            check_no_growth(lambda: run(coroutine()), rounds=rounds)


def test_no_growth_of_others(executor):
    """Maps, iterators, cancelled tasks, errors and callbacks leave nothing either."""
    async def work():
        async for value in executor.map('echo', range(200)):
            pass
        async for future in PPool.as_completed([executor.submit('echo') for _ in range(50)]):
            pass
        await asyncio.gather(*[executor.call('no-such-function') for _ in range(50)],
                             return_exceptions=True)
        tasks = [asyncio.ensure_future(executor.call('echo')) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def run():
        asyncio.run(work())
        PPool.run(work())
        called = []
        for _ in range(100):
            executor.submit('echo').add_done_callback(called.append)
            check_raises(GLib.Error, executor.call_sync, 'no-such-function')
        wait_until(lambda: len(called) == 100)
    check_no_growth(run, rounds=10)


warnings.simplefilter('error', ResourceWarning)
sys.unraisablehook = lambda problem: sys.exit('not ok: %r' % (problem, ))
main(globals())
