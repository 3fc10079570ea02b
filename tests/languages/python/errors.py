# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a call raises, by what went wrong."""

import asyncio
import builtins
import concurrent.futures
import concurrent.futures.process
import copy as copy_module
import gc
import pickle
import sys
import traceback
import weakref

from support import (C_WORKER, LIMIT, PYTHON_WORKER, Gate, check, check_equal, check_raises,
                     main, new_executor, wait_until)
from gi.repository import Gio, GLib, PPool


def raise_remotely(executor, expression):
    return check_raises(Exception, executor.call_sync, 'raise', expression)


def test_builtin(executor):
    """The type and its args, also those that its text doesn't have."""
    for expression in ("ValueError('bad')", "ValueError()", "ValueError('a', 1, None, b'x', (2,))",
                       "KeyError('k')", "ZeroDivisionError('Grüße\\n\\nTraceback')",
                       "StopIteration(1)", "TimeoutError('own')", "NotImplementedError()",
                       "UnicodeDecodeError('utf-8', b'x', 0, 1, 'reason')", "AssertionError('a')",
                       "FileNotFoundError(2, 'No such file', '/a/b')", "OSError('text')",
                       "PermissionError(13, 'No', 'a', None, 'b')"):
        wanted, error = eval(expression), raise_remotely(executor, expression)
        check_equal(type(error), type(wanted))
        check_equal((error.args, str(error)), (wanted.args, str(wanted)))
        check_equal(getattr(error, 'filename', None), getattr(wanted, 'filename', None))
    check_equal(raise_remotely(executor, "FileNotFoundError(2, 'x', 'f')").errno, 2)


def test_other_args(executor):
    """Args that can't travel become the text."""
    error = raise_remotely(executor, 'ValueError(object)')
    check_equal((type(error), error.args), (ValueError, ("<class 'object'>", )))
    error = raise_remotely(executor, "ValueError('x' * 1000000)")
    check_equal(type(error), ValueError)
    check(str(error).startswith('x' * 1000) and len(str(error)) < 65536, len(str(error)))
    error = raise_remotely(executor, "ValueError('a\\0b\\ud800')")
    check_equal(type(error), ValueError)


def test_bad_exceptions(executor):
    """Whatever fails when an exception is looked at, its call has an error, and the worker
    goes on."""
    fail = 'lambda *_: sys.exit(1)'
    for base, name in (('Exception', '__str__'), ('Exception', '__repr__'),
                       ('Exception', 'args'), ('Exception', '__cause__'),
                       ('Exception', '__getattribute__'), ('BaseException', '__str__')):
        value = fail if name.endswith(('r__', 'e__')) and name != '__cause__' \
            else 'property(%s)' % fail
        expression = "type('Bad', (%s, ), {'%s': %s})('x')" % (base, name, value)
        for function in ('raise', 'async-raise'):
            error = check_raises(PPool.RemoteError, executor.call_sync, function, expression)
            check(error.type_name.endswith('Bad'), error)
            check('Traceback' not in error.message, error)
    for method in ('__repr__', '__eq__'):
        expression = "ValueError(type('Bad', (int, ), {'%s': %s})(1))" % (method, fail)
        for function in ('raise', 'async-raise'):
            check_raises(ValueError, executor.call_sync, function, expression)
    for args in ("'x', 'd-x', 1 << 40", "'\\ud800', 'd-x', 1", "None, 'd-x', 1", "'x', '', 1",
                 "'x', 'd-x', None", "5, 'd-x', 1", "'x', '\\ud800', 1"):
        for function in ('raise', 'async-raise'):
            error = check_raises(PPool.RemoteError, executor.submit(
                function, 'GLib.Error(%s)' % args).result, LIMIT)
            check_equal(error.type_name, 'gi.repository.GLib.GError')
    check_equal(executor.call_sync('echo', 1), 1)


def test_own_types(executor):
    """An exception that is not built in is named."""
    error = raise_remotely(executor, "__import__('json').JSONDecodeError('no', 'doc', 1)")
    check(isinstance(error, PPool.RemoteError), error)
    check_equal(error.type_name, 'json.decoder.JSONDecodeError')
    check_equal(error.message, 'no: line 1 column 2 (char 1)')
    check_equal(str(error), 'json.decoder.JSONDecodeError: ' + error.message)
    error = raise_remotely(executor, "type('Odd', (ValueError, ), {})()")
    check_equal((error.type_name, error.message, str(error)), ('__main__.Odd', '', '__main__.Odd'))


