# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uses an executor from Python through the typelib alone, with workers of any
language: pool.py WORKER-COMMAND...; without a command, workers are this
program again. pool.js does the same in JavaScript."""

import gc
import os
import pathlib
import sys
import traceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

LIMIT_MSEC = 20000
NOT_FOUND = GLib.Variant('(sis)', ('g-io-error-quark', int(Gio.IOErrorEnum.NOT_FOUND), 'nothing'))
SIGKILL = GLib.Variant('s', 'SIGKILL')


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_equal(got, wanted):
    check(got == wanted, 'got', repr(got), 'wanted', repr(wanted))


def check_fails(domain, code, func, *args):
    """Returns the message of the error that a call must give."""
    try:
        value = func(*args)
    except GLib.Error as error:
        check(error.matches(domain, code), 'got', error.domain, error.code, error.message)
        return error.message
    raise AssertionError('got %s instead of an error' % value)


def run_loop(until):
    """Runs the main context until something is true, which is looked at every
    now and then."""
    context = GLib.MainContext.default()
    deadline = GLib.get_monotonic_time() + LIMIT_MSEC * 1000
    source = GLib.timeout_source_new(10)
    source.set_callback(lambda *_: GLib.SOURCE_CONTINUE)
    source.attach(context)
    while not until():
        check(GLib.get_monotonic_time() < deadline, 'waited in vain')
        context.iteration(True)
    source.destroy()


def new_executor(max_workers=1):
    command = sys.argv[1:]
    launcher = PPool.Launcher.new(command) if command else PPool.Launcher.new_self()
    return PPool.Executor(launcher=launcher, max_workers=max_workers)


def test_call_sync(executor):
    variant = GLib.Variant('(mmsd)', ('maybe', 0.5))
    check(executor.call_sync('echo', variant, None).equal(variant))
    check_equal(executor.call_sync('echo', None, None).get_type_string(), '()')
    check_equal(executor.call_sync('describe', GLib.Variant('(si)', ('a', 1)), None).unpack(),
                ('describe', '(si)', "('a', 1)"))


def test_submit(executor):
    future = executor.submit('echo', GLib.Variant('i', 7), None)
    check_equal(future.result(LIMIT_MSEC).unpack(), 7)
    check_equal(future.result(0).unpack(), 7)
    check_equal(future.propagate().unpack(), 7)
    check(future.is_done() and not future.is_cancelled() and not future.is_running())
    check_equal(future.get_state(), PPool.FutureState.FINISHED)
    check_equal(future.get_function(), 'echo')
    check(future.get_worker_pid() > 0)
    check(future.get_error() is None)
    futures = [executor.submit('echo', GLib.Variant('i', i), None) for i in range(100)]
    check_equal([future.result(LIMIT_MSEC).unpack() for future in futures], list(range(100)))


def test_submit_call(executor):
    call = PPool.Call.new('echo', GLib.Variant('s', 'text'))
    future = executor.submit_call(call, None)
    check_equal(future.result(LIMIT_MSEC).unpack(), 'text')
    check_equal(call.get_args().unpack(), 'text')
    call.set_result_type(GLib.VariantType('i'))
    message = check_fails(PPool.error_quark(), PPool.Error.INVALID_ARGS,
                          executor.submit_call(call, None).result, LIMIT_MSEC)
    check('echo' in message, message)


def test_call_async(executor):
    results = []
    executor.call_async('echo', GLib.Variant('i', 8), None,
                        lambda source, result: results.append((source, result)))
    check_equal(results, [])
    run_loop(lambda: results)
    source, result = results[0]
    check_equal(source, executor)
    check_equal(executor.call_finish(result).unpack(), 8)


def test_result_async(executor):
    future = executor.submit('echo', GLib.Variant('i', 9), None)
    results = []
    future.result_async(None, lambda source, result: results.append(result))
    run_loop(lambda: results)
    check_equal(future.result_finish(results[0]).unpack(), 9)


def test_done_callback(executor):
    called = []
    future = executor.submit('echo', GLib.Variant('i', 10), None)
    for i in range(3):
        future.add_done_callback(lambda done, i: called.append((done.propagate().unpack(), i)), i)
    removed = future.add_done_callback(lambda *_: called.append('removed'))
    future.remove_done_callback(removed)
    check_equal(called, [])
    run_loop(lambda: len(called) == 3)
    check_equal(called, [(10, 0), (10, 1), (10, 2)])
    future.add_done_callback(lambda *_: called.append('late'))
    check_equal(len(called), 3)
    run_loop(lambda: len(called) == 4)


def test_error(executor):
    message = check_fails(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND,
                          executor.call_sync, 'fail', NOT_FOUND, None)
    check_equal(message, 'nothing')
    future = executor.submit('fail', NOT_FOUND, None)
    for _ in range(2):
        check_fails(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND, future.result, LIMIT_MSEC)
    check(future.get_error().matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND))
    check_fails(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY,
                executor.call_sync, 'fail-later', None, None)


def test_error_in_loop(executor):
    errors = []

    def finish(source, result):
        try:
            errors.append(source.call_finish(result))
        except GLib.Error as error:
            errors.append(error)
    executor.call_async('fail', NOT_FOUND, None, finish)
    run_loop(lambda: errors)
    check(errors[0].matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND), errors[0])


def test_unanswered(executor):
    for function in ('give-nothing', 'drop', 'signal-drop', 'signal-refuse'):
        message = check_fails(PPool.error_quark(), PPool.Error.UNHANDLED,
                              executor.call_sync, function, None, None)
        check(function in message, message)
    executor.call_sync('disconnect-signal', None, None)
    message = check_fails(PPool.error_quark(), PPool.Error.UNKNOWN_FUNCTION,
                          executor.call_sync, 'no-such-function', None, None)
    check('no-such-function' in message, message)


def test_answered_later(executor):
    for function in ('answer-later', 'signal-later'):
        check_equal(executor.call_sync(function, GLib.Variant('s', function), None).unpack(),
                    function)


def test_cancelled(executor):
    cancellable = Gio.Cancellable()
    cancellable.cancel()
    check_fails(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED,
                executor.submit, 'echo', None, cancellable)


def test_buffer(executor):
    """A buffer is filled, sent and sent back; each language has its own way to it."""
    content = bytes(range(256)) * 1000
    buffer = PPool.Buffer.new(len(content))
    check_equal(buffer.get_size(), len(content))
    buffer.write(256, GLib.Bytes.new(content[256:]))
    buffer.write(0, GLib.Bytes.new(content[:256]))
    check(buffer.get_data() == content)
    value = buffer.to_variant(None)
    check_fails(PPool.error_quark(), PPool.Error.INVALID_ARGS, buffer.write, 0,
                GLib.Bytes.new(b'x'))
    check_fails(PPool.error_quark(), PPool.Error.INVALID_ARGS, buffer.to_variant,
                GLib.VariantType('as'))
    for args in (value, buffer.to_variant(GLib.VariantType('ad')),
                 PPool.Buffer.new_from_bytes(GLib.Bytes.new(content)).to_variant(None)):
        result = executor.call_sync('echo', args, None)
        check_equal(result.get_type_string(), args.get_type_string())
        check(result.get_data_as_bytes().get_data() == content)
    result = executor.call_sync('fill', GLib.Variant('(ty)', (100000, 7)), None)
    check(result.get_data_as_bytes().get_data() == b'\7' * 100000)
    check_fails(PPool.error_quark(), PPool.Error.SYSTEM_LIMIT, PPool.Buffer.new, 1 << 46)


def test_several_workers(executor):
    executor.set_max_workers(2)
    check_equal(executor.get_property('max-workers'), 2)
    futures = [executor.submit('answer-later', GLib.Variant('i', i), None) for i in range(50)]
    check_equal([future.result(LIMIT_MSEC).unpack() for future in futures], list(range(50)))
    check(1 <= executor.get_n_workers() <= 2, executor.get_n_workers())


def test_crash(executor):
    before = executor.submit('crash', SIGKILL, None)
    behind = executor.submit('echo', None, None)
    for future in (before, behind):
        message = check_fails(PPool.error_quark(), PPool.Error.BROKEN, future.result, LIMIT_MSEC)
        check('SIGKILL' in message and 'crash' in message, message)
    check(str(before.get_worker_pid()) in message, message)
    check_fails(PPool.error_quark(), PPool.Error.BROKEN, executor.submit, 'echo', None, None)
    check_equal(executor.get_state(), PPool.ExecutorState.BROKEN)
    check(executor.get_error().matches(PPool.error_quark(), PPool.Error.WORKER_DIED),
          executor.get_error())


def test_shutdown(executor):
    future = executor.submit('echo', GLib.Variant('i', 1), None)
    results = []
    executor.shutdown_async(PPool.ShutdownFlags.NONE, None,
                            lambda source, result: results.append(result))
    check_fails(PPool.error_quark(), PPool.Error.SHUT_DOWN, executor.submit, 'echo', None, None)
    run_loop(lambda: results)
    check(executor.shutdown_finish(results[0]))
    check_equal(future.result(0).unpack(), 1)
    check_equal(executor.get_state(), PPool.ExecutorState.SHUT_DOWN)


def test_domains(executor):
    args = GLib.Variant('(sis)', ('gdk-pixbuf-error-quark', 2, 'no image'))
    try:
        executor.call_sync('fail', args, None)
    except GLib.Error as error:
        check_equal((error.domain, error.code, error.message),
                    ('gdk-pixbuf-error-quark', 2, 'no image'))
        check(error.matches(GLib.quark_from_string('gdk-pixbuf-error-quark'), 2))
    else:
        raise AssertionError('no error')


def test_names(executor):
    def refuses(code, text, name):
        call = PPool.Call(function=name)
        for func in (lambda: executor.submit_call(call, None),
                     lambda: executor.map(name or '', GLib.Variant('ai', [1, 2])),
                     lambda: executor.submit(name or '', None, None),
                     lambda: executor.call_sync(name or '', None, None)):
            check(text in check_fails(PPool.Error.quark(), code, func), text)

    check_equal(PPool.Call(function=None).get_function(), '')
    refuses(PPool.Error.INVALID_ARGS, 'The name of the function is empty', None)
    refuses(PPool.Error.INVALID_ARGS, 'The name of the function is empty', '')
    refuses(PPool.Error.TOO_LARGE, '70000 bytes', 'f' * 70000)
    check_equal(executor.get_n_workers(), 0)
    check_equal(executor.call_sync('echo', GLib.Variant('i', 1), None).unpack(), 1)

    other = PPool.Executor(launcher=executor.get_launcher(), initializer='')
    check('The name of the initializer is empty' in check_fails(
        PPool.Error.quark(), PPool.Error.INVALID_ARGS, other.submit, 'echo', None, None))
    check_equal(other.get_state(), PPool.ExecutorState.RUNNING)


TESTS = [value for name, value in list(globals().items()) if name.startswith('test_')]


def children():
    found = []
    for path in pathlib.Path('/proc/self/task').glob('*/children'):
        found += path.read_text().split()
    return found


def count_descriptors():
    return len(os.listdir('/proc/self/fd'))


def run_test(test):
    """One pool a test, of which nothing may be left."""
    finalized = []
    executor = new_executor()
    executor.weak_ref(lambda: finalized.append(True))
    try:
        test(executor)
    finally:
        executor.shutdown_sync(PPool.ShutdownFlags.NONE, None)
        check_equal(children(), [])
    del executor
    gc.collect()
    run_loop(lambda: finalized)


def main():
    n_failed = 0
    print('1..%d' % len(TESTS))
    # The first pool of a process leaves GLib's own threads behind.
    run_test(test_call_async)
    n_descriptors = count_descriptors()
    for number, test in enumerate(TESTS, 1):
        problem = None
        try:
            run_test(test)
            run_loop(lambda: count_descriptors() == n_descriptors)
        except Exception:
            problem = traceback.format_exc()
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d %s' % ('not ok' if problem else 'ok', number,
                            test.__name__.removeprefix('test_').replace('_', '-')), flush=True)
    return 1 if n_failed else 0


if PPool.Worker.is_spawned():
    import worker
    sys.exit(worker.make_worker().run())

sys.exit(main())
