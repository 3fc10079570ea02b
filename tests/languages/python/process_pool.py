# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses PPool.ProcessPoolExecutor as programs do; names of tests as arguments choose some."""

import concurrent.futures
import decimal
import functools
import itertools
import math
import multiprocessing
import multiprocessing.shared_memory
import operator
import os
import pathlib
import pickle
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

from pool_harness import (LIMIT_SEC, Gate, check, check_equal, check_raises,  # noqa: E402
                          run_tests, wait_for, wait_for_ends)

# What pickle raises depends on the object and on the version.
UNPICKLABLE = (AttributeError, TypeError, pickle.PicklingError)

initialized = None


def new_executor(max_workers=1, **kwargs):
    return PPool.ProcessPoolExecutor(max_workers, **kwargs)


def echo(value):
    return value


def describe(*args, **kwargs):
    return args, kwargs


def fail(kind, *args):
    raise kind(*args)


def fail_below():
    fail(KeyError, 'in the worker')


def kill_self(text=''):
    sys.stderr.write(text)
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def set_initialized(value):
    global initialized
    initialized = value


def get_initialized():
    return initialized


def make_unpicklable():
    return lambda: None


class NeedsTwo(Exception):
    """Can be pickled, and then not be unpickled."""

    def __init__(self, one, two):
        super().__init__(one)


class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError('never')


class NotUnpicklable:
    def __init__(self, where):
        self.where = where

    def __reduce__(self):
        return check_process, (self.where, )


def check_process(where):
    """Fails everywhere but in the process of that id."""
    if os.getpid() != where:
        raise ValueError('not here')
    return NotUnpicklable(where)


class Callable:
    def __call__(self, value):
        return value + 1

    def method(self, value):
        return value + 2


def test_submit():
    with new_executor(2) as executor:
        check(isinstance(executor, concurrent.futures.Executor))
        future = executor.submit(pow, 2, 10)
        check(isinstance(future, concurrent.futures.Future))
        check_equal(future.result(LIMIT_SEC), 1024)
        check_equal(future.result(), 1024)
        check_equal(future.exception(), None)
        check(future.done() and not future.running() and not future.cancelled())
        check_equal(executor.submit(describe, 1, fn=2, self=3).result(),
                    ((1, ), {'fn': 2, 'self': 3}))
        check_raises(TypeError, executor.submit)
        check_raises(TypeError, executor.submit, fn=echo)
        futures = [executor.submit(echo, i) for i in range(500)]
        check_equal([future.result() for future in futures], list(range(500)))


def test_callables():
    with new_executor() as executor:
        for function, wanted in ((functools.partial(pow, 2), 32), (Callable(), 6),
                                 (Callable().method, 7), ([5].__getitem__, None), (str, '5')):
            future = executor.submit(function, 5 if wanted is not None else 0)
            check_equal(future.result(), wanted if wanted is not None else 5)


def test_callables_in_c():
    """Also what knows nothing of its module, or of its name."""
    with new_executor() as executor:
        check_equal(list(executor.map(str.upper, ['a', 'b'])), ['A', 'B'])
        check_equal(list(executor.map(str.strip, [' a ', 'b '], chunksize=2)), ['a', 'b'])
        for function, args, wanted in (
                (str.upper, ('a', ), 'A'), ('a'.upper, (), 'A'), (int.__add__, (1, 2), 3),
                ((1).__add__, (2, ), 3), (dict.fromkeys, ((1, ), 2), {1: 2}), (len, ('a', ), 1),
                (functools.partial(str.upper, 'a'), (), 'A'),
                (functools.partial(functools.partial(int.__add__, 1), 2), (), 3),
                (functools.partial((1).__add__, 2), (), 3), (operator.itemgetter(1), ('ab', ), 'b'),
                (operator.methodcaller('upper'), ('a', ), 'A'), (Unnamed(), (), 'called'),
                (Reluctant(), (), 'called')):
            check_equal(executor.submit(function, *args).result(), wanted)
        check('“builtins.str.upper”' in str(get_death(str.upper, Suicide())))
        check('“builtins.str.upper”' in str(get_death(functools.partial(str.upper, Suicide()))))