def test_kinds(executor):
    """An exception that is not built in is caught as what is built in and it derives from."""
    def fail(*bases, args='"x"'):
        return raise_remotely(executor, "type('Odd', (%s, ), {})(%s)" % (', '.join(bases), args))

    for bases, kinds in ((['ValueError'], [ValueError]), (['json.JSONDecodeError'], [ValueError]),
                         (['OSError', 'ValueError'], [OSError, ValueError]),
                         (['KeyError', 'LookupError'], [KeyError]), (['Warning'], [Warning]),
                         (['ConnectionResetError'], [ConnectionResetError]),
                         (['ImportError'], [ImportError]), (['SyntaxError'], [SyntaxError]),
                         (['UnicodeError'], [UnicodeError]),
                         (['AttributeError'], [AttributeError])):
        error = fail(*bases, args='"x", "y", 0' if 'json' in bases[0] else '"x"')
        check_equal([kind for kind in type(error).__mro__ if kind.__module__ == 'builtins'],
                    [kind for kind in type('Odd', tuple(kinds), {}).__mro__[1:]])
        check(isinstance(error, PPool.RemoteError), error)
        check_equal((type(error).__name__, error.type_name), ('RemoteError', '__main__.Odd'))
        check('x' in error.message and str(error) == '__main__.Odd: ' + error.message, error)
        check_equal(error.args, (error.type_name, error.message))
        check('Odd' in str(error.__cause__), error.__cause__)
        check(type(error) is type(fail(*bases, args='"x", "y", 0' if 'json' in bases[0]
                                       else '"x"')))
        for copy in (pickle.loads(pickle.dumps(error)), copy_module.copy(error)):
            check_equal((type(copy), copy.args), (type(error), error.args))
    for bases in (['Exception'], ['BaseException'], ['SystemExit'], ['KeyboardInterrupt'],
                  ['StopIteration'], ['StopAsyncIteration']):
        check_equal(type(fail(*bases)), PPool.RemoteError)
    for expression in ("ExceptionGroup('x', [ValueError()])",
                       "type('Odd', (ExceptionGroup, ), {})('x', [ValueError()])",
                       "type('ValueError', (Exception, ), {})()",
                       "type('Odd: x', (Exception, ), {})()"):
        if 'Group' not in expression or hasattr(builtins, 'ExceptionGroup'):
            check_equal(type(raise_remotely(executor, expression)), PPool.RemoteError)
    error = fail('FileNotFoundError', args="2, 'No such file', 'a', None, 'b'")
    check_equal((error.errno, error.strerror, error.filename, error.filename2),
                (2, 'No such file', 'a', 'b'))
    check(isinstance(error, FileNotFoundError))
    check_equal(pickle.loads(pickle.dumps(error)).filename, 'a')
    error = fail('OSError')
    check_equal((error.errno, error.filename), (None, None))
    # So where it is awaited, and in a map.
    expression = "type('Odd', (ValueError, ), {})()"
    for func in (lambda: asyncio.run(executor.call('raise', expression)),
                 lambda: list(executor.map('raise', [expression]))):
        check(isinstance(check_raises(ValueError, func), PPool.RemoteError))


def test_strange_messages(executor):
    """A worker in another language may say that its error is an exception."""
    with new_executor(C_WORKER) as other:
        for tail in ('', 'ValueError', '(', '()', 'builtins.ValueError(',
                     'builtins.ValueError({[]: 1})',
                     'builtins.ValueError(1)', 'a:b:c()', ':ValueError()', 'x:ValueError("a")',
                     'x:ValueError:OSError:SyntaxError()', 'x:int:SystemExit:print()', 'x:' * 50000,
                     'x' + ''.join(':E%d' % i for i in range(1000)) + '()', 'builtins.exit(1)',
                     'builtins.SystemExit(1)', 'x:OSError(1)', 'x:OSError(1, 2, 3, 4, 5)',
                     'x:OSError(None, {}, [], ())', 'builtins.OSError([], {}, 1j)', '\n', '((('):
            for text in (tail, 'a: b\n\nTraceback (most recent call last):\n' + tail):
                future = other.submit('fail', GLib.Variant('(sis)', (
                    'ppool-python-exception', 0, text)))
                check(isinstance(future.exception(LIMIT), Exception), tail)


def test_no_end_of_this_program(executor):
    """What would end a program is only an error of its call."""
    for expression, name in (("SystemExit(3)", 'SystemExit'),
                             ("KeyboardInterrupt()", 'KeyboardInterrupt'),
                             ("GeneratorExit()", 'GeneratorExit'),
                             ("asyncio.CancelledError()", 'asyncio.exceptions.CancelledError')):
        for function in ('raise', 'async-raise'):
            error = check_raises(PPool.RemoteError, executor.call_sync, function, expression)
            check_equal(error.type_name, name)
            future = executor.submit('async-raise-in-task', expression)
            check_equal(check_raises(PPool.RemoteError, future.result, LIMIT).type_name, name)
    error = check_raises(PPool.RemoteError, executor.call_sync, 'exit', 3)
    check_equal((error.type_name, error.message), ('SystemExit', '3'))
    check_equal(executor.call_sync('echo', 1), 1)


