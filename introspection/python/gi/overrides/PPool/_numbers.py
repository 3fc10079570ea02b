# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Buffers of numbers, such as arrays of numpy, as the bytes of a GLib.Variant: in its types, in the
byte order of the machine, and one after another."""

import array
import struct
import sys

_NATIVE_ORDERS = ('@', '=', '<' if sys.byteorder == 'little' else '>')

# Characters of the module struct.
_KINDS = {'?': bool, **dict.fromkeys('bhilqn', int), **dict.fromkeys('cBHILQN', abs),
          **dict.fromkeys('efd', float)}
# By their kind, where abs is of numbers without a sign, and by their size: the type, the
# character of what is in memory, and of what is sent. There is no type for signed numbers of
# one byte, nor for short floats.
_NUMBERS = {
    (bool, 1): ('b', 'B', 'B'), (abs, 1): ('y', 'B', 'B'), (int, 1): ('n', 'b', 'h'),
    (int, 2): ('n', 'h', 'h'), (int, 4): ('i', 'i', 'i'), (int, 8): ('x', 'q', 'q'),
    (abs, 2): ('q', 'H', 'H'), (abs, 4): ('u', 'I', 'I'), (abs, 8): ('t', 'Q', 'Q'),
    (float, 2): ('d', 'e', 'd'), (float, 4): ('d', 'f', 'd'), (float, 8): ('d', 'd', 'd'),
}
# What other formats are of.
_OTHERS = {'T': 'structures', 'Z': 'complex numbers', 'O': 'Python objects', 's': 'strings',
           'w': 'characters', 'u': 'characters', 'g': 'floats of more than 64 bits'}
# Any byte but zero is true.
_TO_BOOL = b'\0' + b'\1' * 255


def get_view(value):
    """Returns a memoryview of a buffer, or None if a value is none. Raises TypeError for a buffer
    that is not what the value stands for."""
    try:
        view = memoryview(value)
    except TypeError:
        return None
    except (ValueError, BufferError) as error:
        raise TypeError('the items of the %s can\'t be read: %s'
                        % (type(value).__name__, error)) from None
    if getattr(getattr(value, 'dtype', None), 'kind', None) in ('m', 'M'):
        raise TypeError('a %s can\'t be sent: send a number or a text' % type(value).__name__)
    if hasattr(value, 'mask') and hasattr(value, 'filled'):
        raise TypeError('the mask of a %s would be lost: send what its filled() gives'
                        % type(value).__name__)
    return view


def read(view, name):
    """Returns the type of the numbers in a memoryview and their bytes, or raises TypeError if
    it is one of anything else. The name is that of the array's type."""
    order, code, wide_code, kind, string = _look_at(view, name)
    data = view.tobytes()
    if kind is bool:
        return string, data.translate(_TO_BOOL)
    if code == wide_code and order in _NATIVE_ORDERS:
        return string, data
    return string, _get_numbers(data, order, code, wide_code).tobytes()


def read_one(view, name):
    """Returns the number in a memoryview without dimensions."""
    order, code, wide_code, kind, _ = _look_at(view, name)
    number = _get_numbers(view.tobytes(), order, code, wide_code)[0]
    return bool(number) if kind is bool else number


def _look_at(view, name):
    order = view.format[0] if view.format[0] in '@=<>!' else '@'
    character = view.format.removeprefix(order)
    kind = _KINDS.get(character)
    if (kind, view.itemsize) not in _NUMBERS:
        what = next((_OTHERS[letter] for letter in character if letter in _OTHERS),
                    'items that are no numbers')
        raise TypeError('a value of the type %s can\'t be sent if it is of %s (its format is '
                        '“%s”)' % (name, what, view.format))
    string, code, wide_code = _NUMBERS[kind, view.itemsize]
    return order, code, wide_code, kind, string


def _get_numbers(data, order, code, wide_code):
    if code == 'e':
        format = '%s%de' % ('=' if order == '@' else order, len(data) // 2)
        return array.array(wide_code, struct.unpack(format, data))
    numbers = array.array(code, data)
    if order not in _NATIVE_ORDERS:
        numbers.byteswap()
    return numbers if code == wide_code else array.array(wide_code, numbers)
