# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options of calls and of executors in the units of Python, as the properties that the library
has for them."""

import operator

from gi.module import get_introspection_module

from . import _loop

_PPool = get_introspection_module('PPool')

# The methods as the library has them, whatever an override makes of them.
_submit = _PPool.Executor.submit
_submit_call = _PPool.Executor.submit_call

_MAX_COUNT = (1 << 32) - 1


def _to_msec(name, value):
    """A time in seconds, which may be infinite."""
    if isinstance(value, bool) or not hasattr(value, '__float__'):
        raise TypeError('%s must be a number of seconds or None, not %s'
                        % (name, type(value).__name__))
    if value < 0 or value != value:
        raise ValueError('%s must be a number of seconds that is not negative, or None, not %r'
                         % (name, value))
    return _loop.to_msec(min(value, _loop.NO_LIMIT_SEC))


def _to_count(name, value):
    if isinstance(value, bool) or not hasattr(value, '__index__'):
        raise TypeError('%s must be an integer, not %s' % (name, type(value).__name__))
    value = operator.index(value)
    if not 0 <= value <= _MAX_COUNT:
        raise ValueError('%s must be an integer from 0 to %d, not %r' % (name, _MAX_COUNT, value))
    return value


def _to_label(name, value):
    if not isinstance(value, str):
        raise TypeError('%s must be a str or None, not %s' % (name, type(value).__name__))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError('%s has half a surrogate pair: %r' % (name, value)) from None
    if '\0' in value:
        raise ValueError('%s has a NUL: %r' % (name, value))
    return value


def _to_bool(name, value):
    if not isinstance(value, bool):
        raise TypeError('%s must be a bool, not %s' % (name, type(value).__name__))
    return value


_POLICIES = {'break': _PPool.CrashPolicy.BREAK, 'replace': _PPool.CrashPolicy.REPLACE}


def _to_policy(name, value):
    if isinstance(value, _PPool.CrashPolicy):
        return value
    if not isinstance(value, str):
        raise TypeError('%s must be \'break\', \'replace\' or a PPool.CrashPolicy, not %s'
                        % (name, type(value).__name__))
    if value not in _POLICIES:
        raise ValueError('%s must be \'break\' or \'replace\', not %r' % (name, value))
    return _POLICIES[value]


# What is made of a value, and the property that it is.
_CALL = {
    'timeout': (_to_msec, 'timeout_msec'),
    'queue_timeout': (_to_msec, 'queue_timeout_msec'),
    'retries': (_to_count, 'max_retries'),
    'label': (_to_label, 'label'),
}
_set = {name: getattr(_PPool.Call, 'set_' + key) for name, (_, key) in _CALL.items()}
_get = {name: getattr(_PPool.Call, 'get_' + key) for name, (_, key) in _CALL.items()}
# The name of the property, and what is made of a value.
_EXECUTOR = {
    'crash_policy': ('crash_policy', _to_policy),
    'max_start_failures': ('max_start_failures', _to_count),
    'abort_grace': ('abort_grace_msec', _to_msec),
    'call_timeout': ('call_timeout_msec', _to_msec),
    'queue_timeout': ('queue_timeout_msec', _to_msec),
    'cancel_running': ('cancel_running', _to_bool),
}


def combine(options, **changes):
    """Returns options of calls with some changed. One that is Ellipsis stays, and one that is None
    is that of the executor again. Raises TypeError and ValueError for what it can't be."""
    result = dict(options)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif value is not ...:
            result[name] = _CALL[name][0](name, value)
    return result


def submit(executor, function, args, cancellable, options):
    """Submits a call with options, if there are any."""
    if not options:
        return _submit(executor, function, args, cancellable)
    return _submit_call(executor, new_call(function, args, options), cancellable)


def new_call(function, args, options):
    call = _PPool.Call.new(function, args)
    for name, value in options.items():
        _set[name](call, value)
    return call


def complete(call, options):
    """Returns a call that also has those options which the given one doesn't say."""
    function = call.get_function()
    result = new_call(function, call.get_args(), options)
    plain = _PPool.Call.new(function, None)
    for name, get in _get.items():
        if (value := get(call)) != get(plain):
            _set[name](result, value)
    result.set_result_type(call.get_result_type())
    return result


def to_properties(arguments):
    """Returns the properties of an executor for arguments that are properties or options. Those
    that are None are left out. Raises TypeError and ValueError for what an option can't be."""
    properties = {}
    for name, value in arguments.items():
        key, convert = _EXECUTOR.get(name, (name, None))
        if value is None:
            continue
        if key in properties or key != name and arguments.get(key) is not None:
            raise TypeError('%s and %s are the same: give one of them' % (name, key))
        properties[key] = convert(name, value) if convert is not None else value
    return properties
