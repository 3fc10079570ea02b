# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exceptions for what happens to calls and is no doing of a function that raises something.
This module is imported with the first executor and not before, since it imports much."""

import concurrent.futures
from concurrent.futures import process

from gi.repository import GLib


class _Failure:
    """Its text is that of the library alone, and it can be pickled.

    death is the PPool.Death of the worker that ran the call, or None: if it ran in another one or
    in none, and after the exception was pickled."""

    death = None

    def __str__(self):
        return self.message

    def __repr__(self):
        return '%s(%r)' % (type(self).__name__, self.message)

    def __reduce__(self):
        return _new, (type(self).__name__, self.message, self.domain, self.code)


class BrokenProcessPool(_Failure, process.BrokenProcessPool, GLib.Error):
    """The executor is broken: also a GLib.Error, with domain and code. Only the call whose worker
    broke it has a death."""

    __module__ = 'gi.repository.PPool'


class WorkerDied(BrokenProcessPool):
    """The worker that ran the call died, and the executor replaces its workers. Only that call has
    failed: unlike after any other BrokenProcessPool, the executor is not broken. It is also a
    GLib.Error, with domain and code.

    death is a PPool.Death that describes the death, or None after the exception was pickled.
    """

    __module__ = 'gi.repository.PPool'


class CallTimeoutError(_Failure, concurrent.futures.TimeoutError, GLib.Error):
    """The call exceeded its time limit, or waited too long for a worker. It is a TimeoutError, and
    also a GLib.Error, with domain and code. If a worker was ended for it, that is the death."""

    __module__ = 'gi.repository.PPool'

    def __init__(self, message, domain, code):
        GLib.Error.__init__(self, message, domain, code)


def _new(name, *args):
    return globals()[name](*args)
