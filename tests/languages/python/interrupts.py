# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C at each point inside of the override at which the interpreter looks for signals.

interrupts.py [--all] [SCENARIO [POINT]]: without --all, at a few points of each scenario. Each
time KeyboardInterrupt must reach the program, and everything must work afterwards."""

import _thread
import asyncio
import collections
import concurrent.futures
import faulthandler
import os
import pathlib
import random
import sys
import threading
import time
import traceback

from support import C_WORKER, LIMIT, check, check_equal, wait_until
from gi.repository import PPool

FOLDER = os.path.join('gi', 'overrides', 'PPool')
# How many points there are of each scenario unless it is to be all of them.
N_CHOSEN = 4

# An item that is missing is a Ctrl-C, for which the interpreter looks after the next call: not
# in front of that, and not in a function which has nothing more to call.
_ctrl_c = collections.defaultdict(_thread.interrupt_main)


class Interrupt:
    """A profiler that has Ctrl-C come at one of the points: where a function begins, or one of C
    has returned."""

    def __init__(self, point):
        self.point = point
        self.n_points = 0
        self.where = None

    def __call__(self, frame, event, arg):
        code = frame.f_code
        if event not in ('call', 'c_return') or FOLDER not in code.co_filename:
            return
        self.n_points += 1
        if self.n_points == self.point:
            self.where = '%s of %s:%d, %s()' % (event, os.path.basename(code.co_filename),
                                                frame.f_lineno, code.co_name)
            # It would be called in between, and get the exception.
            sys.setprofile(None)
            _ctrl_c.clear()
            _ctrl_c[0]


class Named:
    """Workers with named functions."""

    new = staticmethod(lambda: PPool.Executor(C_WORKER, 1))
    echo = 'echo'
    wait = staticmethod(PPool.wait_futures)
    as_completed = staticmethod(PPool.as_completed)
    to_awaitable = staticmethod(lambda future: future)


class Pickled:
    """ProcessPoolExecutor."""

    new = staticmethod(lambda: PPool.ProcessPoolExecutor(1))
    echo = abs
    wait = staticmethod(concurrent.futures.wait)
    as_completed = staticmethod(concurrent.futures.as_completed)
    to_awaitable = staticmethod(lambda future: asyncio.wrap_future(future))


class Scenario:
    """What is interrupted in run(), and how one sees in check() that nothing is lost."""

    def __init__(self, kind):
        self.kind = kind
        self.executor = kind.new()
        self.submit(0).result(LIMIT)

    def submit(self, value):
        return self.executor.submit(self.kind.echo, value)

    def prepare(self):
        self.futures = []

    def check(self):
        for value, future in enumerate(self.futures):
            check_equal(future.result(LIMIT), value)

    def end(self):
        self.executor.shutdown()


class Submit(Scenario):
    def run(self):
        self.futures.append(self.submit(0))
        self.futures[0].result()


class Result(Scenario):
    def prepare(self):
        self.futures = [self.submit(0)]

    def run(self):
        self.futures[0].result(LIMIT)
        self.futures[0].exception()


class Callback(Scenario):
    def prepare(self):
        self.futures = [self.submit(0)]
        self.called = []
        self.n_asked = 0

    def run(self):
        for self.n_asked in range(1, 4):
            self.futures[0].add_done_callback(self.called.append)
        self.n_asked = 4
        self.futures[0].result()

    def check(self):
        """Those that were asked for come, and each once."""
        super().check()
        wait_until(lambda: len(self.called) >= self.n_asked - 1)
        self.submit(0).result(LIMIT)
        check(len(self.called) <= self.n_asked, self.called, self.n_asked)


class Cancel(Scenario):
    """Of a call that a worker has or has not begun."""

    def prepare(self):
        self.futures = [self.submit(0) for _ in range(3)]
        self.called = []
        for future in self.futures:
            future.add_done_callback(self.called.append)

    def run(self):
        for future in reversed(self.futures):
            future.cancel()

    def check(self):
        wait_until(lambda: len(self.called) >= 3)
        check_equal(set(map(id, self.called)), set(map(id, self.futures)))
        check(all(future.done() for future in self.futures))


class Wait(Scenario):
    def prepare(self):
        self.futures = [self.submit(i) for i in range(3)]

    def run(self):
        self.kind.wait(self.futures[:1], timeout=LIMIT)
        self.kind.wait(self.futures)


class AsCompleted(Wait):
    def run(self):
        for future in self.kind.as_completed(self.futures):
            future.result()


class Map(Scenario):
    def prepare(self):
        super().prepare()
        self.values = []

    def run(self):
        for value in self.executor.map(self.kind.echo, range(5)):
            self.values.append(value)

    def check(self):
        check_equal(self.values, list(range(len(self.values))))


class Await(Scenario):
    def __init__(self, kind):
        super().__init__(kind)
        self.loop = asyncio.new_event_loop()

    def prepare(self):
        super().prepare()
        self.task = None

    async def work(self):
        for i in range(2):
            self.futures.append(self.submit(i))
            await self.kind.to_awaitable(self.futures[i])

    def run(self):
        self.task = self.loop.create_task(self.work())
        self.loop.run_until_complete(self.task)

    def check(self):
        """If it was not the task that was interrupted, it goes on. With callbacks of asyncio
        itself, which then may have been, it may not."""
        super().check()
        # What stopped the loop may come once more.
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        if self.task is not None:
            if self.kind is Pickled:
                self.task.cancel()
            self.loop.run_until_complete(asyncio.wait([self.task], timeout=LIMIT))
            check(self.task.done(), 'it waits for ever')
            check(self.task.cancelled() or type(self.task.exception()) in (type(None),
                                                                           KeyboardInterrupt))

    def end(self):
        super().end()
        self.loop.close()


class AwaitOperations(Await):
    """What only executors of named functions have."""

    async def work(self):
        async for _ in self.executor.map('echo', range(2)):
            pass
        async for _ in PPool.as_completed([self.submit(i) for i in range(2)]):
            pass


class Start(Scenario):
    def __init__(self, kind):
        super().__init__(kind)
        self.other = None

    def run(self):
        self.other = self.kind.new()
        self.other.submit(self.kind.echo, 1).result()
        self.other.shutdown()

    def check(self):
        if self.other is not None:
            self.other.shutdown()
            self.other = None


class Shutdown(Scenario):
    def prepare(self):
        super().prepare()
        self.other = self.kind.new()
        self.future = self.other.submit(self.kind.echo, 1)

    def run(self):
        self.other.shutdown()

    def check(self):
        self.other.shutdown()
        check_equal(self.future.result(LIMIT), 1)


SCENARIOS = {'%s/%s' % (kind.__name__.lower(), scenario.__name__.lower()): (scenario, kind)
             for kind in (Named, Pickled)
             for scenario in (Submit, Result, Callback, Cancel, Wait, AsCompleted, Map, Await,
                              AwaitOperations, Start, Shutdown)
             if (scenario, kind) not in ((Cancel, Named), (AwaitOperations, Pickled))}


def in_thread(function):
    """Runs it in another thread, which finds locked what this one would not."""
    problems = []

    def run():
        try:
            function()
        except BaseException:
            problems.append(traceback.format_exc())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT)
    check(not thread.is_alive(), 'it waits for ever')
    check(not problems, *problems)


def interrupt(scenario, point):
    """Returns whether there was such a point, and how many there are."""
    scenario.prepare()
    profiler = Interrupt(point)
    was_raised = False
    try:
        sys.setprofile(profiler)
        scenario.run()
        # After which it is looked for signals once more.
        sys.setprofile(None)
    except KeyboardInterrupt:
        was_raised = True
    finally:
        sys.setprofile(None)
    try:
        check_equal(was_raised, profiler.where is not None)
        if not isinstance(scenario, Await):
            in_thread(scenario.check)
        scenario.check()
        called = []
        future = scenario.submit(1)
        future.add_done_callback(called.append)
        check_equal(future.result(LIMIT), 1)
        wait_until(lambda: called)
    except BaseException:
        print('# at point', point, profiler.where)
        raise
    return profiler.where is not None, profiler.n_points


def get_children():
    """The processes that this one has started and that are there, or not waited for."""
    children = []
    for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            if int(path.read_text().rpartition(')')[2].split()[1]) == os.getpid():
                children.append(path.parent.name)
        except OSError:
            pass
    return children


def choose(scenario, is_all):
    """Yields points, as many as there are if it is to be all. How many there are is not the same
    each time, but there is a first."""
    point = 0
    if is_all:
        while True:
            yield (point := point + 1)
    n_points = interrupt(scenario, 0)[1]
    step = max(n_points // N_CHOSEN, 1)
    yield from sorted({1, *range(random.randint(1, step), n_points + 1, step)})


def run(name, points):
    scenario, kind = SCENARIOS[name]
    scenario = scenario(kind)
    n_points = 0
    for point in points or choose(scenario, '--all' in sys.argv):
        if not interrupt(scenario, point)[0]:
            break
        n_points += 1
    scenario.end()
    wait_until(lambda: not get_children())
    check(n_points > 0 or points, 'there was no point')
    return n_points


def main():
    chosen = [arg for arg in sys.argv[1:] if not arg.startswith('--')]
    names = chosen[:1] or list(SCENARIOS)
    n_failed = 0
    print('1..%d' % len(names))
    for number, name in enumerate(names, 1):
        faulthandler.dump_traceback_later(3 * LIMIT if '--all' not in sys.argv else 600, exit=True)
        problem = None
        start = time.monotonic()
        try:
            n_points = run(name, list(map(int, chosen[1:])))
            print('# %d points in %.1f s' % (n_points, time.monotonic() - start))
        except BaseException:
            problem = traceback.format_exc()
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d %s' % ('not ok' if problem else 'ok', number, name), flush=True)
    faulthandler.cancel_dump_traceback_later()
    sys.exit(1 if n_failed else 0)


# Workers import it, too.
if __name__ == '__main__':
    main()