class Unnamed:
    """Says of each attribute that there is one."""

    def __getattr__(self, name):
        if name.startswith('__reduce') or name in ('__getstate__', '__setstate__'):
            raise AttributeError(name)
        return self

    def __call__(self):
        return 'called'


class Reluctant:
    """Has an attribute that fails."""

    def __getattr__(self, name):
        raise ValueError('no name') if name == '__qualname__' else AttributeError(name)

    def __call__(self):
        return 'called'


class Suicide(str):
    """Kills the process in which it is unpickled."""

    def __reduce__(self):
        return kill_self, ()


def get_death(*call):
    with new_executor() as executor:
        return executor.submit(*call).exception(LIMIT_SEC)


def test_main_module():
    """Functions of the main module are found, its main part doesn't run again, and what a
    worker is told of its process is as with multiprocessing."""
    with new_executor() as executor:
        check_equal(executor.submit(get_name).result(), '__mp_main__')
        name, parent, argv, paths = executor.submit(get_process).result()
        check_equal((parent, argv, paths), (os.getpid(), sys.argv, sys.path))
        check(name != multiprocessing.current_process().name, name)


def get_name():
    return __name__


def get_process():
    return (multiprocessing.current_process().name, multiprocessing.parent_process().pid,
            sys.argv, sys.path)


def test_nested():
    """A function may have an executor of its own."""
    with new_executor() as executor:
        check_equal(executor.submit(run_nested, 3).result(), [[], [0], [0, 1]])


def run_nested(n):
    with new_executor() as executor:
        return list(executor.map(list, map(range, range(n))))


def test_arguments():
    for kwargs in ({'max_workers': 0}, {'max_workers': -1}, {'max_workers': 1 << 40},
                   {'max_tasks_per_child': 0}, {'max_tasks_per_child': -1},
                   {'max_tasks_per_child': 1,
                    'mp_context': multiprocessing.get_context('fork')}):
        check_raises(ValueError, PPool.ProcessPoolExecutor, **kwargs)
    for kwargs in ({'max_workers': 'one'}, {'initializer': 1}, {'max_tasks_per_child': 1.5},
                   {'initargs': 1}):
        check_raises(TypeError, PPool.ProcessPoolExecutor, **kwargs)
    with PPool.ProcessPoolExecutor(mp_context=multiprocessing.get_context('fork')) as executor:
        check_equal(executor.submit(abs, -1).result(), 1)


def test_map():
    with new_executor(2) as executor:
        for kwargs in ({}, {'chunksize': 3}, {'buffersize': 2}, {'chunksize': 4, 'buffersize': 1},
                       {'chunksize': 100}):
            check_equal(list(executor.map(pow, range(10), itertools.count(), **kwargs)),
                        [i ** i for i in range(10)])
        check_equal(list(executor.map(echo, [], chunksize=2)), [])
        for kwargs in ({'chunksize': 0}, {'buffersize': 0}):
            check_raises(ValueError, executor.map, echo, [], **kwargs)
        check_raises(TypeError, executor.map, echo, [], buffersize=1.5)
        results = executor.map(divmod, [4, 4, 4], [2, 0, 1])
        check_equal(next(results), (2, 0))
        check_raises(ZeroDivisionError, next, results)
        check_raises(StopIteration, next, results)
        check_raises(RuntimeError, executor.map, echo, fail_third())


def fail_third():
    yield from (1, 2)
    raise RuntimeError('no third')


def test_map_lazily():
    """With a bound, so many calls are ahead of the reader."""
    taken = []
    inputs = (taken.append(i) or i for i in itertools.count())
    with new_executor() as executor:
        results = executor.map(echo, inputs, buffersize=3, chunksize=2)
        check_equal(len(taken), 6)
        check_equal([next(results) for _ in range(2)], [0, 1])
        check_equal(len(taken), 8)
        results.close()


