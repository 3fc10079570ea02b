// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What a function throws, and what becomes of it.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {check, checkEqual, checkMatches, checkRejects, checkThrows, runTests} from './tap.js';

class OddError extends Error {}

function named(name, message) {
    const error = new Error(message);

    error.name = name;
    return error;
}

function deepInside(type, message) {
    throw new type(message);
}

function refuse() {
    throw new Error('don’t look');
}

const THROWN = {
    'error': () => new Error('plain'),
    'type': () => new TypeError('a type'),
    'range': () => new RangeError(''),
    'odd': () => new OddError('odd: one'),
    'named': () => named('AbortError', 'stopped'),
    'badly-named': () => named('a: b\n', 'text'),
    'unicode': () => new Error('Grüße 👋\nin two lines'),
    'nul': () => new Error('a\0b'),
    'half': () => new Error('a\ud83d'),
    'stackless': () => Object.assign(new Error('no stack'), {stack: ''}),
    'string': () => 'a text',
    'nothing': () => undefined,
    'object': () => ({a: 1}),
    'long': () => new Error('x'.repeat(1 << 20)),
    'gerror': () => new GLib.Error(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY, 'too busy'),
    'forged': () => new GLib.Error(PPool.error_quark(), PPool.Error.WORKER_DIED, 'not true'),
    'foreign': () => new GLib.Error(GLib.quark_from_string('of-this-worker-quark'), 7, 'foreign'),
    // What throws where it is looked at.
    'bare-object': () => Object.create(null),
    'bad-text': () => ({toString: refuse}),
    'bad-name': () => Object.defineProperty(new Error('x'), 'name', {get: refuse}),
    'bad-message': () => Object.defineProperty(new Error('x'), 'message', {get: refuse}),
    'bad-stack': () => Object.defineProperty(new Error('x'), 'stack', {get: refuse}),
    'symbol-message': () => Object.assign(new Error(''), {message: Symbol('x')}),
    'proxy': () => new Proxy({}, {getPrototypeOf: refuse}),
    'null': () => null,
    'frozen': () => Object.freeze(new RangeError('frozen')),
    'symbol-name': () => Object.assign(new Error('x'), {name: Symbol('x')}),
};

function readMissing() {
    GLib.file_get_contents('/no/such/file');
}

const functions = {
    'throw': what => {
        throw THROWN[what]();
    },
    'reject': async what => {
        await null;
        throw THROWN[what]();
    },
    'deep': () => deepInside(TypeError, 'from deep inside'),
    'native': () => null.property,
    'read': readMissing,
    'read-later': async () => {
        await null;
        readMissing();
    },
    'give': what => ({function: () => 1, date: [new Date()], nul: 'a\0'})[what],
    'give-later': async what => {
        await null;
        return functions.give(what);
    },
    'getenv': variable => GLib.getenv(variable),
    'die': () => {
        const pid = new Gio.Credentials().get_unix_pid();

        GLib.spawn_command_line_sync(`/bin/kill -KILL ${pid}`);
    },
};

async function catchFrom(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    throw new Error('it has not failed');
}

