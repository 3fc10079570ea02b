// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Maps.

/* exported overrideMaps */

const {Gio, GLib} = imports.gi;
const {addDeath, hiding, restoreError} = imports.overrides.ppool.errors;
const {CALL_OPTIONS, callWith, readOptions} = imports.overrides.ppool.options;
const {begin, follow, isCancelled, nothing, rejecting} = imports.overrides.ppool.promises;
const {checkName, checkTimeout, overrideNumbers} = imports.overrides.ppool.properties;
const {pack, receive} = imports.overrides.ppool.values;
const {mapLater} = imports.overrides.ppool.window;

const INPUT_DOMAIN = GLib.quark_from_string('ppool-javascript-input-quark');

const INPUTS = Symbol('inputs of a map');
const CANCELLABLE = Symbol('cancellable of a map');

// The inputs of a map as a function that draws them, and what has to be known of each
// until its value is read. An exception goes around the library, which has but its place.
class Inputs {
    constructor(draw, close) {
        this.areVariants = [];
        this.error = null;
        this.nDrawn = 0;
        this.isClosed = false;
        this._draw = draw;
        this._close = close;
    }

    // A source that ends or fails is not told that it is wanted no more.
    _drawOpen() {
        this.isClosed = true;

        const input = this._draw();

        this.isClosed = input === null;
        return input;
    }

    next() {
        try {
            const input = this._drawOpen();

            if (input === null)
                return null;

            const packed = pack(input.value, `inputs[${this.nDrawn++}]`);

            this.areVariants.push(input.value instanceof GLib.Variant);
            return packed;
        } catch (error) {
            this.error = error;
            throw new GLib.Error(INPUT_DOMAIN, 0, 'The inputs failed');
        }
    }

    receive(variant) {
        return receive(variant, this.areVariants.shift());
    }

    // Nothing more is drawn.
    close() {
        if (!this.isClosed) {
            this.isClosed = true;
            this._close();
        }
    }
}

function inputsOf(iterable) {
    const iterator = iterable[Symbol.iterator]();

    return new Inputs(() => {
        const {done, value} = iterator.next();

        return done ? null : {value};
    }, () => iterator.return?.());
}

const MAP_OPTIONS = {
    buffer_size: ['buffer_size', 'bufferSize'],
    chunk_size: ['chunk_size', 'chunkSize'],
    timeout_msec: ['timeout_msec', 'timeoutMsec'],
    stop_on_error: ['stop_on_error', 'stopOnError'],
    cancellable: ['cancellable'],
    ...CALL_OPTIONS,
};

// Gives those of the map, and those of its calls or null where there are none.
function readMapOptions(given) {
    const settings = readOptions(given, MAP_OPTIONS);
    const options = {};

    for (const name of Object.keys(CALL_OPTIONS)) {
        if (name in settings) {
            options[name] = settings[name];
            delete settings[name];
        }
    }
    return [settings, Object.keys(options).length ? options : null];
}

function valueOfMap(map, read) {
    try {
        const value = read();
        const inputs = map[INPUTS];

        if (value === null)
            return inputs ? undefined : null;
        return inputs ? inputs.receive(value) : receive(value, true);
    } catch (error) {
        if (error instanceof GLib.Error && error.domain === INPUT_DOMAIN)
            throw map[INPUTS].error;

        // Else the same value is to be read, or none any more.
        const [failed] = map.get_failed_future();

        if (failed)
            map[INPUTS]?.areVariants.shift();
        throw addDeath(restoreError(error), failed);
    }
}

function endMap(map) {
    map.cancel();
    map[INPUTS]?.close();
}

function overrideMaps({Call, Executor, Map}) {
    const proto = Executor.prototype;
    const {map, map_func} = proto;
    const mapInputs = (executor, name, inputs) => {
        const made = map_func.call(executor, name, () => inputs.next());

        made[INPUTS] = inputs;
        return made;
    };

    proto.map_func = hiding(function (name, func) {
        checkName(name);
        if (typeof func !== 'function')
            throw new TypeError('func: not a function');
        return mapInputs(this, name, new Inputs(() => {
            const value = func();

            return value === null || value === undefined ? null : {value};
        }, nothing));
    });

    proto.map = hiding(function (name, inputs, options = {}) {
        checkName(name);

        const [{cancellable, ...settings}, callOptions] = readMapOptions(options);
        const call = callOptions && callWith(Call.new(name), callOptions);

        if (inputs?.[Symbol.asyncIterator])
            return mapLater(this, name, inputs, {cancellable, callOptions, ...settings});

        const isIterable = typeof inputs?.[Symbol.iterator] === 'function';

        if (!isIterable && !(inputs instanceof GLib.Variant))
            throw new TypeError('inputs: neither an iterable nor a GLib.Variant');

        const made = isIterable
            ? mapInputs(this, name, inputsOf(inputs)) : map.call(this, name, inputs);

        if (cancellable) {
            follow(cancellable)[1]();
            made[CANCELLABLE] = cancellable;
        }
        if (call)
            made.set_call_options(call);
        return Object.assign(made, settings);
    });
    overrideMap(Map.prototype);
}

function overrideMap(proto) {
    const {next_value, next_value_async, next_value_finish} = proto;

    overrideNumbers(proto, ['chunk_size', 'buffer_size']);
    overrideNumbers(proto, ['timeout_msec'], -1, 0x7fffffff);

    proto.next_value = hiding(function (timeout_msec = -1) {
        checkTimeout(timeout_msec);
        return valueOfMap(this, () => next_value.call(this, timeout_msec));
    });

    proto.next_value_async = rejecting(1, function (cancellable = null, callback = null) {
        return begin(cancellable ?? this[CANCELLABLE], callback,
            (followed, done) => next_value_async.call(this, followed, done),
            result => valueOfMap(this, () => {
                try {
                    return next_value_finish.call(this, result);
                } catch (error) {
                    // Nothing is read any more, and so what is left is to end.
                    if (isCancelled(this[CANCELLABLE]))
                        endMap(this);
                    throw error;
                }
            }));
    });

    // For callbacks, with variants.
    proto.next_value_finish = hiding(function (result) {
        return valueOfMap(this, () => {
            const value = next_value_finish.call(this, result);

            if (value !== null)
                this[INPUTS]?.areVariants.splice(0, 1, true);
            return value;
        }) ?? null;
    });

    proto[Symbol.iterator] = function* () {
        const end = this[INPUTS] ? undefined : null;

        try {
            for (let value; (value = this.next_value(-1)) !== end;)
                yield value;
        } finally {
            endMap(this);
        }
    };

    proto[Symbol.asyncIterator] = async function* () {
        const end = this[INPUTS] ? undefined : null;

        try {
            for (let value; (value = await this.next_value_async()) !== end;)
                yield value;
        } finally {
            endMap(this);
        }
    };
}
