/* ppool-limits-private.h: what this system allows
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

guint    ppool_limits_n_processors     (void);
guint    ppool_limits_cpu_quota        (const char  *root);
gboolean ppool_limits_check_workers    (guint        n_workers,
                                        GError     **error);
guint64  ppool_limits_available_memory (const char  *root);

G_END_DECLS
