# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PPool.ProcessPoolExecutor: what concurrent.futures.ProcessPoolExecutor is, with the workers
of a PPool.Executor."""

import collections
import functools
import itertools
import multiprocessing
import operator
import os
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError, Executor
from concurrent.futures.process import BrokenProcessPool

from gi.module import get_introspection_module
from gi.repository import GLib

from . import (_errors, _loop, _options, _pickling, _process_setup, _process_view,
               _process_worker, _processors, _watching)
from ._process_future import Future, add_traceback, to_exception

_PPool = get_introspection_module('PPool')

# The method as the library has it, whatever an override makes of it.
_revive = _PPool.Executor.revive

_dumps_call = _pickling.dumps_call

# The pools whose workers have not all ended, also of executors that are gone.
_live = set()
_is_exiting = False
# Held for moments: while a pool is added to those, and while the interpreter begins to exit,
# which waits for all that are there.
_exit_lock = threading.RLock()


def _get_name(fn):
    """Returns what a function is called in messages, and where its run time is known by."""
    if isinstance(fn, functools.partial):
        fn = fn.func
    try:
        name = getattr(fn, '__qualname__', None)
        if not isinstance(name, str):
            fn = type(fn)
            name = fn.__qualname__
        name = f'{_get_module(fn)}.{name}'
    except Exception:
        # Attributes of an object may fail, and it be called all the same.
        return 'function'
    return name if name.isprintable() else 'function'


def _get_module(fn):
    """Returns the module of a function, or of the type whose method it is: what is written in C
    often knows that alone."""
    module = getattr(fn, '__module__', None)
    if not isinstance(module, str):
        owner = getattr(fn, '__self__', None)
        if not isinstance(owner, type):
            owner = getattr(fn, '__objclass__', type(owner))
        module = owner.__module__
    return module


def _new_exit_error():
    return RuntimeError('cannot schedule new futures after interpreter shutdown')


class _Pool:
    """The executor of the library, which lives until all workers have ended."""

    def __init__(self, on_worker_started=None, on_worker_exited=None, **properties):
        setup = _process_setup.Setup(properties.pop('initializer'), properties.pop('initargs'))
        # Held as long as a worker may be started.
        self._setup = setup
        self._pid = os.getpid()
        self._ends = False
        self._ended = threading.Event()
        try:
            self._thread = _loop.get_thread()
            make = functools.partial(_PPool.Executor, launcher=setup.launcher,
                                     initializer=setup.name, initializer_args=setup.variant,
                                     # What a worker has to do before it ends is waited for.
                                     grace_msec=0,
                                     **properties)
            self._is_watched = on_worker_started is not None or on_worker_exited is not None
            self.raw = _watching.make_in_thread(make) if self._is_watched else make()
            _watching.connect(self.raw, on_worker_started, on_worker_exited)
        except BaseException:
            setup.close()
            raise

    def enter(self):
        """Has the interpreter wait for the pool before it exits, or raises RuntimeError if it
        exits already. Nothing may be submitted before."""
        with _exit_lock:
            if not _is_exiting:
                _live.add(self)
                return
        self._setup.close()
        raise _new_exit_error()

    def is_foreign(self):
        """Tells whether this is a forked copy of the process that has the workers."""
        return self._pid != os.getpid()

    def shut_down(self, flags=_PPool.ShutdownFlags.NONE):
        """Starts the end. It may be called again, and from anywhere: by the garbage collector,
        for example."""
        if self.is_foreign():
            return
        self.raw.shutdown(flags)
        if not self._ends:
            # No lock, for the garbage collector; and nothing is called between what says that it
            # ends and what has it end, so that Ctrl-C does not come in between.
            job = self._await_end, ()
            try:
                self._ends = True
                self._thread.jobs.append(job)
            finally:
                self._thread.wakeup()

    def _await_end(self):
        self.raw.shutdown_async(_PPool.ShutdownFlags.NONE, None, self._finish)

    def _finish(self, raw, result):
        if not self._is_watched:
            self._note_end()
            return
        _watching.call_behind(self._note_end)

    def _note_end(self):
        self._setup.close()
        _live.discard(self)
        self._ended.set()

    def wait(self):
        """Waits until the workers have ended and the futures know. In a done callback, other
        futures are told only after that."""
        if self.is_foreign():
            return
        if _loop.is_loop_thread():
            self.raw.shutdown_sync(_PPool.ShutdownFlags.NONE, None)
        else:
            self._ended.wait()

    def revive(self):
        try:
            _revive(self.raw)
            return
        except GLib.Error as error:
            problem = to_exception(error)
        try:
            _errors.raise_clean(problem)
        finally:
            del problem

    def end_workers(self, kill=False):
        if self.is_foreign():
            return
        if kill:
            self.raw.kill_workers()
        else:
            self.raw.terminate_workers()
        self.shut_down()


class ProcessPoolExecutor(Executor):
    """Runs callables in a pool of worker processes: concurrent.futures.ProcessPoolExecutor with
    the workers of PPool. Each is a fresh interpreter, prepared as the "spawn" method of
    multiprocessing prepares them."""

    def __init__(self, max_workers=None, mp_context=None, initializer=None, initargs=(), *,
                 max_tasks_per_child=None, crash_policy='break', max_start_failures=None,
                 abort_grace=None, call_timeout=None, queue_timeout=None, cancel_running=False,
                 on_worker_started=None, on_worker_exited=None):
        """Creates an executor. Workers are started when calls are waiting.

        max_workers is the maximum number of workers; the default is the number of processors
        available to this process. mp_context is accepted for compatibility and has no effect.
        Each worker first calls initializer(*initargs), both of which must be picklable; if that
        raises an exception, the pool is broken. A worker is replaced after max_tasks_per_child
        calls; by default never.

        If a worker dies, the pool is broken, unless crash_policy is 'replace'. Then only the call
        that it ran fails, with the exception PPool.WorkerDied, and another worker is started.
        max_start_failures, 5 by default, is the number of consecutive failed starts after which
        the pool is broken anyway; 0 is no limit.

        call_timeout is the time in seconds that a call may run, and queue_timeout the time that it
        may wait for a worker. After that it fails with an exception that is a TimeoutError; by
        default there is no limit. To end a running call after its timeout or for abort(), its
        function is asked to return, and after abort_grace seconds, 1 by default, its worker is
        ended. With cancel_running, cancel() of a future also aborts a running call.

        on_worker_started(status) is called when a worker is ready, and on_worker_exited(status,
        exception) when one has exited, with the same PPool.WorkerStatus. The exception is None if
        the worker was asked to exit, and a PPool.WorkerDied if it died. Both are called in a
        thread of this module, before shutdown() returns; what they raise is logged.

        Raises ValueError for a number that is not positive, and TypeError for a value that is not
        a number, or an initializer or other function that can't be called.
        """
        policy = _options.to_properties({
            'crash_policy': crash_policy, 'max_start_failures': max_start_failures,
            'abort_grace': abort_grace, 'call_timeout': call_timeout,
            'queue_timeout': queue_timeout, 'cancel_running': cancel_running})
        if max_workers is None:
            # As many processors as there are, by the library's account.
            max_workers = 0
        elif operator.index(max_workers) <= 0:
            raise ValueError('max_workers must be greater than 0')
        elif max_workers > GLib.MAXUINT32:
            raise ValueError('max_workers must be <= %d' % GLib.MAXUINT32)
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        _watching.check(on_worker_started, on_worker_exited)
        if max_tasks_per_child is not None:
            self._check_max_tasks(max_tasks_per_child, mp_context)
        # Private, but known to other libraries.
        self._max_workers = max_workers or _processors.count()
        self._mp_context = mp_context or multiprocessing.get_context('spawn')
        self._properties = {
            'max_workers': max_workers,
            'max_tasks_per_worker': max_tasks_per_child or 0,
            'initializer': initializer,
            'initargs': tuple(initargs),
            'on_worker_started': on_worker_started,
            'on_worker_exited': on_worker_exited,
            **policy,
        }
        self._lock = threading.RLock()
        self._is_shut_down = False
        self._pool = None

    @staticmethod
    def _check_max_tasks(max_tasks_per_child, mp_context):
        if not isinstance(max_tasks_per_child, int):
            raise TypeError('max_tasks_per_child must be an integer')
        if max_tasks_per_child <= 0:
            raise ValueError('max_tasks_per_child must be >= 1')
        if mp_context is not None and mp_context.get_start_method(allow_none=False) == 'fork':
            raise ValueError('max_tasks_per_child is incompatible with the \'fork\' '
                             'multiprocessing start method; supply a different mp_context.')

    @property
    def _broken(self):
        error = self._pool.raw.get_error() if self._pool is not None else None
        return error.message if error is not None else False

    def _start(self):
        with self._lock:
            if self._pool is not None and (reason := self._broken):
                raise BrokenProcessPool(reason)
            if self._is_shut_down:
                raise RuntimeError('cannot schedule new futures after shutdown')
            if _is_exiting:
                raise _new_exit_error()
            if self._pool is None:
                pool = _Pool(**self._properties)
                try:
                    pool.enter()
                    weakref.finalize(self, pool.shut_down).atexit = False
                except BaseException:
                    pool.shut_down()
                    raise
                self._properties = None
                self._pool = pool
            return self._pool

    def submit(self, fn, /, *args, **kwargs):
        """Submits fn(*args, **kwargs) to a worker, and returns its Future.

        The function, the arguments and the result must be picklable; otherwise the future has the
        exception that pickling or unpickling raised.

        Raises BrokenProcessPool if a worker has died or could not be initialized, and RuntimeError
        after shutdown().
        """
        return self._submit(_get_name(fn), fn, args, kwargs)

    def _submit_with(self, options, fn, args, kwargs):
        return self._submit(_get_name(fn), fn, args, kwargs, options=options)

    def options(self, *, timeout=..., queue_timeout=..., retries=..., label=...):
        """Returns a view of this executor whose calls have options: it has the same methods, and
        can also be passed to loop.run_in_executor(). None means the default of the executor.

        timeout is the time in seconds that a call may run. After that it is ended, and has an
        exception that is a TimeoutError. queue_timeout is the time in seconds that it may wait for
        a worker. retries is the number of times that it runs again if its worker dies, with
        crash_policy='replace'. label names the call in messages about the death of its worker.

        Raises TypeError and ValueError for invalid values.
        """
        return _process_view.View(self, _options.combine(
            {}, timeout=timeout, queue_timeout=queue_timeout, retries=retries, label=label),
            self._submit_with, self._map)

    def _submit(self, name, fn, args, kwargs, candidates=None, options=None):
        pool = self._pool or self._start()
        future = None
        try:
            variant = _dumps_call(fn, args, kwargs, candidates)
        except Exception as error:
            future = Future()
            future.set_exception(add_traceback(error))
        if future is not None:
            self._start()
            return future
        try:
            return Future(_options.submit(pool.raw, name, variant, None, options))
        except GLib.Error as error:
            problem = to_exception(error)
        # If there is a better reason, it is raised here.
        self._start()
        try:
            _errors.raise_clean(problem)
        finally:
            del problem

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None,
            stop_on_error=True):
        """Returns an iterator over the results of fn for each item of the iterables, in order.

        A call has chunksize items. All items are drawn at once, or, with buffersize, only as long
        as there are fewer than that many calls whose results have not been read.

        The iterator raises the exceptions of calls, and TimeoutError if a result is not available
        timeout seconds after the call of map(). It then cancels the remaining calls. If
        stop_on_error is False, it continues after the exception of a call, which stands for all
        items of that call.

        Raises ValueError if chunksize or buffersize is not positive, TypeError if buffersize is
        not an integer, and the exceptions of submit().
        """
        return self._map(None, fn, iterables, timeout, chunksize, buffersize, stop_on_error)

    def _map(self, options, fn, iterables, timeout, chunksize, buffersize, stop_on_error):
        if chunksize < 1:
            raise ValueError('chunksize must be >= 1.')
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError('buffersize must be an integer or None')
        if buffersize is not None and buffersize < 1:
            raise ValueError('buffersize must be None or > 0')
        timeout = _loop.to_seconds(timeout)
        end = timeout + time.monotonic() if timeout is not None else None
        inputs = _take_chunks(fn, iterables, chunksize)
        futures = collections.deque()
        try:
            for call in itertools.islice(inputs, buffersize):
                futures.append(self._submit(*call, options=options))
        except BaseException:
            _cancel_all(futures)
            raise
        results = _read(weakref.ref(self), futures, inputs, end, options, stop_on_error)
        if not stop_on_error:
            return _Outcomes(results, chunksize > 1)
        return _read_items(results) if chunksize > 1 else results

    def abort(self, future):
        """Ends a call, whether it waits for a worker or runs. A waiting call is cancelled. A
        running call is asked to return, through PPool.get_current_invocation().get_cancellable(),
        and after abort_grace seconds its worker is ended; other calls are not affected. If the
        function returns a value before that, the future has it. Otherwise it has the exception
        concurrent.futures.CancelledError, once it is certain that the function does not run any
        more, and cancelled() is false: a running future can't become cancelled.

        Raises TypeError for any other object than a future of such an executor.
        """
        if not isinstance(future, Future):
            raise TypeError('abort() needs a future that submit() has returned, not %s'
                            % type(future).__name__)
        future.abort()

    def revive(self):
        """Makes a broken pool accept calls again. Calls that have failed are not repeated.

        Raises RuntimeError after shutdown().
        """
        with self._lock:
            if self._is_shut_down:
                raise RuntimeError('cannot revive after shutdown')
            pool = self._pool
        if pool is not None:
            pool.revive()

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Completes all calls, or cancels those that no worker has taken, and ends the workers.
        With wait, it blocks until that is done. It can be called again."""
        with self._lock:
            self._is_shut_down = True
            pool = self._pool
        if pool is None:
            return
        pool.shut_down(_PPool.ShutdownFlags.CANCEL_PENDING if cancel_futures
                       else _PPool.ShutdownFlags.NONE)
        if wait:
            pool.wait()

    def _end_workers(self, kill):
        with self._lock:
            self._is_shut_down = True
            pool = self._pool
        if pool is not None:
            pool.end_workers(kill)

    def terminate_workers(self):
        """Cancels calls that no worker has taken, and terminates the workers. The calls that they
        ran fail with BrokenProcessPool. Further calls are refused."""
        self._end_workers(False)

    def kill_workers(self):
        """Works as terminate_workers(), but with SIGKILL."""
        self._end_workers(True)

    def __exit__(self, exc_type, exc_value, exc_traceback):
        """Waits for the calls. After Ctrl-C, which workers know nothing of, ends them."""
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt):
            self.terminate_workers()
        self.shutdown(wait=True)
        return False


