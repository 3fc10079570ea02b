# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of calls as the exceptions that a Python program expects, and exceptions of
Python functions as errors that travel."""

import builtins
import functools
import re
import traceback

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

_PPool = get_introspection_module('PPool')

# A program knows a domain when it has asked for it: so an exception stays what it is.
DOMAIN = GLib.quark_to_string(GLib.quark_from_string('ppool-python-exception'))

# The types of what happens to calls, in a module that is imported later.
_FAILURES = {
    int(_PPool.Error.BROKEN): 'BrokenProcessPool',
    int(_PPool.Error.WORKER_DIED): 'WorkerDied',
    int(_PPool.Error.TIMED_OUT): 'CallTimeoutError',
}
_IO_DOMAIN = 'g-io-error-quark'
_CANCELLED = int(Gio.IOErrorEnum.CANCELLED)
_TIMED_OUT = int(Gio.IOErrorEnum.TIMED_OUT)

# As the interpreter does it, whatever a type makes of its attributes.
_get_traceback = BaseException.__traceback__.__get__
_set_traceback = BaseException.__traceback__.__set__

# Types of which each value can be read from its own repr().
_PLAIN = {bool, bytes, int, str, type(None)}

_BEGIN = 'Traceback (most recent call last):\n'
_TAIL = re.compile(r'[^\s(]+\(.*\)')

# What a function raises of these is not of a kind with them, but for what is built in.
_ENDS = (StopIteration, StopAsyncIteration)

# The message of an error may have 64 KiB.
_HEAD_SIZE, _TRACEBACK_SIZE, _TAIL_SIZE = 8 * 1024, 32 * 1024, 8 * 1024


class RemoteError(Exception):
    """An exception of a Python function in a worker, of a type that is not built in. It also is
    of the nearest types that are built in, such as ValueError, if they are exceptions of a kind.

    type_name names the type with its module; the text is that of the exception."""

    # The names of those types.
    _kinds = ()

    def __init__(self, type_name, message):
        # The other types would make something of these.
        self.args = (type_name, message)
        self.type_name = type_name
        self.message = message

    def __reduce__(self):
        return _new_remote_error, (self._kinds, self.type_name, self.message, _get_errno(self))

    def __str__(self):
        return '%s: %s' % (self.type_name, self.message) if self.message else self.type_name


class RemoteTraceback(Exception):
    """The traceback that Python would have printed in the worker. It is the cause of a remote
    exception."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return '\n"""\n%s"""' % self.text


@functools.lru_cache(maxsize=64)
def _remote_type(kinds):
    """RemoteError, and also exceptions that are built in."""
    bases = [kind for kind in map(_get_builtin, kinds) if kind not in (None, Exception)]
    if not bases:
        return RemoteError
    return type('RemoteError', (RemoteError, *bases),
                {'__module__': RemoteError.__module__, '__doc__': RemoteError.__doc__,
                 '_kinds': kinds})


def _new_remote_error(kinds, type_name, message, os_args=()):
    """os_args are those of an OSError: its number, its text and its files, as far as known."""
    try:
        error = _remote_type(kinds)(type_name, message)
    except Exception:
        # Some types can't be mixed, or want more than a text.
        return RemoteError(type_name, message)
    if isinstance(error, OSError):
        for name, value in zip(('errno', 'strerror', 'filename', 'filename2'), os_args):
            setattr(error, name, value)
    return error


def _get_errno(exception):
    """The attributes of an OSError, or nothing for another exception."""
    if not isinstance(exception, OSError):
        return ()
    return (exception.errno, exception.strerror, exception.filename, exception.filename2)


def _get_builtin(name):
    """An exception that is built in; not one that would end this program."""
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def _is_builtin(kind):
    return getattr(builtins, kind.__name__, None) is kind


def _find_kinds(kind):
    """The nearest types of an exception that are built in, none of which is another of them.
    One that would be taken for the end of an iterator is not told."""
    kinds = []
    for base in kind.__mro__:
        if (_get_builtin(base.__name__) is base and base not in _ENDS
                and not any(issubclass(nearer, base) for nearer in kinds)):
            kinds.append(base)
    return [kind.__name__ for kind in kinds if kind is not Exception]


def prepare():
    """Imports what errors of executors need. When one of them says that there are no more file
    descriptors, it is too late for that."""
    try:
        import ast  # noqa: F401

        from . import _failures  # noqa: F401
    except OSError:
        # It is too late already. The executor works, and has another error for its calls.
        pass


def get_futures():
    """The standard module, without which workers start sooner. Executors have imported it."""
    import concurrent.futures
    return concurrent.futures


def _new_failure(name, error):
    try:
        from . import _failures
    except OSError:
        return error
    return getattr(_failures, name)(for_readers(error.message), error.domain, error.code)


def hide_frames(error):
    """Takes the frames of this package out of the traceback of an exception that is about to
    reach the program, to which they say nothing. It is raised again by a bare raise, which adds
    no frame from Python 3.11 on; older versions show them."""
    frames = []
    trace = _get_traceback(error)
    while trace is not None:
        if trace.tb_frame.f_globals.get('__package__') != __package__:
            frames.append(trace)
        trace = trace.tb_next
    following = None
    for trace in reversed(frames):
        if trace.tb_next is not following:
            trace.tb_next = following
        following = trace
    _set_traceback(error, following)


def hiding(function):
    """A function of this package that is not to be seen in the tracebacks of exceptions."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            hide_frames(error)
            raise
    return call


