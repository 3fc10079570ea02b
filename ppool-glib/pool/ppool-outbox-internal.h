/* ppool-outbox-internal.h: what the files of the outbox share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-frame-private.h"
#include "ppool-outbox-private.h"

G_BEGIN_DECLS

#define PPOOL_OUTBOX_N_BATCHES 2
#define PPOOL_OUTBOX_NO_BATCH PPOOL_OUTBOX_N_BATCHES

/* Of a call in flight: its place is that on a board. */
typedef struct
{
  PPoolRecord *record; /* (owned) (nullable) */
  guint batch;         /* that it left with */
  GList link;          /* in the order of pushing */
} PPoolOutboxSlot;

/* A call that is being sent. */
typedef struct
{
  PPoolRecord *record; /* (owned) */
  guint64 id;
} PPoolOutgoing;

struct _PPoolOutbox
{
  /* Constant. */
  PPoolLock *lock; /* (unowned): outlives this */
  PPoolSender sender;
  const PPoolOutboxFuncs *funcs;
  gpointer owner; /* (unowned): is called only while a call is in flight */

  PPoolChannel *channel; /* (owned) (nullable): NULL before and after its time */
  PPoolBoard *board;     /* (owned) (nullable): NULL if the worker has none */
  gboolean has_frames;   /* the worker takes them */
  guint64 last_id;       /* ids of calls are this connection's own */
  PPoolOutboxSlot slots[PPOOL_BOARD_SIZE];
  GQueue in_flight; /* (unowned) (element-type PPoolOutboxSlot): in the order of pushing */
  GQueue unsent;    /* (unowned) (element-type PPoolRecord): of those */
  guint n_unanswered[PPOOL_OUTBOX_N_BATCHES];
  gboolean emptied;  /* answers to what was taken away may still come */
  gboolean notes_due; /* the channel has some, for the next frame */
  gboolean exit_due; /* behind what is unsent */
  gboolean flushing; /* somebody is at it */

  PPoolOutgoing outgoing[PPOOL_FRAME_MAX_ITEMS]; /* of whoever is flushing */
};

/* All that a worker has may leave at once, and be answered so. */
G_STATIC_ASSERT (PPOOL_FRAME_MAX_ITEMS >= PPOOL_BOARD_SIZE);

void             ppool_outbox_mark_dirty (PPoolOutbox     *self);
void             ppool_outbox_send       (gpointer         owner);
PPoolOutboxSlot *ppool_outbox_get_slot   (PPoolOutbox     *self,
                                          guint64          id);
PPoolOutboxSlot *ppool_outbox_find       (PPoolOutbox     *self,
                                          guint64          id);
PPoolRecord     *ppool_outbox_empty_slot (PPoolOutbox     *self,
                                          PPoolOutboxSlot *slot);

G_END_DECLS
