// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Uses an executor once, wherever it is, and tells what came of it.
//
// probe.js RESULTS [WHEN:EVENT]...: writes a line a step to the file RESULTS. Events come before
// there is an executor (start), before its first call, or after it. probe.c and probe.py are the
// same program.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const LARGE = 1024 * 1024;

const events = {
    'close-standard': () => [0, 1, 2].forEach(fd => GLib.close(fd)),
    'lose-directory': () => {
        const path = GLib.Dir.make_tmp('probe-XXXXXX');

        GLib.chdir(path);
        GLib.rmdir(path);
    },
    'lose-program': () => GLib.unlink(System.programPath),
    'use-subprocess': () => Gio.Subprocess.new(['true'], 0).wait(null),
};

const worker = new PPool.Worker();
worker.add_function('echo', value => value);
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

const results = Gio.File.new_for_path(ARGV[0]).append_to(Gio.FileCreateFlags.NONE, null);

function tell(step, what) {
    results.write_all(new TextEncoder().encode(`${step}: ${`${what}`.replaceAll('\n', ' ')}\n`),
        null);
}

function runEvents(when) {
    for (const argument of ARGV.slice(1)) {
        if (argument.startsWith(when))
            events[argument.slice(when.length)]();
    }
}

function call(executor, step, size) {
    try {
        tell(step, executor.call_sync('echo', 'x'.repeat(size)).length);
    } catch (error) {
        tell(step, `error ${error.message}`);
    }
}

runEvents('start:');
const executor = new PPool.Executor({maxWorkers: 2});
runEvents('before:');
call(executor, 'first', 42);
call(executor, 'large', LARGE);
runEvents('after:');
call(executor, 'again', 43);
const fresh = new PPool.Executor({maxWorkers: 2});
call(fresh, 'fresh', 44);
try {
    fresh.shutdown_sync();
    tell('end', 'ok');
} catch (error) {
    tell('end', `error ${error.message}`);
}
