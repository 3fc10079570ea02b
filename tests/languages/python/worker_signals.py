# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What executors tell of workers that start and exit: by signals, and by functions that are given
to a ProcessPoolExecutor. Names of tests as arguments choose some.

Workers import this file, so what takes long to import is imported where it is needed."""

import concurrent.futures
import gc
import logging
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import weakref
from concurrent.futures.process import BrokenProcessPool

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

from pool_harness import LIMIT_SEC, check, check_equal, check_raises, run_tests  # noqa: E402

WORKER = [sys.executable, pathlib.Path(__file__).with_name('functions.py')]

Reason = PPool.WorkerExitReason


def die(number=signal.SIGSEGV):
    os.kill(os.getpid(), number)


def fail_to_start():
    raise ValueError('not now')


def turn_until(condition):
    """Runs the default main context meanwhile."""
    source = GLib.timeout_add(5, lambda: GLib.SOURCE_CONTINUE)
    end = time.monotonic() + LIMIT_SEC
    while not condition():
        check(time.monotonic() < end, 'waited in vain')
        GLib.MainContext.default().iteration(True)
    GLib.source_remove(source)


class Diary:
    """What was told: a status with None at the start, and with a tuple of the error at the
    exit."""

    def __init__(self):
        self.entries = []
        self.threads = set()

    def note(self, status, *error):
        self.threads.add(threading.current_thread().name)
        self.entries.append((status, error or None))

    def connect(self, executor):
        executor.connect('worker-started', lambda _, status: self.note(status))
        executor.connect('worker-exited', lambda _, status, error: self.note(status, error))

    def new_pool(self, **arguments):
        arguments = {'crash_policy': 'replace', 'abort_grace': 0, **arguments}
        return PPool.ProcessPoolExecutor(1, on_worker_started=self.note,
                                         on_worker_exited=self.note, **arguments)

    def check(self, *wanted):
        """The reasons of workers in the order in which they started; gives their errors."""
        statuses = self.statuses()
        check_equal([status.get_exit_reason() for status in statuses], list(wanted))
        check_equal(statuses[0].get_slot(), 0)
        errors = []
        for status in statuses:
            nothing, error = [error for other, error in self.entries if other is status]
            check(nothing is None and error is not None, nothing, error)
            errors += error
        check_equal(len(self.entries), 2 * len(statuses))
        return errors

    def statuses(self):
        return [status for status, error in self.entries if error is None]

    def pids(self):
        return [status.get_pid() for status in self.statuses()]


def test_signals():
    """As in C, on a main loop."""
    diary = Diary()
    executor = PPool.Executor(WORKER, 1, crash_policy='replace', max_tasks_per_worker=2)
    diary.connect(executor)
    future = executor.submit('echo', 1)
    check_equal((future.result(), executor.call_sync('echo', 2)), (1, 2))
    pids = [future.worker_pid]
    future = executor.submit('die')
    error = check_raises(PPool.WorkerDied, future.result)
    pids.append(future.worker_pid)
    turn_until(lambda: len(diary.entries) == 4)
    nothing, death = diary.check(Reason.TASKS, Reason.DIED)
    check_equal(diary.pids(), pids)
    check(nothing is None, nothing)
    check(isinstance(death, GLib.Error), death)
    check(death.matches(PPool.error_quark(), PPool.Error.WORKER_DIED), death)
    check_equal(death.message, error.message)
    check_equal(diary.statuses()[1].props.exit_reason, Reason.DIED)
    executor.shutdown()


def test_signals_of_ends():
    diary = Diary()
    executor = PPool.Executor(WORKER, 1, abort_grace=0)
    diary.connect(executor)
    check_raises(concurrent.futures.TimeoutError,
                 executor.options(timeout=0.3).call_sync, 'give', '__import__("time").sleep(100)')
    check_equal(executor.call_sync('echo', 7), 7)
    executor.terminate_workers()
    executor.shutdown()
    turn_until(lambda: executor.get_state() == PPool.ExecutorState.SHUT_DOWN
               and not GLib.MainContext.default().pending())
    error, nothing = diary.check(Reason.ENDED, Reason.TERMINATED)
    check(nothing is None, nothing)
    check(error.matches(PPool.error_quark(), PPool.Error.TIMED_OUT), error)


def test_signals_of_others():
    """One breaks the executor, and the other is ended for that; one is too many."""
    diary = Diary()
    executor = PPool.Executor(WORKER, 2)
    diary.connect(executor)
    other = executor.submit('give', '__import__("time").sleep(100)')
    turn_until(other.running)
    check_raises(BrokenProcessPool, executor.call_sync, 'die')
    check_raises(BrokenProcessPool, other.result)
    turn_until(lambda: len(diary.entries) == 4)
    exits = {status.get_exit_reason(): error[0] for status, error in diary.entries if error}
    check_equal(set(exits), {Reason.DIED, Reason.BROKEN})
    check(exits[Reason.BROKEN] is None, exits)
    check(exits[Reason.DIED].matches(PPool.error_quark(), PPool.Error.WORKER_DIED), exits)
    executor.shutdown()

    diary = Diary()
    executor = PPool.Executor(WORKER, 2)
    diary.connect(executor)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'go')
        wait = ('[__import__("time").sleep(0.01) for _ in'
                ' iter(lambda: __import__("os").path.exists("%s"), True)] and None' % path)
        busy = [executor.submit('give', wait) for _ in range(2)]
        turn_until(lambda: all(future.running() for future in busy))
        executor.props.max_workers = 1
        open(path, 'x').close()
        turn_until(lambda: len(diary.entries) == 3)
        for future in busy:
            future.result(LIMIT_SEC)
    reasons = [status.get_exit_reason() for status in diary.statuses()]
    check_equal(sorted(reasons), sorted([Reason.SURPLUS, Reason.NONE]))
    executor.shutdown()


def test_pool():
    """In the thread of callbacks, and before the end."""
    diary = Diary()
    with diary.new_pool(max_tasks_per_child=1) as pool:
        pids = [pool.submit(os.getpid).result() for _ in range(3)]
    check_equal(diary.check(*[Reason.TASKS] * 3), [None] * 3)
    check_equal(diary.pids(), pids)
    check_equal(diary.threads, {'ppool-callbacks'})


def test_pool_shutdown():
    diary = Diary()
    with diary.new_pool() as pool:
        pool.submit(int).result()
    check_equal(diary.check(Reason.SHUTDOWN), [None])


def test_pool_deaths():
    diary = Diary()
    with diary.new_pool(max_start_failures=0) as pool:
        future = pool.submit(die)
        error = check_raises(PPool.WorkerDied, future.result)
        late = pool.options(timeout=0.3).submit(time.sleep, 100)
        check_raises(concurrent.futures.TimeoutError, late.result)
        pool.submit(int).result()
        aborted = pool.submit(time.sleep, 100)
        while not aborted.running():
            time.sleep(0.002)
        pool.abort(aborted)
        check_raises(concurrent.futures.CancelledError, aborted.result)
    death, limit, abort = diary.check(Reason.DIED, Reason.ENDED, Reason.ENDED)
    check_equal((type(death), str(death)), (PPool.WorkerDied, str(error)))
    check_equal(death.death.signal_number, signal.SIGSEGV)
    check_equal([status.death and status.death.cause for status in diary.statuses()],
                [PPool.DeathCause.SIGNAL, PPool.DeathCause.ENDED, PPool.DeathCause.ENDED])
    check(isinstance(limit, concurrent.futures.TimeoutError), limit)
    check_equal(str(limit), str(late.exception()))
    check(isinstance(abort, concurrent.futures.CancelledError), abort)


def test_executor():
    """That of named functions does the same."""
    diary = Diary()
    with PPool.Executor(WORKER, 1, crash_policy='replace', on_worker_started=diary.note,
                        on_worker_exited=diary.note) as executor:
        error = check_raises(PPool.WorkerDied, executor.call_sync, 'die')
        check_equal(executor.call_sync('echo', 1), 1)
    death, nothing = diary.check(Reason.DIED, Reason.SHUTDOWN)
    check_equal((type(death), str(death), death.death.exit_status, nothing),
                (PPool.WorkerDied, str(error), 3, None))
    check_equal(diary.threads, {'ppool-callbacks'})
    status, other = diary.statuses()
    check_equal((status.slot, status.pid, status.exit_reason, status.death),
                (0, status.get_pid(), Reason.DIED, death.death))
    check_equal(other.death, None)
    check_raises(TypeError, PPool.Executor, WORKER, on_worker_exited=1)


def test_pool_breaks():
    diary = Diary()
    pool = diary.new_pool(crash_policy='break')
    error = check_raises(BrokenProcessPool, pool.submit(die, signal.SIGKILL).result)
    pool.shutdown()
    death, = diary.check(Reason.DIED)
    check(str(error).endswith(str(death)), error, death)


def test_pool_start_fails():
    """A worker that never becomes ready."""
    diary = Diary()
    pool = diary.new_pool(initializer=fail_to_start, max_start_failures=1)
    check_raises(BrokenProcessPool, pool.submit(int).result)
    pool.shutdown()
    (status, (error, )), = diary.entries
    check_equal(status.get_exit_reason(), Reason.DIED)
    check(error.matches(PPool.error_quark(), PPool.Error.INITIALIZER), error)
    check('ValueError: not now' in error.message, error.message)
    check('builtins.' not in error.message, error.message)


def test_pool_handlers():
    """One that fails is logged, and one that uses the executor can."""
    records, values = [], []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger('ppool').addHandler(handler)

    def submit(status):
        values.append(pool.submit(abs, -status.get_slot() - 7))

    def fail(status, error):
        raise KeyError(status.get_pid())

    pool = PPool.ProcessPoolExecutor(1, on_worker_started=submit, on_worker_exited=fail)
    pid = pool.submit(os.getpid).result()
    turn_until(lambda: values)
    check_equal(values[0].result(), 7)
    pool.shutdown()
    logging.getLogger('ppool').removeHandler(handler)
    check_equal([record.exc_info[1].args for record in records], [(pid, )])


def test_pool_shuts_down():
    """From a handler, without a circle."""
    exits = threading.Event()
    pool = PPool.ProcessPoolExecutor(1, on_worker_started=lambda _: pool.shutdown(),
                                     on_worker_exited=lambda *_: exits.set())
    check_equal(pool.submit(abs, -1).result(), 1)
    check(exits.wait(LIMIT_SEC))
    pool.shutdown()


def test_pool_arguments():
    for name in 'on_worker_started', 'on_worker_exited':
        error = check_raises(TypeError, PPool.ProcessPoolExecutor, 1, **{name: 7})
        check(name in str(error), error)


def test_released():
    """Neither what was told nor who was told is held."""
    diary = Diary()
    with diary.new_pool() as pool:
        pool.submit(int).result()
    refs = [weakref.ref(diary), weakref.ref(diary.entries[0][0])]
    del diary, pool
    for _ in range(100):
        gc.collect()
        if not any(ref() for ref in refs):
            break
        time.sleep(0.01)
    check_equal([ref() for ref in refs], [None, None])


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
