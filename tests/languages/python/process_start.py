# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the workers of a ProcessPoolExecutor, and those of named functions in Python, are started:
from where, with what, and where they can't be."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zipfile

from pool_harness import (LIMIT_SEC, PREAMBLE, check, check_equal, finish_script, run_script,
                          run_tests, start_script)

# Forbids pidfd_open(), as some containers do, in this process and those that it starts.
NO_PIDFD = '''\
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
code = b''.join(struct.pack('=HBBI', *line) for line in [
    (0x20, 0, 0, 0),             # what is called?
    (0x15, 0, 1, 434),           # pidfd_open()
    (0x06, 0, 0, 0x00050001),    # EPERM
    (0x06, 0, 0, 0x7fff0000)])   # allowed
program = ctypes.create_string_buffer(code)
head = ctypes.create_string_buffer(struct.pack('@HP', 4, ctypes.addressof(program)))
def forbid():
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, head, 0, 0) == 0
    try:
        os.pidfd_open(os.getpid())
    except PermissionError:
        return
    assert False
'''


def make_directory(**files):
    directory = pathlib.Path(tempfile.mkdtemp())
    for name, text in files.items():
        (directory / (name + '.py')).write_text(textwrap.dedent(text))
    return directory


def start(command, environ=(), **kwargs):
    """Starts a command that finds the harness, with standard streams as a script has them."""
    own = {**os.environ, 'PYTHONPATH': os.pathsep.join(
        [os.path.dirname(__file__), os.environ.get('PYTHONPATH', '')]), **dict(environ)}
    return subprocess.Popen(list(map(str, command)), env=own, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kwargs)


def run(command, environ=(), status=0, **kwargs):
    return finish_script(start(command, environ, **kwargs), status)


# What workers inherit

def test_no_pidfd():
    out, _ = run_script(NO_PIDFD + '''
        import multiprocessing
        def is_there():
            return multiprocessing.parent_process().is_alive()
        if __name__ == '__main__':
            forbid()
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(is_there).result())
    '''.replace('\n        ', '\n'))
    check_equal(out, 'True\n')


def test_no_pidfd_in_worker():
    out, _ = run_script('''
        import multiprocessing
        def refuse(pid):
            raise PermissionError
        if __name__ != '__main__':
            os.pidfd_open = refuse
        def is_there():
            return multiprocessing.parent_process().is_alive()
        if __name__ == '__main__':
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(is_there).result())
    ''')
    check_equal(out, 'True\n')


def test_dropped_privileges():
    out, _ = run_script('''
        import ctypes, multiprocessing, multiprocessing.shared_memory
        def keep(*args):
            global kept
            kept = args
        def use():
            lock, queue, memory = kept
            with lock:
                queue.put(bytes(memory.buf[:5]))
        if __name__ == '__main__':
            os.chmod(os.path.dirname(__file__), 0o755)
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            else:
                ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
            spawn = multiprocessing.get_context('spawn')
            memory = multiprocessing.shared_memory.SharedMemory(create=True, size=5)
            memory.buf[:5] = b'hello'
            queue = spawn.SimpleQueue()
            with PPool.ProcessPoolExecutor(2, initializer=keep,
                                           initargs=(spawn.Lock(), queue, memory)) as executor:
                executor.submit(use).result()
                print(queue.get())
            memory.unlink()
    ''')
    check_equal(out, 'b\'hello\'\n')


def test_connections():
    """Sockets as well; and the program has none of them left that it hasn't itself."""
    out, errors = run_script('''
        import multiprocessing
        def keep(*args):
            global kept
            kept = args
        def send(what):
            for connection in kept:
                connection.send(what)
            return os.get_inheritable(kept[0].fileno())
        if __name__ == '__main__':
            reader, writer = multiprocessing.Pipe(False)
            near, far = multiprocessing.Pipe()
            with PPool.ProcessPoolExecutor(1, initializer=keep, max_tasks_per_child=1,
                                           initargs=(writer, far)) as executor:
                for number in range(3):
                    assert not executor.submit(send, number).result()
                    assert reader.recv() == near.recv() == number
                writer.close()
                far.close()
            for connection in reader, near:
                try:
                    connection.recv()
                except EOFError:
                    print('end')
    ''')
    check_equal((out, errors), ('end\nend\n', ''))


