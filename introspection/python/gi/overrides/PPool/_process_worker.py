# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The worker of a ProcessPoolExecutor: runs what it is sent in pickles. A worker is a fresh
interpreter, prepared as those that multiprocessing spawns."""

import multiprocessing.process
import multiprocessing.reduction
import multiprocessing.resource_tracker
import multiprocessing.spawn
import multiprocessing.util
import os
import pickle
import sys
import traceback

from gi._ossighelper import wakeup_on_signal
from gi.module import get_introspection_module
from gi.repository import GLib, PPool

from . import _errors, _pickling
from ._worker import Running, enable_faulthandler

_PPool = get_introspection_module('PPool')

# The method as the library has it, whatever an override makes of it.
_add_function = _PPool.Worker.add_function

# As the interpreter does it, whatever a type makes of its attributes.
_get_traceback = BaseException.__traceback__.__get__
_set_traceback = BaseException.__traceback__.__set__


# What the two sides tell each other changes with this number.
FORMAT = 1

# The modules at whose top level the pool was made that this process is a worker of, and those
# at whose top level the pool was made that has that pool's process, and so on.
origin = frozenset()


class MissingGuard(RuntimeError):
    """A module that workers import would have each of them start workers of its own. For
    programs it is what its base is."""

    def __reduce__(self):
        return RuntimeError, self.args


class Descriptor:
    """A descriptor that each worker inherits, in the form that multiprocessing expects of one
    that is passed while a process starts."""

    def __init__(self, number):
        self._number = number

    def detach(self):
        """Returns the number."""
        os.set_inheritable(self._number, False)
        return self._number


def get_version():
    return '%d.%d.%d' % (_PPool.MAJOR_VERSION, _PPool.MINOR_VERSION, _PPool.MICRO_VERSION)


class Failure:
    """The answer to a call that failed: the exception in a pickle of its own, so that
    there still is the traceback when it can't be unpickled. `unpickled` is false if it was the
    call itself that could not be unpickled."""

    def __init__(self, pickled, text, unpickled):
        self.pickled = pickled
        self.text = text
        self.unpickled = unpickled

    def __reduce__(self):
        return Failure, (self.pickled, self.text, self.unpickled)


def run_chunk(fn, columns):
    """Runs a function on each row of a chunk of map(). A StopIteration of it is an exception, and
    no end of the rows, as map() would have it."""
    return [fn(*row) for row in zip(*columns)]


def _to_text(error):
    try:
        return ''.join(traceback.format_exception(type(error), error,
                                                  _get_traceback(error)))
    except BaseException:
        return '%s: %s\n' % _errors.describe(error)


def _pack_failure(error, unpickled=True):
    text = _to_text(error)
    # The frames of the traceback would hold what they worked with.
    _set_traceback(error, None)
    try:
        pickled = pickle.dumps(error)
    except BaseException as problem:
        text += '\nThis exception could not be pickled:\n\n' + _to_text(problem)
        pickled = pickle.dumps(pickle.PicklingError(
            '%s can\'t be pickled: %s' % (_errors.describe(error)[0],
                                          _errors.describe(problem)[1])))
    return _pickling.dumps(Failure(pickled, text, unpickled))


def _pack_result(value, is_chunk):
    """A result that can't be pickled is the call's failure."""
    try:
        return _pickling.dumps(value, value if is_chunk else (value, ))
    except BaseException as error:
        return _pack_failure(error)


def _run(invocation, args, *_):
    """Runs a call. No reference to what it worked with may be left when it returns: memory that
    the arguments lie in is given back then."""
    try:
        fn, positional, keywords = _pickling.loads(args)
    except BaseException as error:
        return _pack_failure(error, unpickled=False)
    try:
        with Running(invocation):
            value = fn(*positional, **keywords)
    except BaseException as error:
        return _pack_failure(error)
    is_chunk = fn is run_chunk
    del fn, positional, keywords
    return _pack_result(value, is_chunk)


def _prepare(setup):
    """Gets this process ready to unpickle what the program pickles."""
    process = multiprocessing.process.current_process()
    process._inheriting = True
    try:
        multiprocessing.spawn.prepare(setup['preparation'])
    finally:
        del process._inheriting
    process.name = 'PPoolProcess-%d' % os.getpid()
    if setup['tracker'] is not None:
        multiprocessing.resource_tracker._resource_tracker._fd = setup['tracker'].detach()
    parent = multiprocessing.process._ParentProcess
    multiprocessing.process._parent_process = parent(setup['parent_name'], os.getppid(),
                                                     _open_sentinel(setup['sentinel']))


def _open_sentinel(sentinel):
    """A descriptor that can be read from once the program is gone."""
    if sentinel is not None:
        return sentinel.detach()
    try:
        return os.pidfd_open(os.getppid())
    except OSError:
        # Only this process may not. It does not outlive the program in any case.
        return os.pipe()[0]


def _check_format(version, number):
    """The program may run since before an update, and this is what was installed by that."""
    if number != str(FORMAT):
        raise RuntimeError('The program runs with PPool-GLib %s and its workers with %s, which do '
                           'not fit together: it was updated meanwhile, so restart the program'
                           % (version, get_version()))


def _initialize(invocation, args, worker, version):
    """Is the first function that is called, and of no use after that."""
    global origin
    _add_function(worker, invocation.get_function(), _run)
    try:
        _check_format(*version)
        setup = _pickling.loads(args)
        origin = frozenset(setup['origin'])
        _prepare(setup)
        if setup['call'] is not None:
            stream, *buffers = setup['call']
            initializer, initargs = pickle.loads(stream, buffers=buffers)
            del stream, buffers, setup['call'][:]
    except MissingGuard as error:
        # The traceback would be that of the program, once more.
        raise _to_error(RuntimeError(*error.args))
    except BaseException as error:
        sys.stderr.write(_to_text(error))
        raise _to_error(error)
    try:
        if setup['call'] is not None:
            initializer(*initargs)
    except BaseException as error:
        _log_initializer(error)
        # This process is about to end: what queues of multiprocessing hold is sent before.
        multiprocessing.util._exit_function()
        raise _to_error(error)
    return GLib.Variant('()', ())


def _log_initializer(error):
    """Does so as concurrent.futures does, if the exception can be printed."""
    try:
        # Workers start sooner without it.
        import logging
        logging.getLogger('concurrent.futures').critical('Exception in initializer:',
                                                         exc_info=True)
    except BaseException:
        sys.stderr.write('Exception in initializer:\n' + _to_text(error))


def _to_error(error):
    try:
        text = traceback.format_exception_only(type(error), error)[-1].strip()
    except BaseException:
        text = '%s: %s' % _errors.describe(error)
    return GLib.Error(_errors.to_message(text), 'g-io-error-quark', 0)


def _handle_call(worker, invocation):
    """Is called for a name that is new, and has calls of that name find their function at once
    from then on."""
    _add_function(worker, invocation.get_function(), _run)
    invocation.return_value(_run(invocation, invocation.get_args()))
    return True


def main(args):
    """Serves until the pool says that it is over. It is given the name of the initializer, and
    the program's version and format. Handlers of signals that functions have set run
    also while nothing is to do. The main module is imported here by a program that may also be
    a worker of named functions, which is not what this process is for."""
    PPool.Worker.is_spawned = staticmethod(lambda: False)
    _pickling.use_reducers(multiprocessing.reduction.ForkingPickler._extra_reducers)
    name, *version = args
    worker = _PPool.Worker.new()
    enable_faulthandler()
    _add_function(worker, name, _initialize, worker, version)
    worker.connect('handle-call', _handle_call)
    with wakeup_on_signal():
        sys.exit(worker.run())