const tests = {
    // The same class, name and message, whether thrown or rejected.
    'thrown': async executor => {
        for (const name of ['throw', 'reject']) {
            for (const [what, type, text] of [
                ['error', Error, 'Error: plain'],
                ['type', TypeError, 'TypeError: a type'],
                ['range', RangeError, 'RangeError'],
                ['odd', Error, 'OddError: odd: one'],
                ['named', Error, 'AbortError: stopped'],
                ['badly-named', Error, 'Error: text'],
                ['unicode', Error, 'Error: Grüße 👋\nin two lines'],
                ['nul', Error, 'Error: a\ufffdb'],
                ['half', Error, 'Error: a\ufffd'],
                ['stackless', Error, 'Error: no stack'],
                ['string', Error, 'Error: a text'],
                ['nothing', Error, 'Error: undefined'],
                ['object', Error, 'Error: [object Object]'],
                ['null', Error, 'Error: null'],
                ['frozen', RangeError, 'RangeError: frozen'],
                ['symbol-name', Error, 'Error: x'],
                ['bad-name', Error, 'Error: x'],
                ['bad-message', Error, 'Error: the message can’t be read'],
                ['bad-stack', Error, 'Error: x'],
                ['symbol-message', Error, 'Error: the message can’t be read'],
            ]) {
                const error = await catchFrom(executor.call(name, what));

                check(error instanceof type && !(error instanceof GLib.Error), `got ${error}`);
                checkEqual(String(error), text);
                checkMatches(error.cause, PPool.Error, PPool.Error.REMOTE);
                check(error.cause.message.includes(error.message), error.cause.message);
            }
        }
    },

    'thrown-unreadable': async executor => {
        for (const name of ['throw', 'reject']) {
            for (const what of ['bare-object', 'bad-text', 'proxy']) {
                const error = await catchFrom(executor.call(name, what));

                checkEqual(String(error), 'Error: what was thrown can’t be described');
            }
        }
    },

    'stack': async executor => {
        for (const [name, args] of [['deep', null], ['throw', 'type'], ['native', null]]) {
            const error = await checkRejects(TypeError, '', executor.call(name, args));
            const [remote, local] = error.stack.split('### Promise created here: ###');

            check(remote.includes('errors.js'), remote);
            check(name !== 'deep' || remote.includes('deepInside'), remote);
            check(!remote.includes('overrides/ppool'), remote);
            check(local.includes('errors.js'), local);
            check(error.cause.message.includes('Stack in the worker'), error.cause.message);
        }
    },

    // An error of GLib's has the worker's stack as well, and nothing of it in its message.
    'stack-of-glib-errors': async executor => {
        for (const name of ['read', 'read-later']) {
            const error = await checkRejects(GLib.FileError, '', executor.call(name));
            const [remote, local] = error.stack.split('### Promise created here: ###');

            checkMatches(error, GLib.FileError, GLib.FileError.NOENT);
            checkEqual(error.message,
                'Failed to open file “/no/such/file”: No such file or directory');
            check(remote.includes('readMissing@'), remote);
            check(local.includes('errors.js'), local);
        }

        const error = await checkRejects(GLib.Error, '', executor.call('throw', 'foreign'));

        checkEqual([GLib.quark_to_string(error.domain), error.message],
            ['of-this-worker-quark', 'foreign']);
        check(error.stack.startsWith('foreign@'), error.stack);

        const future = executor.submit('read');

        for (const read of [() => future.result(), () => future.propagate()]) {
            const [remote, local] = checkThrows(GLib.FileError, '“/no/such/file”: No', read).stack
                .split('### Called here: ###');

            check(remote.includes('readMissing@'), remote);
            check(local.includes('errors.js'), local);
        }
        check(future.get_error().stack.includes('readMissing@'), 'get_error()');
    },

    // Wherever an error comes from, it is told where the program was and not the override.
    'own-frames': async executor => {
        const catchSync = func => {
            try {
                func();
            } catch (error) {
                return error;
            }
            throw new Error('it has not failed');
        };
        const iterate = async inputs => {
            for await (const value of executor.map('unknown', inputs))
                check(false, value);
        };
        const failing = function* () {
            yield 1;
            throw new Error('mine');
        };
        const later = async function* () {
            yield 1;
        };
        const future = executor.submit('unknown');
        const errors = [
            await catchFrom(executor.call('unknown')),
            await catchFrom(executor.call('throw', 'error')),
            await catchFrom(executor.call('read')),
            await catchFrom(executor.call('throw', [new Date()])),
            await catchFrom(executor.call(null)),
            await catchFrom(future.result_async()),
            await catchFrom(iterate([1])),
            await catchFrom(iterate(failing())),
            await catchFrom(iterate(later())),
            await catchFrom(executor.map('unknown', [1]).next_value_async()),
            await catchFrom(PPool.wait_futures_async([future], -7)),
            catchSync(() => executor.call_sync('unknown')),
            catchSync(() => executor.submit('throw', [[new Date()]])),
            catchSync(() => executor.submit_call(PPool.Call.new('throw', new Date()))),
            catchSync(() => future.result()),
            catchSync(() => future.propagate()),
            catchSync(() => executor.map('unknown', [1]).next_value()),
            catchSync(() => [...executor.map('throw', failing())]),
            catchSync(() => executor.map('throw', [1], {nothing: 1})),
            catchSync(() => PPool.wait_futures([null])),
            catchSync(() => PPool.as_completed([null])),
            catchSync(() => PPool.as_completed([future]).next_future(NaN)),
            catchSync(() => PPool.pack(new Date())),
            catchSync(() => PPool.unpack(null)),
            catchSync(() => new PPool.Executor({maxWorkers: -1})),
            catchSync(() => (executor.graceMsec = NaN)),
            catchSync(() => new PPool.Call()),
            catchSync(() => new PPool.Launcher(5)),
            catchSync(() => new PPool.Worker().add_function('f', null)),
        ];

        for (const error of errors) {
            check(error.stack.includes('errors.js') || error.stack.includes('tap.js'),
                `${error}: ${error.stack}`);
            check(!error.stack.includes('overrides/'), `${error}: ${error.stack}`);
            check(!String(error.fileName).includes('overrides/'), `${error}: ${error.fileName}`);
            check(!String(error.cause?.stack).includes('overrides/'),
                `${error}: ${error.cause?.stack}`);
        }
    },

    'each-way': async executor => {
        const future = executor.submit('throw', 'type');

        for (let i = 0; i < 2; i++) {
            checkThrows(TypeError, 'a type', () => future.result());
            checkThrows(TypeError, 'a type', () => future.propagate());
            await checkRejects(TypeError, 'a type', future.result_async());
            check(future.get_error() instanceof TypeError, 'get_error()');
        }
        check(checkThrows(TypeError, 'a type', () => executor.call_sync('throw', 'type'))
            .stack.includes('### Called here: ###'), 'where it was called');
        await checkRejects(TypeError, 'a type',
            executor.call('throw', new GLib.Variant('s', 'type')));
        await checkRejects(TypeError, 'a type', executor.map('throw', ['type']).next_value_async());
        checkThrows(TypeError, 'a type', () => executor.map('throw', ['type']).next_value());
        for (const inputs of [['type'], (async function* () {
            yield 'type';
        })()]) {
            await checkRejects(TypeError, 'a type', (async () => {
                for await (const value of executor.map('throw', inputs))
                    check(false, value);
            })());
        }
    },

    'long': async executor => {
        const error = await checkRejects(Error, 'xxx', executor.call('throw', 'long'));

        check(error.message.length > 1000, error.message.length);
        check(error.stack.split('###')[0].includes('errors.js'), error.stack);
    },

    'glib-errors': async executor => {
        for (const name of ['throw', 'reject']) {
            const busy = await checkRejects(Gio.IOErrorEnum, 'too busy',
                executor.call(name, 'gerror'));

            checkMatches(busy, Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY);
            checkMatches(await checkRejects(PPool.Error, '', executor.call(name, 'forged')),
                PPool.Error, PPool.Error.REMOTE);

            const foreign = await checkRejects(GLib.Error, 'foreign',
                executor.call(name, 'foreign'));

            checkEqual([GLib.quark_to_string(foreign.domain), foreign.code, foreign.message],
                ['of-this-worker-quark', 7, 'foreign']);
        }
    },

    'unsendable': async executor => {
        for (const name of ['give', 'give-later']) {
            for (const [what, text] of [
                ['function', `the value of “${name}”: a function can’t be sent`],
                ['date', `the value of “${name}”[0]: a Date can’t be sent`],
                ['nul', 'a string with a NUL character'],
            ])
                await checkRejects(TypeError, text, executor.call(name, what));
        }
    },

    // Who has not the override, or another language, sees all of it in one message.
    'bare-parent': () => {
        const code = `
            const {PPool} = imports.gi;
            const launcher = PPool.Launcher.new(['gjs', '-m', ARGV[0]]);

            launcher.setenv('GJS_PATH', ARGV[1], true);
            const executor = new PPool.Executor({launcher});
            for (const name of ['deep', 'read']) {
                try {
                    executor.call_sync(name, null, null);
                } catch (error) {
                    print(error.matches(PPool.Error, PPool.Error.REMOTE), error.message);
                }
            }`;
        const script = GLib.build_filenamev([
            GLib.getenv('G_TEST_SRCDIR'), 'languages', 'gjs', 'errors.js',
        ]);
        const [, out] = GLib.spawn_sync(null,
            ['env', '-u', 'GJS_PATH', 'gjs', '-c', code, script, GLib.getenv('GJS_PATH')], null,
            GLib.SpawnFlags.SEARCH_PATH, null);
        const text = new TextDecoder().decode(out);

        check(text.startsWith('true TypeError: from deep inside\n\nStack in the worker:\n'), text);
        check(text.includes('deepInside') && text.includes('errors.js'), text);
        check(text.endsWith('\nfalse Failed to open file “/no/such/file”: ' +
                'No such file or directory\n'),
            text);
    },

    // What is asked of workers is not asked of what they start.
    'environment': async executor => {
        checkEqual(await executor.call('getenv', 'PPOOL_JAVASCRIPT_STACKS'), null);
    },

    'death': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const error = await checkRejects(PPool.Error, 'SIGKILL', executor.call('die'));

        checkMatches(error, PPool.Error, PPool.Error.BROKEN);
        checkMatches(executor.get_error(), PPool.Error, PPool.Error.WORKER_DIED);
        checkMatches(await checkRejects(PPool.Error, '', executor.call('throw')),
            PPool.Error, PPool.Error.BROKEN);
        executor.shutdown_sync();
    },
};

runTests(tests, functions);
