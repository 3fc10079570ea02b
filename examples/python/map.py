# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""map.py [N]: the first N primes of the form x² + x + 41, found by every processor.

The numbers to try have no end: a map draws them a little ahead of who reads, and gives the
answers in their order."""

import itertools
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

worker = PPool.Worker()


@worker.function
def is_prime(number):
    return all(number % divisor for divisor in range(2, int(number ** 0.5) + 1))


def main(count):
    candidates, to_print = itertools.tee(x * x + x + 41 for x in itertools.count())
    with PPool.Executor() as executor, executor.map('is_prime', candidates) as answers:
        primes = itertools.compress(to_print, answers)
        for prime in itertools.islice(primes, count):
            print(prime)


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
