# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Garbage collection in the middle of calls, and objects that are dropped there."""

import asyncio
import gc
import itertools
import weakref

from support import (Gate, check, check_equal, check_no_growth, main, new_executor, turn_until,
                     wait_until)
from gi.overrides.PPool import _asyncio, _native
from gi.repository import GLib, PPool


def is_gone(make):
    """Whether what make() gives is freed when it is dropped, without a collection."""
    gc.disable()
    try:
        reference = weakref.ref(make())
        return reference() is None
    finally:
        gc.enable()


def test_dropped_future(executor):
    with Gate(executor) as gate:
        check(is_gone(lambda: executor.submit('echo', 1)))
        dropped = [executor.submit('echo', i) for i in range(100)]
        del dropped
        gc.collect()
    check_equal(executor.call_sync('echo', 1), 1)
    check_equal(gate.future.result(), '')


def test_dropped_executor(executor):
    """Its calls are done all the same."""
    other = new_executor()
    future = other.submit('echo', 1)
    called = []
    other.submit('echo', 2).add_done_callback(lambda future: called.append(future.result()))
    reference = weakref.ref(other)
    del other
    check(reference() is None)
    check_equal(future.result(), 1)
    wait_until(lambda: called == [2])


def test_dropped_map(executor):
    """Nothing more is drawn, and the iterable is let go of."""
    class Inputs:
        def __iter__(self):
            return iter(range(1000000))

    def read_one():
        inputs.append(Inputs())
        values = executor.map('echo', inputs.pop())
        check_equal(next(values), 0)
        return values

    inputs = []
    check(is_gone(read_one))
    check_equal(executor.call_sync('echo', 1), 1)

    finished = []

    def draw():
        try:
            yield from itertools.count()
        finally:
            finished.append(True)

    values = executor.map('echo', draw())
    next(values)
    del values
    check_equal(finished, [True])


def count_waiting():
    """What waits to be called, in C and in asyncio loops."""
    gc.collect()
    return len(_native._waiting) + sum(len(bridge._functions)
                                       for bridge in _asyncio._bridges.values()
                                       if isinstance(bridge, _asyncio._Bridge))


def test_dropped_coroutine(executor):
    """One that is closed while it waits leaves nothing that waits."""
    async def call():
        await executor.call('echo', 1)

    async def read():
        async for value in executor.map('echo', itertools.count()):
            pass

    async def drop():
        with Gate(executor):
            before = count_waiting()
            for coroutine in [call() for _ in range(5)] + [read() for _ in range(5)]:
                coroutine.send(None)
                check(count_waiting() > before)
                coroutine.close()
                check_equal(count_waiting(), before)
        check_equal(await executor.call('echo', 2), 2)

    asyncio.run(drop())
    PPool.run(drop())
    check_equal(count_waiting(), 0)


def test_dropped_loop(executor):
    """An asyncio loop that ends while calls are awaited."""
    async def work():
        task = asyncio.ensure_future(executor.call('echo', 1))
        asyncio.ensure_future(anext(executor.map('echo', [1])))
        await asyncio.sleep(0)
        del task

    with Gate(executor):
        for _ in range(3):
            asyncio.run(work())
            gc.collect()
    check_equal(executor.call_sync('echo', 1), 1)


def test_collect_in_callbacks(executor):
    called = []

    def callback(future):
        gc.collect()
        called.append(future.result())
        del future
        gc.collect()

    def inputs():
        for i in range(50):
            gc.collect()
            yield [i]

    for i in range(50):
        executor.submit('echo', i).add_done_callback(callback)
        executor.submit('echo', i).add_done_callback(callback, context=GLib.MainContext.default())
    turn_until(lambda: len(called) == 100)
    check_equal(sorted(called), sorted(list(range(50)) * 2))
    check_equal(list(executor.map('echo', inputs())), [[i] for i in range(50)])


def test_collect_while_awaiting(executor):
    async def collect():
        while True:
            gc.collect()
            await asyncio.sleep(0)

    async def work():
        collector = asyncio.create_task(collect())
        check_equal(await asyncio.gather(*[executor.call('echo', [i]) for i in range(60)]),
                    [[i] for i in range(60)])
        check_equal([value async for value in executor.map('echo', range(40))], list(range(40)))
        collector.cancel()

    gc.set_threshold(1)
    try:
        asyncio.run(work())
        PPool.run(work())
    finally:
        gc.set_threshold(700, 10, 10)


def test_endless_map(executor):
    """Memory stays as it is, however long a map is read."""
    values = executor.map('echo', itertools.cycle(range(100)))

    def read():
        for _ in itertools.islice(values, 2500):
            pass
    check_no_growth(read, rounds=4)


def test_large_values(executor):
    """Arguments and results are let go of."""
    data = bytes(1 << 20)

    def run():
        for _ in range(20):
            check(executor.call_sync('echo', data) == data)
            check_equal(len(executor.call_sync('echo', [data] * 2)), 2)
    check_no_growth(run, size_limit=4 << 20)


def test_executors(executor):
    def run():
        for _ in range(5):
            with new_executor() as other:
                other.submit('echo', 1).add_done_callback(lambda future: None)
                list(other.map('echo', range(20)))
    check_no_growth(run, rounds=4)


main(globals())
