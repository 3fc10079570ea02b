# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker in Python, with what pool.py, pool.js and the programs of tests/languages/matrix
call. worker.js has the same functions."""

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
    domain, code, message = args.unpack()
    raise GLib.Error(message, domain, code)


def give_nothing(invocation, args, *_):
    return None


def crash(invocation, args, *_):
    """Dies of the signal of that name, or exits."""
    how = args.unpack()
    if how.startswith('exit'):
        os._exit(3 if how == 'exit' else 0)
    os.kill(os.getpid(), getattr(signal, how))


def read_file(invocation, args, *_):
    with open(args.unpack(), encoding='utf-8') as file:
        return GLib.Variant('s', file.read())


def length(invocation, args, *_):
    return GLib.Variant('u', len(args.unpack()))


def negate(invocation, args, *_):
    return GLib.Variant('x', -args.unpack())


def count_arguments(invocation, args, *_):
    return GLib.Variant('u', len(args.unpack()))


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


def make_worker(with_signal=True):
    worker = PPool.Worker()
    worker.add_function('echo', echo)
    worker.add_function('describe', describe)
    worker.add_function('fail', fail)
    worker.add_function('give-nothing', give_nothing)
    worker.add_function('crash', crash)
    worker.add_function('fill', fill)
    worker.add_function('read-file', read_file)
    worker.add_function('length', length)
    worker.add_function('Länge/長さ', length)
    worker.add_function('negate', negate)
    worker.add_function('count-arguments', count_arguments)
    worker.add_handler('answer-later', answer_later)
    worker.add_handler('fail-later', fail_later)
    worker.add_handler('drop', lambda *_: None)
    if with_signal:
        add_signal(worker)
    add_set_up(worker)
    return worker


def add_signal(worker):
    handler = worker.connect('handle-call', handle_call)

    def disconnect_signal(invocation, args, *_):
        worker.disconnect(handler)
        return args
    worker.add_function('disconnect-signal', disconnect_signal)


def add_set_up(worker):
    """An initializer, and what says what it was given."""
    set_up = []

    def keep(invocation, args, *_):
        set_up.append(args)
        return GLib.Variant('()', ())
    worker.add_function('set-up', keep)
    worker.add_function('get-set-up', lambda *_: set_up[-1])


if __name__ == '__main__':
    sys.exit(make_worker('no-signal' not in sys.argv).run())
