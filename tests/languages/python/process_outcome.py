# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outcomes of PPool.ProcessPoolExecutor that are hard to have: exceptions and values that
unpickle badly, or are interrupted meanwhile. Names of tests as arguments choose some."""

import asyncio
import concurrent.futures
import dataclasses
import functools
import os
import pickle
import signal
import sys
import threading
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

from pool_harness import (LIMIT_SEC, Gate, check, check_equal, check_raises,  # noqa: E402
                          run_tests, wait_for)


class BecomesStr(Exception):
    def __reduce__(self):
        return str, ('x', )


class BecomesNone(Exception):
    def __reduce__(self):
        return dict.get, ({}, 1)


class BecomesType(Exception):
    def __reduce__(self):
        return type, (1, )


class StickyCause(Exception):
    """Refuses to have a cause."""

    @property
    def __cause__(self):
        return None


class NoAttributes(Exception):
    def __setattr__(self, name, value):
        raise AttributeError(name)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class FrozenWithField(Exception):
    field: int = 5


class Mute(Exception):
    def __str__(self):
        raise RuntimeError('no text')


class MuteForGood(Exception):
    """Has no text, and says so by what is no Exception."""

    def __str__(self):
        raise SystemExit(3)


class Unready(Exception):
    """Raises another exception when it is unpickled, which has no text."""

    def __reduce__(self):
        return fail, (MuteForGood, )


class Empty(Exception):
    """Is false."""

    def __len__(self):
        return 0


class Exits(Exception):
    """Raises what is no Exception when it is unpickled."""

    def __reduce__(self):
        return fail, (GeneratorExit, 'from afar')


class NoTraceback(Exception):
    @property
    def __traceback__(self):
        raise RuntimeError('no traceback')


class NoCause(Exception):
    """Even Python can't print it."""

    @property
    def __cause__(self):
        raise SystemExit(4)


class UnpicklableMute(Exception):
    def __reduce__(self):
        raise MuteForGood()


# What the future has: the same type, or what comes in its place, with a part of its text.
EXCEPTIONS = [
    (BecomesStr, PPool.UnpicklingError, 'a value of the type str'),
    (BecomesNone, PPool.UnpicklingError, 'became None'),
    (BecomesType, PPool.UnpicklingError, 'a value of the type type'),
    (StickyCause, StickyCause, 'why'),
    (NoAttributes, NoAttributes, 'why'),
    (Frozen, Frozen, ''),
    (FrozenWithField, PPool.UnpicklingError, 'FrozenInstanceError'),
    (Mute, Mute, None),
    (MuteForGood, MuteForGood, None),
    (Unready, PPool.UnpicklingError, 'MuteForGood'),
    (Empty, Empty, 'why'),
    (NoTraceback, NoTraceback, 'why'),
    (NoCause, NoCause, 'why'),
    (UnpicklableMute, pickle.PicklingError, 'UnpicklableMute can\'t be pickled'),
]


def fail(kind, *args):
    raise kind(*args)


def fail_with(kind):
    raise kind() if dataclasses.is_dataclass(kind) else kind('why')


