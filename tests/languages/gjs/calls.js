// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Calls and their futures: promises, defaults, cancellables, dropped objects.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {
    Signal, check, checkEqual, checkMatches, checkRejects, checkThrows, idle, runTests, until,
} from './tap.js';

const functions = {
    'echo': value => value,
    'same': (value, invocation) => invocation.get_args(),
    'type': (value, invocation) => invocation.get_args().print(true),
    'fail': () => {
        throw new GLib.Error(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND, 'nothing here');
    },
    // Is busy until a file is there.
    'wait-for': path => {
        while (!GLib.file_test(path, GLib.FileTest.EXISTS))
            GLib.usleep(1000);
        return path;
    },
    'getenv': variable => GLib.getenv(variable),
    'garbage': value => {
        System.gc();
        return value;
    },
};

// Keeps a worker busy until it is opened.
class Gate {
    constructor(executor) {
        this.path = `${GLib.dir_make_tmp('ppool-XXXXXX')}/gate`;
        this.future = executor.submit('wait-for', this.path);
    }

    async open() {
        GLib.file_set_contents(this.path, '');
        checkEqual(await this.future.result_async(), this.path);
        GLib.unlink(this.path);
        GLib.rmdir(GLib.path_get_dirname(this.path));
    }
}

function closeAll(executor) {
    const gates = [new Gate(executor), new Gate(executor)];

    return {open: () => Promise.all(gates.map(gate => gate.open()))};
}

