# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How programs end: by themselves, by an exception, by Ctrl-C; each in a process of its
own, with nothing on its terminal that is not its own, and no worker left."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from support import LIMIT, check, check_equal, main

PROGRAM = '''
import os, sys, threading, time
import gi
gi.require_version('PPool', '1.0')
from gi.repository import GLib, PPool

worker = PPool.Worker()

@worker.function
def echo(value):
    return value

@worker.function
def sleep(seconds):
    """Says that it is called, and so that somebody waits."""
    print(os.getpid(), flush=True)
    time.sleep(seconds)

@worker.function
def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)
    return 'waited'

@worker.function
def append(path, text):
    time.sleep(0.2)
    with open(path, 'a') as file:
        file.write(text)

if PPool.Worker.is_spawned():
    sys.exit(worker.run())

import asyncio

path = sys.argv[1]
executor = PPool.Executor(max_workers=1)
'''


FORGETFUL = '''
import sys, time
import gi
gi.require_version('PPool', '1.0')
from gi.repository import GLib, PPool

executor = PPool.Executor(max_workers=1)
try:
    executor.call_sync('echo', 1)
except GLib.Error as error:
    print(error.message)
    if PPool.Worker.is_spawned():
        time.sleep(%d)
executor.shutdown()
''' % (10 * LIMIT)


WHERE = '''
@worker.function
def where():
    return [os.getcwd(), sys.argv[1:]]

'''


def start(folder, text, program_text=PROGRAM):
    """The program is a file, since its workers are that as well."""
    program = folder / 'program.py'
    program.write_text(program_text + text)
    return subprocess.Popen([sys.executable, program, folder / 'output'], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)


def is_alive(pid):
    try:
        return pathlib.Path('/proc/%d/stat' % pid).read_text().split()[2] != 'Z'
    except OSError:
        return False


def run(text, interrupts=0):
    """Gives the status, the output and the errors of a program, and what it wrote. It is
    interrupted, as by Ctrl-C, when it has said the process of a worker, or 0."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = start(folder, text)
        try:
            pid = int(program.stdout.readline()) if interrupts else None
            if interrupts:
                os.killpg(program.pid, signal.SIGINT)
            output, errors = program.communicate(timeout=LIMIT)
        finally:
            program.kill()
            program.wait()
        check(not pid or not is_alive(pid), 'worker', pid, 'is left')
        written = folder / 'output'
        return (program.returncode, output, errors,
                written.read_text() if written.exists() else None)


def test_forgetful(executor):
    """A program that doesn't ask whether it is a worker is told so at once, also if the
    worker has other things to do."""
    with tempfile.TemporaryDirectory() as folder:
        program = start(pathlib.Path(folder), '', FORGETFUL)
        try:
            output, errors = program.communicate(timeout=LIMIT)
        finally:
            program.kill()
            program.wait()
    check_equal((program.returncode, errors), (0, ''))
    check('it used an executor before it ran its PPoolWorker' in output, output)
    check('PPool.Worker.is_spawned()' in output, output)


def check_quiet(text, wanted=''):
    status, output, errors, written = run(text)
    check_equal((status, output, errors), (0, wanted, ''))
    return written


def check_interrupted(text):
    """The program's own traceback, and none of a worker. That of asyncio.run() has two parts."""
    status, output, errors, written = run('try:\n' + text, 1)
    check(status in (1, 130, -signal.SIGINT), status)
    check_equal(errors.count('Traceback'), 2 if 'asyncio' in text else 1)
    check_equal(errors.count('\nKeyboardInterrupt\n'), 1)
    return output


def test_end(executor):
    check_quiet("print(executor.call_sync('echo', 1))", '1\n')
    check_quiet("print(list(executor.map('echo', range(3))))", '[0, 1, 2]\n')
    check_quiet("print(asyncio.run(executor.call('echo', 1)), PPool.run(executor.call('echo', 2)))",
                '1 2\n')
    check_quiet("executor.submit('echo', 1).add_done_callback(lambda future: None)")
    check_quiet("print(PPool.wait_futures([executor.submit('echo', 1)]) != [])", 'True\n')


def test_end_with_calls(executor):
    """As with concurrent.futures, they are done before the program ends."""
    check_equal(check_quiet("executor.submit('append', path, 'x')\n"
                            "executor.submit('append', path, 'y')"), 'xy')
    check_equal(check_quiet("executor.submit('append', path, 'x')\nsys.exit(0)"), 'x')
    check_quiet("executor.submit('append', path, 'x').add_done_callback("
                "lambda future: print('called', flush=True))\ntime.sleep(0)\nexecutor.shutdown()\n"
                "time.sleep(0.3)", 'called\n')


