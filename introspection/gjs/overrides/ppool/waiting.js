// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Many futures.

/* exported overrideWaiting */

const {hiding} = imports.overrides.ppool.errors;
const {begin, following, rejecting} = imports.overrides.ppool.promises;
const {checkNumber, checkTimeout} = imports.overrides.ppool.properties;

function overrideWaiting(namespace) {
    const {wait_futures, wait_futures_async, wait_futures_finish, AsCompleted} = namespace;
    const {next_future, next_future_async} = AsCompleted.prototype;
    const create = AsCompleted.new;
    const {ALL_COMPLETED} = namespace.ReturnWhen;

    namespace.wait_futures = hiding((futures, return_when = ALL_COMPLETED, timeout_msec = -1,
        cancellable = null) => following(cancellable,
        followed => wait_futures([...futures],
            checkNumber('return_when', return_when), checkTimeout(timeout_msec), followed)));

    namespace.wait_futures_async = rejecting(4, (futures, return_when = ALL_COMPLETED,
        timeout_msec = -1, cancellable = null, callback = null) => begin(cancellable, callback,
        (followed, done) => wait_futures_async([...futures],
            checkNumber('return_when', return_when), checkTimeout(timeout_msec), followed, done),
        result => wait_futures_finish(result)));

    AsCompleted.new = hiding(function (futures, timeout_msec = -1) {
        return create.call(this, [...futures], checkTimeout(timeout_msec));
    });

    namespace.as_completed = (futures, timeout_msec = -1) => AsCompleted.new(futures, timeout_msec);

    AsCompleted.prototype.next_future = hiding(function (timeout_msec = -1) {
        return next_future.call(this, checkTimeout(timeout_msec));
    });

    AsCompleted.prototype.next_future_async = rejecting(1, function (cancellable = null,
        callback = null) {
        return begin(cancellable, callback,
            (followed, done) => next_future_async.call(this, followed, done),
            result => this.next_future_finish(result));
    });

    AsCompleted.prototype[Symbol.iterator] = function* () {
        for (let future; (future = this.next_future(-1));)
            yield future;
    };

    AsCompleted.prototype[Symbol.asyncIterator] = async function* () {
        for (let future; (future = await this.next_future_async());)
            yield future;
    };
}
