#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// One function over many inputs.
//
// Halve a number if it is even, else treble it and add one: how many steps is it to 1?
// Prints the numbers that take more steps than all below them.

import System from 'system';

import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const LAST_NUMBER = 10000;

function countSteps(number) {
    let nSteps = 0;

    for (let n = number; n !== 1; nSteps++)
        n = n % 2 === 0 ? n / 2 : 3 * n + 1;
    return nSteps;
}

const worker = new PPool.Worker();
worker.add_function('count-steps', countSteps);
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

// Inputs are drawn when there is room for them, and so may be without an end.
function* naturalNumbers() {
    for (let n = 1; ; n++)
        yield n;
}

// The results come in the order of the inputs, whichever worker is done first.
async function printRecords(executor) {
    let number = 0;
    let most = -1;

    for await (const nSteps of executor.map('count-steps', naturalNumbers())) {
        if (++number > LAST_NUMBER)
            break;
        if (nSteps > most) {
            print(`${number} takes ${nSteps} steps`);
            most = nSteps;
        }
    }
    await executor.shutdown_async();
}

const loop = new GLib.MainLoop(null, false);

printRecords(new PPool.Executor()).catch(logError).finally(() => loop.quit());
loop.run();
