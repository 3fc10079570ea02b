# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the workers of a ProcessPoolExecutor are started: with which command, and with what they
are prepared."""

import collections
import fcntl
import io
import multiprocessing.context
import multiprocessing.process
import multiprocessing.reduction
import multiprocessing.resource_tracker
import multiprocessing.spawn
import multiprocessing.util
import os
import pathlib
import pickle
import subprocess
import sys

import gi
from gi.module import get_introspection_module

from . import _launcher, _native, _pickling, _process_worker

_PPool = get_introspection_module('PPool')

# Python itself would look for gi in the directory that is the current one, where anybody
# may have put it. Nothing is imported before that is mended.
_COMMAND = '''\
import sys
sys.path[:] = %r
import gi
%sgi.require_version('PPool', '1.0')
from gi.repository import PPool
from gi.overrides.PPool import _process_worker
_process_worker.main(sys.argv[1:])
'''

_SEARCH = '''\
from gi.repository import GIRepository
_repository = getattr(GIRepository.Repository, 'dup_default', GIRepository.Repository.get_default)()
for _path in reversed(%r):
    _repository.prepend_search_path(_path)
for _path in reversed(%r):
    _repository.prepend_library_path(_path)
'''

# What a frozen program is given when it is to be a worker.
_FROZEN_OPTION = '--ppool-worker'

# How many pools may be nested: workers whose functions have pools, and so on.
_DEPTH_VARIABLE = 'PPOOL_DEPTH'
_MAX_DEPTH = 16

_can_be_frozen = False


def freeze_support():
    """Runs a frozen program as a worker of its ProcessPoolExecutor, if it was started as one, and
    doesn't return then. Otherwise it does nothing. A program that is going to be frozen, by
    PyInstaller for example, calls it first below ``if __name__ == '__main__':``."""
    global _can_be_frozen
    _can_be_frozen = True
    if sys.argv[1:2] == [_FROZEN_OPTION] and _PPool.Worker.is_spawned():
        _process_worker.main(sys.argv[2:])


def _is_frozen():
    return getattr(sys, 'frozen', False)


def _get_paths():
    """Where workers look for modules: where the program does, in the order of the program, and
    last where gi and this package are now."""
    original = multiprocessing.process.ORIGINAL_DIR
    paths = [path or original for path in sys.path if isinstance(path, str)]
    for path in (pathlib.Path(gi.__file__).parents[1], pathlib.Path(__file__).parents[3]):
        if str(path) not in paths:
            paths.append(str(path))
    return [path for path in paths if path]


def _get_search():
    """The code by which workers find the typelibs that the program finds. It may have told
    GIRepository only if it has imported that."""
    module = sys.modules.get('gi.repository.GIRepository')
    if module is None:
        return ''
    kind = module.Repository
    repository = getattr(kind, 'dup_default', kind.get_default)()
    library_paths = getattr(repository, 'get_library_path', list)()
    return _SEARCH % (list(map(_make_absolute, repository.get_search_path())),
                      list(map(_make_absolute, library_paths)))


def _make_absolute(path):
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        return path


def _find_interpreter():
    """The path of the Python that workers run."""
    executable = os.fsdecode(multiprocessing.spawn.get_executable() or '')
    if executable == (sys.executable or '') and not os.path.exists(executable):
        executable = _launcher.find_interpreter() or ''
    if executable and (_launcher.is_interpreter() or not _launcher.is_own_executable(executable)):
        return executable
    raise RuntimeError(
        'ProcessPoolExecutor does not know which Python to start: this program, “%s”, is not a '
        'Python interpreter but embeds one. Set one with '
        'multiprocessing.set_executable("/usr/bin/python3") before the first call'
        % _launcher.get_own_executable())


def _get_command(name):
    """The command of a worker with this initializer, in this Python and with the flags that it
    was started with."""
    version = [_process_worker.get_version(), str(_process_worker.FORMAT)]
    if not _is_frozen():
        return [_find_interpreter(), *subprocess._args_from_interpreter_flags(),
                '-c', _COMMAND % (_get_paths(), _get_search()), name, *version]
    if _can_be_frozen:
        return [sys.executable, _FROZEN_OPTION, name, *version]
    raise RuntimeError(
        'This program is frozen, and can\'t be its own worker unless it calls '
        'PPool.freeze_support(), as the first thing below “if __name__ == \'__main__\':”')


def _new_launcher(name):
    launcher = _launcher.keep_paths(_launcher.new(_get_command(name)))
    launcher.setenv(_DEPTH_VARIABLE, str(_get_depth() + 1), True)
    return launcher


def _get_depth():
    """How many pools this process is below."""
    text = os.environ.get(_DEPTH_VARIABLE, '')
    return int(text) if text.isdecimal() else 0


def _find_bodies():
    """The modules whose top level has called, as dictionaries; the main module is one."""
    bodies = []
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == '<module>' and not frame.f_code.co_filename.startswith('<'):
            bodies.append(frame)
        frame = frame.f_back
    return [frame.f_code.co_filename for frame in bodies]


def _find_origin():
    """The files of the modules at whose top level this pool is made, and those at whose top
    level the pool was made that this process is a worker of, and so on. Such a module must not
    do that again in a worker: the worker's workers would import it, too."""
    files = _find_bodies()
    again = set(files).intersection(_process_worker.origin)
    if getattr(multiprocessing.process.current_process(), '_inheriting', False):
        again.add(files[0] if files else os.path.abspath(sys.argv[0]))
    if again:
        raise _process_worker.MissingGuard(
            'Workers import “%s”, which starts a ProcessPoolExecutor when it is imported, so that '
            'each worker would start workers of its own. Have that done by a function, or, in the '
            'program\'s script, below “if __name__ == \'__main__\':”' % min(again))
    if _get_depth() >= _MAX_DEPTH:
        raise RuntimeError(
            'This process is below %d executors, one in a worker of the other, and so many are '
            'rather a mistake: does a function, or a module that workers import, start an '
            'executor whose workers do the same?' % _get_depth())
    return sorted(_process_worker.origin.union(files))


