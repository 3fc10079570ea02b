# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Awaiting: asyncio loops that turn a main context, and the other way round, an asyncio
loop that is turned by a main context. This module is imported when it is needed."""

import asyncio
import atexit
import selectors
import weakref

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

from . import _ending, _errors, _native

_PPool = get_introspection_module('PPool')

_MAX_PRIORITY = (1 << 31) - 1
_NEVER_MSEC = (1 << 32) - 1


class _Bridge:
    """A main context that an asyncio loop turns, so that what is started here calls back in that
    loop, with no other thread between.

    The loop turns it when the descriptor says so that wakes the context up, and for no other
    reason: what the loop does only once is lost when Ctrl-C comes before it."""

    def __init__(self, loop):
        self._context = _native.new_context(GLib.MainContextFlags.OWNERLESS_POLLING)
        self._loop = weakref.ref(loop)
        self._timer = None
        self._arrivals = _native.Arrivals()
        # What is called when a number arrives, if it has not been called.
        self._functions = {}
        loop.add_reader(_native.query(self._context, _MAX_PRIORITY)[1], self._turn)

    def begin(self, operation, cancellable, function):
        """Begins an operation, whose result a function gets; and gives what forget() wants."""
        number = _native.new_number()
        self._functions[number] = function
        self._call(self._arrivals.begin, [], number, operation, cancellable)
        return number

    def forget(self, number):
        self._functions.pop(number, None)

    def watch(self, future, function):
        """Has a function called with None when a future is done; gives what unwatch() wants."""
        number = _native.new_number()
        self._functions[number] = function
        ids = []
        self._call(self._arrivals.watch, ids, number, future)
        return number, ids

    def unwatch(self, future, watch):
        number, ids = watch
        self.forget(number)
        _native.unwatch(ids, future)

    def _call(self, function, *args):
        try:
            _native.call_in(self._context, function, *args)
            self._plan()
        except BaseException:
            self._context.wakeup()
            raise

    def _turn(self):
        try:
            self._context.iteration(False)
            self._deliver()
            self._plan()
        except BaseException:
            # The rest comes in the next pass of the loop, if there is one.
            self._context.wakeup()
            raise

    def _deliver(self):
        for number in self._arrivals.get_numbers():
            function = self._functions.get(number)
            if function is not None:
                function(self._arrivals.get_result(number))
            self._functions.pop(number, None)
            self._arrivals.forget(number)

    def _plan(self):
        """Has the loop turn the context when its next source is due. Sources that this thread adds
        don't wake the context up, and neither do times that pass."""
        ready, priority = self._context.prepare()
        timeout = 0 if ready else _native.query(self._context, priority)[0]
        loop = self._loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout == 0:
            self._context.wakeup()
        elif timeout > 0:
            self._timer = loop.call_later(timeout / 1000, self._context.wakeup)


class _Selector(selectors.EpollSelector):
    """Looks what is ready, never waits, and notes how long the loop would have waited."""

    def select(self, timeout=None):
        self.loop().stop()
        events = super().select(0)
        self.timeout = 0 if events else timeout
        return events


