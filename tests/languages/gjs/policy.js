// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Functions that crash or hang: crash policies, options of calls, aborts, deaths.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {
    Signal, check, checkEqual, checkMatches, checkRejects, checkThrows, runTests, until,
} from './tap.js';

const {REPLACE} = PPool.CrashPolicy;

const functions = {
    'echo': value => value,
    'exit': status => System.exit(status),
    'exit-first': (value, invocation) =>
        invocation.get_attempt() > value ? invocation.get_attempt() : System.exit(4),
    'same': (value, invocation) => invocation.get_args(),
    'has-deadline': (value, invocation) => invocation.get_deadline() > GLib.get_monotonic_time(),
    'kill': (number, invocation) => {
        printerr('last words');
        Gio.Subprocess.new(['kill', `-${number}`, `${new Gio.Credentials().get_unix_pid()}`],
            Gio.SubprocessFlags.NONE);
        for (;;)
            GLib.usleep(10000);
    },
    'no-memory': () => {
        printerr('GLib-ERROR: a.c:1: failed to allocate 7 bytes');
        System.exit(1);
    },
    'say': text => printerr(text),
    // Says that it runs, and comes to no end.
    'hang': path => {
        GLib.file_set_contents(path, '');
        for (;;)
            GLib.usleep(10000);
    },
    // Is over when nobody wants it any more.
    'wait': (path, invocation) => {
        GLib.file_set_contents(path, '');
        while (!invocation.get_cancellable().is_cancelled())
            GLib.usleep(1000);
        return 'was told';
    },
};

// The place where a function says that it runs.
class Mark {
    constructor() {
        this.path = `${GLib.dir_make_tmp('ppool-XXXXXX')}/runs`;
    }

    async seen() {
        await until(() => GLib.file_test(this.path, GLib.FileTest.EXISTS));
        GLib.unlink(this.path);
        GLib.rmdir(GLib.path_get_dirname(this.path));
    }
}

const {TIMED_OUT, WORKER_DIED} = PPool.Error;

const isCancelled = error =>
    checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);

