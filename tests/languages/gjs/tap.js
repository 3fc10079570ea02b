// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the tests of the override share. A test is a function, which may be asynchronous; it
// gets an executor that all tests of a file share, whose workers are the program again.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

// Bounds a test that hangs; nothing waits that long when all is well.
const LIMIT_MSEC = 60000;

export function check(condition, ...about) {
    if (!condition)
        throw new Error(`not so: ${about.join(' ')}`);
}

// A text of which two are the same when the values are, down to their types.
export function show(value) {
    if (value === null || typeof value !== 'object')
        return typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0'
            : typeof value === 'string' ? JSON.stringify(value) : String(value);
    if (value instanceof GLib.Variant)
        return `Variant ${value.print(true)}`;

    const name = Object.getPrototypeOf(value)?.constructor.name ?? 'null';
    const items = ArrayBuffer.isView(value) || Array.isArray(value)
        ? Array.from(value, show)
        : value instanceof Map ? [...value].map(([key, item]) => `${show(key)} => ${show(item)}`)
            : Object.keys(value).map(key => `${JSON.stringify(key)}: ${show(value[key])}`);

    return `${name} {${items.join(', ')}}`;
}

export function checkEqual(got, wanted) {
    const [shownGot, shownWanted] = [show(got), show(wanted)];

    check(shownGot === shownWanted,
        `got ${shownGot.slice(0, 500)}, wanted ${shownWanted.slice(0, 500)}`);
}

function checkError(error, type, text) {
    check(error instanceof type, `got ${error} instead of a ${type.name}`);
    check(error.message.includes(text), `got “${error.message}” instead of “${text}”`);
    return error;
}

// Returns the error that a function must throw.
export function checkThrows(type, text, func) {
    let value;

    try {
        value = func();
    } catch (error) {
        return checkError(error, type, text);
    }
    throw new Error(`got ${show(value).slice(0, 500)} instead of an error`);
}

// Returns the error with which a promise must fail, also one that is a function's.
export async function checkRejects(type, text, promise) {
    let value;

    check(typeof promise?.then === 'function', 'a promise is expected');
    try {
        value = await promise;
    } catch (error) {
        return checkError(error, type, text);
    }
    throw new Error(`got ${show(value).slice(0, 500)} instead of an error`);
}

export function checkMatches(error, domain, code) {
    check(error instanceof domain && error.matches(domain, code), `got ${error}`);
}

// What a program without a class AbortSignal makes of it.
export class Signal {
    constructor() {
        this.aborted = false;
        this.listeners = new Set();
    }

    addEventListener(type, listener) {
        checkEqual(type, 'abort');
        this.listeners.add(listener);
    }

    removeEventListener(type, listener) {
        this.listeners.delete(listener);
    }

    abort() {
        this.aborted = true;
        for (const listener of this.listeners)
            listener({type: 'abort'});
    }
}

export function idle() {
    return new Promise(resolve => {
        GLib.idle_add(GLib.PRIORITY_DEFAULT_IDLE, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

// Waits until something is true, which is looked at every now and then.
export async function until(condition) {
    const deadline = GLib.get_monotonic_time() + LIMIT_MSEC * 1000;

    while (!condition()) {
        check(GLib.get_monotonic_time() < deadline, 'waited in vain');
        await new Promise(resolve => {
            GLib.timeout_add(GLib.PRIORITY_DEFAULT, 5, () => {
                resolve();
                return GLib.SOURCE_REMOVE;
            });
        });
    }
}

function readText(path) {
    return new TextDecoder().decode(GLib.file_get_contents(path)[1]);
}

export function readMemory(field = 'VmRSS', process = 'self') {
    const [, kilobytes] = new RegExp(`${field}:\\s*(\\d+)`)
        .exec(readText(`/proc/${process}/status`));

    return Number(kilobytes) / 1024;
}

// The processes that any thread of this one has started.
function readChildren() {
    const folder = Gio.File.new_for_path('/proc/self/task');
    const enumerator = folder.enumerate_children('standard::name',
        Gio.FileQueryInfoFlags.NONE, null);
    let found = '';

    for (let info; (info = enumerator.next_file(null));)
        found += readText(`/proc/self/task/${info.get_name()}/children`);
    enumerator.close(null);
    return found.trim();
}

// Whether there are any is not known while a thread ends, whose children go to another one.
function hasChildren() {
    try {
        return readChildren() !== '';
    } catch (error) {
        if (error.matches?.(GLib.FileError, GLib.FileError.NOENT) ||
            error.matches?.(GLib.FileError, GLib.FileError.FAILED))
            return true;
        throw error;
    }
}

async function runTest(test, executor) {
    let id = 0;
    const limit = new Promise((_, reject) => {
        id = GLib.timeout_add(GLib.PRIORITY_DEFAULT, LIMIT_MSEC, () => {
            id = 0;
            reject(new Error('it takes too long'));
            return GLib.SOURCE_REMOVE;
        });
    });

    try {
        await Promise.race([limit, test(executor)]);
    } finally {
        if (id)
            GLib.source_remove(id);
    }
}

async function runAll(tests, properties) {
    const executor = new PPool.Executor(properties);
    let nFailed = 0;
    let number = 0;
    const report = async (name, test) => {
        try {
            await runTest(test, executor);
            print(`ok ${++number} ${name}`);
        } catch (error) {
            nFailed++;
            for (const line of `${error}\n${error?.stack}`.trim().split('\n'))
                print(`# ${line}`);
            print(`not ok ${++number} ${name}`);
        }
    };

    print(`1..${Object.keys(tests).length + 1}`);
    for (const [name, test] of Object.entries(tests))
        await report(name, test);
    await report('nothing-left', async () => {
        await executor.shutdown_async();
        await until(() => !hasChildren());
    });
    return nFailed ? 1 : 0;
}

// Is the whole program, at either end. Nothing may have been awaited before. It runs a main
// loop of its own: the one that GJS has for an await at the top level never sleeps.
export function runTests(tests, functions = {}, properties = {maxWorkers: 2}) {
    const worker = new PPool.Worker();

    for (const [name, func] of Object.entries(functions))
        worker.add_function(name, func);
    if (PPool.Worker.is_spawned())
        System.exit(worker.run());

    const loop = new GLib.MainLoop(null, false);
    let status = 1;

    runAll(tests, properties)
        .then(failed => (status = failed), logError)
        .finally(() => loop.quit());
    loop.run();
    System.exit(status);
}
