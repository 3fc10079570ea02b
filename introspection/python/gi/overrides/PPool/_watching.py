# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Functions that are told of workers without a main loop, in the thread of callbacks. This module
is imported where there are such functions."""

import threading
from concurrent.futures import CancelledError

from gi.repository import GLib

from . import _errors, _loop


def check(on_started, on_exited):
    """Raises TypeError for what can't be called."""
    for name, function in (('on_worker_started', on_started), ('on_worker_exited', on_exited)):
        if function is not None and not callable(function):
            raise TypeError('%s must be a callable' % name)


def _explain_exit(status, error):
    """Returns the exception for the exit of a worker, or None if it was asked to exit."""
    if error is None:
        return None
    if _errors.is_cancelled(error):
        return CancelledError(error.message)
    exception = _errors.from_call(error, status.get_death)
    if exception is error:
        error.message = _errors.for_readers(error.message)
    return exception


def connect(raw, on_started, on_exited):
    """Neither handler holds the executor, which lives as long as what it calls."""
    if on_started is not None:
        raw.connect('worker-started', lambda _, status: _loop.call(on_started, status))
    if on_exited is not None:
        raw.connect('worker-exited', lambda _, status, error: _loop.call(
            on_exited, status, _explain_exit(status, error)))


def make_in_thread(make):
    """Calls a function in the thread of callbacks, in whose context the signals of what it makes
    come then."""
    if _loop.is_loop_thread():
        return make()
    outcome, made = [], threading.Event()

    def run():
        try:
            outcome[:] = make(), None
        except BaseException as error:
            outcome[:] = None, error
        finally:
            made.set()

    _loop.invoke(run)
    made.wait()
    value, error = outcome
    if error is not None:
        _errors.raise_clean(error)
    return value


def call_behind(function):
    """In the thread of callbacks: has a function called there when all that was to be told of
    workers by now is told."""
    def run(*_):
        function()
        return GLib.SOURCE_REMOVE

    source = GLib.Idle(priority=GLib.PRIORITY_LOW)
    source.set_callback(run)
    source.attach(_loop.get_thread().context)


def wait_for_told():
    """Waits until that is so."""
    if not _loop.is_loop_thread():
        told = threading.Event()
        _loop.invoke(call_behind, told.set)
        told.wait()
