# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the workers of PPool.ProcessPoolExecutor begin and end, and programs with them; names of
tests as arguments choose some."""

import concurrent.futures
import gc
import os
import pathlib
import signal
import sys
import threading
import time
import weakref
from concurrent.futures.process import BrokenProcessPool

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

from pool_harness import (LIMIT_SEC, Gate, check, check_equal, check_raises,  # noqa: E402
                          finish_script, is_alive, run_script, run_tests, start_script, wait_for,
                          wait_for_ends)


def new_executor(max_workers=1, **kwargs):
    return PPool.ProcessPoolExecutor(max_workers, **kwargs)


def echo(value):
    return value


class Value:
    """Can be referred to weakly."""


def kill_self(text=''):
    sys.stderr.write(text)
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def test_crash():
    with new_executor(2) as executor:
        crash = executor.submit(kill_self, 'last words')
        error = check_raises(BrokenProcessPool, crash.result)
        for text in ('kill_self', 'SIGKILL', 'last words'):
            check(text in str(error), text, 'is not in', error)
        check_raises(BrokenProcessPool, executor.submit, echo, 1)
        check_raises(BrokenProcessPool, executor.map, echo, [1])


def test_max_tasks():
    with new_executor(max_tasks_per_child=2) as executor:
        pids = [executor.submit(os.getpid).result() for _ in range(6)]
        check_equal(pids[::2], pids[1::2])
        check_equal(len(set(pids)), 3)


def test_workers():
    """Start when there is something for them, and as many as there may be."""
    gate = Gate()
    with new_executor(3) as executor:
        check_equal(len({executor.submit(os.getpid).result() for _ in range(3)}), 1)
        futures = [executor.submit(gate.hold) for _ in range(6)]
        gate.wait_until_held(3)
        check_equal(len(gate.pids()), 3)
        gate.open()
        concurrent.futures.wait(futures)
        check_equal(len(gate.pids()), 3)
    check(not any(map(is_child, gate.pids())))


def is_child(pid):
    return os.path.exists('/proc/%d' % pid)


def test_shutdown():
    gate = Gate()
    executor = new_executor()
    running = executor.submit(gate.hold, 1)
    gate.wait_until_held()
    waiting = executor.submit(echo, 2)
    executor.shutdown(wait=False)
    error = check_raises(RuntimeError, executor.submit, echo, 1)
    check_equal(str(error), 'cannot schedule new futures after shutdown')
    check(not waiting.done())
    executor.shutdown(wait=False, cancel_futures=True)
    gate.open()
    executor.shutdown()
    check(waiting.cancelled() and running.done())
    check_equal(running.result(), 1)
    never_used = new_executor()
    never_used.shutdown()
    check_raises(RuntimeError, never_used.submit, echo, 1)


def test_threads_of_worker():
    """A worker ends when threads have that functions left behind, as any program in Python."""
    gate = Gate()
    with new_executor() as executor:
        executor.submit(start_thread, gate).result()
    check((gate.directory / 'late').exists())


def start_thread(gate):
    threading.Timer(0.3, gate.mark, ['late']).start()


def test_one_reason():
    """Whoever submits too late gets one traceback."""
    executor = new_executor()
    executor.submit(len, ()).result(LIMIT_SEC)
    executor.shutdown()
    for args in ((len, ()), (lambda: 1, )):
        error = check_raises(RuntimeError, executor.submit, *args)
        check_equal((error.__context__, error.__cause__), (None, None))
    with new_executor() as executor:
        check_raises(BrokenProcessPool, executor.submit(os.abort).result, LIMIT_SEC)
        for args in ((len, ()), (lambda: 1, )):
            error = check_raises(BrokenProcessPool, executor.submit, *args)
            check_equal((error.__context__, error.__cause__), (None, None))


def test_end_workers():
    for name in ('terminate_workers', 'kill_workers'):
        gate = Gate()
        executor = new_executor()
        running = executor.submit(gate.hold)
        gate.wait_until_held()
        waiting = executor.submit(gate.hold)
        getattr(executor, name)()
        error = check_raises(BrokenProcessPool, running.result)
        check('workers' in str(error), error)
        wait_for(waiting.cancelled)
        check_raises(RuntimeError, executor.submit, echo, 1)
        executor.shutdown()
        wait_for_ends(gate.pids())
        getattr(new_executor(), name)()


def test_signal_handler():
    """A handler that an initializer has set runs while the worker has nothing to do."""
    gate = Gate()
    with new_executor(initializer=open_on_signal, initargs=(gate, )) as executor:
        os.kill(executor.submit(os.getpid).result(), signal.SIGUSR1)
        wait_for((gate.directory / 'open').exists)
        check_equal(executor.submit(echo, 1).result(), 1)


def open_on_signal(gate):
    signal.signal(signal.SIGUSR1, lambda *_: gate.open())


def test_collected():
    """An executor that is dropped lets its calls end, and then the workers leave."""
    gate = Gate()
    executor = new_executor()
    futures = [executor.submit(gate.hold, i) for i in range(3)]
    reference = weakref.ref(executor)
    del executor
    check_equal(reference(), None)
    gate.open()
    check_equal([future.result() for future in futures], [0, 1, 2])
    wait_for_ends(gate.pids())
    results = new_executor().map(echo, range(20), chunksize=3)
    check_equal(list(results), list(range(20)))


def test_collected_in_cycle():
    """The collector finds it among garbage while calls come and go, and is not kept waiting."""
    gate = Gate()
    cycle = [new_executor()]
    cycle.append(cycle)
    future = cycle[0].submit(gate.hold, 7)
    gate.wait_until_held()
    del cycle
    start = time.monotonic()
    gc.collect()
    check(time.monotonic() - start < LIMIT_SEC / 2)
    gate.open()
    check_equal(future.result(), 7)
    wait_for_ends(gate.pids())


def test_references():
    """Neither arguments nor results are held by what is left of a call."""
    with new_executor() as executor:
        value = Value()
        reference = weakref.ref(value)
        future = executor.submit(echo, value)
        del value
        check_equal(reference(), None)
        reference = weakref.ref(future.result())
        del future
        # The thread that has told the future may not be through with it yet.
        wait_for(lambda: reference() is None)
        for value in executor.map(echo, [Value() for _ in range(4)], chunksize=2):
            reference = weakref.ref(value)
            del value
            check_equal(reference(), None)


FORK_SCRIPT = """
import glob, multiprocessing, pathlib, socket
from gi.repository import Gio, PPool
from concurrent.futures.process import BrokenProcessPool

