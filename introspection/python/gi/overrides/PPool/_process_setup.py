# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the workers of a ProcessPoolExecutor are started: with which command, and with what they
are prepared."""

import fcntl
import multiprocessing.context
import multiprocessing.process
import multiprocessing.reduction
import multiprocessing.resource_tracker
import multiprocessing.spawn
import os
import pathlib
import stat
import subprocess

import gi
from gi.module import get_introspection_module

from . import _pickling, _process_worker

_PPool = get_introspection_module('PPool')

_COMMAND = '''\
import sys
sys.path += %r
import gi
gi.require_version('PPool', '1.0')
from gi.repository import PPool
from gi.overrides.PPool import _process_worker
_process_worker.main()
'''


def new_launcher(initializer):
    """Returns what starts this Python with the flags that it was started with. It looks for gi
    and this package also where they are now, last. The worker is told the name of its
    initializer."""
    paths = [str(pathlib.Path(gi.__file__).parents[1]), str(pathlib.Path(__file__).parents[3])]
    return _PPool.Launcher.new([os.fsdecode(multiprocessing.spawn.get_executable()),
                                *subprocess._args_from_interpreter_flags(),
                                '-c', _COMMAND % paths, initializer])


class Setup:
    """What each worker is prepared with: where it finds modules, the program's main module, and
    the initializer. multiprocessing hands things to a new process that can't be pickled
    otherwise: locks, queues, connections. This is its "popen object" while that is done; the
    descriptors are kept open for workers to come."""

    def __init__(self, initializer, initargs):
        """Raises what pickling raises, and RuntimeError in a worker that is about to run the
        main module."""
        self._descriptors = []
        _pickling.use_reducers(multiprocessing.reduction.ForkingPickler._extra_reducers)
        multiprocessing.context.set_spawning_popen(self)
        try:
            call = None
            if initializer is not None:
                call = bytes(multiprocessing.reduction.ForkingPickler.dumps(
                    (initializer, initargs)))
            self.variant = _pickling.dumps({
                'preparation': multiprocessing.spawn.get_preparation_data('PPoolProcess'),
                'call': call,
                'parent_name': multiprocessing.process.current_process().name,
                'tracker': self._share_tracker(),
            })
        except BaseException:
            self.close()
            raise
        finally:
            multiprocessing.context.set_spawning_popen(None)
        self.name = getattr(initializer, '__qualname__', 'start')

    def _share_tracker(self):
        """The tracker of shared memory is one for all processes, if there is one."""
        number = multiprocessing.resource_tracker._resource_tracker._fd
        if number is None:
            return None
        return self.DupFd(self.duplicate_for_child(number))

    def duplicate_for_child(self, number):
        copy = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
        self._descriptors.append(copy)
        return copy

    def DupFd(self, number):
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            raise TypeError('a socket can\'t be an argument of an initializer')
        return _process_worker.Descriptor(os.getpid(), number,
                                          fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE)

    def close(self):
        """Closes the descriptors, once no worker is going to be started."""
        while self._descriptors:
            os.close(self._descriptors.pop())
