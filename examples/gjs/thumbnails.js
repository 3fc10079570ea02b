#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Small images of a folder, some of whose files are bad: thumbnails.js [--verbose] FOLDER OUTPUT.
// The decoder stands for one with bugs: it dies of an image that has the comment "# crash", runs
// without end at "# hang", and believes every size that it is told. Each of these costs one file,
// whose name and reason are printed; all others are done. With --verbose, it also prints what
// becomes of the workers.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

const MAX_SIZE = 64;
const TIMEOUT_MSEC = 2000;
const HEADER = /^P5(?:\s|#.*\n)+(\d+)\s+(\d+)\s+\d+\s/;

// The images are "portable graymaps".
function decode(data) {
    const text = String.fromCharCode(...data.subarray(0, 1000));
    const [header, ...size] = HEADER.exec(text) ?? [];

    if (text.includes('\n# crash'))
        System.exit(3);
    while (text.includes('\n# hang'))
        ;
    if (!header)
        throw new Error('it is no image');

    const [width, height] = size.map(Number);
    const pixels = new Uint8Array(width * height);
    const from = data.subarray(header.length, header.length + pixels.length);

    if (from.length < pixels.length)
        throw new Error('the end is missing');
    pixels.set(from);
    return {width, height, pixels};
}

function thumbnail(path) {
    const {width, height, pixels} = decode(GLib.file_get_contents(path)[1]);
    const longest = Math.max(width, height, MAX_SIZE);
    const columns = Math.max(Math.trunc(width * MAX_SIZE / longest), 1);
    const rows = Math.max(Math.trunc(height * MAX_SIZE / longest), 1);
    const small = new Uint8Array(columns * rows);

    for (let i = 0; i < small.length; i++) {
        const x = Math.trunc(i % columns * width / columns);
        const y = Math.trunc(Math.trunc(i / columns) * height / rows);

        small[i] = pixels[y * width + x];
    }
    return {columns, rows, small};
}

const worker = new PPool.Worker();
worker.add_function('thumbnail', thumbnail);
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

function* listNames(folder) {
    const enumerator = Gio.File.new_for_path(folder).enumerate_children('standard::name',
        Gio.FileQueryInfoFlags.NONE, null);

    for (let info; (info = enumerator.next_file(null));)
        yield info.get_name();
}

// What went wrong with a file, for who has never heard of workers.
function explain(error, death) {
    switch (death?.cause) {
    case undefined:
        return error.message;
    case PPool.DeathCause.ENDED:
        return `it takes longer than ${TIMEOUT_MSEC / 1000} s`;
    case PPool.DeathCause.OUT_OF_MEMORY:
        return 'it needs more memory than there is';
    default:
        return `the decoder crashed: ${death.message}`;
    }
}

function writeThumbnail(path, {columns, rows, small}) {
    const header = new TextEncoder().encode(`P5\n${columns} ${rows}\n255\n`);

    GLib.file_set_contents(path, new Uint8Array([...header, ...small]));
}

// Only a terminal is told. By its name, since the streams of descriptors are in another namespace
// in newer versions of GLib.
const terminal = GLib.log_writer_supports_color(2)
    ? Gio.File.new_for_path('/proc/self/fd/2').append_to(Gio.FileCreateFlags.NONE, null) : null;

function showProgress(text) {
    terminal?.write(new TextEncoder().encode(`\r\x1b[K${text}`), null);
}

// That is told in the main context, which nothing else here needs.
function tellOfWorkers() {
    while (GLib.MainContext.default().iteration(false))
        ;
}

function makeThumbnails(executor, folder, output) {
    const names = [...listNames(folder)];
    const futures = new Map(names.map(name => [executor.submit('thumbnail', `${folder}/${name}`,
        {timeout: TIMEOUT_MSEC, label: name}), name]));
    let nDone = 0;
    let nBad = 0;

    for (const future of PPool.as_completed(futures.keys())) {
        const name = futures.get(future);

        showProgress('');
        try {
            writeThumbnail(`${output}/${name}`, future.propagate());
        } catch (error) {
            printerr(`thumbnails: ${name}: ${explain(error, future.get_death())}`);
            nBad++;
        }
        tellOfWorkers();
        showProgress(`${++nDone} of ${names.length} files`);
    }
    showProgress('');
    print(`${names.length - nBad} thumbnails, ${nBad} files are bad`);
    return nBad ? 1 : 0;
}

const isVerbose = ARGV[0] === '--verbose';

if (ARGV.length !== (isVerbose ? 3 : 2)) {
    printerr('Usage: thumbnails.js [--verbose] FOLDER OUTPUT');
    System.exit(2);
}

const launcher = PPool.Launcher.new_self();

// What workers write is told with their death, and the decoder doesn't look whether it is wanted.
launcher.stderrMode = PPool.StderrMode.DISCARD;

const executor = new PPool.Executor(launcher,
    {crashPolicy: PPool.CrashPolicy.REPLACE, abortGraceMsec: 0});
let status = 1;

if (isVerbose) {
    executor.connect('worker-exited', (_executor, {slot}, error) =>
        printerr(`thumbnails: worker ${slot}: ${error?.message ?? 'has exited'}`));
}

try {
    status = makeThumbnails(executor, ...ARGV.slice(-2));
    executor.shutdown_sync();
    tellOfWorkers();
} catch (error) {
    printerr(`thumbnails: ${error.message}`);
}
System.exit(status);
