# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker with plain functions, for the tests."""

import asyncio
import contextlib
import gc
import json
import os
import socket
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

worker = PPool.Worker()


@worker.function()
def parenthesized():
    return 'called'


@worker.function
def echo(value=None):
    return value


@worker.function('tell-args')
def tell_args(*args):
    return repr(args)


@worker.function('give')
def give(expression):
    """Gives what an expression is."""
    return eval(expression)


@worker.function('give-type')
def give_type(*args):
    return [type(arg).__name__ for arg in args]


@worker.function('raise')
def raise_exception(expression):
    raise eval(expression)


@worker.function('raise-at-cause')
def raise_at_cause():
    try:
        json.loads('{')
    except ValueError as error:
        raise RuntimeError('can\'t read') from error


@worker.function('exit')
def leave(status):
    sys.exit(status)


@worker.function('die')
def die():
    os._exit(3)


@worker.function('count-objects')
def count_objects():
    gc.collect()
    return len(gc.get_objects())


@worker.function('gate')
def gate(path):
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(path)
        return visitor.recv(1).decode()


@worker.function('async-gate')
async def async_gate(path):
    reader, writer = await asyncio.open_unix_connection(path)
    data = await reader.read(1)
    writer.close()
    return data.decode()


@worker.function('async-deaf')
async def be_deaf():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(100)


@worker.function('async-raise')
async def async_raise(expression):
    await asyncio.sleep(0)
    raise eval(expression)


@worker.function('async-raise-in-task')
async def async_raise_in_task(expression):
    await asyncio.create_task(async_raise(expression))


@worker.function('async-echo')
async def async_echo(*args):
    await asyncio.sleep(0.001)
    return list(args)


@worker.function('async-turns-main-loop')
async def async_turns_main_loop():
    """Goes on only if the sources of the main loop do."""
    called = asyncio.get_running_loop().create_future()
    GLib.idle_add(lambda: called.set_result('called'))
    return await called


@worker.function('nested')
async def nested(n):
    """Has workers of its own do it."""
    async with PPool.Executor([sys.executable, __file__], 1) as executor:
        return await executor.call('echo', n)


@worker.function('raise-glib')
def raise_glib():
    raise GLib.Error('busy', 'g-io-error-quark', int(Gio.IOErrorEnum.BUSY))


def give_back(invocation, args, *user_data):
    return user_data[0] if user_data else args


worker.add_function('raw', give_back)
worker.add_function('raw-number', give_back, 5)
worker.add_function('raw-nothing', give_back, None)


if __name__ == '__main__':
    sys.exit(worker.run())
