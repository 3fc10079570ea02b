/* fuzz.h: what each fuzzer is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* Takes any bytes, and aborts if something is wrong. */
int LLVMFuzzerTestOneInput (const uint8_t *data,
                            size_t         size);
