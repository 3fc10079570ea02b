# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles the C code of the README and of the guide, and its Vala code.

snippets.py SRCDIR BUILDDIR C-COMPILER VALA-COMPILER VAPIDIR

Without a compiler of Vala, which is an empty string then, its code is left alone.

The blocks of a page are read as one file, from top to bottom, so that a block
may use what an earlier one defines. The header of the library is included for a
page whose first block includes nothing. A block is code of the file's level, unless
this comment is the line above it:

    <!-- snippet: statements -->

Then it is the body of a function that has the parameters below, which the block
may declare anew. A block marked with "gtk" is a file of its own, which is compiled where
GTK 4 is installed. Vala code is of the file's level always.

A block that is a whole program is compiled once more as it is printed, with nothing
around it: one that defines main() or a module's ppool_module_init(), and doesn't go on
from an earlier block with the includes.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from compiler import Compiler
from tap import Tap

PARAMETERS = ', '.join([
    'PPoolExecutor *executor',
    'PPoolLauncher *launcher',
    'PPoolCall *call',
    'PPoolFuture *future',
    'PPoolWorker *worker',
    'PPoolInvocation *invocation',
    'GCancellable *cancellable',
    'GVariant *args',
    'gpointer user_data',
    'GError *error',
])

BLOCK = re.compile(r'^```c\n(.*?)^```$', re.MULTILINE | re.DOTALL)
VALA_BLOCK = re.compile(r'^```vala\n(.*?)^```$', re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^#include ', re.MULTILINE)
ENTRY_POINT = re.compile(r'^(?:\w+ )*(?:main|ppool_module_init) \(', re.MULTILINE)
VALA_ENTRY_POINT = re.compile(r'^\w+ main \(', re.MULTILINE)
MARK = re.compile(r'^<!-- snippet: (.*?) -->$', re.MULTILINE)
STATEMENTS = 'statements'
GTK = 'gtk'

# A page shows how something is used, and not always what becomes of it.
OPTIONS = ['-Wno-unused-function', '-Wno-unused-variable', '-Wno-unused-but-set-variable']


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def read_page(text):
    """Yields line number, mark and code of each block, and marks that have none."""
    marks = {match.end() + 1: match for match in MARK.finditer(text)}
    for block in BLOCK.finditer(text):
        mark = marks.pop(block.start(), None)
        yield line_of(text, block.start(1)), mark.group(1) if mark else None, block.group(1)
    for mark in marks.values():
        yield line_of(text, mark.start()), mark.group(1), None


def wrap(line, mark, code, name):
    code = '#line %d "%s"\n%s' % (line, name, code)
    if mark is None:
        return code
    return ('void snippet_%d (%s);\nvoid snippet_%d (%s)\n{\n{\n%s}\n}\n'
            % (line, PARAMETERS, line, PARAMETERS, code))


def gtk_problems(line, code, name, compiler):
    flags = subprocess.run(['pkg-config', '--cflags', 'gtk4'], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False)
    if flags.returncode == 0:
        text = '#include <gtk/gtk.h>\n' + wrap(line, None, code, name)
        yield from compiler.compile(text, '-Wno-missing-declarations',
                                    *flags.stdout.split()).splitlines()


def problems(path, name, compiler):
    """What is wrong with the blocks of a page."""
    lines = []
    has_includes = first_includes = False
    for line, mark, code in read_page(path.read_text()):
        if mark == GTK and code is not None:
            yield from gtk_problems(line, code, name, compiler)
        elif mark not in (None, STATEMENTS):
            yield '%s:%d: no such kind of snippet: %s' % (name, line, mark)
        elif code is None:
            yield '%s:%d: there is no C code right below' % (name, line)
        else:
            includes = bool(INCLUDE.search(code))
            is_program = ENTRY_POINT.search(code) and (includes or not has_includes)
            has_includes = has_includes or includes
            first_includes = first_includes or includes and not lines
            lines.append(wrap(line, mark, code, name))
            if is_program:
                yield from compiler.compile(lines[-1]).splitlines()
    if not first_includes:
        lines.insert(0, '#include <ppool-glib/ppool-glib.h>\n')
    message = compiler.compile(''.join(lines))
    if message:
        yield message


def vala_problems(path, valac, vapidir):
    """What is wrong with the Vala blocks of a page, whose lines keep their numbers."""
    text = path.read_text()
    lines = [''] * len(text.splitlines())
    for block in VALA_BLOCK.finditer(text):
        start = line_of(text, block.start(1)) - 1
        code = block.group(1).splitlines()
        lines[start:start + len(code)] = code
        if VALA_ENTRY_POINT.search(block.group(1)):
            yield from compile_vala([''] * start + code, path, valac, vapidir)
    yield from compile_vala(lines, path, valac, vapidir)


def compile_vala(lines, path, valac, vapidir):
    """What the compiler says, but not that nothing calls a function."""
    with tempfile.TemporaryDirectory(prefix='ppool-snippets-') as name:
        source = pathlib.Path(name, path.name + '.vala')
        source.write_text('\n'.join(lines))
        done = subprocess.run([*valac.split(), '--ccode', '--vapidir', vapidir, '--directory', name,
                               '--pkg', 'ppool-glib-1.0', '--pkg', 'gio-2.0', source],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=50, check=False)
        for line in done.stdout.splitlines():
            if re.search(r'error:|warning:(?!.* never used$)', line):
                yield line.replace(name + '/', '')


def main():
    srcdir, builddir = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    compiler = Compiler(sys.argv[3], 'c', srcdir, builddir, *OPTIONS)
    tap = Tap()
    for path in [srcdir / 'README.md', *sorted((srcdir / 'docs').glob('*.md'))]:
        name = str(path.relative_to(srcdir))
        tap.report('snippets/' + name, problems(path, name, compiler))
        if sys.argv[4] and VALA_BLOCK.search(path.read_text()):
            tap.report('snippets/%s/vala' % name, vala_problems(path, *sys.argv[4:6]))
    tap.end()


main()
