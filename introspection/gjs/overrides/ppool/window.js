// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Maps whose inputs come one by one, and later.

/* exported mapLater */

const {Gio, GLib, GObject} = imports.gi;
const {follow, nothing} = imports.overrides.ppool.promises;
const {checkNumber, checkTimeout} = imports.overrides.ppool.properties;
const {pack, receive} = imports.overrides.ppool.values;

const CALLS_PER_WORKER = 16;

// As many calls ahead of the reader as there is room for. Errors take their place behind
// the values that come before them; that the time is up is told at once.
class Window {
    constructor(executor, name, iterator, size, options) {
        this._executor = executor;
        this._name = name;
        this._iterator = iterator;
        this._size = size;
        this._options = options;  // of each call
        this._slots = [];  // functions that give the promise of a value
        this._futures = new Set();
        this._nDrawn = 0;
        this._isDrawing = false;
        this._isEnded = false;
        this._isExhausted = false;
        this._failure = null;
        this._wake = nothing;
        this._fail = nothing;
    }

    async _draw() {
        let next;

        try {
            next = await this._iterator.next();
        } catch (error) {
            this._isExhausted = true;
            throw error;
        }
        if (next.done)
            this._isExhausted = true;
        if (next.done || this._isEnded) {
            this._isEnded = true;
            return;
        }

        const isVariant = next.value instanceof GLib.Variant;
        const packed = pack(next.value, `inputs[${this._nDrawn++}]`);
        const future = this._executor.submit(this._name, packed, this._options);

        this._futures.add(future);
        this._slots.push(async () => {
            const value = await future.result_async();  // a variant, since packed is one

            this._futures.delete(future);
            return receive(value, isVariant);
        });
    }

    async _fill() {
        if (this._isDrawing)
            return;
        this._isDrawing = true;
        while (!this._isEnded && this._futures.size < this._size) {
            try {
                // One after the other is what fills a window in order.
                // eslint-disable-next-line no-await-in-loop
                await this._draw();
            } catch (error) {
                this._isEnded = true;
                this._slots.push(() => Promise.reject(error));
            }
            this._wake();
        }
        this._isDrawing = false;
    }

    async _read() {
        while (this._slots.length === 0) {
            const woken = new Promise(resolve => (this._wake = resolve));

            this._fill();
            if (this._isEnded && this._slots.length === 0)
                return {done: true};
            // eslint-disable-next-line no-await-in-loop
            await woken;
        }

        const value = await this._slots.shift()();

        this._fill();
        return {done: false, value};
    }

    // One read at a time.
    next() {
        return new Promise((resolve, reject) => {
            if (this._failure) {
                reject(this._failure);
            } else {
                this._fail = reject;
                this._read().then(resolve, reject);
            }
        });
    }

    fail(code, message) {
        this._failure = new GLib.Error(Gio.io_error_quark(), code, message);
        this._fail(this._failure);
    }

    // A source that is being waited for is told, but not waited for.
    async close() {
        this._isEnded = true;
        for (const future of this._futures) {
            if (!future.cancel() && this._executor.cancel_running)
                future.abort();
        }
        if (this._isExhausted)
            return;

        const returned = this._iterator.return?.();

        if (this._isDrawing)
            returned?.catch?.(nothing);
        else
            await returned;
    }
}

// Gives what is to be called in the end.
function limitTime(window, deadline) {
    if (deadline === Infinity)
        return nothing;

    const left = Math.max(0, Math.ceil((deadline - GLib.get_monotonic_time()) / 1000));
    const source = GLib.timeout_source_new(left);

    source.set_callback(() => {
        window.fail(Gio.IOErrorEnum.TIMED_OUT, 'The time of the map is up');
        return GLib.SOURCE_REMOVE;
    });
    source.attach(GLib.MainContext.get_thread_default());
    return () => source.destroy();
}

function limitByCancellable(window, cancellable) {
    const [followed, release] = follow(cancellable);
    const fail = () => window.fail(Gio.IOErrorEnum.CANCELLED, 'The map was cancelled');

    if (followed === null)
        return nothing;
    if (followed.is_cancelled())
        fail();

    // A cancellable's own connect() is another one.
    const id = GObject.Object.prototype.connect.call(followed, 'cancelled', fail);

    return () => {
        GObject.signal_handler_disconnect(followed, id);
        release();
    };
}

function mapLater(executor, name, inputs, {
    cancellable = null, callOptions = null, timeout_msec = -1, buffer_size = 0, chunk_size = 0,
    stop_on_error = true,
}) {
    const nWorkers = executor.max_workers || GLib.get_num_processors();

    checkTimeout(timeout_msec);
    checkNumber('buffer_size', buffer_size);
    checkNumber('chunk_size', chunk_size);
    // What it gives is a generator, which ends with what it throws.
    if (!stop_on_error)
        throw new TypeError('stop_on_error: always true for inputs that come later');

    follow(cancellable)[1]();

    const window = new Window(executor, name, inputs[Symbol.asyncIterator](),
        buffer_size || CALLS_PER_WORKER * nWorkers, callOptions);
    const deadline = timeout_msec < 0 ? Infinity : GLib.get_monotonic_time() + 1000 * timeout_msec;

    // One that nobody reads has neither timer nor listener.
    return (async function* () {
        const unlimit = [limitTime(window, deadline), limitByCancellable(window, cancellable)];

        try {
            // eslint-disable-next-line no-await-in-loop
            for (let next; !(next = await window.next()).done;)
                yield next.value;
        } finally {
            unlimit.forEach(end => end());
            await window.close();
        }
    })();
}
