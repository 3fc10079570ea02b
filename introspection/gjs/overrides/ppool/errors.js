// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors: those of JavaScript travel in a domain of their own, with their stack. Errors of
// GLib keep their domain, code and message, and have their stack behind the message if the
// program takes it off again, which it says in the environment of its workers.

/* exported addDeath, addStack, askForStacks, hideFrames, hiding, restoreError, restoring,
   returnError */

const {GLib} = imports.gi;

const DOMAIN = GLib.quark_from_string('ppool-javascript-error-quark');
const STACK_MARK = '\n\nStack in the worker:\n';
const MAX_MESSAGE = 12000;
const MAX_STACK = 8000;
const STACKS_VARIABLE = 'PPOOL_JAVASCRIPT_STACKS';
const ERROR_TYPES = [
    EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
];

// The files of the override: those in this folder, and the one that GJS loads.
const [, FOLDER] = /^(.*\/)ppool\/[^/]*$/.exec(new Error().fileName);
const isFrameOfOverride = line =>
    line.includes(`@${FOLDER}ppool/`) || line.includes(`@${FOLDER}PPool.js:`);

// Asked for once, and not by what this process starts in its turn.
const wantsStacks = GLib.getenv(STACKS_VARIABLE) !== null;

GLib.unsetenv(STACKS_VARIABLE);

function askForStacks(launcher) {
    launcher.setenv(STACKS_VARIABLE, '1', true);
}

// A stack without what is between the program and the library.
function readStack(error) {
    return String(error.stack ?? '').split('\n')
        .filter(line => line !== '' && !isFrameOfOverride(line)).join('\n');
}

function hideProperty(object, name, value) {
    Object.defineProperty(object, name, {value, configurable: true, writable: true});
}

function setStack(error, stack, isMadeHere) {
    const [, file, line, column] = /@(.*):(\d+):(\d+)$/m.exec(stack) ?? [];

    hideProperty(error, 'stack', stack ? `${stack}\n` : '');
    if (isMadeHere) {
        hideProperty(error, 'fileName', file ?? '');
        hideProperty(error, 'lineNumber', Number(line ?? 0));
        hideProperty(error, 'columnNumber', Number(column ?? 0));
    }
}

// Where an error was made is where the program called, and not in the override. An error of
// the program's own may be one that can't be changed or looked at.
function hideFrames(error) {
    try {
        if (!(error instanceof Error || error instanceof GLib.Error) ||
            !String(error.stack).split('\n').some(isFrameOfOverride))
            return error;

        setStack(error, readStack(error), String(error.fileName).startsWith(FOLDER));
    } catch {
        return error;
    }
    return error;
}

// A function of the override that is not to be seen in the stacks of errors.
function hiding(func) {
    return function (...args) {
        try {
            return func.apply(this, args);
        } catch (error) {
            throw hideFrames(error);
        }
    };
}

function nameOf(error) {
    const name = error.name && error.name !== 'Error' ? error.name : error.constructor?.name;

    return typeof name === 'string' && /^[\w$.]+$/.test(name) ? name : 'Error';
}

// What can't be read is left out.
function tryTo(read, otherwise) {
    try {
        return read();
    } catch {
        return otherwise;
    }
}

// What name, message and stack are in one text, for who reads it in another language.
function describeError(error) {
    if (!(error instanceof Error))
        return `Error: ${String(error)}`;

    const name = tryTo(() => nameOf(error), 'Error');
    const message = tryTo(() => `${error.message}`, 'the message can’t be read');

    return withStack(`${name}: ${message}`.slice(0, MAX_MESSAGE), error);
}

function withStack(text, error) {
    const stack = tryTo(() => readStack(error).slice(0, MAX_STACK), '');

    return stack ? `${text}${STACK_MARK}${stack}` : text;
}

function describeGLibError(error) {
    const message = String(error.message);

    return wantsStacks && message.length <= MAX_MESSAGE ? withStack(message, error) : message;
}

// What was thrown may be anything, and throw itself when it is looked at.
function tellError(error) {
    return tryTo(() => error instanceof GLib.Error && error.domain
        ? [error.domain, error.code, describeGLibError(error)]
        : [DOMAIN, 0, describeError(error)],
    [DOMAIN, 0, 'Error: what was thrown can’t be described']);
}

function returnError(invocation, error) {
    const [domain, code, message] = tellError(error);

    invocation.return_error_literal(domain, code, message.replaceAll('\0', '\ufffd'));
}

// The library has the domain behind the message if it does not know that here.
function restoreGLibError(error) {
    const at = error.message.lastIndexOf(STACK_MARK);

    if (at < 0 || error.matches(imports.gi.PPool.Error, imports.gi.PPool.Error.BROKEN))
        return error;

    const [, stack, domain] = /^(.*?)( \([\w.-]+, code -?\d+\))?$/s
        .exec(error.message.slice(at + STACK_MARK.length));
    const restored = new GLib.Error(error.domain, error.code,
        `${error.message.slice(0, at)}${domain ?? ''}`);

    setStack(restored, stack, true);
    return restored;
}

// Makes of the error of a call what its function has thrown.
function restoreError(error) {
    if (!(error instanceof GLib.Error))
        return error;
    if (error.domain !== DOMAIN)
        return restoreGLibError(error);

    const {PPool} = imports.gi;
    const end = error.message.lastIndexOf(STACK_MARK);
    const text = end < 0 ? error.message : error.message.slice(0, end);
    const [, name, message] = /^([\w$.]+): (.*)$/s.exec(text) ?? [null, 'Error', text];
    const constructor = ERROR_TYPES.find(type => type.name === name) ?? Error;
    const cause = new GLib.Error(PPool.error_quark(), PPool.Error.REMOTE, error.message);
    const restored = new constructor(message, {cause: hideFrames(cause)});

    setStack(restored, end < 0 ? '' : error.message.slice(end + STACK_MARK.length), true);
    if (constructor.name !== name)
        hideProperty(restored, 'name', name);
    return restored;
}

// Tells of an error that came from the library where the program had called it. One of the
// program's own may be one that can't be told, such as a frozen one.
function addStack(error, title, here) {
    const stack = readStack(here);

    try {
        if (stack && (error instanceof GLib.Error || error?.cause instanceof GLib.Error))
            hideProperty(error, 'stack', `${error.stack ?? ''}### ${title}: ###\n${stack}\n`);
    } catch {
        return error;
    }
    return error;
}

// Tells of the worker with which a call was lost. A future may be asked, or anything else.
function addDeath(error, future) {
    const death = tryTo(() => future?.get_death?.() ?? null, null);

    if (death)
        tryTo(() => hideProperty(error, 'death', death), undefined);
    return error;
}

function restoring(func, future = null) {
    try {
        return func();
    } catch (error) {
        const restored = addDeath(restoreError(error), future);

        throw restored === error ? error : addStack(restored, 'Called here', new Error());
    }
}
