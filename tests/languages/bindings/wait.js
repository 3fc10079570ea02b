// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Waits for many futures from JavaScript, through the typelib alone. wait.py
// does the same in Python.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const LIMIT_MSEC = 20000;
const {ALL_COMPLETED, FIRST_COMPLETED, FIRST_ERROR} = PPool.ReturnWhen;

Gio._promisify(PPool, 'wait_futures_async', 'wait_futures_finish');
Gio._promisify(PPool.AsCompleted.prototype, 'next_future_async');

function check(condition, ...about) {
    if (!condition)
        throw new Error(about.join(' '));
}

function checkFutures(got, wanted) {
    check(got.length === wanted.length && got.every((future, i) => future === wanted[i]),
        `got ${got.length} futures, wanted ${wanted.length}`);
}

function checkFails(code, func) {
    let value;

    try {
        value = func();
    } catch (error) {
        check(error instanceof GLib.Error && error.matches(Gio.IOErrorEnum, code), `got ${error}`);
        return;
    }
    throw new Error(`got ${value} instead of an error`);
}

// What a promise gives, in a function that isn't async.
function settle(promise) {
    const context = GLib.MainContext.default();
    const source = GLib.timeout_source_new(10);
    const deadline = GLib.get_monotonic_time() + LIMIT_MSEC * 1000;
    let outcome = null;

    promise.then(value => (outcome = {value}), error => (outcome = {error}));
    source.set_callback(() => GLib.SOURCE_CONTINUE);
    source.attach(context);
    while (outcome === null) {
        check(GLib.get_monotonic_time() < deadline, 'waited in vain');
        context.iteration(true);
    }
    source.destroy();
    if (outcome.error)
        throw outcome.error;
    return outcome.value;
}

// Keeps a call in its worker until it is opened.
class Gate {
    constructor(executor) {
        const folder = GLib.dir_make_tmp('ppool-XXXXXX');
        const path = `${folder}/gate`;
        const listener = new Gio.SocketListener();

        listener.add_address(Gio.UnixSocketAddress.new(path), Gio.SocketType.STREAM,
            Gio.SocketProtocol.DEFAULT, null);
        this.future = executor.submit('gate', new GLib.Variant('(s)', [path]), null);
        [this.visitor] = listener.accept(null);
        listener.close();
        GLib.unlink(path);
        GLib.rmdir(folder);
    }

    open() {
        this.visitor.close(null);
        check(this.future.result(LIMIT_MSEC).deepUnpack() === '');
    }
}

function echo(executor, value = null) {
    return executor.submit('echo', value, null);
}

function fail(executor) {
    const args = new GLib.Variant('(sis)', ['g-io-error-quark', Gio.IOErrorEnum.BUSY, 'busy']);

    return executor.submit('fail', args, null);
}

const tests = {
    'all': executor => {
        const futures = [...Array(20).keys()].map(i => echo(executor, new GLib.Variant('i', i)));
        const [a, b] = futures;

        checkFutures(PPool.wait_futures(futures, ALL_COMPLETED, -1, null), futures);
        checkFutures(PPool.wait_futures([a, b, a, b], ALL_COMPLETED, -1, null), [a, b]);
        check(futures.every((future, i) => future.propagate().unpack() === i));
    },

    // A reference too few is a crash when all is collected.
    'references': executor => {
        const future = echo(executor);

        for (let i = 0; i < 1000; i++) {
            checkFutures(PPool.wait_futures([future, future], ALL_COMPLETED, -1, null), [future]);
            check(PPool.AsCompleted.new([future], -1).next_future(-1) === future);
        }
        System.gc();
        check(future.result(0).get_type_string() === '()');
    },

    'return-when': executor => {
        const gate = new Gate(executor);
        const done = echo(executor);
        const futures = [gate.future, done];

        checkFutures(PPool.wait_futures(futures, FIRST_COMPLETED, -1, null), [done]);
        checkFutures(PPool.wait_futures(futures, FIRST_ERROR, 10, null), [done]);
        checkFutures(PPool.wait_futures(futures, ALL_COMPLETED, 10, null), [done]);
        checkFutures(PPool.wait_futures([gate.future], ALL_COMPLETED, 0, null), []);

        const failed = fail(executor);

        checkFutures(PPool.wait_futures([...futures, failed], FIRST_ERROR, -1, null),
            [done, failed]);
        gate.open();
    },

    'empty': () => {
        checkFutures(PPool.wait_futures([], ALL_COMPLETED, -1, null), []);
        check(PPool.AsCompleted.new([], -1).next_future(-1) === null);
        check(new PPool.AsCompleted().next_future(-1) === null);
    },

    'async': executor => {
        const gate = new Gate(executor);
        const promise = PPool.wait_futures_async([gate.future], ALL_COMPLETED, -1, null);

        gate.open();
        checkFutures(settle(promise), [gate.future]);
    },

    'cancellable': executor => {
        const gate = new Gate(executor);
        const cancellable = new Gio.Cancellable();
        const promise = PPool.wait_futures_async([gate.future], ALL_COMPLETED, -1, cancellable);

        cancellable.cancel();
        checkFails(Gio.IOErrorEnum.CANCELLED, () => settle(promise));
        checkFails(Gio.IOErrorEnum.CANCELLED,
            () => PPool.wait_futures([gate.future], ALL_COMPLETED, -1, cancellable));
        gate.open();
    },

    'as-completed': executor => {
        const gate = new Gate(executor);
        const done = echo(executor);
        const completed = PPool.AsCompleted.new([gate.future, done, gate.future], -1);

        check(completed.next_future(-1) === done);
        checkFails(Gio.IOErrorEnum.TIMED_OUT, () => completed.next_future(10));
        gate.open();
        check(completed.next_future(-1) === gate.future);
        check(completed.next_future(-1) === null);
    },

    'as-completed-timeout': executor => {
        const gate = new Gate(executor);
        const completed = PPool.AsCompleted.new([gate.future], 10);

        checkFails(Gio.IOErrorEnum.TIMED_OUT, () => completed.next_future(-1));
        check(completed.next_future(-1) === null);
        gate.open();
    },

    'as-completed-async': executor => {
        const gate = new Gate(executor);
        const completed = PPool.AsCompleted.new([gate.future], -1);
        const promises = [completed.next_future_async(null), completed.next_future_async(null)];

        gate.open();
        check(settle(promises[0]) === gate.future);
        check(settle(promises[1]) === null);
    },
};

function main() {
    const program = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'workers', 'bad-worker']);
    const launcher = PPool.Launcher.new([program]);
    let number = 0;
    let nFailed = 0;

    print(`1..${Object.keys(tests).length}`);
    for (const [name, test] of Object.entries(tests)) {
        const executor = new PPool.Executor({launcher, maxWorkers: 2});

        number++;
        try {
            test(executor);
            executor.shutdown_sync(PPool.ShutdownFlags.NONE, null);
            print(`ok ${number} ${name}`);
        } catch (error) {
            nFailed++;
            for (const line of `${error}\n${error.stack}`.trim().split('\n'))
                print(`# ${line}`);
            print(`not ok ${number} ${name}`);
        }
    }

    return nFailed ? 1 : 0;
}

System.exit(main());