class GLibLoop(asyncio.SelectorEventLoop):
    """An asyncio loop for programs that run a GLib main loop: one pass of it is one
    dispatch of a source of the context.

    Two sources, since a source's time can't be set while it is dispatched: one for
    passes, and one for the time of the next pass."""

    def __init__(self, context):
        selector = _Selector()
        selector.loop = weakref.ref(self)
        super().__init__(selector)
        self.context = context
        self._passes = self._new_source(self._pass)
        self._passes.add_unix_fd(selector.fileno(), GLib.IOCondition.IN)
        self._alarm = self._new_source(self._poke)
        self._glib_selector = selector
        self._main_loops = []
        self._exit = None

    def _new_source(self, function):
        source = GLib.timeout_source_new(_NEVER_MSEC)
        source.set_priority(GLib.PRIORITY_DEFAULT)
        reference = weakref.WeakMethod(function)
        source.set_callback(lambda *_: reference()())
        source.attach(self.context)
        return source

    def _poke(self):
        self._passes.set_ready_time(0)
        return GLib.SOURCE_CONTINUE

    def _pass(self):
        """The loop may be running when a callback of it runs a main loop of its own."""
        if not self.is_running() and not self.is_closed():
            try:
                self.run_forever()
            except (SystemExit, KeyboardInterrupt) as exception:
                self._alarm.set_ready_time(0)
                self._leave(exception)
                return GLib.SOURCE_CONTINUE
            timeout = self._glib_selector.timeout
            self._alarm.set_ready_time(
                -1 if timeout is None
                else GLib.get_monotonic_time() + int(max(timeout, 0) * 1000000))
        return GLib.SOURCE_CONTINUE

    def _leave(self, exception):
        """A task or callback wants the program to end: whoever waits in run_until_complete()
        raises that. A worker is not ended by a function, which has the exception anyway, and
        in C a KeyboardInterrupt would end nothing but this loop."""
        if self._main_loops:
            self._exit = exception
            self._main_loops[-1].quit()
        elif isinstance(exception, SystemExit) and not _PPool.Worker.is_spawned():
            raise exception
        else:
            self.call_exception_handler({'message': 'A task or callback wants to end the program',
                                         'exception': exception})

    def call_soon(self, callback, *args, context=None):
        if not self.is_running():
            self._poke()
        return super().call_soon(callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        if not self.is_running():
            self._poke()
        return super().call_at(when, callback, *args, context=context)

    def run_until_complete(self, future):
        """Runs the main loop until the future is done."""
        future = asyncio.ensure_future(future, loop=self)
        main_loop = GLib.MainLoop(self.context)
        future.add_done_callback(lambda _: main_loop.quit())
        if not future.done():
            self._main_loops.append(main_loop)
            try:
                main_loop.run()
            finally:
                self._main_loops.remove(main_loop)
        if self._exit is not None:
            problem, self._exit = self._exit, None
            if future.done() and not future.cancelled():
                future.exception()  # which is not to be logged
            try:
                _errors.raise_clean(problem)
            finally:
                del problem
        return future.result()

    def close(self):
        if not self.is_closed():
            self._passes.destroy()
            self._alarm.destroy()
        super().close()


_bridges = weakref.WeakKeyDictionary()
_glib_loops = {}
_tasks = set()  # asyncio's own references are weak


class _Direct:
    """The context of a loop that a context turns. Whoever turns that also handles signals."""

    def __init__(self, loop):
        self._context = loop.context

    def begin(self, operation, cancellable, function):
        return _native.call_in(self._context, _native.begin, operation, cancellable, function)

    def forget(self, number):
        _native.forget(number)

    def watch(self, future, function):
        return _native.call_in(self._context, _native.add_done_callback, future, function, None)

    def unwatch(self, future, watch):
        _native.remove_done_callback(future, watch)


def _get_bridge(loop):
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = (_Direct if isinstance(loop, GLibLoop) else _Bridge)(loop)
    return bridge


def wait_future(future):
    """The steps of an ``await`` of a future: its end, or the cancellation of the task,
    which cancels the call, and aborts it where the executor says so."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    bridge = _get_bridge(loop)

    def settle(_):
        if not waiter.done():
            waiter.set_result(None)

    watch = bridge.watch(future, settle)
    try:
        yield from waiter
    except BaseException:
        bridge.unwatch(future, watch)
        _ending.give_up(future)
        raise


async def operation(operation, finish, late=None):
    """Begins an operation of _native, and gives finish(result). If the task is cancelled, so is
    the operation, and its end is awaited all the same, so that the next one doesn't meet it;
    what it had got by then is for late(result)."""
    loop = asyncio.get_running_loop()
    bridge = _get_bridge(loop)
    waiter = loop.create_future()
    cancellable = Gio.Cancellable.new()
    results = []
    cancelled = None

    def settle(result):
        results.append(result)
        if not waiter.done():
            waiter.set_result(None)

    number = bridge.begin(operation, cancellable, settle)
    while not results or not waiter.done():
        try:
            await waiter
        except asyncio.CancelledError as error:
            cancelled = error
            cancellable.cancel()
            waiter = loop.create_future()
            if results:
                break
        except BaseException:
            bridge.forget(number)
            cancellable.cancel()
            raise
    if cancelled is None:
        return finish(results[0])
    try:
        if late is not None:
            late(results[0])
        raise cancelled
    finally:
        del cancelled


def _get_glib_loop():
    context = GLib.MainContext.ref_thread_default()
    loop = _glib_loops.get(hash(context))
    if loop is None or loop.is_closed():
        loop = _glib_loops[hash(context)] = GLibLoop(context)
    return loop


def _close_own(loop):
    """Closes a loop that has nothing to do any more, since a thread with a context of its
    own may end, and nobody tells. That of the main context stays."""
    address = hash(loop.context)
    if address != hash(GLib.MainContext.default()) and not asyncio.all_tasks(loop):
        del _glib_loops[address]
        loop.close()


def create_task(coroutine):
    """Runs a coroutine on the main loop of this thread, with all of asyncio; returns its
    asyncio.Task. If an asyncio loop is running already, that loop is used."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = _get_glib_loop()
    task = loop.create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


def run(coroutine):
    """Runs the main loop of this thread until a coroutine has completed, and returns its value.
    Ctrl-C cancels the coroutine, and raises KeyboardInterrupt when it has ended."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        coroutine.close()
        raise RuntimeError('PPool.run() can\'t be called where an asyncio loop runs')
    loop = _get_glib_loop()
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except Exception as error:
        _errors.hide_frames(error)
        raise
    finally:
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        _close_own(loop)


@atexit.register
def _close():
    for loop in _glib_loops.values():
        if not loop.is_running():
            loop.close()
