// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Cancellables, and what is like an AbortSignal; promises.

/* exported begin, checkOneArgument, follow, following, isCancelled, nothing, rejecting */

const {Gio} = imports.gi;
const {addStack, hideFrames, restoreError} = imports.overrides.ppool.errors;
const {describe} = imports.overrides.ppool.values;

function isSignal(object) {
    return typeof object === 'object' && 'aborted' in object &&
        typeof object.addEventListener === 'function';
}

function isCancellable(object) {
    return object === null || object === undefined || object instanceof Gio.Cancellable ||
        isSignal(object);
}

function refuse(cancellable, hint = '') {
    throw new TypeError('cancellable: neither a Gio.Cancellable nor an AbortSignal ' +
        `but ${describe(cancellable)}${hint}`);
}

// What stands where a call has its cancellable was often meant as one more argument.
function checkOneArgument(cancellable) {
    if (!isCancellable(cancellable))
        refuse(cancellable, '; the arguments of a function go in one Array');
}

var nothing = () => {};

// A signal that fails here must not keep back what it was given for.
function unfollow(signal, cancel) {
    try {
        signal.removeEventListener?.('abort', cancel);
    } catch (error) {
        logError(error, 'cancellable');
    }
}

// Gives a cancellable, and what is to be called when it is of no use any more.
function follow(cancellable) {
    if (cancellable === null || cancellable === undefined)
        return [null, nothing];
    if (cancellable instanceof Gio.Cancellable)
        return [cancellable, nothing];
    if (!isSignal(cancellable))
        refuse(cancellable);

    const followed = new Gio.Cancellable();
    const cancel = () => followed.cancel();

    if (cancellable.aborted) {
        cancel();
        return [followed, nothing];
    }
    cancellable.addEventListener('abort', cancel);
    return [followed, () => unfollow(cancellable, cancel)];
}

function isCancelled(cancellable) {
    return cancellable instanceof Gio.Cancellable
        ? cancellable.is_cancelled() : Boolean(cancellable?.aborted);
}

function following(cancellable, func) {
    const [followed, release] = follow(cancellable);

    try {
        return func(followed);
    } finally {
        release();
    }
}

// What start() begins with a cancellable and a callback, as a promise of what finish()
// gives; or, for who brings a callback, as the library has it.
function begin(cancellable, callback, start, finish) {
    const [followed, release] = follow(cancellable);
    const [done, promise] = callback
        ? [callback, undefined] : promiseOf(finish);

    try {
        start(followed, (source, result) => {
            release();
            done(source, result);
        });
    } catch (error) {
        release();
        throw error;
    }
    return promise;
}

function promiseOf(finish) {
    const here = new Error();
    let done;
    const promise = new Promise((resolve, reject) => {
        done = (source, result) => {
            try {
                resolve(finish(result));
            } catch (error) {
                reject(addStack(hideFrames(restoreError(error)), 'Promise created here', here));
            }
        };
    });

    return [done, promise];
}

// A function that throws nothing where it gives a promise, which it does without a callback
// at that place.
function rejecting(callbackAt, func) {
    return function (...args) {
        try {
            return func.apply(this, args);
        } catch (error) {
            hideFrames(error);
            if (args[callbackAt])
                throw error;
            return Promise.reject(error);
        }
    };
}
