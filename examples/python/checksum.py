# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""checksum.py PATH...: what sha256sum prints, from every processor; also for the files in
folders, in the order of “find -H PATH -type f | LC_ALL=C sort”."""

import asyncio
import hashlib
import os
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def sha256(name):
    """The name of a file is bytes, not always a string."""
    digest = hashlib.sha256()
    with open(name, 'rb') as file:
        while data := file.read(1 << 18):
            digest.update(data)
    return digest.hexdigest()


def read_folder(folder):
    """The path of a folder ends with a slash, which puts its files where they belong among
    the names beside it. Links in folders, and what is no file, are left out."""
    with os.scandir(folder) as entries:
        return [entry.path + b'/' * entry.is_dir(follow_symlinks=False) for entry in entries
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)]


def find_files(operand):
    to_walk = [operand + b'/' if os.path.isdir(operand) and not operand.endswith(b'/')
               else operand]
    while to_walk:
        path = to_walk.pop()
        try:
            children = read_folder(path) if path.endswith(b'/') else None
        except OSError:
            children = None  # a worker will say why
        if children is None:
            yield path
        else:
            to_walk += sorted(children, reverse=True)


def show_progress(text):
    if sys.stderr.isatty():
        print(f'\r{text}', end='', file=sys.stderr, flush=True)


def print_outcome(name, outcome):
    """An exception of the function is what it was in the worker."""
    if isinstance(outcome, OSError):
        print(f'checksum: {os.fsdecode(name)}: {outcome.strerror}', file=sys.stderr)
    elif isinstance(outcome, Exception):
        raise outcome
    else:
        sys.stdout.buffer.write(b'%s  %s\n' % (outcome.encode(), name))


async def main(operands):
    names = [name for operand in operands for name in find_files(os.fsencode(operand))]
    outcomes = []
    async with PPool.Executor() as executor:
        futures = [executor.submit('sha256', name) for name in names]
        for i, future in enumerate(futures):
            show_progress(f'{i} of {len(names)} files')
            outcomes += await asyncio.gather(future, return_exceptions=True)
    show_progress('\033[K')

    for name, outcome in zip(names, outcomes):
        print_outcome(name, outcome)
    return 0 if all(isinstance(outcome, str) for outcome in outcomes) else 1


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
sys.exit(asyncio.run(main(sys.argv[1:])))
