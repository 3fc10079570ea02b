# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hello.py [NAME]: one function, one call."""

import os
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def greet(name):
    return f'Hello, {name}, from process {os.getpid()}!'


# Workers are this same program.
if PPool.Worker.is_spawned():
    sys.exit(worker.run())

with PPool.Executor() as executor:
    print(executor.call_sync('greet', sys.argv[1] if len(sys.argv) > 1 else 'world'))
