# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where callbacks come when no main loop of the program turns, and waiting that Ctrl-C
can end."""

import atexit
import collections
import math
import opcode
import os
import signal
import threading

from gi.repository import Gio, GLib

from . import _errors, _native

_thread = None


class _Thread:
    """A daemon thread that turns a context of its own."""

    def __init__(self):
        self.context = _native.new_context()
        # Who wants something done here, and may be interrupted, appends a function and its
        # arguments to jobs, and calls wakeup() whatever happens. Both are C.
        self.jobs = collections.deque()
        self.wakeup = self.context.wakeup
        self._stopped = False
        self._thread = None
        self._claim = threading.Lock()

    def start(self):
        """Starts it, unless that was done. It may be called again if it was interrupted."""
        if self._thread is None:
            threading.Thread(target=self._run, name='ppool-callbacks', daemon=True).start()

    def _run(self):
        """If there should be two, one goes away."""
        if not self._claim.acquire(blocking=False):
            return
        self._thread = threading.current_thread()
        self.context.push_thread_default()
        while not self._stopped:
            self._do_jobs()
            self.context.iteration(not self.jobs)
        self.context.pop_thread_default()

    def _do_jobs(self):
        """Nothing is held when it returns."""
        while self.jobs:
            function, args = self.jobs.popleft()
            call(function, *args)

    def is_current(self):
        return self._thread is threading.current_thread()

    def stop(self):
        self._stopped = True
        self.context.wakeup()
        thread = self._thread
        if thread is not None and not self.is_current():
            thread.join(1)


def call(function, *args):
    """Calls what must not fail; an exception is logged, as concurrent.futures does."""
    try:
        function(*args)
    except Exception:
        # Workers start sooner without it.
        import logging
        logging.getLogger('ppool').exception('exception calling %r', function)


def get_thread():
    """The thread in which callbacks come without a main loop. A forked copy of the process has
    one of its own."""
    global _thread
    if _thread is None:
        thread = _Thread()
        # No handler of a signal and no other thread comes in between: nothing is called.
        if _thread is None:
            _thread = thread
    thread = _thread
    thread.start()
    return thread


def is_loop_thread():
    """Tells whether the caller runs in a callback of that context."""
    thread = _thread
    return thread is not None and thread.is_current()


def invoke(function, *args):
    """Has that thread call a function; calls are in the order in which they were asked."""
    thread = get_thread()
    try:
        thread.jobs.append((function, args))
    finally:
        thread.wakeup()


def _forget():
    """In a forked copy, whose contexts would read what wakes those of the original."""
    global _thread, _waiting
    _thread = None
    _waiting = _Waiting()


def _stop():
    """A thread must not come back from C when the interpreter is gone."""
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
    Ctrl-C, or by the handler of a signal. Those run in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return False
    trace = BaseException.__traceback__.__get__(error)
    if type(error) is KeyboardInterrupt and not _is_raised_in(trace):
        return True
    codes = {_get_code(signal.getsignal(number)) for number in signal.valid_signals()}
    while trace is not None and trace.tb_frame.f_code not in codes:
        trace = trace.tb_next
    return trace is not None


def _is_raised_in(trace):
    """Tells whether an exception comes from a statement that raises it. The handler that Python
    has for Ctrl-C is C, and has no frame."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (trace is not None and trace.tb_lasti >= 0
            and trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE)


_RAISE = opcode.opmap['RAISE_VARARGS']


def _get_code(handler):
    """The code that a handler of a signal runs, if that is known."""
    handler = getattr(handler, 'func', handler)
    handler = getattr(handler, '__func__', handler)
    return getattr(handler, '__code__', None) or getattr(type(handler).__call__, '__code__', None)


# A signal ends a wait at once, unless it comes when Python has looked for signals for the
# last time and the wait has not begun. Then it is seen at the next beat.
_BEAT_MSEC = 200


class _Waiting(threading.local):
    """A thread's own context, for what it waits for, and what has come there."""

    def __init__(self):
        self.context = _native.new_context()
        self.arrivals = _native.Arrivals()
        self.cancellable = Gio.Cancellable.new()
        if threading.current_thread() is threading.main_thread():
            _native.add_beat(self.context, _BEAT_MSEC)


_waiting = _Waiting()


def wait_for(operation, late=None, check=None):
    """Begins an operation of _native, and blocks until it is done; gives its result. Signals are
    handled meanwhile, unlike in the blocking functions of the library, and sources of other
    contexts are not dispatched. If one ends the wait, or check() raises between, late(result) is
    called for what there is all the same."""
    context, arrivals, cancellable = _waiting.context, _waiting.arrivals, _waiting.cancellable
    number = _native.new_number()
    begun, result = [], None
    try:
        _native.call_in(context, arrivals.begin, begun, number, operation, cancellable)
        while (result := arrivals.get_result(number)) is None:
            if check is not None:
                check()
            context.iteration(True)
        arrivals.forget(number)
    except BaseException:
        if begun and result is None:
            _waiting.cancellable = Gio.Cancellable.new()
            cancellable.cancel()
            while (result := arrivals.get_result(number)) is None:
                context.iteration(True)
        arrivals.forget(number)
        if result is not None and late is not None:
            late(result)
        raise
    return result


def wait_for_future(future):
    """As wait_for(), until a call is done."""
    context = _waiting.context
    ids = []
    try:
        _native.call_in(context, _native.wake_when_done, ids, future)
        while not future.is_done():
            context.iteration(True)
    except BaseException:
        _native.unwatch(ids, future)
        raise


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