def test_large_initargs():
    out, errors = run_script('''
        def keep(*args):
            global kept
            kept = args
        def look():
            data, text, array = kept
            array[0] = 7
            return len(data), len(text), bytes(array[:2])
        if __name__ == '__main__':
            with PPool.ProcessPoolExecutor(
                    1, initializer=keep, max_tasks_per_child=1,
                    initargs=(bytes(65 << 20), 'x' * (1 << 20), bytearray(1 << 20))) as executor:
                print(executor.submit(look).result())
                print(executor.submit(look).result())
    ''')
    check_equal((out, errors), ('(68157440, 1048576, b\'\\x07\\x00\')\n' * 2, ''))


# Directories

def test_directory():
    """Workers are where the program is when they start, even if that is nowhere."""
    out, errors = run_script('''
        import tempfile
        def where():
            try:
                return os.getcwd()
            except FileNotFoundError:
                return 'nowhere'
        def go(name):
            directory = os.path.join(tempfile.mkdtemp(), name)
            os.mkdir(directory)
            os.chdir(directory)
            return directory
        if __name__ == '__main__':
            gone = go('before')
            os.rmdir(gone)
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(where).result())
            moved = go('after')
            with PPool.ProcessPoolExecutor(1, max_tasks_per_child=1) as executor:
                print(executor.submit(where).result() == moved)
                os.rmdir(moved)
                print(executor.submit(where).result())
                moved = go('moved')
                print(executor.submit(where).result() == moved)
    ''')
    check_equal((out, errors), ('nowhere\nTrue\nnowhere\nTrue\n', ''))


def test_directory_of_command_gone():
    """The path of this program begins with the current directory, which is gone."""
    directory = tempfile.mkdtemp()
    out, errors = run([sys.executable, '-c', '''
import os, gi
os.rmdir(os.getcwd())
gi.require_version('PPool', '1.0')
from gi.repository import PPool
with PPool.ProcessPoolExecutor(1) as executor:
    print(executor.submit(pow, 2, 3).result())
    print(executor.submit(os.path.basename, 'a/b').result())
'''], cwd=directory)
    check_equal((out, errors), ('8\nb\n', ''))


def test_directory_of_named_functions_gone():
    script = make_directory(script='''
        import os, sys, gi
        gi.require_version('PPool', '1.0')
        if 'before' in sys.argv and os.environ.pop('TEST_LEAVES', ''):
            os.rmdir(os.getcwd())
        from gi.repository import PPool
        worker = PPool.Worker()
        worker.function(pow)
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        if 'after' in sys.argv:
            os.rmdir(os.getcwd())
        with PPool.Executor(max_workers=1) as executor:
            print(executor.call_sync('pow', 2, 3))
    ''') / 'script.py'
    for when in 'before', 'after':
        out, errors = run([sys.executable, script, when], {'TEST_LEAVES': 'yes'},
                          cwd=tempfile.mkdtemp())
        check_equal((out, errors), ('8\n', ''))


# What is in the current directory is not the program's

def make_traps(mark):
    """A directory that has a file for each module that a worker may import by itself."""
    directory = pathlib.Path(tempfile.mkdtemp())
    names = {name.partition('.')[0] for name in sys.modules} | {'readline', 'rlcompleter',
                                                              'sitecustomize', 'usercustomize'}
    for name in (names | {'gi', 'logging', 'faulthandler'}) - {'__main__', 'pool_harness'}:
        (directory / (name + '.py')).write_text('open(%r, "a").write(__name__ + "\\n")\n' % mark)
    return directory


FUNCTIONS = PREAMBLE + '''
import email.mime.text      # what is not imported yet
def load(name):
    return __import__(name).__file__
if __name__ == '__main__':
    os.chdir(sys.argv[1])
    with PPool.ProcessPoolExecutor(1) as executor:
        print(executor.submit(load, 'csv').result() == load('csv'))
        try:
            executor.submit(load, 'trap').result()
        except ImportError:
            print('no trap')
'''


def test_files_in_directory():
    mark = os.path.join(tempfile.mkdtemp(), 'mark')
    traps = make_traps(mark)
    (traps / 'trap.py').write_text('')
    (traps / 'csv.py').write_text('')
    script = make_directory(script=FUNCTIONS) / 'script.py'
    for flags, environ in (([], {}), ([], {'PYTHONINSPECT': '1'}), (['-s'], {}),
                           ([], {'PYTHONSAFEPATH': '1'})):
        out, errors = run([sys.executable, *flags, script, traps], environ,
                          stdin=subprocess.DEVNULL)
        check_equal(out, 'True\nno trap\n')
        check(not os.path.exists(mark), flags, environ, os.path.exists(mark) and open(mark).read())


