# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""map.py: one function over many numbers, from every processor.

Halve a number if it is even, else treble it and add one, until it is one: how many steps?
Prints the numbers that take more steps than all below them."""

import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

worker = PPool.Worker()


@worker.function('count-steps')
def count_steps(number):
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def main():
    numbers = range(1, 10001)
    most = -1
    with PPool.Executor() as executor:
        # The results come in the order of the inputs, whichever worker is done first.
        for number, steps in zip(numbers, executor.map('count-steps', numbers)):
            if steps > most:
                print(number, 'takes', steps, 'steps')
                most = steps


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
main()
