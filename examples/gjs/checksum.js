#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Prints what sha256sum prints, from every processor, and how far it is. Of a folder it takes
// the files that are in it at any depth, in the order of their paths.

import System from 'system';

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import PPool from 'gi://PPool?version=1.0';

function sha256(name) {
    const checksum = new GLib.Checksum(GLib.ChecksumType.SHA256);
    const stream = Gio.File.new_for_path(name).read(null);

    for (let bytes; (bytes = stream.read_bytes(256 * 1024, null).toArray()).length > 0;)
        checksum.update(bytes);
    stream.close(null);
    return checksum.get_string();
}

const worker = new PPool.Worker();
worker.add_function('sha256', sha256);
if (PPool.Worker.is_spawned())
    System.exit(worker.run());

// A name that is not UTF-8 is no string; a worker won't find what is shown for it, and says so.
function nameOf(info) {
    try {
        return info.get_name();
    } catch {
        return info.get_display_name();
    }
}

// Gives the paths of the files of a folder, whose own ends with a slash. What can't be read
// is given as it is: a worker will say why.
function* listFolder(folder) {
    const paths = [];

    try {
        const enumerator = Gio.File.new_for_path(folder).enumerate_children(
            'standard::name,standard::display-name,standard::type',
            Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);

        for (let info; (info = enumerator.next_file(null));) {
            const path = `${folder}${nameOf(info)}`;

            if (info.get_file_type() === Gio.FileType.DIRECTORY)
                paths.push(`${path}/`);
            else if (info.get_file_type() === Gio.FileType.REGULAR)
                paths.push(path);
        }
    } catch {
        yield folder;
    }

    for (const path of paths.sort(GLib.strcmp0))
        yield* listFiles(path);
}

function* listFiles(path) {
    if (path.endsWith('/'))
        yield* listFolder(path);
    else if (GLib.file_test(path, GLib.FileTest.IS_DIR))
        yield* listFolder(`${path}/`);
    else
        yield path;
}

// A terminal is told, and nobody else. By its name, since the streams of descriptors are in
// another namespace in newer versions of GLib.
const terminal = GLib.log_writer_supports_color(2)
    ? Gio.File.new_for_path('/proc/self/fd/2').append_to(Gio.FileCreateFlags.NONE, null) : null;

function showProgress(nDone, nFiles) {
    const text = nDone < nFiles ? `\r${nDone} of ${nFiles} files` : '\r\x1b[K';

    terminal?.write(new TextEncoder().encode(text), null);
}

// Waits for all as they come, and prints them in the order of their names.
function printChecksums(executor, names) {
    const futures = names.map(name => executor.submit('sha256', name));
    let nDone = 0;
    let status = 0;

    showProgress(nDone, names.length);
    for (const future of PPool.as_completed(futures)) {
        const error = future.get_error();

        // A file that can't be read is no reason to stop, and a dead worker is.
        if (error instanceof PPool.Error && error.matches(PPool.Error, PPool.Error.BROKEN))
            throw error;
        showProgress(++nDone, names.length);
    }

    for (const [i, name] of names.entries()) {
        try {
            print(`${futures[i].propagate()}  ${name}`);
        } catch (error) {
            printerr(`checksum: ${error.message}`);
            status = 1;
        }
    }
    return status;
}

const executor = new PPool.Executor();
let status = 1;

try {
    status = printChecksums(executor, ARGV.flatMap(path => [...listFiles(path)]));
    executor.shutdown_sync();
} catch (error) {
    printerr(`checksum: ${error.message}`);
}
System.exit(status);
