# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""errors.py: what can go wrong with a call, and how a program sees it."""

import os
import sys
from concurrent.futures import BrokenExecutor

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def divide(dividend, divisor):
    if divisor == 0:
        raise ZeroDivisionError('Division by zero')
    return dividend // divisor


@worker.function
def crash():
    """What comes of a bug."""
    print("crash: this can't be", file=sys.stderr, flush=True)
    os.abort()


def make_executor():
    # What workers say is in the message of a crash.
    launcher = PPool.Launcher.new_self()
    launcher.set_stderr_mode(PPool.StderrMode.DISCARD)
    return PPool.Executor(launcher)


def show(what, func, *args):
    try:
        print(f'{what}: {func(*args)}')
    except ZeroDivisionError as error:
        # As it was raised; the traceback of the worker is its __cause__.
        print(f'{what}: the function failed: {error}')
    except TimeoutError:
        print(f'{what}: not done yet')
    except BrokenExecutor as error:
        print(f'{what}: {error}')
    except GLib.Error as error:
        if not error.matches(PPool.error_quark(), PPool.Error.UNKNOWN_FUNCTION):
            raise
        print(f'{what}: there is no such function')


def main():
    with make_executor() as executor:
        # A wait that ran out is no end: the call goes on, and can be waited for again.
        future = executor.submit('divide', 42, 6)
        show('wait', future.result, 0)
        show('wait', future.result)

        show('divide', executor.call_sync, 'divide', 1, 0)
        show('multiply', executor.call_sync, 'multiply', 1, 2)
        show('crash', executor.call_sync, 'crash')

        # After a crash an executor takes no more calls, until it is revived.
        show('divide', executor.call_sync, 'divide', 1, 1)
        executor.revive()
        show('divide', executor.call_sync, 'divide', 1, 1)


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
main()
