# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses executors in strange places: where directories, descriptors, threads, privileges
or signals aren't what a program expects.

places.py C-PROBE [python=COMMAND] [gjs=COMMAND]

A place is an entry of PLACES: what is done to a probe before it runs (`setup`, in the new
process; `env`, `cwd`, `wrap`) or while it runs (`events`, by the probe itself), and what must
come of it. Wherever it is, a probe has to end by itself, with status 0 and without a
warning, and leaves no process behind. What its steps give is in `expect`: a pattern a step,
`WORKS` for all of them if nothing is said. `languages` leaves out what a language can't do.
To add a place, add an entry.
"""

import concurrent.futures
import contextlib
import ctypes
import dataclasses
import errno
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'checks'))

from tap import Tap  # noqa: E402

LIMIT = 45
NOBODY = 65534
LANGUAGES = ('c', 'python', 'pool', 'gjs')
WORKS = {'first': '42', 'large': '1048576', 'again': '43', 'fresh': '44', 'end': 'ok'}
ELSEWHERE = 'error .*belongs to process.*'


@dataclasses.dataclass
class Place:
    name: str
    setup: typing.Optional[typing.Callable] = None
    events: tuple = ()
    env: dict = dataclasses.field(default_factory=dict)
    # What is given as a function is called with the scratch directory.
    cwd: typing.Optional[typing.Callable] = None
    wrap: tuple = ()
    # What makes the control group that a probe is put in.
    group: typing.Optional[typing.Callable] = None
    languages: tuple = LANGUAGES
    expect: dict = dataclasses.field(default_factory=dict)
    # What must not be there afterwards, in the scratch directory.
    traces: tuple = ()
    # Why it can't be gone to, if it can't.
    missing: typing.Callable = lambda: None


# Setups: these run in the new process, before the program.

def closed(*fds):
    def setup():
        for fd in fds:
            os.close(fd)
    return setup


def descriptors(number):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


def ignored(*signals):
    def setup():
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
    return setup


def blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def gone():
    path = tempfile.mkdtemp(prefix='places-')
    os.chdir(path)
    os.rmdir(path)


def full():
    fd = os.open('/dev/full', os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)


def broken_pipe():
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(reader)
    os.close(writer)


# Numbers of system calls.
CALLS = {
    'x86_64': {'pidfd_open': 434, 'memfd_create': 319, 'close_range': 436},
    'aarch64': {'pidfd_open': 434, 'memfd_create': 279, 'close_range': 436},
}.get(platform.machine(), {})


def refused(name, errno):
    """A filter like those of old container runtimes, which know no new system calls."""
    def setup():
        libc = ctypes.CDLL(None, use_errno=True)
        ret = 0x06
        # Load the number; if it is this one, fail, or else allow.
        program = b''.join(struct.pack('HBBI', *instruction) for instruction in (
            (0x20, 0, 0, 0), (0x15, 0, 1, CALLS[name]),
            (ret, 0, 0, 0x00050000 | errno), (ret, 0, 0, 0x7fff0000)))
        code = ctypes.create_string_buffer(program)
        header = ctypes.create_string_buffer(
            struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(code)))
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header):
            raise OSError(ctypes.get_errno(), 'seccomp')
    return setup


class Group:
    """A control group of its own for a probe, in either version of them."""

    ROOT = pathlib.Path('/sys/fs/cgroup')

    def __init__(self, controller, name, name_v2, limit):
        is_v2 = (self.ROOT / 'cgroup.controllers').exists()
        base = self.ROOT if is_v2 else self.ROOT / controller
        self.path = base / ('places-%d-%s' % (os.getpid(), name))
        self.file = self.path / (name_v2 if is_v2 else name)
        self.limit = limit

    def why_not(self):
        try:
            self.make()
            self.remove()
        except OSError as error:
            return 'no control group can be made here: %s' % error
        return None

    def make(self):
        self.path.mkdir()
        try:
            self.file.write_text(str(self.limit))
        except OSError:
            self.path.rmdir()
            raise

    def enter(self):
        (self.path / 'cgroup.procs').write_text(str(os.getpid()))

    def remove(self):
        """What has ended has no environment any more, but is in the group for a moment still."""
        deadline = time.monotonic() + 10
        while True:
            try:
                self.path.rmdir()
                return
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)


# Directories.

def trap(scratch):
    """Modules and programs that would leave a trace if anything ran them."""
    names = ('gi', 'logging', 'os', 'signal', 'struct', 'site', 'encodings', 'PPool', 'pickle',
             'multiprocessing', 'concurrent', 'importlib', '__main__', 'sitecustomize')
    for name in names:
        (scratch / (name + '.py')).write_text("open(%r, 'w').close()\n" % str(scratch / 'trace'))
    for name in ('PPool.js', 'ppool.js', 'gi.js', 'overrides.js'):
        (scratch / name).write_text(
            'imports.gi.GLib.file_set_contents(%r, "");\n' % str(scratch / 'trace'))
    for name in ('ppool-launch', 'ppool-worker', 'python3', 'gjs'):
        (scratch / name).write_text('#!/bin/sh\n: > %s/trace\n' % scratch)
        (scratch / name).chmod(0o755)
    return scratch


def strange_name(scratch):
    path = scratch / "a b'c\"$d\\ \N{SNOWMAN}\n%s"
    path.mkdir()
    return path


def has_namespaces(*options):
    done = subprocess.run(['unshare', *options, 'true'], stderr=subprocess.DEVNULL, check=False)
    return None if done.returncode == 0 else 'no new namespaces can be made here'


def is_not_root():
    return None if os.geteuid() == 0 else 'only root can change its user'


def no_system_calls():
    return None if CALLS else 'the numbers of system calls are not known'


def pids():
    return Group('pids', 'pids.max', 'pids.max', 4)


def memory():
    return Group('memory', 'memory.limit_in_bytes', 'memory.max', 300 << 20)


NO_PROC = ('unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh')

PLACES = [
    Place('plain'),
    *(Place('closed/%s' % ''.join(map(str, fds)), setup=closed(*fds))
      for fds in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))),
    Place('closed/before', events=('before:close-standard',)),
    Place('closed/after', events=('after:close-standard',)),
    Place('output/full', setup=full),
    Place('output/broken-pipe', setup=broken_pipe),
    Place('descriptors/few', setup=descriptors(16),
          expect={'first': r'error .*descriptors.*', 'large': 'error .*', 'again': 'error .*',
                  'fresh': 'error .*'}, languages=('c',)),
    Place('descriptors/256', setup=descriptors(256)),
    Place('signals/blocked', setup=blocked, languages=('c', 'gjs')),
    Place('signals/ignored', setup=ignored(signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM,
                                           signal.SIGHUP, signal.SIGINT)),
    Place('signals/children-ignored', events=('before:ignore-children',),
          languages=('c', 'python', 'pool')),
    Place('signals/children-ignored-later', events=('after:ignore-children',),
          languages=('c', 'python', 'pool')),
    Place('reaper/before', events=('before:reap-all',), languages=('c', 'python', 'pool')),
    Place('reaper/after', events=('after:reap-all',), languages=('c', 'python', 'pool')),
    Place('directory/gone', setup=gone),
    Place('directory/gone-before', events=('before:lose-directory',)),
    Place('directory/gone-after', events=('after:lose-directory',)),
    Place('directory/root', cwd=lambda scratch: '/'),
    Place('directory/name', cwd=strange_name),
    Place('directory/trap', cwd=trap, traces=('trace',)),
    Place('directory/trap-in-path', cwd=trap, env={'PATH': '.:/usr/bin:/bin'}, traces=('trace',),
          languages=('c',)),
    Place('program/gone', events=('after:lose-program',), languages=('c', )),
    Place('program/renamed', events=('start:rename-process',), languages=('c', 'python', 'pool')),
    Place('program/renamed-later', events=('after:rename-process',),
          languages=('c', 'python', 'pool')),
    Place('program/frozen', events=('before:be-frozen',), languages=('pool',),
          expect={step: 'error .*frozen.*' for step in ('first', 'large', 'again', 'fresh')}),
    Place('environment/empty', env={'PATH': None, 'HOME': None, 'LC_ALL': None, 'LANG': None,
                                    'USER': None, 'TMPDIR': None, 'XDG_RUNTIME_DIR': None}),
    Place('environment/nonsense', env={'TMPDIR': '/nowhere', 'HOME': '/nowhere', 'LC_ALL': 'xx_XX',
                                       'PPOOL_FEATURES': '?,\xff', 'DBUS_SESSION_BUS_ADDRESS': '?',
                                       'PYTHONHASHSEED': '0'}),
    Place('user/nobody', setup=nobody, missing=is_not_root),
    Place('user/dropped', events=('after:lose-privileges',), languages=('c', 'python', 'pool'),
          missing=is_not_root),
    Place('refused/pidfd_open', setup=refused('pidfd_open', 1), missing=no_system_calls),
    Place('refused/close_range', setup=refused('close_range', 38), missing=no_system_calls),
    Place('refused/memfd_create', setup=refused('memfd_create', 38), missing=no_system_calls),
    Place('session/new', wrap=('setsid', '--wait')),
    Place('namespace/pid', wrap=('unshare', '--pid', '--fork', '--mount-proc'),
          missing=lambda: has_namespaces('--pid', '--fork', '--mount-proc')),
    # What a program was started with can't be read there; Python keeps it.
    Place('namespace/no-proc', wrap=NO_PROC, missing=lambda: has_namespaces('--mount'),
          languages=('c', 'gjs'),
          expect={step: 'error .*/proc/self/cmdline.*'
                  for step in ('first', 'large', 'again', 'fresh')}),
    Place('namespace/no-proc', wrap=NO_PROC, missing=lambda: has_namespaces('--mount'),
          languages=('python',)),
    Place('namespace/user', wrap=('unshare', '--user'), missing=lambda: has_namespaces('--user')),
    Place('container/pids', group=pids, languages=('c',),
          expect={step: 'error .*' for step in ('first', 'large', 'again', 'fresh')}),
    Place('container/memory', group=memory, env={'PROBE_LARGE': str(200 << 20)}, languages=('c',),
          expect={'large': 'error .*memory.*'}),
    Place('stopped/start', events=('before:be-stopped',), languages=('c',)),
    Place('copy/before', events=('before:go-on-in-copy',), languages=('c', 'python'),
          expect={step: ELSEWHERE for step in ('first', 'large', 'again')}),
    Place('copy/pool', events=('before:go-on-in-copy',), languages=('pool',)),
    Place('copy/start', events=('start:go-on-in-copy',), languages=('c', 'python', 'pool')),
    Place('copy/subprocess', events=('start:use-subprocess', 'start:go-on-in-copy'),
          languages=('c', 'python', 'pool')),
    Place('copy/gdbus', events=('start:use-gdbus', 'start:go-on-in-copy'),
          languages=('c', 'python', 'pool'),
          expect={step: 'error .*fork.*' for step in ('first', 'large', 'again', 'fresh')}),
    Place('copy/after', events=('after:go-on-in-copy',), languages=('c', 'python', 'pool'),
          expect={'again': ELSEWHERE, 'fresh': 'error .*fork.*'}),
]


class Probe:
    """One run: a program of a language, in a place."""

    def __init__(self, place, language, commands):
        self.place = place
        self.language = language
        self.command = commands[language]
        self.mark = 'PPOOL_PLACE=%d-%s-%s' % (os.getpid(), place.name, language)
        self.problems = []

    def environment(self):
        env = dict(os.environ)
        for name, value in self.place.env.items():
            env.pop(name, None)
            if value is not None:
                env[name] = value
        name, value = self.mark.split('=')
        env[name] = value
        return env

    def left(self):
        """The processes that come from this run and are still there."""
        found = []
        for path in pathlib.Path('/proc').glob('[0-9]*'):
            with contextlib.suppress(OSError):
                if self.mark.encode() in (path / 'environ').read_bytes().split(b'\0'):
                    found.append(int(path.name))
        return found

    def wait_for_none_left(self):
        deadline = time.monotonic() + 10
        while (pids := self.left()):
            if time.monotonic() > deadline:
                self.problems.append('left processes behind: %s' % pids)
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)

    def run(self, scratch, results):
        group = self.place.group() if self.place.group else None
        if group is None:
            return self.run_in(scratch, results, self.place.setup)
        group.make()
        try:
            return self.run_in(scratch, results, group.enter)
        finally:
            group.remove()

    def run_in(self, scratch, results, setup):
        place = self.place
        cwd = place.cwd(scratch) if place.cwd else scratch
        events = [*place.events, *(['pool'] if self.language == 'pool' else [])]
        process = subprocess.Popen(
            [*place.wrap, *self.command, results, *events], cwd=cwd, env=self.environment(),
            preexec_fn=setup, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.problems.append('did not end within %d seconds' % LIMIT)
            output = b''
        if process.returncode != 0:
            self.problems.append('ended with status %d' % process.returncode)
        output = output.decode(errors='replace')
        if re.search('CRITICAL|WARNING|Traceback', output):
            self.problems.append('warned:')
        self.wait_for_none_left()
        return output

    def check(self, lines):
        told = dict(line.split(': ', 1) for line in lines)
        for step, pattern in {**WORKS, **self.place.expect}.items():
            if not re.fullmatch(pattern, told.get(step, 'nothing')):
                self.problems.append('%s gave “%s”, and not “%s”'
                                     % (step, told.get(step, 'nothing'), pattern))
        if 'event' in told:
            self.problems.append('its event failed: ' + told['event'])


def visit(place, language, commands):
    """Returns what is wrong with a language in a place."""
    probe = Probe(place, language, commands)
    with tempfile.TemporaryDirectory(prefix='places-') as directory:
        os.chmod(directory, 0o777)
        scratch = pathlib.Path(directory)
        results = scratch / 'results'
        results.touch()
        results.chmod(0o666)
        # What loses its program has one of its own.
        if any('lose-program' in event for event in place.events):
            probe.command = [*probe.command[:-1], shutil.copy(probe.command[-1], scratch)]
        output = probe.run(scratch, str(results))
        probe.check(results.read_text().splitlines())
        for name in place.traces:
            if (scratch / name).exists():
                probe.problems.append('ran what is in the directory')
    return probe.problems + ([output] if probe.problems and output else [])


def visit_by_number(number, language, commands):
    return visit(PLACES[number], language, commands)


def main():
    commands = {'c': [os.path.abspath(sys.argv[1])]}
    for argument in sys.argv[2:]:
        language, _, command = argument.partition('=')
        if language == 'python':
            commands['python'] = [command, str(HERE / 'probe.py')]
            commands['pool'] = [command, str(HERE / 'probe.py')]
        elif language == 'gjs':
            commands['gjs'] = [command, '-m', str(HERE / 'probe.js')]
    only = os.environ.get('PLACES', '')
    tap = Tap()
    # Processes, since a setup may only run in a copy of one that has no threads.
    with concurrent.futures.ProcessPoolExecutor(4) as executor:
        visits = []
        for number, place in enumerate(PLACES):
            reason = place.missing() or (place.group().why_not() if place.group else None)
            for language in place.languages:
                name = 'places/%s/%s' % (place.name, language)
                if language in commands and re.search(only, name):
                    visits.append((name, reason, None if reason else executor.submit(
                        visit_by_number, number, language, commands)))
        for name, reason, future in visits:
            if reason:
                tap.skip(name, reason)
            else:
                tap.report(name, future.result())
    tap.end()


if __name__ == '__main__':
    main()
