# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of named functions, as executors and their views with options have them."""

from gi.module import get_introspection_module
from gi.repository import GLib

from . import _ending, _errors, _iterators, _options, _values

_PPool = get_introspection_module('PPool')


class Calls:
    """What an executor has in common with its views. One that derives from it has
    _submit(function, args, cancellable, keywords)."""

    def submit(self, function, /, *args, cancellable=None, **keywords):
        """Submits a call, and returns its PPool.Future. A single GLib.Variant is sent unchanged;
        plain values are converted. Functions have no keyword arguments.

        Raises TypeError, ValueError or OverflowError for an argument that can't be sent,
        BrokenProcessPool if the executor is broken, and GLib.Error, which is a RuntimeError, after
        a shutdown.
        """
        try:
            return self._submit(function, args, cancellable, keywords)
        except Exception as error:
            _errors.hide_frames(error)
            raise

    def call_sync(self, function, /, *args, cancellable=None, **keywords):
        """Submits a call, waits, and returns its value. Raises what submit() and Future.result()
        raise; if the wait is interrupted, the call is cancelled."""
        future = None
        try:
            future = self._submit(function, args, cancellable, keywords)
            return _values.variant_to_result(future._get_variant(None))
        except Exception as error:
            _errors.hide_frames(error)
            raise
        finally:
            if future is not None:
                _ending.give_up(future)

    async def call(self, function, /, *args, cancellable=None, **keywords):
        """Submits a call, and returns its value when awaited."""
        # Imported before there may be an error to tell.
        from . import _asyncio  # noqa: F401
        try:
            return await self._submit(function, args, cancellable, keywords)
        except Exception as error:
            _errors.hide_frames(error)
            raise


class View(Calls):
    """An executor whose calls have options. It has what an executor has for calls, and nothing
    else."""

    def __init__(self, executor, options):
        self._executor = executor
        self._options = options

    def __repr__(self):
        return '<%r with the options %r>' % (self._executor, self._options)

    def _submit(self, function, args, cancellable, keywords):
        return submit(self._executor, function, args, cancellable, keywords, self._options)

    @_errors.hiding
    def submit_call(self, call, cancellable=None):
        """Submits a PPool.Call; its own options take precedence."""
        return self._executor.submit_call(_options.complete(call, self._options), cancellable)

    def call_async(self, function, args=None, cancellable=None, callback=None, *user_data):
        """Works as the method of the executor, with a GLib.Variant and a callback that gets this
        view, whose call_finish() gets the value. If the call can't be submitted, the exception is
        raised here."""
        future = self.submit_call(_PPool.Call.new(function, args), cancellable)
        done = callback and (lambda _, result, *data: callback(self, result, *data))
        return future.result_async(cancellable, done, *user_data)

    def call_finish(self, result):
        """Returns the GLib.Variant of call_async(), or raises GLib.Error."""
        return result.get_source_object().result_finish(result)

    @_errors.hiding
    def map(self, function, /, *iterables, timeout=None, chunksize=0, buffersize=None,
            stop_on_error=True):
        """Works as the method of the executor; each call has the options. The timeout is that of
        the reader."""
        result = _iterators.new_map(self._executor, function, iterables, timeout, chunksize,
                                    buffersize, stop_on_error)
        result.set_call_options(_options.new_call(function, None, self._options))
        return result

    @_errors.hiding
    def options(self, *, timeout=..., queue_timeout=..., retries=..., label=...):
        """Returns a view with further options, or with other values for the options of this view.
        """
        return View(self._executor, _options.combine(
            self._options, timeout=timeout, queue_timeout=queue_timeout, retries=retries,
            label=label))


def submit(executor, function, args, cancellable, keywords, options):
    """Submits a call of a named function with plain values."""
    if type(function) is not str or '\0' in function:
        _values.check_name(function)
    if keywords:
        raise TypeError('“%s” can\'t be called with the keyword argument %s: functions of '
                        'workers have positional arguments only. Give its value in its place, '
                        'or a dict as one of them' % (function, next(iter(keywords))))
    # A name keeps it until Python has looked for signals: the exception of one would
    # be lost in GLib.Variant.__del__().
    variant = _values.arguments_to_variant(function, args)
    try:
        return _options.submit(executor, function, variant, cancellable, options)
    except GLib.Error as error:
        problem = (_errors.get_futures().CancelledError() if _errors.is_cancelled(error)
                   else _errors.from_call(error))
    try:
        _errors.raise_clean(problem)
    finally:
        del problem
