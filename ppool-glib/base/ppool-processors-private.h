/* ppool-processors-private.h: the processors that this process may use
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

guint ppool_processors_count (void);
guint ppool_processors_quota (const char *root);

G_END_DECLS