class Value:
    """Calls something where it is unpickled, which is not in its worker."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def make(function, *args):
    return Value(function, *args)


def new_executor(max_workers=1, **kwargs):
    return PPool.ProcessPoolExecutor(max_workers, **kwargs)


def check_outcome(error, kind, text):
    check_equal(type(error), kind)
    if text is not None:
        check(text in str(error), error)


def test_exceptions_that_unpickle_badly():
    """Whatever becomes of an exception, its future is done, for the first who asks and for
    all others."""
    with new_executor() as executor:
        pid = executor.submit(os.getpid).result()
        for raised, kind, text in EXCEPTIONS:
            future = executor.submit(fail_with, raised)
            for _ in range(2):
                check_outcome(check_raises(kind, future.result, LIMIT_SEC), kind, text)
                check_outcome(future.exception(LIMIT_SEC), kind, text)
            check_outcome(check_raises(kind, next, executor.map(fail_with, [raised],
                                                                timeout=LIMIT_SEC)), kind, text)
        check_equal(executor.submit(os.getpid).result(), pid)


def test_remote_traceback():
    """Is there, whatever the exception thinks of it."""
    get_cause = BaseException.__cause__.__get__
    with new_executor() as executor:
        for kind in (StickyCause, NoAttributes, Frozen, Mute, Empty):
            error = executor.submit(fail_with, kind).exception(LIMIT_SEC)
            check_equal(type(get_cause(error)), _RemoteTraceback)
            check('in fail_with' in str(get_cause(error)), kind)
        for kind in (BecomesStr, FrozenWithField, Unready):
            error = executor.submit(fail_with, kind).exception(LIMIT_SEC)
            check('in fail_with' in str(error.__cause__.__cause__), kind)
        error = executor.submit(fail_with, UnpicklableMute).exception(LIMIT_SEC)
        check('in fail_with' in str(error.__cause__), error.__cause__)


def test_all_ways_to_wait():
    async def run(future):
        return await asyncio.wait_for(asyncio.wrap_future(future), LIMIT_SEC)

    def check_all(call, kind):
        done, not_done = concurrent.futures.wait([executor.submit(*call)], LIMIT_SEC)
        check(not not_done)
        check_equal(type(done.pop().exception(LIMIT_SEC)), kind)
        for future in concurrent.futures.as_completed([executor.submit(*call)], LIMIT_SEC):
            check_equal(type(future.exception(LIMIT_SEC)), kind)
        check_raises(kind, asyncio.run, run(executor.submit(*call)))
        called = threading.Event()
        executor.submit(*call).add_done_callback(lambda _: called.set())
        check(called.wait(LIMIT_SEC))
        future = executor.submit(*call)
        wait_for(future.done)
        check_equal(type(future.exception(0)), kind)
        check('raised ' + kind.__name__ in repr(future), future)
        first = concurrent.futures.wait([executor.submit(*call)], LIMIT_SEC,
                                        concurrent.futures.FIRST_EXCEPTION)
        check_equal(len(first.done), 1)

    with new_executor() as executor:
        for raised in (BecomesStr, StickyCause, Frozen, Unready, MuteForGood):
            check_all((fail_with, raised), next(kind for one, kind, _ in EXCEPTIONS
                                                if one is raised))
        for call in ((make, fail, Mute), (make, fail, MuteForGood),
                     (make, fail, StickyCause, 'x'), (make, fail, Frozen)):
            check_all(call, PPool.UnpicklingError)


def test_values_that_unpickle_badly():
    """Whatever is raised there, and be it what would end the program, is the reason why there is
    no value."""
    with new_executor() as executor:
        for kind in (Mute, MuteForGood, StickyCause, Frozen):
            error = executor.submit(make, fail, kind).exception(LIMIT_SEC)
            check_equal((type(error), type(error.__cause__)), (PPool.UnpicklingError, kind))
            check(kind.__name__ in str(error), error)
        for kind, function, args in (
                (GeneratorExit, make, (fail, GeneratorExit, 'from afar')),
                (GeneratorExit, fail_with, (Exits, )),
                (SystemExit, make, (sys.exit, 7)),
                (SystemExit, make, (fail, SystemExit, 7)),
                (BaseException, make, (fail, BaseException, 'from afar')),
                (KeyboardInterrupt, make, (fail, KeyboardInterrupt))):
            future = executor.submit(function, *args)
            check_raises(PPool.UnpicklingError, future.result, LIMIT_SEC)
            error = future.exception(LIMIT_SEC)
            check_equal((type(error), type(error.__cause__)), (PPool.UnpicklingError, kind))
        check_equal(executor.submit(pow, 2, 3).result(LIMIT_SEC), 8)


def test_initializer():
    for kind in (BecomesStr, Frozen, Mute, MuteForGood, NoCause, NoAttributes):
        with new_executor(initializer=fail_with, initargs=(kind, )) as executor:
            error = check_raises(BrokenProcessPool, executor.submit(abs, 1).result, LIMIT_SEC)
            check(kind.__name__ in str(error), error)
    with new_executor(initializer=fail, initargs=(ValueError, 'a\0b\ud800')) as executor:
        error = check_raises(BrokenProcessPool, executor.submit(abs, 1).result, LIMIT_SEC)
        check('ValueError: a' in str(error), error)


def test_false_exception():
    """An exception is raised also if it is false."""
    with new_executor() as executor:
        check_raises(Empty, executor.submit(fail, Empty).result)


class Alarm(Exception):
    """An exception that a handler of a signal raises."""


def raise_alarm(*_):
    raise Alarm('from a handler')


class Bell:
    """Another way to handle a signal."""

    def __call__(self, *_):
        raise Alarm('from an object')

    def ring(self, *_):
        raise Alarm('from a method')


# In the process that unpickles: how often that was begun.
n_begun = 0


def interrupt_once(number):
    """Comes from a pickle: has the first who unpickles it get a signal meanwhile."""
    global n_begun
    n_begun += 1
    if n_begun == 1:
        signal.raise_signal(number)
    return 'the value'


def check_interrupted(executor, number, kind, read):
    """The exception of the handler ends the wait, and who asks again has the value."""
    global n_begun
    for is_warm in (False, True):
        n_begun = 0
        future = executor.submit(make, interrupt_once, number)
        if is_warm:
            wait_for(future.done)
        check_raises(kind, read, future)
        check_equal(future.result(LIMIT_SEC), 'the value')
        check_equal(future.exception(), None)
        check_equal(future.result(0), 'the value')


def test_interrupted_value():
    handler = signal.getsignal(signal.SIGUSR1)
    reads = [lambda future: future.result(), lambda future: future.result(LIMIT_SEC),
             lambda future: future.exception()]
    try:
        with new_executor() as executor:
            for read in reads:
                check_interrupted(executor, signal.SIGINT, KeyboardInterrupt, read)
                for handle in (raise_alarm, Bell(), Bell().ring, functools.partial(raise_alarm)):
                    signal.signal(signal.SIGUSR1, handle)
                    check_interrupted(executor, signal.SIGUSR1, Alarm, read)
    finally:
        signal.signal(signal.SIGUSR1, handler)


def test_interrupted_exception():
    """So with an exception that the function has raised."""
    global n_begun
    n_begun = 0
    with new_executor() as executor:
        future = executor.submit(fail_interrupted)
        wait_for(future.done)
        check_raises(KeyboardInterrupt, future.result)
        check_equal(check_raises(Interrupted, future.result, LIMIT_SEC).args, ('the value', ))


class Interrupted(Exception):
    def __reduce__(self):
        return revive, (signal.SIGINT, )


def revive(number):
    return Interrupted(interrupt_once(number))


def fail_interrupted():
    raise Interrupted()


def test_interrupted_with_others():
    """Others who wait for the same outcome get it, and nothing is left locked."""
    global n_begun
    n_begun = 0
    results = []
    with new_executor() as executor:
        future = executor.submit(make, interrupt_once, signal.SIGINT)
        wait_for(future.done)
        check_raises(KeyboardInterrupt, future.result)
        threads = [threading.Thread(target=lambda: results.append(future.result(LIMIT_SEC)))
                   for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_SEC)
        check_equal(results, ['the value'] * 3)


def test_nothing_unpickled_under_locks():
    """wait() and done() don't unpickle, which might be interrupted or take long."""
    global n_begun
    n_begun = 0
    with new_executor() as executor:
        futures = [executor.submit(make, interrupt_once, signal.SIGINT) for _ in range(3)]
        wait_for(lambda: all(future.done() for future in futures))
        done, not_done = concurrent.futures.wait(futures, 0)
        check_equal((len(done), len(not_done)), (3, 0))
        check_equal(list(concurrent.futures.as_completed(futures[:1], 0)), futures[:1])
        check(not any(future.cancel() or future.running() for future in futures))
        called = []
        futures[0].add_done_callback(called.append)
        check_equal((called, n_begun), (futures[:1], 0))


