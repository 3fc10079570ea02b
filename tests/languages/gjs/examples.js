// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Runs the examples, as their readers will.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {check, checkEqual, runTests} from './tap.js';

const FOLDER = GLib.build_filenamev([GLib.getenv('G_TEST_SRCDIR') ?? '.', '..', 'examples', 'gjs']);
const {STDOUT_PIPE, STDERR_PIPE} = Gio.SubprocessFlags;

async function run(command) {
    const process = Gio.Subprocess.new(command, STDOUT_PIPE | STDERR_PIPE);

    return new Promise((resolve, reject) => {
        process.communicate_utf8_async(null, null, (self, result) => {
            try {
                const [, out, err] = self.communicate_utf8_finish(result);

                resolve({out, err, status: self.get_exit_status()});
            } catch (error) {
                reject(error);
            }
        });
    });
}

function runExample(name, ...args) {
    return run(['gjs', '-m', `${FOLDER}/${name}.js`, ...args]);
}

function writeFiles(contents) {
    const folder = GLib.dir_make_tmp('ppool-XXXXXX');
    const names = Object.keys(contents).map(name => `${folder}/${name}`);

    for (const name of names)
        GLib.file_set_contents(name, contents[GLib.path_get_basename(name)]);
    return [names, () => {
        names.forEach(name => GLib.unlink(name));
        GLib.rmdir(folder);
    }];
}

function readText(path) {
    return new TextDecoder().decode(GLib.file_get_contents(path)[1]);
}

