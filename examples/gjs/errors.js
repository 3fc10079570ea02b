#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What can go wrong, and what to do then.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

function divide([dividend, divisor]) {
    if (divisor === 0)
        throw new RangeError('Division by zero');
    return Math.trunc(dividend / divisor);
}

// What a bug does.
function crash() {
    printerr('crash: about to leave without an answer');
    System.exit(3);
}

const worker = new PPool.Worker();
worker.add_function('divide', divide);
worker.add_function('crash', crash);
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

function makeExecutor() {
    const launcher = PPool.Launcher.new_self();

    // What workers say is in the message of a crash.
    launcher.stderrMode = PPool.StderrMode.DISCARD;
    return new PPool.Executor({launcher});
}

function explain(error) {
    // What the function threw, with the worker's stack before that of this program.
    if (error instanceof RangeError)
        return `the function failed: ${error.message}`;
    if (error instanceof Gio.IOErrorEnum &&
        error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT))
        return 'not done yet';
    if (error instanceof PPool.Error && error.matches(PPool.Error, PPool.Error.UNKNOWN_FUNCTION))
        return 'there is no such function';
    if (error instanceof TypeError)
        return `what can't be sent never leaves: ${error.message}`;
    return error.message;
}

async function call(executor, name, args) {
    try {
        print(`${name}: ${await executor.call(name, args)}`);
    } catch (error) {
        print(`${name}: ${explain(error)}`);
    }
}

// A wait that ran out is no end: the call goes on, and can be waited for again.
function waitTwice(executor) {
    const future = executor.submit('divide', [42, 6]);

    for (const timeoutMsec of [0, -1]) {
        try {
            print(`wait: ${future.result(timeoutMsec)}`);
        } catch (error) {
            print(`wait: ${explain(error)}`);
        }
    }
}

async function main() {
    const executor = makeExecutor();

    waitTwice(executor);
    await call(executor, 'divide', [1, 0]);
    await call(executor, 'multiply', [1, 2]);
    await call(executor, 'divide', [1, new Date()]);

    // After a crash an executor takes no more calls, until it is revived.
    await call(executor, 'crash');
    await call(executor, 'divide', [1, 1]);
    executor.revive();
    await call(executor, 'divide', [1, 1]);
    await executor.shutdown_async();
}

const loop = new GLib.MainLoop(null, false);

main().catch(logError).finally(() => loop.quit());
loop.run();