def use_dbus():
    global connection
    socket = Gio.Socket.new_from_fd(other_ends[0].detach())
    connection = Gio.DBusConnection.new_sync(socket.connection_factory_create_connection(), None,
                                             Gio.DBusConnectionFlags.NONE, None, None)

def use_subprocess():
    Gio.Subprocess.new(['true'], 0).wait()

def child():
    try:
        with PPool.ProcessPoolExecutor(1) as executor:
            print(executor.submit(pow, 2, 3).result(), flush=True)
    except BrokenProcessPool as error:
        print('fork()' in str(error), flush=True)

if __name__ == '__main__':
    other_ends = socket.socketpair()
    USE()
    wait_for(lambda: all(pathlib.Path(stat).read_text().rpartition(')')[2].split()[0] == 'S'
                         for stat in glob.glob('/proc/self/task/*/stat')
                         if '/%d/' % os.getpid() not in stat))
    process = multiprocessing.get_context('fork').Process(target=child)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""


def test_forked_early():
    """A process of multiprocessing, forked after use of what GLib has threads for, has an
    executor that works, or one that says why it does not; and it comes to an end."""
    for use, expected in ('use_subprocess', '8'), ('use_dbus', 'True'):
        out, _ = run_script(FORK_SCRIPT.replace('USE', use))
        check_equal(out.strip(), expected)


