/* ppool-error.c: the error domain
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-error.h"

/**
 * ppool_error_quark:
 *
 * Registers the error domain of the library, if that has not been done yet.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the error quark
 *
 * Since: 1.0
 */
G_DEFINE_QUARK (ppool-error-quark, ppool_error)
