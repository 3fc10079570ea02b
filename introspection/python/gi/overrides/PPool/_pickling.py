# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python objects as values of type ``ay``, and back.

A small object is its pickle and nothing else. Large buffers (of arrays, and of bytes
and bytearrays that are arguments or results themselves) are not in the pickle but
behind it, where the receiver sees them without a copy::

    0                    a zero byte, which no pickle begins with
    1                    a byte that is 1 if there are two pickles, read as one stream: the
                         first has what the second refers to by its memo, and is dropped
    4                    how many buffers there are, as a 32-bit number
    8                    the size of the pickle, as a 64-bit number
    16                   for each buffer twice its size, plus 1 if it is read-only
    16 + 8 n             the pickle
    multiples of 64      each buffer

Numbers are in the byte order of the machine, as both ends run on it.

What is larger than a message should be is written to memory that the receiver sees too:
each byte is copied once at this end. At the other end a read-only buffer is used where it
is. Others are copied into memory of the receiver's own, as functions may change their
arguments in place and the sender must not see that.
"""

import copyreg
import ctypes
import io
import pickle
import struct
import types

from gi.module import get_introspection_module
from gi.repository import GLib

_PPool = get_introspection_module('PPool')

# From here on a buffer is not a part of the pickle. (pickle itself has no copy made of
# smaller objects.)
LARGE = 64 * 1024
# From here on values travel in shared memory.
_SHARED = 32 * 1024
_ALIGNMENT = 64
_HEADER = struct.Struct('=BB2xIQ')
_ANY_BYTES = GLib.VariantType.new('ay')

_new_bytes = GLib.Bytes.new
_new_variant = GLib.Variant.new_from_bytes
_get_data = GLib.Variant.get_data
_get_size = GLib.Variant.get_size
_new_buffer = _PPool.Buffer.new
_to_variant = _PPool.Buffer.to_variant
# What has neither buffers nor a reducer.
_ATOMS = frozenset([type(None), bool, int, float, str])
_FUNCTION = types.FunctionType
_FLAT_TYPES = frozenset([bytes, bytearray])
_reducers = {}


def use_reducers(reducers):
    """Has the pickles know what multiprocessing knows of: connections, sockets, locks."""
    global _reducers
    _reducers = reducers


class _Flat:
    """Stands for large bytes, which pickle would copy: they are rebuilt from a buffer."""

    __slots__ = ('value',)

    def __init__(self, value):
        self.value = value

    def __reduce_ex__(self, protocol):
        # Read-only for a bytearray as well: it is copied anyway when it is rebuilt.
        view = memoryview(self.value).toreadonly()
        return type(self.value), (pickle.PickleBuffer(view),)


def flatten_all(values):
    """Returns the items of a tuple or a list with large bytes replaced, each object by one, for
    a pickle that is made elsewhere."""
    flat = {id(value): _Flat(value) for value in _find_large(values)}
    return type(values)(flat.get(id(value), value) for value in values) if flat else values


def dumps_call(fn, args, kwargs, candidates=None):
    """Returns a GLib.Variant with what is to be called, or raises what pickling raised. The
    candidates for bytes that aren't copied into the pickle are by default the arguments."""
    if type(fn) is _FUNCTION and not kwargs and _ATOMS.issuperset(map(type, args)):
        return _to_value(pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL))
    if candidates is None:
        candidates = (*args, *kwargs.values())
    return dumps((fn, args, kwargs), candidates)


def dumps(value, candidates=()):
    """Returns a GLib.Variant with a picklable object, or raises what pickling raised. Large bytes
    among the candidates, which are parts of it, are not copied into the pickle."""
    if type(value) in _ATOMS:
        return _to_value(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    buffers = []

    def take(buffer):
        raw = buffer.raw()
        if raw.nbytes < LARGE:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL, True, take)
    pickler.dispatch_table = {**copyreg.dispatch_table, **_reducers}
    flat = [_Flat(item) for item in _find_large(candidates)]
    if flat:
        pickler.dump(flat)
        _replace_in_memo(pickler)
    pickler.dump(value)
    if not buffers:
        return _to_value(stream.getvalue())
    return _lay_out(stream.getbuffer(), buffers, bool(flat))


def _find_large(candidates):
    """Returns the large bytes among some values, each object once."""
    if _FLAT_TYPES.isdisjoint(map(type, candidates)):
        return ()
    return {id(value): value for value in candidates
            if type(value) in _FLAT_TYPES and len(value) >= LARGE}.values()


def _replace_in_memo(pickler):
    """Has a pickler take bytes for what it has pickled in their place. Wherever it comes upon
    them from now on, they are the same object."""
    memo = {}
    for key, (index, value) in pickler.memo.copy().items():
        if type(value) is _Flat:
            value = value.value
            key = id(value)
        memo[key] = index, value
    pickler.memo = memo


def _to_value(stream):
    if len(stream) < _SHARED:
        return _new_variant(_ANY_BYTES, _new_bytes(stream), True)
    return _write(len(stream), [(0, stream)])


def _lay_out(stream, buffers, has_two_pickles):
    sizes = [raw.nbytes << 1 | raw.readonly for raw in buffers]
    head = _HEADER.pack(0, has_two_pickles, len(buffers), len(stream))
    head += struct.pack('=%dQ' % len(sizes), *sizes)
    parts = [(0, head), (len(head), stream)]
    end = len(head) + len(stream)
    for raw in buffers:
        start = _align(end)
        parts.append((start, raw))
        end = start + raw.nbytes
    return _write(end, parts)


def _align(offset):
    return (offset + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _write(size, parts):
    """Makes a value of parts at offsets. The memory of a buffer is filled through its
    value, as the binding gives a copy of the buffer's own; nobody else has it yet."""
    variant = _to_variant(_new_buffer(size), _ANY_BYTES)
    target = memoryview((ctypes.c_char * size).from_address(_get_data(variant))).cast('B')
    for offset, part in parts:
        target[offset:offset + len(part)] = part
    return variant


def loads(variant):
    """Returns the object that is in a value, or raises what unpickling raised. The object may
    have read-only buffers that are the value's memory, and then holds the value."""
    size = _get_size(variant)
    if size < _SHARED:
        view = ctypes.string_at(_get_data(variant), size)
    else:
        memory = (ctypes.c_char * size).from_address(_get_data(variant))
        memory.variant = variant
        view = memoryview(memory).cast('B').toreadonly()
    if view[:1] == b'\x80':
        return pickle.loads(view)
    return _load_parts(memoryview(view))


def _load_parts(view):
    _, has_two_pickles, n_buffers, stream_size = _HEADER.unpack_from(view)
    sizes = struct.unpack_from('=%dQ' % n_buffers, view, _HEADER.size)
    start = _HEADER.size + 8 * n_buffers
    end = start + stream_size
    stream = view[start:end]
    buffers = []
    for size in sizes:
        start = _align(end)
        end = start + (size >> 1)
        part = view[start:end]
        buffers.append(part if size & 1 else bytearray(part))
    if not has_two_pickles:
        return pickle.loads(stream, buffers=buffers)
    unpickler = pickle.Unpickler(io.BytesIO(stream), buffers=buffers)
    unpickler.load()
    return unpickler.load()