def test_forked():
    """In a forked copy, nothing works and nothing hangs, and the original goes on."""
    executor = new_executor()
    future = executor.submit(echo, 1)
    check_equal(future.result(), 1)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(LIMIT_SEC)
            error = check_raises(BrokenProcessPool, executor.submit, echo, 1)
            check('forked copy' in str(error), error)
            executor.terminate_workers()
            executor.shutdown()
            del executor
            gc.collect()
            check_equal(threading.active_count(), 1)
            status = 0
        finally:
            os._exit(status)
    check_equal(os.waitpid(pid, 0)[1], 0)
    check_equal(executor.submit(echo, 2).result(), 2)
    executor.shutdown()


def test_exit():
    """At its exit, a program waits for what it has submitted, whatever has become of executors."""
    out, errors = run_script('''
        def say(text):
            time.sleep(0.2)
            # All of a line at once, as three processes write.
            os.write(1, (text + '\\n').encode())
        if __name__ == '__main__':
            one = PPool.ProcessPoolExecutor(1)
            one.submit(say, 'one')
            two = PPool.ProcessPoolExecutor(1)
            two.submit(say, 'two')
            two.shutdown(wait=False)
            PPool.ProcessPoolExecutor(1).submit(say, 'three')
            sys.exit(5)
        ''', status=5)
    check_equal(sorted(out.split()), ['one', 'three', 'two'])
    check_equal(errors, '')


def test_submit_at_exit():
    out, errors = run_script('''
        import atexit
        @atexit.register
        def submit_late():
            for executor in (used, unused):
                try:
                    executor.submit(abs, 1)
                except RuntimeError as error:
                    print(error)
        if __name__ == '__main__':
            used = PPool.ProcessPoolExecutor(1)
            unused = PPool.ProcessPoolExecutor(1)
            used.submit(abs, 1).result()
        else:
            used = unused = PPool.ProcessPoolExecutor(1)
            atexit.unregister(submit_late)
        ''')
    check_equal(out.splitlines(),
                ['cannot schedule new futures after interpreter shutdown'] * 2)
    check_equal(errors, '')


def test_submit_while_exiting():
    """A call that is being submitted while the program begins to exit is refused, or runs."""
    out, errors = run_script('''
        import threading
        pickling, passed = threading.Event(), threading.Event()
        class Slow:
            def __reduce__(self):
                pickling.set()
                passed.wait(LIMIT_SEC)
                return int, ()
        def submit():
            try:
                print(executor.submit(pow, 2, 3).result(LIMIT_SEC), flush=True)
            except RuntimeError as error:
                print(error, flush=True)
        if __name__ == '__main__':
            # What is registered before the executor's module was imported is called after it.
            threading._register_atexit(passed.set)
            executor = PPool.ProcessPoolExecutor(1, initializer=id, initargs=(Slow(), ))
            threading.Thread(target=submit).start()
            pickling.wait(LIMIT_SEC)
        ''')
    check_equal((out, errors), ('cannot schedule new futures after interpreter shutdown\n', ''))


def test_main_without_guard():
    """A program that starts workers wherever it is imported is told so, as by multiprocessing."""
    out, errors = run_script('''
        try:
            PPool.ProcessPoolExecutor(1).submit(abs, 1).result()
        except concurrent.futures.BrokenExecutor as error:
            print(type(error).__name__)
        ''')
    check_equal(out, 'BrokenProcessPool\n')
    check('when it is imported' in errors, errors)


def test_named_functions_too():
    """One file may use both executors, below what makes it a worker of named functions."""
    out, errors = run_script('''
        worker = PPool.Worker()
        @worker.function
        def add(a, b):
            return a + b
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        if __name__ == '__main__':
            with PPool.Executor(max_workers=1) as executor:
                print(executor.submit('add', 1, 2).result())
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(add, 3, 4).result())
        ''')
    check_equal((out, errors), ('3\n7\n', ''))


def test_flags():
    """Workers have the flags of the program's Python, and find what it has found."""
    paths = [os.path.dirname(__file__), *os.environ['PYTHONPATH'].split(os.pathsep)]
    text = '''
        def get_flags():
            return sys.flags.isolated, sys.flags.optimize, sys.warnoptions
        if __name__ == '__main__':
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(get_flags).result())
        '''
    # Python does not know then where else than beside the sources byte code goes.
    process = start_script(text, '-I', '-B', '-O', '-W', 'error::UserWarning',
                           before='import sys; sys.path += %r\n' % paths)
    out, errors = finish_script(process)
    check_equal((out, errors), ("(1, 1, ['error::UserWarning'])\n", ''))