const tests = {
    'promises': async executor => {
        checkEqual(await executor.call('echo', [1, 'a']), [1, 'a']);
        checkEqual(await executor.call('echo'), null);
        checkEqual(await executor.call('echo', undefined, null), null);
        checkEqual(await executor.call_async('echo', 5), 5);
        checkEqual(await executor.submit('echo', 5).result_async(), 5);
        checkEqual(await executor.call('same', new GLib.Variant('i', 5)), new GLib.Variant('i', 5));

        const many = Array.from({length: 300}, (_, i) => executor.call('echo', i));

        checkEqual(await Promise.all(many), Array.from({length: 300}, (_, i) => i));
    },

    'names': async executor => {
        const text = 'the name of the function has a NUL character';

        checkThrows(TypeError, text, () => executor.submit('echo\0', 1));
        checkThrows(TypeError, text, () => executor.call_sync('echo\0', 1));
        checkThrows(TypeError, text, () => executor.map('echo\0', [1]));
        checkThrows(TypeError, text, () => executor.map_func('echo\0', () => null));
        checkThrows(TypeError, text, () => PPool.Call.new('echo\0', 1));
        await checkRejects(TypeError, text, executor.call('echo\0', 1));
        checkEqual(await executor.call('echo', 1), 1);
    },

    'blocking': executor => {
        checkEqual(executor.call_sync('echo', {a: 1}), {a: 1});
        checkEqual(executor.call_sync('echo'), null);

        const future = executor.submit('echo', 'text');

        checkEqual(future.result(), 'text');
        checkEqual(future.result(0), 'text');
        checkEqual(future.propagate(), 'text');
        checkEqual(future.get_error(), null);
        checkEqual(executor.submit('echo').result(), null);
    },

    // Who gives a variant gets one, whichever way.
    'variants': async executor => {
        const variant = new GLib.Variant('(i)', [7]);
        const future = executor.submit('same', variant);

        checkEqual(future.result(), variant);
        checkEqual(future.propagate(), variant);
        checkEqual(await future.result_async(), variant);
        checkEqual(executor.call_sync('same', variant), variant);
        checkEqual(executor.submit_call(PPool.Call.new('same', variant)).result(), variant);
        checkEqual(executor.submit_call(new PPool.Call({function: 'same', args: variant})).result(),
            variant);
    },

    'call-objects': async executor => {
        const call = PPool.Call.new('echo', {a: [1]});

        checkEqual(await executor.submit_call(call).result_async(), {a: [1]});
        checkEqual(executor.submit_call(PPool.Call.new('echo')).result(), null);
        checkEqual(executor.submit_call(new PPool.Call({function: 'type', args: [1]})).result(),
            '[<int64 1>]');
        call.set_result_type(new GLib.VariantType('s'));
        const error = await checkRejects(PPool.Error, 'a{sv}',
            executor.submit_call(call).result_async());
        checkMatches(error, PPool.Error, PPool.Error.INVALID_ARGS);
    },

    // The future of an await is the future.
    'no-thenable': async executor => {
        const future = executor.submit('echo', 1);

        check(future.then === undefined, 'a future has no then');
        check(await future === future, 'an awaited future is itself');
    },

    'callbacks': async executor => {
        const called = [];

        executor.call_async('echo', 3, null, (self, result) => {
            called.push(self === executor, self.call_finish(result));
        });
        executor.submit('echo', 4).result_async(null, (self, result) => {
            called.push(self.result_finish(result));
        });
        executor.submit('echo', 5).add_done_callback(future => called.push(future.propagate()));
        await until(() => called.length === 4);
        checkEqual(new Set(called.map(String)).has('true'), true);
        checkEqual(called.filter(value => value instanceof GLib.Variant)
            .map(value => value.unpack()).sort(), [3, 4]);
        check(called.includes(5), 'the done callback');
    },

    // As a program would do that doesn't count on the override.
    'promisified': async executor => {
        const {call_async} = PPool.Executor.prototype;

        try {
            Gio._promisify(PPool.Executor.prototype, 'call_async');
            const value = await executor.call_async('same', new GLib.Variant('s', 'x'), null);

            checkEqual(value, new GLib.Variant('s', 'x'));
        } finally {
            PPool.Executor.prototype.call_async = call_async;
        }
    },

    'errors': async executor => {
        const future = executor.submit('fail');

        for (const error of await Promise.all([
            checkRejects(GLib.Error, 'nothing here', executor.call('fail')),
            checkRejects(GLib.Error, 'nothing here', future.result_async()),
            checkRejects(GLib.Error, 'nothing here', future.result_async()),
        ])) {
            checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);
            check(/Promise created here: ###\n.*calls\.js/s.test(error.stack), error.stack);
        }
        checkMatches(future.get_error(), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);
        checkThrows(Gio.IOErrorEnum, 'nothing here', () => future.result());
        checkThrows(Gio.IOErrorEnum, 'nothing here', () => future.propagate());
        checkThrows(Gio.IOErrorEnum, 'nothing here', () => executor.call_sync('fail'));
        checkMatches(await checkRejects(PPool.Error, 'no-such', executor.call('no-such')),
            PPool.Error, PPool.Error.UNKNOWN_FUNCTION);
    },

    'cancellable': async executor => {
        const gate = closeAll(executor);
        const cancellable = new Gio.Cancellable();
        const future = executor.submit('echo', 1, cancellable);
        const promise = executor.call('echo', 1, cancellable);
        const stopped = executor.submit('echo', 1);
        const waiting = stopped.result_async(cancellable);

        cancellable.cancel();
        for (const error of await Promise.all([
            checkRejects(Gio.IOErrorEnum, '', promise),
            checkRejects(Gio.IOErrorEnum, '', waiting),
            checkRejects(Gio.IOErrorEnum, '', executor.call('echo', 1, cancellable)),
        ]))
            checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
        check(future.is_cancelled() && !stopped.is_cancelled(), 'only the call');
        checkThrows(Gio.IOErrorEnum, '', () => executor.submit('echo', 1, cancellable));
        checkThrows(Gio.IOErrorEnum, '', () => executor.call_sync('echo', 1, cancellable));
        await gate.open();
        checkEqual(await stopped.result_async(), 1);
    },

    'signals': async executor => {
        const gate = closeAll(executor);
        const signal = new Signal();
        const done = executor.call('echo', 1, signal);
        const future = executor.submit('echo', 1, signal);
        const call = executor.submit_call(PPool.Call.new('echo', 1), signal);

        checkEqual(signal.listeners.size, 3);
        signal.abort();
        checkMatches(await checkRejects(Gio.IOErrorEnum, '', done),
            Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
        check(future.is_cancelled() && call.is_cancelled(), 'cancelled');
        checkThrows(Gio.IOErrorEnum, '', () => executor.submit('echo', 1, signal));
        await checkRejects(Gio.IOErrorEnum, '', executor.call('echo', 1, signal));
        await until(() => signal.listeners.size === 0);
        await gate.open();
    },

    // A signal that lives longer than the calls keeps nothing of them.
    'signals-are-left': async executor => {
        const signal = new Signal();

        await Promise.all(Array.from({length: 20}, () => executor.call('echo', 1, signal)));
        await checkRejects(TypeError, '', executor.call('echo', () => 1, signal));
        executor.call_sync('echo', 1, signal);
        const future = executor.submit('echo', 1, signal);
        await future.result_async(signal);
        await until(() => signal.listeners.size === 0);
        for (const wrong of ['now', {aborted: false}, new Date(), 5]) {
            await checkRejects(TypeError, 'cancellable: neither', executor.call('echo', 1, wrong));
            checkThrows(TypeError, 'cancellable: neither', () => executor.submit('echo', 1, wrong));
        }
    },

    // The call has its value all the same.
    'signals-that-fail': async executor => {
        const signal = new Signal();

        signal.removeEventListener = () => {
            throw new Error('no more');
        };
        GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_WARNING, '*no more*');
        checkEqual(await executor.call('echo', 1, signal), 1);
        GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_WARNING, '*no more*');
        checkEqual(executor.call_sync('echo', 2, signal), 2);
    },

    'properties': () => {
        for (const name of ['maxWorkers', 'max_workers', 'max-workers', 'graceMsec',
            'maxTasksPerWorker', 'spareWorkers']) {
            for (const value of [-1, 1.5, 2 ** 32, '4', NaN, null]) {
                checkThrows(RangeError, 'is no integer from 0 to 4294967295',
                    () => new PPool.Executor({[name]: value}));
            }
        }

        const executor = new PPool.Executor({maxWorkers: 3, initializerArgs: {a: 1}});

        checkEqual(executor.max_workers, 3);
        checkEqual(executor.initializer_args,
            new GLib.Variant('a{sv}', {a: new GLib.Variant('x', 1)}));
        checkThrows(RangeError, 'max_workers: -1 is no', () => (executor.maxWorkers = -1));
        checkThrows(RangeError, 'max_workers: -1 is no', () => executor.set_max_workers(-1));
        executor['max-workers'] = 4;
        checkEqual([executor.maxWorkers, executor.max_workers, executor.get_max_workers()],
            [4, 4, 4]);
        let notified = 0;
        executor.connect('notify::max-workers', () => notified++);
        executor.maxWorkers = 5;
        checkEqual(notified, 1);
        const launcher = PPool.Launcher.new_self();
        checkThrows(RangeError, 'handshake_timeout_msec',
            () => (launcher.handshakeTimeoutMsec = -1));
        launcher.setenv('PPOOL_TEST_VARIABLE', 'a');
        launcher.setenv('PPOOL_TEST_VARIABLE', 'b');
        launcher.setenv('PPOOL_TEST_VARIABLE', 'c', false);
        checkEqual(launcher.getenv('PPOOL_TEST_VARIABLE'), 'b');
        checkEqual(PPool.Executor.new(launcher).launcher, launcher);
        check(PPool.Executor.new().launcher instanceof PPool.Launcher, 'a launcher by default');
    },

    // As in other languages, the launcher needs no name.
    'constructor': async () => {
        const launcher = PPool.Launcher.new_self();
        const properties = {maxWorkers: 1, initializer: 'echo', initializerArgs: [1]};

        launcher.setenv('PPOOL_TEST_VARIABLE', 'given');
        checkEqual(new PPool.Executor(launcher).launcher, launcher);
        checkEqual(new PPool.Executor({launcher}).launcher, launcher);
        check(new PPool.Executor(null).launcher instanceof PPool.Launcher, 'a launcher by default');
        check(new PPool.Executor({launcher: null}).launcher instanceof PPool.Launcher, 'as well');

        const executor = new PPool.Executor(launcher, properties);

        checkEqual([executor.launcher, executor.maxWorkers, executor.initializer],
            [launcher, 1, 'echo']);
        checkEqual(PPool.unpack(executor.initializer_args), [1]);
        checkEqual(await executor.call('getenv', 'PPOOL_TEST_VARIABLE'), 'given');
        await executor.shutdown_async();

        const other = new Gio.Cancellable();

        for (const wrong of [4, 'gjs', ['gjs', '-m', 'x.js'], other, () => launcher]) {
            checkThrows(TypeError, 'properties: neither a PPool.Launcher nor an object ' +
                'of properties but a',
                () => new PPool.Executor(wrong));
            checkThrows(TypeError, 'launcher: not a PPool.Launcher but a',
                () => new PPool.Executor(wrong, {}));
            checkThrows(TypeError, 'properties: not an object of properties but a',
                () => new PPool.Executor(launcher, wrong));
            checkThrows(TypeError, 'properties: not an object of properties but a',
                () => new PPool.Launcher(wrong));
            checkThrows(TypeError, 'properties: not an object of properties but a',
                () => new PPool.Call(wrong));
        }
    },

    'names': async executor => {
        const later = async function* () {
            yield 1;
        };

        for (const [wrong, text] of [
            [null, 'not a string but null'], [undefined, 'not a string but undefined'],
            [42, 'not a string but a number'], [['echo'], 'not a string but an Array'],
            [() => 1, 'not a string but a function'], [Symbol('x'), 'not a string but a symbol'],
            [new String('echo'), 'not a string but a String'],
            ['echo\0', 'a string with a NUL character'],
            ['echo\ud83d', 'a string that is not well-formed'],
        ]) {
            for (const func of [
                () => executor.submit(wrong),
                () => executor.call_sync(wrong),
                () => executor.call_async(wrong, null, null, () => check(false, 'called')),
                () => executor.map(wrong, [1]),
                () => executor.map(wrong, later()),
                () => executor.map_func(wrong, () => 1),
                () => PPool.Call.new(wrong),
                () => new PPool.Worker().add_function(wrong, () => 1),
                () => new PPool.Worker().add_handler(wrong, () => 1),
            ])
                checkThrows(TypeError, `name: ${text}`, func);
            await checkRejects(TypeError, `name: ${text}`, executor.call(wrong));
            await checkRejects(TypeError, `name: ${text}`, executor.call_async(wrong));
            checkThrows(TypeError, 'function: ', () => new PPool.Call({function: wrong}));
            if (wrong !== null && wrong !== undefined) {
                checkThrows(TypeError, `initializer: ${text}`,
                    () => new PPool.Executor({initializer: wrong}));
            }
        }
        checkThrows(TypeError, 'function: not a string but null', () => new PPool.Call());
        checkEqual(await executor.call('echo', 1), 1);
    },

    // A binding makes some number of whatever it is given: no time at all of the infinite.
    'limits': async executor => {
        const future = executor.submit('echo', 1);
        const map = executor.map('echo', [1]);
        const done = PPool.as_completed([future]);
        const {ALL_COMPLETED} = PPool.ReturnWhen;

        for (const wrong of [Infinity, -Infinity, NaN, -2, 2 ** 31, 2 ** 32, 2 ** 53, 0.5, 'abc',
            '5', null, {}, 5n, true]) {
            for (const func of [
                () => future.result(wrong),
                () => map.next_value(wrong),
                () => done.next_future(wrong),
                () => PPool.as_completed([future], wrong),
                () => PPool.AsCompleted.new([future], wrong),
                () => PPool.wait_futures([future], ALL_COMPLETED, wrong),
                () => executor.map('echo', [1], {timeout_msec: wrong}),
            ])
                checkThrows(RangeError, 'is no integer from -1 to 2147483647', func);
            await checkRejects(RangeError, 'is no integer from -1 to 2147483647',
                PPool.wait_futures_async([future], ALL_COMPLETED, wrong));
        }
        for (const wrong of [NaN, -1, 0.5, 'ALL_COMPLETED', null]) {
            checkThrows(RangeError, 'return_when: ', () => PPool.wait_futures([future], wrong));
            checkThrows(RangeError, 'flags: ', () => executor.shutdown(wrong));
            checkThrows(RangeError, 'flags: ', () => executor.shutdown_sync(wrong));
            checkThrows(RangeError, 'n_workers: ', () => executor.prestart(wrong));
            await checkRejects(RangeError, 'flags: ', executor.shutdown_async(wrong));
        }
        checkThrows(RangeError, 'timeout_msec: a string is no integer', () => future.result('5'));
        checkEqual([executor.prestart(1), executor.prestart()], [true, true]);
        checkEqual([future.result(2 ** 31 - 1), map.next_value(-1)], [1, 1]);
        check(done.next_future() === future, 'the future');
    },

    'one-argument': async executor => {
        const text = 'but a number; the arguments of a function go in one Array';

        checkThrows(TypeError, text, () => executor.call_sync('echo', 1, 2));
        checkThrows(TypeError, text, () => executor.submit('echo', 1, 2));
        await checkRejects(TypeError, text, executor.call('echo', 1, 2));
    },

    'initializer': async () => {
        const executor = new PPool.Executor({initializer: 'fail', maxWorkers: 1});

        const error = await checkRejects(PPool.Error, 'nothing here', executor.call('echo'));
        checkMatches(error, PPool.Error, PPool.Error.BROKEN);
        await executor.shutdown_async();
    },

    'shutdown': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const future = executor.submit('echo', 1);

        checkEqual(await executor.shutdown_async(), true);
        checkEqual(future.result(0), 1);
        checkMatches(await checkRejects(PPool.Error, '', executor.call('echo')),
            PPool.Error, PPool.Error.SHUT_DOWN);
        executor.shutdown();
        checkEqual(executor.shutdown_sync(), true);
        const flags = PPool.ShutdownFlags.CANCEL_PENDING;
        checkEqual(await new PPool.Executor().shutdown_async(flags, null), true);
    },

    'shutdown-stopped': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const gate = new Gate(executor);
        const signal = new Signal();
        const promise = executor.shutdown_async(undefined, signal);

        signal.abort();
        checkMatches(await checkRejects(Gio.IOErrorEnum, '', promise),
            Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
        await gate.open();
        await executor.shutdown_async();
    },

    'garbage-collection': async executor => {
        const promises = [];
        const futures = [];

        for (let i = 0; i < 300; i++) {
            promises.push(executor.call('echo', {i, bytes: new Uint8Array(1000)}));
            executor.submit('echo', `dropped ${i}`);
            executor.submit('echo', new GLib.Variant('s', `dropped ${i}`)).result_async();
            if (i % 10 === 0) {
                futures.push(executor.submit('garbage', new GLib.Variant('i', i)));
                System.gc();
                await idle();
            }
        }
        System.gc();
        checkEqual((await Promise.all(promises)).map(value => value.i),
            Array.from({length: 300}, (_, i) => i));
        System.gc();
        checkEqual(futures.map(future => future.result().unpack()),
            Array.from({length: 30}, (_, i) => 10 * i));
    },

    // An executor that nobody holds lets its calls finish.
    'dropped-executor': async () => {
        let promises = [];

        for (let i = 0; i < 5; i++) {
            const executor = new PPool.Executor({maxWorkers: 1});

            promises.push(executor.call('garbage', i),
                executor.submit('garbage', i).result_async());
        }
        System.gc();
        checkEqual(await Promise.all(promises), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        promises = null;
        System.gc();
    },

    'in-callbacks': async executor => {
        const values = [];

        executor.submit('echo', 1).add_done_callback(async first => {
            System.gc();
            values.push(await executor.call('echo', first.propagate() + 1));
        });
        await until(() => values.length === 1);
        checkEqual(values, [2]);
    },
};

runTests(tests, functions);
