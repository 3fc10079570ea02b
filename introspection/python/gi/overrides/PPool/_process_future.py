# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The futures of a ProcessPoolExecutor, and what becomes of a call's outcome."""

import collections
import concurrent.futures
import os
import pickle
import threading
import traceback
from concurrent.futures._base import CANCELLED, FINISHED, LOGGER, PENDING
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback

from gi.module import get_introspection_module
from gi.repository import GLib

from . import _loop, _native, _pickling, _process_worker

_PPool = get_introspection_module('PPool')
_State = _PPool.FutureState

# The methods as the library has them, whatever an override makes of them.
_cancel = _PPool.Future.cancel
_get_result = _PPool.Future.result
_get_state = _PPool.Future.get_state
_is_done = _PPool.Future.is_done

# How long a thread waits at first, in a way that no signal handler of Python interrupts.
_PATIENCE_SEC = 0.05

# Held for moments: while it is decided who takes an outcome, and who makes a condition. The
# garbage collector may come in between, and with it whatever a program does then.
_guard = threading.RLock()

# What the thread of the loop is to do, in its order: pairs of a call and its future, or of None
# and a function.
_arrivals = collections.deque()
_is_woken = False


class UnpicklingError(BrokenProcessPool, pickle.UnpicklingError):
    """A call, its result or its exception could not be unpickled, for the reason that is the
    cause. Only that call has failed. It is a BrokenProcessPool because that is what
    concurrent.futures raises, whose pool then is broken indeed."""


def tell_loop(context, call, what):
    """Has the thread of the loop look after the future of a call, or run a function. It takes no
    lock, as it may be called by the garbage collector."""
    global _is_woken
    _arrivals.append((call, what))
    if not _is_woken:
        _is_woken = True
        _native.call_in_context(context, _take_arrivals)


def _take_arrivals():
    global _is_woken
    _is_woken = False
    while _arrivals:
        call, what = _arrivals.popleft()
        if call is None:
            what()
        else:
            _native.add_done_callback(call, _settle, call, what)


def _settle(call, future):
    try:
        future._settle(call)
    except BaseException:
        LOGGER.critical('a done callback of %r has failed', future, exc_info=True)