def test_guide():
    """The program of the guide does what it says."""
    page = pathlib.Path(__file__).parents[3] / 'docs' / 'python.md'
    section = page.read_text().partition('## A drop-in ProcessPoolExecutor')[2]
    out, errors = run_script(section.partition('```python\n')[2].partition('```')[0])
    lines = out.splitlines()
    check_equal(lines[:2], ['1024', str([n in (2, 3, 5, 7) for n in range(10)])])
    check_equal(sorted(lines[2:]), ['2147483647 True', '2147483648 False'])
    check_equal(errors, '')


INTERRUPTED = '''
    if __name__ == '__main__':
        gate = Gate()
        print(gate.directory, flush=True)
        %s
    '''


def run_interrupted(text):
    """Interrupts a program as a terminal does, once a call is running. Returns its output."""
    process = start_script(INTERRUPTED % text.strip(), start_new_session=True)
    gate = Gate(process.stdout.readline().strip())
    gate.wait_until_held()
    pids = gate.pids()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(LIMIT_SEC)
    wait_for_ends(pids)
    out, errors = process.communicate()
    check_equal(process.returncode, -signal.SIGINT)
    check('process_worker' not in errors, errors)
    check_equal(errors.count('Traceback'), 1)
    check(errors.endswith('KeyboardInterrupt\n'), errors)
    return out


def test_interrupt():
    """Ctrl-C ends the workers, whatever the program waits for, and only it prints its traceback."""
    for text in ('''
        with PPool.ProcessPoolExecutor(2) as executor:
            executor.submit(gate.hold).result()
        ''', '''
        with PPool.ProcessPoolExecutor(2) as executor:
            list(executor.map(gate.hold, range(5)))
        ''', '''
        executor = PPool.ProcessPoolExecutor(2)
        concurrent.futures.wait([executor.submit(gate.hold)])
        ''', '''
        executor = PPool.ProcessPoolExecutor(2)
        executor.submit(gate.hold)
        executor.shutdown()
        ''', '''
        with PPool.ProcessPoolExecutor(2) as executor:
            executor.submit(gate.hold)
        '''):
        run_interrupted(text)


def test_interrupt_at_exit():
    """Ctrl-C while the interpreter waits for calls ends them too."""
    process = start_script(INTERRUPTED % '''
        executor = PPool.ProcessPoolExecutor(1)
        executor.submit(gate.hold)
        '''.strip(), start_new_session=True)
    gate = Gate(process.stdout.readline().strip())
    gate.wait_until_held()
    # The main thread waits at its exit soon after that; it is interrupted anyway.
    os.killpg(process.pid, signal.SIGINT)
    process.wait(LIMIT_SEC)
    wait_for_ends(gate.pids())
    check('process_worker' not in process.communicate()[1])


def test_killed():
    """When the program is killed, workers end that are in the middle of a call."""
    process = start_script(INTERRUPTED % '''
        PPool.ProcessPoolExecutor(1).submit(gate.hold).result()
        '''.strip())
    gate = Gate(process.stdout.readline().strip())
    gate.wait_until_held()
    process.kill()
    wait_for_ends(gate.pids())
    process.communicate()


def get_memory():
    """Returns how much memory this process has, in bytes."""
    gc.collect()
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_memory():
    """Ten thousand calls leave nothing behind, in the program and in the worker."""
    def run(n):
        for _ in range(n // 100):
            futures = [executor.submit(echo, 'x' * 1000) for _ in range(70)]
            for future in futures[:20]:
                future.result()
            concurrent.futures.wait(futures)
            list(executor.map(echo, range(30), chunksize=3))
    with new_executor() as executor:
        run(3000)
        before = get_memory(), executor.submit(get_memory).result(), len(gc.get_objects())
        run(10000)
        after = get_memory(), executor.submit(get_memory).result(), len(gc.get_objects())
    for i, limit in enumerate((400 << 10, 400 << 10, 500)):
        check(after[i] - before[i] < limit, i, before, after)


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
