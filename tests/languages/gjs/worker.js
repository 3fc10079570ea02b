// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Workers in JavaScript, asynchronous functions above all: worker.js [MODE], where the modes
// are workers that are set up in other ways.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

import {
    check, checkEqual, checkMatches, checkRejects, checkThrows, idle, readMemory, runTests, until,
} from './tap.js';

// What could end a promise, and doesn't.
const kept = [];

const functions = {
    'echo': value => value,
    'nothing': () => {},
    'add': ([a, b]) => a + b,
    'describe': (value, invocation) => [typeof value, invocation instanceof PPool.Invocation,
        invocation.get_function(), invocation.get_args().get_type_string()],
    'later': async value => {
        await idle();
        await idle();
        return value;
    },
    'resolved': value => Promise.resolve(value),
    'thenable': value => ({then: resolve => resolve(value)}),
    'thenable-that-throws': () => ({
        then: () => {
            throw new RangeError('no promise');
        },
    }),
    'thenable-that-repeats': value => ({
        then: (resolve, reject) => {
            resolve(value);
            resolve(2);
            reject(new Error('late'));
        },
    }),
    'reject-later': async () => {
        await idle();
        throw new RangeError('too late');
    },
    // An asynchronous function of GIO's.
    'read-file': async path => {
        const file = Gio.File.new_for_path(path);

        return new Promise((resolve, reject) => {
            file.load_contents_async(null, (self, result) => {
                try {
                    resolve(self.load_contents_finish(result)[1]);
                } catch (error) {
                    reject(error);
                }
            });
        });
    },
    'variant': () => new GLib.Variant('(mus)', [null, 'x']),
    'never': () => {
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
            System.gc();
            return GLib.SOURCE_CONTINUE;
        });
        return new Promise(() => {});
    },
    'never-at-all': () => new Promise(resolve => kept.push(resolve)),
    'garbage': async value => {
        System.gc();
        await idle();
        System.gc();
        return value;
    },
    'memory': () => {
        System.gc();
        return readMemory();
    },
    // A pool in a worker.
    'nested': async value => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const result = await executor.call('later', value);

        await executor.shutdown_async();
        return result;
    },
};

function addHandlers(worker) {
    worker.add_handler('plain-handler', invocation => {
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
            invocation.return_value({handled: PPool.unpack(invocation.get_args())});
            return GLib.SOURCE_REMOVE;
        });
    });
    worker.add_handler('no-value', invocation => invocation.return_value());
    worker.add_handler('failing-handler', async invocation => {
        await idle();
        invocation.return_error(new TypeError('handled'));
    });
    worker.connect('handle-call', (self, invocation) => {
        if (invocation.get_function() !== 'by-signal')
            return false;
        invocation.return_value('by signal');
        return true;
    });
}

const worker = new PPool.Worker();

addHandlers(worker);

// A worker that was set up after an await, where no promise goes on.
if (ARGV[0] === 'after-await' && PPool.Worker.is_spawned()) {
    await idle();
    for (const [name, func] of Object.entries(functions))
        worker.add_function(name, func);
    System.exit(worker.run());
}

if (ARGV[0] === 'handlers' && PPool.Worker.is_spawned())
    System.exit(worker.run());

function startOther(mode) {
    const script = GLib.build_filenamev([
        GLib.getenv('G_TEST_SRCDIR'), 'languages', 'gjs', 'worker.js',
    ]);
    const launcher = PPool.Launcher.new(['gjs', '-m', script, mode]);

    return new PPool.Executor({launcher, maxWorkers: 1});
}

