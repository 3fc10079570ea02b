// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Executors, calls and futures.

/* exported overrideCall, overrideExecutor, overrideFuture */

const {GLib} = imports.gi;
const {addDeath, askForStacks, hiding, restoreError, restoring} = imports.overrides.ppool.errors;
const {callWith, readCallOptions} = imports.overrides.ppool.options;
const {begin, follow, following, nothing, rejecting} = imports.overrides.ppool.promises;
const {
    checkName, checkNumber, checkProperties, checkTimeout, overrideInit, overrideLabel,
    overrideNames, overrideNumbers,
} = imports.overrides.ppool.properties;
const {VARIANT, describe, mark, pack, receive} = imports.overrides.ppool.values;

const MAX_MSEC = 0x7fffffff;

function overrideCall({Call}) {
    const create = Call.new;

    overrideNumbers(Call.prototype, ['timeout_msec', 'queue_timeout_msec'], -1, MAX_MSEC);
    overrideNumbers(Call.prototype, ['max_retries']);
    overrideLabel(Call.prototype);
    overrideInit(Call.prototype, 'args', (call, {args}) => mark(call, args));
    overrideNames(Call.prototype, 'function', true);
    Call.new = hiding(function (name, args = null) {
        return mark(create.call(this, checkName(name), pack(args, 'args')), args);
    });
}

function overrideSubmit(proto, {Call}) {
    const {submit, submit_call} = proto;
    const submitWith = (cancellable, func) => {
        const [followed, release] = follow(cancellable);

        try {
            const future = func(followed);

            if (release !== nothing)
                future.add_done_callback(release);
            return future;
        } catch (error) {
            release();
            throw error;
        }
    };

    proto.submit = hiding(function (name, args = null, optionsOrCancellable = null) {
        checkName(name);

        const [cancellable, options] = readCallOptions(optionsOrCancellable);
        const packed = pack(args, 'args');

        return mark(submitWith(cancellable, followed => options
            ? submit_call.call(this, callWith(Call.new(name, packed), options), followed)
            : submit.call(this, name, packed, followed)), args);
    });

    proto.submit_call = hiding(function (call, cancellable = null) {
        const future = submitWith(cancellable, followed => submit_call.call(this, call, followed));

        if (call[VARIANT])
            future[VARIANT] = true;
        return future;
    });
}

// Calls with options go the way of futures; their waits end with the cancellable, too.
function overrideCalling(proto, namespace) {
    const {Call, Future, ReturnWhen, wait_futures} = namespace;
    const {call_async, call_finish, submit, submit_call} = proto;
    const {result: wait, result_async, result_finish} = Future.prototype;
    const finish = (executor, result) => {
        const source = result.get_source_object();

        try {
            return source instanceof Future
                ? result_finish.call(source, result) : call_finish.call(executor, result);
        } catch (error) {
            // What tells of a call that is done is its future.
            throw addDeath(error, source instanceof Future ? source : result);
        }
    };

    proto.call_finish = hiding(function (result) {
        return restoring(() => finish(this, result));
    });

    proto.call_async = rejecting(3, function (name, args = null, optionsOrCancellable = null,
        callback = null) {
        checkName(name);

        const [cancellable, options] = readCallOptions(optionsOrCancellable);
        const packed = pack(args, 'args');
        const call = options && callWith(Call.new(name, packed), options);

        return begin(cancellable, callback, (followed, done) => {
            if (call) {
                result_async.call(submit_call.call(this, call, followed), followed,
                    (_future, result) => done(this, result));
            } else {
                call_async.call(this, name, packed, followed, done);
            }
        }, result => receive(finish(this, result), args instanceof GLib.Variant));
    });

    proto.call = function (name, args = null, options = null) {
        return this.call_async(name, args, options);
    };

    proto.call_sync = hiding(function (name, args = null, optionsOrCancellable = null) {
        checkName(name);

        const [cancellable, options] = readCallOptions(optionsOrCancellable);
        const packed = pack(args, 'args');
        const call = options && callWith(Call.new(name, packed), options);
        const value = restoring(() => following(cancellable, followed => {
            const future = call
                ? submit_call.call(this, call, followed)
                : submit.call(this, name, packed, followed);

            if (followed)
                wait_futures([future], ReturnWhen.ALL_COMPLETED, -1, followed);
            return restoring(() => wait.call(future, followed ? 0 : -1), future);
        }));

        return receive(value, args instanceof GLib.Variant);
    });
}

