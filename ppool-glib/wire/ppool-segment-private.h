/* ppool-segment-private.h: one piece of shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The least size from which a value is worth a segment, in bytes. */
#define PPOOL_SEGMENT_THRESHOLD ((gsize) 32 * 1024)

/* How many segments one side keeps registered at the other, and their bytes. */
#define PPOOL_SEGMENT_MAX_KEPT 32
#define PPOOL_SEGMENT_MAX_BYTES ((gsize) 256 * 1024 * 1024)

/* For how long it keeps one that nothing uses, in microseconds. */
#define PPOOL_SEGMENT_IDLE_USEC (5 * G_USEC_PER_SEC)

typedef struct _PPoolSegment PPoolSegment;

/* Where a value lies. */
typedef struct
{
  guint32 number;     /* of the segment */
  guint32 generation; /* of what it holds */
  guint64 offset;
  guint64 length;
} PPoolLoan;

gsize         ppool_segment_round       (gsize          size);

PPoolSegment *ppool_segment_new         (gsize          size,
                                         GError       **error);
PPoolSegment *ppool_segment_new_from_fd (int            fd,
                                         guint64        size,
                                         GError       **error);
PPoolSegment *ppool_segment_ref         (PPoolSegment  *self);
void          ppool_segment_unref       (PPoolSegment  *self);

guint8       *ppool_segment_get_data    (PPoolSegment  *self);
gsize         ppool_segment_get_size    (PPoolSegment  *self);
int           ppool_segment_steal_fd    (PPoolSegment  *self);
int           ppool_segment_dup_fd      (PPoolSegment  *self,
                                         GError       **error);
void          ppool_segment_populate    (PPoolSegment  *self,
                                         gsize          size);

void          ppool_segment_retire      (PPoolSegment  *self);
gboolean      ppool_segment_is_retired  (PPoolSegment  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolSegment, ppool_segment_unref)

G_END_DECLS