const tests = {
    // What the guide shows as a whole program.
    'guide': async () => {
        for (const page of ['javascript.md', 'workers.md']) {
            const path = GLib.build_filenamev([FOLDER, '..', '..', 'docs', page]);
            const text = new TextDecoder().decode(GLib.file_get_contents(path)[1]);
            const [, program] = /^```js\n(import.*?)^```$/ms.exec(text);
            const [[name], remove] = writeFiles({'words.js': program});

            checkEqual(await run(['gjs', '-m', name]), {out: '4\n', err: '', status: 0});
            remove();
        }
    },

    'hello': async () => {
        for (const [args, name] of [[[], 'world'], [['Grüße 👋'], 'Grüße 👋']]) {
            const {out, err, status} = await runExample('hello', ...args);

            check(new RegExp(`^Hello, ${name}, from process \\d+!\n$`, 'u').test(out), out);
            checkEqual([err, status], ['', 0]);
        }
    },

    'map': async () => {
        const {out, err, status} = await runExample('map');
        const lines = out.trimEnd().split('\n');

        checkEqual([lines.length, lines[0], lines[3], lines[8], lines.at(-1)],
            [26, '1 takes 0 steps', '6 takes 8 steps', '27 takes 111 steps',
                '6171 takes 261 steps']);
        checkEqual([err, status], ['', 0]);
    },

    'errors': async () => {
        const {out, err, status} = await runExample('errors');
        const broken = 'The pool is broken (WORKER_DIED): Worker N exited with status 3 ' +
            'while it ran “crash”; its standard error ended with:\n' +
            'crash: about to leave without an answer';

        const shown = out.replace(/Worker \d+/g, 'Worker N').replace(/ for \d+\.\d s/g, '');

        checkEqual(shown, `${[
            // The first wait may be over at once, or not.
            out.startsWith('wait: 7') ? 'wait: 7' : 'wait: not done yet',
            'wait: 7',
            'divide: the function failed: Division by zero',
            'multiply: there is no such function',
            'divide: what can\'t be sent never leaves: args[1]: a Date can’t be sent',
            `crash: ${broken}`,
            `divide: ${broken}`,
            'divide: 1',
        ].join('\n')}\n`);
        checkEqual([err, status], ['', 0]);
    },

    'checksum': async () => {
        const [names, remove] = writeFiles({
            'empty': '', 'text': 'text\n', 'Grüße': 'a name', 'large': 'x'.repeat(3000000),
        });
        const wanted = await run(['sha256sum', ...names]);

        checkEqual(await runExample('checksum', ...names), {out: wanted.out, err: '', status: 0});
        const got = await runExample('checksum', names[0], '/nothing/here', names[1]);
        checkEqual([got.out, got.status],
            [(await run(['sha256sum', names[0], names[1]])).out, 1]);
        check(got.err.startsWith('checksum: ') && got.err.includes('/nothing/here'), got.err);
        checkEqual(await runExample('checksum'), {out: '', err: '', status: 0});
        remove();
    },

    'thumbnails': async () => {
        const [names, remove] = writeFiles({
            'bomb.pgm': 'P5\n100000000 100000000\n255\n',
            'crash.pgm': 'P5\n# crash\n2 2\n255\nabcd',
            'cut.pgm': 'P5 20 20 255\nabcd',
            'hang.pgm': 'P5\n# hang\n2 2\n255\nabcd',
            'small.pgm': 'P5\n2 3\n255\nabcdef',
            'text.txt': 'Dear diary',
            'wide.pgm': `P5 300 2 255\n${'x'.repeat(600)}`,
        });
        const output = GLib.dir_make_tmp('ppool-XXXXXX');
        const got = await runExample('thumbnails', GLib.path_get_dirname(names[0]), output);

        checkEqual([got.out, got.status], ['2 thumbnails, 5 files are bad\n', 1]);
        for (const line of [/bomb.pgm: ./, /crash.pgm: the decoder crashed/,
            /cut.pgm: the end is missing/, /hang.pgm: it takes longer than 2 s/,
            /text.txt: it is no image/])
            check(line.test(got.err), got.err);
        for (const [name, wanted] of [['small.pgm', 'P5\n2 3\n255\nabcdef'],
            ['wide.pgm', `P5\n64 1\n255\n${'x'.repeat(64)}`]]) {
            checkEqual(readText(`${output}/${name}`), wanted);
            GLib.unlink(`${output}/${name}`);
        }
        GLib.rmdir(output);
        remove();
    },

    // Files of folders, in the order of their paths as bytes; what is no regular file is
    // passed over, but not what can't be read.
    'checksum-of-folders': async () => {
        const folder = GLib.dir_make_tmp('ppool-XXXXXX');
        const path = `${folder}/top`;
        const script = 'mkdir -p a/b a.b é none && echo 1 >a/x && echo 2 >a/b/y && ' +
            'echo 3 >a.b/z && echo 4 >é/z && echo 5 >a-b && echo 6 >𝒳 && echo 7 >ﬀ && ' +
            'ln -s .. a/up && ln -s x a/link && mkfifo pipe && ln -s top ../link';
        const wanted = operand => run(['sh', '-c',
            'find -H "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum', 'sh', operand]);

        GLib.mkdir_with_parents(path, 0o700);
        checkEqual(await run(['env', '-C', path, 'sh', '-ec', script]),
            {out: '', err: '', status: 0});
        for (const operand of [path, `${path}/`, `${folder}/link`])
            checkEqual(await runExample('checksum', operand), await wanted(operand));
        checkEqual(await runExample('checksum', `${path}/none`), {out: '', err: '', status: 0});

        await run(['env', '-C', path, 'sh', '-ec', 'echo 8 >"$(printf \'none/\\377\')"; ' +
            'echo 9 >none/b']);
        const got = await runExample('checksum', `${path}/none`, `${folder}/missing/`);
        checkEqual([got.out, got.status], [(await run(['sha256sum', `${path}/none/b`])).out, 1]);
        check(/^checksum: .*none.*\nchecksum: .*missing.*\n$/.test(got.err), got.err);
        await run(['rm', '-r', folder]);
    },

    // A terminal sees how far it is, and no trace of it is left.
    'progress': async () => {
        const [names, remove] = writeFiles({'one': '1', 'two': '2'});
        const command = ['gjs', '-m', `${FOLDER}/checksum.js`, ...names]
            .map(name => GLib.shell_quote(name));
        const {out} = await run(['env', 'TERM=xterm', 'script', '-qec', command.join(' '),
            '/dev/null']);

        check(out.startsWith('\r0 of 2 files\r1 of 2 files\r\x1b[K'), JSON.stringify(out));
        remove();
    },
};

runTests(tests);
