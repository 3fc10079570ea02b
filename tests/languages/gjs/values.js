// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Which value becomes which, there and back.

import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {check, checkEqual, checkRejects, checkThrows, runTests} from './tap.js';

const functions = {
    'echo': value => value,
    'fail': i => FAILING[i],
    'fail-later': async i => {
        await null;
        return [FAILING[i]];
    },
    'deep': () => nest(100000),
    'type': (value, invocation) => invocation.get_args().print(true),
};

// A value, and what the worker sees of it.
const SAME = [
    [null, '()'],
    [true, 'true'],
    [false, 'false'],
    [0, 'int64 0'],
    [-0, '-0.0'],
    [-7, 'int64 -7'],
    [2 ** 31, 'int64 2147483648'],
    [Number.MAX_SAFE_INTEGER, 'int64 9007199254740991'],
    [Number.MIN_SAFE_INTEGER, 'int64 -9007199254740991'],
    [2 ** 53, '9007199254740992.0'],
    [1.5, '1.5'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [Number.MIN_VALUE, '4.9406564584124654e-324'],
    [NaN, 'nan'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [2n ** 53n, 'int64 9007199254740992'],
    [-(2n ** 63n), 'int64 -9223372036854775808'],
    [2n ** 63n - 1n, 'int64 9223372036854775807'],
    [2n ** 63n, 'uint64 9223372036854775808'],
    [2n ** 64n - 1n, 'uint64 18446744073709551615'],
    ['', "''"],
    ['Grüße, 世界, 👋🏽, e\u0301', "'Grüße, 世界, 👋🏽, e\u0301'"],
    ['\u{10ffff}\u0001', null],
    [[], '@av []'],
    [[1, 'a', null, [2.5]], "[<int64 1>, <'a'>, <@mv nothing>, <[<2.5>]>]"],
    [{}, '@a{sv} {}'],
    [{a: 1, 'b c': {}, '': null}, "{'a': <int64 1>, 'b c': <@a{sv} {}>, '': <@mv nothing>}"],
    [{Grüße: '👋'}, "{'Grüße': <'👋'>}"],
    [new Map([[1, 'a'], [-5, null]]), "{int64 1: <'a'>, -5: <@mv nothing>}"],
    [new Map([[true, 1]]), '{true: <int64 1>}'],
    [new Map([[2n ** 60n, 1]]), '{int64 1152921504606846976: <int64 1>}'],
    [new Map([[0.5, 1]]), '{0.5: <int64 1>}'],
    [new Uint8Array(), '@ay []'],
    [new Uint8Array([0, 1, 254, 255]), '[byte 0x00, 0x01, 0xfe, 0xff]'],
];

// A value, what the worker sees of it, and what comes back.
const NUMBERS = [
    [new Int16Array([-32768, 32767]), '[int16 -32768, 32767]', [-32768, 32767]],
    [new Uint16Array([0, 65535]), '[uint16 0, 65535]', [0, 65535]],
    [new Int32Array([-(2 ** 31), 2 ** 31 - 1]), '[-2147483648, 2147483647]',
        [-(2 ** 31), 2 ** 31 - 1]],
    [new Uint32Array([2 ** 32 - 1]), '[uint32 4294967295]', [2 ** 32 - 1]],
    [new BigInt64Array([-(2n ** 63n), 5n, 2n ** 63n - 1n]),
        '[int64 -9223372036854775808, 5, 9223372036854775807]',
        [-(2n ** 63n), 5, 2n ** 63n - 1n]],
    [new BigUint64Array([2n ** 64n - 1n, 0n]), '[uint64 18446744073709551615, 0]',
        [2n ** 64n - 1n, 0]],
    [new Float64Array([1.5, -0, NaN]), '[1.5, -0.0, nan]', [1.5, -0, NaN]],
    [new Float64Array(), '@ad []', []],
    [new BigInt64Array(), '@ax []', []],
];

class Doubles extends Float64Array {}

class Bytes extends Uint8Array {}

class List extends Array {}

// A value, and what comes back of it.
const OTHER = [
    [undefined, null],
    [5n, 5],
    [{a: undefined}, {a: null}],
    [[undefined, , 1], [null, null, 1]],  // eslint-disable-line no-sparse-arrays
    [Object.assign(Object.create(null), {a: 1}), {a: 1}],
    [new Map(), {}],
    [new Map([['a', 1]]), {a: 1}],
    [new Uint8ClampedArray([1, 2]), new Uint8Array([1, 2])],
    [new Uint8Array([1, 2, 3, 4]).subarray(1, 3), new Uint8Array([2, 3])],
    [new Float64Array([1, 2, 3]).subarray(1), [2, 3]],
    [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2])],
    [new GLib.Bytes(new Uint8Array([1, 2])), new Uint8Array([1, 2])],
    [PPool.Buffer.new_from_bytes(new Uint8Array([7, 8])), new Uint8Array([7, 8])],
    [{inside: new GLib.Variant('(is)', [3, 'x'])}, {inside: [3, 'x']}],
    [{bytes: new Uint8Array([1]), list: [new Int32Array([5])]},
        {bytes: new Uint8Array([1]), list: [[5]]}],
    [Doubles.of(1.5), [1.5]],
    [Bytes.of(1, 2), new Uint8Array([1, 2])],
    [List.of(1, 2), [1, 2]],
    // Next to something that moves them to where numbers of their size don't begin.
    [[new GLib.Variant('(yad)', [1, [1.5, 2.5]])], [[1, [1.5, 2.5]]]],
    [[new GLib.Variant('(ayanaqaiauaxatadyai)',
        [[1], [-2], [3], [-4], [5], [-6], [7], [8.5], 9, [10]])],
    [[new Uint8Array([1]), [-2], [3], [-4], [5], [-6], [7], [8.5], 9, [10]]]],
];

