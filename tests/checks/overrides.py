# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the modules of the overrides know no others than they may, and no circle.

overrides.py SRCDIR

Which modules there are, and which others each imports, is in the tables of docs/architecture.md,
one a language. An import inside of a function counts too: it puts the circle off, and leaves it.
"""

import ast
import pathlib
import re
import sys

from circles import find_circles
from tap import Tap

# The circles that there are. The list may only become shorter.
KNOWN = []

PYTHON = ('introspection/python/gi/overrides/PPool', '.py', '### Rooms of the Python override')
GJS = ('introspection/gjs/overrides/ppool', '.js', '### Rooms of the JavaScript override')
# What collects names, and is imported by none of the others.
ENTRY = '__init__'

GJS_IMPORT = re.compile(r'\bimports\.overrides\.ppool\.(\w+)|\bimports\.overrides\.ppool\b(?!\.\w)')


def python_imports(text):
    """The modules of the package that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ''
            if node.level == 1:
                yield from [module] if module else [alias.name for alias in node.names]
            elif module.startswith('gi.overrides.PPool'):
                rest = module[len('gi.overrides.PPool'):].strip('.')
                yield from [rest] if rest else [alias.name for alias in node.names]


def gjs_imports(text):
    for match in GJS_IMPORT.finditer(text):
        yield match.group(1) or 'the whole folder'


def read_table(text, heading):
    """The modules that each row of the table below a heading lets its own import."""
    section = text[text.index(heading):].partition('\n#')[0]
    table = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if not line.startswith('| `') or len(cells) != 3:
            continue
        for room in re.findall(r'`(\w+)`', cells[0]):
            table.setdefault(room, set()).update(re.findall(r'`(\w+)`', cells[2]))
    return table


def check(tap, name, graph, table):
    tap.report('overrides/%s/rooms' % name, [
        *('%s is in no row of the table' % room for room in sorted(graph.keys() - table)),
        *('%s is in the table, and not there' % room for room in sorted(table.keys() - graph))])
    tap.report('overrides/%s/imports' % name, [
        '%s imports %s, which its row does not have' % (room, other)
        for room in sorted(graph) for other in sorted(graph[room] - table.get(room, set()))])
    tap.report('overrides/%s/table' % name, [
        '%s does not import %s, which its row has' % (room, other)
        for room in sorted(graph) for other in sorted(table.get(room, set()) - graph[room])])
    known = {frozenset(names.split()) for names in KNOWN}
    circles = find_circles(graph)
    tap.report('overrides/%s/circles' % name, [
        'a circle: ' + ' '.join(sorted(circle)) for circle in circles - known])
    return circles


def main():
    srcdir = pathlib.Path(sys.argv[1])
    text = (srcdir / 'docs' / 'architecture.md').read_text()
    tap = Tap()
    circles = set()
    for name, (folder, suffix, heading), imports in (('python', PYTHON, python_imports),
                                                     ('gjs', GJS, gjs_imports)):
        graph = {path.stem: set(imports(path.read_text()))
                 for path in sorted((srcdir / folder).glob('*' + suffix)) if path.stem != ENTRY}
        circles |= check(tap, name, graph, read_table(text, heading))
    tap.report('overrides/known', ['no circle any more: ' + names for names in KNOWN
                                   if frozenset(names.split()) not in circles])
    tap.end()


main()