def test_files_in_directory_of_named_functions():
    mark = os.path.join(tempfile.mkdtemp(), 'mark')
    script = make_directory(script='''
        import os, sys, gi
        gi.require_version('PPool', '1.0')
        from gi.repository import PPool
        worker = PPool.Worker()
        worker.function(pow)
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        os.chdir(sys.argv[1])
        with PPool.Executor(max_workers=1) as executor:
            print(executor.call_sync('pow', 2, 3))
    ''') / 'script.py'
    out, errors = run([sys.executable, script.name, make_traps(mark)], cwd=script.parent)
    check_equal((out, errors), ('8\n', ''))
    check(not os.path.exists(mark))


ODD_SCRIPT = '''
    import os, sys, gi
    gi.require_version('PPool', '1.0')
    from gi.repository import PPool
    def power(a, b):
        return a ** b
    worker = PPool.Worker()
    worker.function(power)
    if __name__ == '__main__':
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        with PPool.Executor(max_workers=1) as executor:
            print(executor.call_sync('power', 2, 3))
        with PPool.Executor([os.path.realpath('/proc/self/exe'), *sys.argv], 1) as executor:
            print(executor.call_sync('power', 2, 3))
        with PPool.ProcessPoolExecutor(1) as executor:
            print(executor.submit(power, 2, 3).result(), sys.argv[1:], flush=True)
        # And no session of its own.
        os._exit(0)
'''


def test_no_session():
    """Workers don't become interactive in the end, as the program would."""
    script = make_directory(script=ODD_SCRIPT) / 'script.py'
    for flags, environ in (([], {'PYTHONINSPECT': '1'}), (['-i'], {}),
                           (['-Bi', '-Wignore'], {}), (['-iW', 'ignore', '-i', '-X', 'dev=0'], {})):
        command = [sys.executable, *flags, script.name, '-i']
        out, errors = run(command, environ, cwd=script.parent, stdin=subprocess.DEVNULL)
        check_equal((out, errors), ("8\n8\n8 ['-i']\n", ''))


def test_strange_name():
    """A program may be called by any name; that of its interpreter is known all the same. Where
    sys.executable is a path of nothing, it is not that."""
    script = make_directory(script=ODD_SCRIPT) / 'script.py'
    executable = os.path.realpath(sys.executable)
    for name in ('strange', './strange', 'no/such/file'):
        process = start([name, script, 'x'], executable=executable, cwd=script.parent)
        out, errors = finish_script(process)
        check_equal((out, errors), ("8\n8\n8 ['x']\n", ''))


