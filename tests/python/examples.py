# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the examples, as somebody would who has just read them."""

import hashlib
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile

from support import LIMIT, check, check_equal, main

EXAMPLES = pathlib.Path(__file__).parents[2] / 'examples' / 'python'


def run(name, *args, status=0):
    """Gives what an example prints, and what it complains of."""
    program = subprocess.run([sys.executable, EXAMPLES / name, *args], timeout=LIMIT,
                             capture_output=True)
    check_equal(program.returncode, status)
    return program.stdout, program.stderr


def test_hello(executor):
    output, errors = run('hello.py', 'Ada', 'Grüße')
    lines = output.decode().splitlines()
    check_equal(errors, b'')
    check_equal([line.partition(' says process ')[0] for line in lines],
                ['Hello, Ada!', 'Hello, Grüße!'])
    check(run('hello.py')[0].startswith(b'Hello, world!'))


def test_map(executor):
    output, errors = run('map.py', '50')
    numbers = [int(line) for line in output.splitlines()]
    check_equal((len(numbers), numbers[:3], numbers[40], errors), (50, [41, 43, 47], 1847, b''))


def test_errors(executor):
    output, errors = run('errors.py')
    check_equal(errors, b'')
    check_equal(output.decode().splitlines(), [
        'The function failed: division by zero',
        'In the worker: ZeroDivisionError: division by zero',
        'Nobody knows it: True',
        'Not sent: argument 2 of “divide”: a value of the type object can\'t be sent',
        'Too late: “divide” was not done within 0.05 s',
        'Cancelled',
        'Broken: True',
        'A new executor: 3.0',
    ])


def make_files(folder):
    """Gives what sha256sum prints for some files, in the order of their paths."""
    names = [b'a', b'b/1', b'b/2', b'b.c', b'\xff odd', 'ü'.encode()]
    names += [b'many/%03d' % i for i in range(200)]
    for name in names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pathlib.Path(os.fsdecode(path)).write_bytes(name * 1000)
    return b''.join(b'%s  %s\n' % (hashlib.sha256(name * 1000).hexdigest().encode(),
                                   os.path.join(folder, name)) for name in sorted(names))


def test_checksum(executor):
    with tempfile.TemporaryDirectory() as folder:
        wanted = make_files(os.fsencode(folder))
        check_equal(run('checksum.py', folder), (wanted, b''))
        output, errors = run('checksum.py', '/no/such/file', folder, status=1)
        check_equal(output, wanted)
        check_equal(errors, b'checksum.py: /no/such/file: No such file or directory\n')
        check_equal(run('checksum.py'), (b'', b''))


def test_checksum_on_terminal(executor):
    """The bar is on the terminal, and gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = make_files(os.fsencode(folder))
        ours, theirs = pty.openpty()
        with subprocess.Popen([sys.executable, EXAMPLES / 'checksum.py', folder], stderr=theirs,
                              stdout=subprocess.PIPE) as program:
            check_equal(program.communicate(timeout=LIMIT)[0], wanted)
        shown = os.read(ours, 65536)
        os.close(ours)
        os.close(theirs)
        check(b' files or more' in shown and shown.endswith(b'\r\x1b[K'), shown)


def test_pages(executor):
    """What the documentation shows runs as it stands; further snippets of a page have the
    first one above them."""
    folder = EXAMPLES.parents[1]
    for page in (folder / 'README.md', folder / 'docs' / 'python.md',
                 folder / 'docs' / 'workers.md'):
        snippets = re.findall('```python\n(.*?)```', page.read_text(), re.DOTALL)
        check(snippets, page)
        for snippet in snippets:
            if snippet is not snippets[0]:
                snippet = 'import asyncio\n' + snippets[0] + snippet
            with tempfile.NamedTemporaryFile('w', suffix='.py') as program:
                program.write(snippet)
                program.flush()
                check_equal(run(program.name)[1], b'')


main(globals())
