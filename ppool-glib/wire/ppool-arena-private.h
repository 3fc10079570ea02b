/* ppool-arena-private.h: segments that nothing uses at present
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-segment-private.h"

G_BEGIN_DECLS

/* Embedded in what is known about a segment. */
typedef struct
{
  PPoolSegment *segment; /* (owned) */
  gboolean is_fixed;     /* it is not filled again, but may be lent again as it is */
  gint64 since;          /* when it was added */
} PPoolIdle;

typedef struct
{
  GQueue idle; /* (element-type PPoolIdle); the latest last */
  gsize n_bytes;
} PPoolArena;

void       ppool_arena_add      (PPoolArena   *self,
                                 PPoolIdle    *idle);
PPoolIdle *ppool_arena_remove   (PPoolArena   *self,
                                 PPoolIdle    *idle);
PPoolIdle *ppool_arena_take     (PPoolArena   *self,
                                 gsize         size);
PPoolIdle *ppool_arena_take_old (PPoolArena   *self,
                                 gint64        now,
                                 gint64       *next);
PPoolIdle *ppool_arena_take_any (PPoolArena   *self,
                                 guint         n_others,
                                 gsize         others_bytes);

G_END_DECLS
