// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Values: plain ones of JavaScript, and GLib.Variant.

/* exported VARIANT, checkString, describe, mark, pack, receive, unpack */

const {GLib} = imports.gi;
const System = imports.system;

// These versions of GJS keep a reference too many on every variant that they make, so that
// none is ever freed. 1.74.3 and 1.76.1 do so no more.
const own = [17400, 17401, 17402, 17600].includes(System.version)
    ? variant => {
        variant.unref();
        return variant;
    }
    : variant => variant;

// Set on calls, futures and maps whose arguments were variants, and whose values are too.
var VARIANT = Symbol('values are variants');

const UNIT = GLib.Variant.new_tuple([]);
const VARIANT_TYPE = new GLib.VariantType('v');
const ENTRY_TYPE = new GLib.VariantType('{sv}');
const MAX_SAFE = GLib.Variant.new_int64(Number.MAX_SAFE_INTEGER);
const MIN_SAFE = GLib.Variant.new_int64(Number.MIN_SAFE_INTEGER);
const MAX_SAFE_UNSIGNED = GLib.Variant.new_uint64(Number.MAX_SAFE_INTEGER);

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

// Bytes in the library, counted where a call begins and where it ends.
const GARBAGE_OF_CALL = 1024;
const MIN_GARBAGE = 2 * 1024 * 1024;
const MAX_GARBAGE = 32 * 1024 * 1024;

// A collection takes at most this part of the time, as long as there is not too much garbage.
const MAX_SHARE = 1 / 8;

// Arrays of numbers cross as bytes, not one by one.
const NUMBER_ARRAYS = [
    ['ay', Uint8Array], ['ay', Uint8ClampedArray], ['an', Int16Array], ['aq', Uint16Array],
    ['ai', Int32Array], ['au', Uint32Array], ['ax', BigInt64Array], ['at', BigUint64Array],
    ['ad', Float64Array],
];
const TYPES_OF_ARRAYS = new Map(NUMBER_ARRAYS.map(
    ([type, constructor]) => [constructor, new GLib.VariantType(type)]));
const ARRAYS_OF_TYPES = new Map([...NUMBER_ARRAYS, ['ah', Int32Array]].reverse());
const MAX_DEPTH = 256;
const MAX_PATH = 200;
const BYTES_TYPE = TYPES_OF_ARRAYS.get(Uint8Array);

// A half of a pair that makes one character.
const LONE_SURROGATE = /\p{Surrogate}/u;

// Where a value is in what was given: {value, up, key, depth}, of which up is null at the top
// and key is the name of an argument there.
function pathOf(place) {
    if (place.up === null)
        return place.key;

    const {key} = place;
    const step = typeof key === 'string' && /^[\p{L}_$][\p{L}\d_$]*$/u.test(key)
        ? `.${key}`
        : `[${typeof key === 'string' ? JSON.stringify(key) : String(key)}]`;

    return `${pathOf(place.up)}${step}`;
}

function refuse(place, why) {
    const path = pathOf(place);

    throw new TypeError(`${path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path}: ${why}`);
}

function classOf(object) {
    const name = Object.getPrototypeOf(object)?.constructor?.name;

    return typeof name === 'string' && name !== '' ? name : 'object';
}

function describe(value) {
    if (value === null || value === undefined)
        return String(value);

    const name = typeof value === 'object' ? classOf(value) : typeof value;

    return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}

// GJS would end one at its NUL, and make another one of half a pair.
function checkString(string, name) {
    if (string.includes('\0'))
        throw new TypeError(`${name}: a string with a NUL character`);
    if (LONE_SURROGATE.test(string))
        throw new TypeError(`${name}: a string that is not well-formed`);
    return string;
}

function packString(string, place) {
    if (string.includes('\0'))
        refuse(place, 'a string with a NUL character can’t be sent; send a Uint8Array');
    if (LONE_SURROGATE.test(string))
        refuse(place, 'a string that is not well-formed can’t be sent');
    return own(GLib.Variant.new_string(string));
}

// The whole of the arguments, or of a value, is nothing; inside of another it has to be
// told from an empty tuple.
function packNull(place) {
    return place.up === null ? UNIT : own(GLib.Variant.new_maybe(VARIANT_TYPE, null));
}

function packNumber(number) {
    return Number.isSafeInteger(number) && !Object.is(number, -0)
        ? own(GLib.Variant.new_int64(number)) : own(GLib.Variant.new_double(number));
}

