#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// One function, one call.

import System from 'system';

import Gio from 'gi://Gio';
import PPool from 'gi://PPool?version=1.0';

// Workers are this same program.
const worker = new PPool.Worker();
worker.add_function('greet', name => {
    const pid = new Gio.Credentials().get_unix_pid();

    return `Hello, ${name}, from process ${pid}!`;
});
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

const executor = new PPool.Executor();
print(executor.call_sync('greet', ARGV[0] ?? 'world'));
executor.shutdown_sync();
