# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of calls whose value nobody waits for any more."""

from gi.module import get_introspection_module

_PPool = get_introspection_module('PPool')

# The methods as the library has them, whatever an override makes of them.
_cancel = _PPool.Future.cancel
_abort = _PPool.Future.abort
_get_n_attempts = _PPool.Future.get_n_attempts
_get_state = _PPool.Future.get_state
_get_source_object = _PPool.Future.get_source_object


def give_up(call):
    """Cancels a call, or aborts it if it runs and its executor is to do that."""
    if not _cancel(call):
        abort_if_wanted(call)


def abort_if_wanted(call):
    """Aborts a call that can't be cancelled if its executor is to do that."""
    executor = _get_source_object(call)
    if executor is not None and executor.get_cancel_running():
        _abort(call)


def is_aborted(call):
    """Tells whether a call has no value since it was aborted while it ran."""
    return _get_state(call) == _PPool.FutureState.CANCELLED and _get_n_attempts(call) > 0
