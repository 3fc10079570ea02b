# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends large things with PPool.ProcessPoolExecutor; names of tests as arguments choose some."""

import array
import gc
import os
import pickle
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

from pool_harness import Gate, check, check_equal, run_tests  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

LARGE = 16 << 20
NO_NUMPY = 'there is no numpy'


def new_executor(max_workers=1):
    return PPool.ProcessPoolExecutor(max_workers)


def echo(value):
    return value


def echo_all(*args, **kwargs):
    return args, kwargs


def make_bytes(n, kind=bytes):
    """Returns bytes none of which are as their neighbours."""
    return kind(bytes(range(251)) * (n // 251 + 1))[:n]


def get_memory():
    """Returns how much memory this process has for itself, in bytes."""
    gc.collect()
    with open('/proc/self/statm') as file:
        resident, shared = map(int, file.read().split()[1:3])
    return (resident - shared) * os.sysconf('SC_PAGE_SIZE')


def fill(value, byte):
    """Changes an argument in place."""
    value[:] = bytes([byte]) * len(value)
    return value


def describe(value):
    return value.flags.writeable, value.flags.aligned, float(value.sum())


def add_in_place(value):
    value += 1
    return value


class Pair:
    """Has buffers within itself."""

    def __init__(self, one, two):
        self.one = one
        self.two = two


def swap(pair):
    return Pair(pair.two, pair.one)


# What is sent in a message, in shared memory, and out of band has its bounds near these.
SIZES = [0, 1, 32768 - 40, 32768, 65535, 65536, 65537, 1 << 20]


def test_bytes():
    with new_executor() as executor:
        for kind in (bytes, bytearray):
            for size in SIZES:
                value = make_bytes(size, kind)
                result = executor.submit(echo, value).result()
                check_equal(type(result), kind)
                check(result == value, kind, size)
                result = executor.submit(echo_all, value, 1, key=value).result()
                check(result == ((value, 1), {'key': value}), kind, size)
            value = make_bytes(LARGE, kind)
            check(executor.submit(echo, value).result() == value)
            check_equal(executor.submit(len, value).result(), LARGE)


class Box:
    def __init__(self, *items):
        self.items = items


def group(*args, **kwargs):
    """Returns which arguments, and items of boxes and lists, are one object."""
    values = []
    for value in (*args, *kwargs.values()):
        values += value.items if type(value) is Box else value if type(value) is list else [value]
    first = {}
    return [first.setdefault(id(value), number) for number, value in enumerate(values)]


def measure_growth_of(*values):
    return get_memory()


def are_same(value):
    return value[0] is value[1]


def test_identity():
    """What is one object in a call is one there too, of whatever size, and is sent once."""
    with new_executor() as executor:
        for size in SIZES[1:]:
            for kind in (bytes, bytearray):
                one, other = make_bytes(size + 1, kind), make_bytes(size + 1, kind)
                for args, kwargs in (((one, one), {}), ((one, other, one), {}),
                                     ((one, ), {'key': one}), ((one, [one, other], other), {}),
                                     (([one], one), {}), ((Box(one, other), one, other), {}),
                                     (([one, one], [one]), {})):
                    check_equal(executor.submit(group, *args, **kwargs).result(),
                                group(*args, **kwargs))
                result = executor.submit(echo_all, one, one, [other, 1], key=other).result()
                check(result == ((one, one, [other, 1]), {'key': other}), kind, size)
                check(result[0][0] is result[0][1] and result[0][2][0] is result[1]['key'])
                for chunksize in (1, 3):
                    check_equal(list(executor.map(group, [one] * 3, [other, one, [one]],
                                                  chunksize=chunksize)),
                                [[0, 1], [0, 0], [0, 0]])
                    check_equal(list(executor.map(are_same, [(one, one), (one, other)],
                                                  chunksize=chunksize)), [True, False])
        # Memory for all of them would be needed in the worker, if they were sent so often.
        value = make_bytes(LARGE)
        before = executor.submit(measure_growth_of, value).result()
        growth = executor.submit(measure_growth_of, *[value] * 20).result() - before
        check(growth < 4 * LARGE, growth)


def test_bytearray_in_place():
    """The function has an argument of its own, and so has who gets the result."""
    with new_executor() as executor:
        value = make_bytes(1 << 20, bytearray)
        before = bytes(value)
        result = executor.submit(fill, value, 7).result()
        check(result == b'\7' * len(value))
        check(value == before)
        fill(result, 8)
        check(result == b'\10' * len(value))


def test_other_buffers():
    with new_executor() as executor:
        value = array.array('d', range(100000))
        check(executor.submit(echo, value).result() == value)
        value = pickle.PickleBuffer(make_bytes(100000))
        check(bytes(executor.submit(bytes, value).result()) == value.raw())
        value = 'text of many letters ' * 100000
        check(executor.submit(echo, value).result() == value)
        value = {i: (str(i), [i]) for i in range(50000)}
        check(executor.submit(echo, value).result() == value)


def test_map():
    with new_executor(2) as executor:
        values = [make_bytes(100000 + i) for i in range(20)]
        for chunksize in (1, 7):
            check(list(executor.map(echo, values, chunksize=chunksize)) == values)


def test_result_is_kept():
    """A result stays as it is, whatever is sent after it and when the executor is gone."""
    with new_executor() as executor:
        value = make_bytes(1 << 20)
        results = [executor.submit(echo, value).result() for _ in range(3)]
        for i in range(5):
            executor.submit(fill, bytearray(1 << 20), i).result()
        check(all(result == value for result in results))


def test_memory():
    """What large values lie in is used again, on both sides."""
    with new_executor() as executor:
        value = make_bytes(LARGE)
        for _ in range(5):
            executor.submit(echo, value).result()
        before = get_memory(), executor.submit(get_memory).result()
        for _ in range(30):
            executor.submit(echo, value).result()
        after = get_memory(), executor.submit(get_memory).result()
    for i in range(2):
        check(after[i] - before[i] < 4 * LARGE, before, after)


def test_array():
    if numpy is None:
        return NO_NUMPY
    with new_executor() as executor:
        for shape in ((0, ), (10, ), (8192, ), (8193, ), (300, 700), (7, 11, 1301)):
            value = numpy.arange(numpy.prod(shape), dtype='f8').reshape(shape)
            result = executor.submit(echo, value).result()
            check(numpy.array_equal(result, value) and result.dtype == value.dtype, shape)
            check(result.flags.writeable and result.flags.aligned, shape)
            for other in (value.T, value[::2], numpy.asfortranarray(value)):
                check(numpy.array_equal(executor.submit(echo, other).result(), other), shape)


def test_array_in_place():
    """An array that can be written to can be in the worker, and what is written stays there."""
    if numpy is None:
        return NO_NUMPY
    with new_executor() as executor:
        value = numpy.zeros(100000)
        result = executor.submit(add_in_place, value).result()
        check_equal((value.sum(), result.sum()), (0, 100000))
        result += 1
        check_equal(result.sum(), 200000)


def test_array_read_only():
    """One that can't is the shared memory itself."""
    if numpy is None:
        return NO_NUMPY
    value = numpy.ones(LARGE // 8)
    value.flags.writeable = False
    with new_executor() as executor:
        check_equal(executor.submit(describe, value).result(), (False, True, LARGE / 8))
        # Nothing of it is in memory of the worker's own.
        before = executor.submit(get_memory).result()
        growth = executor.submit(measure_growth, value).result() - before
        check(growth < LARGE / 4, growth)
        result = executor.submit(echo, value).result()
        check(not result.flags.writeable)
    check(numpy.array_equal(result, value))


def measure_growth(value):
    value.sum()
    return get_memory()


def test_many_buffers():
    if numpy is None:
        return NO_NUMPY
    with new_executor() as executor:
        arrays = [numpy.full(5000 + 3001 * i, i, dtype='i4') for i in range(20)]
        arrays[3].flags.writeable = arrays[9].flags.writeable = False
        results = executor.submit(echo, arrays).result()
        for one, other in zip(arrays, results):
            check(numpy.array_equal(one, other))
            check(one.nbytes < 65536 or one.flags.writeable == other.flags.writeable)
        pair = executor.submit(swap, Pair(arrays[15], arrays[16])).result()
        check(numpy.array_equal(pair.one, arrays[16]) and numpy.array_equal(pair.two, arrays[15]))
        same = executor.submit(echo, [arrays[15]] * 2).result()
        check(same[0] is same[1])


def test_held_in_worker():
    """A worker may keep what it was sent, also what lies in shared memory."""
    if numpy is None:
        return NO_NUMPY
    value = numpy.arange(100000.)
    value.flags.writeable = False
    with new_executor() as executor:
        executor.submit(keep, value).result()
        for i in range(5):
            other = numpy.full(100000, float(i))
            other.flags.writeable = False
            executor.submit(describe, other).result()
        check(numpy.array_equal(executor.submit(get_kept).result(), value))


kept = None


def keep(value):
    global kept
    kept = value


def get_kept():
    return kept


def test_held_call():
    """Arguments that wait for a worker are those of the time of submit()."""
    gate = Gate()
    with new_executor() as executor:
        executor.submit(gate.hold)
        value = make_bytes(1 << 20, bytearray)
        before = bytes(value)
        future = executor.submit(echo, value)
        fill(value, 0)
        gate.open()
        check(future.result() == before)


if __name__ == '__main__':
    sys.exit(run_tests(globals(), sys.argv[1:]))
