// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Uses an executor from JavaScript through the typelib alone, with workers of
// any language: pool.js WORKER-COMMAND...; without a command, workers are this
// program again. pool.py does the same in Python.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {makeWorker} from './worker.js';

const LIMIT_MSEC = 20000;
const notFound = new GLib.Variant('(sis)',
    ['g-io-error-quark', Gio.IOErrorEnum.NOT_FOUND, 'nothing']);
const sigkill = new GLib.Variant('s', 'SIGKILL');

Gio._promisify(PPool.Executor.prototype, 'call_async');

function check(condition, ...about) {
    if (!condition)
        throw new Error(about.join(' '));
}

function checkEqual(got, wanted) {
    check(JSON.stringify(got) === JSON.stringify(wanted),
        `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

function checkMatches(error, domain, code) {
    check(error instanceof GLib.Error && error.matches(domain, code), `got ${error}`);
}

// Returns the message of the error that a call must give.
function checkFails(domain, code, func) {
    let value;

    try {
        value = func();
    } catch (error) {
        checkMatches(error, domain, code);
        return error.message;
    }
    throw new Error(`got ${value} instead of an error`);
}

// Runs the main context until something is true, which is looked at every now
// and then.
function runLoop(until) {
    const context = GLib.MainContext.default();
    const source = GLib.timeout_source_new(10);
    const deadline = GLib.get_monotonic_time() + LIMIT_MSEC * 1000;

    source.set_callback(() => GLib.SOURCE_CONTINUE);
    source.attach(context);
    while (!until()) {
        check(GLib.get_monotonic_time() < deadline, 'waited in vain');
        context.iteration(true);
    }
    source.destroy();
}

// What a promise gives, in a function that isn't async.
function settle(promise) {
    let outcome = null;

    promise.then(value => (outcome = {value}), error => (outcome = {error}));
    runLoop(() => outcome !== null);
    if (outcome.error)
        throw outcome.error;
    return outcome.value;
}

function newExecutor() {
    const launcher = ARGV.length > 0 ? PPool.Launcher.new(ARGV) : PPool.Launcher.new_self();

    return new PPool.Executor({launcher, maxWorkers: 1});
}

const tests = {
    'call-sync': executor => {
        const variant = new GLib.Variant('(mmsd)', ['maybe', 0.5]);

        check(executor.call_sync('echo', variant, null).equal(variant));
        checkEqual(executor.call_sync('echo', null, null).get_type_string(), '()');
        checkEqual(executor.call_sync('describe', new GLib.Variant('(si)', ['a', 1]),
            null).deepUnpack(),
            ['describe', '(si)', "('a', 1)"]);
    },

    'submit': executor => {
        const future = executor.submit('echo', new GLib.Variant('i', 7), null);

        checkEqual(future.result(LIMIT_MSEC).unpack(), 7);
        checkEqual(future.result(0).unpack(), 7);
        checkEqual(future.propagate().unpack(), 7);
        check(future.is_done() && !future.is_cancelled() && !future.is_running());
        checkEqual(future.get_state(), PPool.FutureState.FINISHED);
        checkEqual(future.get_function(), 'echo');
        check(future.get_worker_pid() > 0);
        checkEqual(future.get_error(), null);
    },

    'submit-call': executor => {
        const call = PPool.Call.new('echo', new GLib.Variant('s', 'text'));

        checkEqual(executor.submit_call(call, null).result(LIMIT_MSEC).unpack(), 'text');
        call.set_result_type(new GLib.VariantType('i'));
        checkFails(PPool.Error, PPool.Error.INVALID_ARGS,
            () => executor.submit_call(call, null).result(LIMIT_MSEC));
    },

    'call-promise': executor => {
        const value = settle(executor.call_async('echo', new GLib.Variant('i', 8), null));

        checkEqual(value.unpack(), 8);
    },

    'domains': executor => {
        const args = new GLib.Variant('(sis)', ['gdk-pixbuf-error-quark', 2, 'no image']);

        try {
            executor.call_sync('fail', args, null);
        } catch (error) {
            checkEqual([GLib.quark_to_string(error.domain), error.code, error.message],
                ['gdk-pixbuf-error-quark', 2, 'no image']);
            check(error.matches(GLib.quark_from_string('gdk-pixbuf-error-quark'), 2), 'matches');
            return;
        }
        throw new Error('no error');
    },

    'names': executor => {
        const refuses = (code, text, name) => {
            const call = new PPool.Call({function: name});

            for (const func of [
                () => executor.submit_call(call, null),
                () => executor.map(name ?? '', new GLib.Variant('ai', [1, 2])),
                () => executor.submit(name ?? '', null, null),
                () => executor.call_sync(name ?? '', null, null),
            ])
                check(checkFails(PPool.Error, code, func).includes(text), text);
        };

        refuses(PPool.Error.INVALID_ARGS, 'The name of the function is empty', null);
        refuses(PPool.Error.INVALID_ARGS, 'The name of the function is empty', '');
        refuses(PPool.Error.TOO_LARGE, '70000 bytes', 'f'.repeat(70000));
        checkEqual(executor.get_n_workers(), 0);
        checkEqual(executor.call_sync('echo', new GLib.Variant('i', 1), null).unpack(), 1);

        const other = new PPool.Executor({launcher: executor.get_launcher(), initializer: ''});

        check(checkFails(PPool.Error, PPool.Error.INVALID_ARGS,
            () => other.submit('echo', null, null))
            .includes('The name of the initializer is empty'), 'initializer');
    },

    'many-promises': executor => {
        const numbers = [...Array(50).keys()];
        const calls = numbers.map(i =>
            executor.call_async('answer-later', new GLib.Variant('i', i), null));

        executor.maxWorkers = 2;
        checkEqual(executor.max_workers, 2);
        checkEqual(settle(Promise.all(calls)).map(value => value.unpack()), numbers);
    },

    'result-async': executor => {
        const future = executor.submit('echo', new GLib.Variant('i', 9), null);
        let value = null;

        future.result_async(null, (self, result) => {
            value = self.result_finish(result);
        });
        runLoop(() => value !== null);
        checkEqual(value.unpack(), 9);
    },

    'done-callback': executor => {
        const future = executor.submit('echo', new GLib.Variant('i', 10), null);
        const called = [];

        for (let i = 0; i < 3; i++)
            future.add_done_callback(done => called.push([done.propagate().unpack(), i]));
        future.remove_done_callback(future.add_done_callback(() => called.push('removed')));
        checkEqual(called, []);
        runLoop(() => called.length === 3);
        checkEqual(called, [[10, 0], [10, 1], [10, 2]]);
        future.add_done_callback(() => called.push('late'));
        checkEqual(called.length, 3);
        runLoop(() => called.length === 4);
    },

    'error': executor => {
        checkEqual(checkFails(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND,
            () => executor.call_sync('fail', notFound, null)), 'nothing');

        const future = executor.submit('fail', notFound, null);
        for (let i = 0; i < 2; i++) {
            checkFails(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND,
                () => future.result(LIMIT_MSEC));
        }
        checkMatches(future.get_error(), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);

        checkFails(Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY,
            () => executor.call_sync('fail-later', null, null));
        checkFails(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND,
            () => settle(executor.call_async('fail', notFound, null)));
    },

    'unanswered': executor => {
        for (const name of ['give-nothing', 'drop', 'signal-drop', 'signal-refuse']) {
            const message = checkFails(PPool.Error, PPool.Error.UNHANDLED,
                () => executor.call_sync(name, null, null));
            check(message.includes(name), message);
        }

        executor.call_sync('disconnect-signal', null, null);
        const message = checkFails(PPool.Error, PPool.Error.UNKNOWN_FUNCTION,
            () => executor.call_sync('no-such-function', null, null));
        check(message.includes('no-such-function'), message);
    },

    'answered-later': executor => {
        for (const name of ['answer-later', 'signal-later']) {
            checkEqual(executor.call_sync(name, new GLib.Variant('s', name), null).unpack(),
                name);
        }
    },

    // A buffer is filled, sent and sent back.
    'buffer': executor => {
        const content = new Uint8Array(256000).map((_, i) => i % 256);
        const buffer = PPool.Buffer.new(content.length);
        const sameAsContent = bytes => bytes.length === content.length &&
            bytes.every((byte, i) => byte === content[i]);

        checkEqual(buffer.get_size(), content.length);
        buffer.write(256, content.slice(256));
        buffer.write(0, content.slice(0, 256));
        check(sameAsContent(buffer.get_data()));
        const value = buffer.to_variant(null);
        checkFails(PPool.Error, PPool.Error.INVALID_ARGS,
            () => buffer.write(0, new Uint8Array(1)));
        checkFails(PPool.Error, PPool.Error.INVALID_ARGS,
            () => buffer.to_variant(new GLib.VariantType('as')));
        for (const args of [value, buffer.to_variant(new GLib.VariantType('ad')),
            PPool.Buffer.new_from_bytes(content).to_variant(null)]) {
            const result = executor.call_sync('echo', args, null);

            checkEqual(result.get_type_string(), args.get_type_string());
            check(sameAsContent(result.get_data_as_bytes().toArray()));
        }
        const filled = executor.call_sync('fill', new GLib.Variant('(ty)', [100000, 7]), null);
        const bytes = filled.get_data_as_bytes().toArray();
        check(bytes.length === 100000 && bytes.every(byte => byte === 7));
        checkFails(PPool.Error, PPool.Error.SYSTEM_LIMIT, () => PPool.Buffer.new(2 ** 46));
    },

    'cancelled': executor => {
        const cancellable = new Gio.Cancellable();

        cancellable.cancel();
        checkFails(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
            () => executor.submit('echo', null, cancellable));
    },

    'crash': executor => {
        const futures = ['crash', 'echo'].map(name => executor.submit(name, sigkill, null));
        let message = '';

        for (const future of futures) {
            message = checkFails(PPool.Error, PPool.Error.BROKEN,
                () => future.result(LIMIT_MSEC));
            check(message.includes('SIGKILL') && message.includes('crash'), message);
        }
        check(message.includes(`${futures[0].get_worker_pid()}`), message);
        checkFails(PPool.Error, PPool.Error.BROKEN, () => executor.submit('echo', null, null));
        checkEqual(executor.get_state(), PPool.ExecutorState.BROKEN);
        checkMatches(executor.get_error(), PPool.Error, PPool.Error.WORKER_DIED);
    },

    'shutdown': executor => {
        const future = executor.submit('echo', new GLib.Variant('i', 1), null);
        let done = null;

        executor.shutdown_async(PPool.ShutdownFlags.NONE, null, (self, result) => {
            done = self.shutdown_finish(result);
        });
        checkFails(PPool.Error, PPool.Error.SHUT_DOWN, () => executor.submit('echo', null, null));
        runLoop(() => done !== null);
        check(done);
        checkEqual(future.result(0).unpack(), 1);
        checkEqual(executor.get_state(), PPool.ExecutorState.SHUT_DOWN);
    },
};

function listFolder(path) {
    const folder = Gio.File.new_for_path(path);
    const names = [];
    const enumerator = folder.enumerate_children('standard::name',
        Gio.FileQueryInfoFlags.NONE, null);

    for (let info = enumerator.next_file(null); info; info = enumerator.next_file(null))
        names.push(info.get_name());
    enumerator.close(null);
    return names;
}

function children() {
    const decoder = new TextDecoder();
    let found = '';

    for (const task of listFolder('/proc/self/task')) {
        const [, contents] = GLib.file_get_contents(`/proc/self/task/${task}/children`);

        found += decoder.decode(contents);
    }
    return found;
}

function countDescriptors() {
    return listFolder('/proc/self/fd').length;
}

// One pool a test, of which nothing may be left.
function runTest(test) {
    const executor = newExecutor();

    try {
        test(executor);
    } finally {
        executor.shutdown_sync(PPool.ShutdownFlags.NONE, null);
        checkEqual(children(), '');
    }
}

// GJS lets go of objects in its own time, and keeps what it takes for one on
// its stack, but not one a test.
function checkDescriptors(nBefore) {
    runLoop(() => {
        System.gc();
        return countDescriptors() <= nBefore + 2;
    });
}

function main() {
    let number = 0;
    let nFailed = 0;

    function report(name, func) {
        number++;
        try {
            func();
            print(`ok ${number} ${name}`);
        } catch (error) {
            nFailed++;
            for (const line of `${error}\n${error.stack}`.trim().split('\n'))
                print(`# ${line}`);
            print(`not ok ${number} ${name}`);
        }
    }

    print(`1..${Object.keys(tests).length + 1}`);
    // The first pool of a process leaves GLib's own threads behind.
    runTest(tests['call-promise']);
    const nDescriptors = countDescriptors();

    for (const [name, test] of Object.entries(tests))
        report(name, () => runTest(test));
    report('descriptors', () => checkDescriptors(nDescriptors));
    return nFailed > 0 ? 1 : 0;
}

// No await before run(): a main loop inside of a promise's job runs no other.
System.exit(PPool.Worker.is_spawned() ? makeWorker().run() : main());
