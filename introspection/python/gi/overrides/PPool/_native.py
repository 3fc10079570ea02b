# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callbacks without PyGObject's closures. Before 3.44.2 PyGObject never freed the native
part of one, some 100 bytes a callback; and one function for all calls is quicker than a new
one for each. The price is that this module knows addresses: that of an object is its hash.

The handler of a signal, which is that of Ctrl-C as a rule, runs in the main thread before the
first line of any function, and after any call. What it raises there before the first line of a
callback reaches nobody: it is printed, and what the callback was told is lost. So where the
main thread waits, callbacks have no code in Python (Arrivals), and what must not be torn apart
is one call of something that is written in C (note_call())."""

import collections
import ctypes
import functools
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
            raise ImportError('The Python override of PPool can\'t work with PyGObject %d.%d.%d: '
                              'hash() does not return the address of %r there'
                              % (*gi.version_info, sample))


_check_addresses()

# The typelib knows where the library is; once a type of it is there, its name is enough.
_loaded = get_introspection_module('PPool').Future.__gtype__
_glib = ctypes.CDLL('libglib-2.0.so.0')
_gobject = ctypes.CDLL('libgobject-2.0.so.0')
_ppool = ctypes.CDLL('libppool-glib-1.0.so.0')
_AsyncReadyCallback = ctypes.CFUNCTYPE(None, _pointer, _pointer, _pointer)
_FutureFunc = ctypes.CFUNCTYPE(None, _pointer, _pointer)
_SourceFunc = ctypes.CFUNCTYPE(_int, _pointer)

# What waits to be called; C has the number.
_waiting = {}
_numbers = itertools.count(1)
new_number = _numbers.__next__


def _declare(library, name, result, *args):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = args
    return function


def note_call(results, function, *args):
    """Calls what is written in C and appends the result to a list. No handler of a signal runs
    between the two, so the list has something if and only if the function was called."""
    results.extend(itertools.starmap(function, (args, )))


class _Owned(_pointer):
    """The address of an object, with a reference."""


class _Owning:
    """As the type of an argument: takes a reference of the object that is passed."""

    from_param = _declare(_gobject, 'g_object_ref', _Owned, _pointer)


_object_unref = _declare(_gobject, 'g_object_unref', None, _pointer)


def _declare_append(*args):
    """PyObject_CallFunction(), which is here given a list's or deque's append(), and a format."""
    function = ctypes.PYFUNCTYPE(ctypes.py_object)(('PyObject_CallFunction', ctypes.pythonapi))
    function.argtypes = (ctypes.py_object, ctypes.c_char_p, *args)
    return function


_append_result = _declare_append(_pointer, _Owning, _pointer)
_append_future = _declare_append(_pointer, _pointer)


class Arrivals:
    """What C has told in one context, which its owner turns and then looks here. Each is a number
    that the owner has given, and the result of an operation if it is one."""

    def __init__(self):
        self._items = collections.deque()
        append = self._items.append
        # These are made of C alone.
        self._on_ready = _AsyncReadyCallback(functools.partial(_append_result, append, b'((nnn))'))
        self._on_done = _FutureFunc(functools.partial(_append_future, append, b'((nn))'))

    def begin(self, begun, number, operation, cancellable):
        """Begins one of the operations below, and notes in a list that it was begun. Its result
        comes to the thread-default context."""
        function, args = operation
        note_call(begun, function, *args, hash(cancellable), self._on_ready, number)

    def watch(self, ids, number, future):
        """Has a number come when a future is done, and notes an id for unwatch()."""
        note_call(ids, _add_done_callback, hash(future), self._on_done, number, None)

    def get_numbers(self):
        return [item[-1] for item in tuple(self._items)]

    def get_result(self, number):
        """The result of an operation if it has come. Nothing else has one."""
        item = self._find(number)
        return pygobject_new_full(item[1], False) if item is not None and len(item) == 3 else None

    def _find(self, number):
        for item in tuple(self._items):
            if item[-1] == number:
                return item
        return None

    def forget(self, number):
        """Lets go of what has come."""
        item = self._find(number)
        if item is not None:
            self._items.remove(item)
            if len(item) == 3:
                _object_unref(item[1])


_push_default = _declare(_glib, 'g_main_context_push_thread_default', None, _pointer)
_pop_default = _declare(_glib, 'g_main_context_pop_thread_default', None, _pointer)


def call_in(context, function, *args):
    """Calls something while a context is the thread-default one, and not a moment longer."""
    address = hash(context)
    pushed = []
    try:
        note_call(pushed, _push_default, address)
        return function(*args)
    finally:
        if pushed:
            _pop_default(address)


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
    number = new_number()
    _waiting[number] = entry
    return number


def forget(number):
    """Releases what waits, so that it is never called."""
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


# A callback that does nothing, but has who turns a context look around. getpid() is C.
_getpid = ctypes.CDLL(None).getpid
_do_nothing = ctypes.cast(_getpid, _FutureFunc)


def wake_when_done(ids, future):
    """Has the thread-default context wake up when a future is done, and notes an id for
    unwatch()."""
    note_call(ids, _add_done_callback, hash(future), _do_nothing, None, None)


def unwatch(ids, future):
    """Takes back what wake_when_done() or Arrivals.watch() has noted."""
    for number in ids:
        _remove_done_callback(hash(future), number)


def _declare_async(name, *args):
    return _declare(_ppool, name, None, *args, _pointer, _AsyncReadyCallback, _pointer)


_next_value = _declare_async('ppool_map_next_value_async', _pointer)
_next_future = _declare_async('ppool_as_completed_next_future_async', _pointer)
_shutdown = _declare_async('ppool_executor_shutdown_async', _pointer, _int)
_wait_futures = _declare_async('ppool_wait_futures_async', _pointer, ctypes.c_size_t, _int, _int)


# Operations: each is a function, and its first arguments.

def next_value(values):
    return _next_value, (hash(values), )


def next_future(futures):
    return _next_future, (hash(futures), )


def shutdown(executor, flags):
    return _shutdown, (hash(executor), int(flags))


def wait_futures(futures, return_when, timeout_msec):
    addresses = (_pointer * len(futures))(*map(hash, futures))
    return _wait_futures, (addresses, len(futures), int(return_when), timeout_msec)


def begin(operation, cancellable, function):
    """Begins an operation, whose result a function gets; and gives the number of that."""
    start, args = operation
    number = _note(function)
    start(*args, hash(cancellable), _on_ready, number)
    return number


def new_context(flags=GLib.MainContextFlags.NONE):
    """Makes a context, or raises OSError where GLib would end the program, since it has no file
    descriptors for it."""
    for number in os.pipe():
        os.close(number)
    return GLib.MainContext.new_with_flags(flags)


_idle_source_new = _declare(_glib, 'g_idle_source_new', _pointer)
_timeout_source_new = _declare(_glib, 'g_timeout_source_new', _pointer, ctypes.c_uint)
_source_set_priority = _declare(_glib, 'g_source_set_priority', None, _pointer, _int)
_source_set_callback = _declare(_glib, 'g_source_set_callback', None, _pointer, _SourceFunc,
                                _pointer, _pointer)
_source_attach = _declare(_glib, 'g_source_attach', ctypes.c_uint, _pointer, _pointer)
_source_unref = _declare(_glib, 'g_source_unref', None, _pointer)


def call_in_context(context, function, *args):
    """Has function(*args) called where a context is turned."""
    _attach(context, _idle_source_new(), function, args)


def call_later(context, msec, function, *args):
    """Does so after a time."""
    _attach(context, _timeout_source_new(msec), function, args)


def _attach(context, source, function, args):
    _source_set_priority(source, 0)
    _source_set_callback(source, _on_idle, _note((function, *args)), None)
    _source_attach(source, hash(context))
    _source_unref(source)


_return_true = ctypes.cast(_getpid, _SourceFunc)


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
