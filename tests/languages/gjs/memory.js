// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Ten thousand calls take no more memory than two thousand.

import System from 'system';

import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {check, checkEqual, readMemory, runTests} from './tap.js';

const N_CALLS = 10000;
const N_OTHER_CALLS = 4000;
const MAX_GROWTH = 6;

const functions = {
    'echo': value => value,
    'same': (value, invocation) => invocation.get_args(),
    'fail': () => {
        throw new TypeError('failed');
    },
};

// Measures what stays when all is collected that can be, over what was there when the first
// fifth was done.
async function checkFlat(call, nCalls = N_OTHER_CALLS) {
    let before = 0;

    for (let i = 1; i <= nCalls; i++) {
        await call(i);
        if (i % 400 === 0)
            System.gc();
        if (i === nCalls / 5)
            before = readMemory();
    }

    const growth = readMemory() - before;

    print(`# ${growth.toFixed(1)} MiB more`);
    check(growth < MAX_GROWTH, `${growth} MiB more`);
}

// Nobody collects but the override itself.
async function checkBounded(call) {
    let before = 0;

    for (let i = 0; i < N_CALLS; i++) {
        await call(i);
        if (i === N_CALLS / 5)
            before = readMemory();
    }

    const growth = readMemory() - before;

    print(`# ${growth.toFixed(1)} MiB more`);
    check(growth < 24, `${growth} MiB more`);
}

// The most that there ever is, with several calls at a time: it is what one collection frees.
async function checkPeak(call, nCalls = 18000) {
    let i = 0;
    let before = 0;
    let peak = 0;
    const run = async () => {
        while (i < nCalls) {
            await call(++i);
            if (i === 2000)
                before = readMemory();
            else if (i > 2000 && i % 250 === 0)
                peak = Math.max(peak, readMemory());
        }
    };

    await Promise.all(Array.from({length: 20}, run));
    print(`# ${(peak - before).toFixed(1)} MiB more`);
    check(before > 0 && peak - before < 5, `${peak - before} MiB more`);
}

const tests = {
    'numbers': executor => checkFlat(async i => {
        const value = await executor.call('echo', i);

        if (value !== i)
            checkEqual(value, i);
    }, N_CALLS),

    'objects': executor => checkFlat(async i => {
        const value = await executor.call('echo',
            {i, list: [1, 'a', null], bytes: new Uint8Array(1000)});

        if (value.i !== i || value.bytes.length !== 1000)
            checkEqual(value, i);
    }),

    'not-collected': executor => checkBounded(
        i => executor.call('echo', {i, bytes: new Uint8Array(4000)})),

    // The more there is to be freed, the longer a collection blocks the main loop.
    'collected-often': executor => checkPeak(i => executor.call('echo', i)),

    // The variant is made once: GJS itself may lose those that a program makes.
    'variants': executor => {
        const variant = new GLib.Variant('(is)', [1, 'x'.repeat(1000)]);

        return checkFlat(() => executor.call('same', variant));
    },

    'futures': executor => checkFlat(
        i => executor.submit('echo', `${i} ${'x'.repeat(500)}`).result_async()),

    'errors': executor => checkFlat(() => executor.call('fail').catch(error => error)),

    'dropped': executor => checkFlat(async i => {
        executor.submit('echo', i);
        if (i % 10 === 0)
            await executor.call('echo');
    }),
};

runTests(tests, functions);
