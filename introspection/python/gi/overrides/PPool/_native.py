# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callbacks without PyGObject's closures. Before 3.44.2 PyGObject never freed the native
part of one, some 100 bytes a callback; and one function for all calls is quicker than a new
one for each. The price is that this module knows addresses: that of an object is its hash."""

import ctypes
import itertools
import os

import gi
from gi._gi import pygobject_new_full
from gi.module import get_introspection_module
from gi.repository import Gio, GLib

_pointer, _int = ctypes.c_void_p, ctypes.c_int


def _check_addresses():
    """Nothing promises that a hash is an address, and with anything else in its place C would
    crash. So it is compared with the address that PyGObject prints, for both kinds of objects
    that are given to C."""
    for sample in (Gio.Cancellable.new(), GLib.MainContext.new()):
        if ' at %#x)' % hash(sample) not in repr(sample):
            raise ImportError('The Python override of PPool can\'t work with PyGObject %d.%d.%d, as '
                              'hash() does not give the address of %r there'
                              % (*gi.version_info, sample))


_check_addresses()

# The typelib knows where the library is; once a type of it is there, its name is enough.
_loaded = get_introspection_module('PPool').Future.__gtype__
_glib = ctypes.CDLL('libglib-2.0.so.0')
_ppool = ctypes.CDLL('libppool-glib-1.0.so.0')
_AsyncReadyCallback = ctypes.CFUNCTYPE(None, _pointer, _pointer, _pointer)
_FutureFunc = ctypes.CFUNCTYPE(None, _pointer, _pointer)
_SourceFunc = ctypes.CFUNCTYPE(_int, _pointer)

# What waits to be called; C has the number.
_waiting = {}
_numbers = itertools.count(1)


def _declare(library, name, result, *args):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = args
    return function


@_AsyncReadyCallback
def _on_ready(source, result, number):
    function = _waiting.pop(number, None)
    if function is not None:
        function(pygobject_new_full(result, False))


@_FutureFunc
def _on_done(future, number):
    entry = _waiting.pop(number, None)
    if entry is not None:
        function, *args = entry
        function(*args)


@_SourceFunc
def _on_idle(number):
    function, *args = _waiting.pop(number)
    function(*args)
    return False


def _note(entry):
    number = next(_numbers)
    _waiting[number] = entry
    return number


def forget(number):
    """Lets go of what waits, so that it is never called."""
    _waiting.pop(number, None)


_add_done_callback = _declare(_ppool, 'ppool_future_add_done_callback', ctypes.c_uint,
                              _pointer, _FutureFunc, _pointer, _pointer)
_remove_done_callback = _declare(_ppool, 'ppool_future_remove_done_callback', None,
                                 _pointer, ctypes.c_uint)


def add_done_callback(future, function, *args):
    """Has function(*args) called in the thread-default context when a future is done; gives
    what remove_done_callback() wants."""
    number = _note((function, *args))
    return number, _add_done_callback(hash(future), _on_done, number, None)


def remove_done_callback(future, callback):
    forget(callback[0])
    _remove_done_callback(hash(future), callback[1])


def _declare_async(name, *args):
    return _declare(_ppool, name, None, *args, _pointer, _AsyncReadyCallback, _pointer)


_next_value = _declare_async('ppool_map_next_value_async', _pointer)
_next_future = _declare_async('ppool_as_completed_next_future_async', _pointer)
_shutdown = _declare_async('ppool_executor_shutdown_async', _pointer, _int)
_wait_futures = _declare_async('ppool_wait_futures_async', _pointer, ctypes.c_size_t, _int, _int)


# Each starts an operation, whose result a function gets; and gives the number of that.

def next_value(values, cancellable, function):
    number = _note(function)
    _next_value(hash(values), hash(cancellable), _on_ready, number)
    return number


def next_future(futures, cancellable, function):
    number = _note(function)
    _next_future(hash(futures), hash(cancellable), _on_ready, number)
    return number


def shutdown(executor, flags, cancellable, function):
    number = _note(function)
    _shutdown(hash(executor), int(flags), hash(cancellable), _on_ready, number)
    return number


def wait_futures(futures, return_when, timeout_msec, cancellable, function):
    number = _note(function)
    addresses = (_pointer * len(futures))(*map(hash, futures))
    _wait_futures(addresses, len(futures), int(return_when), timeout_msec, hash(cancellable),
                  _on_ready, number)
    return number


def new_context(flags=GLib.MainContextFlags.NONE):
    """Makes a context, or raises OSError where GLib would end the program, since it has no file
    descriptors for it."""
    for number in os.pipe():
        os.close(number)
    return GLib.MainContext.new_with_flags(flags)


_idle_source_new = _declare(_glib, 'g_idle_source_new', _pointer)
_source_set_priority = _declare(_glib, 'g_source_set_priority', None, _pointer, _int)
_source_set_callback = _declare(_glib, 'g_source_set_callback', None, _pointer, _SourceFunc,
                                _pointer, _pointer)
_source_attach = _declare(_glib, 'g_source_attach', ctypes.c_uint, _pointer, _pointer)
_source_unref = _declare(_glib, 'g_source_unref', None, _pointer)


def call_in_context(context, function, *args):
    """Has function(*args) called where a context is turned."""
    source = _idle_source_new()
    _source_set_priority(source, 0)
    _source_set_callback(source, _on_idle, _note((function, *args)), None)
    _source_attach(source, hash(context))
    _source_unref(source)


_timeout_source_new = _declare(_glib, 'g_timeout_source_new', _pointer, ctypes.c_uint)
_return_true = ctypes.cast(ctypes.CDLL(None).getpid, _SourceFunc)


def add_beat(context, msec):
    """Has a context wake up every now and then. No code in Python runs there, in which the
    exception of a signal would be lost; getpid() is C, and never gives 0."""
    source = _timeout_source_new(msec)
    _source_set_callback(source, _return_true, None, None)
    _source_attach(source, hash(context))
    _source_unref(source)


class _PollFD(ctypes.Structure):
    _fields_ = [('fd', _int), ('events', ctypes.c_ushort), ('revents', ctypes.c_ushort)]


_query = _declare(_glib, 'g_main_context_query', _int, _pointer, _int, _pointer, _pointer, _int)


def query(context, priority):
    """Queries a context with g_main_context_query(), and gives its timeout and the descriptor
    that wakes it up, which is the first."""
    timeout, fds = _int(), (_PollFD * 1)()
    _query(hash(context), priority, ctypes.byref(timeout), fds, 1)
    return timeout.value, fds[0].fd


_get_data = _declare(_ppool, 'ppool_buffer_get_data', _pointer, _pointer, _pointer)


def get_buffer_view(buffer):
    """The memory of a buffer, which lives as long as the memoryview does."""
    size = ctypes.c_size_t()
    address = _get_data(hash(buffer), ctypes.byref(size))
    items = (ctypes.c_ubyte * size.value).from_address(address)
    items.owner = buffer
    return memoryview(items).cast('B')
