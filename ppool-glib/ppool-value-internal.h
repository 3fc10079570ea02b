/* ppool-value-internal.h: what the files of the values share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-value-private.h"

G_BEGIN_DECLS

gboolean ppool_value_set_too_large (gsize     size,
                                    GError  **error);

G_END_DECLS
