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
};

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
    'give': what => ({function: () => 1, date: [new Date()], nul: 'a\0'})[what],
    'give-later': async what => {
        await null;
        return functions.give(what);
    },
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
            for (const what of ['bare-object', 'bad-text', 'bad-name', 'bad-message', 'bad-stack',
                'symbol-message', 'proxy']) {
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

            const foreign = await checkRejects(GLib.Error, 'foreign', executor.call(name, 'foreign'));

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
            try {
                new PPool.Executor({launcher}).call_sync('deep', null, null);
            } catch (error) {
                print(error.matches(PPool.Error, PPool.Error.REMOTE), error.message);
            }`;
        const script = GLib.build_filenamev([GLib.getenv('G_TEST_SRCDIR'), 'gjs', 'errors.js']);
        const [, out] = GLib.spawn_sync(null,
            ['env', '-u', 'GJS_PATH', 'gjs', '-c', code, script, GLib.getenv('GJS_PATH')], null,
            GLib.SpawnFlags.SEARCH_PATH, null);
        const text = new TextDecoder().decode(out);

        check(text.startsWith('true TypeError: from deep inside\n\nStack in the worker:\n'), text);
        check(text.includes('deepInside') && text.includes('errors.js'), text);
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
