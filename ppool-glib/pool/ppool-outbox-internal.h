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

#define N_BATCHES 2
#define NO_BATCH N_BATCHES

/* A call that is being sent. Its record may have another id meanwhile, at another worker. */
typedef struct
{
  PPoolRecord *record; /* (owned) */
  guint64 id;
  PPoolCallOptions options;
} Item;

struct _PPoolOutbox
{
  /* Constant. */
  PPoolLock *lock; /* (unowned): outlives this */
  PPoolSender sender;
  PPoolScheduler *scheduler; /* (unowned): outlives this */
  PPoolSlot *slot;           /* (unowned): is told only while the channel is read, or a call in
                              * flight */

  PPoolChannel *channel; /* (owned) (nullable): NULL before and after its time */
  PPoolBoard *board;     /* (owned) (nullable): NULL if the worker has none */
  gboolean has_frames;   /* the worker takes them */
  gboolean has_cancel;   /* the worker can be asked to end a call */
  gboolean has_options;  /* the worker knows those of calls */
  guint64 cancel_id;     /* of the call that it is to be asked to end, or 0 */
  guint64 last_id;       /* ids of calls are this connection's own */
  PPoolRecord *places[PPOOL_BOARD_SIZE]; /* (owned) (nullable): in flight, as on a board */
  GQueue in_flight; /* (unowned) (element-type PPoolRecord): in the order of pushing */
  GList *unsent;    /* (unowned) (nullable): in that, from where on none was sent */
  guint n_unanswered[N_BATCHES];
  gboolean emptied;  /* answers to what was taken away may still come */
  gboolean notes_due; /* the channel has some, for the next frame */
  gboolean exit_due; /* behind what is unsent */
  gboolean flushing; /* somebody is at it */

  Item items[PPOOL_FRAME_MAX_ITEMS]; /* of whoever is flushing */
  PPoolCallOptions packed_options;   /* likewise: what … */
  GVariant *packed;                  /* (owned) (nullable): … this says */
};

/* With the lock held. */
PPoolRecord    *ppool_outbox_find_call (PPoolOutbox     *self,
                                        guint64          id);
PPoolBoardWord  ppool_outbox_look_at   (PPoolOutbox     *self,
                                        PPoolRecord     *record,
                                        PPoolBoardTimes *times);

G_END_DECLS
