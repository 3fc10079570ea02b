// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// PPool-GLib for JavaScript: what is different from the library's own names. GJS loads this
// file with the typelib, and calls _init() with the namespace as `this`. What it makes of
// them is written down in PPool.d.ts; how, room by room, in the folder beside this file.

/* exported _init */

const {hiding} = imports.overrides.ppool.errors;
const {overrideCall, overrideExecutor, overrideFuture} = imports.overrides.ppool.executor;
const {overrideLauncher} = imports.overrides.ppool.launcher;
const {overrideMaps} = imports.overrides.ppool.map;
const {pack, unpack} = imports.overrides.ppool.values;
const {overrideWaiting} = imports.overrides.ppool.waiting;
const {overrideWorker} = imports.overrides.ppool.worker;

function _init() {
    this.pack = hiding(value => pack(value));
    this.unpack = hiding(variant => unpack(variant));
    overrideLauncher(this);
    overrideCall(this);
    overrideExecutor(this);
    overrideFuture(this);
    overrideMaps(this);
    overrideWaiting(this);
    overrideWorker(this);
}