def test_map_timeout():
    gate = Gate()
    with new_executor() as executor:
        executor.submit(gate.hold)
        names = ['one', 'two', 'three']
        results = executor.map(gate.mark, names, timeout=0.1)
        check_raises(concurrent.futures.TimeoutError, next, results)
        gate.open()
        check_equal(executor.submit(echo, 1).result(), 1)
        check_raises(StopIteration, next, results)
    # What had not started when the time was up was cancelled.
    check(not any((gate.directory / name).exists() for name in names))


def test_exceptions():
    with new_executor() as executor:
        error = check_raises(KeyError, executor.submit(fail_below).result)
        check_equal(error.args, ('in the worker', ))
        check(type(error.__cause__) is _RemoteTraceback)
        check('fail(KeyError, \'in the worker\')' in str(error.__cause__), error.__cause__)
        for kind in (SystemExit, KeyboardInterrupt, GeneratorExit):
            error = check_raises(kind, executor.submit(fail, kind, 3).result)
            check_equal(error.args, (3, ))
        check_equal(executor.submit(echo, 1).result(), 1)


def test_unpicklable():
    """Fails the one call, and says why."""
    with new_executor() as executor:
        pid = executor.submit(os.getpid).result()
        local = threading.Lock()
        for args in ((echo, local), (lambda: 1, )):
            error = executor.submit(*args).exception()
            check(isinstance(error, UNPICKLABLE), repr(error))
            check('dump' in str(error.__cause__), error.__cause__)
        error = executor.submit(make_unpicklable).exception()
        check(isinstance(error, UNPICKLABLE), repr(error))
        check('lambda' in str(error), error)
        error = executor.submit(fail, Unpicklable, 'the reason').exception()
        check_equal(type(error), pickle.PicklingError)
        check('fail' in str(error.__cause__) and 'the reason' in str(error.__cause__),
              error.__cause__)
        check_equal(executor.submit(os.getpid).result(), pid)


def test_cannot_unpickle():
    with new_executor() as executor:
        pid = executor.submit(os.getpid).result()
        # The exception, the call, the result.
        error = executor.submit(fail, NeedsTwo, 1, 2).exception()
        check_equal(type(error), PPool.UnpicklingError)
        check('raise kind' in str(error.__cause__.__cause__), error.__cause__.__cause__)
        for future in (executor.submit(echo, NotUnpicklable(os.getpid())),
                       executor.submit(NotUnpicklable, pid)):
            error = future.exception()
            check_equal(type(error), PPool.UnpicklingError)
            check(isinstance(error, pickle.UnpicklingError))
            check(isinstance(error, BrokenProcessPool))
            check_equal(type(error.__cause__), ValueError)
            check('not here' in str(error), error)
        check_equal(executor.submit(os.getpid).result(), pid)


def test_cancel():
    """A future that is cancelled never runs, and one that says it runs can't be."""
    gate = Gate()
    with new_executor() as executor:
        running = executor.submit(gate.hold, 1)
        waiting = [executor.submit(gate.hold, i) for i in range(3)]
        check(not waiting[0].running() and not waiting[0].done())
        gate.wait_until_held()
        wait_for(running.running)
        check(not running.cancel() and not running.done())
        check('state=running' in repr(running), running)
        called = []
        waiting[1].add_done_callback(called.append)
        never = executor.submit(gate.mark, 'never')
        check(waiting[1].cancel() and waiting[1].cancel() and never.cancel())
        check_equal(called, [waiting[1]])
        check(waiting[1].cancelled() and waiting[1].done() and not waiting[1].running())
        check_raises(concurrent.futures.CancelledError, waiting[1].result)
        done, not_done = concurrent.futures.wait(waiting, 0)
        check_equal(done, {waiting[1]})
        gate.open()
        check_equal([running.result(), waiting[0].result(), waiting[2].result()], [1, 0, 2])
        check(not running.cancel())
    check(not (gate.directory / 'never').exists())


