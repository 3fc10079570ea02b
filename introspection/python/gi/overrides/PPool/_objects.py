# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executors and futures with the habits of concurrent.futures: plain values, seconds,
Python's exceptions, ``await``. Names that only C has stay as they are there."""

import atexit
import functools
import os
import sys
import weakref

from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import GLib

from . import (_calls, _errors, _iterators, _launcher, _loop, _native, _options,
               _values)

_PPool = get_introspection_module('PPool')
_RawFuture = _PPool.Future
_RawExecutor = _PPool.Executor
_raw_result = _RawFuture.result
_raw_get_death = _RawFuture.get_death


@override
class Future(_RawFuture):
    """A call of a named function. It has the methods of concurrent.futures.Future, which work in
    the same way."""

    __module__ = 'gi.overrides.PPool'

    cancelled = _RawFuture.is_cancelled
    running = _RawFuture.is_running
    done = _RawFuture.is_done

    @property
    def worker_pid(self):
        """The process ID of the worker that took the call, or None."""
        return self.get_worker_pid() or None

    @property
    def started_time(self):
        """The time at which a worker took the call, in seconds of time.monotonic(), or None."""
        usec = self.get_started_time()
        return usec / 1000000 if usec else None

    @property
    def death(self):
        """The PPool.Death of the last worker that died while it ran the call, or None."""
        return self.get_death()

    @property
    def n_attempts(self):
        """How many times a worker has begun the call."""
        return self.get_n_attempts()

    def __repr__(self):
        return '<PPool.Future of “%s”, %s>' % (self.get_function(), self.get_state().value_nick)

    @_errors.hiding
    def result_variant(self, timeout=None):
        """Waits as result() does, and returns the GLib.Variant."""
        return self._get_variant(timeout)

    def _get_variant(self, timeout):
        if not self.is_done():
            self._wait(timeout)
        try:
            return _raw_result(self, 0)
        except GLib.Error as error:
            problem = error
        try:
            _errors.raise_clean(self._explain(problem))
        finally:
            del problem

    def _wait(self, timeout):
        if timeout is None:
            _loop.wait_for_future(self)
            return
        _loop.wait_for(_native.wait_futures([self], _PPool.ReturnWhen.ALL_COMPLETED,
                                            _loop.to_msec(timeout)))
        if not self.is_done():
            raise _errors.get_futures().TimeoutError('“%s” was not done within %s' % (
                self.get_function(), _loop.describe_limit(timeout)))

    def _explain(self, error):
        if self.is_cancelled():
            return _errors.get_futures().CancelledError(error.message)
        return _errors.from_call(error, functools.partial(_raw_get_death, self))

    def result(self, timeout=None):
        """Waits for the value, at most timeout seconds, and returns it as a plain value.

        Raises TimeoutError, CancelledError, BrokenProcessPool, or the exception that the function
        raised; other errors are GLib.Error.
        """
        try:
            variant = self._get_variant(timeout)
            return _values.variant_to_result(variant)
        except Exception as error:
            _errors.hide_frames(error)
            raise

    @_errors.hiding
    def exception(self, timeout=None):
        """Waits, and returns the exception that result() raises, or None. Raises TimeoutError and
        CancelledError as result() does."""
        if not self.is_done():
            self._wait(timeout)
        error = self.get_error()
        if self.is_cancelled():
            raise _errors.get_futures().CancelledError(error.message)
        return None if error is None else self._explain(error)

    def add_done_callback(self, function, *, context=None):
        """Adds a callback: function(future) is called when the call has completed, in a thread of
        this module, or in the given GLib.MainContext, in the order of the calls to this method. An
        exception of the function is logged."""
        if getattr(function, '__module__', None) == 'asyncio.tasks':
            # It isn't safe in another thread, so that whoever awaits would wait for ever.
            raise TypeError('asyncio.wait() does not accept a PPool.Future: pass '
                            'asyncio.ensure_future(future)')
        _loop.invoke(_add_callback, self, function, context)

    def __await__(self):
        if not self.is_done():
            from . import _asyncio
            yield from _asyncio.wait_future(self)
        if self.is_cancelled():
            from . import _asyncio
            raise _asyncio.asyncio.CancelledError(self.get_error().message)
        try:
            variant = self._get_variant(0)
            return _values.variant_to_result(variant)
        except Exception as error:
            _errors.hide_frames(error)
            raise


