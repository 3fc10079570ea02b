# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where callbacks come when no main loop of the program turns, and waiting that Ctrl-C
can end."""

import atexit
import collections
import logging
import math
import os
import signal
import threading

from gi.repository import Gio, GLib

from . import _errors, _native

_logger = logging.getLogger('ppool')
_lock = threading.Lock()
_thread = None


class _Thread:
    """A daemon thread that turns a context of its own."""

    def __init__(self):
        self.context = _native.new_context()
        self._jobs = collections.deque()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name='ppool-callbacks', daemon=True)
        self._thread.start()

    def _run(self):
        self.context.push_thread_default()
        while not self._stopped:
            while self._jobs:
                function, args = self._jobs.popleft()
                call(function, *args)
            self.context.iteration(not self._jobs)
        self.context.pop_thread_default()

    def invoke(self, function, *args):
        self._jobs.append((function, args))
        self.context.wakeup()

    def is_current(self):
        return self._thread is threading.current_thread()

    def stop(self):
        self._stopped = True
        self.context.wakeup()
        if not self.is_current():
            self._thread.join(1)


def call(function, *args):
    """Calls what must not fail; an exception is logged, as concurrent.futures does."""
    try:
        function(*args)
    except Exception:
        _logger.exception('exception calling %r', function)


def _get_thread():
    global _thread
    with _lock:
        if _thread is None:
            _thread = _Thread()
        return _thread


def get_context():
    """A GLib.MainContext that a daemon thread turns, so that callbacks come without a
    main loop. A forked copy of the process has one of its own."""
    return _get_thread().context


def is_loop_thread():
    """Tells whether the caller runs in a callback of that context."""
    thread = _thread
    return thread is not None and thread.is_current()


def invoke(function, *args):
    """Has that thread call a function; calls are in the order in which they were asked."""
    _get_thread().invoke(function, *args)


def _forget():
    """In a forked copy, whose contexts would read what wakes those of the original."""
    global _lock, _thread, _waiting
    _lock = threading.Lock()
    _thread = None
    _waiting = _Waiting()


def _stop():
    """A thread must not come back from C when the interpreter is gone."""
    with _lock:
        thread = _thread
    if thread is not None:
        thread.stop()


os.register_at_fork(after_in_child=_forget)
atexit.register(_stop)


# As many seconds as the library can count, in milliseconds.
NO_LIMIT_SEC = ((1 << 31) - 1) / 1000


def to_seconds(timeout):
    """A timeout that a program gave, or None if it is too long for Python to wait. Raises
    TypeError for what is no number, and ValueError for what is not a number."""
    if timeout is None:
        return None
    try:
        is_nan = math.isnan(timeout)
    except OverflowError:
        # An int that is larger than any float.
        return None if timeout > 0 else 0
    except TypeError:
        raise TypeError('a timeout must be a number of seconds or None, not %s'
                        % type(timeout).__name__) from None
    if is_nan:
        raise ValueError('a timeout can\'t be NaN: it must be a number of seconds or None')
    return float(timeout) if timeout < threading.TIMEOUT_MAX else None


def to_msec(timeout):
    """Seconds as the library wants them; None is no limit, and what is too long for it nearly
    so. Raises TypeError for what is no number, and ValueError for what is not a number."""
    timeout = to_seconds(timeout)
    if timeout is None:
        return -1
    return math.ceil(min(max(timeout, 0), NO_LIMIT_SEC) * 1000)


def describe_limit(timeout):
    """A timeout that has run out, for a message. In C, a negative one is no limit."""
    return '%s s%s' % (timeout, ' (no limit is None)' if timeout < 0 else '')


def is_interrupt(error):
    """Tells whether an exception was not raised by what ran, but ended it from outside: by
    Ctrl-C, or by the handler of a signal. No signals are handled in the thread of callbacks."""
    if is_loop_thread():
        return False
    if not issubclass(type(error), Exception):
        return True
    if threading.current_thread() is not threading.main_thread():
        return False
    codes = {_get_code(signal.getsignal(number)) for number in signal.valid_signals()}
    trace = BaseException.__traceback__.__get__(error)
    while trace is not None and trace.tb_frame.f_code not in codes:
        trace = trace.tb_next
    return trace is not None


def _get_code(handler):
    """The code that a handler of a signal runs, if that is known."""
    handler = getattr(handler, 'func', handler)
    handler = getattr(handler, '__func__', handler)
    return getattr(handler, '__code__', None) or getattr(type(handler).__call__, '__code__', None)


# A signal ends a wait at once, unless it comes when Python has looked for signals for the
# last time and the wait has not begun. Then it is seen at the next beat.
_BEAT_MSEC = 200


class _Waiting(threading.local):
    """A thread's own context, for what it waits for."""

    def __init__(self):
        self.context = _native.new_context()
        self.cancellable = Gio.Cancellable.new()
        if threading.current_thread() is threading.main_thread():
            _native.add_beat(self.context, _BEAT_MSEC)


_waiting = _Waiting()


def wait_for(begin, *args, late=None, check=None):
    """Starts an operation of _native, begin(*args, cancellable, function), and blocks until
    it is done; gives its result. Signals are handled meanwhile, unlike in the blocking
    functions of the library, and sources of other contexts are not dispatched. If one ends
    the wait, or check() raises between, late(result) is called for what there is all the
    same."""
    context, cancellable = _waiting.context, _waiting.cancellable
    results = []
    context.push_thread_default()
    try:
        begin(*args, cancellable, results.append)
        try:
            while not results:
                if check is not None:
                    check()
                context.iteration(True)
        except BaseException:
            _waiting.cancellable = Gio.Cancellable.new()
            cancellable.cancel()
            while not results:
                context.iteration(True)
            if late is not None:
                late(results[0])
            raise
    finally:
        context.pop_thread_default()
    return results[0]


def wait_for_future(future):
    """As wait_for(), until a call is done."""
    context = _waiting.context
    done = []
    context.push_thread_default()
    try:
        callback = _native.add_done_callback(future, done.append, True)
        try:
            while not done:
                context.iteration(True)
        except BaseException:
            _native.remove_done_callback(future, callback)
            raise
    finally:
        context.pop_thread_default()


def create_task(coroutine):
    """Runs a coroutine on the main loop of this thread, and gives its asyncio.Task. All of
    asyncio works in it. Where an asyncio loop runs already, the task is one of that."""
    from . import _asyncio
    return _asyncio.create_task(coroutine)


def run(coroutine):
    """Runs the main loop of this thread until a coroutine is done, and gives its value.
    Ctrl-C cancels the coroutine, and raises KeyboardInterrupt when that is done."""
    from . import _asyncio
    try:
        return _asyncio.run(coroutine)
    except Exception as error:
        _errors.hide_frames(error)
        raise
