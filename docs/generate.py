# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs gi-docgen, and adds to its pages what it has no setting for.

generate.py INTRODUCTION OUTPUT-DIRECTORY GI-DOCGEN ARGUMENTS…
"""

import json
import pathlib
import re
import subprocess
import sys

STYLE = '''
/* Names are not broken where a line has room for them. */
@media (min-width: 50em) {
  code.name {
    white-space: nowrap;
    word-break: normal;
  }
}

.toc-list-item {
  overflow-wrap: anywhere;
}
'''

# What is found by a search, and is no symbol of the typelib.
FURTHER = [
    ('PPool.ProcessPoolExecutor (Python)', 'python.html#a-drop-in-processpoolexecutor',
     'A process pool for any callable, in place of the standard library’s'),
]

NAME = re.compile(r'<code>(?=[^<\s]{4,40}</code>)')
GOAL = re.compile(r'([≤≥]) (?=[\d.])')
EMPTY_ROW = re.compile(r'\s*<tr><td><em>\w+</em></td>'
                       r'<td><a href="" class="external"></a></td></tr>')
DESCRIPTION = re.compile(r'<div class="description">\s*<p>.*?</p>\s*</div>', re.DOTALL)


def finish_pages(directory):
    for path in directory.glob('*.html'):
        text = path.read_text()
        changed = GOAL.sub(r'\1&nbsp;', NAME.sub('<code class="name">', text))
        if changed != text:
            path.write_text(changed)


def finish_index(path, introduction):
    text = EMPTY_ROW.sub('', path.read_text())
    text, n = DESCRIPTION.subn(lambda match: introduction, text, count=1)
    if n != 1:
        sys.exit('%s has no description any more' % path)
    path.write_text(text)


def finish_search(path):
    index = json.loads(path.read_text())
    index['symbols'] += [{'type': 'content', 'name': name, 'href': href, 'summary': summary}
                         for name, href, summary in FURTHER]
    path.write_text(json.dumps(index))


def main():
    introduction, directory = map(pathlib.Path, sys.argv[1:3])
    subprocess.run(sys.argv[3:], check=True)
    finish_pages(directory)
    finish_index(directory / 'index.html', introduction.read_text())
    finish_search(directory / 'index.json')
    with (directory / 'style.css').open('a') as style:
        style.write(STYLE)


main()
