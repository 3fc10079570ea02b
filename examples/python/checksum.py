# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""checksum.py FILE...: what sha256sum prints, from every processor."""

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


def show_progress(text):
    if sys.stderr.isatty():
        print(f'\r{text}', end='', file=sys.stderr, flush=True)


def print_outcome(name, outcome):
    """An exception of the function is what it was in the worker."""
    if isinstance(outcome, OSError):
        print(f'checksum: {name}: {outcome.strerror}', file=sys.stderr)
    elif isinstance(outcome, Exception):
        raise outcome
    else:
        print(f'{outcome}  {name}')


async def main(names):
    outcomes = []
    async with PPool.Executor() as executor:
        futures = [executor.submit('sha256', os.fsencode(name)) for name in names]
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
