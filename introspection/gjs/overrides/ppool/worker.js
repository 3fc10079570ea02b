// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Workers.

/* exported overrideWorker */

const {hiding, returnError} = imports.overrides.ppool.errors;
const {checkName} = imports.overrides.ppool.properties;
const {describe, pack, unpack} = imports.overrides.ppool.values;

// A promise goes on between the sources of a main loop, but not in a loop that was started
// by what another promise did: there is one of them at a time.
let promisesGoOn = true;

function answer(invocation, value) {
    let packed;

    try {
        packed = pack(value, `the value of “${invocation.get_function()}”`);
    } catch (error) {
        returnError(invocation, error);
        return;
    }
    invocation.return_value(packed);
}

function serve(invocation, func) {
    let value, isLater;

    try {
        value = func(unpack(invocation.get_args()), invocation);
        isLater = typeof value?.then === 'function';
        if (isLater && !promisesGoOn) {
            throw new Error('run() was called after an await, and so no asynchronous function ' +
                'can be served: call it before');
        }
    } catch (error) {
        returnError(invocation, error);
        return;
    }

    // What has a then() needs not be a promise that calls back once, and throws nothing.
    if (isLater) {
        Promise.resolve(value).then(settled => answer(invocation, settled),
            error => returnError(invocation, error));
    } else {
        answer(invocation, value);
    }
}

function overrideWorker({Invocation, Worker}) {
    const proto = Worker.prototype;
    const {add_handler, run} = proto;
    const {return_value} = Invocation.prototype;

    proto.add_function = hiding(function (name, func) {
        checkName(name);
        if (typeof func !== 'function')
            throw new TypeError(`func: not a function but ${describe(func)}`);
        add_handler.call(this, name, invocation => serve(invocation, func));
    });

    proto.add_handler = hiding(function (name, func) {
        return add_handler.call(this, checkName(name), func);
    });

    proto.run = function () {
        promisesGoOn = false;
        Promise.resolve().then(() => (promisesGoOn = true));
        return run.call(this);
    };

    Invocation.prototype.return_value = hiding(function (value = null) {
        return_value.call(this, pack(value, 'value'));
    });

    Invocation.prototype.return_error = function (error) {
        returnError(this, error);
    };
}
