// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors: those of JavaScript travel in a domain of their own, with their stack.

/* exported addStack, restoreError, restoring, returnError */

const {GLib} = imports.gi;

const DOMAIN = GLib.quark_from_string('ppool-javascript-error-quark');
const STACK_MARK = '\n\nStack in the worker:\n';
const MAX_MESSAGE = 12000;
const MAX_STACK = 8000;
const ERROR_TYPES = [
    EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
];

// A stack without what is between the program and the library.
function readStack(error) {
    return String(error.stack ?? '').split('\n')
        .filter(line => line !== '' && !line.includes('/overrides/ppool/')).join('\n');
}

function nameOf(error) {
    const name = error.name && error.name !== 'Error' ? error.name : error.constructor?.name;

    return /^[\w$.]+$/.test(name ?? '') ? name : 'Error';
}

// What name, message and stack are in one text, for who reads it in another language.
function describeError(error) {
    if (!(error instanceof Error))
        return `Error: ${String(error)}`;

    const text = `${nameOf(error)}: ${error.message}`.slice(0, MAX_MESSAGE);
    const stack = readStack(error).slice(0, MAX_STACK);

    return stack ? `${text}${STACK_MARK}${stack}` : text;
}

// What was thrown may be anything, and throw itself when it is looked at.
function tellError(error) {
    try {
        return error instanceof GLib.Error && error.domain
            ? [error.domain, error.code, String(error.message)]
            : [DOMAIN, 0, describeError(error)];
    } catch {
        return [DOMAIN, 0, 'Error: what was thrown can’t be described'];
    }
}

function returnError(invocation, error) {
    const [domain, code, message] = tellError(error);

    invocation.return_error_literal(domain, code, message.replaceAll('\0', '\ufffd'));
}

function hideProperty(object, name, value) {
    Object.defineProperty(object, name, {value, configurable: true, writable: true});
}

// Makes of the error of a call what its function has thrown.
function restoreError(error) {
    if (!(error instanceof GLib.Error) || error.domain !== DOMAIN)
        return error;

    const {PPool} = imports.gi;
    const end = error.message.lastIndexOf(STACK_MARK);
    const text = end < 0 ? error.message : error.message.slice(0, end);
    const [, name, message] = /^([\w$.]+): (.*)$/s.exec(text) ?? [null, 'Error', text];
    const constructor = ERROR_TYPES.find(type => type.name === name) ?? Error;
    const cause = new GLib.Error(PPool.error_quark(), PPool.Error.REMOTE, error.message);
    const restored = new constructor(message, {cause});

    hideProperty(restored, 'stack',
        end < 0 ? '' : `${error.message.slice(end + STACK_MARK.length)}\n`);
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

function restoring(func) {
    try {
        return func();
    } catch (error) {
        const restored = restoreError(error);

        throw restored === error ? error : addStack(restored, 'Called here', new Error());
    }
}