def test_no_end_of_an_iterator(executor):
    """What a function or an input raises is not taken for the end of a map."""
    error = check_raises(RuntimeError, list, executor.map('raise', ['StopIteration(1)']))
    check_equal((type(error.__cause__), error.__cause__.args), (StopIteration, (1, )))
    bad = type('Bad', (), {'__index__': lambda self: next(iter(()))})()
    check_raises(RuntimeError, list, executor.map('echo', [bad]))

    async def collect(*args):
        return [value async for value in executor.map(*args)]

    for run in (asyncio.run, PPool.run):
        for expression in ('StopIteration(1)', 'StopAsyncIteration(1)'):
            check_raises(RuntimeError, run, collect('raise', [expression]))


def test_traceback(executor):
    error = check_raises(RuntimeError, executor.call_sync, 'raise-at-cause')
    text = ''.join(traceback.format_exception(error))
    for part in ('functions.py', 'in raise_at_cause', 'JSONDecodeError', 'direct cause',
                 "RuntimeError: can't read", 'Traceback (most recent call last):'):
        check(part in str(error.__cause__), part, error.__cause__)
        check(part in text, part)
    check('gi/overrides' not in str(error.__cause__), error.__cause__)
    check('GLib' not in text, text)
    error = check_raises(TypeError, executor.call_sync, 'gate', 1, 2)
    check('positional argument' in str(error) and error.__cause__ is not None, error)
    error = check_raises(ValueError, executor.call_sync, 'async-raise', "ValueError('x')")
    check('in async_raise' in str(error.__cause__), error.__cause__)
    error = check_raises(ValueError, asyncio.run, executor.call('raise', "ValueError('x')"))
    check('in raise_exception' in str(error.__cause__), error.__cause__)
    error = check_raises(ValueError, list, executor.map('raise', ["ValueError('x')"]))
    check('in raise_exception' in str(error.__cause__), error.__cause__)
    future = executor.submit('raise', "ValueError('x')")
    check_equal(type(future.exception()), ValueError)
    check(future.exception() is not future.exception())
    deep = "(lambda f: f(f, 900))(lambda f, n: f(f, n - 1) if n else 1 / 0)"
    error = check_raises(ZeroDivisionError, executor.call_sync, 'raise', deep)
    check('lambda' in str(error.__cause__), error.__cause__)


def test_other_languages(executor):
    """A program that knows nothing of Python gets a message that can be read."""
    future = executor.submit('raise', "ValueError('bad')")
    future.exception()
    message = future.get_error().message
    check(message.startswith('ValueError: bad\n\nTraceback (most recent call last):\n'), message)


def test_glib_error(executor):
    error = check_raises(GLib.Error, executor.call_sync, 'raise-glib')
    check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY), error)
    check_equal(error.message, 'busy')
    error = check_raises(GLib.Error, executor.call_sync, 'async-raise',
                         "GLib.Error('busy', 'g-io-error-quark', 26)")
    check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY), error)
    error = check_raises(GLib.Error, executor.call_sync, 'no-such-function')
    check(error.matches(PPool.error_quark(), PPool.Error.UNKNOWN_FUNCTION), error)
    check('“no-such-function”; it has “' in error.message, error)


def test_functions_own_codes(executor):
    """A function that says it was late or cancelled is neither a wait that was late nor a
    call that was cancelled."""
    with new_executor(C_WORKER) as other:
        for code in (Gio.IOErrorEnum.TIMED_OUT, Gio.IOErrorEnum.CANCELLED):
            args = GLib.Variant('(sis)', ('g-io-error-quark', int(code), 'own'))
            future = other.submit('fail', args)
            for timeout in (None, 0.01, 10):
                error = check_raises(GLib.Error, future.result, timeout)
                check(error.matches(Gio.io_error_quark(), code), error)
            check(future.exception().matches(Gio.io_error_quark(), code))