const tests = {
    'plain': async executor => {
        checkEqual(await executor.call('add', [1, 2]), 3);
        checkEqual(await executor.call('add', ['a', 'b']), 'ab');
        checkEqual(await executor.call('nothing'), null);
        checkEqual(await executor.call('describe', 5), ['number', true, 'describe', 'x']);
        checkEqual(await executor.call('describe', new GLib.Variant('(i)', [1])),
            new GLib.Variant('av', [new GLib.Variant('s', 'object'), new GLib.Variant('b', true),
                new GLib.Variant('s', 'describe'), new GLib.Variant('s', '(i)')]));
        checkEqual(PPool.unpack(await executor.call('variant', PPool.pack())), [null, 'x']);
    },

    'asynchronous': async executor => {
        for (const name of ['later', 'resolved', 'thenable', 'thenable-that-repeats', 'garbage'])
            checkEqual(await executor.call(name, {a: [1]}), {a: [1]});
        await checkRejects(RangeError, 'no promise', executor.call('thenable-that-throws'));
        await checkRejects(RangeError, 'too late', executor.call('reject-later'));
        const path = GLib.build_filenamev([
            GLib.getenv('G_TEST_SRCDIR'), 'languages', 'gjs', 'worker.js',
        ]);
        checkEqual(await executor.call('read-file', path), GLib.file_get_contents(path)[1]);
        const error = await checkRejects(Gio.IOErrorEnum, '',
            executor.call('read-file', '/nothing'));
        checkMatches(error, Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);

        const many = Array.from({length: 200}, (_, i) => executor.call('later', i));

        checkEqual(await Promise.all(many), Array.from({length: 200}, (_, i) => i));
    },

    // A promise that can't come true any more is seen as such when it is collected. Its worker
    // would do nothing else until the end.
    'never': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const error = await checkRejects(PPool.Error, 'never', executor.call('never'));

        checkMatches(error, PPool.Error, PPool.Error.UNHANDLED);
        await executor.shutdown_async();
    },

    'after-await': async () => {
        const executor = startOther('after-await');

        checkEqual(await executor.call('echo', 1), 1);
        await checkRejects(Error, 'run() was called after an await', executor.call('later', 1));
        checkEqual(await executor.call('echo', 2), 2);
        await executor.shutdown_async();
    },

    // What nobody waits for, and what never ends, is no reason to stay.
    'never-and-dropped': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const started = new Promise(resolve => {
            const future = executor.submit('never-at-all');

            future.add_done_callback(resolve);
        });

        executor.call('never-at-all').catch(() => {});
        System.gc();
        await until(() => executor.n_running === 1);
        executor.kill_workers();
        await started;
        await executor.shutdown_async();
    },

    'handlers': async () => {
        const executor = startOther('handlers');

        checkEqual(await executor.call('plain-handler', 5), {handled: 5});
        checkEqual(await executor.call('no-value'), null);
        checkEqual(await executor.call('by-signal'), 'by signal');
        await checkRejects(TypeError, 'handled', executor.call('failing-handler'));
        checkMatches(await checkRejects(PPool.Error, '', executor.call('unknown')),
            PPool.Error, PPool.Error.UNHANDLED);
        await executor.shutdown_async();
    },

    'wrong-function': () => {
        for (const wrong of [null, undefined, 'name', {}])
            checkThrows(TypeError, 'func: not a function', () => worker.add_function('f', wrong));
    },

    'nested': async executor => {
        checkEqual(await executor.call('nested', [1, 'a']), [1, 'a']);
    },

    // The program again, written as scripts were before there were modules.
    'legacy-script': () => {
        const script = GLib.build_filenamev([
            GLib.getenv('G_TEST_SRCDIR'), 'languages', 'gjs', 'legacy.js',
        ]);
        const [, out, err, status] = GLib.spawn_sync(null, ['gjs', script], null,
            GLib.SpawnFlags.SEARCH_PATH, null);

        checkEqual(new TextDecoder().decode(out),
            'sync 5\nasync 7\nmap 2 4 6\nTypeError: legacy\n');
        checkEqual([new TextDecoder().decode(err), status], ['', 0]);
    },

    // A program that doesn't ask whether it is a worker is told so at once, also if the worker
    // has other things to do.
    'forgetful-script': () => {
        const folder = GLib.dir_make_tmp('ppool-XXXXXX');

        GLib.file_set_contents(`${folder}/s.js`, `
            import GLib from 'gi://GLib';
            import PPool from 'gi://PPool?version=1.0';
            const executor = new PPool.Executor({maxWorkers: 1});
            try {
                executor.call_sync('echo', 1);
            } catch (error) {
                print(error.message);
                if (PPool.Worker.is_spawned())
                    new GLib.MainLoop(null, false).run();
            }
            executor.shutdown_sync();`);

        const [, out, err, status] = GLib.spawn_sync(folder, ['gjs', '-m', 's.js'], null,
            GLib.SpawnFlags.SEARCH_PATH, null);
        const text = new TextDecoder().decode(out);

        GLib.unlink(`${folder}/s.js`);
        GLib.rmdir(folder);
        checkEqual([new TextDecoder().decode(err), status], ['', 0]);
        check(text.includes('it used an executor before it ran its PPoolWorker'), text);
    },

    // A script is found again when its path started from a directory that is left, or that
    // the workers are not in; what it was given stays as it is.
    'relative-script': async () => {
        const folder = GLib.dir_make_tmp('ppool-XXXXXX');
        const body = (move, cwd) => `
            const worker = new PPool.Worker();
            worker.add_function('see', () => [GLib.get_current_dir(), System.programPath, ARGV]);
            if (PPool.Worker.is_spawned())
                System.exit(worker.run());
            ${move}
            const launcher = PPool.Launcher.new_self();
            launcher.cwd = ${cwd};
            for (const executor of [new PPool.Executor({launcher}), ...launcher.cwd ? []
                : [new PPool.Executor(), PPool.Executor.new(), PPool.Executor.new(null)]]) {
                print(JSON.stringify(executor.call_sync('see')));
                executor.shutdown_sync();
            }`;
        const module = "import GLib from 'gi://GLib'; import PPool from 'gi://PPool?version=1.0';" +
            "import System from 'system';";
        const legacy = 'const {GLib, PPool} = imports.gi; const System = imports.system;';
        const moved = "imports.gi.GLib.chdir('/');";

        for (const [options, head, move, cwd, path, lines] of [
            [['-m'], module, moved, 'null', 's.js', 4],
            [['-m'], module, '', "'/'", './s.js', 1],
            [[], legacy, moved, 'null', 's.js', 4],
            [[], legacy, '', "'/'", 's.js', 1],
            [['-m'], module, moved, 'null', `${folder}/s.js`, 4],
        ]) {
            GLib.file_set_contents(`${folder}/s.js`, head + body(move, cwd));

            const [, out, err, status] = GLib.spawn_sync(folder,
                ['gjs', ...options, path, '', 's.js', 'größer'], null,
                GLib.SpawnFlags.SEARCH_PATH, null);
            const wanted = `["/","${folder}/s.js",["","s.js","größer"]]\n`;

            checkEqual([new TextDecoder().decode(err), status], ['', 0]);
            checkEqual(new TextDecoder().decode(out), wanted.repeat(lines));
        }
        GLib.unlink(`${folder}/s.js`);
        GLib.rmdir(folder);
    },

    // What calls bring and take away doesn't stay.
    'memory': async () => {
        const executor = new PPool.Executor({maxWorkers: 1});
        const call = async () => {
            for (let i = 0; i < 1000; i++)
                await executor.call('echo', {i, text: 'x'.repeat(1000),
                    bytes: new Uint8Array(999)});
            return executor.call('memory');
        };

        await call();
        const before = await call();
        await call();
        const growth = await call() - before;
        check(growth < 4, `${growth} MiB more`);
        await executor.shutdown_async();
    },
};

runTests(tests, functions);
