// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Runs a table of cases from JavaScript: parent.js TABLE full|plain WORKER-COMMAND...
//
// The table, cases.txt, tells what a line of it means. The programs of the same
// name in other languages do the same.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const LIMIT_MSEC = 20000;
const [TABLE, KIND, ...COMMAND] = ARGV;
const IS_PLAIN = KIND === 'plain';

function check(condition, ...about) {
    if (!condition)
        throw new Error(about.join(' '));
}

function checkError(error, domain, code) {
    check(error.matches(domain, code), `got ${error}`);
}

// Returns the error that a call must give.
function failure(func) {
    let value;

    try {
        value = func();
    } catch (error) {
        if (error instanceof GLib.Error)
            return error;
        throw error;
    }
    throw new Error(`got ${value} instead of an error`);
}

function readText(path) {
    const [, contents] = GLib.file_get_contents(path);

    return new TextDecoder().decode(contents);
}

function parse(text) {
    return GLib.Variant.parse(null, text, null, null);
}

function checkValue(got, wanted) {
    check(got.equal(wanted),
        `got ${got.print(true).slice(0, 1000)}, wanted ${wanted.print(true).slice(0, 1000)}`);
}

function checkOutcome(executor, name, args, outcome) {
    const future = executor.submit(name, args, null);

    if (/^[A-Z_]+$/.test(outcome)) {
        const error = failure(() => future.result(LIMIT_MSEC));

        checkError(error, PPool.Error, PPool.Error[outcome]);
        return error;
    }
    checkValue(future.result(LIMIT_MSEC), outcome === 'same' ? args : parse(outcome));
    return null;
}

function makeExecutor(properties = {}) {
    const launcher = PPool.Launcher.new(COMMAND);

    launcher.set_stderr_mode(PPool.StderrMode.DISCARD);
    return new PPool.Executor({launcher, maxWorkers: 1, ...properties});
}

function endExecutor(executor) {
    executor.shutdown_sync(PPool.ShutdownFlags.NONE, null);
}

// A worker whose only call reads from a pipe.
class Held {
    constructor() {
        const folder = GLib.dir_make_tmp('ppool-XXXXXX');
        const path = `${folder}/pipe`;

        GLib.spawn_command_line_sync(`mkfifo ${path}`);
        this.executor = makeExecutor();
        this.future = this.executor.submit('read-file', new GLib.Variant('s', path), null);
        this.pipe = Gio.File.new_for_path(path).append_to(Gio.FileCreateFlags.NONE, null);
        GLib.unlink(path);
        GLib.rmdir(folder);
        check(this.future.is_running(), 'is not running');
    }

    release() {
        this.pipe.write_all(new TextEncoder().encode('geöffnet'), null);
        this.pipe.close(null);
        checkValue(this.future.result(LIMIT_MSEC), new GLib.Variant('s', 'geöffnet'));
        endExecutor(this.executor);
    }
}