def test_broken(executor):
    future = executor.submit('die')
    error = check_raises(concurrent.futures.process.BrokenProcessPool, future.result)
    check(isinstance(error, GLib.Error), error)
    check(error.matches(PPool.error_quark(), PPool.Error.BROKEN), error)
    check_equal((error.domain, error.code), ('ppool-error-quark', int(PPool.Error.BROKEN)))
    check('status 3' in str(error) and str(error) == error.message, error)
    check_raises(concurrent.futures.process.BrokenProcessPool, executor.submit, 'echo')
    check_raises(concurrent.futures.process.BrokenProcessPool, executor.call_sync, 'echo')
    check_raises(concurrent.futures.process.BrokenProcessPool, next, executor.map('echo', [1]))
    check_raises(concurrent.futures.BrokenExecutor, asyncio.run, executor.call('echo'))
    with PPool.Executor(['/no/such/program']) as other:
        error = check_raises(concurrent.futures.BrokenExecutor, other.call_sync, 'echo')
        check('/no/such/program' in str(error), error)


def test_terminated(executor):
    """What ran when its workers were ended is of a broken pool, whoever tells it."""
    for end in (PPool.Executor.terminate_workers, PPool.Executor.kill_workers):
        with new_executor(C_WORKER) as other, Gate(other) as gate:
            wait_until(gate.future.running)
            end(other)
            for func in (gate.future.result, lambda: asyncio.run(get_result(gate.future)),
                         lambda: next(PPool.as_completed([gate.future])).result()):
                check_raises(concurrent.futures.process.BrokenProcessPool, func)
            error = check_raises(GLib.Error, other.submit, 'echo')
            check(error.matches(PPool.error_quark(), PPool.Error.SHUT_DOWN), error)


async def get_result(future):
    return await future


def test_initializer(executor):
    """Its exception is told as Python does, and nothing follows that is for programs."""
    with new_executor(PYTHON_WORKER, initializer='raise',
                      initializer_args=("RuntimeError('no model')", )) as other:
        for _ in range(2):
            error = check_raises(concurrent.futures.process.BrokenProcessPool, other.call_sync,
                                 'echo')
            check('RuntimeError: no model\n\nTraceback' in str(error), error)
            check(str(error).endswith('\nRuntimeError: no model'), error)


class Witness:
    """Is held by the frame of who gets an exception, and so by the exception."""


def get_witness(func, *args):
    witness = Witness()
    try:
        func(*args)
    except Exception:
        return weakref.ref(witness)
    raise AssertionError('no error')


def test_no_circles(executor):
    """An exception that was dropped is gone, and with it what its frames had."""
    gc.disable()
    try:
        for function, args in (('raise', ["ValueError('x')"]), ('no-such-function', []),
                               ('raise-glib', [])):
            future = executor.submit(function, *args)
            for func, *all_args in ((future.result, ), (executor.call_sync, function, *args),
                                    (next, executor.map(function, args or [1]))):
                check(get_witness(func, *all_args)() is None, function, func)
        check(get_witness(executor.submit, 'echo', object())() is None)
        future = executor.submit('die')
        for func in (future.result, lambda: executor.submit('echo')):
            check(get_witness(func)() is None, func)
    finally:
        gc.enable()


def test_frames_of_the_program(executor):
    """A traceback ends where the program has called."""
    async def read():
        return [value async for value in executor.map('raise', ['ValueError()'])]

    async def call():
        return await executor.call('raise', 'ValueError()')

    async def wait():
        return await executor.submit('raise', 'ValueError()')

    if sys.version_info < (3, 11):
        return
    for func in (lambda: executor.call_sync('raise', 'ValueError()'),
                 lambda: executor.submit('raise', 'ValueError()').result(),
                 lambda: executor.submit('raise', 'ValueError()').result(LIMIT),
                 lambda: executor.submit('raise', 'ValueError()').result_variant(),
                 lambda: list(executor.map('raise', ['ValueError()'])),
                 lambda: asyncio.run(read()), lambda: asyncio.run(call()),
                 lambda: asyncio.run(wait()), lambda: PPool.run(call()),
                 lambda: executor.submit('echo', object()), lambda: executor.submit(len),
                 lambda: PPool.wait_futures([1]), lambda: PPool.Executor(max_workers=0)):
        error = check_raises(Exception, func)
        text = ''.join(traceback.format_exception(type(error), error, error.__traceback__,
                                                  chain=False))
        check('errors.py' in text and 'overrides/PPool/' not in text, text)


def test_timeout_in_c(executor):
    """A negative limit is none in C, and has passed here."""
    with Gate(executor) as gate:
        for wait in (gate.future.result, gate.future.exception,
                     lambda limit: next(PPool.as_completed([gate.future], limit))):
            error = check_raises(concurrent.futures.TimeoutError, wait, -1)
            check('within -1 s (no limit is None)' in str(error), error)
        error = check_raises(concurrent.futures.TimeoutError, gate.future.result, 0)
        check('None' not in str(error), error)


main(globals(), PYTHON_WORKER)