function packBigInt(number, place) {
    if (number >= MIN_INT64 && number <= MAX_INT64)
        return own(GLib.Variant.new_int64(number));
    if (number > 0 && number <= MAX_UINT64)
        return own(GLib.Variant.new_uint64(number));
    return refuse(place, `${number} has more than 64 bits`);
}

function packNumbers(array, type) {
    const bytes = array instanceof Uint8Array
        ? array : new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

    return own(GLib.Variant.new_from_bytes(type, bytes, true));
}

// A place of its own for what is inside of a value, and a bound for values that have
// themselves inside.
function enter(value, place) {
    for (let above = place.up; above; above = above.up) {
        if (above.value === value)
            refuse(place, 'a value that is inside of itself can’t be sent');
    }
    if (place.depth === MAX_DEPTH)
        refuse(place, 'a value that is nested so deeply can’t be sent');
    return {value: null, up: place, key: null, depth: place.depth + 1};
}

function packInside(value, place, key) {
    place.key = key;
    return own(GLib.Variant.new_variant(packAt(value, place)));
}

function packArray(array, place) {
    const inside = enter(array, place);
    const children = [];

    for (let i = 0; i < array.length; i++)
        children.push(packInside(array[i], inside, i));
    return own(GLib.Variant.new_array(VARIANT_TYPE, children));
}

function packObject(object, place) {
    const inside = enter(object, place);

    return own(GLib.Variant.new_array(ENTRY_TYPE, Object.keys(object).map(key => {
        inside.key = key;
        return own(GLib.Variant.new_dict_entry(packString(key, inside),
            packInside(object[key], inside, key)));
    })));
}

// All keys are of the kind of the first one, which is a string for an empty map: 1 and 1n are
// two keys here, and would be the same one there.
function packMap(map, place) {
    const inside = enter(map, place);
    let type = null;
    let kind = null;
    const entries = [...map].map(([key, value]) => {
        inside.key = key;
        if (!['string', 'boolean', 'number', 'bigint'].includes(typeof key))
            refuse(inside, `${describe(key)} can’t be a key`);

        const packed = packAt(key, inside);

        type ??= packed.get_type_string();
        kind ??= typeof key;
        if (packed.get_type_string() !== type || typeof key !== kind)
            refuse(inside, 'the keys of a Map must be of one type');
        return own(GLib.Variant.new_dict_entry(packed, packInside(value, inside, key)));
    });

    return own(GLib.Variant.new_array(new GLib.VariantType(`{${type ?? 's'}v}`), entries));
}

function typeOfNumbers(object) {
    if (!ArrayBuffer.isView(object))
        return null;
    return TYPES_OF_ARRAYS.get(object.constructor) ??
        [...TYPES_OF_ARRAYS].find(([constructor]) => object instanceof constructor)?.[1];
}

function packOther(object, place) {
    if (object instanceof GLib.Variant)
        return object;
    if (Array.isArray(object))
        return packArray(object, place);

    const prototype = Object.getPrototypeOf(object);

    if (prototype === Object.prototype || prototype === null)
        return packObject(object, place);

    const type = typeOfNumbers(object);

    if (type)
        return packNumbers(object, type);
    if (object instanceof ArrayBuffer)
        return packNumbers(new Uint8Array(object), BYTES_TYPE);
    if (object instanceof GLib.Bytes)
        return own(GLib.Variant.new_from_bytes(BYTES_TYPE, object, true));
    if (object instanceof imports.gi.PPool.Buffer)
        return object.to_variant(null);
    if (object instanceof Map)
        return packMap(object, place);
    return refuse(place, `${describe(object)} can’t be sent`);
}

function packAt(value, place) {
    place.value = value;
    switch (typeof value) {
    case 'undefined':
        return packNull(place);
    case 'boolean':
        return own(GLib.Variant.new_boolean(value));
    case 'number':
        return packNumber(value);
    case 'bigint':
        return packBigInt(value, place);
    case 'string':
        return packString(value, place);
    case 'object':
        return value === null ? packNull(place) : packOther(value, place);
    default:
        return refuse(place, `${describe(value)} can’t be sent`);
    }
}