const cases = {
    'echo': (executor, value, plain = 'same') => {
        checkOutcome(executor, 'echo', parse(value), IS_PLAIN ? plain : 'same');
    },

    'deep': (executor, levels, plain = 'same') => {
        let value = new GLib.Variant('s', 'deep');

        for (let i = 0; i < Number(levels); i++)
            value = new GLib.Variant('v', value);
        checkOutcome(executor, 'echo', value, IS_PLAIN ? plain : 'same');
    },

    'large': (executor, type, size) => {
        const data = new Uint8Array(Number(size)).map((_, i) => 1 + i % 100);

        if (type === 's')
            data[data.length - 1] = 0;
        const value = GLib.Variant.new_from_bytes(new GLib.VariantType(type), data, false);
        const got = executor.submit('echo', value, null).result(LIMIT_MSEC);
        check(got.get_type_string() === type, got.get_type_string());
        check(got.get_data_as_bytes().equal(new GLib.Bytes(data)), 'other data');
    },

    'segments': () => {
        check(readText('/proc/self/maps').includes('/memfd:ppool-segment') === !IS_PLAIN,
            'segments');
    },

    'call': (executor, name, args, outcome) => {
        const error = checkOutcome(executor, name, parse(args), outcome);

        check(error === null || error.message.includes(name), error);
    },

    'fail': (executor, text, outcome) => {
        const [domain, code, message] = parse(text).deepUnpack();
        const future = executor.submit('fail', parse(text), null);
        const error = failure(() => future.result(LIMIT_MSEC));

        if (outcome === 'same') {
            checkError(error, GLib.quark_from_string(domain), code);
            check(error.message === message, error);
        } else {
            checkError(error, PPool.Error, PPool.Error[outcome]);
            check(error.message.includes(message) && error.message.includes(domain), error);
        }
    },

    'map': (executor, name, inputs, values) => {
        const results = executor.map(name, parse(inputs));
        const wanted = parse(values);

        for (let i = 0; i < wanted.n_children(); i++) {
            const value = results.next_value(LIMIT_MSEC);

            check(value !== null, `ended after ${i}`);
            checkValue(value, wanted.get_child_value(i));
        }
        check(results.next_value(LIMIT_MSEC) === null, 'goes on');
    },

    'count': (executor, name, n) => {
        const numbers = [...Array(Number(n)).keys()].map(i => i + 1);
        const results = executor.map(name, new GLib.Variant('ax', numbers));

        for (const i of numbers)
            checkValue(results.next_value(LIMIT_MSEC), new GLib.Variant('x', -i));
        check(results.next_value(LIMIT_MSEC) === null, 'goes on');
    },

    'crash': (_, how, words) => {
        const executor = makeExecutor();
        const future = executor.submit('crash', new GLib.Variant('s', how), null);
        const error = failure(() => future.result(LIMIT_MSEC));

        checkError(error, PPool.Error, PPool.Error.BROKEN);
        check(error.message.includes(words) && error.message.includes('“crash”'), error);
        check(executor.get_state() === PPool.ExecutorState.BROKEN, 'is not broken');
        checkError(executor.get_error(), PPool.Error, PPool.Error.WORKER_DIED);
        endExecutor(executor);
    },

    'cancel-queued': () => {
        const held = new Held();
        const queued = held.executor.submit('echo', null, null);

        check(queued.cancel() && queued.is_cancelled(), 'is not cancelled');
        checkError(failure(() => queued.result(LIMIT_MSEC)), Gio.IOErrorEnum,
            Gio.IOErrorEnum.CANCELLED);
        held.release();
    },

    'cancel-running': () => {
        const held = new Held();

        check(!held.future.cancel() && !held.future.is_cancelled(), 'is cancelled');
        held.release();
    },

    'time-out': () => {
        const held = new Held();

        checkError(failure(() => held.future.result(10)), Gio.IOErrorEnum,
            Gio.IOErrorEnum.TIMED_OUT);
        held.release();
    },

    'initializer': (_, args) => {
        const executor = makeExecutor({initializer: 'set-up', initializerArgs: parse(args)});

        checkValue(executor.call_sync('get-set-up', null, null), parse(args));
        endExecutor(executor);
    },
};

function main() {
    const lines = readText(TABLE).split('\n').filter(line => line !== '' && !line.startsWith('#'));
    const executor = makeExecutor({maxWorkers: 2});
    let nFailed = 0;

    print(`1..${lines.length}`);
    lines.forEach((line, index) => {
        const [operation, name, ...fields] = line.split('|').map(field => field.trim());
        const title = `${index + 1} /${operation}/${name}`;

        try {
            cases[operation](executor, ...fields);
            print(`ok ${title}`);
        } catch (error) {
            nFailed++;
            for (const text of `${error}\n${error.stack}`.trim().split('\n'))
                print(`# ${text}`);
            print(`not ok ${title}`);
        }
    });
    endExecutor(executor);
    return nFailed > 0 ? 1 : 0;
}

System.exit(main());