@override
class Death(_PPool.Death):
    """The death of a worker. What there is none of is None."""

    __module__ = 'gi.overrides.PPool'

    cause = property(_PPool.Death.get_cause, doc='The PPool.DeathCause.')
    function = property(_PPool.Death.get_function, doc='The function that the worker ran.')
    stderr_tail = property(_PPool.Death.get_stderr_tail,
                           doc='The end of what the worker wrote to its standard error.')
    message = property(_PPool.Death.get_message, doc='The description in words.')

    @property
    def worker_pid(self):
        """The process ID of the worker."""
        return self.get_worker_pid() or None

    @property
    def signal_number(self):
        """The number of the signal that killed the worker."""
        return self.get_signal_number() or None

    @property
    def exit_status(self):
        """The status with which the worker exited."""
        status = self.get_exit_status()
        return status if status >= 0 else None

    @property
    def run_time(self):
        """How long the function had run, in seconds."""
        usec = self.get_run_time()
        return usec / 1000000 if usec >= 0 else None

    def __repr__(self):
        return '<PPool.Death: %s>' % (self.get_message() or '').partition('\n')[0]


@override
class WorkerStatus(_PPool.WorkerStatus):
    """A worker of an executor."""

    __module__ = 'gi.overrides.PPool'

    slot = property(_PPool.WorkerStatus.get_slot, doc='The number of the worker, from 0.')
    exit_reason = property(_PPool.WorkerStatus.get_exit_reason,
                           doc='The PPool.WorkerExitReason.')
    death = property(_PPool.WorkerStatus.get_death,
                     doc='The PPool.Death, or None if it has not died and was not ended.')

    @property
    def pid(self):
        """The process ID of the worker, or None if no process could be started."""
        return self.get_pid() or None

    def __repr__(self):
        return '<PPool.WorkerStatus of %s, %s>' % (self.pid, self.exit_reason.value_nick)


def _add_callback(future, function, context):
    """In the thread where the callback is to come, or is handed over."""
    if context is None:
        _native.add_done_callback(future, _loop.call, function, future)
    else:
        _native.add_done_callback(future, _native.call_in_context, context, _loop.call,
                                  function, future)


def _to_launcher(launcher):
    if launcher is None:
        return _launcher.new_default()
    if isinstance(launcher, _PPool.Launcher):
        return launcher
    if isinstance(launcher, (list, tuple)):
        return _launcher.new([os.fspath(arg) for arg in launcher])
    raise TypeError('launcher must be a PPool.Launcher or a list of str, not %s'
                    % type(launcher).__name__)


def _prepare_await():
    """A program that knows asyncio may await the futures of an executor. When there are no more
    file descriptors, it is too late to import what that needs."""
    if 'asyncio' in sys.modules:
        try:
            from . import _asyncio  # noqa: F401
        except OSError:
            # It is too late already. What can be told without is.
            pass


def _to_count(name, value):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 32:
        raise ValueError('%s must be a positive integer, not %r' % (name, value))
    return value


_revive = _errors.translated(_RawExecutor.revive)