// What other languages give.
const UNPACKED = [
    ['(1, "a", [true, false])', [1, 'a', [true, false]]],
    ['byte 255', 255],
    ['int16 -32768', -32768],
    ['uint16 65535', 65535],
    ['int32 -5', -5],
    ['uint32 4294967295', 4294967295],
    ['handle 3', 3],
    ['uint64 7', 7],
    ['uint64 9007199254740993', 9007199254740993n],
    ['int64 -9007199254740993', -9007199254740993n],
    ['objectpath "/a"', '/a'],
    ['signature "a{sv}"', 'a{sv}'],
    ['@ms nothing', null],
    ['@mi 5', 5],
    ['@mmi nothing', null],
    ['<<true>>', true],
    ['{"a", 1}', ['a', 1]],
    ['["a", "b"]', ['a', 'b']],
    ['@as []', []],
    ['@a{ss} {}', {}],
    ['{"a": "b"}', {a: 'b'}],
    ['{objectpath "/a": 1}', {'/a': 1}],
    ['{uint64 9007199254740993: 1}', new Map([[9007199254740993n, 1]])],
    ['[(1, @ay [1, 2])]', [[1, new Uint8Array([1, 2])]]],
    ['[[1, 2], [3]]', [[1, 2], [3]]],
    ['[int64 1, 9007199254740993]', [1, 9007199254740993n]],
    ['[uint64 1, 9007199254740993]', [1, 9007199254740993n]],
    ['[true, false]', [true, false]],
    ['[handle 1, 2]', [1, 2]],
    ['@aai []', []],
    ['[@ms "a", nothing]', ['a', null]],
    ['(int64 1, 1.5, uint16 2)', [1, 1.5, 2]],
];

class Point {}

function fail() {
    throw new RangeError('mine');
}

function nest(depth) {
    let value = 1;

    for (let i = 0; i < depth; i++)
        value = i % 2 ? [value] : {a: value};
    return value;
}

const revoked = Proxy.revocable([], {});

revoked.revoke();

function inItself() {
    const object = {list: []};

    object.list.push(object);
    return object;
}

const REFUSED = [
    [() => 1, 'args: a function can’t be sent'],
    [Symbol('a'), 'args: a symbol can’t be sent'],
    [new Date(), 'args: a Date can’t be sent'],
    [new Point(), 'args: a Point can’t be sent'],
    [new Float32Array(1), 'args: a Float32Array can’t be sent'],
    [new Set([1]), 'args: a Set can’t be sent'],
    [Promise.resolve(1), 'args: a Promise can’t be sent'],
    [{a: [1, {'b c': /x/}]}, 'args.a[1]["b c"]: a RegExp can’t be sent'],
    [new Map([[1, Symbol('a')]]), 'args[1]: a symbol can’t be sent'],
    [new Map([[{}, 1]]), 'an Object can’t be a key'],
    [new Map([[1, 1], ['a', 1]]), 'args.a: the keys of a Map must be of one type'],
    [['a\0b'], 'args[0]: a string with a NUL character'],
    [{'a\0b': 1}, 'a string with a NUL character'],
    ['\ud83d', 'args: a string that is not well-formed'],
    [2n ** 64n, 'has more than 64 bits'],
    [-(2n ** 63n) - 1n, 'has more than 64 bits'],
    [inItself(), 'args.list[0]: a value that is inside of itself'],
    [nest(100000), '…: a value that is nested so deeply can’t be sent'],
    [new Map([[1, 'a'], [1n, 'b']]), 'args[1]: the keys of a Map must be of one type'],
    [new Int8Array(1), 'args: an Int8Array can’t be sent'],
    [new DataView(new ArrayBuffer(1)), 'args: a DataView can’t be sent'],
    [new (class { static name = Symbol('x'); })(), 'args: an object can’t be sent'],
    [revoked.proxy, 'revoked proxy'],
];