// What a call leaves behind is small for the garbage collector, which sees not what is below
// it in the library: the collector would come every ten seconds, and then block the main loop
// for long, and lose callbacks meanwhile. A collection takes the longer the more there is to be
// freed, so it comes often; but not where it takes long because the program has many objects.
let garbage = 0;
let nextCollection = 0;

function collect() {
    const begin = GLib.get_monotonic_time();

    if (begin < nextCollection && garbage <= MAX_GARBAGE)
        return;
    garbage = 0;
    System.gc();

    const end = GLib.get_monotonic_time();

    nextCollection = end + (end - begin) / MAX_SHARE;
}

function countGarbage(variant) {
    garbage += GARBAGE_OF_CALL + 3 * variant.get_size();
    if (garbage > MIN_GARBAGE)
        collect();
    return variant;
}

function pack(value, name = 'value') {
    return countGarbage(packAt(value, {value: null, up: null, key: name, depth: 0}));
}

function toNumber(bigint) {
    const number = Number(bigint);

    return Number.isSafeInteger(number) ? number : bigint;
}

// GJS gives numbers, and warns when they are not exact.
function unpackLong(variant) {
    return variant.compare(MAX_SAFE) <= 0 && variant.compare(MIN_SAFE) >= 0
        ? variant.get_int64() : BigInt(variant.print(false));
}

function unpackUnsignedLong(variant) {
    return variant.compare(MAX_SAFE_UNSIGNED) <= 0
        ? variant.get_uint64() : BigInt(variant.print(false));
}

// GJS gives the memory of the bytes itself, which may be read-only: the program gets a copy.
// Other numbers are an Array, as other languages send what is a list there.
function unpackNumbers(variant, constructor) {
    const bytes = variant.get_data_as_bytes().toArray().slice();

    if (constructor === Uint8Array)
        return bytes;

    const numbers = new constructor(bytes.buffer);

    return typeof numbers[0] === 'bigint'
        ? Array.from(numbers, toNumber) : Array.from(numbers);
}

function unpackChildren(variant) {
    const children = [];

    for (let i = 0, n = variant.n_children(); i < n; i++)
        children.push(unpackAt(variant.get_child_value(i)));
    return children;
}

// Whatever it is named, a property of its own: an assignment to __proto__ makes none.
function setOwn(object, key, value) {
    if (key === '__proto__') {
        Object.defineProperty(object, key,
            {value, configurable: true, enumerable: true, writable: true});
    } else {
        object[key] = value;
    }
}

function unpackDict(variant, type) {
    const entries = unpackChildren(variant);

    if (!'sog'.includes(type[2]))
        return new Map(entries);

    const object = {};

    for (const [key, value] of entries)
        setOwn(object, key, value);
    return object;
}

function unpackArray(variant, type) {
    const constructor = ARRAYS_OF_TYPES.get(type);

    if (constructor)
        return unpackNumbers(variant, constructor);
    if (type[1] === '{')
        return unpackDict(variant, type);
    return type === 'as' ? variant.get_strv() : unpackChildren(variant);
}

function unpackMaybe(variant) {
    return variant.n_children() === 0 ? null : unpackAt(variant.get_child_value(0));
}

function unpackAt(variant, type = variant.get_type_string()) {
    switch (type[0]) {
    case 'b':
        return variant.get_boolean();
    case 'y':
        return variant.get_byte();
    case 'n':
        return variant.get_int16();
    case 'q':
        return variant.get_uint16();
    case 'i':
        return variant.get_int32();
    case 'u':
        return variant.get_uint32();
    case 'h':
        return variant.get_handle();
    case 'x':
        return unpackLong(variant);
    case 't':
        return unpackUnsignedLong(variant);
    case 'd':
        return variant.get_double();
    case 's':
    case 'o':
    case 'g':
        return variant.get_string()[0];
    case 'v':
        return unpackAt(variant.get_variant());
    case 'm':
        return unpackMaybe(variant);
    case '(':
        return unpackChildren(variant);
    case '{':
        return unpackChildren(variant);
    default:
        return unpackArray(variant, type);
    }
}

function mark(object, args) {
    if (args instanceof GLib.Variant)
        object[VARIANT] = true;
    return object;
}

function unpack(variant) {
    countGarbage(variant);

    const type = variant.get_type_string();

    return type === '()' ? null : unpackAt(variant, type);
}

// Who gave a variant gets one.
function receive(variant, asVariant) {
    return asVariant ? countGarbage(variant) : unpack(variant);
}
