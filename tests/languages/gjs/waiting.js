// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Many futures at once.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {
    check, checkEqual, checkMatches, checkRejects, checkThrows, runTests, until,
} from './tap.js';

const {FIRST_COMPLETED, FIRST_ERROR} = PPool.ReturnWhen;

const functions = {
    'echo': value => value,
    'fail': () => {
        throw new TypeError('failed');
    },
    'wait-for': path => {
        while (!GLib.file_test(path, GLib.FileTest.EXISTS))
            GLib.usleep(1000);
        return 'late';
    },
};

async function withLateFuture(executor, func) {
    const folder = GLib.dir_make_tmp('ppool-XXXXXX');
    const path = `${folder}/gate`;
    const future = executor.submit('wait-for', path);

    try {
        await func(future, () => GLib.file_set_contents(path, ''));
    } finally {
        GLib.file_set_contents(path, '');
        await future.result_async();
        GLib.unlink(path);
        GLib.rmdir(folder);
    }
}

function checkSame(got, wanted) {
    check(got.length === wanted.length && got.every((future, i) => future === wanted[i]),
        `got ${got.length} futures, wanted ${wanted.length}`);
}

const tests = {
    'all': async executor => {
        const futures = Array.from({length: 20}, (_, i) => executor.submit('echo', i));

        checkSame(await PPool.wait_futures_async(futures), futures);
        checkSame(PPool.wait_futures(futures), futures);
        checkSame(PPool.wait_futures(new Set(futures)), futures);
        checkSame(await PPool.wait_futures_async(new Set(futures)), futures);
        checkSame(await PPool.wait_futures_async([]), []);
        checkEqual(futures.map(future => future.propagate()),
            Array.from({length: 20}, (_, i) => i));
    },

    'some': async executor => {
        await withLateFuture(executor, async (late, open) => {
            const done = executor.submit('echo');
            const failed = executor.submit('fail');

            checkSame(await PPool.wait_futures_async([late, done], FIRST_COMPLETED), [done]);
            checkSame(await PPool.wait_futures_async([late, failed], FIRST_ERROR), [failed]);
            checkSame(await PPool.wait_futures_async([late, done], undefined, 10), [done]);
            checkSame(PPool.wait_futures([late, done], FIRST_COMPLETED), [done]);
            checkSame(PPool.wait_futures([late], undefined, 10), []);
            const promise = PPool.wait_futures_async([late]);
            open();
            checkSame(await promise, [late]);
        });
    },

    'stopped': async executor => {
        await withLateFuture(executor, async late => {
            const cancellable = new Gio.Cancellable();
            const promise = PPool.wait_futures_async([late], undefined, -1, cancellable);
            const next = PPool.as_completed([late]).next_future_async(cancellable);

            cancellable.cancel();
            for (const error of await Promise.all([
                checkRejects(Gio.IOErrorEnum, '', promise), checkRejects(Gio.IOErrorEnum, '', next),
            ]))
                checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
            checkThrows(Gio.IOErrorEnum, '',
                () => PPool.wait_futures([late], undefined, -1, cancellable));
        });
    },

    'as-completed': async executor => {
        await withLateFuture(executor, async (late, open) => {
            const first = executor.submit('echo', 1);
            const seen = [];

            for await (const future of PPool.as_completed([late, first, late])) {
                seen.push(future);
                open();
            }
            checkSame(seen, [first, late]);
        });

        const futures = [executor.submit('echo', {a: 1}), executor.submit('fail'),
            executor.submit('echo', new GLib.Variant('i', 3))];
        const results = [];

        for await (const future of PPool.as_completed(futures)) {
            try {
                results.push(await future.result_async());
            } catch (error) {
                results.push(String(error));
            }
        }
        checkEqual(results.map(String).sort(),
            ['TypeError: failed', '[object Object]', '[object variant of type "x"]'].sort());
    },

    'as-completed-blocking': executor => {
        const futures = [1, 2, 3].map(i => executor.submit('echo', i));

        checkEqual([...PPool.as_completed(futures)].map(future => future.result(0)).sort(),
            [1, 2, 3]);
        const completed = PPool.AsCompleted.new(new Set(futures));
        checkEqual([completed.next_future(), completed.next_future(-1), completed.next_future()]
            .map(future => future.result()).sort(), [1, 2, 3]);
        checkEqual(completed.next_future(), null);
    },

    'as-completed-timeout': async executor => {
        await withLateFuture(executor, async late => {
            const error = await checkRejects(Gio.IOErrorEnum, '', (async () => {
                for await (const future of PPool.as_completed([late], 10))
                    check(false, future);
            })());

            checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
        });
    },

    // A loop that is left leaves the futures alone.
    'left': async executor => {
        const futures = [1, 2, 3].map(i => executor.submit('echo', i));

        for await (const future of PPool.as_completed(futures)) {
            check(future.is_done(), 'done');
            break;
        }
        checkEqual(await Promise.all(futures.map(future => future.result_async())), [1, 2, 3]);
    },

    // Also for a future of which nobody has kept the object, what it gives is the same.
    'collected': async executor => {
        const completed = PPool.as_completed([
            executor.submit('echo', 1), executor.submit('echo', new GLib.Variant('i', 1))]);
        const kinds = [];

        for (let i = 0; i < 5; i++)
            System.gc();
        for await (const future of completed)
            kinds.push(typeof await future.result_async());
        checkEqual(kinds.sort(), ['number', 'object']);
    },

    'several-executors': async executor => {
        const other = new PPool.Executor({maxWorkers: 1});
        const futures = [executor.submit('echo', 1), other.submit('echo', 2)];

        checkSame(await PPool.wait_futures_async(futures), futures);
        await other.shutdown_async();
    },

    'dropped': async executor => {
        for (let i = 0; i < 20; i++) {
            PPool.as_completed([executor.submit('echo', i)]);
            PPool.wait_futures_async([executor.submit('echo', i)]);
            System.gc();
        }
        await until(() => executor.get_n_pending() + executor.get_n_running() === 0);
    },
};

runTests(tests, functions);
