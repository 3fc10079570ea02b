// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Properties that a binding would take as they come.

/* exported checkName, checkNumber, checkProperties, checkTimeout, overrideInit, overrideLabel,
   overrideNames, overrideNumbers */

const {GObject} = imports.gi;
const {hiding} = imports.overrides.ppool.errors;
const {checkString, describe, pack} = imports.overrides.ppool.values;

// A binding takes for granted that a number fits, and makes another one of it if not.
function checkNumber(name, value, min = 0, max = 0xffffffff) {
    if (!Number.isInteger(value) || value < min || value > max) {
        const given = typeof value === 'number' ? String(value) : describe(value);

        throw new RangeError(`${name}: ${given} is no integer from ${min} to ${max}`);
    }
    return value;
}

function checkTimeout(value) {
    return checkNumber('timeout_msec', value, -1, 0x7fffffff);
}

// The name of a function of the workers.
function checkName(name, argument = 'name') {
    if (typeof name !== 'string')
        throw new TypeError(`${argument}: not a string but ${describe(name)}`);
    return checkString(name, argument);
}

// What a constructor is given; GJS makes nothing of it where it is something else.
function checkProperties(properties = {}, otherwise = 'not') {
    if (typeof properties !== 'object' || properties === null || Array.isArray(properties) ||
        properties instanceof GObject.Object) {
        throw new TypeError(`properties: ${otherwise} an object of properties ` +
            `but ${describe(properties)}`);
    }
    return properties;
}

function spellings(name) {
    return [
        name,
        name.replaceAll('_', '-'),
        name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
    ];
}

function overrideNumbers(proto, names, min, max) {
    for (const name of names) {
        const getter = proto[`get_${name}`];
        const setter = proto[`set_${name}`];
        const set = hiding(function (value) {
            checkNumber(name, value, min, max);
            setter.call(this, value);
        });

        proto[`set_${name}`] = set;
        for (const spelling of spellings(name)) {
            Object.defineProperty(proto, spelling,
                {get: getter, set, configurable: true, enumerable: true});
        }
    }

    const init = proto._init;

    proto._init = hiding(function (properties, ...rest) {
        checkProperties(properties);
        for (const name of names) {
            for (const spelling of spellings(name)) {
                if (properties?.[spelling] !== undefined)
                    checkNumber(name, properties[spelling], min, max);
            }
        }
        return init.call(this, properties, ...rest);
    });
}

// The name of a function that a constructor is given, or has to be.
function overrideNames(proto, name, isNeeded = false) {
    const init = proto._init;

    proto._init = hiding(function (properties, ...rest) {
        checkProperties(properties);

        const given = properties?.[name] ?? null;

        if (isNeeded || given !== null)
            checkName(given, name);
        return init.call(this, properties, ...rest);
    });
}

// What a call is about is a text, or nothing.
function overrideLabel(proto) {
    const {_init, get_label, set_label} = proto;
    const check = value => value === null ? null : checkName(value, 'label');
    const set = hiding(function (value) {
        set_label.call(this, check(value));
    });

    proto.set_label = set;
    Object.defineProperty(proto, 'label',
        {get: get_label, set, configurable: true, enumerable: true});
    proto._init = hiding(function (properties, ...rest) {
        check(checkProperties(properties).label ?? null);
        return _init.call(this, properties, ...rest);
    });
}

// Has a property of a constructor's that is a variant take plain values.
function overrideInit(proto, name, after = () => {}) {
    const init = proto._init;

    proto._init = hiding(function (properties, ...rest) {
        const packed = {...checkProperties(properties)};

        for (const spelling of spellings(name)) {
            if (packed[spelling] !== undefined && packed[spelling] !== null)
                packed[spelling] = pack(packed[spelling], name);
        }
        init.call(this, packed, ...rest);
        after(this, properties ?? {});
    });
}
