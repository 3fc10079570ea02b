# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a table of cases from Python: parent.py TABLE full|plain WORKER-COMMAND...

The table, cases.txt, tells what a line of it means. The programs of the same name in
other languages do the same."""

import os
import sys
import tempfile
import traceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

LIMIT_MSEC = 20000
TABLE, IS_PLAIN, COMMAND = sys.argv[1], sys.argv[2] == 'plain', sys.argv[3:]


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_error(error, domain, code):
    check(error.matches(domain, code), 'got', error.domain, error.code, error.message)


def failure(func, *args):
    """Returns the error that a call must give."""
    try:
        value = func(*args)
    except GLib.Error as error:
        return error
    raise AssertionError('got %s instead of an error' % value)


def parse(text):
    return GLib.Variant.parse(None, text, None, None)


def check_value(got, wanted):
    check(got.equal(wanted), 'got', got.print_(True)[:1000], 'wanted', wanted.print_(True)[:1000])


def check_outcome(executor, function, args, outcome):
    future = executor.submit(function, args, None)
    if outcome.isupper():
        error = failure(future.result, LIMIT_MSEC)
        check_error(error, PPool.error_quark(), getattr(PPool.Error, outcome))
        return error
    check_value(future.result(LIMIT_MSEC), args if outcome == 'same' else parse(outcome))
    return None


def make_executor(max_workers=1, **properties):
    launcher = PPool.Launcher.new(COMMAND)
    launcher.set_stderr_mode(PPool.StderrMode.DISCARD)
    return PPool.Executor(launcher=launcher, max_workers=max_workers, **properties)


def end_executor(executor):
    executor.shutdown_sync(PPool.ShutdownFlags.NONE, None)


class Held:
    """A worker whose only call reads from a pipe."""

    def __init__(self):
        self.executor = make_executor()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'pipe')
            os.mkfifo(path)
            self.future = self.executor.submit('read-file', GLib.Variant('s', path), None)
            self.pipe = open(path, 'w', encoding='utf-8')
        check(self.future.is_running())

    def release(self):
        self.pipe.write('geöffnet')
        self.pipe.close()
        check_value(self.future.result(LIMIT_MSEC), GLib.Variant('s', 'geöffnet'))
        end_executor(self.executor)


def case_echo(executor, value, plain='same'):
    check_outcome(executor, 'echo', parse(value), plain if IS_PLAIN else 'same')


def case_deep(executor, levels, plain='same'):
    value = GLib.Variant('s', 'deep')
    for _ in range(int(levels)):
        value = GLib.Variant('v', value)
    check_outcome(executor, 'echo', value, plain if IS_PLAIN else 'same')


def case_large(executor, value_type, size):
    data = bytes(1 + i % 100 for i in range(int(size)))
    if value_type == 's':
        data = data[:-1] + b'\0'
    value = GLib.Variant.new_from_bytes(GLib.VariantType(value_type), GLib.Bytes.new(data), False)
    got = executor.submit('echo', value, None).result(LIMIT_MSEC)
    check(got.get_type_string() == value_type, got.get_type_string())
    check(got.get_data_as_bytes().get_data() == data, 'other data')


def case_segments(executor):
    with open('/proc/self/maps', encoding='utf-8') as maps:
        check(('/memfd:ppool-segment' in maps.read()) == (not IS_PLAIN), 'segments')


def case_call(executor, function, args, outcome):
    error = check_outcome(executor, function, parse(args), outcome)
    check(error is None or function in error.message, error)


def case_fail(executor, text, outcome):
    domain, code, message = parse(text).unpack()
    error = failure(executor.submit('fail', parse(text), None).result, LIMIT_MSEC)
    if outcome == 'same':
        check((error.domain, error.code, error.message) == (domain, code, message), error)
    else:
        check_error(error, PPool.error_quark(), getattr(PPool.Error, outcome))
        check(message in error.message and domain in error.message, error)


def case_map(executor, function, inputs, values):
    results = executor.map(function, parse(inputs))
    wanted = parse(values)
    for i in range(wanted.n_children()):
        value = results.next_value(LIMIT_MSEC)
        check(value is not None, 'ended after', i)
        check_value(value, wanted.get_child_value(i))
    check(results.next_value(LIMIT_MSEC) is None, 'goes on')


def case_count(executor, function, n):
    inputs = GLib.Variant('ax', range(1, int(n) + 1))
    results = executor.map(function, inputs)
    for i in range(1, int(n) + 1):
        check_value(results.next_value(LIMIT_MSEC), GLib.Variant('x', -i))
    check(results.next_value(LIMIT_MSEC) is None, 'goes on')


def case_crash(_, how, words):
    executor = make_executor()
    future = executor.submit('crash', GLib.Variant('s', how), None)
    error = failure(future.result, LIMIT_MSEC)
    check_error(error, PPool.error_quark(), PPool.Error.BROKEN)
    check(words in error.message and '“crash”' in error.message, error)
    check(executor.get_state() == PPool.ExecutorState.BROKEN)
    check_error(executor.get_error(), PPool.error_quark(), PPool.Error.WORKER_DIED)
    end_executor(executor)


def case_cancel_queued(_):
    held = Held()
    queued = held.executor.submit('echo', None, None)
    check(queued.cancel() and queued.is_cancelled())
    check_error(failure(queued.result, LIMIT_MSEC), Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED)
    held.release()


def case_cancel_running(_):
    held = Held()
    check(not held.future.cancel() and not held.future.is_cancelled())
    held.release()


def case_time_out(_):
    held = Held()
    check_error(failure(held.future.result, 10), Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT)
    held.release()


def case_initializer(_, args):
    executor = make_executor(initializer='set-up', initializer_args=parse(args))
    check_value(executor.call_sync('get-set-up', None, None), parse(args))
    end_executor(executor)


def read_table():
    """Yields operation, name and fields of each case."""
    with open(TABLE, encoding='utf-8') as table:
        for line in table:
            if line.strip() and not line.startswith('#'):
                yield [field.strip() for field in line.split('|')]


def run_case(operation, executor, fields):
    """Returns what is wrong."""
    try:
        globals()['case_' + operation.replace('-', '_')](executor, *fields)
        return None
    except Exception:
        return traceback.format_exc()


def main():
    executor = make_executor(2)
    n_failed = 0
    cases = list(read_table())
    print('1..%d' % len(cases))
    for number, (operation, name, *fields) in enumerate(cases, 1):
        problem = run_case(operation, executor, fields)
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d /%s/%s' % ('not ok' if problem else 'ok', number, operation, name), flush=True)
    end_executor(executor)
    return 1 if n_failed else 0


sys.exit(main())
