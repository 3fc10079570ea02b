/* ppool-spare-private.h: whether there is more of what GLib can't do without
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

int      ppool_spare_check_descriptors (guint         n);
gboolean ppool_spare_check_threads     (guint         n,
                                        GError      **error);
GThread *ppool_spare_new_thread        (const char   *name,
                                        GThreadFunc   func,
                                        gpointer      data,
                                        GError      **error);

G_END_DECLS
