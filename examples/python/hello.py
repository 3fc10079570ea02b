# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hello.py: the smallest pool. One file is both sides: its workers are this program again."""

import os
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def hello(name):
    return f'Hello, {name}!', os.getpid()


def main():
    with PPool.Executor() as executor:
        for greeting, pid in executor.map('hello', sys.argv[1:] or ['world']):
            print(greeting, 'says process', pid)


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
main()
