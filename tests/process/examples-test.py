# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the examples that each language has, which print the same in all of them.

Usage: examples-test.py hello|map|errors|checksum|thumbnails COMMAND...
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
import traceback

NAME, COMMAND = sys.argv[1], sys.argv[2:]
LIMIT = 50

# Halving and trebling: each number that takes more steps than all below it.
RECORDS = '''\
1 0, 2 1, 3 7, 6 8, 7 16, 9 19, 18 20, 25 23, 27 111, 54 112, 73 115, 97 118, 129 121, 171 124,
231 127, 313 130, 327 143, 649 144, 703 170, 871 178, 1161 181, 2223 182, 2463 208, 2919 216,
3711 237, 6171 261'''

BROKEN = (r'The pool is broken \(WORKER_DIED\): Worker (\d+) was killed by SIGABRT \(Aborted\) '
          r'while it ran “crash”(?: for \d+\.\d s)?; its standard error ended with:\n'
          r'crash: this can\'t be\n'
          # Where it was, in Python.
          r'(?:Fatal Python error: Aborted\n(?:(?!divide:).*\n)*)?')
ERRORS = (r'wait: not done yet\nwait: 7\ndivide: the function failed: Division by zero\n'
          r'multiply: there is no such function\ncrash: ' + BROKEN +
          r'divide: ' + BROKEN.replace(r'(\d+)', r'\1') + r'divide: 1\n')


def check_equal(got, wanted):
    if got != wanted:
        raise AssertionError('got %r, wanted %r' % (got, wanted))


def check_matches(pattern, text):
    match = re.fullmatch(pattern, text)
    if match is None:
        raise AssertionError('%r does not match %r' % (text, pattern))
    return match


def run(*args, status=0, **options):
    """Returns what the program printed to its standard output, and to its error."""
    done = subprocess.run([*COMMAND, *args], stdout=subprocess.PIPE, timeout=LIMIT, check=False,
                          text=True, **{'stderr': subprocess.PIPE, **options})
    if done.returncode != status:
        raise AssertionError('status %d: %s' % (done.returncode, done.stderr))
    return done.stdout, done.stderr


def test_hello():
    for name, args in (('world', []), ('Zoë', ['Zoë'])):
        out, err = run(*args)
        check_equal(err, '')
        check_matches('Hello, %s, from process [1-9][0-9]*!\n' % name, out)


def test_map():
    wanted = ['%s takes %s steps' % tuple(pair.split()) for pair in RECORDS.split(',')]
    check_equal(run(), ('\n'.join(wanted) + '\n', ''))


def test_errors():
    out, err = run()
    check_equal(err, '')
    check_matches(ERRORS, out)


def write_files(folder):
    names = [os.path.join(folder, name) for name in ('empty', 'größe', 'large')]
    for name, content in zip(names, (b'', b'text', bytes(range(256)) * 4000)):
        with open(name, 'wb') as file:
            file.write(content)
    return names


def sha256sum(names):
    return subprocess.run(['sha256sum', *names], stdout=subprocess.PIPE, check=True,
                          text=True).stdout


def test_checksum():
    with tempfile.TemporaryDirectory() as folder:
        names = write_files(folder)
        check_equal(run(*names), (sha256sum(names), ''))
        missing = os.path.join(folder, 'missing')
        out, err = run(names[2], missing, names[1], status=1)
        check_equal(out, sha256sum([names[2], names[1]]))
        check_matches('checksum: .*missing.*: No such file or directory\n', err)
        check_progress(names)


# What each file is, and what is said of it.
IMAGES = {
    'wide.pgm': b'P5\n# by hand\n300 200\n255\n' + bytes(range(200)) * 300,
    'small.pgm': b'P5 2 3 255\n' + b'abcdef',
}
BAD_FILES = {
    'bomb.pgm': (b'P5\n100000000 100000000\n255\n', '.+'),
    'crash.pgm': (b'P5\n# crash\n2 2\n255\nabcd', 'the decoder crashed: .+'),
    'cut.pgm': (b'P5\n20 20\n255\nabcd', 'the end is missing'),
    'hang.pgm': (b'P5\n# hang\n2 2\n255\nabcd', 'it takes longer than 2 s'),
    'text.txt': (b'Dear diary', 'it is no image'),
}


def write_images(folder):
    """Many good files, so that the bad ones are among them, and two of each bad kind."""
    files = {'%d-%s' % (i, name): data for i in range(20) for name, data in IMAGES.items()}
    files |= {str(i) + name: data for i in range(2) for name, (data, _) in BAD_FILES.items()}
    for name, data in files.items():
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)


def test_thumbnails():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as output:
        write_images(folder)
        out, err = run(folder, output, status=1)
        check_equal(out, '40 thumbnails, 10 files are bad\n')
        for name, (_, reason) in BAD_FILES.items():
            for i in range(2):
                if not re.search('^thumbnails: %d%s: %s$' % (i, name, reason), err, re.M):
                    raise AssertionError('%d%s: %r' % (i, name, err))
        check_equal(sorted(os.listdir(output)),
                    sorted('%d-%s' % (i, name) for i in range(20) for name in IMAGES))
        for i in range(20):
            with open(os.path.join(output, '%d-small.pgm' % i), 'rb') as file:
                check_equal(file.read(), b'P5\n2 3\n255\nabcdef')
            with open(os.path.join(output, '%d-wide.pgm' % i), 'rb') as file:
                check_equal(file.read()[:13], b'P5\n64 42\n255\n')

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'small.pgm'), 'wb') as file:
            file.write(IMAGES['small.pgm'])
        with tempfile.TemporaryDirectory() as output:
            check_equal(run(folder, output), ('1 thumbnails, 0 files are bad\n', ''))
        check_equal(run(os.path.join(folder, 'none'), folder, status=1)[0], '')
    check_workers()


def check_workers():
    """What becomes of the workers, if somebody wants to know."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as output:
        for name in 'crash.pgm', 'hang.pgm':
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(BAD_FILES[name][0])
        out, err = run('--verbose', folder, output, status=1)
        check_equal(out, '0 thumbnails, 2 files are bad\n')
        exits = re.findall(r'^thumbnails: worker [0-3]: (.+)', err, re.M)
        # That of the decoder's crash, and that of its hanging.
        check_equal([len([text for text in exits if reason in text])
                     for reason in ('while it ran “thumbnail”', '2000 ms')], [2, 1])


def check_progress(names):
    """On a terminal it says how far it is, and leaves nothing of that behind."""
    terminal, slave = pty.openpty()
    try:
        check_equal(run(*names, stderr=slave)[0], sha256sum(names))
        shown = os.read(terminal, 4096).decode()
    finally:
        os.close(slave)
        os.close(terminal)
    check_equal(shown, '\r0 of 3 files\r1 of 3 files\r2 of 3 files\r\x1b[K')


def main():
    print('1..1')
    try:
        globals()['test_' + NAME]()
    except Exception:
        for line in traceback.format_exc().splitlines():
            print('# ' + line)
        print('not ok 1 %s' % NAME)
        return 1
    print('ok 1 %s' % NAME)
    return 0


sys.exit(main())
