# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the workers that authors of others start from: page.py PAGE EXAMPLE

The page's is the one block of Python in it."""

import os
import re
import subprocess
import sys
import tempfile
import traceback

import gi

gi.require_version('PPool', '1.0')

from gi.repository import Gio, GLib, PPool  # noqa: E402

LIMIT_MSEC = 20000
PAGE, EXAMPLE = sys.argv[1:]


def check(condition, *about):
    if not condition:
        raise AssertionError(' '.join(map(str, about)))


def check_fails(executor, function, args, domain, code, text=''):
    try:
        value = executor.submit(function, args, None).result(LIMIT_MSEC)
    except GLib.Error as error:
        check(error.matches(domain, code) and text in error.message, error)
        return
    raise AssertionError('got %s instead of an error' % value)


def check_worker(path):
    executor = PPool.Executor(launcher=PPool.Launcher.new([sys.executable, path]), max_workers=1)
    for text, n_words in (('to be or not', 4), ('', 0), ('größer als groß', 3)):
        value = executor.submit('count-words', GLib.Variant('s', text), None).result(LIMIT_MSEC)
        check(value.equal(GLib.Variant('u', n_words)), text, value)
    check_fails(executor, 'no-such-function', None, PPool.error_quark(),
                PPool.Error.UNKNOWN_FUNCTION,
                'There is no function “no-such-function”')
    check_fails(executor, 'count-words', GLib.Variant('i', 1), Gio.io_error_quark(),
                Gio.IOErrorEnum.INVALID_ARGUMENT)
    check(executor.shutdown_sync(PPool.ShutdownFlags.NONE, None))
    check_initializer(path)
    check_alone(path)


def check_initializer(path):
    """One that isn't there is told, and not passed over."""
    executor = PPool.Executor(launcher=PPool.Launcher.new([sys.executable, path]), max_workers=1,
                              initializer='no-such-initializer')
    check_fails(executor, 'count-words', GLib.Variant('s', ''), PPool.error_quark(),
                PPool.Error.BROKEN)
    check(executor.get_error().matches(PPool.error_quark(), PPool.Error.INITIALIZER),
          executor.get_error())
    executor.shutdown_sync(PPool.ShutdownFlags.NONE, None)


def check_alone(path):
    """A program that no pool has started says so, also if it inherits the variables."""
    for variables in ({}, {'PPOOL_WORKER_FD': '0', 'PPOOL_WORKER_SOCKET': '1'}):
        done = subprocess.run([sys.executable, path], env={**os.environ, **variables},
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20,
                              check=False)
        check(done.returncode == 1 and b'o pool has started' in done.stderr, done)


def test_page():
    with open(PAGE, encoding='utf-8') as page:
        blocks = re.findall(r'^```python\n(.*?)^```$', page.read(), re.MULTILINE | re.DOTALL)
    check(len(blocks) == 1, len(blocks), 'blocks')
    with tempfile.NamedTemporaryFile('w', suffix='.py', encoding='utf-8') as file:
        file.write(blocks[0])
        file.flush()
        check_worker(file.name)


def test_example():
    check_worker(EXAMPLE)


def main():
    n_failed = 0
    print('1..2')
    for number, test in enumerate((test_page, test_example), 1):
        problem = None
        try:
            test()
        except Exception:
            problem = traceback.format_exc()
        for line in (problem or '').splitlines():
            print('#', line)
        n_failed += problem is not None
        print('%s %d /protocol/%s' % ('not ok' if problem else 'ok', number,
                                      test.__name__.removeprefix('test_')), flush=True)
    return 1 if n_failed else 0


sys.exit(main())
