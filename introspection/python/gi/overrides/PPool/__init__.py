# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PPool-GLib for Python: what ``from gi.repository import PPool`` gives on top of
the library's own names. Each name is made in the module of its room; this one
only collects them."""

from . import _later
from ._errors import RemoteError
from ._iterators import AsCompleted, Map, as_completed
from ._launcher import Launcher
from ._loop import create_task, run
from ._objects import Buffer, Death, Executor, Future, WorkerStatus, wait_futures
from ._values import from_variant, to_variant
from ._worker import Worker, get_current_invocation

__all__ = ['AsCompleted', 'Buffer', 'Death', 'Executor', 'Future', 'Launcher', 'Map',
           'RemoteError', 'Worker', 'WorkerStatus', 'as_completed', 'create_task', 'from_variant',
           'get_current_invocation', 'run', 'to_variant', 'wait_futures']

# Workers that call named functions start sooner without multiprocessing.
_later.add('ProcessPoolExecutor', '_process_pool')
_later.add('UnpicklingError', '_process_future')
_later.add('CallTimeoutError', '_failures')
_later.add('WorkerDied', '_failures')
_later.add('freeze_support', '_process_setup')
