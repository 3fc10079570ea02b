# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Maps and completed futures as iterators, for ``for`` and for ``async for``."""

import collections

from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import GLib

from . import _errors, _loop, _native, _values

_PPool = get_introspection_module('PPool')
_RawExecutor = _PPool.Executor

# The error by which an exception of an input ends a map; the map has the exception.
_INPUT_DOMAIN = GLib.quark_to_string(GLib.quark_from_string('ppool-python-input'))


class _Iterator:
    """The next value of both kinds of reading. _late has what was read for somebody who
    was interrupted or cancelled meanwhile."""

    _late = None
    _check = None
    _timeout = None  # seconds, as the program has said it
    _get_death = None

    def _get_late(self):
        return self._late.popleft() if self._late else None

    def _keep_late(self, result):
        try:
            value = self._finish(result)
        except GLib.Error:
            return
        if value is not None:
            if self._late is None:
                self._late = collections.deque()
            self._late.append(value)

    def _unpack_or_keep(self, value):
        """To make a large value takes long. If a signal ends that, the next read has it."""
        try:
            return self._unpack(value)
        except BaseException as error:
            if _loop.is_interrupt(error):
                self._late = collections.deque((value, *(self._late or ())))
            raise

    def _read(self):
        """Waits for what comes next. If a signal ends that, the next read has what has come."""
        result = _loop.wait_for(self._begin(), late=self._keep_late, check=self._check)
        values = []
        try:
            _native.note_call(values, self._finish, result)
            return values[0]
        except BaseException:
            if values and values[0] is not None:
                self._late = collections.deque((*(self._late or ()), values[0]))
            raise

    def __iter__(self):
        return self

    def __next__(self):
        value, problem = self._get_late(), None
        if value is None:
            try:
                value = self._read()
            except GLib.Error as error:
                problem = error
        if problem is not None:
            try:
                self._fail(problem, _errors.get_futures().CancelledError, StopIteration)
            except Exception as error:
                _errors.hide_frames(error)
                raise
            finally:
                del problem
        if value is None:
            raise StopIteration
        return self._unpack_or_keep(value)

    def __aiter__(self):
        # Imported before there may be an error to tell.
        from . import _asyncio  # noqa: F401
        return self

    async def __anext__(self):
        from . import _asyncio
        value, problem = self._get_late(), None
        if value is None:
            try:
                value = await _asyncio.operation(self._begin(), self._finish, self._keep_late)
            except GLib.Error as error:
                problem = error
        if problem is not None:
            try:
                self._fail(problem, _asyncio.asyncio.CancelledError, StopAsyncIteration)
            except Exception as error:
                _errors.hide_frames(error)
                raise
            finally:
                del problem
        if value is None:
            raise StopAsyncIteration
        return self._unpack_or_keep(value)

    def _fail(self, error, cancelled_type, end_type):
        """Raises the exception for an error, unless that means the end. What would be taken
        for the end is a RuntimeError, as in a generator."""
        exception = self._explain(error, cancelled_type)
        try:
            if isinstance(exception, end_type):
                raise RuntimeError('%s was raised, and not by the end'
                                   % end_type.__name__) from exception
            if exception is not None:
                raise exception from exception.__cause__
        finally:
            del exception, error

    def _explain(self, error, cancelled_type):
        if _errors.is_timeout(error) and self._has_timeout():
            return _errors.get_futures().TimeoutError(
                error.message if self._timeout is None else self._describe_timeout())
        if _errors.is_cancelled(error):
            return cancelled_type(error.message)
        return _errors.from_call(error, self._get_death)


class _Inputs:
    """What is told of the inputs of a map."""

    exception = None
    signal = None


