// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Maps over whatever can be iterated.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {
    check, checkEqual, checkMatches, checkRejects, checkThrows, idle, readMemory, runTests,
    until,
} from './tap.js';

const functions = {
    'double': value => 2 * value,
    'echo': value => value,
    'same': (value, invocation) => invocation.get_args(),
    'fail-at': ([value, at]) => {
        if (value === at)
            throw new RangeError(`at ${at}`);
        return value;
    },
    'slow': value => {
        GLib.usleep(20000);
        return value;
    },
};

// Inputs that tell how many were drawn, and whether it was said that no more are wanted.
class Source {
    constructor(length = Infinity, item = i => i) {
        this.nDrawn = 0;
        this.nReturned = 0;
        this._length = length;
        this._item = item;
    }

    next() {
        return this.nDrawn < this._length
            ? {done: false, value: this._item(this.nDrawn++)} : {done: true};
    }

    return() {
        this.nReturned++;
        return {done: true};
    }

    [Symbol.iterator]() {
        return this;
    }
}

class LaterSource extends Source {
    constructor(...args) {
        super(...args);
        this[Symbol.iterator] = undefined;
    }

    async next() {
        await idle();
        return super.next();
    }

    async return() {
        await idle();
        return super.return();
    }

    [Symbol.asyncIterator]() {
        return this;
    }
}

const SOURCES = [Source, LaterSource];

async function collect(map) {
    const values = [];

    for await (const value of map)
        values.push(value);
    return values;
}

// What was read before the error, and the error.
async function collectUntilError(map) {
    const values = [];

    try {
        for await (const value of map)
            values.push(value);
    } catch (error) {
        return [values, error];
    }
    throw new Error('it has not failed');
}

const upTo = n => Array.from({length: n}, (_, i) => i);

async function* later(values) {
    for (const value of values) {
        await idle();
        yield value;
    }
}

