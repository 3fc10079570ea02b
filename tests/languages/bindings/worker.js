// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A worker in JavaScript, with what pool.py, pool.js and the programs of
// tests/languages/matrix call. worker.py has the same functions.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

function idle() {
    return new Promise(resolve => {
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

// An invocation that nobody holds is seen to be dropped when GJS collects it,
// which it does every ten seconds or so.
function collectSoon() {
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
        System.gc();
        return GLib.SOURCE_REMOVE;
    });
}

async function answerLater(invocation) {
    await idle();
    invocation.return_value(invocation.get_args());
}

function length(invocation, args) {
    return new GLib.Variant('u', [...args.unpack()].length);
}

const functions = {
    'echo': (invocation, args) => args,

    // What a function sees of its call.
    'describe': (invocation, args) => new GLib.Variant('(sss)', [
        invocation.get_function(), args.get_type_string(),
        invocation.get_args().print(false),
    ]),

    'fail': (invocation, args) => {
        const [domain, code, message] = args.deepUnpack();

        throw new GLib.Error(GLib.quark_from_string(domain), code, message);
    },

    'give-nothing': () => null,

    // Dies of the signal of that name, or exits.
    'crash': (invocation, args) => {
        const how = args.unpack();
        const pid = new Gio.Credentials().get_unix_pid();

        if (how.startsWith('exit'))
            System.exit(how === 'exit' ? 3 : 0);
        GLib.spawn_command_line_sync(`/bin/kill -${how.slice(3)} ${pid}`);
        return null;
    },

    'read-file': (invocation, args) => {
        const [, contents] = GLib.file_get_contents(args.unpack());

        return new GLib.Variant('s', new TextDecoder().decode(contents));
    },

    'length': length,
    'Länge/長さ': length,
    'negate': (invocation, args) => new GLib.Variant('x', -args.unpack()),
    'count-arguments': (invocation, args) => new GLib.Variant('u', args.deepUnpack().length),

    // Gives a buffer of that size, all of whose bytes are the same.
    'fill': (invocation, args) => {
        const [size, byte] = args.deepUnpack();
        const buffer = PPool.Buffer.new(size);

        buffer.write(0, new Uint8Array(size).fill(byte));
        return buffer.to_variant(null);
    },
};

const handlers = {
    'answer-later': answerLater,

    'fail-later': async invocation => {
        await idle();
        invocation.return_error_literal(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY, 'later');
    },

    'drop': () => collectSoon(),
};

export function makeWorker(withSignal = true) {
    const worker = new PPool.Worker();

    for (const [name, func] of Object.entries(functions))
        worker.add_function(name, func);
    for (const [name, handler] of Object.entries(handlers))
        worker.add_handler(name, handler);

    if (withSignal)
        addSignal(worker);
    addSetUp(worker);
    return worker;
}

function addSignal(worker) {
    const id = worker.connect('handle-call', (self, invocation) => {
        switch (invocation.get_function()) {
        case 'signal-later':
            answerLater(invocation);
            return true;
        case 'signal-drop':
            collectSoon();
            return true;
        default:
            return false;
        }
    });
    worker.add_function('disconnect-signal', (invocation, args) => {
        worker.disconnect(id);
        return args;
    });
}

// An initializer, and what says what it was given.
function addSetUp(worker) {
    let setUp = null;

    worker.add_function('set-up', (invocation, args) => {
        setUp = args;
        return new GLib.Variant('()', []);
    });
    worker.add_function('get-set-up', () => setUp);
}

if (System.programInvocationName.endsWith('worker.js'))
    System.exit(makeWorker(!ARGV.includes('no-signal')).run());
