# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses an executor once, wherever it is, and tells what came of it.

probe.py RESULTS [pool] [WHEN:EVENT]...: writes a line a step to the file RESULTS. Events come
before there is an executor (start), before its first call, or after it. With "pool" the executor
is a ProcessPoolExecutor. probe.c and probe.js are the same program.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import sys
import threading
import time

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, PPool  # noqa: E402

LARGE = 1024 * 1024
LIMIT = 20


def echo(value):
    return value


def close_standard():
    os.closerange(0, 3)


def lose_directory():
    # Not above: workers import this file, and few lose their directory.
    import tempfile
    path = tempfile.mkdtemp(prefix='probe-')
    os.chdir(path)
    os.rmdir(path)


def lose_program():
    os.unlink(sys.argv[0])


def lose_privileges():
    os.setgid(65534)
    os.setuid(65534)


def use_gdbus():
    """Connects to this process itself."""
    def connect(end, guid, flags):
        stream = Gio.Socket.new_from_fd(end.detach()).connection_factory_create_connection()
        connections.append(Gio.DBusConnection.new_sync(stream, guid, flags, None, None))

    connections = []
    ends = socket.socketpair()
    flags = Gio.DBusConnectionFlags
    server = threading.Thread(target=connect, args=(
        ends[0], Gio.dbus_generate_guid(),
        flags.AUTHENTICATION_SERVER | flags.AUTHENTICATION_ALLOW_ANONYMOUS))
    server.start()
    connect(ends[1], None, flags.AUTHENTICATION_CLIENT)
    server.join()


def use_subprocess():
    Gio.Subprocess.new(['true'], 0).wait()


def is_at_rest():
    """Whether no other thread is at work."""
    for task in os.listdir('/proc/self/task'):
        if int(task) != threading.get_native_id():
            with contextlib.suppress(OSError), open('/proc/self/task/%s/stat' % task) as file:
                if file.read().rpartition(')')[2].split()[0] != 'S':
                    return False
    return True


def go_on_in_copy():
    # What a thread of GLib's holds at the fork would be held in the copy for ever.
    limit = time.monotonic() + LIMIT
    n_rests = 0
    while n_rests < 3 and time.monotonic() < limit:
        n_rests = n_rests + 1 if is_at_rest() else 0
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


def reap_all():
    def reap():
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                done.wait(0.001)

    done = threading.Event()
    threading.Thread(target=reap, daemon=True).start()


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def rename_process():
    """As setproctitle does it: the arguments are overwritten where they are."""
    with open('/proc/self/stat', encoding='ascii') as stat:
        start, end = map(int, stat.read().rpartition(')')[2].split()[45:47])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, b'renamed', 7)


def be_frozen():
    sys.frozen = True


EVENTS = {function.__name__.replace('_', '-'): function for function in (
    be_frozen, close_standard, go_on_in_copy, ignore_children, lose_directory,
    lose_privileges, lose_program, reap_all, rename_process, use_gdbus, use_subprocess)}


def main():
    results = fcntl.fcntl(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND),
                          fcntl.F_DUPFD_CLOEXEC, 10)

    def tell(step, what):
        os.write(results, ('%s: %s\n' % (step, str(what).replace('\n', ' ')))
                 .encode(errors='replace'))

    def run_events(when):
        for argument in sys.argv[2:]:
            if argument.startswith(when):
                EVENTS[argument[len(when):]]()

    def call(executor, step, size):
        try:
            future = (executor.submit(echo, 'x' * size) if 'pool' in sys.argv
                      else executor.submit('echo', 'x' * size))
            tell(step, len(future.result(LIMIT)))
        except Exception as error:
            tell(step, 'error %s' % error)

    def new():
        if 'pool' in sys.argv:
            return PPool.ProcessPoolExecutor(2)
        return PPool.Executor(max_workers=2)

    run_events('start:')
    executor = new()
    run_events('before:')
    call(executor, 'first', 42)
    call(executor, 'large', LARGE)
    run_events('after:')
    call(executor, 'again', 43)
    fresh = new()
    call(fresh, 'fresh', 44)
    try:
        with fresh:
            pass
        tell('end', 'ok')
    except Exception as error:
        tell('end', 'error %s' % error)


if __name__ == '__main__':
    worker = PPool.Worker()
    worker.function(echo)
    if PPool.Worker.is_spawned():
        sys.exit(worker.run())
    main()
