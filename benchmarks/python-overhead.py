# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares PPool.ProcessPoolExecutor with the one of concurrent.futures, in turns and with two
workers each: prints the median times of both, and the median of the ratios of the rounds.

python-overhead.py [SECONDS [ROW...]]: how long it may take, and which rows. It runs where the
override is found, in `meson devenv` for example, and needs numpy for one row."""

import concurrent.futures
import statistics
import sys
import time

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

N_WORKERS = 2
MIN_ROUNDS = 3
LARGE = 16 << 20


def echo(value):
    return value


def submit_and_wait(executor, n):
    for i in range(n):
        executor.submit(echo, i).result()


def submit_many(executor, n):
    for future in [executor.submit(echo, i) for i in range(n)]:
        future.result()


def as_completed(executor, n):
    futures = [executor.submit(echo, i) for i in range(n)]
    for future in concurrent.futures.as_completed(futures):
        future.result()


def map_chunks(executor, n):
    for _ in executor.map(echo, range(n * 100), chunksize=100):
        pass


def send_bytes(executor, n):
    value = bytes(LARGE)
    for _ in range(n):
        executor.submit(echo, value).result()


def send_array(executor, n):
    value = numpy.ones(LARGE // 8)
    for _ in range(n):
        executor.submit(echo, value).result()


# Title, function, and how many calls a round has.
ROWS = {
    'wait': ('Submit and wait, one call at a time', submit_and_wait, 300),
    'many': ('Submit many, then wait for each', submit_many, 1000),
    'completed': ('Submit many, as they complete', as_completed, 1000),
    'map': ('Map, in chunks of 100', map_chunks, 100),
    'bytes': ('16 MiB of bytes, and back', send_bytes, 3),
    'array': ('16 MiB of a numpy array, and back', send_array, 3),
}


def measure(function, executor, n):
    start = time.perf_counter()
    function(executor, n)
    return (time.perf_counter() - start) / n * 1e6


def measure_row(function, n, executors, seconds):
    if seconds <= 0:
        n = max(1, n // 50)
    end = time.monotonic() + seconds
    rounds = []
    for executor in executors:
        function(executor, max(1, n // 10))
    while len(rounds) < (MIN_ROUNDS if seconds > 0 else 1) or time.monotonic() < end:
        rounds.append([measure(function, executor, n) for executor in executors])
    return rounds


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 12
    names = sys.argv[2:] or [name for name in ROWS if name != 'array' or numpy is not None]
    print('%-36s %14s %14s %8s %7s' % ('a call, in µs', 'standard', 'PPool', 'faster', 'rounds'))
    with concurrent.futures.ProcessPoolExecutor(N_WORKERS) as standard, \
            PPool.ProcessPoolExecutor(N_WORKERS) as ppool:
        # The standard executor forks, which is to be done before there are threads.
        standard.submit(echo, 1).result()
        for name in names:
            title, function, n = ROWS[name]
            rounds = measure_row(function, n, (standard, ppool), seconds / len(names))
            times = [statistics.median(column) for column in zip(*rounds)]
            print('%-36s %14.1f %14.1f %7.2f× %7d'
                  % (title, *times, statistics.median(one / other for one, other in rounds),
                     len(rounds)), flush=True)


if __name__ == '__main__':
    main()
