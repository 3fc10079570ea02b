# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plain Python values as GLib.Variant, and back. docs/python.md has the table.

Arrays of numbers are never converted one by one: they are bytes to both sides."""

import array
import ctypes
import os

from gi.module import get_introspection_module
from gi.repository import GLib

from . import _numbers

_PPool = get_introspection_module('PPool')
_Variant = GLib.Variant

# From here on bytes are copied by a call that makes no object of its own for them.
_LARGE = 32 * 1024

_types = {}


def _type(string):
    kind = _types.get(string)
    if kind is None:
        if not GLib.VariantType.string_is_valid(string):
            raise ValueError('it is nested too deeply')
        kind = GLib.VariantType.new(string)
        if len(string) < 8:
            _types[string] = kind
    return kind


def _from_data(type_string, data):
    """An array of items of a fixed size, from their bytes. PyGObject takes any others one by
    one."""
    if type(data) is not bytes:
        data = bytes(data)
    return _Variant.new_from_bytes(_type(type_string), GLib.Bytes.new(data), True)


def _from_none(value):
    return _Variant.new_maybe(_type('v'), None)


def _from_int(value):
    if -1 << 63 <= value < 1 << 63:
        return _Variant.new_int64(value)
    if 0 < value < 1 << 64:
        return _Variant.new_uint64(value)
    raise OverflowError('the int has more than 64 bits')


def _from_str(value):
    if '\0' in value:
        raise ValueError('the str has a NUL character')
    return _Variant.new_string(value)


def _from_bytes(value):
    return _from_data('ay', value)


def _from_memoryview(value):
    return _from_data('ay', value.tobytes())


def _from_ints(value):
    try:
        return _from_data('ax', array.array('q', value).tobytes())
    except OverflowError:
        pass
    try:
        return _from_data('at', array.array('Q', value).tobytes())
    except OverflowError:
        return _from_items(value)


def _from_strs(value):
    if '\0' in ''.join(value):
        raise ValueError('a str has a NUL character')
    return _Variant.new_strv(value)


_LISTS = {
    bool: lambda value: _from_data('ab', bytes(value)),
    int: _from_ints,
    float: lambda value: _from_data('ad', array.array('d', value).tobytes()),
    str: _from_strs,
}


def _from_items(value):
    children = [_encode(item) for item in value]
    types = {child.get_type_string() for child in children}
    if len(types) == 1:
        return _Variant.new_array(_type(types.pop()), children)
    return _Variant.new_array(_type('v'), [_Variant.new_variant(child) for child in children])


def _from_list(value):
    kinds = set(map(type, value))
    return (_LISTS.get(kinds.pop(), _from_items) if len(kinds) == 1 else _from_items)(value)


def _from_tuple(value):
    return _Variant.new_tuple(*[_encode(item) for item in value])


def _from_dict(value):
    entries = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError('the keys of a dict must be str, not %s' % type(key).__name__)
        entries.append(_Variant.new_dict_entry(_from_str(key),
                                               _Variant.new_variant(_encode(item))))
    return _Variant.new_array(_type('{sv}'), entries)


_ENCODERS = {
    type(None): _from_none,
    bool: _Variant.new_boolean,
    int: _from_int,
    float: _Variant.new_double,
    str: _from_str,
    bytes: _from_bytes,
    bytearray: _from_bytes,
    memoryview: _from_memoryview,
    list: _from_list,
    tuple: _from_tuple,
    dict: _from_dict,
    GLib.Variant: lambda value: value,
}


def _from_other(value):
    """The value of a type of the program's own, or of another library."""
    for kind, encode in _ENCODERS.items():
        if isinstance(value, kind):
            return encode(value)
    if isinstance(value, _PPool.Buffer):
        return value.to_variant(None)
    view = _numbers.get_view(value)
    if view is not None:
        return _from_buffer(view, type(value).__name__)
    if hasattr(type(value), '__index__'):
        return _from_int(value.__index__())
    if isinstance(value, os.PathLike):
        return _encode(os.fspath(value))
    raise TypeError('a value of the type %s can\'t be sent' % type(value).__name__)


def _from_buffer(view, name):
    """Numbers as an array, those of several dimensions as arrays in arrays, and that of none as
    itself."""
    if view.ndim == 0:
        return _encode(_numbers.read_one(view, name))
    string, data = _numbers.read(view, name)
    return _nest(string, data, view.shape)


def _nest(string, data, shape):
    n, *rest = shape
    if not rest:
        return _from_data('a' + string, data)
    size = len(data) // n if n > 0 else 0
    return _Variant.new_array(_type('a' * len(rest) + string), [
        _nest(string, data[i * size:(i + 1) * size], rest) for i in range(n)])


def _encode(value):
    return _ENCODERS.get(type(value), _from_other)(value)


