# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers whose functions take and give plain values."""

import contextvars
import faulthandler
import functools
import sys
import types

from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import Gio, GLib

from . import _errors, _values

_PPool = get_introspection_module('PPool')


_raw_add_function = _PPool.Worker.add_function

# Of the function that runs here.
current = contextvars.ContextVar('ppool-invocation', default=None)


def get_current_invocation():
    """Returns the PPool.Invocation of the running function, of any kind, and None elsewhere. In a
    thread that the function has started, it is None, except with asyncio.to_thread()."""
    return current.get()


def enable_faulthandler():
    """Has a worker that dies of a signal such as SIGSEGV say where it was in Python, as with
    PYTHONFAULTHANDLER=1: the pool has that in its message. What the program has set stays."""
    if faulthandler.is_enabled():
        return
    try:
        faulthandler.enable()
    except (AttributeError, OSError, RuntimeError, ValueError):
        # There is no standard error.
        pass


# The flag inspect.CO_COROUTINE of code.
_CO_COROUTINE = 128

# How long a function has that returns by itself when its time is up.
_PATIENCE_SEC = 0.1


class Running:
    """While a function runs. If it takes longer than it may, it says where it is in Python: the
    pool has that in its message if it has to end the worker."""

    def __init__(self, invocation):
        self._invocation = invocation
        self._token = None
        self._is_watched = False

    def __enter__(self):
        self._token = current.set(self._invocation)
        deadline = self._invocation.get_deadline()
        if deadline >= 0:
            self._is_watched = _watch((deadline - GLib.get_monotonic_time()) / 1000000)

    def __exit__(self, *_):
        current.reset(self._token)
        if self._is_watched:
            faulthandler.cancel_dump_traceback_later()


def _watch(time_left):
    if not faulthandler.is_enabled():
        return False
    try:
        faulthandler.dump_traceback_later(max(time_left, 0) + _PATIENCE_SEC)
        return True
    except (AttributeError, OSError, RuntimeError, ValueError, OverflowError):
        # There is no standard error any more, or no thread.
        return False


@override
class Worker(_PPool.Worker):
    """The functions of a worker, and run()."""

    __module__ = 'gi.overrides.PPool'

    def run(self, *args):
        """Serves calls until the pool ends the worker, and returns the exit status."""
        enable_faulthandler()
        return super().run(*args)

    def function(self, name=None, /):
        """Adds a function: @worker.function("name"), or @worker.function for its own name, also
        with empty parentheses.

        It is called with the arguments of a call as plain values, and returns a plain value or a
        GLib.Variant. The call raises the exceptions of the function, with their traceback. An
        ``async def`` function runs on the main loop of the worker, with asyncio; the next call
        starts when it has completed.
        """
        if callable(name):
            return self._add(None, name)
        return functools.partial(self._add, name)

    def _add(self, name, function):
        if name is None:
            name = function.__name__
        if _is_coroutine_function(function):
            # Imported now, and not by a call when there may be no more file descriptors.
            from . import _asyncio  # noqa: F401
            self.add_handler(name, functools.partial(_begin, name, function))
        else:
            _raw_add_function(self, name, functools.partial(_call, name, function))
        return function

    def add_function(self, name, function, /, *user_data):
        """Adds a function as in C: function(invocation, args, *user_data) returns a GLib.Variant,
        or raises a GLib.Error. For any other value the call fails with a TypeError."""
        _raw_add_function(self, name, functools.partial(_call_raw, name, function), *user_data)


def _is_coroutine_function(function):
    """As inspect.iscoroutinefunction(), but without the module where a look will do: that takes
    long to be imported, and what says of a function that it is one has imported it."""
    if 'inspect' not in sys.modules:
        if type(function) is types.FunctionType:
            return bool(function.__code__.co_flags & _CO_COROUTINE)
        if type(function) is types.BuiltinFunctionType or isinstance(function, type):
            return False
    import inspect
    return inspect.iscoroutinefunction(function)


def _call(name, function, invocation, args, *_):
    """A GLib.Error is the only exception that may leave a callback: Python would keep any
    other, and with it the call."""
    try:
        with Running(invocation):
            return _values.result_to_variant(name, function(*_values.variant_to_arguments(args)))
    except BaseException as exception:
        error = _errors.to_glib(exception)
    try:
        _errors.raise_clean(error)
    finally:
        del error


def _call_raw(name, function, invocation, *args):
    """C takes what is no variant for nothing, and can't say what it was."""
    with Running(invocation):
        value = function(invocation, *args)
    if value is None or isinstance(value, GLib.Variant):
        return value
    raise _errors.to_glib(TypeError(
        '“%s” returned a value of the type %s, and not a GLib.Variant; functions that '
        '@worker.function adds may return plain values' % (name, type(value).__name__)))


def _begin(name, function, invocation, *_):
    from . import _asyncio
    _asyncio.create_task(_serve(name, function, invocation))


async def _serve(name, function, invocation):
    current.set(invocation)
    cancellable = invocation.get_cancellable()
    handler = _cancel_with(cancellable)
    try:
        args = _values.variant_to_arguments(invocation.get_args())
        value = _values.result_to_variant(name, await function(*args))
    except BaseException as exception:
        error = _to_glib(exception, cancellable)
        invocation.return_error_literal(GLib.quark_from_string(error.domain), error.code,
                                        error.message)
    else:
        invocation.return_value(value)
    finally:
        cancellable.disconnect(handler)


def _cancel_with(cancellable):
    """Has this task cancelled, which may be asked for in another thread. Gives what disconnects
    the two."""
    import asyncio
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel():
        task.cancel()
        loop.call_later(_PATIENCE_SEC, _tell_stack, task)

    return cancellable.connect(lambda *_: loop.call_soon_threadsafe(cancel))


def _tell_stack(task):
    """Says where a coroutine waits that goes on though it was cancelled, as Running does for other
    functions and in the same form. The first coroutine is one of this module."""
    if task.done() or not faulthandler.is_enabled() or sys.stderr is None:
        return
    lines = []
    coroutine = getattr(task.get_coro(), 'cr_await', None)
    while (frame := getattr(coroutine, 'cr_frame', None)) is not None:
        code = frame.f_code
        lines.append('  File "%s", line %d in %s'
                     % (code.co_filename, frame.f_lineno, code.co_name))
        coroutine = coroutine.cr_await
    try:
        print('Coroutine (most recent await first):', *reversed(lines), sep='\n', file=sys.stderr,
              flush=True)
    except (OSError, ValueError):
        # There is no standard error any more.
        pass


def _to_glib(exception, cancellable):
    """What a function that was cancelled makes of that is what a function in C makes of it."""
    import asyncio
    # Its class may fail to tell what it is.
    if issubclass(type(exception), asyncio.CancelledError) and cancellable.is_cancelled():
        return GLib.Error('The call was cancelled', 'g-io-error-quark',
                          int(Gio.IOErrorEnum.CANCELLED))
    return _errors.to_glib(exception)