def test_wait():
    gate = Gate()
    with new_executor() as executor:
        future = executor.submit(gate.hold)
        check_raises(concurrent.futures.TimeoutError, future.result, 0)
        check_raises(concurrent.futures.TimeoutError, future.exception, 0.1)
        check_equal(concurrent.futures.wait([future], 0.01).done, set())
        other = executor.submit(echo, 2)
        gate.open()
        check_equal(list(concurrent.futures.as_completed([future, other])), [future, other])
        last = executor.submit(echo, 3)
        wait_for(last.done)
        check_equal(concurrent.futures.wait([last], 0).done, {last})
        fs = {executor.submit(echo, i) for i in range(50)}
        check_equal(concurrent.futures.wait(fs, LIMIT_SEC).done, fs)


class SlowToLookAt(concurrent.futures.Future):
    """Is done, and calls a function whenever somebody looks at it."""

    def __init__(self, function):
        self._function = function
        super().__init__()

    @property
    def _state(self):
        self._function()
        return 'FINISHED'

    @_state.setter
    def _state(self, state):
        pass


def test_done_between_looks():
    """What waits for futures looks at them twice, and a call may be done in between."""
    def finish():
        gate.open()
        check_equal(next_one.result(LIMIT_SEC), 1)

    with new_executor() as executor:
        for wait in (lambda fs: concurrent.futures.wait(fs, LIMIT_SEC).done,
                     lambda fs: set(concurrent.futures.as_completed(fs, LIMIT_SEC))):
            # Which of the two is looked at first is a matter of chance.
            for _ in range(16):
                gate = Gate()
                future = executor.submit(gate.hold)
                next_one = executor.submit(echo, 1)
                fs = {future, SlowToLookAt(finish)}
                check_equal(wait(fs), fs)


def test_timeouts():
    """Those that are too long for the system are no limit."""
    gate = Gate()
    with new_executor() as executor:
        future = executor.submit(gate.hold, 1)
        gate.wait_until_held()
        for timeout in (math.nan, decimal.Decimal('NaN')):
            for func in (future.result, future.exception):
                check('NaN' in str(check_raises(ValueError, func, timeout)))
            check_raises(ValueError, executor.map, echo, [1], timeout=timeout)
        for func in (future.result, future.exception):
            check('must be a number' in str(check_raises(TypeError, func, '5')))
            for timeout in (-1, -math.inf, 0, False, decimal.Decimal('0.001')):
                check_raises(concurrent.futures.TimeoutError, func, timeout)
        check_raises(TypeError, executor.map, echo, [1], timeout='5')
        results = []
        for timeout in LONG_TIMES:
            future = executor.submit(echo, 1)
            future.add_done_callback(
                lambda _, timeout=timeout: results.append(
                    executor.submit(echo, timeout).result(timeout)))
            threading.Thread(target=lambda timeout=timeout, future=future: results.append(
                future.result(timeout))).start()
            threading.Thread(target=lambda timeout=timeout, future=future: results.append(
                future.exception(timeout))).start()
            threading.Thread(target=lambda timeout=timeout: results.extend(
                executor.map(echo, [timeout], timeout=timeout))).start()
        gate.open()
        wait_for(lambda: len(results) == 4 * len(LONG_TIMES))
        check_equal({value for value in results if value is not None}, {1, *LONG_TIMES})


LONG_TIMES = [2147483, 2147484, 1e9, threading.TIMEOUT_MAX, threading.TIMEOUT_MAX * 2, math.inf,
              1 << 70, 1 << 2000]


def test_history():
    """A future knows which worker has had its call, and since when."""
    gate = Gate()
    with new_executor() as executor:
        pid = executor.submit(os.getpid).result()
        start = time.monotonic()
        running, waiting = executor.submit(gate.hold), executor.submit(kill_self)
        never = executor.submit(echo, 1)
        gate.wait_until_held()
        wait_for(running.running)
        check_equal((running.worker_pid, waiting.worker_pid), (pid, None))
        check(start <= running.started_time <= time.monotonic(), running.started_time)
        check_equal(waiting.started_time, None)
        check(never.cancel())
        check_equal((never.worker_pid, never.started_time), (None, None))
        before = running.started_time
        gate.open()
        running.result()
        check_equal((running.worker_pid, running.started_time), (pid, before))
        # Who has had the call that a worker died of is the worker that died.
        error = check_raises(BrokenProcessPool, waiting.result)
        check_equal(waiting.worker_pid, pid)
        check('Worker %d ' % pid in str(error), error)
        check(waiting.started_time >= before)
        late = new_executor().submit(lambda: None)
        check(late.exception() is not None and late.worker_pid is late.started_time is None)