def _locate(value, where):
    """Says which part of a value can't be converted."""
    if isinstance(value, dict):
        parts = [('%s[%r]' % (where, key), item) for key, item in value.items()
                 if isinstance(key, str)]
    elif isinstance(value, (list, tuple)):
        parts = [('%s[%d]' % (where, i), item) for i, item in enumerate(value)]
    else:
        parts = []
    for inner, item in parts:
        try:
            _encode(item)
        except (TypeError, ValueError, OverflowError):
            return _locate(item, inner)
    return where


def _explain(error, value, where):
    """The error of a value, with the place where it happened."""
    if isinstance(error, RecursionError):
        return ValueError('%s: it is nested too deeply' % where)
    kind = next((kind for kind in (OverflowError, TypeError) if isinstance(error, kind)),
                ValueError)
    return kind('%s: %s' % (_locate(value, where), error))


_PROBLEMS = (TypeError, ValueError, OverflowError, RecursionError)


def to_variant(value, where='the value'):
    """Returns the GLib.Variant of a plain value.

    Raises TypeError for a value without a type there, ValueError for a str that is not Unicode or
    has a NUL, OverflowError for an int of more than 64 bits.
    """
    try:
        return _encode(value)
    except _PROBLEMS as error:
        raise _explain(error, value, where) from None


def check_name(name, what='the function'):
    """Raises TypeError for what is no name, and ValueError for one that C would cut off;
    programs that come from concurrent.futures give the function itself."""
    if isinstance(name, str):
        if '\0' in name:
            raise ValueError('the name of %s has a NUL: %r' % (what, name))
        return
    if callable(name) and isinstance(getattr(name, '__name__', None), str):
        raise TypeError('%s must be given by its name in the worker, a str such as %r, and not '
                        'itself; PPool.ProcessPoolExecutor takes functions'
                        % (what, name.__name__))
    raise TypeError('%s must be given by its name, a str, not %s' % (what, type(name).__name__))


def arguments_to_variant(function, args):
    """The value that a call sends: none is (), one is itself, unless that is a tuple;
    else all are a tuple. So a tuple always is the arguments."""
    if not args:
        return None
    try:
        if len(args) == 1 and not isinstance(args[0], tuple):
            return _encode(args[0])
        return _from_tuple(args)
    except _PROBLEMS:
        pass
    for number, arg in enumerate(args, 1):
        to_variant(arg, 'argument %d of “%s”' % (number, function))
    raise ValueError('the arguments of “%s” can\'t be sent' % function)


def variant_to_arguments(variant):
    """The arguments of a Python function, from the value that came."""
    value = from_variant(variant)
    return value if variant.get_type_string()[0] == '(' else (value, )


def result_to_variant(function, value):
    """The result of a Python function as the value of its call. None is the empty tuple, as
    in other languages; so that one is put in a box."""
    if value is None:
        return UNIT
    variant = to_variant(value, 'the result of “%s”' % function)
    if variant is not value and variant.get_type_string() == '()':
        return _Variant.new_variant(variant)
    return variant


def variant_to_result(variant):
    return None if variant.get_type_string() == '()' else from_variant(variant)


def _to_bytes(variant):
    size = variant.get_size()
    if size < _LARGE:
        return variant.get_data_as_bytes().get_data()
    return ctypes.string_at(variant.get_data(), size)


def _decode_numbers(code):
    return lambda variant: memoryview(_to_bytes(variant)).cast(code).tolist()


_DECODERS = {
    'b': _Variant.get_boolean,
    'y': _Variant.get_byte,
    'n': _Variant.get_int16,
    'q': _Variant.get_uint16,
    'i': _Variant.get_int32,
    'u': _Variant.get_uint32,
    'x': _Variant.get_int64,
    't': _Variant.get_uint64,
    'h': _Variant.get_handle,
    'd': _Variant.get_double,
    's': _Variant.get_string,
    'o': _Variant.get_string,
    'g': _Variant.get_string,
    '()': lambda variant: (),
    'as': _Variant.get_strv,
    'ay': _to_bytes,
    'ab': _decode_numbers('?'),
    'an': _decode_numbers('h'),
    'aq': _decode_numbers('H'),
    'ai': _decode_numbers('i'),
    'au': _decode_numbers('I'),
    'ah': _decode_numbers('i'),
    'ax': _decode_numbers('q'),
    'at': _decode_numbers('Q'),
    'ad': _decode_numbers('d'),
}


def _children(variant):
    return [from_variant(variant.get_child_value(i)) for i in range(variant.n_children())]


def from_variant(variant):
    """Returns the plain value of a GLib.Variant: as GLib.Variant.unpack(), but with bytes for an
    array of bytes, and without converting numbers of arrays one by one."""
    string = variant.get_type_string()
    decode = _DECODERS.get(string)
    if decode is not None:
        return decode(variant)
    if string[0] == 'v':
        return from_variant(variant.get_variant())
    if string[0] == 'm':
        return from_variant(variant.get_child_value(0)) if variant.n_children() else None
    if string.startswith('a{'):
        return dict(_children(variant))
    return _children(variant) if string[0] == 'a' else tuple(_children(variant))


UNIT = _Variant.new_tuple()