def test_relative_path_in_environment():
    """It is from where the program was."""
    mark = os.path.join(tempfile.mkdtemp(), 'mark')
    elsewhere = make_directory()
    shutil.copytree(make_traps(mark), elsewhere / 'lib')
    script = make_directory(script='''
        import os, sys, gi
        gi.require_version('PPool', '1.0')
        from gi.repository import PPool
        import helper
        worker = PPool.Worker()
        worker.function(helper.double)
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        if __name__ == '__main__':
            os.chdir(sys.argv[1])
            with PPool.Executor(max_workers=1) as executor:
                print(executor.call_sync('double', 4))
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(helper.double, 4).result())
    ''') / 'script.py'
    (script.parent / 'lib').mkdir()
    (script.parent / 'lib' / 'helper.py').write_text('def double(n):\n    return 2 * n\n')
    paths = os.pathsep.join(['lib', os.environ['PYTHONPATH']])
    process = subprocess.run([sys.executable, script, elsewhere], cwd=script.parent, text=True,
                             env={**os.environ, 'PYTHONPATH': paths}, timeout=LIMIT_SEC,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check_equal((process.stdout, process.stderr), ('8\n8\n', ''))
    check(not os.path.exists(mark))


# Where modules and typelibs are

def test_search_path():
    """A typelib that only the program has said where it is."""
    paths = os.environ.get('GI_TYPELIB_PATH', '')
    check(paths)
    script = make_directory(script='''
        import os, sys, gi
        gi.require_version('GIRepository', '2.0')
        from gi.repository import GIRepository
        if __name__ == '__main__':
            for path in sys.argv[1].split(':'):
                GIRepository.Repository.prepend_search_path(path)
            gi.require_version('PPool', '1.0')
            from gi.repository import PPool
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(pow, 2, 3).result())
    ''') / 'script.py'
    out, errors = run([sys.executable, script, paths], {'GI_TYPELIB_PATH': ''})
    check_equal(out, '8\n')


def test_kinds_of_programs():
    """All ways to start Python of which functions can be imported again."""
    text = PREAMBLE + '''
def double(n):
    return 2 * n
if __name__ == '__main__':
    with PPool.ProcessPoolExecutor(1) as executor:
        print(executor.submit(double, 4).result())
'''
    directory = make_directory(script=text)
    package = directory / 'package'
    package.mkdir()
    (package / '__init__.py').write_text('')
    (package / 'module.py').write_text(text)
    simple = PREAMBLE + '''
with PPool.ProcessPoolExecutor(1) as executor:
    print(executor.submit(pow, 2, 3).result())
'''
    (package / '__main__.py').write_text(simple)
    with zipfile.ZipFile(directory / 'app.zip', 'w') as archive:
        archive.writestr('__main__.py', 'import functions\nfunctions.main()\n')
        archive.writestr('functions.py', text.replace(
            'if __name__ == \'__main__\':', 'def main():'))
    (directory / 'stdin').write_text(simple)
    for command in (['script.py'], ['./script.py'], ['-m', 'script'], ['-m', 'package.module'],
                    ['-m', 'package'], ['package'], ['app.zip'], ['-c', simple],
                    ['-X', 'utf8', '-O', '-W', 'ignore', '-s', '-B', 'script.py']):
        out, errors = run([sys.executable, *command], cwd=directory)
        check_equal((command, out, errors), (command, '8\n', ''))
    with open(directory / 'stdin') as file:
        out, errors = run([sys.executable], cwd=directory, stdin=file)
        check_equal((out, errors), ('8\n', ''))
        file.seek(0)
        out, _ = run([sys.executable, '-i', '-q'], cwd=directory, stdin=file)
        check_equal(out, '8\n')


def test_isolated():
    """With -I and -E neither variables nor the current directory are looked at."""
    paths = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    script = make_directory(script='''
        import sys
        sys.path += %r
        import os, gi
        gi.require_version('PPool', '1.0')
        from gi.repository import PPool
        def get_flags():
            return sys.flags.isolated, sys.flags.ignore_environment, 'nowhere' in sys.path
        if __name__ == '__main__':
            with PPool.ProcessPoolExecutor(1) as executor:
                print(executor.submit(get_flags).result())
    ''' % paths) / 'script.py'
    # Nor at the one that says where else than beside the sources byte code goes.
    for flags, wanted in (['-I', '-B'], (1, 1, False)), (['-E', '-B'], (0, 1, False)):
        out, errors = run([sys.executable, *flags, script], {'PYTHONPATH': 'nowhere'})
        check_equal((out, errors), ('%r\n' % (wanted,), ''))


def test_venv():
    directory = make_directory(script=FUNCTIONS)
    if subprocess.call([sys.executable, '-m', 'venv', '--system-site-packages', '--without-pip',
                        str(directory / 'venv')], stderr=subprocess.DEVNULL) != 0:
        return 'venv is not there'
    out, errors = run([directory / 'venv/bin/python', directory / 'script.py', '/'])
    check_equal((out, errors), ('True\nno trap\n', ''))


# Titles

TITLE = '''\
import ctypes
def set_title(title):
    fields = open('/proc/self/stat').read().rpartition(')')[2].split()
    start, end = int(fields[45]), int(fields[46])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, title, min(len(title), end - start - 1))
'''


def test_title():
    """Of a process that calls itself otherwise than it was called."""
    trap = make_directory(__main__='print("executed", flush=True)')
    text = TITLE + '''
import os, sys, gi
gi.require_version('PPool', '1.0')
if 'before' in sys.argv:
    set_title(b'daemon: idle')
from gi.repository import PPool
worker = PPool.Worker()
@worker.function
def get_args(*_):
    return sys.argv[1:]
if PPool.Worker.is_spawned():
    sys.exit(worker.run())
set_title(b'daemon: idle')
os.chdir(sys.argv[1])
with PPool.Executor(max_workers=1) as executor:
    print(executor.call_sync('get_args') == sys.argv[1:])
'''
    script = make_directory(script=text) / 'script.py'
    whens = ['after', 'before'] if hasattr(sys, 'orig_argv') else ['after']
    for when in whens:
        for path in script, 'script.py':
            out, errors = run([sys.executable, path, trap, when, 'x y'], cwd=script.parent)
            check_equal((out, errors), ('True\n', ''))


def test_title_is_all_there_is():
    """As in Python 3.9, which keeps no copy."""
    trap = make_directory(__main__='print("executed", flush=True)')
    script = make_directory(script=TITLE + '''
import os, sys, gi
if hasattr(sys, 'orig_argv'):
    del sys.orig_argv
gi.require_version('PPool', '1.0')
set_title(b'daemon')
from gi.repository import PPool
try:
    PPool.Executor()
except RuntimeError as error:
    print(error)
''') / 'script.py'
    out, errors = run([sys.executable, script, 'argument'], cwd=trap)
    check('title of the process' in out and not errors, out, errors)


# Pools in modules that workers import

def test_missing_guard():
    process = start_script('''
        def double(n):
            return 2 * n
        print(os.getpid(), flush=True)
        with PPool.ProcessPoolExecutor(2) as executor:
            print(executor.submit(double, 4).result())
    ''')
    out, errors = finish_script(process, status=1)
    check(len(out.split()) <= 3, out)
    check('script.py”, which starts a ProcessPoolExecutor when it is imported' in errors, errors)
    check('__name__ == \'__main__\'' in errors.splitlines()[-1], errors)
    check('freeze_support' not in errors, errors)


MODULE = '''\
from script import *
def double(n):
    return 2 * n
open(os.environ['TEST_COUNT'], 'a').write('x')
executor = PPool.ProcessPoolExecutor(2)
futures = [executor.submit(double, n) for n in range(2)]
'''


def test_pool_at_top_level_of_module():
    """Whether it waits there or not, it ends, and says what is wrong with which module."""
    for more in 'print(futures[0].result())', '':
        directory = make_directory(module=MODULE + more, script=PREAMBLE + '''
if __name__ == '__main__':
    import module
    print(module.futures[0].result())
''')
        count = directory / 'count'
        _, errors = run([sys.executable, directory / 'script.py'], {'TEST_COUNT': str(count)}, 1)
        last = errors.splitlines()[-1]
        check('UnpicklingError' in last and str(directory / 'module.py') in last, errors)
        check_equal('__main__' in last, True)
        # The program, and each of two workers a time for each of its calls.
        check(count.stat().st_size <= 3, count.stat().st_size)


def test_pools_in_functions_of_pools():
    out, errors = run_script('''
        def nest(n):
            if n == 0:
                return [os.environ['PPOOL_DEPTH']]
            with PPool.ProcessPoolExecutor(1) as executor:
                return [os.environ.get('PPOOL_DEPTH')] + executor.submit(nest, n - 1).result()
        if __name__ == '__main__':
            print(nest(3))
    ''')
    check_equal((out, errors), ('[None, \'1\', \'2\', \'3\']\n', ''))


def test_too_many_pools_in_functions_of_pools():
    script = make_directory(script=PREAMBLE + '''
if __name__ == '__main__':
    with PPool.ProcessPoolExecutor(1) as executor:
        try:
            executor.submit(pow, 2, 3)
        except RuntimeError as error:
            print(error)
''') / 'script.py'
    out, _ = run([sys.executable, script], {'PPOOL_DEPTH': '16'})
    check('below 16 executors' in out, out)
    out, errors = run([sys.executable, script], {'PPOOL_DEPTH': 'nonsense'})
    check_equal((out, errors), ('', ''))


# Programs that are no interpreters

def test_embedded():
    """A program with a Python in it, as far as Python sees that."""
    directory = make_directory(script=PREAMBLE + '''
import multiprocessing
sys.executable = ''
multiprocessing.set_executable('')
if __name__ == '__main__':
    for make in PPool.Executor, lambda: PPool.ProcessPoolExecutor(1).submit(pow, 2, 3):
        try:
            make()
        except RuntimeError as error:
            print(error)
    PPool.Launcher.new_self()
    multiprocessing.set_executable(sys.argv[1])
    with PPool.ProcessPoolExecutor(1) as executor:
        print(executor.submit(pow, 2, 3).result())
''')
    program = directory / 'application'
    shutil.copy(os.path.realpath(sys.executable), program)
    out, errors = run([program, directory / 'script.py', sys.executable],
                      {'PYTHONHOME': sys.base_prefix})
    lines = out.splitlines()
    check(len(lines) == 3 and str(program) in lines[0] and str(program) in lines[1], out, errors)
    check('PPool.Executor([' in lines[0] and 'multiprocessing.set_executable' in lines[1], out)
    check_equal((lines[2], errors), ('8', ''))


def test_embedded_in_c():
    """What is for a program to do that another one has the Python of."""
    host = pathlib.Path(os.environ['G_TEST_BUILDDIR'], 'languages', 'python', 'embed-host')
    if not host.exists():
        return 'this Python can\'t be embedded'
    script = make_directory(script=PREAMBLE + '''
import multiprocessing
if __name__ == '__main__':
    try:
        PPool.Executor()
    except RuntimeError as error:
        print('PPool.Executor([' in str(error))
    multiprocessing.set_executable(%r)
    executor = PPool.ProcessPoolExecutor(1)
    print(executor.submit(pow, 2, 3).result())
    executor.shutdown()
''' % sys.executable) / 'script.py'
    out, errors = run([host, script])
    check_equal((out, errors), ('the application runs\nTrue\n8\n', ''))


def test_frozen():
    text = PREAMBLE + '''
sys.frozen = True
sys.executable = os.environ['TEST_PROGRAM']
def double(n):
    return 2 * n
if __name__ == '__main__':
    if 'supported' in sys.argv or PPool.Worker.is_spawned():
        PPool.freeze_support()
    with PPool.ProcessPoolExecutor(2) as executor:
        print(executor.submit(double, 4).result(), sys.argv[1:])
'''
    directory = make_directory(script=text)
    program = directory / 'program'
    program.write_text('#!/bin/sh\nexec %s %s "$@"\n' % (sys.executable, directory / 'script.py'))
    program.chmod(0o755)
    out, errors = run([program, 'supported'], {'TEST_PROGRAM': str(program)})
    check_equal((out, errors), ('8 [\'supported\']\n', ''))
    _, errors = run([program], {'TEST_PROGRAM': str(program)}, 1)
    check('PPool.freeze_support()' in errors.splitlines()[-1], errors)


def test_other_format():
    """The program runs since before an update."""
    out, _ = run_script('''
        if __name__ == '__main__':
            PPool.ProcessPoolExecutor
            from gi.overrides.PPool import _process_worker
            _process_worker.FORMAT = 0
            _process_worker.get_version = lambda: '0.9.0'
            try:
                PPool.ProcessPoolExecutor(1).submit(pow, 2, 3).result()
            except concurrent.futures.process.BrokenProcessPool as error:
                print(error)
    ''')
    check('PPool-GLib 0.9.0 and its workers with 1.' in out, out)
    check('restart the program' in out, out)


# Deaths

def test_faulthandler():
    """A worker that dies of a signal says where in Python it was."""
    out, errors = run_script('''
        import ctypes
        def crash():
            ctypes.string_at(0)
        if __name__ == '__main__':
            try:
                PPool.ProcessPoolExecutor(1).submit(crash).result()
            except concurrent.futures.process.BrokenProcessPool as error:
                print(error)
    ''')
    check('SIGSEGV' in out and ' in crash\n' in out, out)


def test_faulthandler_of_named_functions():
    out, errors = run_script('''
        import ctypes
        worker = PPool.Worker()
        @worker.function
        def crash():
            ctypes.string_at(0)
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        try:
            PPool.Executor(max_workers=1).call_sync('crash')
        except concurrent.futures.process.BrokenProcessPool as error:
            print(error)
    ''')
    check('SIGSEGV' in out and ' in crash\n' in out, out)


def test_faulthandler_in_recursion():
    """The stack begins with the fault, and has more lines than a message may."""
    out, errors = run_script('''
        import ctypes
        worker = PPool.Worker()
        @worker.function
        def descend_into_a_tree_of_many_levels(n):
            if n == 0:
                ctypes.string_at(8)
            return descend_into_a_tree_of_many_levels(n - 1) + 1
        if PPool.Worker.is_spawned():
            sys.exit(worker.run())
        future = PPool.Executor(max_workers=1).submit('descend_into_a_tree_of_many_levels', 95)
        for text in str(future.exception()), future.death.stderr_tail:
            print('Fatal Python error' in text, ' in string_at\\n' in text)
            print(' bytes left out' in text)
    ''')
    check_equal(out.split(), ['True', 'True', 'True', 'True', 'True', 'False'])


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
