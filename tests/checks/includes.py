# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the rooms of the library know no others than they may.

The table is read from docs/architecture.md. A room is ppool-ROOM.c with its
headers: ppool-ROOM.h for programs, ppool-ROOM-private.h for other rooms, and
ppool-ROOM-internal.h where the room has more files, ppool-ROOM-PART.c.
"""

import pathlib
import re
import sys

from tap import Tap

# Rooms that have a reason to name D-Bus: the two ends of the connection and what
# they have in common, the names of errors on the wire, and the types that D-Bus
# can't carry.
DBUS_ROOMS = {'channel', 'error', 'protocol', 'service', 'value', 'wire'}

# Lines of code: comments and blank lines are not counted, or documenting a class
# would cut it in two.
MAX_CODE_LINES = {'.c': 600, '.h': 120}
MAX_FUNCTION = 45
MAX_MEAN_FUNCTION = 20

# What the last column says where it does not name rooms.
WORDS = {'base': 'base', 'libc': None, 'the public header': 'glib'}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
FUNCTION = re.compile(r'^\{\n(.*?)^\}\n', re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r'/\*.*?\*/', re.DOTALL)


def read_table(path):
    """Returns which rooms a room may know, and the rooms of each part of the table."""
    allowed, parts = {}, {}
    table = re.search(r'^\| room .*?(?=^$)', path.read_text(), re.MULTILINE | re.DOTALL).group()
    for line in table.splitlines()[2:]:
        rooms, _, others = (cell.strip() for cell in line.strip('|').split('|'))
        if rooms.startswith('**'):
            part = parts.setdefault(rooms.strip('*'), set())
            continue
        names = [others] if others in WORDS else others.split(', ')
        known = {WORDS.get(name, name) for name in names}
        for room in re.findall(r'`([\w-]+)`', rooms):
            allowed[room] = None if None in known else known
            part.add(room)
    base = parts['base'] | {'version-macros', 'enum-types'}
    for room, known in list(allowed.items()):
        if known is not None and 'base' in known:
            allowed[room] = known - {'base'} | base
    allowed.update({room: base for room in base})
    return allowed, parts


ALLOWED, PARTS = read_table(pathlib.Path(sys.argv[1]) / 'docs' / 'architecture.md')


def room_of(name):
    """The room that a file belongs to; its whole stem if the table has none."""
    match = re.fullmatch(r'(?:ppool-glib/)?ppool-(.+?)(?:-private|-internal)?\.[ch](?:\.in)?', name)
    if match is None:
        return None
    stem = room = match.group(1)
    while room not in ALLOWED and '-' in room:
        room = room.rpartition('-')[0]
    return room if room in ALLOWED else stem


def includes(path):
    for quote, name in INCLUDE.findall(path.read_text()):
        yield quote, name


def room_problems(path, room):
    """What a file includes that its room may not know."""
    if room == 'glib':
        return
    if room not in ALLOWED:
        yield '%s is in no row of the table of rooms' % path.name
        return
    allowed = ALLOWED[room]
    for quote, name in includes(path):
        other = room_of(name)
        if other is not None:
            if allowed is None or other not in allowed | {room}:
                yield '%s includes %s' % (path.name, name)
            elif other != room and name.endswith('-internal.h'):
                yield '%s includes %s, which is for its own room' % (path.name, name)
        elif allowed is None and (quote == '"' or re.match(r'g(lib|io|module)\b', name)):
            yield '%s includes %s, and is for libc alone' % (path.name, name)


def reachable(graph, room):
    found, todo = set(), [room]
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def side_problems(graph):
    """Which room of one side reaches a room of the other."""
    sides = PARTS["the program's side"], PARTS["the worker's side"]
    for side, other_side in (sides, reversed(sides)):
        for room in sorted(side):
            for other in sorted(reachable(graph, room) & other_side):
                yield '%s reaches %s of the other side' % (room, other)


def order_problems(path):
    """config.h first, then the file's own header, which so proves to stand alone."""
    names = [name for _, name in includes(path)]
    room = room_of(path.name)
    if room in PARTS['programs']:
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
        yield text[:match.start()].count('\n'), code_lines(match.group(1))


def function_problems(path):
    for line, length in function_lengths(path):
        if length > MAX_FUNCTION:
            yield ('%s:%d: a function of %d lines, over %d'
                   % (path.name, line, length, MAX_FUNCTION))


def main():
    srcdir = pathlib.Path(sys.argv[1]) / 'ppool-glib'
    files = sorted(srcdir.glob('*.[ch]'))
    tap = Tap()
    graph, lengths = {}, []

    for path in files:
        room = room_of(path.name)
        graph.setdefault(room, set())
        if room != 'glib':
            graph[room] |= {room_of(name) for _, name in includes(path)} - {None, room}
        problems = list(room_problems(path, room)) + list(size_problems(path))
        if path.suffix == '.c':
            problems += order_problems(path)
            lengths += [length for _, length in function_lengths(path)]
            problems += function_problems(path)
        problems += dbus_problems(path, room)
        tap.report('includes/' + path.name, problems)

    for path in sorted((srcdir.parent / 'benchmarks').rglob('*.[ch]')):
        tap.report('includes/benchmarks/' + path.name,
                   [*size_problems(path), *function_problems(path)])

    tap.report('includes/two-sides', side_problems(graph))
    mean = sum(lengths) / len(lengths) if lengths else 0
    print('# mean length of %d functions: %.1f lines' % (len(lengths), mean))
    tap.report('includes/mean-function',
               ['%.1f lines, over %d' % (mean, MAX_MEAN_FUNCTION)] if mean > MAX_MEAN_FUNCTION else [])
    tap.end()


main()