def test_end_in_the_middle(executor):
    """Maps, tasks and loops that nobody ended."""
    check_quiet("values = executor.map('echo', iter(int, 1))\nnext(values)")
    check_quiet("async def work():\n    await executor.call('echo', 1)\n"
                "task = PPool.create_task(work())\nPPool.run(executor.call('echo', 1))")
    check_quiet("import gc\nfor i in range(100):\n"
                "    executor.submit('echo', i).add_done_callback(print if i < 0 else id)")
    check_quiet("threading.Thread(target=lambda: [executor.call_sync('echo', i) "
                "for i in range(50)]).start()")
    check_quiet("executor.call_sync('echo', 1)\nos._exit(0)")


def test_end_by_exception(executor):
    status, output, errors, written = run("executor.submit('append', path, 'x')\n1 / 0")
    check_equal((status, output, written), (1, '', 'x'))
    check_equal(errors.count('Traceback'), 1)
    status, output, errors, written = run(
        "with executor:\n    executor.submit('append', path, 'x')\n    1 / 0")
    check_equal((status, written), (1, 'x'))


def interruptible(text):
    return check_interrupted(''.join('    %s\n' % line for line in text.split('\n'))
                             + 'finally:\n    print("end", flush=True)\n')


def test_interrupt(executor):
    """At once, whatever the program waits for."""
    for text in ("executor.call_sync('sleep', 100)",
                 "executor.submit('sleep', 100).result()",
                 "executor.submit('sleep', 100).result(1000)",
                 "executor.submit('sleep', 100).exception()",
                 "PPool.wait_futures([executor.submit('sleep', 100)])",
                 "next(PPool.as_completed([executor.submit('sleep', 100)]))",
                 "list(executor.map('sleep', [100, 100]))",
                 "executor.submit('sleep', 100)\nexecutor.shutdown()",
                 "with executor:\n        executor.call_sync('sleep', 100)",
                 "with executor:\n        executor.submit('sleep', 100)",
                 "asyncio.run(executor.call('sleep', 100))",
                 "PPool.run(executor.call('sleep', 100))",
                 "executor.submit('sleep', 100)\ntime.sleep(100)"):
        try:
            check_equal(interruptible(text), 'end\n')
        except Exception as error:
            raise AssertionError(text) from error


def test_directories(executor):
    """A script that was named by a relative path is found from anywhere, also as a folder."""
    text = '''
os.chdir('/')
launcher = PPool.Launcher.new_self()
launcher.set_cwd('/usr')
print(executor.call_sync('echo', os.getcwd()), PPool.Executor(launcher, 1).call_sync('where'))
'''
    program = PROGRAM.replace('@worker.function\ndef sleep', WHERE + '@worker.function\ndef sleep')
    with tempfile.TemporaryDirectory() as folder:
        for name, command in (('program.py', ['-B', 'program.py', 'program.py']),
                              ('program.py', ['./program.py', '-c']),
                              ('__main__.py', ['.', '.'])):
            pathlib.Path(folder, name).write_text(program + text)
            done = subprocess.run([sys.executable, *command], cwd=folder, timeout=LIMIT, text=True,
                                  capture_output=True, check=False)
            check_equal((done.returncode, done.stdout, done.stderr),
                        (0, "/ ['/usr', %r]\n" % command[-1:], ''))


def test_interrupt_and_go_on(executor):
    """The call that was interrupted was cancelled if it did not run; the pool is whole."""
    status, output, errors, written = run('''
first = executor.submit('wait_for', path)
while not first.running():
    time.sleep(0.001)
second = executor.submit('echo', 2)
try:
    print(0, flush=True)
    second.result()
except KeyboardInterrupt:
    open(path, 'w').close()
values = executor.map('echo', range(3))
print(first.result(), second.result(), list(values))
''', 1)
    check_equal((status, output, errors), (0, 'waited 2 [0, 1, 2]\n', ''))


def test_interrupt_of_a_map(executor):
    """No value is lost."""
    status, output, errors, written = run('''
values = executor.map('wait_for', ['/', path, '/'])
got = [next(values)]
begin = True
while True:
    try:
        if begin:
            begin = False
            print(0, flush=True)
        got.extend(values)
        break
    except KeyboardInterrupt:
        print('interrupted')
        open(path, 'w').close()
print(len(got))
''', 1)
    check_equal((status, output, errors), (0, 'interrupted\n3\n', ''))


main(globals())
