# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""errors.py: what can go wrong with a call, and what a program then sees."""

import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, CancelledError

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def divide(a, b):
    return a / b


@worker.function
def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


worker.function('sleep')(time.sleep)


def main():
    executor = PPool.Executor(max_workers=1)

    # A function's exception is raised again, with the traceback of the worker.
    try:
        executor.call_sync('divide', 1, 0)
    except ZeroDivisionError as error:
        print('The function failed:', error)
        print('In the worker:', str(error.__cause__).splitlines()[-2])

    # Errors of the pool are GLib.Error, with a domain and a code.
    try:
        executor.call_sync('multiply', 6, 7)
    except GLib.Error as error:
        print('Nobody knows it:', error.matches(PPool.error_quark(), PPool.Error.UNKNOWN_FUNCTION))

    # What can't be sent is refused at once.
    try:
        executor.submit('divide', 1, object())
    except TypeError as error:
        print('Not sent:', error)

    # Time that runs out ends the wait, not the call. One that waits can be taken back.
    sleeping, waiting = executor.submit('sleep', 1), executor.submit('divide', 6, 2)
    try:
        waiting.result(timeout=0.05)
    except TimeoutError as error:
        print('Too late:', error)
    waiting.cancel()
    try:
        waiting.result()
    except CancelledError:
        print('Cancelled')
    sleeping.result()

    # A worker that dies breaks its executor. The next one works.
    try:
        executor.call_sync('crash')
    except BrokenExecutor as error:
        print('Broken:', 'SIGSEGV' in str(error))
    with PPool.Executor(max_workers=1) as executor:
        print('A new executor:', executor.call_sync('divide', 6, 2))


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
main()
