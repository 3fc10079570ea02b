# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker without GLib, with the functions of worker.c, in plain D-Bus."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / 'examples' / 'protocol'))

from plain_worker import FunctionError, Worker  # noqa: E402

worker = Worker()
state = {}


@worker.function('echo')
def echo(args):
    return args


@worker.function('fail')
def fail(args):
    domain, code, message = args[1]
    raise FunctionError(message, domain, code)


@worker.function('crash')
def crash(args):
    if args[1].startswith('exit'):
        os._exit(3 if args[1] == 'exit' else 0)
    os.kill(os.getpid(), getattr(signal, args[1]))


@worker.function('read-file')
def read_file(args):
    return 's', pathlib.Path(args[1]).read_text(encoding='utf-8')


@worker.function('length')
@worker.function('Länge/長さ')
def length(args):
    return 'u', len(args[1])


@worker.function('negate')
def negate(args):
    return 'x', -args[1]


@worker.function('count-arguments')
def count_arguments(args):
    return 'u', len(args[1])


@worker.function('set-up')
def set_up(args):
    state['args'] = args
    return 'av', []


@worker.function('get-set-up')
def get_set_up(args):
    return state['args']


sys.exit(worker.run())