const tests = {
    'in-order': async executor => {
        checkEqual(await collect(executor.map('double', [1, 2, 3])), [2, 4, 6]);
        checkEqual(await collect(executor.map('double', new Set([1, 2]))), [2, 4]);
        checkEqual(await collect(executor.map('echo', 'a👋')), ['a', '👋']);
        checkEqual(await collect(executor.map('double', new Int32Array([4, 5]))), [8, 10]);
        checkEqual(await collect(executor.map('echo', new Map([['a', 1]]))), [['a', 1]]);
        checkEqual(await collect(executor.map('double', later([1, 2, 3]))), [2, 4, 6]);
        for (const type of SOURCES) {
            const wanted = upTo(1000).map(i => 2 * i);

            checkEqual(await collect(executor.map('double', new type(1000))), wanted);
            checkEqual(await collect(executor.map('double', new type(100), {buffer_size: 1})),
                wanted.slice(0, 100));
        }
    },

    'empty': async executor => {
        checkEqual(await collect(executor.map('echo', [])), []);
        checkEqual(await collect(executor.map('echo', later([]))), []);
        checkEqual([...executor.map('echo', [])], []);
        const map = executor.map('echo', []);
        checkEqual(map.next_value(), undefined);
        checkEqual(map.next_value(), undefined);
        checkEqual(await map.next_value_async(), undefined);
    },

    // null is a value, and undefined the end.
    'nulls': async executor => {
        checkEqual(await collect(executor.map('echo', [null, undefined, 1])), [null, null, 1]);
        checkEqual(await collect(executor.map('echo', later([null, undefined, 1]))),
            [null, null, 1]);
        checkEqual([...executor.map('echo', [null, 1])], [null, 1]);
        const map = executor.map('echo', [null]);
        checkEqual(await map.next_value_async(), null);
        checkEqual(await map.next_value_async(), undefined);
    },

    'blocking': executor => {
        const source = new Source();
        const values = [];

        for (const value of executor.map('double', source)) {
            values.push(value);
            if (values.length === 5)
                break;
        }
        checkEqual(values, [0, 2, 4, 6, 8]);
        checkEqual(source.nReturned, 1);
    },

    'variants': async executor => {
        const variants = [new GLib.Variant('i', 1), new GLib.Variant('s', 'a')];

        checkEqual(await collect(executor.map('same', variants)), variants);
        checkEqual(await collect(executor.map('same', later(variants))), variants);
        checkEqual(await collect(executor.map('echo', [1, variants[0], null])),
            [1, new GLib.Variant('x', 1), null]);
        checkEqual(await collect(executor.map('echo', later([1, variants[0], null]))),
            [1, new GLib.Variant('x', 1), null]);
        checkEqual(await collect(executor.map('same', new GLib.Variant('as', ['x', 'y']))),
            [new GLib.Variant('s', 'x'), new GLib.Variant('s', 'y')]);
        const map = executor.map('same', new GLib.Variant('ai', [1, 2]));
        map.add_inputs(new GLib.Variant('as', ['x']));
        checkEqual(map.next_value(), new GLib.Variant('(is)', [1, 'x']));
        checkEqual(map.next_value(), null);
        checkEqual([...executor.map('same', new GLib.Variant('ai', [7]))],
            [new GLib.Variant('i', 7)]);
        let n = 0;
        checkEqual(await collect(executor.map_func('echo', () => n < 3 ? n++ : null)), [0, 1, 2]);
    },

    'callbacks': async executor => {
        const map = executor.map('echo', [1, new GLib.Variant('i', 2), 3, Symbol('a')]);
        const got = [];
        const read = () => map.next_value_async(null, (self, result) => {
            try {
                got.push(self.next_value_finish(result));
            } catch (error) {
                got.push(error.message);
            }
        });

        read();
        await until(() => got.length === 1);
        got.push(map.next_value());
        read();
        read();
        read();
        await until(() => got.length === 5);
        checkEqual(got, [...[1, 2, 3].map(i => new GLib.Variant('x', i)),
            'inputs[3]: a symbol can’t be sent', null]);
    },

    // A reader that stops takes the map with it.
    'break': async executor => {
        for (const type of SOURCES) {
            const source = new type();
            const map = executor.map('double', source, {bufferSize: 10});
            let n = 0;

            for await (const value of map) {
                checkEqual(value, 2 * n);
                if (++n === 20)
                    break;
            }
            if (type === Source)
                await checkRejects(Gio.IOErrorEnum, 'cancelled', map.next_value_async());
            checkEqual(await collect(map), []);
            check(source.nDrawn >= 20 && source.nDrawn <= 31, 'drawn', source.nDrawn);
            await until(() => source.nReturned === 1);
        }
        await executor.call('echo');
        checkEqual([executor.get_n_pending(), executor.get_n_running()], [0, 0]);
    },

    // Calls that no worker has taken never run.
    'break-cancels': async executor => {
        for (const type of SOURCES) {
            for await (const value of executor.map('slow', new type(), {bufferSize: 30})) {
                checkEqual(value, 0);
                await until(() => executor.get_n_pending() > 10);
                break;
            }
            checkEqual(executor.get_n_pending(), 0);
        }
    },

    'throw-inside': async executor => {
        for (const type of SOURCES) {
            const source = new type();

            await checkRejects(SyntaxError, 'mine', (async () => {
                for await (const value of executor.map('double', source))
                    throw new SyntaxError(`mine, ${value}`);
            })());
            await until(() => source.nReturned === 1);
        }
    },

    // What is before the error is read first; then it is the end.
    'failing-call': async executor => {
        for (const type of SOURCES) {
            const source = new type(Infinity, i => [i, 30]);
            const map = executor.map('fail-at', source);
            const [values, error] = await collectUntilError(map);

            checkEqual(values, upTo(30));
            check(error instanceof RangeError && error.message === 'at 30', error);
            await until(() => source.nReturned === 1);
            checkEqual(await collect(map), []);
        }
    },

    // What can't be looked at, or told of, arrives all the same.
    'failing-inputs-unreadable': async executor => {
        const cause = new GLib.Error(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY, 'busy');
        const refuse = () => {
            throw new Error('don’t look');
        };

        for (const mine of [Symbol('a'), Object.create(null), new Proxy({}, {get: refuse}),
            Object.freeze(new Error('frozen', {cause})), Object.freeze(cause),
            Object.defineProperty(new Error('x'), 'cause', {get: refuse})]) {
            const fail = () => {
                throw mine;
            };

            for (const type of SOURCES) {
                const [values, error] = await collectUntilError(
                    executor.map('echo', new type(Infinity, fail), {timeout_msec: 20000}));

                checkEqual(values, []);
                check(error === mine, 'not the very same');
            }
        }
    },

    'failing-inputs': async executor => {
        const mine = new SyntaxError('my inputs');
        const fail = i => {
            if (i === 7)
                throw mine;
            return i;
        };

        for (const type of SOURCES) {
            const [values, error] = await collectUntilError(
                executor.map('echo', new type(Infinity, fail)));

            checkEqual(values, upTo(7));
            check(error === mine, 'not the very same', error);
        }
        for (const type of SOURCES) {
            const failing = new type(Infinity, fail);

            await collectUntilError(executor.map('echo', failing));
            await idle();
            checkEqual(failing.nReturned, 0);
            const odd = new type(Infinity, i => i === 7 ? Symbol('a') : i);
            await collectUntilError(executor.map('echo', odd));
            await until(() => odd.nReturned === 1);
        }
        for (const inputs of [[1, 2, Symbol('a')], later([1, 2, Symbol('a')])]) {
            const [values, error] = await collectUntilError(executor.map('echo', inputs));

            checkEqual(values, [1, 2]);
            checkEqual(String(error), 'TypeError: inputs[2]: a symbol can’t be sent');
        }
        const map = executor.map('echo', new Source(Infinity, fail));
        for (let i = 0; i < 7; i++)
            checkEqual(map.next_value(), i);
        check(checkThrows(SyntaxError, 'my inputs', () => map.next_value()) === mine, 'the same');
        checkEqual(map.next_value(), undefined);
    },

    'wrong-arguments': executor => {
        for (const inputs of [null, undefined, 5, {}, () => 1])
            checkThrows(TypeError, 'inputs: neither', () => executor.map('echo', inputs));
        for (const inputs of [[], later([])]) {
            checkThrows(TypeError, 'there is no size',
                () => executor.map('echo', inputs, {size: 1}));
            checkThrows(RangeError, 'buffer_size: -1 is',
                () => executor.map('echo', inputs, {buffer_size: -1}));
            checkThrows(RangeError, 'timeout_msec: -2 is',
                () => executor.map('echo', inputs, {timeoutMsec: -2}));
            checkThrows(TypeError, 'cancellable: neither',
                () => executor.map('echo', inputs, {cancellable: 'now'}));
        }
    },

    'options': executor => {
        const map = executor.map('echo', [], {bufferSize: 5, chunk_size: 2, timeout_msec: 1000});

        checkEqual([map.buffer_size, map.chunkSize, map.timeoutMsec], [5, 2, 1000]);
        checkThrows(RangeError, 'chunk_size', () => (map.chunkSize = -1));
        checkEqual(map.next_value(), undefined);
    },

    'timeout': async executor => {
        for (const inputs of [[1, 2, 3], later([1, 2, 3]), new LaterSource()]) {
            const [, error] = await collectUntilError(
                executor.map('slow', inputs, {timeout_msec: 10}));

            checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
        }
        // A source that gives nothing can't keep its reader.
        const silent = {
            [Symbol.asyncIterator]: () => ({next: () => new Promise(() => {})}),
        };
        const [, error] = await collectUntilError(executor.map('echo', silent, {timeout_msec: 10}));
        checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
        checkEqual(await collect(executor.map('echo', later([1]), {timeout_msec: 60000})), [1]);
    },

    'cancellable': async executor => {
        for (const type of SOURCES) {
            const cancellable = new Gio.Cancellable();
            const source = new type();
            let n = 0;

            await checkRejects(Gio.IOErrorEnum, '', (async () => {
                for await (const value of executor.map('echo', source, {cancellable})) {
                    check(value === n++, 'in order');
                    if (n === 10)
                        cancellable.cancel();
                    check(n < 50, 'it goes on');
                }
            })());
            await until(() => source.nReturned === 1);
            await checkRejects(Gio.IOErrorEnum, '',
                collect(executor.map('echo', new type(), {cancellable})));
        }
    },

    'cancel': async executor => {
        const map = executor.map('echo', new Source());

        checkEqual(await map.next_value_async(), 0);
        map.cancel();
        const values = await collect(map).catch(error => error);
        check(Array.isArray(values) || values.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED),
            values);
    },

    'many-readers': async executor => {
        const map = executor.map('echo', upTo(20));
        const values = await Promise.all(Array.from({length: 22}, () => map.next_value_async()));

        checkEqual(values, [...upTo(20), undefined, undefined]);
    },

    'broken': async () => {
        for (const inputs of [[1, 2], later([1, 2])]) {
            const executor = new PPool.Executor({launcher: PPool.Launcher.new(['/nonexistent'])});
            const [values, error] = await collectUntilError(executor.map('echo', inputs));

            checkEqual(values, []);
            checkMatches(error, PPool.Error, PPool.Error.BROKEN);
            await executor.shutdown_async();
        }
    },

    // A program that doesn't read a map to its end leaves it to the garbage collector, with
    // its inputs.
    'dropped': async executor => {
        const readOne = async type => {
            const items = new Array(50000).fill('item');
            const map = executor.map('echo', new type(Infinity, i => items[i]), {bufferSize: 2});

            checkEqual(type === Source ? await map.next_value_async() : (await map.next()).value,
                'item');
        };
        const before = readMemory();

        for (const type of SOURCES) {
            for (let i = 0; i < 100; i++) {
                await readOne(type);
                if (i % 10 === 0)
                    System.gc();
            }
        }
        System.gc();
        checkEqual(await executor.call('echo', 1), 1);
        const growth = readMemory() - before;
        check(growth < 20, `${growth} MiB more`);
    },

    // Endless inputs, of which few are ahead, in little memory.
    'endless': async executor => {
        for (const type of SOURCES) {
            const source = new type(Infinity, i => ({i, bytes: new Uint8Array(2000)}));
            let n = 0;
            let before = 0;

            for await (const value of executor.map('echo', source)) {
                check(value.i === n && value.bytes.length === 2000, 'value', value.i);
                n++;
                if (n % 500 === 0)
                    System.gc();
                if (n === 1000)
                    before = readMemory();
                if (n === 4000)
                    break;
            }
            const growth = readMemory() - before;

            check(growth < 8, `${growth} MiB more`);
            check(source.nDrawn < 4000 + 3000, 'drawn', source.nDrawn);
        }
    },
};

runTests(tests, functions);
