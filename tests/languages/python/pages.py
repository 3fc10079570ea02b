# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documentation shows of Python runs as it stands. Further snippets of a page
have the first one above them, unless they are whole programs."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from support import LIMIT, check, check_equal, main

# What a function that crashes leaves behind.
STACK = re.compile(r'Fatal Python error: .*?^Extension modules: [^\n]*\n', re.MULTILINE | re.DOTALL)

TREE = pathlib.Path(__file__).parents[3]


def check_page(name):
    snippets = re.findall('```python\n(.*?)```', (TREE / name).read_text(), re.DOTALL)
    check(snippets, name)
    for number, snippet in enumerate(snippets):
        if number > 0 and 'require_version' not in snippet:
            snippet = snippets[0] + snippet
        with tempfile.NamedTemporaryFile('w', suffix='.py') as program:
            program.write(snippet)
            program.flush()
            done = subprocess.run([sys.executable, program.name], timeout=LIMIT, text=True,
                                  capture_output=True, check=False)
        check_equal((done.returncode, STACK.sub('', done.stderr)), (0, ''))


def test_readme(executor):
    check_page('README.md')


def test_python(executor):
    check_page('docs/python.md')


def test_workers(executor):
    check_page('docs/workers.md')


FIND = 'find -H "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum'


def run_checksum(*operands):
    done = subprocess.run([sys.executable, TREE / 'examples/python/checksum.py', *operands],
                          timeout=LIMIT, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_checksum_of_folders(executor):
    """As examples/checksum.c: each file, in the order of the bytes of their paths."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ('top/a/b/y', 'top/a/x', 'top/a.b/z', 'top/a-b', 'top/é/z', 'top/\udcff'):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(os.fsencode(name))
        (root / 'top/none').mkdir()
        (root / 'top/a/link').symlink_to('x')
        (root / 'top/a/up').symlink_to('..')
        (root / 'link').symlink_to('top')
        os.mkfifo(root / 'top/pipe')
        for operand in ('top', 'top/', 'link'):
            operand = os.path.join(folder, operand)
            wanted = subprocess.run(['sh', '-c', FIND, 'sh', operand], check=True,
                                    stdout=subprocess.PIPE, timeout=LIMIT).stdout
            check_equal(run_checksum(operand), (0, wanted, b''))
        check_equal(run_checksum(root / 'top/none'), (0, b'', b''))
        status, out, errors = run_checksum(os.path.join(folder, 'missing/'), root / 'top/a-b')
        check(status == 1 and out.endswith(b'/a-b\n') and b'missing/: No such' in errors, errors)


main(globals())
