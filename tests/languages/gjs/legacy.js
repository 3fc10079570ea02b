// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A script that is no module, and its own worker; worker.js runs it.

imports.gi.versions.PPool = '1.0';

const {GLib, PPool} = imports.gi;
const System = imports.system;

const worker = new PPool.Worker();

worker.add_function('add', ([a, b]) => a + b);
worker.add_function('later', async value => {
    await null;
    return value;
});
worker.add_function('fail', () => {
    throw new TypeError('legacy');
});

if (PPool.Worker.is_spawned())
    System.exit(worker.run());

const loop = GLib.MainLoop.new(null, false);

async function main() {
    const executor = new PPool.Executor({maxWorkers: 2});
    const doubled = [];

    print(`sync ${executor.call_sync('add', [2, 3])}`);
    print(`async ${await executor.call('later', 7)}`);
    for await (const value of executor.map('add', [[1, 1], [2, 2], [3, 3]]))
        doubled.push(value);
    print(`map ${doubled.join(' ')}`);
    try {
        await executor.call('fail');
    } catch (error) {
        print(error);
    }
    await executor.shutdown_async();
}

main().catch(logError).finally(() => loop.quit());
loop.run();
