# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""thumbnails.py [--verbose] FOLDER OUTPUT: small images of a folder, some of whose files are bad.

The decoder stands for one with bugs: it crashes at an image that has the comment "# crash", runs
without end at "# hang", and believes every size that it is told. Each of these costs one file,
whose name and reason are printed; all others are done. With --verbose, it also prints what becomes
of the workers.
"""

import os
import re
import signal
import sys

import gi

gi.require_version('PPool', '1.0')

from gi.repository import GLib, PPool  # noqa: E402

MAX_SIZE = 64
TIMEOUT_MSEC = 2000
HEADER = re.compile(rb'P5(?:\s|#.*\n)+(\d+)\s+(\d+)\s+\d+\s')

worker = PPool.Worker()


def decode(data):
    """The images are "portable graymaps"."""
    if b'\n# crash' in data:
        os.kill(os.getpid(), signal.SIGSEGV)
    while b'\n# hang' in data:
        pass
    header = HEADER.match(data)
    if header is None:
        raise ValueError('it is no image')
    width, height = map(int, header.groups())
    pixels = bytearray(width * height)
    if len(data) - header.end() < len(pixels):
        raise ValueError('the end is missing')
    pixels[:] = data[header.end():header.end() + len(pixels)]
    return width, height, pixels


@worker.function
def thumbnail(path):
    with open(path, 'rb') as file:
        width, height, pixels = decode(file.read())
    longest = max(width, height, MAX_SIZE)
    columns, rows = max(width * MAX_SIZE // longest, 1), max(height * MAX_SIZE // longest, 1)
    return columns, rows, bytes(pixels[y * height // rows * width + x * width // columns]
                                for y in range(rows) for x in range(columns))


def explain(future, error):
    """What went wrong with a file, for who has never heard of workers."""
    death = future.get_death()
    if death is None:
        return str(error) or type(error).__name__
    if death.get_cause() == PPool.DeathCause.ENDED:
        return 'it takes longer than %d s' % (TIMEOUT_MSEC // 1000)
    if death.get_cause() == PPool.DeathCause.OUT_OF_MEMORY:
        return 'it needs more memory than there is'
    if death.get_signal_number():
        return 'the decoder crashed: %s' % signal.strsignal(death.get_signal_number())
    return 'the decoder crashed: %s' % death.get_message()


def finish(future, name, output):
    """Returns whether the file was a good one."""
    try:
        width, height, pixels = future.result()
    except Exception as error:  # whatever a decoder raises
        print('thumbnails: %s: %s' % (name, explain(future, error)), file=sys.stderr)
        return False
    with open(os.path.join(output, name), 'wb') as file:
        file.write(b'P5\n%d %d\n255\n' % (width, height) + pixels)
    return True


def worker_exited(executor, status, error):
    print('thumbnails: worker %d: %s' % (status.get_slot(), error.message if error else
                                         'has exited'), file=sys.stderr)


def tell_of_workers():
    """That is told in the main context, which nothing else here needs."""
    while GLib.MainContext.default().iteration(False):
        pass


def show_progress(text):
    if sys.stderr.isatty():
        print('\r' + text, end='', file=sys.stderr, flush=True)


def main(folder, output, is_verbose):
    launcher = PPool.Launcher.new_self()
    launcher.set_stderr_mode(PPool.StderrMode.DISCARD)  # it is told with a death
    names = os.listdir(folder)
    n_bad = 0
    with PPool.Executor(launcher) as executor:
        executor.set_crash_policy(PPool.CrashPolicy.REPLACE)
        executor.set_abort_grace_msec(0)  # the decoder doesn't look whether it is wanted
        executor.set_call_timeout_msec(TIMEOUT_MSEC)
        if is_verbose:
            executor.connect('worker-exited', worker_exited)
        futures = {executor.submit('thumbnail', os.path.join(folder, name)): name for name in names}
        for n_done, future in enumerate(PPool.as_completed(futures)):
            show_progress('\033[K')
            n_bad += not finish(future, futures[future], output)
            tell_of_workers()
            show_progress('%d of %d files' % (n_done + 1, len(names)))
    tell_of_workers()
    show_progress('\033[K')
    print('%d thumbnails, %d files are bad' % (len(names) - n_bad, n_bad))
    return 1 if n_bad else 0


if PPool.Worker.is_spawned():
    sys.exit(worker.run())
verbose = sys.argv[1:2] == ['--verbose']
if len(sys.argv) != 3 + verbose:
    sys.exit('Usage: thumbnails.py [--verbose] FOLDER OUTPUT')
sys.exit(main(*sys.argv[-2:], verbose))