function overrideShutdown(proto, {NONE}) {
    const {prestart, shutdown, shutdown_async, shutdown_sync} = proto;

    proto.prestart = hiding(function (n_workers = 0) {
        return prestart.call(this, checkNumber('n_workers', n_workers));
    });

    proto.shutdown = hiding(function (flags = NONE) {
        shutdown.call(this, checkNumber('flags', flags));
    });

    proto.shutdown_sync = hiding(function (flags = NONE, cancellable = null) {
        return following(cancellable, followed =>
            shutdown_sync.call(this, checkNumber('flags', flags), followed));
    });

    proto.shutdown_async = rejecting(2, function (flags = NONE,
        cancellable = null, callback = null) {
        checkNumber('flags', flags);
        return begin(cancellable, callback,
            (followed, done) => shutdown_async.call(this, flags, followed, done),
            result => this.shutdown_finish(result));
    });
}

// A launcher may stand before the properties, or for them.
function overrideFirst(proto, Launcher) {
    const {_init} = proto;

    proto._init = hiding(function (first, properties) {
        if (first === undefined || first === null || first instanceof Launcher) {
            const launcher = first ? {launcher: first} : {};

            return _init.call(this, {...checkProperties(properties), ...launcher});
        }
        if (properties !== undefined)
            throw new TypeError(`launcher: not a PPool.Launcher but ${describe(first)}`);
        return _init.call(this, checkProperties(first, 'neither a PPool.Launcher nor'));
    });
}

function overrideExecutor(namespace) {
    const {Executor, Launcher, ShutdownFlags} = namespace;
    const create = Executor.new;
    const {_init} = Executor.prototype;

    const launcherOf = launcher => {
        launcher ??= Launcher.new_self();
        if (launcher instanceof Launcher)
            askForStacks(launcher);
        return launcher;
    };

    Executor.new = hiding(function (launcher = null) {
        return create.call(this, launcherOf(launcher));
    });
    Executor.prototype._init = function (properties = {}) {
        return _init.call(this, {...properties, launcher: launcherOf(properties.launcher)});
    };
    overrideNumbers(Executor.prototype,
        ['max_workers', 'spare_workers', 'max_tasks_per_worker', 'grace_msec',
            'max_start_failures', 'abort_grace_msec']);
    overrideNumbers(Executor.prototype, ['call_timeout_msec', 'queue_timeout_msec'], -1, MAX_MSEC);
    overrideNumbers(Executor.prototype, ['crash_policy'], 0, 1);
    overrideInit(Executor.prototype, 'initializer_args');
    overrideNames(Executor.prototype, 'initializer');
    overrideFirst(Executor.prototype, Launcher);
    overrideSubmit(Executor.prototype, namespace);
    overrideCalling(Executor.prototype, namespace);
    overrideShutdown(Executor.prototype, ShutdownFlags);
}

function overrideFuture({Future}) {
    const proto = Future.prototype;
    const {get_error, propagate, result, result_async, result_finish} = proto;
    const finishWith = (future, asyncResult) => {
        try {
            return result_finish.call(future, asyncResult);
        } catch (error) {
            throw addDeath(error, future);
        }
    };

    proto.result = hiding(function (timeout_msec = -1) {
        checkTimeout(timeout_msec);
        return receive(restoring(() => result.call(this, timeout_msec), this), this[VARIANT]);
    });

    proto.result_finish = hiding(function (asyncResult) {
        return restoring(() => result_finish.call(this, asyncResult), this);
    });

    proto.result_async = rejecting(1, function (cancellable = null, callback = null) {
        return begin(cancellable, callback,
            (followed, done) => result_async.call(this, followed, done),
            asyncResult => receive(finishWith(this, asyncResult), this[VARIANT]));
    });

    proto.propagate = hiding(function () {
        return receive(restoring(() => propagate.call(this), this), this[VARIANT]);
    });

    proto.get_error = function () {
        const error = get_error.call(this);

        return error && addDeath(restoreError(error), this);
    };
}
