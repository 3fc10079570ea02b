# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the library exports what is written down, and nothing else.

api.py API.TXT LIBRARY [GIR]

After a change that is meant: api.py --update API.TXT LIBRARY
"""

import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from tap import Tap

C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'


def exported(library):
    """The symbols that a program can link with; a sanitizer's own are not ours."""
    lines = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', library],
                           stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    names = {line.split()[0].partition('@')[0] for line in lines}
    return {name for name in names if not name.startswith(('__asan', '__odr_asan', '__ubsan'))}


def introspected(gir):
    """The functions that the GIR knows, the ones of types included."""
    names = set()
    for element in ElementTree.parse(gir).iter():
        if element.tag.rpartition('}')[2] in ('function', 'method', 'constructor'):
            names.add(element.get(C + 'identifier'))
        names.add(element.get(GLIB + 'get-type'))
    return names - {None, 'intern'}


def difference(name, ours, other, theirs):
    for symbol in sorted(ours - theirs):
        yield '%s is in %s and not in %s' % (symbol, name, other)
    for symbol in sorted(theirs - ours):
        yield '%s is in %s and not in %s' % (symbol, other, name)


def main():
    args = sys.argv[1:]
    update = args[:1] == ['--update']
    api, library, *gir = args[1:] if update else args
    symbols = exported(library)
    if update:
        pathlib.Path(api).write_text(''.join(name + '\n' for name in sorted(symbols)))
        return

    tap = Tap()
    lines = pathlib.Path(api).read_text().splitlines()
    tap.report('api/sorted', [] if lines == sorted(lines) else ['the lines are not in order'])
    tap.report('api/library', difference('api.txt', set(lines), 'the library', symbols))
    if gir:
        tap.report('api/gir', difference('api.txt', set(lines), 'the GIR', introspected(gir[0])))
    else:
        tap.skip('api/gir', 'built without introspection')
    tap.end()


main()
