# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the folders and rooms of the library know no others than they may.

Both tables are read from docs/architecture.md: which folder may include which, and which rooms
are in a folder. A room is ppool-ROOM.c with its headers: ppool-ROOM.h for programs,
ppool-ROOM-private.h for other rooms, and ppool-ROOM-internal.h where the room has more files,
ppool-ROOM-PART.c.
"""

import pathlib
import re
import sys

from tap import Tap

# Rooms that have a reason to name D-Bus: the two ends of the connection and what
# they have in common, the names of errors on the wire, and the types that D-Bus
# can't carry.
DBUS_ROOMS = {'answers', 'channel', 'error', 'protocol', 'serve', 'value', 'wire'}

# Lines of code: comments and blank lines are not counted, or documenting a class
# would cut it in two.
MAX_CODE_LINES = {'.c': 600, '.h': 120}
MAX_FUNCTION = 45
MAX_MEAN_FUNCTION = 20

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
# What ends with more than a brace is a type.
FUNCTION = re.compile(r'^\{\n(.*?)^\}([^\n]*)\n', re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r'/\*.*?\*/', re.DOTALL)


def rows(text, heading):
    """The cells of each row of the table that begins with a heading."""
    table = re.search(r'^\| %s .*?(?=^$)' % heading, text, re.MULTILINE | re.DOTALL).group()
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip('|').split('|')]


def read_tables(path):
    """Returns which folders a folder, or a single room of it, may include, and the folder of
    each room."""
    text = path.read_text()
    arrows, folders = {}, {}
    for folder, _, others in rows(text, 'folder of the library'):
        folder = re.fullmatch(r'`([\w-]+)/`', folder).group(1)
        arrows[folder] = None if others == 'libc' else {folder}
        for part in others.split('; '):
            room = re.match(r'`([\w-]+)` also ', part)
            known = set(re.findall(r'\b(?:base|wire|pool|front|worker)\b', part))
            if room:
                arrows[room.group(1)] = known
            elif arrows[folder] is not None:
                arrows[folder] |= known
    for rooms, *_ in rows(text, 'room'):
        if rooms.startswith('**'):
            folder = rooms.strip('*')
            continue
        for room in re.findall(r'`([\w-]+)`', rooms):
            folders[room] = folder
    return arrows, folders


ARROWS, FOLDERS = read_tables(pathlib.Path(sys.argv[1]) / 'docs' / 'architecture.md')
# What is generated.
FOLDERS['enum-types'] = 'base'


def room_of(name):
    """The room that a file belongs to; its whole stem if the table has none."""
    match = re.fullmatch(r'(?:ppool-glib/)?ppool-(.+?)(?:-private|-internal)?\.[ch](?:\.in)?', name)
    if match is None:
        return None
    stem = room = match.group(1)
    while room not in FOLDERS and '-' in room:
        room = room.rpartition('-')[0]
    return room if room in FOLDERS else stem


def includes(path):
    for quote, name in INCLUDE.findall(path.read_text()):
        yield quote, name


def room_problems(path, room):
    """What a file includes that its folder may not know."""
    folder = path.parent.name
    if FOLDERS.get(room) != folder:
        yield '%s is in no row of the rooms of %s' % (path.name, folder)
        return
    arrows = ARROWS[folder]
    for quote, name in includes(path):
        other = room_of(name)
        if other == 'glib' and folder == 'programs' and room != 'launch':
            continue
        if other is None:
            if arrows is None and room == 'launch' and (
                    quote == '"' or re.match(r'g(lib|io|module)\b', name)):
                yield '%s includes %s, and is for libc alone' % (path.name, name)
        elif arrows is None or FOLDERS.get(other) not in arrows | ARROWS.get(room, set()):
            yield '%s includes %s' % (path.name, name)
        elif other != room and name.endswith('-internal.h'):
            yield '%s includes %s, which is for its own room' % (path.name, name)


def order_problems(path):
    """config.h first, then the file's own header, which so proves to stand alone."""
    names = [name for _, name in includes(path)]
    room = room_of(path.name)
    if path.parent.name == 'programs':
        return
    if not names or names[0] != 'config.h':
        yield '%s does not include config.h first' % path.name
    if len(names) > 1 and room_of(names[1]) != room:
        yield '%s does not include its own header second' % path.name


def dbus_problems(path, room):
    code = COMMENT.sub('', path.read_text())
    if room not in DBUS_ROOMS and re.search(r'\b(g_dbus_|GDBus|G_DBUS_)', code):
        yield '%s uses D-Bus, which is for the ends of the connection' % path.name


def code_lines(text):
    return sum(bool(line.strip()) for line in COMMENT.sub('', text).splitlines())


def size_problems(path):
    text = path.read_text()
    n_lines = code_lines(text)
    if n_lines > MAX_CODE_LINES[path.suffix]:
        yield ('%s has %d lines of code, over %d'
               % (path.name, n_lines, MAX_CODE_LINES[path.suffix]))


def function_lengths(path):
    """Where functions are, and how many lines of code they have."""
    text = path.read_text()
    for match in FUNCTION.finditer(text):
        if not match.group(2):
            yield text[:match.start()].count('\n'), code_lines(match.group(1))


def function_problems(path):
    for line, length in function_lengths(path):
        if length > MAX_FUNCTION:
            yield ('%s:%d: a function of %d lines, over %d'
                   % (path.name, line, length, MAX_FUNCTION))


def main():
    srcdir = pathlib.Path(sys.argv[1]) / 'ppool-glib'
    tap = Tap()
    lengths = []

    for path in sorted(srcdir.rglob('*.[ch]')):
        room = room_of(path.name)
        problems = list(size_problems(path))
        if room != 'glib':
            problems += room_problems(path, room)
        if path.suffix == '.c':
            problems += order_problems(path)
            lengths += [length for _, length in function_lengths(path)]
            problems += function_problems(path)
        problems += dbus_problems(path, room)
        tap.report('includes/' + path.name, problems)

    for path in sorted((srcdir.parent / 'benchmarks').rglob('*.[ch]')):
        tap.report('includes/benchmarks/' + path.name,
                   [*size_problems(path), *function_problems(path)])

    mean = sum(lengths) / len(lengths) if lengths else 0
    print('# mean length of %d functions: %.1f lines' % (len(lengths), mean))
    tap.report('includes/mean-function',
               ['%.1f lines, over %d' % (mean, MAX_MEAN_FUNCTION)]
               if mean > MAX_MEAN_FUNCTION else [])
    tap.end()


main()
