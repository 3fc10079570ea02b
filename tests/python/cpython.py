# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs CPython's own tests of concurrent.futures.ProcessPoolExecutor, as they are installed
here, with PPool.ProcessPoolExecutor. Names of tests as arguments choose those to be run."""

import multiprocessing
import os
import sys
import time
import unittest

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

try:
    from test import test_concurrent_futures as module
except ImportError:
    module = None
    WHY_NOT = 'CPython\'s own tests are not installed; Debian has them in libpython3.11-testsuite'
else:
    if not hasattr(module, 'ProcessPoolShutdownTest'):
        module = None
        WHY_NOT = 'these tests of CPython are arranged in another way than those of 3.11'

PROCESSES = 'looks into the executor\'s _processes'
THREAD = 'waits for the executor\'s _executor_manager_thread'

# Tests of what CPython's executor has inside, and no program uses. What they are about is
# tested through the public interface in process_pool.py.
LEFT_OUT = {
    'ProcessPoolShutdownTest': {
        'test_processes_terminate': PROCESSES,
        'test_context_manager_shutdown': PROCESSES,
        'test_del_shutdown': PROCESSES,
        'test_shutdown_no_wait': PROCESSES,
    },
    'ProcessPoolExecutorTest': {
        'test_killed_child': PROCESSES,
        'test_saturation': PROCESSES,
        'test_idle_process_reuse_one': PROCESSES,
        'test_idle_process_reuse_multiple': PROCESSES,
        'test_max_tasks_per_child': PROCESSES,
    },
    'ExecutorDeadlockTest': {
        'test_shutdown_deadlock_pickle': THREAD,
    },
}

MIXINS = ['InitializerMixin', 'FailingInitializerMixin', 'ProcessPoolShutdownTest', 'WaitTests',
          'AsCompletedTests', 'ProcessPoolExecutorTest', 'ExecutorDeadlockTest']

# Some tests run a script in a process of its own, which names the class and its module.
STANDARD_IMPORT = 'from concurrent.futures import ProcessPoolExecutor\n'
IMPORT = ('import multiprocessing, gi; gi.require_version("PPool", "1.0"); '
          'from gi.repository import PPool; '
          'ProcessPoolExecutor = PPool.ProcessPoolExecutor\n')


class PatientExecutor(PPool.ProcessPoolExecutor):
    """Has the calls that it cancels after at least one runs, as a test counts on. The standard
    executor says that a call runs, and doesn't cancel it, once it is in the queue of the workers,
    also before there is a worker; this one does when a worker has taken it."""

    def __init__(self, *args):
        super().__init__(*args)
        self.futures = []

    def submit(self, *args):
        self.futures.append(super().submit(*args))
        return self.futures[-1]

    def shutdown(self, *args, **kwargs):
        while self.futures and not any(future.running() or future.done()
                                       for future in self.futures):
            time.sleep(0.001)
        super().shutdown(*args, **kwargs)


class PPoolMixin:
    """What the tests' own mixins are for the standard executor. Workers are fresh processes, so
    locks and queues for them come from the context of "spawn"."""
    executor_type = PPool.ProcessPoolExecutor
    ctx = 'spawn'

    def setUp(self):
        super().setUp()
        if self._testMethodName == 'test_cancel_futures':
            self.executor.shutdown()
            self.executor = PatientExecutor(self.worker_count)

    def get_context(self):
        return multiprocessing.get_context(self.ctx)


def make_cases():
    """Makes the classes, where a worker finds them too: some tests call methods of theirs."""
    for name in MIXINS:
        globals()[name] = type(name, (PPoolMixin, getattr(module, name), module.ExecutorMixin,
                                      module.BaseTestCase), {'__module__': __name__})


def adapt(assert_python_ok):
    """The scripts find the override through the environment, which such tests ignore."""
    def wrapper(option, script):
        assert STANDARD_IMPORT in script, script
        return assert_python_ok(option, script.replace(STANDARD_IMPORT, IMPORT),
                                __isolated=False, PYTHONPATH=os.environ.get('PYTHONPATH', ''))
    return wrapper


class Result(unittest.TestResult):
    """Prints the line of each test."""

    def __init__(self):
        super().__init__()
        self.texts = []
        self.skip = ''

    def startTest(self, test):
        super().startTest(test)
        self.texts.clear()
        self.skip = ''

    def addError(self, test, error):
        super().addError(test, error)
        self.texts.append(self.errors[-1][1])

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.texts.append(self.failures[-1][1])

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(subtest, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = ' # SKIP ' + reason

    def stopTest(self, test):
        for line in ''.join(self.texts).splitlines():
            print('#', line)
        print('%s %d %s.%s%s' % ('not ok' if self.texts else 'ok', self.testsRun,
                                 type(test).__name__, test._testMethodName, self.skip), flush=True)
        super().stopTest(test)


def collect(chosen):
    """Returns the tests, and the reasons of those that are left out by their names."""
    suite = unittest.TestSuite()
    reasons = {}
    for name in MIXINS:
        case = globals()[name]
        for test in unittest.defaultTestLoader.getTestCaseNames(case):
            if chosen and test not in chosen:
                continue
            reason = LEFT_OUT.get(name, {}).get(test)
            if reason is not None:
                reasons[name + '.' + test] = reason
            else:
                suite.addTest(case(test))
    return suite, reasons


def main():
    if module is None:
        print('1..0 # SKIP', WHY_NOT)
        return 0
    module.assert_python_ok = adapt(module.assert_python_ok)
    module.support.verbose = 0
    suite, reasons = collect(sys.argv[1:])
    print('1..%d' % (suite.countTestCases() + len(reasons)))
    # The thread that tells futures is there for good, which the tests would complain of.
    with PPool.ProcessPoolExecutor(1) as executor:
        executor.submit(abs, 1).result()
    module.setUpModule()
    result = Result()
    suite.run(result)
    for number, (name, reason) in enumerate(reasons.items(), result.testsRun + 1):
        print('ok %d %s # SKIP %s' % (number, name, reason))
    return 0 if result.wasSuccessful() else 1


if module is not None:
    make_cases()

if __name__ == '__main__':
    sys.exit(main())
