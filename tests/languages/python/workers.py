# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers in Python: functions with plain values, and async ones."""

import asyncio
import os
import sys
import tempfile

from support import PYTHON_WORKER, Gate, check, check_equal, check_raises, main, new_executor
from gi.repository import GLib, PPool


def test_names(executor):
    """With a name, or that of the function, which stays what it was."""
    worker = PPool.Worker()

    @worker.function
    def plain(a, b=2):
        return a + b

    @worker.function('another name')
    async def other():
        return 1

    check_equal((plain(1), plain.__name__, asyncio.run(other())), (3, 'plain', 1))
    check_equal(executor.call_sync('echo', 'ü'), 'ü')
    check_equal(executor.call_sync('tell-args', 'ü'), "('ü',)")


def test_parentheses(executor):
    check_equal(executor.call_sync('parenthesized'), 'called')


def test_raw(executor):
    """A function that is added as in C gives variants, and is told so."""
    check_equal(executor.submit('raw', GLib.Variant('(i)', (1, ))).result_variant(),
                GLib.Variant('(i)', (1, )))
    error = check_raises(TypeError, executor.call_sync, 'raw-number')
    check('“raw-number” returned a value of the type int' in str(error), error)
    error = check_raises(GLib.Error, executor.call_sync, 'raw-nothing')
    check(error.matches(PPool.error_quark(), PPool.Error.UNHANDLED), error)


def test_async(executor):
    check_equal(executor.call_sync('async-echo', 1, 'a'), [1, 'a'])
    check_equal(list(executor.map('async-echo', range(100))), [[i] for i in range(100)])
    check_equal(executor.call_sync('async-turns-main-loop'), 'called')
    error = check_raises(ValueError, executor.call_sync, 'async-raise', "ValueError('x')")
    check_equal(str(error), 'x')
    error = check_raises(TypeError, executor.call_sync, 'async-gate', 1, 2, 3)
    check('positional argument' in str(error), error)


def test_one_at_a_time(executor):
    """An async function has its worker for itself until it is done."""
    with Gate(executor, 'async-gate') as gate:
        behind = executor.submit('echo', 1)
        check_raises(TimeoutError, behind.result, 0.05)
        check(gate.future.running())
    check_equal((gate.future.result(), behind.result()), ('', 1))


def test_nested(executor):
    """A function may have workers of its own."""
    check_equal(executor.call_sync('nested', 7), 7)


def test_death(executor):
    """No line of Python is on the terminal when a worker's program goes away."""
    check_equal(executor.call_sync('echo', 1), 1)
    executor.terminate_workers()
    executor.shutdown()
    check_equal(executor.get_n_workers(), 0)


def test_arguments_are_let_go(executor):
    """Neither calls nor errors leave anything in the worker."""
    def use():
        for _ in range(200):
            executor.call_sync('echo', [1, 'a', {'b': b'c'}])
            executor.call_sync('async-echo', [1, 'a', {'b': b'c'}])
            check_raises(ValueError, executor.call_sync, 'raise', 'ValueError()')
            check_raises(ValueError, executor.call_sync, 'async-raise', 'ValueError()')

    use()
    before = executor.call_sync('count-objects')
    use()
    check(executor.call_sync('count-objects') <= before + 20,
          executor.call_sync('count-objects'), before)


def test_variants_of_others(executor):
    """A program in another language may send and want anything."""
    value = executor.submit('give', "GLib.Variant('(yq)', (1, 2))").result_variant()
    check_equal(value, GLib.Variant('(yq)', (1, 2)))
    check_equal(executor.call_sync('tell-args', GLib.Variant('a{ix}', {1: 2})), '({1: 2},)')
    check_equal(executor.call_sync('tell-args', GLib.Variant('v', GLib.Variant('(i)', (1, )))),
                '((1,),)')


def test_not_spawned(executor):
    check(not PPool.Worker.is_spawned())
    error = check_raises(GLib.Error, PPool.Worker().run)
    check(error.message, error)
    with new_executor(PYTHON_WORKER) as other:
        check_equal(other.call_sync('give', 'PPool.Worker.is_spawned()'), True)


def test_start_imports_little(executor):
    """What takes long to be imported is not there before it is needed; kinds of functions are told
    apart without it."""
    script = '''
import sys, gi
gi.require_version('PPool', '1.0')
from gi.repository import Gio
before = set(sys.modules)
from gi.repository import PPool
worker = PPool.Worker()
worker.function(sorted)
@worker.function
def imported():
    return names
names = sorted({'ast', 'asyncio', 'concurrent.futures', 'inspect', 'logging', 'multiprocessing'}
               .intersection(sys.modules) - before)
@worker.function
async def later(value):
    return value
sys.exit(worker.run())
'''
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'script.py')
        with open(path, 'w') as file:
            file.write(script)
        with new_executor([sys.executable, path]) as other:
            check_equal(other.call_sync('imported'), [])
            check_equal(other.call_sync('later', 5), 5)
            check_equal(other.call_sync('sorted', [2, 1]), [1, 2])

main(globals(), PYTHON_WORKER)