def _draw(inputs, function, iterator):
    """Draws an input each time it is gone on with, which C does by a method that is C. So the
    handler of a signal never comes between that and what handles exceptions here, as it does
    in front of the first line of a function. It doesn't know the map, which holds it through C,
    where Python can't see it."""
    failure = GLib.Error('An input failed', _INPUT_DOMAIN, 0)
    variants = []
    is_drawing = False
    try:
        yield
        is_drawing = True
        for args in iterator:
            variant = _values.arguments_to_variant(function, args)
            variants.append(_values.UNIT if variant is None else variant)
            # Nothing here may hold an input.
            del args, variant
            is_drawing = False
            yield variants.pop()
            is_drawing = True
        del iterator
        while True:
            is_drawing = False
            yield None
    except GeneratorExit as exception:
        if not is_drawing:
            # The map was dropped. Nothing is called, so that no signal comes here.
            raise
        inputs.exception = exception
    except BaseException as exception:
        inputs.exception = exception
        if isinstance(exception, (KeyboardInterrupt, SystemExit)):
            inputs.signal = exception
    raise failure


@override
class Map(_Iterator, _PPool.Map):
    """The values of one function for many inputs, in the order of the inputs. When it is dropped
    or closed, calls that have not started are cancelled."""

    __module__ = 'gi.overrides.PPool'

    _inputs = None
    _function = None
    _is_closed = False
    _begin = _native.next_value
    _finish = _PPool.Map.next_value_finish
    _unpack = staticmethod(_values.variant_to_result)

    def _check(self):
        """Ctrl-C while an input was drawn is not for who reads all that comes before it."""
        if self._inputs is not None and self._inputs.signal is not None:
            problem, self._inputs.signal = self._inputs.signal, None
            try:
                _errors.raise_clean(problem)
            finally:
                del problem

    def _explain(self, error, cancelled_type):
        if error.domain == _INPUT_DOMAIN and self._inputs is not None:
            exception, self._inputs.exception = self._inputs.exception, None
            self._inputs.signal = None
            return exception
        if _errors.is_cancelled(error) and self._is_closed:
            return None
        return super()._explain(error, cancelled_type)

    @property
    def failed_future(self):
        """The PPool.Future of the call whose exception was raised by the last read, or None if
        that was not the exception of a call, or there was none."""
        return self.get_failed_future()[0]

    @property
    def failed_index(self):
        """The index of the items of that call, from 0, or None."""
        future, index = self.get_failed_future()
        return index if future is not None else None

    def _get_death(self):
        future = self.failed_future
        return future.death if future is not None else None

    def _has_timeout(self):
        """Whether it may be the map that was late, and not a function that says so."""
        return self.get_timeout_msec() >= 0

    def _describe_timeout(self):
        return 'the map of “%s” had no result within %s' % (
            self._function, _loop.describe_limit(self._timeout))

    def close(self):
        """Cancels calls that have not started; the iterator returns no more values."""
        self._late = None
        self._is_closed = True
        self.cancel()

    async def aclose(self):
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()


def new_map(executor, function, iterables, timeout, chunksize, buffersize, stop_on_error):
    _values.check_name(function)
    if len(iterables) == 1 and isinstance(iterables[0], GLib.Variant):
        result, inputs = _RawExecutor.map(executor, function, iterables[0]), None
    else:
        inputs = _Inputs()
        draw = _draw(inputs, function, zip(*iterables))
        next(draw)
        result = _RawExecutor.map_func(executor, function, draw.__next__)
    result._inputs = inputs
    result._function = function
    if chunksize:
        result.set_chunk_size(chunksize)
    if buffersize is not None:
        result.set_buffer_size(buffersize)
    if timeout is not None:
        result.set_timeout_msec(_loop.to_msec(timeout))
        result._timeout = timeout
    if not stop_on_error:
        result.set_stop_on_error(False)
    return result


@override
class AsCompleted(_Iterator, _PPool.AsCompleted):
    """Futures in the order in which they complete."""

    __module__ = 'gi.overrides.PPool'

    _begin = _native.next_future
    _finish = _PPool.AsCompleted.next_future_finish
    _unpack = staticmethod(lambda future: future)
    _has_timeout = staticmethod(lambda: True)

    def _describe_timeout(self):
        return 'not all futures were done within %s' % _loop.describe_limit(self._timeout)


def as_completed(futures, timeout=None):
    """Returns an iterator, also for ``async for``, over futures in the order in which they
    complete. It raises TimeoutError when timeout seconds have passed since this call."""
    result = _PPool.AsCompleted.new(list(futures), _loop.to_msec(timeout))
    result._timeout = timeout
    return result
