# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""checksum.py PATH...: what sha256sum prints, from every processor, with a bar meanwhile.

Files travel in batches, since the hash of a small file costs less than a call. They are
printed in the order in which they were found, which is that of their names in a folder."""

import asyncio
import hashlib
import os
import sys
from concurrent.futures import BrokenExecutor

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

BATCH_FILES, BATCH_SIZE = 64, 1 << 20

worker = PPool.Worker()


@worker.function
def hash_files(names):
    return [hash_file(name) for name in names]


def hash_file(name):
    """Gives the digest, or the reason why there is none; names are bytes, as for the system."""
    try:
        with open(name, 'rb') as file:
            digest = hashlib.sha256()
            while data := file.read(1 << 18):
                digest.update(data)
            return digest.hexdigest(), ''
    except OSError as error:
        return '', error.strerror


def walk(path):
    """The files below a path. The path of a folder ends with a slash, which puts its files
    where they belong among the names beside it."""
    if not os.path.isdir(path):
        yield path
        return
    with os.scandir(path) as entries:
        found = [entry.path + b'/' if entry.is_dir(follow_symlinks=False) else entry.path
                 for entry in entries
                 if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)]
    for name in sorted(found):
        yield from walk(name) if name.endswith(b'/') else [name]


def batches(paths):
    batch, size = [], 0
    for path in paths:
        for name in walk(os.fsencode(path)):
            batch.append(name)
            size += os.path.getsize(name) if os.path.exists(name) else 0
            if len(batch) == BATCH_FILES or size >= BATCH_SIZE:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


class Progress:
    """A line on the terminal, which steps aside for others."""

    def __init__(self):
        self.found = self.done = 0

    async def show(self):
        while sys.stderr.isatty():
            print(f'\r{self.done} of {self.found} files or more\033[K', end='', file=sys.stderr)
            await asyncio.sleep(0.1)

    def clear(self):
        if sys.stderr.isatty():
            print('\r\033[K', end='', file=sys.stderr, flush=True)


def print_result(name, digest, problem):
    if problem:
        print(f'checksum.py: {os.fsdecode(name)}: {problem}', file=sys.stderr)
    else:
        sys.stdout.buffer.write(b'%s  %s\n' % (digest.encode(), name))
    return not problem


async def main(paths):
    progress, found, is_good = Progress(), [], True

    def draw():
        for batch in batches(paths):
            progress.found += len(batch)
            found.append(batch)
            yield batch

    show = asyncio.create_task(progress.show())
    async with PPool.Executor() as executor:
        async for results in executor.map('hash_files', draw()):
            progress.clear()
            for name, result in zip(found.pop(0), results):
                is_good &= print_result(name, *result)
            sys.stdout.buffer.flush()
            progress.done += len(results)
    show.cancel()
    progress.clear()
    return 0 if is_good else 1


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
try:
    sys.exit(asyncio.run(main(sys.argv[1:])))
except BrokenExecutor as error:
    sys.exit(f'checksum.py: {error}')
