# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs one at a time, and leaves none of their processes behind."""

import ctypes
import json
import os
import pathlib
import signal
import subprocess
import time

TIMEOUT = 120
# How long processes whose parent has ended may take to end as well.
PATIENCE = 2

PR_SET_CHILD_SUBREAPER = 36


def children():
    """The processes that are this one's to reap."""
    for task in pathlib.Path('/proc/self/task').iterdir():
        yield from map(int, (task / 'children').read_text().split())


def end_leftovers():
    """Reaps what programs left behind; returns how many had to be killed."""
    deadline = time.monotonic() + PATIENCE
    killed = 0
    while pids := list(children()):
        for pid in pids:
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            for pid in children():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                killed += 1
        time.sleep(0.005)
    return killed


class Runner:
    def __init__(self, timeout=TIMEOUT):
        self.timeout = timeout
        # Grandchildren come here when their parent ends.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self, command, environ):
        """What a program measured: its JSON object, or {'failed': why}."""
        try:
            process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       start_new_session=True)
        except OSError as error:
            return {'failed': str(error)}
        try:
            output, errors = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return {'failed': 'no result in %d seconds' % self.timeout}
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                end_leftovers()
        result = self.read(process.returncode, output.decode(errors='replace'),
                           errors.decode(errors='replace'))
        killed = end_leftovers()
        if killed and 'failed' not in result:
            result['left_behind'] = killed
        return result

    @staticmethod
    def read(status, output, errors):
        try:
            if status == 0:
                return json.loads(output.splitlines()[-1])
        except (ValueError, IndexError):
            pass
        last = (errors.strip().splitlines() or ['no message'])[-1]
        return {'failed': 'status %d: %s' % (status, last)}
