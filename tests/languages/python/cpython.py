# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs CPython's own tests of concurrent.futures.ProcessPoolExecutor, as they are installed
here, with PPool.ProcessPoolExecutor. Names of tests as arguments choose those to be run."""

import importlib
import multiprocessing
import os
import sys
import time
import unittest

import gi

gi.require_version('PPool', '1.0')

from gi.repository import PPool  # noqa: E402

PACKAGE = 'test.test_concurrent_futures'

# Where the tests are from Python 3.12 on, which has a package in the place of one module.
MODULES = {
    'InitializerMixin': 'test_init',
    'FailingInitializerMixin': 'test_init',
    'ProcessPoolShutdownTest': 'test_shutdown',
    'WaitTests': 'test_wait',
    'AsCompletedTests': 'test_as_completed',
    'ProcessPoolExecutorTest': 'test_process_pool',
    'ExecutorDeadlockTest': 'test_deadlock',
    'ExecutorMixin': 'util',
    'BaseTestCase': 'util',
}


def find_modules():
    """Returns the module of each class of tests, or None if CPython's tests are not installed or
    are arranged in yet another way."""
    try:
        whole = importlib.import_module(PACKAGE)
        if hasattr(whole, 'ProcessPoolShutdownTest'):
            return dict.fromkeys(MODULES, whole)
        modules = {name: importlib.import_module('%s.%s' % (PACKAGE, part))
                   for name, part in MODULES.items()}
    except ImportError:
        return None
    return modules if all(hasattr(modules[name], name) for name in modules) else None


modules = find_modules()
WHY_NOT = ('CPython\'s own tests are not installed, or not as they are in 3.11 to 3.13; Debian has '
           'them in libpython3.11-testsuite')

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
        'test_python_finalization_error': THREAD,
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
        bases = (getattr(modules[base], base) for base in (name, 'ExecutorMixin', 'BaseTestCase'))
        globals()[name] = type(name, (PPoolMixin, *bases), {'__module__': __name__})


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
    if modules is None:
        print('1..0 # SKIP', WHY_NOT)
        return 0
    scripts = modules['ProcessPoolShutdownTest']
    scripts.assert_python_ok = adapt(scripts.assert_python_ok)
    scripts.support.verbose = 0
    suite, reasons = collect(sys.argv[1:])
    print('1..%d' % (suite.countTestCases() + len(reasons)))
    # The thread that tells futures is there for good, which the tests would complain of.
    with PPool.ProcessPoolExecutor(1) as executor:
        executor.submit(abs, 1).result()
    scripts.setUpModule()
    result = Result()
    suite.run(result)
    for number, (name, reason) in enumerate(reasons.items(), result.testsRun + 1):
        print('ok %d %s # SKIP %s' % (number, name, reason))
    return 0 if result.wasSuccessful() else 1


if modules is not None:
    make_cases()

if __name__ == '__main__':
    sys.exit(main())
