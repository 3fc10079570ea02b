/* ppool-memory-private.h: memory that is filled in place
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

#include "ppool-segment-private.h"

G_BEGIN_DECLS

typedef struct _PPoolMemory PPoolMemory;

PPoolMemory  *ppool_memory_new         (gsize           size,
                                        GError        **error);
PPoolMemory  *ppool_memory_ref         (PPoolMemory    *self);
void          ppool_memory_unref       (PPoolMemory    *self);

guint8       *ppool_memory_get_data    (PPoolMemory    *self);
gsize         ppool_memory_get_size    (PPoolMemory    *self);
PPoolSegment *ppool_memory_get_segment (PPoolMemory    *self);

void          ppool_memory_publish     (PPoolMemory    *self);
PPoolMemory  *ppool_memory_find        (gconstpointer   data,
                                        gsize           size,
                                        guint64        *offset);

PPoolSegment *ppool_memory_new_segment (gsize           size,
                                        GError        **error);

void          ppool_memory_hold        (void);
void          ppool_memory_release     (void);
gint64        ppool_memory_trim        (gint64          now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolMemory, ppool_memory_unref)

G_END_DECLS
