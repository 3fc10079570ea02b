#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses examples/checksum as its users would, and holds it against sha256sum.

Usage: checksum-test.py CHECKSUM-PROGRAM
"""

import ctypes
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

# Bounds a test that hangs; nothing waits that long when all is well.
LIMIT = 30

PR_SET_CHILD_SUBREAPER = 36

PROGRAM = os.path.abspath(sys.argv[1])
NOBODY = 65534


class Skip(Exception):
    pass


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(repr(thing) if isinstance(thing, bytes) else str(thing)
                                      for thing in about))


def check_equal(got, wanted, about=''):
    check(got == wanted, about, 'got', repr(got)[:2000], 'wanted', repr(wanted)[:2000])


def start(*args, **options):
    options.setdefault('stdin', subprocess.DEVNULL)
    options.setdefault('stdout', subprocess.PIPE)
    options.setdefault('stderr', subprocess.PIPE)
    return subprocess.Popen([PROGRAM, *args], **options)


def run(*args, stdin=b'', **options):
    done = subprocess.run([PROGRAM, *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT, check=False, **options)
    check_no_process()
    return done


def sha256sum(*args, stdin=b'', **options):
    return subprocess.run(['sha256sum', *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT, check=False, **options)


def sha256sum_of_folder(*folders):
    """What sha256sum prints for the files that find finds, sorted as bytes."""
    out = b''
    for folder in folders:
        found = subprocess.run(['find', '-H', folder, '-type', 'f', '-print0'],
                               stdout=subprocess.PIPE, check=True).stdout
        names = sorted(found.split(b'\0')[:-1])
        if names:
            out += sha256sum('--', *names).stdout
    return out


def children(pid):
    """The processes that any thread of a process has started."""
    found = []
    for path in pathlib.Path('/proc/%d/task' % pid).glob('*/children'):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:
            pass
    return found


def check_no_process():
    """Waits for what was left behind, which this process inherits."""
    deadline = time.monotonic() + LIMIT
    while True:
        info = None
        try:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return
        if info is None:
            check(time.monotonic() < deadline, 'processes left:', children(os.getpid()))
            wait_a_little()


def wait_a_little():
    select.select([], [], [], 0.005)


def wait_for(predicate, what):
    deadline = time.monotonic() + LIMIT
    while True:
        value = predicate()
        if value:
            return value
        check(time.monotonic() < deadline, 'waited in vain for', what)
        wait_a_little()


def open_fifo_for_writing(path):
    """Succeeds once somebody has it open for reading, so that the hash of it
    is under way."""
    def attempt():
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    return wait_for(attempt, 'a reader of ' + str(path))


def write_tree(top):
    """Files and folders with the names that such programs stumble over."""
    folders = [b'sub', b'sub.d', b'sub/deep/deeper', b'sub-1', b'empty', b'with space',
               b'new\nline', b'\xff\xfe latin', 'Grüße'.encode()]
    for folder in folders:
        os.makedirs(os.path.join(top, folder))
    files = {
        b'empty file': b'',
        b'plain': b'plain\n',
        b'new\nline/in\nboth': b'1',
        b'back\\slash': b'2',
        b'carriage\rreturn': b'3',
        b'\\': b'4',
        b'all\\\n\r\\n': b'5',
        b'\xff\xfe latin/\xe4\xf6\xfc': b'6',
        'Grüße/Grüße'.encode(): b'7',
        b'with space/ leading and trailing ': b'8',
        b'-leading-dash': b'9',
        b'*': b'10',
        b'"quoted"': b'11',
        b"it's": b'12',
        b'sub.file': b'before the files of sub',
        b'sub/file': b'in sub',
        b'sub/deep/deeper/file': b'deeper',
        b'sub-1/file': b'between',
        b'sub0': b'after the files of sub',
        b'sub.d/file': b'beside',
        b'large': bytes(range(256)) * 4 * 1024 * 5,
        b'n' * 255: b'the longest name',
    }
    for name, contents in files.items():
        with open(os.path.join(top, name), 'wb') as f:
            f.write(contents)
    os.mkdir(os.path.join(top, b'many'))
    for i in range(500):
        with open(os.path.join(top, b'many/%d' % i), 'wb') as f:
            f.write(b'%d' % i * i)
    os.symlink(b'../plain', os.path.join(top, b'sub/link-to-file'))
    os.symlink(b'..', os.path.join(top, b'sub/link-to-folder'))
    os.symlink(b'nowhere', os.path.join(top, b'sub/link-to-nothing'))
    os.mkfifo(os.path.join(top, b'sub/fifo'))
    os.symlink(b'sub', os.path.join(top, b'link'))


def test_folder(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    wanted = sha256sum_of_folder(top)
    check(wanted.count(b'\n') > 500, 'the tree is not what it should be')
    for options in ([], ['-j', '1'], ['-j', '4'], ['-j', '0'], ['--jobs=2']):
        done = run(*options, top)
        check_equal(done.stderr, b'', options)
        check_equal(done.stdout, wanted, options)
        check_equal(done.returncode, 0, options)


def test_folder_spelled_otherwise(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    for folder in (top + b'/', top + b'//', os.path.join(top, b'empty'),
                   os.path.join(top, b'link')):
        done = run(folder)
        check_equal(done.stdout, sha256sum_of_folder(folder), folder)
        check_equal((done.stderr, done.returncode), (b'', 0), folder)
    for folder in (b'.', b'./', b'sub', b'-leading'):
        os.makedirs(os.path.join(top, b'-leading'), exist_ok=True)
        done = run('--', folder, cwd=top)
        found = subprocess.run(['find', b'./' + folder if folder.startswith(b'-') else folder,
                                '-type', 'f', '-print0'],
                               cwd=top, stdout=subprocess.PIPE, check=True).stdout
        names = sorted(found.split(b'\0')[:-1])
        check_equal(done.stdout, sha256sum('--', *names, cwd=top).stdout if names else b'', folder)


def test_operands(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    names = [b'sub/file', b'./plain', b'plain', b'plain', b'back\\slash', b'-leading-dash',
             b'sub/link-to-file', b'../tree/large', b'empty file', b'*', b'\\', b'/dev/null',
             b'\xff\xfe latin/\xe4\xf6\xfc']
    done = run('-j4', '--', *names, cwd=top)
    wanted = sha256sum('--', *names, cwd=top)
    check_equal(done.stdout, wanted.stdout)
    check_equal((done.stderr, done.returncode), (b'', 0))

    done = run(b'large', b'sub', b'plain', b'link', cwd=top)
    check_equal(done.stdout,
                sha256sum(os.path.join(b'large'), cwd=top).stdout +
                sha256sum(b'sub/deep/deeper/file', b'sub/file', cwd=top).stdout +
                sha256sum(b'plain', cwd=top).stdout +
                sha256sum(b'link/deep/deeper/file', b'link/file', cwd=top).stdout)


def test_standard_input(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    for names in (['-'], ['plain', '-', 'large'], ['-', '-', 'plain'], ['--', '-']):
        done = run(*names, stdin=b'standard input', cwd=top)
        wanted = sha256sum(*names, stdin=b'standard input', cwd=top)
        check_equal((done.stdout, done.stderr, done.returncode),
                    (wanted.stdout, b'', 0), names)
    os.mkdir(os.path.join(top, b'-'))
    check_equal(run('-', stdin=b'x', cwd=top).stdout, sha256sum('-', stdin=b'x', cwd=top).stdout)


def test_missing_file(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    names = ['plain', 'missing', 'large', 'missing/too', 'plain/too', 'empty file']
    done = run(*names, cwd=top)
    wanted = sha256sum(*names, cwd=top)
    check_equal(done.stdout, wanted.stdout)
    check_equal(done.stderr, wanted.stderr.replace(b'sha256sum: ', b'checksum: '))
    check_equal(done.returncode, 1)
    for name in ('missing/', 'plain/', '', 'missing file', 'a*b'):
        done = run(name, cwd=top)
        wanted = sha256sum(name, cwd=top).stderr.replace(b'sha256sum: ', b'checksum: ')
        check_equal((done.stdout, done.stderr, done.returncode), (b'', wanted, 1), name)


def test_unreadable(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    os.mkdir(os.path.join(top, b'locked'))
    with open(os.path.join(top, b'locked/file'), 'wb'):
        pass
    os.chmod(os.path.join(top, b'locked'), 0)
    os.chmod(os.path.join(top, b'plain'), 0)
    options = {}
    if os.getuid() == 0:
        os.chmod(tmp, 0o755)
        options = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
    try:
        done = run('.', **options, cwd=top)
    except PermissionError:
        raise Skip('the program can be run by root alone') from None
    wanted = [line for line in sha256sum_of_folder(top).replace(top, b'.').splitlines(True)
              if not line.endswith((b'./plain\n', b'/locked/file\n'))]
    check_equal(done.stdout, b''.join(wanted))
    check_equal(sorted(done.stderr.splitlines()),
                [b'checksum: ./locked/: Permission denied',
                 b'checksum: ./plain: Permission denied'])
    check_equal(done.returncode, 1)


def test_command_line(tmp):
    done = run('--help')
    check(b'PATH' in done.stdout and b'--jobs' in done.stdout, done.stdout)
    check_equal((done.stderr, done.returncode), (b'', 0))
    done = run('--version')
    check(re.fullmatch(rb'checksum \(PPool-GLib\) \d+\.\d+\.\d+\n', done.stdout), done.stdout)
    check_equal((done.stderr, done.returncode), (b'', 0))
    for args in ([], ['--no-such-option'], ['-j', '-1', tmp], ['-j', 'many', tmp], ['-j']):
        done = run(*args)
        check_equal((done.stdout, done.returncode), (b'', 2), args)
        check(done.stderr.startswith(b'checksum: '), done.stderr)
        check(done.stderr.endswith(b"Try 'checksum --help' for more information.\n"), done.stderr)


def test_closed_output(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    process = start(top)
    process.stdout.close()
    stderr = process.stderr.read()
    check_equal((process.wait(LIMIT), stderr), (-signal.SIGPIPE, b''))
    check_no_process()
    with open('/dev/full', 'wb') as full:
        process = start(top, stdout=full)
        check_equal(process.communicate(timeout=LIMIT)[1],
                    b'checksum: write error: No space left on device\n')
    check_equal(process.returncode, 1)
    check_no_process()


def start_busy(tmp, *args, **options):
    """Starts the program on a file that never ends, and waits until a worker
    reads it."""
    fifo = os.path.join(tmp, b'fifo')
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    process = start(*args, fifo, **options)
    return process, open_fifo_for_writing(fifo)


def test_signals(tmp):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process, fd = start_busy(tmp, '-j2')
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT)
        check_equal((out, err, process.returncode), (b'', b'', -number))
        check_no_process()
        os.close(fd)


def test_shell_sees_status(tmp):
    fifo = os.path.join(tmp, b'fifo')
    os.mkfifo(fifo)
    shell = subprocess.Popen(['bash', '-c', '"$0" "$1"; echo $?; exit 0', PROGRAM, fifo],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    fd = open_fifo_for_writing(fifo)
    program = wait_for(lambda: children(shell.pid), 'the program')[0]
    os.kill(program, signal.SIGTERM)
    check_equal(shell.communicate(timeout=LIMIT)[0], b'143\n')
    check_no_process()
    os.close(fd)


def test_killed_worker(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    for options in (['-j1'], ['-j2'], ['-j4']):
        process, fd = start_busy(tmp, *options, os.path.join(top, b'plain'), top)
        workers = children(process.pid)
        victim = wait_for(lambda: [pid for pid in workers
                                  if holds(pid, os.path.join(tmp, b'fifo'))],
                          'a worker that has the file open')
        check_equal(len(victim), 1, workers)
        os.kill(victim[0], signal.SIGKILL)
        out, err = process.communicate(timeout=LIMIT)
        check_equal(process.returncode, 1, err)
        check(re.fullmatch(rb'checksum: [^\n]+\n', err), err)
        check(b'%d' % victim[0] in err and b'SIGKILL' in err and b'sha256' in err, err)
        check((sha256sum(os.path.join(top, b'plain')).stdout + sha256sum_of_folder(top))
              .startswith(out), out)
        check_no_process()
        os.close(fd)


def holds(pid, path):
    """Whether a process has a file open."""
    for fd in pathlib.Path('/proc/%d/fd' % pid).iterdir():
        try:
            if os.readlink(bytes(fd)) == path:
                return True
        except OSError:
            pass
    return False


class Terminal:
    """A terminal, and what programs wrote to it."""

    def __init__(self):
        self.fd, self.slave = pty.openpty()
        self.output = b''

    def read_until(self, predicate, what):
        deadline = time.monotonic() + LIMIT
        while not predicate(self.output):
            readable, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            check(readable, 'the terminal never showed', what, 'but', self.output)
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b''
            check(piece, 'the terminal was closed before it showed', what, 'after', self.output)
            self.output += piece
        return self.output

    def read_to_end(self):
        os.close(self.slave)
        while True:
            readable, _, _ = select.select([self.fd], [], [], LIMIT)
            check(readable, 'the terminal is never closed')
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b''
            if not piece:
                os.close(self.fd)
                return self.output
            self.output += piece


BAR = re.compile(rb'\r\[#* *\] \d+ of \d+[^\r\n]* files\x1b\[K')


def test_bar(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    env = {**os.environ, 'TERM': 'xterm'}
    terminal = Terminal()
    process, fd = start_busy(tmp, top, stderr=terminal.slave, env=env)
    terminal.read_until(BAR.search, 'a bar')
    os.write(fd, b'the end')
    os.close(fd)
    fifo = os.path.join(tmp, b'fifo')
    out = process.communicate(timeout=LIMIT)[0]
    shown = terminal.read_to_end()
    check_equal(process.returncode, 0)
    check_equal(out, sha256sum_of_folder(top) +
                sha256sum('-', stdin=b'the end').stdout.replace(b'  -', b'  ' + fifo))
    check_equal(BAR.sub(b'', shown).replace(b'\r\x1b[K', b''), b'')
    check(shown.endswith(b'\r\x1b[K'), 'the bar was left on the terminal', shown)
    check_no_process()


def test_bar_beside_output(tmp):
    top = os.path.join(tmp, b'tree')
    write_tree(top)
    env = {**os.environ, 'TERM': 'xterm'}
    terminal = Terminal()
    process, fd = start_busy(tmp, os.path.join(top, b'sub'), stdout=terminal.slave,
                             stderr=terminal.slave, env=env)
    terminal.read_until(BAR.search, 'a bar')
    os.close(fd)
    check_equal(process.wait(LIMIT), 0)
    shown = terminal.read_to_end()
    lines = BAR.sub(b'', shown).replace(b'\r\x1b[K', b'').replace(b'\r\n', b'\n')
    check_equal(lines, sha256sum_of_folder(os.path.join(top, b'sub')) +
                sha256sum('-').stdout.replace(b'  -', b'  ' + os.path.join(tmp, b'fifo')))
    for bar in BAR.finditer(shown):
        check(shown[bar.end():bar.end() + 1] == b'\r', 'something was written behind a bar', shown)
    check_no_process()


def test_no_bar(tmp):
    terminal = Terminal()
    process, fd = start_busy(tmp, stderr=terminal.slave, env={**os.environ, 'TERM': 'dumb'})
    os.close(fd)
    check_equal(process.wait(LIMIT), 0)
    process.stdout.close()
    check_equal(terminal.read_to_end(), b'')
    check_no_process()


def test_control_c(tmp):
    """As a user does it: a key, which a terminal turns into a signal for the
    process in front of it."""
    fifo = os.path.join(tmp, b'fifo')
    os.mkfifo(fifo)
    pid, master = pty.fork()
    if pid == 0:
        os.environ['TERM'] = 'xterm'
        os.execv(PROGRAM, [PROGRAM, '-j2', fifo])
    fd = open_fifo_for_writing(fifo)
    os.write(master, b'\x03')
    status = wait_for(lambda: os.waitpid(pid, os.WNOHANG)[1:] if not alive(pid) else None,
                      'the end')
    check_equal(os.WTERMSIG(status[0]), signal.SIGINT)
    check_no_process()
    os.close(fd)
    os.close(master)


def alive(pid):
    state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return state is None


TESTS = [
    test_folder,
    test_folder_spelled_otherwise,
    test_operands,
    test_standard_input,
    test_missing_file,
    test_unreadable,
    test_command_line,
    test_closed_output,
    test_signals,
    test_shell_sees_status,
    test_killed_worker,
    test_bar,
    test_bar_beside_output,
    test_no_bar,
    test_control_c,
]


def main():
    # Workers that outlive their parent become children of this process.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    n_failed = 0
    print('1..%d' % len(TESTS))
    for number, test in enumerate(TESTS, 1):
        name = 'checksum/' + test.__name__.removeprefix('test_').replace('_', '-')
        tmp = tempfile.mkdtemp(prefix='checksum-test-').encode()
        fds = len(os.listdir('/proc/self/fd'))
        try:
            test(tmp)
            check_equal(len(os.listdir('/proc/self/fd')), fds, 'descriptors of this test')
            print('ok %d %s' % (number, name), flush=True)
        except Skip as reason:
            print('ok %d %s # SKIP %s' % (number, name, reason), flush=True)
        except Exception:
            n_failed += 1
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print('not ok %d %s' % (number, name), flush=True)
            for pid in children(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            check_no_process()
        finally:
            shutil.rmtree(tmp)
    sys.exit(1 if n_failed else 0)


main()
