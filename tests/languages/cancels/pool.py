# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cancels calls of a worker in any language, and gives them options: pool.py COMMAND…

The pool is written here, as the protocol has it. Functions of the worker:

- spin: is busy until it is cancelled, and fails then as is usual in its language
- sleep: the same, but asynchronously
- is-cancelled: whether its call was cancelled before it began
- get-options: an array of its deadline, or -1, and its attempt
"""

import os
import socket
import subprocess
import sys

from gi.repository import Gio, GLib

LIMIT_MSEC = 30000


class Pool:
    """A pool of one worker, without a board."""

    def __init__(self, command):
        ours, theirs = socket.socketpair()
        environ = dict(os.environ, PPOOL_WORKER_FD=str(theirs.fileno()),
                       PPOOL_WORKER_SOCKET=str(os.fstat(theirs.fileno()).st_ino))
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environ)
        theirs.close()
        channel = Gio.Socket.new_from_fd(ours.detach())
        stream = channel.connection_factory_create_connection()
        flags = Gio.DBusConnectionFlags
        self.connection = Gio.DBusConnection.new_sync(
            stream, Gio.dbus_generate_guid(),
            flags.AUTHENTICATION_SERVER | flags.AUTHENTICATION_ALLOW_ANONYMOUS, None, None)
        self.last_id = 0
        features = GLib.Variant('as', ['cancel', 'call-options'])
        info, = self.ask('Initialize', GLib.Variant('(a{sv})', ({'features': features}, )))
        assert 'cancel' in info['features'] and 'call-options' in info['features'], info

    def ask(self, member, body):
        return self.finish(self.begin(member, body))

    def begin(self, member, body):
        """Sends a message. Gives a list to which its reply will be added."""
        message = Gio.DBusMessage.new_method_call(None, '/org/ppool/Worker1', 'org.ppool.Worker1',
                                                  member)
        if body is not None:
            message.set_body(body)
        results = []
        self.connection.send_message_with_reply(
            message, Gio.DBusSendMessageFlags.NONE, LIMIT_MSEC, None,
            lambda source, result: results.append(result))
        return results

    def finish(self, results):
        """Gives what is in the reply, or raises a RuntimeError with the error in words."""
        while not results:
            GLib.MainContext.default().iteration(True)
        reply = self.connection.send_message_with_reply_finish(results[0])
        body = reply.get_body()
        if reply.get_error_name() is not None:
            raise RuntimeError(reply.get_error_name(), *body.unpack())
        return body.unpack() if body is not None else ()

    def call(self, name, **options):
        self.last_id += 1
        return self.begin('Call', GLib.Variant('(tsva{sv})', (
            self.last_id, name, GLib.Variant('av', []),
            {key.replace('_', '-'): GLib.Variant('u', value) for key, value in options.items()})))

    def cancel(self, number):
        self.ask('Cancel', GLib.Variant('(t)', (number, )))

    def get_value(self, results):
        """A language's own number or truth."""
        value, = self.finish(results)
        return value

    def end(self):
        self.ask('Exit', None)
        status = self.process.wait()
        assert status == 0, status


def check_cancelled(pool, results):
    try:
        value = pool.get_value(results)
    except RuntimeError as error:
        name, message, domain, code = error.args
        assert (name, domain, code) == ('org.ppool.Error.Function', 'g-io-error-quark',
                                        int(Gio.IOErrorEnum.CANCELLED)), error.args
        assert 'cancelled' in message, message
    else:
        raise AssertionError('got %r' % (value, ))


def test_busy(pool):
    running = pool.call('spin')
    behind = pool.call('is-cancelled')
    last = pool.call('is-cancelled')
    pool.cancel(pool.last_id)
    pool.cancel(pool.last_id - 2)
    check_cancelled(pool, running)
    assert pool.get_value(behind) is False
    assert pool.get_value(last) is True


def test_asynchronous(pool):
    for _ in range(3):
        running = pool.call('sleep')
        pool.cancel(pool.last_id)
        check_cancelled(pool, running)


def test_before(pool):
    """Functions of either kind that are cancelled before they begin."""
    for name in 'spin', 'sleep':
        first = pool.call('spin')
        second = pool.call(name)
        pool.cancel(pool.last_id)
        pool.cancel(pool.last_id - 1)
        check_cancelled(pool, first)
        check_cancelled(pool, second)
    assert pool.get_value(pool.call('is-cancelled')) is False


def test_options(pool):
    assert list(pool.get_value(pool.call('get-options'))) == [-1, 1]
    before = GLib.get_monotonic_time()
    deadline, attempt = pool.get_value(pool.call('get-options', timeout_msec=60000, attempt=3))
    assert before <= deadline - 60000000 <= GLib.get_monotonic_time(), (before, deadline)
    assert attempt == 3, attempt


def main(command):
    tests = [test_busy, test_asynchronous, test_before, test_options]
    failed = False
    print('1..%d' % len(tests), flush=True)
    for number, test in enumerate(tests, 1):
        pool = Pool(command)
        try:
            test(pool)
            pool.end()
        except Exception as error:
            failed = True
            pool.process.kill()
            pool.process.wait()
            print('# %s: %s' % (type(error).__name__, error))
            print('not ok', number, test.__name__, flush=True)
        else:
            print('ok', number, test.__name__, flush=True)
    sys.exit(failed)


main(sys.argv[1:])
