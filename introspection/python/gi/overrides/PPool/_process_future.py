# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The futures of a ProcessPoolExecutor, and what becomes of a call's outcome."""

import concurrent.futures
import functools
import os
import pickle
import threading
import time
import traceback
from concurrent.futures._base import (CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, LOGGER, PENDING,
                                      RUNNING)
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback

from gi.module import get_introspection_module
from gi.repository import GLib

from . import _ending, _errors, _failures, _loop, _native, _pickling, _process_worker

_PPool = get_introspection_module('PPool')
_State = _PPool.FutureState

# The methods as the library has them, whatever an override makes of them.
_cancel = _PPool.Future.cancel
_abort = _PPool.Future.abort
_get_death = _PPool.Future.get_death
_get_n_attempts = _PPool.Future.get_n_attempts
_get_result = _PPool.Future.result
_get_state = _PPool.Future.get_state
_is_done = _PPool.Future.is_done
_get_worker_pid = _PPool.Future.get_worker_pid
_get_started_time = _PPool.Future.get_started_time

# As the interpreter does it, whatever a type makes of its attributes.
_set_cause = BaseException.__cause__.__set__

# Stands for the exception of a call that was cancelled.
_CANCELLED = object()

# How long a thread waits at first, in a way that no signal handler of Python interrupts; and how
# long the thread of the loop waits for anything but the end of calls.
_PATIENCE_SEC = 0.05

# How long that then does other things when it finds a future locked.
_LOCKED_MSEC = 500

# Held for moments: while it is decided who takes an outcome. The garbage collector may come in
# between, and with it whatever a program does then.
_guard = threading.RLock()


class UnpicklingError(BrokenProcessPool, pickle.UnpicklingError):
    """A call, its result or its exception could not be unpickled; __cause__ is the reason. Only
    that call has failed. It is a BrokenProcessPool because concurrent.futures raises that, and its
    pool is broken in this case."""


class _Lock(type(threading.RLock())):
    """What a threading.Condition can do, of which many futures need no more than the lock. It is
    taken by C alone: Ctrl-C never comes when it is taken and nobody knows yet."""

    _condition = None

    def _get_condition(self):
        """To be called with the lock."""
        if self._condition is None:
            self._condition = threading.Condition(self)
        return self._condition

    def wait(self, timeout=None):
        return self._get_condition().wait(timeout)

    def notify_all(self):
        if self._condition is not None:
            self._condition.notify_all()


class _Locked(Exception):
    """A future is locked for longer than that takes."""


class _Patient:
    """Takes a lock as the thread of the loop does, for which all futures wait: Ctrl-C may end
    concurrent.futures.wait() when it has taken locks and nobody knows yet."""

    def __init__(self, lock):
        self._lock = lock

    def __enter__(self):
        if not self._lock.acquire(timeout=_PATIENCE_SEC):
            raise _Locked

    def __exit__(self, *_):
        self._lock.release()


def _add_callback(call, future):
    """In the thread of the loop."""
    _native.add_done_callback(call, _settle, call, future)


def _settle(call, future):
    try:
        future._take(call)
    except _Locked:
        _native.call_later(_loop.get_thread().context, _LOCKED_MSEC, _settle, call, future)
    except BaseException:
        LOGGER.critical('a done callback of %r has failed', future, exc_info=True)


