# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that no further files of the library need each other in a circle.

circles.py LIBRARY.a: what a file defines and what it needs is read from its object, since
includes don't show it.
"""

import collections
import re
import subprocess
import sys

from tap import Tap

# The circles that there are. The list may only become shorter.
KNOWN = []

SYMBOL = re.compile(r'.*?(ppool-[\w-]+)\.c\.o\]: (\S+) (\w)')


def read_symbols(library):
    """Returns, for each file, the files that it needs, and one symbol that says why."""
    listed = subprocess.run(['nm', '-A', '--format=posix', library], stdout=subprocess.PIPE,
                            check=True).stdout.decode()
    owners, needed = {}, collections.defaultdict(set)
    for line in listed.splitlines():
        match = SYMBOL.match(line)
        if not match:
            continue
        name, symbol, kind = match.groups()
        if kind == 'U':
            needed[name].add(symbol)
        elif kind.isupper():
            owners[symbol] = name
    return {name: {owners[symbol]: symbol for symbol in sorted(symbols)
                   if owners.get(symbol, name) != name}
            for name, symbols in needed.items()}


def find_circles(graph):
    """The groups of files of which each needs every other, be it through others."""
    reached = {}
    for start in graph:
        found, todo = set(), [start]
        while todo:
            for other in graph.get(todo.pop(), ()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        reached[start] = found
    return {frozenset(other for other in reached[name] if name in reached.get(other, ()))
            for name in graph if name in reached[name]}


def main():
    graph = read_symbols(sys.argv[1])
    known = {frozenset('ppool-' + name for name in names.split()) for names in KNOWN}
    circles = find_circles(graph)
    tap = Tap()
    tap.report('circles/symbols', [] if len(graph) > 20 else ['only %d files were seen' % len(graph)])
    tap.report('circles/new', [
        '%s needs %s: %s' % (name, other, symbol)
        for circle in circles - known for name in sorted(circle)
        for other, symbol in sorted(graph[name].items()) if other in circle])
    tap.report('circles/known', ['no circle any more, so it needn\'t be known: ' + ' '.join(sorted(circle))
                                 for circle in known - circles])
    tap.end()


main()
