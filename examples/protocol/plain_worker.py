#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker without PPool-GLib and without GLib: what the page "The worker protocol" asks of
one, and nothing of what it leaves open. D-Bus is jeepney's (Debian: python3-jeepney).

It is a program by itself, for PPool.Launcher.new(['python3', 'plain_worker.py']), and a
module for workers with other functions."""

import os
import socket
import stat
import sys

from jeepney import HeaderFields, MessageType, Parser, new_error, new_method_return
from jeepney.auth import BEGIN, Authenticator
from jeepney.low_level import SizeLimitError

INTERFACE = 'org.ppool.Worker1'
VERSION = 1
MAX_MESSAGE = 128 * 1024 * 1024


class FunctionError(Exception):
    """What a function raises: the caller gets an error of this message, domain and code."""

    def __init__(self, message, domain='g-io-error-quark', code=0):
        super().__init__(message)
        self.domain = domain
        self.code = code


def take_channel():
    """Returns the socket to the pool, or None if no pool started this very process."""
    fd = int(os.environ.get('PPOOL_WORKER_FD', -1))
    inode = int(os.environ.get('PPOOL_WORKER_SOCKET', 0))
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    if not stat.S_ISSOCK(status.st_mode) or status.st_ino != inode:
        return None
    os.set_inheritable(fd, False)
    del os.environ['PPOOL_WORKER_FD'], os.environ['PPOOL_WORKER_SOCKET']
    return socket.socket(fileno=fd)


def authenticate(channel):
    """Becomes a client of the connection; nobody says Hello, as there is no bus."""
    authenticator = Authenticator()
    for data in authenticator:
        channel.sendall(data)
        authenticator.feed(channel.recv(1024))
    channel.sendall(BEGIN)


def read_messages(channel):
    """Yields messages until the pool closes the connection."""
    parser = Parser()
    while data := channel.recv(1 << 20):
        parser.add_data(data)
        while (message := parser.get_next_message()) is not None:
            yield message


class Worker:
    """Functions by name. Each takes a value and gives one, as a pair of its D-Bus type and
    what jeepney makes of that type, or raises FunctionError."""

    def __init__(self):
        self.functions = {}

    def function(self, name):
        """Decorates a function of that name."""
        def add(function):
            self.functions[name] = function
            return function
        return add

    def run(self):
        """Serves the pool until it is done with this worker. Returns the exit status."""
        channel = take_channel()
        if channel is None:
            print('This program is a worker, and no pool has started it.', file=sys.stderr)
            return 1
        authenticate(channel)
        for serial, message in enumerate(read_messages(channel), 1):
            if message.header.message_type != MessageType.method_call:
                continue
            channel.sendall(self.answer(message, serial))
            if message.header.fields[HeaderFields.member] == 'Exit':
                break
        return 0

    def answer(self, message, serial):
        """Returns the bytes of the reply to a message."""
        try:
            reply = self.dispatch(message)
            data = reply.serialise(serial)
            if len(data) <= MAX_MESSAGE:
                return data
            reply = new_error(message, 'org.ppool.Error.TooLarge', 's',
                              ('The result is too large', ))
        except FunctionError as error:
            reply = new_error(message, 'org.ppool.Error.Function', 'ssi',
                              (str(error), error.domain, error.code))
        except SizeLimitError as error:
            reply = new_error(message, 'org.ppool.Error.TooLarge', 's', (str(error), ))
        except Exception as error:
            reply = new_error(message, 'org.python.' + type(error).__name__, 's', (str(error), ))
        return reply.serialise(serial)

    def dispatch(self, message):
        member = message.header.fields[HeaderFields.member]
        if member == 'Initialize':
            return new_method_return(message, 'a{sv}', (self.initialize(*message.body), ))
        if member == 'Call':
            _, name, args, _ = message.body
            if name not in self.functions:
                return new_error(message, 'org.ppool.Error.UnknownFunction', 's',
                                 ('There is no function “%s”' % name, ))
            return new_method_return(message, 'v', (self.functions[name](args), ))
        if member == 'Exit':
            return new_method_return(message)
        return new_error(message, 'org.freedesktop.DBus.Error.UnknownMethod', 's', (member, ))

    def initialize(self, options):
        """Runs the initializer, if there is one, and tells what this worker is."""
        if 'initializer' in options:
            name = options['initializer'][1]
            if name not in self.functions:
                raise FunctionError('There is no initializer “%s”' % name)
            self.functions[name](options.get('initializer-args', ('av', [])))
        return {
            'version': ('u', VERSION),
            'pid': ('u', os.getpid()),
            'features': ('as', []),
        }


if __name__ == '__main__':
    worker = Worker()

    @worker.function('count-words')
    def count_words(args):
        if args[0] != 's':
            raise FunctionError('Expected s and not “%s”' % args[0], code=13)
        return 'u', len(args[1].split())

    sys.exit(worker.run())
