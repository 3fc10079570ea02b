# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks what every file of the repository has in common: a licence, plain
formatting, and no word that has no business in it."""

import pathlib
import re
import subprocess
import sys

from tap import Tap

# Of what people write in an editor; the documentation's tables have longer lines.
MAX_COLUMNS = 100
COLUMNS_OF = ('.c', '.h', '.py', '.js', '.vala', '.build')

LICENCE = 'LGPL-2.1-or-later'

# Files that have no place for a comment, or are read by people as they are.
UNMARKED = {
    '.editorconfig',
    '.gitignore',
    'CONTRIBUTING.md',
    'NEWS',
    'README.md',
    'tests/README.md',
    'tests/api.txt',
}
UNMARKED_DIRS = ('LICENSES/', 'tests/fuzz/corpus/')

# Words, and where they are unwelcome. What is written here in two pieces would
# otherwise find itself.
WORDS = [
    (r'\b(?:TO' r'DO|FIX' r'ME|X{3})\b', None),
    (r'(?<![\w.$}])/(?:wo' r'rk|ro' r'ot|ho' r'me)/', None),
    (r'\bgoto\b', ('.c', '.h')),
    (r'\b(?:gchar|gint|glong|gshort|gdouble|gfloat)\b', ('.c', '.h')),
    (r'%NULL|%TRUE|%FALSE', ('.c', '.h')),
    (r'\bg_assert \(', None),
    (r'\b(?:g_usleep|nanosleep|usleep|sleep) \(', ('.c', )),
]
# g_assert() is how the library and its examples state what must hold; a test
# says g_assert_true(), which no build type removes.
WORD_DIRS = {r'\bg_assert \(': 'tests/'}

COPYRIGHT = {
    '.c': r'\A/\* \S+: .*?\n \* Copyright \d{4} The PPool-GLib authors\n \*\n'
          r' \* SPDX-License-Identifier: %s\n \*/\n' % re.escape(LICENCE),
}
COPYRIGHT['.h'] = COPYRIGHT['.c']
ANY_COPYRIGHT = r'SPDX-FileCopyrightText: \d{4} The PPool-GLib authors'
ANY_LICENCE = r'SPDX-License-Identifier: ' + re.escape(LICENCE)


def source_files(srcdir, others=True):
    """What git knows, and with others what it would add; outside of a checkout, everything but
    build directories."""
    listed = subprocess.run(
        ['git', '-C', str(srcdir), 'ls-files', '-z', '--cached', '--exclude-standard',
         *['--others'] * others],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split('\0') if name]
    else:
        names = [str(path.relative_to(srcdir)) for path in srcdir.rglob('*')]
        names = [name for name in names if not name.startswith(('.git/', '_build', 'build/'))]
    return [name for name in sorted(set(names)) if (srcdir / name).is_file()]


def licence_problems(name, text):
    if name in UNMARKED or name.startswith(UNMARKED_DIRS):
        return
    suffix = pathlib.Path(name.removesuffix('.in')).suffix
    if suffix in COPYRIGHT:
        if not re.match(COPYRIGHT[suffix], text, re.DOTALL):
            yield '%s does not begin with the header of a C file' % name
        elif not text.startswith('/* %s: ' % pathlib.Path(name.removesuffix('.in')).name):
            yield '%s begins with the name of another file' % name
        return
    head = '\n'.join(text.splitlines()[:12])
    if not re.search(ANY_COPYRIGHT, head) or not re.search(ANY_LICENCE, head):
        yield '%s does not say whose it is and under which licence' % name


def format_problems(name, text):
    if not text.endswith('\n') or text.endswith('\n\n'):
        yield '%s does not end with one newline' % name
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            yield '%s:%d: white space at the end' % (name, number)
        if '\t' in line:
            yield '%s:%d: a tab' % (name, number)


def column_problems(name, text):
    if pathlib.Path(name).suffix in COLUMNS_OF:
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > MAX_COLUMNS:
                yield '%s:%d: %d columns, over %d' % (name, number, len(line), MAX_COLUMNS)


def word_problems(name, text):
    for pattern, suffixes in WORDS:
        if suffixes and pathlib.Path(name).suffix not in suffixes:
            continue
        if not name.startswith(WORD_DIRS.get(pattern, '')):
            continue
        for match in re.finditer(pattern, text):
            yield '%s:%d: %s' % (name, text[:match.start()].count('\n') + 1, match.group())


def main():
    srcdir = pathlib.Path(sys.argv[1])
    tap = Tap()
    problems = {'licence': [], 'format': [], 'columns': [], 'words': []}
    for name in source_files(srcdir):
        if name.startswith(UNMARKED_DIRS):
            continue
        text = (srcdir / name).read_text(encoding='utf-8')
        problems['licence'] += licence_problems(name, text)
        problems['format'] += format_problems(name, text)
        problems['columns'] += column_problems(name, text)
        problems['words'] += word_problems(name, text)
    for name, found in problems.items():
        tap.report('source/' + name, found)
    tap.end()


if __name__ == '__main__':
    main()
