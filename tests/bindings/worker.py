# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker in Python, with what pool.py and pool.js call. worker.js has the
same functions."""

import os
import signal
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402


def echo(invocation, args, *_):
    return args


def describe(invocation, args, *_):
    """What a function sees of its call."""
    return GLib.Variant('(sss)', (invocation.get_function(), args.get_type_string(),
                                  invocation.get_args().print_(False)))


def fail(invocation, args, *_):
    raise GLib.Error('nothing of that name', 'g-io-error-quark', int(Gio.IOErrorEnum.NOT_FOUND))


def fail_strangely(invocation, args, *_):
    raise GLib.Error('odd', 'a-domain-of-this-worker-quark', 7)


def give_nothing(invocation, args, *_):
    return None


def crash(invocation, args, *_):
    os.kill(os.getpid(), signal.SIGKILL)


def fill(invocation, args, *_):
    """Gives a buffer of that size, all of whose bytes are the same."""
    size, byte = args.unpack()
    buffer = PPool.Buffer.new(size)
    buffer.write(0, GLib.Bytes.new(bytes([byte]) * size))
    return buffer.to_variant(None)


def answer_later(invocation, *_):
    """The reference that the idle callback has keeps the call open."""
    def answer():
        invocation.return_value(invocation.get_args())
        return GLib.SOURCE_REMOVE
    GLib.idle_add(answer)


def fail_later(invocation, *_):
    def answer():
        invocation.return_error_literal(Gio.io_error_quark(), int(Gio.IOErrorEnum.BUSY), 'later')
        return GLib.SOURCE_REMOVE
    GLib.idle_add(answer)


def handle_call(worker, invocation):
    function = invocation.get_function()
    if function == 'signal-later':
        answer_later(invocation)
        return True
    if function == 'signal-drop':
        return True
    return False


def make_worker():
    worker = PPool.Worker()
    worker.add_function('echo', echo)
    worker.add_function('describe', describe)
    worker.add_function('fail', fail)
    worker.add_function('fail-strangely', fail_strangely)
    worker.add_function('give-nothing', give_nothing)
    worker.add_function('crash', crash)
    worker.add_function('fill', fill)
    worker.add_handler('answer-later', answer_later)
    worker.add_handler('fail-later', fail_later)
    worker.add_handler('drop', lambda *_: None)
    handler = worker.connect('handle-call', handle_call)

    def disconnect_signal(invocation, args, *_):
        worker.disconnect(handler)
        return args
    worker.add_function('disconnect-signal', disconnect_signal)
    return worker


if __name__ == '__main__':
    sys.exit(make_worker().run())