def is_timeout(error):
    return error.code == _TIMED_OUT and error.domain == _IO_DOMAIN


def is_cancelled(error):
    return error.code == _CANCELLED and error.domain == _IO_DOMAIN


def raise_clean(exception):
    """Raises an exception without a circle of it and its own frames, which would keep
    what a program has released until the next garbage collection."""
    try:
        raise exception
    finally:
        del exception


def from_call(error, get_death=None):
    """The exception to raise for the GLib.Error of a call. A function that gives the PPool.Death of
    its worker, or None, is called where one matters."""
    if error.domain == DOMAIN:
        return _rebuild(error.message)
    name = _FAILURES.get(error.code) if error.domain == 'ppool-error-quark' else None
    if name is None:
        return error
    exception = _new_failure(name, error)
    if get_death is not None and exception is not error:
        exception.death = get_death()
    return exception


def for_readers(message):
    """Without the line by which the exception of an initializer would be made again."""
    head, begin, _ = message.partition('\n\n' + _BEGIN)
    rest, _, tail = message.rpartition('\n')
    is_failure = begin and '” failed: ' in head and _TAIL.fullmatch(tail) is not None
    return rest if is_failure else message


def translated(function):
    """A method of C, or what calls one, that raises the exceptions of calls."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except GLib.Error as error:
            problem = from_call(error)
        try:
            raise_clean(problem)
        except Exception:
            hide_frames(problem)
            raise
        finally:
            del problem
    return call


def _is_plain(value):
    """Whether a value can be read from its own repr()."""
    try:
        text = repr(value)
        if type(value) is tuple and _PLAIN.issuperset(map(type, value)):
            return True
        # Few exceptions need it, and workers start sooner without it.
        import ast
        return bool(ast.literal_eval(text) == value)
    except BaseException:
        return False


def _get_args(exception):
    """The arguments that make the same exception again; an OSError does not have its file names
    among its own."""
    args = exception.args
    if isinstance(exception, OSError) and not _is_builtin(type(exception)):
        args = _get_errno(exception)
    elif isinstance(exception, OSError) and exception.filename is not None and len(args) == 2:
        args += (exception.filename, )
        if exception.filename2 is not None:
            args += (None, exception.filename2)
    return args if isinstance(args, tuple) and _is_plain(args) else (_text(exception), )


def _text(exception):
    try:
        return ''.join(str(exception))
    except BaseException:
        return '<the text of the exception failed>'


def describe(exception):
    """The name of its type, and its text, of whatever may be wrong with them."""
    return type.__getattribute__(type(exception), '__name__'), _text(exception)


def _cut(text, size, keep_end=False):
    data = text.encode('utf-8', 'backslashreplace')
    if len(data) > size:
        data = b'  ...' + data[-size:] if keep_end else data[:size] + b'...'
    return data.decode('utf-8', 'ignore').replace('\0', '\\0')


def to_message(text):
    """Turns any str into one that can be the message of an error in C."""
    return _cut(text, _HEAD_SIZE)


def _can_travel(error):
    """Whether a GLib.Error has what C needs of it; PyGObject lets it have anything."""
    try:
        (error.domain + error.message).encode()
        return error.domain != '' and -1 << 31 <= error.code < 1 << 31
    except (TypeError, AttributeError, UnicodeEncodeError):
        return False


def to_glib(exception):
    """The GLib.Error by which an exception of a function travels, whatever it is."""
    try:
        if isinstance(exception, GLib.Error) and _can_travel(exception):
            return exception
        return _describe(exception)
    except BaseException:
        name = type.__getattribute__(type(exception), '__name__')
        text = 'the exception can\'t be described'
        message = '%s: %s\n\n%s  not known\n%s%r' % (name, text, _BEGIN, name, (text, ))
        return GLib.Error(_cut(message, _HEAD_SIZE), DOMAIN, 0)


def _describe(exception):
    """A message that begins with what a person wants to read; the last line has what makes
    the exception again."""
    kind = type(exception)
    name = '%s.%s' % (kind.__module__, kind.__qualname__)
    shown = kind.__qualname__ if kind.__module__ == 'builtins' else name
    kinds = [] if _is_builtin(kind) else _find_kinds(kind)
    text = _text(exception)
    head = '%s: %s' % (shown, text) if text else shown
    lines = traceback.format_exception(kind, exception, _skip_own(exception.__traceback__))
    trace = ''.join(lines)
    if not trace.startswith(_BEGIN):
        trace = _BEGIN + trace
    tail = repr(_get_args(exception))
    if len(tail.encode('utf-8', 'backslashreplace')) > _TAIL_SIZE:
        tail = repr((_cut(text, _TAIL_SIZE // 4), ))
    message = '%s\n\n%s%s%s%s' % (_cut(head, _HEAD_SIZE), _BEGIN,
                                  _cut(trace[len(_BEGIN):], _TRACEBACK_SIZE, True),
                                  ':'.join([name, *kinds]), _cut(tail, 2 * _TAIL_SIZE))
    return GLib.Error(message, DOMAIN, 0)


def _skip_own(trace):
    """Leaves out the frames of this package that called the function."""
    while trace is not None and trace.tb_frame.f_globals.get('__package__') == __package__:
        trace = trace.tb_next
    return trace


def _rebuild(message):
    rest, _, tail = message.rpartition('\n')
    head, begin, trace = rest.partition('\n\n' + _BEGIN)
    name, paren, args = tail.partition('(')
    # The executor has imported it; workers start sooner without it.
    import ast
    try:
        args = tuple(ast.literal_eval(paren + args))
    except Exception:
        name, args = head.partition(':')[0], (message, )
    exception = _make(name, args, head)
    exception.__cause__ = RemoteTraceback(begin.lstrip('\n') + trace + '\n')
    return exception


def _make(name, args, head):
    """Only exceptions that are built in are made by their name, and none of those that
    would end this program."""
    name, *kinds = name.split(':')
    kind = _get_builtin(name.removeprefix('builtins.'))
    if kind is not None and name.startswith('builtins.'):
        try:
            return kind(*args)
        except Exception:
            pass
    return _new_remote_error(tuple(kinds), name.removeprefix('builtins.'),
                             head.partition(': ')[2], args)
