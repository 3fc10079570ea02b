# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A ProcessPoolExecutor whose calls have options."""

from concurrent.futures import Executor

from . import _options


class View(Executor):
    """A ProcessPoolExecutor in all respects, but that its calls have options: it is given those
    methods of one that take them, and has the others do as they do there."""

    def __init__(self, executor, options, submit, map):
        self._executor = executor
        self._options = options
        self._submit_with = submit
        self._map_with = map

    def __repr__(self):
        return '<%r with the options %r>' % (self._executor, self._options)

    def submit(self, fn, /, *args, **kwargs):
        """Works as the method of the executor; the call has the options."""
        return self._submit_with(self._options, fn, args, kwargs)

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None,
            stop_on_error=True):
        """Works as the method of the executor; each call, of chunksize items, has the options. The
        timeout is that of the reader."""
        return self._map_with(self._options, fn, iterables, timeout, chunksize, buffersize,
                              stop_on_error)

    def options(self, *, timeout=..., queue_timeout=..., retries=..., label=...):
        """Returns a view with further options, or with other values for the options of this view.
        """
        options = _options.combine(self._options, timeout=timeout, queue_timeout=queue_timeout,
                                   retries=retries, label=label)
        return type(self)(self._executor, options, self._submit_with, self._map_with)

    def abort(self, future):
        """Works as the method of the executor."""
        self._executor.abort(future)

    def revive(self):
        """Works as the method of the executor."""
        self._executor.revive()

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Shuts the executor down."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)

    def terminate_workers(self):
        """Works as the method of the executor."""
        self._executor.terminate_workers()

    def kill_workers(self):
        """Works as the method of the executor."""
        self._executor.kill_workers()

    def __exit__(self, *args):
        return self._executor.__exit__(*args)