class Future(concurrent.futures.Future):
    """A future of a call. Its outcome is unpacked when somebody wants it, in the thread that does,
    so that nobody else is woken for who waits. Once it has callbacks or waiters, the thread of the
    loop unpacks it, and tells them.

    Whoever looks first takes _condition, also in the functions wait() and as_completed(), and
    while that is held the state doesn't change; who waits then adds itself to _waiters. Many
    futures are only ever asked for their result and never need what those stand for.

    A future whose call is done is so itself as soon as somebody asks for _state, but nothing
    is unpacked there: that may take long and be interrupted."""

    # The PPoolFuture, until the outcome was taken. It alone decides what that is.
    _call = None
    # The thread that unpacks the outcome.
    _reader = None
    # Whether the thread of the loop is to take the outcome.
    _is_watched = False
    _known_state = PENDING
    # Lists, once there is something for them.
    _known_waiters = _done_callbacks = ()
    _result = None
    _exception = None
    _worker_pid = 0
    _started_usec = 0
    _n_attempts = 0
    _death = None

    def __init__(self, call=None):
        self._call = call
        self._condition = _Lock()

    @property
    def worker_pid(self):
        """The process ID of the worker that took the call, or None."""
        call = self._call
        return (self._worker_pid if call is None else _get_worker_pid(call)) or None

    @property
    def started_time(self):
        """The time at which a worker took the call, in seconds of time.monotonic(), or None."""
        call = self._call
        usec = self._started_usec if call is None else _get_started_time(call)
        return usec / 1000000 if usec else None

    @property
    def n_attempts(self):
        """How many times a worker has begun the call."""
        call = self._call
        return self._n_attempts if call is None else _get_n_attempts(call)

    @property
    def death(self):
        """The PPool.Death of the worker that died while it ran the call, or None."""
        call = self._call
        return self._death if call is None else _get_death(call)

    @property
    def _state(self):
        call = self._call
        if call is None or self._is_watched or self._known_state == FINISHED:
            return self._known_state
        if _is_done(call):
            self._conclude(call)
        elif self._condition._is_owned():
            # Whoever has the lock may look again, and must see the same: the call can be done
            # at any moment, but the thread of the loop needs the lock to say so.
            self._tell_loop(call)
        return self._known_state

    @_state.setter
    def _state(self, state):
        self._known_state = state

    @property
    def _waiters(self):
        if not self._known_waiters:
            self._known_waiters = []
        self._watch()
        return self._known_waiters

    def _watch(self):
        """To be called with the lock."""
        call = self._call
        if call is not None and not self._is_watched and self._known_state != FINISHED:
            self._tell_loop(call)

    def _tell_loop(self, call):
        """Has the thread of the loop take the outcome. Nothing is called between what says so and
        what does it, so that Ctrl-C does not come in between."""
        thread = _loop.get_thread()
        job = _add_callback, (call, self)
        try:
            self._is_watched = True
            thread.jobs.append(job)
        finally:
            thread.wakeup()

    def _conclude(self, call):
        """Has the future be done, as its call is, unless the thread of the loop will tell."""
        if _is_cancelled(call):
            self._become_cancelled(call)
            return
        with self._condition:
            if self._call is call and not self._is_watched:
                self._known_state = FINISHED

    def _claim(self, call):
        """Has this thread be the one that unpacks the outcome, and tells whether it is."""
        if not _loop.is_loop_thread():
            self._conclude(call)
            if self._known_state != FINISHED:
                return False
        reader = threading.get_ident()
        with _guard:
            # A handler of a signal may want what this very thread is about to unpack.
            if self._call is not call or self._reader not in (None, reader):
                return False
            self._reader = reader
            return True

    def _take(self, call, variant=None):
        """Takes the outcome of a call that is done, unless somebody else has or does. What ends
        this thread's wait while it unpacks is raised, and the outcome can be had again."""
        try:
            if not self._claim(call):
                return
            result, exception = _get_outcome(call, variant)
            if exception is _CANCELLED:
                self._become_cancelled(call)
            else:
                self._finish(call, result, exception)
        except _Locked:
            self._reader = None
            raise
        except BaseException:
            if self._reader == threading.get_ident():
                self._reader = None
                # No signal is handled in that thread.
                self._tell_loop(call)
            raise

    def _get_lock(self):
        return _Patient(self._condition) if _loop.is_loop_thread() else self._condition

    def _finish(self, call, result, exception):
        history = _get_worker_pid(call), _get_started_time(call), _get_n_attempts(call)
        death = None if exception is None else _get_death(call)
        with self._get_lock():
            is_new = self._known_state != FINISHED
            self._set_outcome(call, result, exception, history, death)
            if is_new:
                for waiter in self._known_waiters:
                    if exception is None:
                        waiter.add_result(self)
                    else:
                        waiter.add_exception(self)
            self._condition.notify_all()
        if is_new:
            self._invoke_callbacks()

    def _set_outcome(self, call, result, exception, history, death):
        if self._call is call:
            self._result, self._exception = result, exception
            self._worker_pid, self._started_usec, self._n_attempts = history
            if death is not None:
                self._death = death
            self._known_state = FINISHED
            # What the call has in memory is not to last as long as the future.
            self._call = self._reader = None

    def _become_cancelled(self, call):
        news = []
        try:
            with self._get_lock():
                if self._call is not call:
                    return
                news.extend([waiter.add_cancelled for waiter in self._known_waiters])
                self._known_state = CANCELLED_AND_NOTIFIED
                self._call = self._reader = None
            self._tell_cancelled(news)
        except BaseException:
            if self._call is None:
                _loop.invoke(self._tell_cancelled, news)
            raise

    def _tell_cancelled(self, news):
        """Tells each waiter once, also if this is interrupted and begun again."""
        while news:
            add_cancelled = news[0]
            del news[0]
            add_cancelled(self)
        with self._get_lock():
            self._condition.notify_all()
        self._invoke_callbacks()

    def _invoke_callbacks(self):
        """Calls each once, also if this is interrupted and begun again."""
        callbacks = self._done_callbacks
        while callbacks:
            callback = callbacks[0]
            del callbacks[0]
            try:
                callback(self)
            except Exception:
                LOGGER.exception('exception calling callback for %r', self)

    def cancel(self):
        self._state
        with self._condition:
            call = self._call
            if call is not None and not _cancel(call) and not _is_cancelled(call):
                _ending.abort_if_wanted(call)
                return False
        if call is None:
            return super().cancel()
        self._become_cancelled(call)
        return True

    cancel.__doc__ = concurrent.futures.Future.cancel.__doc__

    def abort(self):
        """Does what abort() of the executor does with this future."""
        call = self._call
        if not self.cancel() and call is not None:
            _abort(call)

    # These three look without the lock, so that the thread of the loop need not be told.

    def running(self):
        call = self._call
        if self._state == PENDING and call is not None and _get_state(call) == _State.RUNNING:
            with self._condition:
                if self._known_state == PENDING:
                    self._known_state = RUNNING
        return self._known_state == RUNNING

    running.__doc__ = concurrent.futures.Future.running.__doc__

    def cancelled(self):
        return self._state in (CANCELLED, CANCELLED_AND_NOTIFIED)

    cancelled.__doc__ = concurrent.futures.Future.cancelled.__doc__

    def done(self):
        return self._state in (CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED)

    done.__doc__ = concurrent.futures.Future.done.__doc__

    def add_done_callback(self, fn):
        with self._condition:
            if self._state in (PENDING, RUNNING):
                if not self._done_callbacks:
                    self._done_callbacks = []
                self._done_callbacks.append(fn)
                self._watch()
                return
        super().add_done_callback(fn)

    add_done_callback.__doc__ = concurrent.futures.Future.add_done_callback.__doc__

    def _await(self, call, timeout):
        """Waits until the outcome was taken, and takes it if nobody else does, or raises
        TimeoutError. It waits for the call itself: for a moment only, as no handler of a signal
        runs meanwhile, or for good in callbacks, which nobody else would wake."""
        timeout = _loop.to_seconds(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        is_callback = _loop.is_loop_thread()
        while self._call is call:
            if is_callback or not self._is_watched:
                self._try_to_take(call, timeout, is_callback)
            timeout = None if end is None else end - time.monotonic()
            self._wait_for_others(call, timeout, is_callback)
            timeout = None if end is None else end - time.monotonic()

    def _try_to_take(self, call, timeout, is_callback):
        limit = _PATIENCE_SEC
        if is_callback or timeout is not None and timeout < limit:
            limit = _loop.NO_LIMIT_SEC if timeout is None else max(timeout, 0)
        try:
            variant = _get_result(call, int(min(limit, _loop.NO_LIMIT_SEC) * 1000))
        except GLib.Error:
            variant = None
        if variant is not None or _is_done(call):
            self._take(call, variant)
        else:
            with self._condition:
                self._watch()

    def _wait_for_others(self, call, timeout, is_callback):
        """Waits until the thread of the loop has taken the outcome; or for a moment, until
        another reader has, which may be interrupted before it can tell."""
        with self._condition:
            if self._call is not call:
                return
            if timeout is not None and timeout <= 0:
                raise concurrent.futures.TimeoutError()
            if is_callback or not self._is_watched:
                timeout = _PATIENCE_SEC if timeout is None else min(timeout, _PATIENCE_SEC)
            self._condition.wait(timeout)

    def result(self, timeout=None):
        call = self._call
        if call is not None:
            self._await(call, timeout)
        if self._known_state != FINISHED:
            return super().result(timeout)
        if self._exception is None:
            return self._result
        try:
            raise self._exception
        finally:
            # The exception's traceback has this frame.
            self = None

    result.__doc__ = concurrent.futures.Future.result.__doc__

    def exception(self, timeout=None):
        call = self._call
        if call is not None:
            self._await(call, timeout)
        return super().exception(timeout)

    exception.__doc__ = concurrent.futures.Future.exception.__doc__


def _is_cancelled(call):
    """Tells whether a call was cancelled before it ran."""
    return _get_state(call) == _State.CANCELLED and not _ending.is_aborted(call)


def _get_outcome(call, variant):
    """Returns a result and None, or None and an exception or _CANCELLED."""
    if variant is None:
        try:
            variant = _get_result(call, 0)
        except GLib.Error as error:
            if _is_cancelled(call):
                return None, _CANCELLED
            return None, to_exception(error, call)
    try:
        result = _pickling.loads(variant)
        if type(result) is not _process_worker.Failure:
            return result, None
    except BaseException as error:
        if _loop.is_interrupt(error):
            raise
        return None, _new_unpickling_error('The result', error)
    return None, _unpack_failure(result)


def _unpack_failure(failure):
    """Returns the exception that the worker raised, with the traceback that it had there. An
    exception may refuse to have one set, so it isn't asked."""
    remote = _RemoteTraceback('\n"""\n%s"""' % failure.text)
    try:
        exception = pickle.loads(failure.pickled)
        if not issubclass(type(exception), BaseException):
            raise TypeError('it became %s, which is no exception' % _describe_type(exception))
    except BaseException as error:
        if _loop.is_interrupt(error):
            raise
        _set_cause(error, remote)
        return _new_unpickling_error('The exception', error)
    _set_cause(exception, remote)
    return exception if failure.unpickled else _new_unpickling_error('The call', exception)


def _describe_type(value):
    return 'None' if value is None else 'a value of the type ' + type(value).__name__


def _new_unpickling_error(what, cause):
    name, text = _errors.describe(cause)
    error = UnpicklingError('%s could not be unpickled: %s: %s' % (what, name, text))
    error.__cause__ = cause
    return error


def add_traceback(error):
    """Replaces the traceback of an exception, which holds what was pickled, by its text."""
    text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    error.__cause__ = _RemoteTraceback('\n"""\n%s"""' % text)
    return error.with_traceback(None)


def to_exception(error, call=None):
    """Returns what an error of the library is in Python, that of a call or of an executor."""
    if call is not None and _ending.is_aborted(call):
        return concurrent.futures.CancelledError(error.message)
    if error.matches(_PPool.error_quark(), _PPool.Error.BROKEN):
        return BrokenProcessPool(error.message)
    if error.matches(_PPool.error_quark(), _PPool.Error.TOO_LARGE):
        return pickle.PicklingError(error.message)
    exception = _errors.from_call(error, call and functools.partial(_get_death, call))
    if isinstance(exception, (_failures.WorkerDied, _failures.CallTimeoutError)):
        return exception
    return RuntimeError(error.message)


def _forget():
    """In a forked copy of the process, another thread of which may hold it."""
    global _guard
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_forget)