const tests = {
    'replace': async executor => {
        const values = Array.from({length: 20},
            (_, i) => executor.call(i === 10 ? 'exit' : 'echo', i).catch(error => error));
        const all = await Promise.all(values);
        const [error] = all.splice(10, 1);

        checkMatches(error, PPool.Error, WORKER_DIED);
        check(error.message.includes('status 10'), error.message);
        checkEqual(all, Array.from({length: 20}, (_, i) => i).filter(i => i !== 10));
        checkEqual(executor.state, PPool.ExecutorState.RUNNING);
    },

    'death': async executor => {
        const future = executor.submit('exit', 3, {label: 'tree.tiff'});
        const error = await checkRejects(PPool.Error, '(tree.tiff)', future.result_async());
        const death = future.get_death();

        checkMatches(error, PPool.Error, WORKER_DIED);
        checkEqual([death.cause, death.exitStatus, death.signal_number, death.function,
            death.workerPid, death.message],
        [PPool.DeathCause.EXIT, 3, 0, 'exit', future.get_worker_pid(), error.message]);
        checkEqual(executor.submit('echo').get_death(), null);
    },

    // Errors of calls that are lost have it, in whatever way they come.
    'error.death': async executor => {
        const options = {label: 'a door'};
        const later = async function* () {
            yield 3;
        };
        const errors = [
            await checkRejects(PPool.Error, '', executor.call('exit', 3)),
            await checkRejects(PPool.Error, '', executor.call('exit', 3, options)),
            await checkRejects(PPool.Error, '', executor.submit('exit', 3).result_async()),
            await checkRejects(PPool.Error, '', executor.map('exit', [3]).next_value_async()),
            await checkRejects(PPool.Error, '', executor.map('exit', later()).next()),
            checkThrows(PPool.Error, '', () => executor.call_sync('exit', 3)),
            checkThrows(PPool.Error, '', () => executor.call_sync('exit', 3, options)),
            checkThrows(PPool.Error, '',
                () => executor.call_sync('exit', 3, new Gio.Cancellable())),
            checkThrows(PPool.Error, '', () => executor.submit('exit', 3).result()),
            checkThrows(PPool.Error, '', () => executor.map('exit', [3]).next_value()),
        ];
        const future = executor.submit('exit', 3);

        errors.push(await checkRejects(PPool.Error, '', future.result_async()),
            checkThrows(PPool.Error, '', () => future.propagate()), future.get_error());
        for (const error of errors)
            checkEqual([error.death?.exit_status, error.death?.message], [3, error.message]);

        const mark = new Mark();
        const limit = await checkRejects(PPool.Error, '',
            executor.call('hang', mark.path, {timeout: 500}));

        await mark.seen();
        checkEqual(limit.death.cause, PPool.DeathCause.ENDED);
        const other = await checkRejects(PPool.Error, '', executor.call('no-such-function'));

        checkEqual(other.death, undefined);
    },

    // Each cause that a test can bring about, and all that is told of it.
    'causes': async () => {
        const {CLOSED, ENDED, EXIT, KILLED, LIMIT, OUT_OF_MEMORY, PROTOCOL, SIGNAL} =
            PPool.DeathCause;
        const executor = new PPool.Executor({
            maxWorkers: 1, crashPolicy: REPLACE, abortGraceMsec: 0,
        });
        const die = async (name, args) => {
            const future = executor.submit(name, args, {label: 'tree.tiff'});
            const error = await checkRejects(PPool.Error, '(tree.tiff)', future.result_async());
            const death = future.get_death();

            checkMatches(error, PPool.Error, WORKER_DIED);
            checkEqual([death.get_message(), death.get_function(), death.get_worker_pid()],
                [error.message, name, future.get_worker_pid()]);
            check(death.get_run_time() >= 0, death.run_time);
            return death;
        };

        for (const [number, cause] of [[15, SIGNAL], [9, KILLED],
            [25, LIMIT]]) {
            const death = await die('kill', number);

            checkEqual([number, death.get_cause(), death.get_signal_number(),
                death.get_exit_status(), death.get_stderr_tail().trim()],
            [number, cause, number, -1, 'last words']);
        }
        checkEqual((await die('no-memory')).cause, OUT_OF_MEMORY);

        const mark = new Mark();
        const aborted = executor.submit('hang', mark.path);

        await mark.seen();
        aborted.abort();
        isCancelled(await checkRejects(Gio.IOErrorEnum, '', aborted.result_async()));
        checkEqual([aborted.get_death().cause, aborted.get_death().signalNumber], [ENDED, 9]);

        // Of what was written before a call, nothing is told.
        await executor.call('say', 'words of another call');
        const left = await die('exit', 5);

        checkEqual([left.cause, left.signalNumber, left.exitStatus, left.stderrTail],
            [EXIT, 0, 5, null]);
        await executor.shutdown_async();

        const worker = `${GLib.getenv('G_TEST_BUILDDIR')}/workers/raw-worker`;

        for (const [step, cause] of [['unasked:method', PROTOCOL], ['close', CLOSED]]) {
            const raw = new PPool.Executor({
                launcher: PPool.Launcher.new([worker, 'init', 'call', step, 'hang']),
                maxWorkers: 1, crashPolicy: REPLACE,
            });
            const future = raw.submit('function');

            checkMatches(await checkRejects(PPool.Error, '', future.result_async()),
                PPool.Error, WORKER_DIED);
            checkEqual([step, future.get_death().cause, future.get_death().exitStatus],
                [step, cause, -1]);
            await raw.shutdown_async();
        }
    },

    // What an executor that breaks says of it, and of those that it ends for that.
    'exits': async () => {
        const {BROKEN, DIED, ENDED, SHUTDOWN, SURPLUS, TASKS, TERMINATED} = PPool.WorkerExitReason;
        const newExecutor = properties => {
            const executor = new PPool.Executor({abortGraceMsec: 0, ...properties});

            executor.exits = [];
            executor.connect('worker-exited', (_source, status, error) =>
                executor.exits.push([status.get_exit_reason(), error]));
            return executor;
        };
        const exited = async (executor, ...reasons) => {
            await until(() => executor.exits.length === reasons.length);
            checkEqual(executor.exits.map(([reason]) => reason).sort(), reasons.sort());
            for (const [reason, error] of executor.exits)
                checkEqual(error !== null, reason === DIED || reason === ENDED);
        };
        const hangIn = async executor => {
            const mark = new Mark();
            const future = executor.submit('hang', mark.path);

            await mark.seen();
            return future;
        };

        // The one that dies, and the other one.
        const breaks = newExecutor({maxWorkers: 2});
        const other = await hangIn(breaks);

        checkMatches(await checkRejects(PPool.Error, 'status 3', breaks.call('exit', 3)),
            PPool.Error, PPool.Error.BROKEN);
        await checkRejects(PPool.Error, 'status 3', other.result_async());
        await exited(breaks, DIED, BROKEN);

        for (const end of ['terminate_workers', 'kill_workers']) {
            const ends = newExecutor({maxWorkers: 1});
            const future = await hangIn(ends);

            ends[end]();
            await checkRejects(PPool.Error, end, future.result_async());
            await exited(ends, TERMINATED);
        }

        const fewer = newExecutor({maxWorkers: 2, abortGraceMsec: 60000});
        const marks = [new Mark(), new Mark()];
        const waits = marks.map(mark => fewer.submit('wait', mark.path));

        await Promise.all(marks.map(mark => mark.seen()));
        fewer.maxWorkers = 1;
        waits[0].abort();
        await exited(fewer, SURPLUS);
        waits[1].abort();
        checkEqual(await Promise.all(waits.map(future => future.result_async())),
            ['was told', 'was told']);
        await fewer.shutdown_async();
        await exited(fewer, SURPLUS, SHUTDOWN);

        const recycles = newExecutor({maxWorkers: 1, maxTasksPerWorker: 1});

        await recycles.call('echo', 1);
        await exited(recycles, TASKS);
        recycles.maxTasksPerWorker = 0;
        await recycles.call('echo', 1);
        await recycles.shutdown_async();
        await exited(recycles, TASKS, SHUTDOWN);

        const fails = newExecutor({
            launcher: PPool.Launcher.new(['/bin/sh', '-c', 'exit 3']), maxWorkers: 1,
        });

        await checkRejects(PPool.Error, 'status 3', fails.call('echo', 1));
        await exited(fails, DIED);
        checkMatches(fails.exits[0][1], PPool.Error, PPool.Error.LAUNCH);
    },

    'timeout': async executor => {
        const mark = new Mark();
        const future = executor.submit('hang', mark.path, {timeout: 300});

        await mark.seen();
        const error = await checkRejects(PPool.Error, '300 ms', future.result_async());

        checkMatches(error, PPool.Error, TIMED_OUT);
        checkEqual(future.get_death().cause, PPool.DeathCause.ENDED);
        checkEqual(await executor.call('has-deadline', null, {timeout: 60000}), true);
        checkEqual(await executor.call('has-deadline'), false);
    },

    'every-door': async executor => {
        const options = {timeout: 60000, retries: 1, queueTimeout: 60000, label: 'a door'};
        const variant = new GLib.Variant('i', 5);

        checkEqual(executor.call_sync('exit-first', 1, options), 2);
        checkEqual(await executor.call('exit-first', 1, options), 2);
        checkEqual(await executor.call_async('exit-first', 1, options), 2);
        checkEqual(await executor.submit('exit-first', 1, options).result_async(), 2);
        checkEqual(await new Promise(resolve => executor.call_async('exit-first', 1, options,
            (source, result) => resolve(source.call_finish(result).unpack()))), 2);
        checkEqual(executor.call_sync('same', variant, options), variant);
        checkEqual(await executor.call('same', variant, options), variant);
        checkEqual(executor.submit('same', variant, options).result(), variant);
        checkEqual([...executor.map('exit-first', [1, 0, 1], options)], [2, 1, 2]);

        const later = async function* () {
            yield 1;
            yield 0;
        };
        const got = [];

        for await (const value of executor.map('exit-first', later(), options))
            got.push(value);
        checkEqual(got, [2, 1]);
        const {label, max_retries, queue_timeout_msec, timeoutMsec} =
            executor.submit('echo', 1, options).get_call();

        checkEqual([label, max_retries, queue_timeout_msec, timeoutMsec],
            ['a door', 1, 60000, 60000]);
        checkEqual(await executor.call('echo', 1, {}), 1);
        checkEqual(await executor.call('echo', 1, {timeout: undefined, cancellable: null}), 1);
    },

    'retries': async executor => {
        const future = executor.submit('exit-first', 2, {retries: 2});

        checkEqual(await future.result_async(), 3);
        checkEqual(future.get_n_attempts(), 3);
        const error = await checkRejects(PPool.Error, 'lost with 2 workers',
            executor.call('exit-first', 5, {retries: 1}));

        checkMatches(error, PPool.Error, WORKER_DIED);
    },

    'queue-timeout': async executor => {
        const marks = [new Mark(), new Mark()];
        const busy = marks.map(mark => executor.submit('wait', mark.path));

        await Promise.all(marks.map(mark => mark.seen()));
        const error = await checkRejects(PPool.Error, 'never ran',
            executor.call('echo', 1, {queueTimeout: 20}));

        checkMatches(error, PPool.Error, TIMED_OUT);
        busy.forEach(future => future.abort());
        checkEqual(await Promise.all(busy.map(future => future.result_async())),
            ['was told', 'was told']);
    },

    'abort': async executor => {
        const mark = new Mark();
        const future = executor.submit('hang', mark.path);

        await mark.seen();
        future.abort();
        isCancelled(await checkRejects(Gio.IOErrorEnum, 'abort', future.result_async()));
        check(future.is_cancelled(), 'is cancelled');
        checkEqual(await executor.call('echo', 1), 1);
    },

    // As a cancellable alone does, and as one of the options.
    'cancellables': async () => {
        const executor = new PPool.Executor(
            {maxWorkers: 1, cancelRunning: true, abortGraceMsec: 20});

        for (const wrap of [given => given, cancellable => ({cancellable}),
            cancellable => ({cancellable, timeout: 60000})]) {
            for (const begin of ['call', 'submit']) {
                const mark = new Mark();
                const signal = new Signal();
                const begun = executor[begin]('hang', mark.path, wrap(signal));
                const failing = checkRejects(Gio.IOErrorEnum, '',
                    begun.then ? begun : begun.result_async());

                await mark.seen();
                checkEqual(signal.listeners.size, 1);
                signal.abort();
                isCancelled(await failing);
                await until(() => signal.listeners.size === 0 && executor.nRunning === 0);

                const cancellable = new Gio.Cancellable();

                cancellable.cancel();
                isCancelled(checkThrows(Gio.IOErrorEnum, '',
                    () => executor.call_sync('echo', 1, wrap(cancellable))));
                isCancelled(await checkRejects(Gio.IOErrorEnum, '',
                    executor.call('echo', 1, wrap(cancellable))));
            }
        }
        checkEqual(await executor.call('echo', 1), 1);
        await executor.shutdown_async();
    },

    // That of a map ends what it runs.
    'cancellable-of-map': async () => {
        const executor = new PPool.Executor({
            maxWorkers: 1, crashPolicy: REPLACE, abortGraceMsec: 0, cancelRunning: true,
        });

        for (const later of [false, true]) {
            const mark = new Mark();
            const cancellable = new Gio.Cancellable();
            const inputs = later ? (async function* () {
                yield mark.path;
            })() : [mark.path];
            const map = executor.map('hang', inputs, {cancellable});
            const read = later ? map.next() : map.next_value_async();

            // eslint-disable-next-line no-await-in-loop
            await mark.seen();
            cancellable.cancel();
            // eslint-disable-next-line no-await-in-loop
            isCancelled(await checkRejects(Gio.IOErrorEnum, '', read));
            // eslint-disable-next-line no-await-in-loop
            checkEqual(await executor.call('echo', 1), 1);
        }
        await executor.shutdown_async();
    },

    'wrong-options': async executor => {
        for (const [options, type, text] of [
            [{timeuot: 5}, TypeError, 'options: there is no timeuot'],
            [{timeout_msec: 5}, TypeError, 'options: there is no timeout_msec'],
            [{timeout: 0.5}, RangeError, 'timeout_msec: 0.5 is no integer'],
            [{timeout: Infinity}, RangeError, 'timeout_msec: Infinity is no integer'],
            [{queueTimeout: -2}, RangeError, 'queue_timeout_msec: -2 is no integer'],
            [{retries: -1}, RangeError, 'max_retries: -1 is no integer'],
            [{retries: '2'}, RangeError, 'max_retries: a string is no integer'],
            [{label: 5}, TypeError, 'label: not a string but a number'],
            [{label: 'a\0b'}, TypeError, 'label: a string with a NUL'],
        ]) {
            checkThrows(type, text, () => executor.submit('echo', 1, options));
            checkThrows(type, text, () => executor.call_sync('echo', 1, options));
            await checkRejects(type, text, executor.call('echo', 1, options));
            if (!('timeout_msec' in options)) {
                checkThrows(type, text, () => executor.map('echo', [1], options));
                checkThrows(type, text, () => executor.map('echo', (async function* () {
                    yield 1;
                })(), options));
            }
        }
        for (const wrong of [5, 'now', [], new Map(), new Date(), {aborted: false},
            {cancellable: 5}]) {
            checkThrows(TypeError, 'cancellable: neither', () => executor.submit('echo', 1, wrong));
            await checkRejects(TypeError, 'cancellable: neither', executor.call('echo', 1, wrong));
        }
        checkEqual(await executor.call('echo', 1), 1);
    },

    'properties': () => {
        const executor = new PPool.Executor({
            crashPolicy: REPLACE, maxStartFailures: 2, abort_grace_msec: 3, callTimeoutMsec: 4,
            queue_timeout_msec: 5, cancelRunning: true,
        });

        checkEqual([executor.crash_policy, executor.max_start_failures, executor.abortGraceMsec,
            executor.call_timeout_msec, executor.queueTimeoutMsec, executor.cancel_running],
        [REPLACE, 2, 3, 4, 5, true]);
        executor.callTimeoutMsec = -1;
        executor.set_queue_timeout_msec(-1);
        for (const name of ['callTimeoutMsec', 'queueTimeoutMsec', 'abortGraceMsec', 'crashPolicy',
            'maxStartFailures']) {
            for (const wrong of [-2, 0.5, 2 ** 32, 'REPLACE', NaN, null]) {
                checkThrows(RangeError, 'is no integer', () => new PPool.Executor({[name]: wrong}));
                checkThrows(RangeError, 'is no integer', () => (executor[name] = wrong));
            }
        }

        const call = new PPool.Call({function: 'echo', args: 1, timeoutMsec: 7, label: 'one'});

        checkEqual([call.timeout_msec, call.label, call.queueTimeoutMsec], [7, 'one', -1]);
        call.label = null;
        checkEqual([call.label, call.get_label()], [null, null]);
    },

    // What is told of workers that start and exit, and of their deaths.
    'workers': async () => {
        const {DIED, ENDED, NONE, SHUTDOWN, TASKS} = PPool.WorkerExitReason;
        const executor = new PPool.Executor({
            maxWorkers: 1, maxTasksPerWorker: 2, crashPolicy: REPLACE, abortGraceMsec: 0,
        });
        const started = [];
        const exited = new Map();
        const mark = new Mark();

        executor.connect('worker-started', (source, status) => {
            checkEqual([source === executor, status.get_exit_reason()], [true, NONE]);
            started.push(status);
        });
        executor.connect('worker-exited', (source, status, reason) => exited.set(status, reason));

        const first = executor.submit('echo', 1);

        await Promise.all([first.result_async(), executor.call('echo', 2)]);
        const death = await checkRejects(PPool.Error, 'status 7', executor.call('exit', 7));
        const late = executor.submit('hang', mark.path, {timeout: 300});

        await mark.seen();
        const limit = await checkRejects(PPool.Error, '300 ms', late.result_async());

        checkEqual(await executor.call('echo', 3), 3);
        await executor.shutdown_async();
        await until(() => exited.size === 4);
        checkEqual(started.map(status => status.exitReason), [TASKS, DIED, ENDED, SHUTDOWN]);
        checkEqual([started[0].slot, started[0].pid], [0, first.get_worker_pid()]);
        // The same objects, and errors like those of the calls.
        const errors = started.map(status => exited.get(status));

        checkEqual([errors[0], errors[3]], [null, null]);
        checkEqual(started.map(status => status.death?.cause),
            [undefined, PPool.DeathCause.EXIT, PPool.DeathCause.ENDED, undefined]);
        checkEqual(started[1].get_death().exit_status, 7);
        checkMatches(errors[1], PPool.Error, WORKER_DIED);
        checkMatches(errors[2], PPool.Error, TIMED_OUT);
        checkEqual([errors[1].message, errors[2].message], [death.message, limit.message]);
    },

    // A button "Try again".
    'revive': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});

        checkMatches(await checkRejects(PPool.Error, 'status 3', executor.call('exit', 3)),
            PPool.Error, PPool.Error.BROKEN);
        checkEqual(executor.state, PPool.ExecutorState.BROKEN);
        checkEqual(executor.revive(), true);
        checkEqual(await executor.call('echo', 1), 1);
        await executor.shutdown_async();
        checkMatches(checkThrows(PPool.Error, '', () => executor.revive()),
            PPool.Error, PPool.Error.SHUT_DOWN);
    },

    // Each value is as its input was, also behind one that is lost.
    'map': async executor => {
        const inputs = [0, 5, new GLib.Variant('x', 0n), 5, 0];
        const map = executor.map('exit-first', inputs, {label: 'of a map', stopOnError: false});
        const got = [];

        checkEqual(map.stop_on_error, false);
        for (;;) {
            try {
                const value = await map.next_value_async();

                if (value === undefined)
                    break;
                got.push(value);
            } catch (error) {
                const [failed, index] = map.get_failed_future();

                checkMatches(error, PPool.Error, WORKER_DIED);
                check(error.message.includes('(of a map)'), error.message);
                checkEqual([index, failed.get_n_attempts()], [got.length, 1]);
                checkEqual([error.death.exit_status, error.death === failed.get_death()],
                    [4, true]);
                got.push('lost');
            }
        }
        checkEqual(got, [1, 'lost', new GLib.Variant('x', 1n), 'lost', 1]);
        checkEqual(map.get_failed_future(), [null, 0]);

        // Which is a generator, and ends with an error.
        const later = (async function* () {
            yield 0;
        })();

        checkThrows(TypeError, 'stop_on_error',
            () => executor.map('echo', later, {stop_on_error: false}));
        for await (const value of executor.map('echo', later, {stop_on_error: true}))
            checkEqual(value, 0);
    },
};

runTests(tests, functions, {maxWorkers: 2, crashPolicy: REPLACE, abortGraceMsec: 300});
