# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds PPool.d.ts against the GIR, against what there is in GJS, and against programs.

check-types.py SRCDIR GIR GJS [TSC]
"""

import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

NS = '{http://www.gtk.org/introspection/core/1.0}'

# What a program in JavaScript has no use for.
LEFT_OUT = {'ModuleInitFunc'}

COMPILE = [
    '--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022', '--module', 'esnext',
    '--moduleResolution', 'node', '--typeRoots', '/nonexistent',
]

# Prints which of the names that it is given aren't there.
LOOK_UP = '''
imports.gi.versions.PPool = '1.0';
const {PPool} = imports.gi;
for (const [owner, kind, name] of JSON.parse(ARGV[0])) {
    const object = owner === '' ? PPool
        : kind === 'static' || kind === 'member' ? PPool[owner] : PPool[owner].prototype;
    if (!(name in object))
        print(`${owner}.${name} (${kind})`);
}
'''


def report(number, name, problems):
    for problem in problems:
        print('#', problem)
    print('%s %d %s' % ('not ok' if problems else 'ok', number, name))
    return bool(problems)


def blocks(text):
    """Gives the body of each class and enumeration, and what is beside of them."""
    found, rest, position = {}, [], 0
    for match in re.finditer(r'^        (?:class|enum) (\w+).*?\{\n(.*?)^        \}', text,
                             re.M | re.S):
        found[match.group(1)] = match.group(2)
        rest.append(text[position:match.start()])
        position = match.end()
    return found, ''.join(rest) + text[position:]


def camel(name):
    return re.sub(r'_(.)', lambda match: match.group(1).upper(), name)


def wanted_of(node):
    """What a class or enumeration of the GIR must have: pattern, and name."""
    for child in node:
        tag, name = child.tag.removeprefix(NS), child.get('name')
        if tag == 'member':
            yield r'\b%s\b' % name.upper(), name.upper()
        elif tag == 'method':
            yield r'^ *%s[<(]' % name, name + '()'
        elif tag in ('constructor', 'function'):
            yield r'^ *static %s[<(]' % name, 'static %s()' % name
        elif tag == 'signal':
            yield "'%s'" % name, 'signal ' + name
        elif tag == 'property':
            name = name.replace('-', '_')
            yield r'^ *(readonly )?%s: ' % name, name
            yield r'^ *(readonly )?%s: ' % camel(name), camel(name)


def missing(gir, text):
    found, rest = blocks(text)
    for node in ET.parse(gir).getroot().find(NS + 'namespace'):
        tag, name = node.tag.removeprefix(NS), node.get('name')
        if tag in ('class', 'enumeration', 'bitfield'):
            if name not in found:
                yield name
            for pattern, what in wanted_of(node):
                if not re.search(pattern, found.get(name, ''), re.M):
                    yield '%s: %s' % (name, what)
        elif tag in ('function', 'constant', 'callback') and name not in LEFT_OUT:
            if not re.search(r'^ *(function|const|type) %s\b' % name, rest, re.M):
                yield name


def declared(text):
    """What is said to be there: owner, kind, name."""
    found, rest = blocks(text)
    for name in re.findall(r'^ *(?:function|const) (\w+)', rest, re.M):
        yield '', 'static', name
    for owner, body in found.items():
        yield '', 'static', owner
        for static, name, rest in re.findall(r'^            (static )?(?:readonly )?(\w+)([<(:,])',
                                             body, re.M):
            if name != 'constructor':
                yield owner, 'static' if static else 'member' if rest == ',' else 'own', name


def absent(gjs, text):
    done = subprocess.run([gjs, '-c', LOOK_UP, json.dumps(list(declared(text)))],
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def compile_all(tsc, *arguments):
    done = subprocess.run([tsc, *COMPILE, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.splitlines() or (['status %d' % done.returncode] if done.returncode else [])


def main():
    srcdir, gir, gjs = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    types = srcdir / 'introspection' / 'gjs' / 'PPool.d.ts'
    here = srcdir / 'tests' / 'languages' / 'gjs' / 'types'
    text = types.read_text(encoding='utf-8')
    failed = False

    print('1..%d' % (4 if len(sys.argv) > 4 else 2))
    failed |= report(1, 'complete', list(missing(gir, text)))
    failed |= report(2, 'there', absent(gjs, text))
    if len(sys.argv) > 4:
        tsc = sys.argv[4]
        failed |= report(3, 'program', compile_all(tsc, types, here / 'gi.d.ts', here / 'types.ts'))
        failed |= report(4, 'examples', compile_all(
            tsc, '--allowJs', '--checkJs', '--noImplicitAny', 'false',
            '--useUnknownInCatchVariables', 'false', types, here / 'gi.d.ts',
            *sorted((srcdir / 'examples' / 'gjs').glob('*.js'))))
    return failed


if __name__ == '__main__':
    sys.exit(main())