def test_max_workers():
    """Is said to other libraries as it is."""
    check_equal(new_executor(3)._max_workers, 3)
    processors = os.sched_getaffinity(0)
    for chosen in ({min(processors)}, processors):
        os.sched_setaffinity(0, chosen)
        gate = Gate()
        with PPool.ProcessPoolExecutor() as executor:
            n = executor._max_workers
            check(1 <= n <= len(chosen), n)
            futures = [executor.submit(gate.hold) for _ in range(n + 2)]
            gate.wait_until_held(n)
            gate.open()
            concurrent.futures.wait(futures)
            check_equal(len(gate.pids()), n)


# Files of a system, and how many processors' time there is.
QUOTAS = [
    ({}, math.inf),
    ({'cgroup': '0::/a/b\n', 'mountinfo': '1 2 0:3 / /sys/fs/cgroup rw - cgroup2 none rw\n',
      'sys/fs/cgroup/a/b/cpu.max': '150000 100000\n'}, 2),
    ({'cgroup': '0::/a/b\n', 'mountinfo': '1 2 0:3 / /sys/fs/cgroup rw - cgroup2 none rw\n',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n', 'sys/fs/cgroup/a/cpu.max': '100000 100000\n',
      'sys/fs/cgroup/cpu.max': '700000 100000\n'}, 1),
    ({'cgroup': '0::/a/b\n', 'mountinfo': '1 2 0:3 /a /mnt/c\\040d rw x - cgroup2 none rw\n',
      'mnt/c d/b/cpu.max': '250000 100000'}, 3),
    ({'cgroup': '0::/../x\n', 'mountinfo': '1 2 0:3 / /c rw x - cgroup2 none rw\n',
      'c/cpu.max': '100000 100000', 'x/cpu.max': '900000 100000'}, 1),
    ({'cgroup': '3:memory:/a\n2:cpu,cpuacct:/a\n', 'mountinfo':
      '9 2 0:3 / /m rw - cgroup none rw,memory\n1 2 0:3 / /c rw - cgroup none rw,cpu,cpuacct\n',
      'c/a/cpu.cfs_quota_us': '-1\n', 'c/a/cpu.cfs_period_us': '100000\n',
      'c/cpu.cfs_quota_us': '350000\n', 'c/cpu.cfs_period_us': '100000\n'}, 4),
    ({'cgroup': 'odd\n0::/\n', 'mountinfo': 'odd\n1 2 0:3 / /c rw - cgroup2 none rw\n',
      'c/cpu.max': 'odd'}, math.inf),
]


def test_quota():
    from gi.overrides.PPool import _processors
    for files, wanted in QUOTAS:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name if '/' in name else 'proc/self/' + name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            check_equal(_processors.get_quota(pathlib.Path(folder)), wanted)


def test_callbacks():
    """Are called on a thread, in the order of their adding, and may wait for other calls."""
    called = []
    ended = threading.Event()

    def submit_more(future):
        executor.submit(time.sleep, 0.2).result(LIMIT_SEC)
        called.append(executor.submit(echo, future.result() + 1).result(LIMIT_SEC))

    def finish(future):
        called.append(future.result())
        ended.set()

    gate = Gate()
    with new_executor() as executor:
        future = executor.submit(gate.hold, 1)
        future.add_done_callback(submit_more)
        future.add_done_callback(finish)
        check_equal(called, [])
        gate.open()
        check(ended.wait(LIMIT_SEC))
        check_equal(called, [2, 1])
        future.add_done_callback(finish)
        check_equal(called, [2, 1, 1])


def test_shutdown_in_callback():
    ended = threading.Event()
    with new_executor() as executor:
        executor.submit(echo, 1).add_done_callback(
            lambda _: (executor.shutdown(wait=True), ended.set()))
        check(ended.wait(LIMIT_SEC))


