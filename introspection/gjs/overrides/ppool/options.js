// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Options of calls, as a plain object where a call has its cancellable.

/* exported CALL_OPTIONS, callWith, readCallOptions, readOptions */

const {checkOneArgument} = imports.overrides.ppool.promises;

// The name of each in JavaScript, and the properties of PPool.Call. Times are in milliseconds.
var CALL_OPTIONS = {
    timeout: ['timeout'],
    queue_timeout: ['queue_timeout', 'queueTimeout'],
    retries: ['retries'],
    label: ['label'],
};

const PROPERTIES = {
    timeout: 'timeout_msec',
    queue_timeout: 'queue_timeout_msec',
    retries: 'max_retries',
    label: 'label',
};

// What is like an AbortSignal, or is meant to be, is none; it may be a plain object as well.
function isOptions(value) {
    if (typeof value !== 'object' || value === null || 'aborted' in value)
        return false;

    const proto = Object.getPrototypeOf(value);

    return proto === null || Object.getPrototypeOf(proto) === null;
}

function readOptions(options, spellings) {
    const known = {};

    for (const [key, value] of Object.entries(options)) {
        const name = Object.keys(spellings).find(option => spellings[option].includes(key));

        if (!name)
            throw new TypeError(`options: there is no ${key}`);
        if (value !== undefined)
            known[name] = value;
    }
    return known;
}

// Gives the cancellable, and the options or null where there are none.
function readCallOptions(value) {
    if (!isOptions(value)) {
        checkOneArgument(value);
        return [value, null];
    }

    const {cancellable = null, ...options} = readOptions(value,
        {...CALL_OPTIONS, cancellable: ['cancellable']});

    checkOneArgument(cancellable);
    return [cancellable, Object.keys(options).length ? options : null];
}

// Calls check what they are given.
function callWith(call, options) {
    for (const [name, value] of Object.entries(options))
        call[PROPERTIES[name]] = value;
    return call;
}
