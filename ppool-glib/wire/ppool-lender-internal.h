/* ppool-lender-internal.h: what the two files of the lender share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-lender-private.h"

G_BEGIN_DECLS

/* A segment that the other side has registered. */
typedef struct
{
  guint32 number;
  guint32 generation;    /* of the last loan */
  PPoolSegment *segment; /* (owned) */
  gboolean is_memory;    /* of a program: not filled here */
  guint n_loans;
  gint64 idle_since;
} PPoolLenderEntry;

struct _PPoolLender
{
  GMutex lock;           /* guards what follows */
  GPtrArray *entries;    /* (owned) (nullable) (element-type PPoolLenderEntry); NULL once closed */
  gsize entries_bytes;
  GHashTable *loans;     /* (owned) (nullable); of the file that lends; likewise */
  guint64 lent_bytes;
  GArray *announcements; /* (owned) (element-type PPoolAnnouncement) */
  GArray *forgotten;     /* (owned) (element-type guint32) */
  guint32 last_number;
};

void              ppool_lender_entry_free  (gpointer       data);

/* With the lock held. */
PPoolLenderEntry *ppool_lender_announce    (PPoolLender   *self,
                                            PPoolSegment  *segment,
                                            int            fd,
                                            gboolean       is_memory,
                                            gboolean       is_kept,
                                            guint32       *number);
PPoolLenderEntry *ppool_lender_find_free   (PPoolLender   *self,
                                            gsize          size);
PPoolLenderEntry *ppool_lender_find_memory (PPoolLender   *self,
                                            PPoolSegment  *segment);
gboolean          ppool_lender_make_room   (PPoolLender   *self,
                                            gsize          size,
                                            GPtrArray     *old);
gint64            ppool_lender_forget_old  (PPoolLender   *self,
                                            gint64         now,
                                            GPtrArray     *old);

G_END_DECLS
