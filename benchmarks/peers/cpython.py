# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the process pools of Python: concurrent.futures with processes that are forked
or started anew, and joblib's loky.

cpython.py POOL ROW [KEY=VALUE...], where POOL is fork, spawn or loky: prints one JSON object.
"""

import json
import multiprocessing
import statistics
import sys
import threading
import time

MIN_CALLS, MAX_CALLS = 200, 200000


def echo(value):
    return value


def busy(usec):
    end = time.thread_time() + usec / 1e6
    while time.thread_time() < end:
        pass


def new_pool(kind, max_workers):
    if kind == 'loky':
        from joblib.externals.loky import ProcessPoolExecutor
        return ProcessPoolExecutor(max_workers)
    from concurrent.futures import ProcessPoolExecutor
    return ProcessPoolExecutor(max_workers, mp_context=multiprocessing.get_context(kind))


def submit_many(pool, n):
    return [pool.submit(echo, ('some text', i)) for i in range(n)]


def warm_up(pool):
    """Starts the workers, and returns how many calls a second there can be."""
    for future in submit_many(pool, 200):
        future.result()
    start = time.perf_counter()
    for future in submit_many(pool, 500):
        future.result()
    return 500 / (time.perf_counter() - start)


def scale(rate, seconds):
    return int(min(max(rate * seconds, MIN_CALLS), MAX_CALLS))


def row_submit(pool, seconds=1.0):
    n = scale(warm_up(pool), seconds)
    start = time.perf_counter()
    for future in submit_many(pool, n):
        future.result()
    return {'calls': n, 'rate': n / (time.perf_counter() - start)}


def row_callbacks(pool, seconds=1.0):
    n = scale(warm_up(pool), seconds)
    left, over = n, threading.Event()

    def done(_future):
        nonlocal left
        left -= 1
        if left == 0:
            over.set()

    start = time.perf_counter()
    for i in range(n):
        pool.submit(echo, ('some text', i)).add_done_callback(done)
    over.wait()
    return {'calls': n, 'rate': n / (time.perf_counter() - start)}


def row_call(pool, calls=1000.0):
    warm_up(pool)
    start = time.perf_counter()
    for i in range(int(calls)):
        pool.submit(echo, i).result()
    return {'usec': (time.perf_counter() - start) / calls * 1e6}


def row_busy(pool, usec=1000.0, calls=1000.0):
    warm_up(pool)
    start = time.perf_counter()
    for future in [pool.submit(busy, usec) for _ in range(int(calls))]:
        future.result()
    seconds = time.perf_counter() - start
    return {'seconds': seconds, 'share': calls * usec / 2e6 / seconds}


def row_echo(pool, size=float(1 << 20), seconds=0.5):
    warm_up(pool)
    data = b'\1' * int(size)
    n, start = -2, time.perf_counter()
    while n < 2 or time.perf_counter() - start < seconds:
        if n == 0:
            start = time.perf_counter()
        assert pool.submit(echo, data).result()[-1] == 1
        n += 1
    usec = (time.perf_counter() - start) / n * 1e6
    return {'usec': usec, 'gbytes': 2 * size / usec / 1e3}


def row_start(kind, starts=5.0):
    times = []
    for _ in range(int(starts) + 1):
        start = time.perf_counter()
        pool = new_pool(kind, 1)
        pool.submit(echo, 1).result()
        times.append(time.perf_counter() - start)
        pool.shutdown()
    return {'ms': statistics.median(times[1:]) * 1e3}


ROWS = {'submit': row_submit, 'callbacks': row_callbacks, 'call': row_call, 'busy': row_busy,
        'echo': row_echo}


def main():
    kind, row = sys.argv[1:3]
    options = {key: float(value) for key, value in (arg.split('=') for arg in sys.argv[3:])}
    if row == 'start':
        result = row_start(kind, **options)
    else:
        with new_pool(kind, 2) as pool:
            result = ROWS[row](pool, **options)
    print(json.dumps(result))


if __name__ == '__main__':
    main()
