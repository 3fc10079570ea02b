# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each function of which docs/threads.md says that it never blocks is called by the
test of that.

threads.py SRCDIR
"""

import pathlib
import re
import sys

from tap import Tap

# What a row may name in words, and which functions that means.
KINDS = {
    'the getters': r'ppool_(?:executor|future)_(?:get|is)_(?!type$)\w+',
    'done callbacks': r'ppool_future_(?:add|remove)_done_callback',
    'setters of [class@PPool.Map]': r'ppool_map_set_\w+',
    'setters of [class@PPool.Executor]': r'ppool_executor_set_\w+',
    'setters of [class@PPool.Launcher]': r'ppool_launcher_set_\w+',
    'the last `g_object_unref()` of any object': None,
}


def c_name(reference):
    """[method@PPool.Map.cancel] as ppool_map_cancel."""
    words = re.fullmatch(r'\[\w+@PPool\.([\w.]+)\]', reference).group(1).split('.')
    return '_'.join(['ppool', *(re.sub(r'(?<=[a-z])(?=[A-Z])', '_', word).lower()
                                for word in words)])


def promised(page, functions):
    """The functions in rows of the table that end in "never"."""
    for cell in re.findall(r'^\| (.*) \| in .* \| never \|$', page, re.M):
        for part in re.split(r', | and ', cell):
            if part not in KINDS:
                yield c_name(part)
            elif KINDS[part]:
                yield from (name for name in functions if re.fullmatch(KINDS[part], name))
            else:
                yield 'g_object_unref'


def main():
    srcdir = pathlib.Path(sys.argv[1])
    functions = (srcdir / 'tests/api.txt').read_text().split()
    test = (srcdir / 'tests/process/never-blocks-test.c').read_text()
    called = set(re.findall(r'\bCALL \((\w+)', test))
    names = set(promised((srcdir / 'docs/threads.md').read_text(), functions))
    tap = Tap()
    tap.report('threads/any', [] if len(names) > 40 else ['only %s' % sorted(names)])
    tap.report('threads/tested', ['%s() is not called' % name for name in sorted(names - called)])
    tap.end()


main()