def _take_chunks(fn, iterables, size):
    """Returns an iterator over what is submitted for each chunk."""
    name = _get_name(fn)
    rows = zip(*iterables)
    if size == 1:
        return ((name, fn, row, {}) for row in rows)
    columns = _take_columns(*iterables, size=size) if len(iterables) == 1 else \
        _take_rows(rows, size)
    return (_to_chunk_call('map of ' + name, fn, list(chunk)) for chunk in columns)


def _to_chunk_call(name, fn, columns):
    return (name, _process_worker.run_chunk, (fn, columns), {},
            list(itertools.chain.from_iterable(columns)))


def _take_columns(iterable, size):
    """Yields the arguments of chunks, if there is one for each call."""
    items = iter(iterable)
    while column := tuple(itertools.islice(items, size)):
        yield (column,)


def _take_rows(rows, size):
    while chunk := tuple(itertools.islice(rows, size)):
        yield zip(*chunk)


def _read(executor_ref, futures, inputs, end, options, stop_on_error):
    """Yields the results of futures, and keeps as many of them as there are at first, while the
    executor is there. If it goes on after errors, what it yields are pairs of a result and an
    exception."""
    try:
        while futures:
            future = futures.popleft()
            try:
                result = future.result(end - time.monotonic() if end is not None else None)
                if not stop_on_error:
                    result = result, None
            except BaseException as error:
                if stop_on_error or not _is_outcome(future, error):
                    raise
                result = None, error
            finally:
                future.cancel()
                del future
            executor = executor_ref()
            call = next(inputs, None) if executor is not None else None
            if call is not None:
                futures.append(executor._submit(*call, options=options))
            del executor, call
            # Nothing here may hold what a reader has released.
            results = [result]
            del result
            yield results.pop()
    finally:
        _cancel_all(futures)


