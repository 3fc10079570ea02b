// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// PPool-GLib for JavaScript: what is different from the library's own names.
// GJS loads this file with the typelib, and calls _init() with the namespace as `this`.

/* exported _init */

function _init() {
}
