# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the headers with a compiler, as programs meet them.

headers.py SRCDIR BUILDDIR C-COMPILER CXX-COMPILER-OR-EMPTY PUBLIC-HEADER...
"""

import concurrent.futures
import pathlib
import re
import sys

from compiler import Compiler
from tap import Tap

UMBRELLA = 'ppool-glib.h'
REFUSAL = 'can be included directly'


def included(path):
    return re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.MULTILINE)


def compiled_first(path):
    """The header that a file includes before any other but config.h, or None."""
    names = re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(), re.MULTILINE)
    return next((name for name in names if name != 'config.h'), None)


def main():
    srcdir, builddir = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    c = Compiler(sys.argv[3], 'c', srcdir, builddir)
    cxx = Compiler(sys.argv[4], 'c++', srcdir, builddir) if sys.argv[4] else None
    public = sorted(pathlib.Path(name).name for name in sys.argv[5:])
    headers = srcdir / 'ppool-glib'
    paths = {path.name: path for path in headers.rglob('*.h')}
    private = sorted(name for name in paths if name.endswith('-private.h'))

    def refused(name):
        message = c.compile('#include "%s"\n' % name, '-Wfatal-errors')
        return [] if REFUSAL in message else ['included directly: ' + (message or 'no error')]

    def alone(name, *args):
        message = c.compile('#include "%s"\n' % name, *args)
        return [message] if message else []

    def program(compiler):
        message = compiler.compile('#include <ppool-glib/ppool-glib.h>\n'
                                   'int main (int argc, char **argv) { return 0; }\n')
        return [message] if message else []

    tests = {'headers/umbrella/c': lambda: program(c)}
    if cxx:
        tests['headers/umbrella/c++'] = lambda: program(cxx)
    for name in public:
        if name != UMBRELLA:
            tests['headers/refused/' + name] = lambda name=name: refused(name)
            tests['headers/alone/' + name] = lambda name=name: alone(name, '-DPPOOL_INSIDE')
    # What stands alone in every build, at the top of a file, need not be compiled again.
    first = {compiled_first(path) for path in headers.rglob('*.c')}
    for name in private:
        tests['headers/alone/' + name] = lambda name=name: (
            [] if name in first else alone(name, '-DPPOOL_COMPILATION'))

    umbrella = included(headers / UMBRELLA)
    tests['headers/umbrella/complete'] = lambda: [
        '%s is not in the umbrella' % name for name in public
        if name not in umbrella and name != UMBRELLA]
    tests['headers/umbrella/public'] = lambda: [
        '%s is in the umbrella and not installed' % name for name in umbrella
        if name not in public]
    tests['headers/installed'] = lambda: [
        '%s is neither installed nor private' % name for name in sorted(paths)
        if name not in public and not re.search(r'-(private|internal)\.h$', name)]
    tests['headers/private'] = lambda: [
        '%s includes %s' % (name, other) for name in public
        for other in (included(paths[name]) if name in paths else ())
        if other not in public]

    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        results = {name: executor.submit(test) for name, test in tests.items()}
        for name, result in results.items():
            tap.report(name, result.result())
    if not cxx:
        tap.skip('headers/umbrella/c++', 'no C++ compiler')
    tap.end()


main()