@override
class Executor(_calls.Calls, _RawExecutor):
    """A pool of worker processes, as a context manager: ``with`` waits for all calls and
    workers, ``async with`` does so without blocking."""

    __module__ = 'gi.overrides.PPool'

    _is_watched = False

    @_errors.hiding
    def __init__(self, launcher=None, max_workers=None, *, on_worker_started=None,
                 on_worker_exited=None, **properties):
        """launcher is a PPool.Launcher, or the command of the workers as a list of str;
        without, they are this program. max_workers is by default the number of processors.
        Further keywords are the properties of the class. crash_policy may be 'break' or
        'replace', and the times abort_grace, call_timeout and queue_timeout are seconds.

        on_worker_started(status) is called when a worker is ready, and on_worker_exited(status,
        exception) when one has exited, with the same PPool.WorkerStatus. The exception is None if
        the worker was asked to exit, and a PPool.WorkerDied if it died. Both are called in a
        thread of this module, as all signals of such an executor are, before shutdown() returns;
        what they raise is logged.

        Raises ValueError for numbers that are not positive, and TypeError for an
        initializer that is no name of a function."""
        properties = _options.to_properties(properties)
        if max_workers is not None:
            properties['max_workers'] = _to_count('max_workers', max_workers)
        if properties.get('max_tasks_per_worker') is not None:
            _to_count('max_tasks_per_worker', properties['max_tasks_per_worker'])
        if properties.get('initializer') is not None:
            _values.check_name(properties['initializer'], 'the initializer')
        args = properties.get('initializer_args')
        if args is not None and not isinstance(args, GLib.Variant):
            properties['initializer_args'] = _values.arguments_to_variant(
                properties.get('initializer'), tuple(args))
        # A worker that can't be started is no time to import what tells so.
        _errors.prepare()
        _prepare_await()
        make = functools.partial(super().__init__, launcher=_to_launcher(launcher), **{
            key: value for key, value in properties.items() if value is not None})
        if on_worker_started is None and on_worker_exited is None:
            make()
        else:
            from . import _watching
            _watching.check(on_worker_started, on_worker_exited)
            _watching.make_in_thread(make)
            _watching.connect(self, on_worker_started, on_worker_exited)
            self._is_watched = True
        _executors.add(self)

    @classmethod
    def new(cls, launcher=None):
        return cls(launcher)

    def _submit(self, function, args, cancellable, keywords):
        return _calls.submit(self, function, args, cancellable, keywords, None)

    @_errors.hiding
    def options(self, *, timeout=..., queue_timeout=..., retries=..., label=...):
        """Returns a view of this executor whose calls have options. It has submit(), call_sync(),
        call(), map(), and options() for further options. None means the default of the executor.

        timeout is the time in seconds that a call may run. After that it is ended, and raises
        TimeoutError. queue_timeout is the time in seconds that it may wait for a worker. retries
        is the number of times that it runs again if its worker dies, with crash_policy='replace'.
        label names the call in messages about the death of its worker.

        Raises TypeError and ValueError for invalid values.
        """
        return _calls.View(self, _options.combine(
            {}, timeout=timeout, queue_timeout=queue_timeout, retries=retries, label=label))

    prestart = _errors.translated(_RawExecutor.prestart)
    submit_call = _errors.translated(_RawExecutor.submit_call)

    @_errors.hiding
    def revive(self):
        """Makes a broken executor accept calls again. Raises GLib.Error, which is a RuntimeError,
        after a shutdown."""
        _revive(self)

    @_errors.hiding
    def map(self, function, /, *iterables, timeout=None, chunksize=0, buffersize=None,
            stop_on_error=True):
        """Calls a function with the items of iterables, up to the end of the shortest, and returns
        an iterator, also for ``async for``, over the values in their order.

        The thread of the reader draws items in advance, at most buffersize; chunksize of them
        share a message, by default a number that the library chooses. The iterator raises
        TimeoutError when timeout seconds have passed since this call. It ends with the first
        exception of a call, unless stop_on_error is False: then next() continues after it.
        """
        return _iterators.new_map(self, function, iterables, timeout, chunksize, buffersize,
                                  stop_on_error)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Stops accepting calls; with wait, blocks until all calls have completed and every worker
        has exited. Also accepts PPool.ShutdownFlags as in C, and then doesn't wait."""
        if isinstance(wait, _PPool.ShutdownFlags):
            _RawExecutor.shutdown(self, wait)
        elif wait and self._is_idle():
            self._end_idle(_shutdown_flags(cancel_futures))
            self._wait_for_told()
        elif wait:
            _loop.wait_for(_native.shutdown(self, _shutdown_flags(cancel_futures)))
            self._wait_for_told()
        else:
            _RawExecutor.shutdown(self, _shutdown_flags(cancel_futures))

    def _wait_for_told(self):
        if self._is_watched:
            from . import _watching
            _watching.wait_for_told()

    def _is_idle(self):
        return not (self.get_n_workers() or self.get_n_pending() or self.get_n_running())

    def _end_idle(self, flags):
        """There is nothing to wait for that takes long. Where no thread can be created, which
        may be why nothing has started, the other way would end the program: GLib has a thread
        of its own for it."""
        try:
            _RawExecutor.shutdown_sync(self, flags, None)
        except GLib.Error:
            # This is a forked copy of the process that has the executor.
            pass

    def shutdown_async(self, *args, cancel_futures=False, **kwargs):
        """Works as shutdown() without blocking, when awaited. With the arguments of the C
        function, it works as in C."""
        if args or kwargs:
            return _RawExecutor.shutdown_async(self, *args, **kwargs)
        return self._await_shutdown(_shutdown_flags(cancel_futures))

    async def _await_shutdown(self, flags):
        from . import _asyncio
        await _asyncio.operation(_native.shutdown(self, flags), self.shutdown_finish)
        self._wait_for_told()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        """Waits for the calls. After Ctrl-C, it terminates the workers instead."""
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.terminate_workers()
        self.shutdown()

    async def __aenter__(self):
        # Imported before there may be an error to tell.
        from . import _asyncio  # noqa: F401
        return self

    async def __aexit__(self, kind, value, trace):
        from . import _asyncio
        if kind is not None and issubclass(kind, (KeyboardInterrupt,
                                                  _asyncio.asyncio.CancelledError)):
            self.terminate_workers()
        await self._await_shutdown(_PPool.ShutdownFlags.NONE)


