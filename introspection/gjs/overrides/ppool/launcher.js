// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Launchers: which program the workers are.

/* exported overrideLauncher */

const {GLib} = imports.gi;
const {hiding} = imports.overrides.ppool.errors;
const {overrideNumbers} = imports.overrides.ppool.properties;
const System = imports.system;

function readArgv() {
    const [, bytes] = GLib.file_get_contents('/proc/self/cmdline');

    return new TextDecoder('utf-8', {fatal: true}).decode(bytes).split('\0').slice(0, -1);
}

// GJS knows where the script is since the program began, also when it was given a path from
// the directory that the program has left since, or that its workers are not in. Gives null
// where nothing has to be changed, or can be.
function commandOfScript() {
    const {programInvocationName, programPath} = System;

    if (!programPath || GLib.path_is_absolute(programInvocationName))
        return null;

    try {
        const argv = readArgv();
        const position = argv.indexOf(programInvocationName, 1);
        const interpreter = GLib.file_read_link('/proc/self/exe');

        if (position < 0 || !GLib.file_test(interpreter, GLib.FileTest.IS_EXECUTABLE))
            return null;
        argv[0] = interpreter;
        argv[position] = programPath;
        return argv;
    } catch (error) {
        return null;
    }
}

function overrideLauncher({Launcher}) {
    const {new_self} = Launcher;
    const {setenv} = Launcher.prototype;

    overrideNumbers(Launcher.prototype, ['handshake_timeout_msec']);
    Launcher.new_self = hiding(function () {
        const command = commandOfScript();

        return command ? Launcher.new(command) : new_self.call(this);
    });
    Launcher.prototype.setenv = hiding(function (variable, value, overwrite = true) {
        setenv.call(this, variable, value, overwrite);
    });
}