def test_asyncio():
    # Not above: workers import this file.
    import asyncio

    async def run():
        loop = asyncio.get_running_loop()
        check_equal(await loop.run_in_executor(executor, echo, 5), 5)
        check_equal(await asyncio.wrap_future(executor.submit(echo, 6)), 6)
        check_equal(await asyncio.gather(*(loop.run_in_executor(executor, echo, i)
                                           for i in range(100))), list(range(100)))
        held = loop.run_in_executor(executor, gate.hold)
        waiting = loop.run_in_executor(executor, fail, KeyError)
        waiting.cancel()
        gate.open()
        await held
        try:
            await loop.run_in_executor(executor, fail, KeyError, 'no')
        except KeyError as error:
            check_equal(error.args, ('no', ))
    gate = Gate()
    with new_executor() as executor:
        asyncio.run(asyncio.wait_for(run(), LIMIT_SEC))


def test_initializer():
    lock = multiprocessing.get_context('spawn').Lock()
    queue = multiprocessing.get_context('spawn').Queue()
    with new_executor(initializer=set_initialized, initargs=((lock, queue), )) as executor:
        check_equal(executor.submit(use_initialized, 'text').result(), False)
        check_equal(queue.get(timeout=LIMIT_SEC), 'text')
        with lock:
            check_equal(executor.submit(use_initialized, 'more').result(), True)
    queue.close()


def test_connection():
    """What multiprocessing has ways for can be sent, as between its own processes."""
    here, there = multiprocessing.Pipe()
    with new_executor() as executor:
        executor.submit(send_to, there, 'text').result()
        check_equal(here.recv(), 'text')


def send_to(connection, value):
    connection.send(value)


def test_shared_memory():
    """A worker that leaves doesn't take shared memory along that the program made."""
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=10)
    try:
        with new_executor() as executor:
            check_equal(executor.submit(write_to, memory.name).result(), 10)
            # Else it would have a tracker of its own, which removes what the worker has used.
            check_equal(executor.submit(get_children).result(), '')
        check_equal(memory.buf[0], 7)
        multiprocessing.shared_memory.SharedMemory(memory.name).close()
    finally:
        memory.close()
        memory.unlink()


def get_children():
    with open('/proc/self/task/%d/children' % threading.get_native_id()) as file:
        return file.read()


def write_to(name):
    memory = multiprocessing.shared_memory.SharedMemory(name)
    memory.buf[0] = 7
    memory.close()
    return memory.size


def use_initialized(value):
    """Puts something into the queue, and tells whether the lock was taken."""
    lock, queue = initialized
    queue.put(value)
    is_free = lock.acquire(block=False)
    if is_free:
        lock.release()
    return not is_free


def test_initializer_fails():
    with new_executor(initializer=fail, initargs=(ValueError, 'not today')) as executor:
        error = check_raises(BrokenProcessPool, executor.submit(echo, 1).result)
        check('not today' in str(error) and 'fail' in str(error), error)
        error = check_raises(BrokenProcessPool, executor.submit, echo, 1)
        check('not today' in str(error), error)
    with new_executor(initializer=lambda: None) as executor:
        check_raises(UNPICKLABLE, executor.submit, echo, 1)


def test_threads():
    """Several threads use one executor, each with its own way to wait."""
    def run(i):
        futures = [executor.submit(echo, j) for j in range(50)]
        if i % 2:
            concurrent.futures.wait(futures)
        sums.append(sum(future.result() for future in futures))
    sums = []
    with new_executor(2) as executor:
        threads = [threading.Thread(target=run, args=(i, )) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_SEC)
    check_equal(sums, [sum(range(50))] * 8)


def test_one_future_for_many_threads():
    gate = Gate()
    with new_executor() as executor:
        future = executor.submit(gate.hold, 'value')
        results = []
        threads = [threading.Thread(target=lambda: results.append(future.result()))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        gate.open()
        for thread in threads:
            thread.join(LIMIT_SEC)
        check_equal(results, ['value'] * 4)
        check(all(result is results[0] for result in results))


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
