# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documentation shows of Python runs as it stands. Further snippets of a page
have the first one above them, unless they are whole programs."""

import pathlib
import re
import subprocess
import sys
import tempfile

from support import LIMIT, check, check_equal, main

TREE = pathlib.Path(__file__).parents[2]


def check_page(name):
    snippets = re.findall('```python\n(.*?)```', (TREE / name).read_text(), re.DOTALL)
    check(snippets, name)
    for number, snippet in enumerate(snippets):
        if number > 0 and 'require_version' not in snippet:
            snippet = 'import asyncio\n' + snippets[0] + snippet
        with tempfile.NamedTemporaryFile('w', suffix='.py') as program:
            program.write(snippet)
            program.flush()
            done = subprocess.run([sys.executable, program.name], timeout=LIMIT, text=True,
                                  capture_output=True, check=False)
        check_equal((done.returncode, done.stderr), (0, ''))


def test_readme(executor):
    check_page('README.md')


def test_python(executor):
    check_page('docs/python.md')


def test_workers(executor):
    check_page('docs/workers.md')


main(globals())