def _shutdown_flags(cancel_futures):
    return (_PPool.ShutdownFlags.CANCEL_PENDING if cancel_futures
            else _PPool.ShutdownFlags.NONE)


# At the end of the program calls are waited for, as concurrent.futures does.
_executors = weakref.WeakSet()
os.register_at_fork(after_in_child=_executors.clear)


@atexit.register
def _join_executors():
    executors = list(_executors)
    try:
        if getattr(sys, 'last_type', None) is KeyboardInterrupt:
            raise KeyboardInterrupt
        for executor in executors:
            executor.shutdown()
    except KeyboardInterrupt:
        for executor in executors:
            executor.terminate_workers()
        for executor in executors:
            executor.shutdown()


@override
class Buffer(_PPool.Buffer):
    """Memory that is filled in place and sent without a copy."""

    __module__ = 'gi.overrides.PPool'

    def view(self):
        """Returns the memory as a writable memoryview, which must not be written to after the
        buffer was sent or to_variant() was called."""
        return _native.get_buffer_view(self)

    def __len__(self):
        return self.get_size()

    def __bool__(self):
        return True


@_errors.hiding
def wait_futures(futures, return_when=_PPool.ReturnWhen.ALL_COMPLETED, timeout=None):
    """Waits for the first future, the first error or all, at most timeout seconds, and returns the
    list of futures that have completed, also if the time is up. The constants of
    concurrent.futures are accepted as well."""
    futures = list(futures)
    for future in futures:
        if not isinstance(future, _RawFuture):
            raise TypeError('a PPool.Future is needed, not %s' % type(future).__name__)
    return_when = _RETURN_WHEN.get(return_when, return_when)
    if not isinstance(return_when, _PPool.ReturnWhen):
        raise ValueError('return_when can\'t be %r' % (return_when, ))
    result = _loop.wait_for(_native.wait_futures(futures, return_when, _loop.to_msec(timeout)))
    return _wait_futures_finish(result)


_wait_futures_finish = _errors.translated(_PPool.wait_futures_finish)


# The constants of concurrent.futures are their own names.
_RETURN_WHEN = {
    'FIRST_COMPLETED': _PPool.ReturnWhen.FIRST_COMPLETED,
    'FIRST_EXCEPTION': _PPool.ReturnWhen.FIRST_ERROR,
    'ALL_COMPLETED': _PPool.ReturnWhen.ALL_COMPLETED,
}
