# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the pages of the guide as they were made.

pages.py DOCSDIR CONFIGURATION HTMLDIR
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

from tap import Tap

FIRST = 'overview.md'

# What is left of a link that was not understood, and of a table or of code that
# was not seen as such.
LEFTOVERS = re.compile(r'\[\w+@[\w.:-]+\]|^\|.*\|$|^```', re.MULTILINE)


class Page(html.parser.HTMLParser):
    """What a page has: anchors, links, and text outside of code."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.hrefs, self.text = set(), [], [], []
        self.depth = 0
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'id' in attrs:
            self.anchors.add(attrs['id'])
        if tag == 'a' and 'href' in attrs:
            self.hrefs.append(attrs['href'])
        if tag == 'a' and attrs.get('href'):
            self.links.append(attrs['href'])
        if tag == 'img':
            self.links.append(attrs['src'])
        self.depth += tag in ('pre', 'code')

    def handle_endtag(self, tag):
        self.depth -= tag in ('pre', 'code')

    def handle_data(self, data):
        if self.depth == 0:
            self.text.append(data)


def link_problems(directory, name, page):
    for link in page.links:
        parts = urllib.parse.urlparse(link)
        if parts.scheme or link.startswith('#') and link[1:] in page.anchors:
            continue
        target = directory / urllib.parse.unquote(parts.path or name)
        if not target.is_file():
            yield '%s links to %s, which is not there' % (name, link)
        elif parts.fragment and target.suffix == '.html' and \
                parts.fragment not in Page(target).anchors:
            yield '%s links to %s, which has no such place' % (name, link)


def main():
    docs, configuration, directory = map(pathlib.Path, sys.argv[1:])
    names = re.findall(r'"(\S+\.md)"', configuration.read_text())
    tap = Tap()

    tap.report('pages/configured', ['%s is not in the configuration' % path.name
                                    for path in sorted(docs.glob('*.md'))
                                    if path.name not in names])
    overview = Page(directory / FIRST.replace('.md', '.html'))
    tap.report('pages/listed', ['%s has no link to %s' % (FIRST, name) for name in names
                                if name != FIRST and
                                name.replace('.md', '.html') not in overview.links])
    index = Page(directory / 'index.html')
    tap.report('pages/index', ['index.html has no link to %s' % link
                               for link in ('overview.html', 'getting-started.html')
                               if link not in index.links] +
               ['index.html has an empty link'] * ('' in index.hrefs))
    tap.report('pages/search', [] if 'PPool.ProcessPoolExecutor' in
               (directory / 'index.json').read_text() else ['ProcessPoolExecutor is not found'])
    for name in names:
        page = Page(directory / name.replace('.md', '.html'))
        problems = list(link_problems(directory, name.replace('.md', '.html'), page))
        problems += ['%s: %s' % (name, match.group())
                     for match in LEFTOVERS.finditer(''.join(page.text))]
        tap.report('pages/' + name, problems)
    tap.end()


main()