class Future(concurrent.futures.Future):
    """A future of a call. It takes the outcome when somebody looks, in the thread that does, so
    that nobody else is woken for who waits. Once it has callbacks or waiters, the thread of the
    loop takes it.

    Whoever looks first takes _condition, also in the functions wait() and as_completed(), and
    while that is held the state doesn't change; who waits then adds itself to _waiters. Many
    futures are only ever asked for their result and never need what those stand for."""

    # The PPoolFuture, until somebody has taken the outcome. It alone decides what that is.
    _call = None
    _is_watched = False
    _lock = None
    _state = PENDING
    _result = None
    _exception = None

    def __init__(self, call=None):
        self._call = call

    @property
    def _condition(self):
        call = self._call
        if call is not None and not self._is_watched and _is_done(call):
            self._settle(call)
        return self._lock or self._make_lock()

    def _make_lock(self):
        callbacks, waiters, lock = [], [], threading.Condition()
        with _guard:
            if self._lock is None:
                self._done_callbacks = callbacks
                self._known_waiters = waiters
                self._lock = lock
        return self._lock

    @property
    def _waiters(self):
        self._watch()
        return self._known_waiters

    def _watch(self):
        call = self._call
        if call is not None and not self._is_watched:
            self._is_watched = True
            tell_loop(_loop.get_context(), call, self)

    def _settle(self, call, variant=None):
        """Takes the outcome of a call that is done, if nobody else has."""
        with _guard:
            if self._call is not call:
                return
            self._call = None
        try:
            outcome, is_exception = _get_outcome(call, variant)
        except GLib.Error:
            self._cancel()
            return
        # What the call has in memory is not to last as long as the future.
        del call, variant
        if is_exception:
            self.set_exception(outcome)
            return
        with _guard:
            if self._lock is None:
                self._result = outcome
                self._state = FINISHED
                return
        self.set_result(outcome)

    def _cancel(self):
        """Cancels what will not run, and tells waiters, which an executor does later."""
        if not super().cancel():
            return False
        with self._condition:
            if self._state == CANCELLED:
                self.set_running_or_notify_cancel()
        return True

    def cancel(self):
        with self._condition:
            call = self._call
            if call is None:
                if self._state == PENDING:
                    return False
            elif _cancel(call) or _get_state(call) == _State.CANCELLED:
                self._call = None
            else:
                return False
        return self._cancel()

    cancel.__doc__ = concurrent.futures.Future.cancel.__doc__

    def running(self):
        with self._condition:
            call = self._call
            if self._state == PENDING and (
                    call is None or _get_state(call) == _State.RUNNING):
                self.set_running_or_notify_cancel()
        return super().running()

    running.__doc__ = concurrent.futures.Future.running.__doc__

    def add_done_callback(self, fn):
        super().add_done_callback(fn)
        self._watch()

    add_done_callback.__doc__ = concurrent.futures.Future.add_done_callback.__doc__

    def _wait(self, timeout):
        """Waits for the call itself: for a moment only, or for good in callbacks, which nobody
        else would wake. Returns how much of the time is left."""
        call = self._call
        if call is None:
            return timeout
        is_callback = _loop.is_loop_thread()
        if self._is_watched and not is_callback:
            return timeout
        limit = -1 if timeout is None else max(timeout, 0)
        if not is_callback and not 0 <= limit <= _PATIENCE_SEC:
            limit = _PATIENCE_SEC
        try:
            variant = _get_result(call, int(limit * 1000))
        except GLib.Error:
            if _is_done(call):
                self._settle(call)
            else:
                self._watch()
        else:
            self._settle(call, variant)
        return timeout - limit if timeout is not None else None

    def result(self, timeout=None):
        if self._state != FINISHED:
            timeout = self._wait(timeout)
        if self._state == FINISHED and self._exception is None:
            return self._result
        try:
            return super().result(timeout)
        finally:
            # The exception's traceback has this frame.
            self = None

    result.__doc__ = concurrent.futures.Future.result.__doc__

    def exception(self, timeout=None):
        return super().exception(self._wait(timeout))

    exception.__doc__ = concurrent.futures.Future.exception.__doc__


def _get_outcome(call, variant):
    """Returns a result and False, or an exception and True. Raises GLib.Error for a call that
    was cancelled."""
    try:
        if variant is None:
            variant = _get_result(call, 0)
    except GLib.Error as error:
        if _get_state(call) == _State.CANCELLED:
            raise
        return to_exception(error), True
    try:
        outcome = _pickling.loads(variant)
    except BaseException as error:
        return _new_unpickling_error('The result', error), True
    if type(outcome) is _process_worker.Failure:
        return _unpack_failure(outcome), True
    return outcome, False


def _unpack_failure(failure):
    """Returns the exception that the worker raised, with the traceback that it had there."""
    remote = _RemoteTraceback('\n"""\n%s"""' % failure.text)
    try:
        exception = pickle.loads(failure.pickled)
    except BaseException as error:
        error.__cause__ = remote
        return _new_unpickling_error('The exception', error)
    exception.__cause__ = remote
    return exception if failure.unpickled else _new_unpickling_error('The call', exception)


def _new_unpickling_error(what, cause):
    error = UnpicklingError('%s could not be unpickled: %s: %s'
                            % (what, type(cause).__name__, cause))
    error.__cause__ = cause
    return error


def add_traceback(error):
    """Replaces the traceback of an exception, which holds what was pickled, by its text."""
    text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    error.__cause__ = _RemoteTraceback('\n"""\n%s"""' % text)
    return error.with_traceback(None)


def to_exception(error):
    """Returns what an error of the library is in Python."""
    if error.matches(_PPool.error_quark(), _PPool.Error.BROKEN):
        return BrokenProcessPool(error.message)
    if error.matches(_PPool.error_quark(), _PPool.Error.TOO_LARGE):
        return pickle.PicklingError(error.message)
    return RuntimeError(error.message)


def _forget():
    """A forked copy of the process has no thread that takes what has arrived."""
    global _guard, _is_woken
    _guard = threading.RLock()
    _arrivals.clear()
    _is_woken = False


os.register_at_fork(after_in_child=_forget)