def _is_outcome(future, error):
    """Tells whether an exception is that of a call, and not of who waits."""
    if future.cancelled():
        return isinstance(error, CancelledError)
    return future.done() and future.exception() is error


class _Outcomes:
    """The results of a map that goes on after an exception."""

    def __init__(self, outcomes, are_chunks):
        self._outcomes = outcomes
        self._are_chunks = are_chunks
        self._items = []

    def __iter__(self):
        return self

    def __next__(self):
        while not self._items:
            result, error = next(self._outcomes)
            if error is not None:
                try:
                    _raise_outcome(error)
                finally:
                    # The exception's traceback has this frame.
                    del error, self
            self._items = result[::-1] if self._are_chunks else [result]
            del result
        return self._items.pop()

    def close(self):
        """Cancels the calls that are left."""
        self._items = []
        self._outcomes.close()


def _raise_outcome(error):
    try:
        if isinstance(error, StopIteration):
            raise RuntimeError('a call raised StopIteration') from error
        raise error
    finally:
        del error


def _read_items(results):
    """Yields the items of lists, which don't hold them any more."""
    try:
        for chunk in results:
            chunk.reverse()
            while chunk:
                yield chunk.pop()
    finally:
        results.close()


def _cancel_all(futures):
    for future in futures:
        future.cancel()


def _is_interrupted():
    """Tells whether the program ends because of Ctrl-C."""
    last = getattr(sys, 'last_type', None)
    return last is not None and issubclass(last, KeyboardInterrupt) and not hasattr(sys, 'ps1')


def _finish_all():
    """Lets the calls of all executors end before the interpreter does."""
    global _is_exiting
    with _exit_lock:
        _is_exiting = True
        pools = list(_live)
    try:
        for pool in pools:
            if _is_interrupted():
                pool.end_workers()
            else:
                pool.shut_down()
        for pool in pools:
            pool.wait()
    except KeyboardInterrupt:
        for pool in pools:
            pool.end_workers()
        for pool in pools:
            pool.wait()


def _forget():
    """A forked copy of the process has no workers."""
    global _exit_lock
    _exit_lock = threading.RLock()
    _live.clear()


os.register_at_fork(after_in_child=_forget)
# As concurrent.futures does: before threads are joined, and before functions of atexit.
threading._register_atexit(_finish_all)
