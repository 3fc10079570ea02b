# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The worker in Python of pool.py."""

import asyncio
import sys
import time

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

LIMIT = 30  # seconds

worker = PPool.Worker()


@worker.function
def spin(*args):
    cancellable = PPool.get_current_invocation().get_cancellable()
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        cancellable.set_error_if_cancelled()


@worker.function
async def sleep(*args):
    assert PPool.get_current_invocation().get_function() == 'sleep'
    await asyncio.sleep(LIMIT)


def is_cancelled(invocation, args):
    assert invocation == PPool.get_current_invocation()
    return GLib.Variant('b', invocation.get_cancellable().is_cancelled())


@worker.function('get-options')
def get_options(*args):
    invocation = PPool.get_current_invocation()
    return GLib.Variant('ax', [invocation.get_deadline(), invocation.get_attempt()])


worker.add_function('is-cancelled', is_cancelled)
assert PPool.get_current_invocation() is None
sys.exit(worker.run())