def _find_main():
    """Where workers find the main module; they don't if nothing can be imported from there, as
    in an interactive session."""
    main = sys.modules['__main__']
    name = getattr(getattr(main, '__spec__', None), 'name', None)
    path = getattr(main, '__file__', None)
    if _is_frozen():
        return {}
    if name is not None:
        return {'init_main_from_name': name}
    if path is None or path.startswith('<'):
        return {}
    original = multiprocessing.process.ORIGINAL_DIR
    return {'init_main_from_path': os.path.normpath(os.path.join(original or '', path))}


def _describe_program():
    """The data for multiprocessing.spawn.prepare(). The directory is not a part of that:
    a worker starts in the one in which the program is then, and that may have been removed."""
    util = multiprocessing.util
    data = {
        'authkey': multiprocessing.process.current_process().authkey,
        'log_to_stderr': util._log_to_stderr,
        'orig_dir': multiprocessing.process.ORIGINAL_DIR,
        'start_method': multiprocessing.get_start_method(),
        'sys_argv': sys.argv,
        'sys_path': _get_paths(),
        **_find_main(),
    }
    if util._logger is not None:
        data['log_level'] = util._logger.getEffectiveLevel()
    return data


def _pack(initializer, initargs):
    """A pickle of its own, which is unpickled when the rest is done, and the buffers that are
    not in it."""
    stream, buffers = io.BytesIO(), []
    pickler = multiprocessing.reduction.ForkingPickler(stream, pickle.HIGHEST_PROTOCOL, True,
                                                       buffers.append)
    pickler.dump((initializer, _pickling.flatten_all(initargs)))
    return [pickle.PickleBuffer(stream.getbuffer().toreadonly()), *buffers]


class Setup:
    """The things that each worker is started and prepared with: where it finds modules, the
    program's main module, and the initializer. multiprocessing hands things to a new process that
    can't be pickled otherwise: locks, queues, connections. This is its "popen object" while that
    is done; the descriptors are kept open for workers to come, which inherit them."""

    def __init__(self, initializer, initargs):
        """Raises what pickling raises, and RuntimeError where no pool can be."""
        origin = _find_origin()
        self._descriptors = []
        # A lock, for example, is gone for workers as well when it is gone here.
        self._initializing = initializer, initargs
        self.name = getattr(initializer, '__qualname__', 'start')
        self.launcher = _new_launcher(self.name)
        _pickling.use_reducers(multiprocessing.reduction.ForkingPickler._extra_reducers)
        try:
            multiprocessing.context.set_spawning_popen(self)
            call = _pack(initializer, initargs) if initializer is not None else None
            self.variant = _pickling.dumps({
                'preparation': _describe_program(),
                'call': call,
                'parent_name': multiprocessing.process.current_process().name,
                'origin': origin,
                'tracker': self._share_tracker(),
                'sentinel': self._make_sentinel(),
            })
        except BaseException:
            self.close()
            raise
        finally:
            multiprocessing.context.set_spawning_popen(None)

    def _share_tracker(self):
        """The tracker of shared memory is one for all processes, if there is one."""
        number = multiprocessing.resource_tracker._resource_tracker._fd
        if number is None:
            return None
        return self.DupFd(self.duplicate_for_child(number))

    def _make_sentinel(self):
        """The descriptor by which workers see the end of the program, where the kernel doesn't
        tell: a pipe of which the program has the other end."""
        try:
            os.close(os.pidfd_open(os.getpid()))
            return None
        except (AttributeError, OSError):
            pipes = []
            try:
                _native.note_call(pipes, os.pipe)
            finally:
                for ends in pipes:
                    self._descriptors.extend(ends)
            return self.DupFd(ends[0])

    def duplicate_for_child(self, number):
        _native.note_call(self._descriptors, fcntl.fcntl, number, fcntl.F_DUPFD_CLOEXEC, 3)
        return self._descriptors[-1]

    def DupFd(self, number):
        return _process_worker.Descriptor(self.launcher.inherit_fd(number))

    def close(self):
        """Releases everything, once no worker is going to be started."""
        self._initializing = None
        descriptors, self._descriptors = self._descriptors, []
        # One call of C, so that each is closed once, whatever comes in between.
        collections.deque(map(os.close, descriptors), 0)
