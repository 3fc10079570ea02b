// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The worker in JavaScript of pool.py.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const LIMIT_USEC = 30000000;

const worker = new PPool.Worker();

worker.add_function('spin', (args, invocation) => {
    const cancellable = invocation.get_cancellable();
    const end = GLib.get_monotonic_time() + LIMIT_USEC;

    while (GLib.get_monotonic_time() < end)
        cancellable.set_error_if_cancelled();
});

worker.add_function('sleep', (args, invocation) => new Promise((resolve, reject) => {
    const task = Gio.Task.new(null, invocation.get_cancellable(), (source, result) => {
        try {
            resolve(result.propagate_boolean());
        } catch (error) {
            reject(error);
        }
    });
    const source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 10, () => {
        if (!task.get_cancellable().is_cancelled())
            return GLib.SOURCE_CONTINUE;
        task.return_error_if_cancelled();
        return GLib.SOURCE_REMOVE;
    });

    void source;
}));

worker.add_function('is-cancelled',
    (args, invocation) => invocation.get_cancellable().is_cancelled());

worker.add_function('get-options', (args, invocation) => new GLib.Variant('ax',
    [invocation.get_deadline(), invocation.get_attempt()]));

System.exit(worker.run());