def test_slow_value():
    """Who waits while another thread unpickles waits for that, as long as it wants to."""
    gate = Gate()
    with new_executor() as executor:
        future = executor.submit(make, Gate.hold, gate, 'value')
        wait_for(future.done)
        thread = threading.Thread(target=future.result)
        thread.start()
        gate.wait_until_held()
        check(future.done() and not future.running())
        check_raises(concurrent.futures.TimeoutError, future.result, 0.01)
        check_raises(concurrent.futures.TimeoutError, future.exception, 0)
        called = []
        # It is called at once, and then waits.
        adder = threading.Thread(target=lambda: future.add_done_callback(
            lambda future: called.append(future.result())))
        adder.start()
        gate.open()
        check_equal(future.result(LIMIT_SEC), 'value')
        thread.join(LIMIT_SEC)
        adder.join(LIMIT_SEC)
        check_equal(called, ['value'])


def test_own_future_within():
    """A handler of a signal may want what is being unpickled."""
    results = []
    handler = signal.signal(signal.SIGUSR1, lambda *_: results.append(future.result(LIMIT_SEC)))
    try:
        global n_begun
        n_begun = 0
        with new_executor() as executor:
            future = executor.submit(make, interrupt_once, signal.SIGUSR1)
            check_equal(future.result(LIMIT_SEC), 'the value')
        check_equal(results, ['the value'])
    finally:
        signal.signal(signal.SIGUSR1, handler)


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