// What fails when it is looked at fails with its own error.
const FAILING = [
    {get a() { return fail(); }},
    [{get a() { return fail(); }}],
    new Proxy({a: 1}, {ownKeys: fail}),
    new Proxy([], {get: fail}),
    new Proxy({}, {getPrototypeOf: fail}),
];

const tests = {
    'same': async executor => {
        for (const [value, seen] of SAME) {
            checkEqual(await executor.call('echo', value), value);
            if (seen !== null)
                checkEqual(await executor.call('type', value), seen);
        }
    },

    'other': async executor => {
        for (const [value, seen, wanted] of NUMBERS) {
            checkEqual(await executor.call('type', value), seen);
            checkEqual(await executor.call('echo', value), wanted);
        }
        for (const [value, wanted] of OTHER)
            checkEqual(await executor.call('echo', value), wanted);
    },

    'unpacked': async executor => {
        for (const [text, wanted] of UNPACKED) {
            const variant = GLib.Variant.parse(null, text, null, null);

            checkEqual(PPool.unpack(variant), wanted);
            checkEqual(await executor.call('echo', [variant]), [wanted]);
        }
        checkEqual(PPool.unpack(new GLib.Variant('()', [])), null);
        checkEqual(PPool.unpack(new GLib.Variant('(())', [[]])), [[]]);
        checkEqual(PPool.unpack(new GLib.Variant('v', new GLib.Variant('()', []))), []);
    },

    'refused': async executor => {
        for (const [value, text] of REFUSED) {
            await checkRejects(TypeError, text, executor.call('echo', value));
            checkThrows(TypeError, text, () => executor.submit('echo', value));
            checkThrows(TypeError, text, () => executor.call_sync('echo', value));
            checkThrows(TypeError, text, () => PPool.Call.new('echo', value));
        }
    },

    'failing': async executor => {
        for (const [i, value] of FAILING.entries()) {
            await checkRejects(RangeError, 'mine', executor.call('echo', value));
            checkThrows(RangeError, 'mine', () => executor.submit('echo', value));
            checkThrows(RangeError, 'mine', () => executor.call_sync('echo', value));
            checkThrows(RangeError, 'mine', () => executor.map('echo', [value]).next_value());
            await checkRejects(RangeError, 'mine', executor.call('fail', i));
            await checkRejects(RangeError, 'mine', executor.call('fail-later', i));
        }
        await checkRejects(TypeError, 'the value of “deep”', executor.call('deep'));

        let caught = 'nothing';

        try {
            executor.submit('echo', {get a() { throw null; }});
        } catch (error) {
            caught = error;
        }
        checkEqual(caught, null);
        checkEqual(await executor.call('echo', 1), 1);
    },

    'deep': async executor => {
        const nest = depth => depth === 0 ? 'inside' : [nest(depth - 1)];

        checkEqual(await executor.call('echo', nest(60)), nest(60));
        await checkRejects(PPool.Error, 'nested', executor.call('echo', nest(100)));
    },

    // The same array twice is no cycle.
    'shared': async executor => {
        const shared = [1];

        checkEqual(await executor.call('echo', [shared, shared]), [[1], [1]]);
    },

    'proto': async executor => {
        const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
        const got = await executor.call('echo', value);

        checkEqual(Object.keys(got), ['__proto__', 'constructor']);
        check(Object.getPrototypeOf(got) === Object.prototype, 'a prototype');
        checkEqual(got.a, undefined);
    },

    'variants': async executor => {
        for (const text of ['5', '()', '@ms nothing', '{"a": <1>}', '@ay [1]']) {
            const variant = GLib.Variant.parse(null, text, null, null);

            const seen = new GLib.Variant('s', variant.print(true));

            checkEqual(await executor.call('type', variant), seen);
            checkEqual(executor.call_sync('type', variant), seen);
        }
        checkEqual(await executor.call('type', PPool.pack([1])),
            new GLib.Variant('s', '[<int64 1>]'));
        checkEqual(await executor.call('type', PPool.pack()), new GLib.Variant('s', '()'));
    },

    // Large ones travel in shared memory, which may be read-only; what a program gets is its own.
    'large': async executor => {
        for (const size of [40000, 1000001, 16 << 20]) {
            const sent = new Uint8Array(size);

            sent.set([1, 2, 3]);
            sent[size - 1] = 255;
            const got = await executor.call('echo', sent);

            check(got instanceof Uint8Array && got.length === size, 'got', got.length);
            checkEqual(got.slice(0, 4), new Uint8Array([1, 2, 3, 0]));
            check(got[size - 1] === 255, 'the last byte');
            got.fill(9);
            check(got[5] === 9 && sent[5] === 0, 'it can be written');
        }

        const doubles = new Float64Array(100000).map((_, i) => i / 8);
        const got = await executor.call('echo', {doubles});

        check(got.doubles.every((value, i) => value === i / 8), 'the same numbers');
        const text = 'ß'.repeat(1 << 20);
        check(await executor.call('echo', text) === text, 'the same text');
    },
};

runTests(tests, functions);
