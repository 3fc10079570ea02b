// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The other side of workerpool.js.

'use strict';

require('workerpool').worker({
  echo(value) {
    return value;
  },
});
