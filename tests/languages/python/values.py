# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plain values to a worker and back: through a function in C, which sees only the
GLib.Variant, and through one in Python."""

import array
import collections
import ctypes
import enum
import math
import os
import pathlib

try:
    import numpy
except ImportError:
    numpy = None

from support import (C_WORKER, PYTHON_WORKER, check, check_equal, check_raises, check_same, main,
                     new_executor)
from gi.repository import GLib, PPool

MIN_INT, MAX_INT, MAX_UINT = -1 << 63, (1 << 63) - 1, (1 << 64) - 1

# What comes back is the same, and has this type on its way.
SAME = [
    (None, 'mv'), (True, 'b'), (False, 'b'),
    (0, 'x'), (-1, 'x'), (MIN_INT, 'x'), (MAX_INT, 'x'), (MAX_INT + 1, 't'), (MAX_UINT, 't'),
    (0.0, 'd'), (-0.0, 'd'), (1e308, 'd'), (5e-324, 'd'), (math.inf, 'd'), (-math.inf, 'd'),
    ('', 's'), ('Grüße, 世界 🌍', 's'), ('\x01\x7f\u2028\U0010ffff', 's'),
    ('x' * 1000000, 's'),
    (b'', 'ay'), (b'\0', 'ay'), (bytes(range(256)), 'ay'), (bytes(32767), 'ay'),
    (b'x' * (1 << 20), 'ay'),
    ([], 'av'), ([1, 2], 'ax'), ([MIN_INT, MAX_INT], 'ax'), ([0, MAX_UINT], 'at'),
    ([-1, MAX_UINT], 'av'), ([1.5, math.inf], 'ad'), ([True, False], 'ab'),
    (['a', '', 'ü'], 'as'), ([b'a', b''], 'aay'), ([None], 'amv'), ([1, 1.0], 'av'),
    ([True, 1], 'av'), ([1, 'a', None, b'', []], 'av'), ([[1], [2, 3]], 'aax'),
    ([[1], []], 'av'), ([(1, 'a'), (2, 'b')], 'a(xs)'), ([{}], 'aa{sv}'),
    (list(range(100000)), 'ax'), (['x'] * 1000, 'as'),
    ({}, 'a{sv}'), ({'': 1, 'ü': None, 'b': [1, {'c': ()}]}, 'a{sv}'),
    ({str(i): i for i in range(1000)}, 'a{sv}'),
]
INSIDE = [((), '()'), ((1, ), '(x)'), (((), ((), )), '(()(()))'), ((1, 'a', None), '(xsmv)')]


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


class Index:
    def __index__(self):
        return 7


Point = collections.namedtuple('Point', 'x y')

# What comes back is of the plain type.
PLAIN = [
    (bytearray(b'abc'), 'ay', b'abc'), (memoryview(b'abc'), 'ay', b'abc'),
    (memoryview(bytearray(b'abcdef'))[::2], 'ay', b'ace'),
    (memoryview(array.array('d', [1.0])), 'ay', array.array('d', [1.0]).tobytes()),
    (memoryview(b''), 'ay', b''),
    (array.array('d', [1.5, 2]), 'ad', [1.5, 2.0]), (array.array('q'), 'ax', []),
    (array.array('i', [-1]), 'ai', [-1]), (array.array('H', [65535]), 'aq', [65535]),
    (Number.ONE, 'x', 1), (Text('a'), 's', 'a'), ([Text('a'), 'b'], 'as', ['a', 'b']),
    (array.array('b', [-1, 127]), 'an', [-1, 127]), (array.array('B', [255]), 'ay', b'\xff'),
    (array.array('f', [0.5, -math.inf]), 'ad', [0.5, -math.inf]),
    ((ctypes.c_int * 2)(1, -1), 'ai', [1, -1]),
    (((ctypes.c_double * 2) * 3)(), 'aad', [[0.0, 0.0]] * 3),
    ((ctypes.c_int16.__ctype_be__ * 2)(1, -2), 'an', [1, -2]),
    (memoryview(array.array('f', [1.0])), 'ay', array.array('f', [1.0]).tobytes()),
    (memoryview((ctypes.c_int16.__ctype_be__ * 2)(1, 2)), 'ay', b'\0\1\0\2'),
    (pathlib.Path('/a/ü'), 's', '/a/ü'), (pathlib.PurePosixPath('b'), 's', 'b'),
    (Index(), 'x', 7), (collections.OrderedDict(a=1), 'a{sv}', {'a': 1}),
]


def check_nan(value):
    check(isinstance(value, float) and math.isnan(value), value)


def test_same(executor):
    for value, type_string in SAME:
        check_equal(executor.submit('type', value).result(), type_string)
        check_same(executor.call_sync('echo', value), value)
        check_same(PPool.from_variant(PPool.to_variant(value)), value)
    check_nan(executor.call_sync('echo', math.nan))


def test_inside(executor):
    """A tuple on its own is the arguments, so one argument that is a tuple is put in one."""
    for value, type_string in INSIDE:
        check_equal(executor.submit('type', value).result(), '(%s)' % type_string)
        check_same(executor.call_sync('echo', value), (value, ))
        check_same(executor.call_sync('echo', [value, value]), [value, value])


def test_plain(executor):
    for value, type_string, wanted in PLAIN:
        check_equal(executor.submit('type', value).result(), type_string)
        check_same(executor.call_sync('echo', value), wanted)
    check_same(executor.call_sync('echo', [Point(1, 2)]), [(1, 2)])


def test_arguments(executor):
    check_equal(executor.submit('type').result(), '()')
    check(executor.call_sync('echo') is None)
    check_same(executor.call_sync('echo', 1, 'a'), (1, 'a'))
    check_same(executor.call_sync('echo', (1, ), 2), ((1, ), 2))


def test_variants(executor):
    for variant in (GLib.Variant('(yqa{ix})', (1, 2, {3: 4})), GLib.Variant('()', ()),
                    GLib.Variant('o', '/a'), GLib.Variant('mmi', None)):
        check_equal(executor.submit('echo', variant).result_variant(), variant)
        check_equal(executor.submit('echo', 1, [variant]).result_variant().get_type_string(),
                    '(xa%s)' % variant.get_type_string())
    check_same(executor.call_sync('echo', {'a': GLib.Variant('y', 1)}), {'a': 1})
    check_same(executor.call_sync('echo', [GLib.Variant('y', 1), GLib.Variant('s', 'a')]), [1, 'a'])


def test_unpack(executor):
    """Types that no plain value has."""
    for variant, wanted in (
            (GLib.Variant('a{ix}', {1: 2}), {1: 2}),
            (GLib.Variant('{sv}', ('a', GLib.Variant('b', True))), ('a', True)),
            (GLib.Variant('aq', [1, 65535]), [1, 65535]),
            (GLib.Variant('an', [-1]), [-1]), (GLib.Variant('au', [1 << 31]), [1 << 31]),
            (GLib.Variant('ai', []), []), (GLib.Variant('ah', [1]), [1]),
            (GLib.Variant('(ynqiuxtdogsh)', (1, 2, 3, 4, 5, 6, 7, 8.5, '/', 'i', 's', 0)),
             (1, 2, 3, 4, 5, 6, 7, 8.5, '/', 'i', 's', 0)),
            (GLib.Variant('v', GLib.Variant('v', GLib.Variant('i', 1))), 1),
            (GLib.Variant('ms', None), None), (GLib.Variant('ms', 'a'), 'a'),
            (GLib.Variant('ao', ['/a']), ['/a'])):
        check_same(PPool.from_variant(variant), wanted)


def test_buffer(executor):
    buffer = PPool.Buffer.new(100000)
    view = buffer.view()
    check_equal((len(view), len(buffer)), (100000, 100000))
    view[:] = b'ab' * 50000
    check_same(executor.call_sync('echo', buffer), b'ab' * 50000)
    check_same(executor.call_sync('echo', [PPool.Buffer.new_from_bytes(GLib.Bytes.new(b'a'))]),
               [b'a'])
    check(PPool.Buffer.new(0) is not None and not len(PPool.Buffer.new(0).view()))


def get_arrays():
    """Arrays of numpy, with the types that are sent for their numbers."""
    for kind, string in (('?', 'b'), ('u1', 'y'), ('u2', 'q'), ('u4', 'u'), ('u8', 't'),
                         ('i1', 'n'), ('i2', 'n'), ('i4', 'i'), ('i8', 'x'), ('f2', 'd'),
                         ('f4', 'd'), ('f8', 'd')):
        for order in '<>':
            for shape in ((), (0, ), (6, ), (2, 3), (2, 3, 4), (3, 0), (0, 3), (1, 1, 1, 1)):
                size = math.prod(shape)
                value = (numpy.arange(size) * (-1 if kind[0] in 'if' else 1)).reshape(shape)
                value = numpy.array(value).astype(order + kind)
                yield value, string
                yield value.T, string
                yield numpy.asfortranarray(value), string
                if len(shape) > 0 and size > 0:
                    yield value[::-1], string
                    yield value[..., ::2], string


def check_array(executor, value, string):
    prefix = 'a' * value.ndim + string
    result = executor.submit('echo', value).result()
    wanted = value.tolist()
    if value.ndim == 0:
        check_same(result, wanted)
        return
    check_equal(executor.submit('type', value).result(), prefix)
    check_same(result, to_bytes(value) if string == 'y' else wanted)


def to_bytes(value):
    """What an array of bytes comes back as."""
    return value.tobytes() if value.ndim == 1 else [to_bytes(part) for part in value]


def test_numpy(executor):
    """Arrays of each type, shape and order, as they are, in a list and in a dictionary."""
    if numpy is None:
        return
    for value, string in get_arrays():
        check_array(executor, value, string)
    value = numpy.arange(6.).reshape(2, 3)
    check_same(executor.call_sync('echo', [value, value]), [value.tolist()] * 2)
    check_same(executor.call_sync('echo', {'a': value, 'b': (1, value[0])}),
               {'a': value.tolist(), 'b': (1, value[0].tolist())})
    value = numpy.array([0, 2, 255], dtype='u1').view('?')
    check_same(executor.call_sync('echo', value), [False, True, True])
    value = numpy.arange(1 << 20, dtype='f4')
    check_same(executor.call_sync('echo', value), value.tolist())
    # Without a conversion to Python's numbers.
    value = numpy.linspace(0, 1, 100000)
    variant = executor.submit('echo', value).result_variant()
    result = numpy.frombuffer(variant.get_data_as_bytes().get_data())
    check(numpy.array_equal(result, value))


def test_numpy_scalars(executor):
    if numpy is None:
        return
    for value, string, wanted in (
            (numpy.float64(1.5), 'd', 1.5), (numpy.float32(0.5), 'd', 0.5),
            (numpy.float16(0.5), 'd', 0.5), (numpy.int8(-1), 'x', -1),
            (numpy.uint8(255), 'x', 255), (numpy.int64(-5), 'x', -5),
            (numpy.uint64(MAX_UINT), 't', MAX_UINT), (numpy.bool_(True), 'b', True),
            (numpy.str_('a'), 's', 'a'), (numpy.bytes_(b'a'), 'ay', b'a'),
            ([numpy.float32(1), numpy.float32(2)], 'ad', [1.0, 2.0]),
            ([numpy.int16(1), numpy.int16(2)], 'ax', [1, 2])):
        check_equal(executor.submit('type', value).result(), string)
        check_same(executor.call_sync('echo', value), wanted)


def test_numpy_refused(executor):
    """The message says what the array is of."""
    if numpy is None:
        return
    for value, about in (
            (numpy.zeros(3, 'c16'), 'complex numbers'), (numpy.complex64(1), 'complex numbers'),
            (numpy.zeros(3, [('a', 'i4'), ('b', 'f8')]), 'structures'),
            (numpy.zeros(3, 'g'), 'more than 64 bits'), (numpy.longdouble(1), 'more than 64 bits'),
            (numpy.array(['a']), 'characters'), (numpy.array([b'a']), 'strings'),
            (numpy.array([None]), 'Python objects'), (numpy.zeros(3, 'M8[s]'), 'dtype \'M\''),
            (numpy.datetime64('2020'), 'datetime64'), (numpy.timedelta64(1, 's'), 'timedelta64'),
            (numpy.array(1 + 0j), 'complex numbers'), (numpy.void(b'abc'), 'no numbers'),
            (numpy.ma.array([1, 2], mask=[0, 1]), 'filled()')):
        error = check_raises(TypeError, executor.submit, 'mean', value)
        check(str(error).startswith('argument 1 of “mean”: '), error)
        check(about in str(error), error)


def test_numpy_worker(executor):
    if numpy is None:
        return
    with new_executor(PYTHON_WORKER) as executor:
        for value, string in get_arrays():
            if value.ndim != 2 or string in 'by':
                continue
            check_same(executor.call_sync('echo', value), value.tolist())
        check_same(executor.call_sync('give', '__import__("numpy").arange(3.)'), [0.0, 1.0, 2.0])
        check_same(executor.call_sync('give', '__import__("numpy").eye(2, dtype="f4")'),
                   [[1.0, 0.0], [0.0, 1.0]])
        check_same(executor.call_sync('give', '__import__("numpy").float32(1)'), 1.0)
        check_same(executor.call_sync('give', '__import__("pathlib").Path("a")'), 'a')
        error = check_raises(TypeError, executor.call_sync, 'give',
                             '__import__("numpy").zeros(1, "c16")')
        check('the result of “give”: ' in str(error) and 'complex' in str(error), error)


def test_path_that_is_no_text(executor):
    error = check_raises(ValueError, executor.submit, 'echo', pathlib.Path(os.fsdecode(b'\xff')))
    check('surrogates' in str(error), error)


def test_refused(executor):
    """The error says where it is, and the executor goes on."""
    circle = []
    circle.append(circle)
    for kind, value, place, about in (
            (TypeError, object(), '', 'object'), (TypeError, {1, 2}, '', 'set'),
            (TypeError, {1: 2}, '', 'must be str'),
            (TypeError, {'a': [0, 1j]}, "['a'][1]", 'complex'),
            (OverflowError, 1 << 64, '', '64 bits'), (OverflowError, MIN_INT - 1, '', '64 bits'),
            (OverflowError, (1, [-1, 1 << 64]), '[1][1]', '64 bits'),
            (ValueError, 'a\0b', '', 'NUL'), (ValueError, ['a', 'b\0'], '', 'NUL'),
            (ValueError, {'a\0': 1}, '', 'NUL'), (ValueError, '\ud800', '', 'surrogates'),
            (ValueError, [circle], '', 'deep')):
        error = check_raises(kind, executor.submit, 'some-name', 1, value)
        check(str(error).startswith('argument 2 of “some-name”' + place), error)
        check(about in str(error), error)
        check_raises(kind, executor.submit, 'some-name', value)
        check_raises(kind, PPool.to_variant, value)
    check_equal(executor.call_sync('echo', 1), 1)


def test_python_worker(executor):
    with new_executor(PYTHON_WORKER) as executor:
        for value, _ in SAME + INSIDE:
            check_same(executor.call_sync('echo', value), value)
        check_nan(executor.call_sync('echo', math.nan))
        check_equal(executor.call_sync('tell-args'), '()')
        check_equal(executor.call_sync('tell-args', 1, (2, ), None), '(1, (2,), None)')
        check_equal(executor.call_sync('tell-args', (1, 2)), '((1, 2),)')
        check_equal(executor.call_sync('tell-args', GLib.Variant('(yb)', (1, True))), '(1, True)')
        check_equal(executor.call_sync('tell-args', GLib.Variant('y', 1)), '(1,)')
        check_equal(executor.call_sync('give-type', b'', [], {}, True),
                    ['bytes', 'list', 'dict', 'bool'])
        check_same(executor.call_sync('give', '()'), ())
        check_same(executor.call_sync('give', '((), 1)'), ((), 1))
        check(executor.call_sync('give', 'None') is None)
        check_equal(executor.submit('give', 'None').result_variant().get_type_string(), '()')
        check_equal(executor.submit('give', 'GLib.Variant("()", ())').result_variant(),
                    GLib.Variant('()', ()))
        error = check_raises(TypeError, executor.call_sync, 'give', '[1, {2}]')
        check(str(error).startswith('the result of “give”[1]: '), error)
        check_equal(executor.call_sync('echo', 1), 1)


main(globals(), C_WORKER)
