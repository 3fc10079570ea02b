/* ppool-estimate-private.h: how long the functions of a pool take
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of one function; NULL is one of which nothing is known. */
typedef struct _PPoolEstimate PPoolEstimate;

GHashTable    *ppool_estimate_new_table  (void);
PPoolEstimate *ppool_estimate_find       (GHashTable          *table,
                                          const char          *function);
void           ppool_estimate_measure    (PPoolEstimate       *self,
                                          gint64               nsec);
gint64         ppool_estimate_get        (const PPoolEstimate *self);
gboolean       ppool_estimate_is_trivial (const PPoolEstimate *self);

G_END_DECLS
