/* ppool-record-private.h: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-outcome-private.h"

G_BEGIN_DECLS

typedef struct _PPoolRecord PPoolRecord;

/* What a record needs of the pool that it belongs to. */
typedef struct
{
  gboolean (*cancel)     (gpointer owner, PPoolRecord *record);
  GObject *(*dup_source) (gpointer owner);
  /* Has a record that runs say so. */
  void     (*refresh)    (gpointer owner, PPoolRecord *record);
  /* Everybody was told of the outcome. */
  void     (*settled)    (gpointer owner, PPoolRecord *record);
  void     (*unref)      (gpointer owner);
} PPoolRecordOwner;

/* Where a record is in its pool. */
typedef enum
{
  PPOOL_RECORD_NEW,
  PPOOL_RECORD_QUEUED,
  PPOOL_RECORD_ASSIGNED, /* to a worker, not sent */
  PPOOL_RECORD_SENT,
  PPOOL_RECORD_OUT,
} PPoolRecordStage;

struct _PPoolRecord
{
  PPoolOutcome outcome; /* with a lock of its own */

  /* Constant. */
  PPoolCallSpec *spec; /* (owned) */
  gsize size;          /* of the arguments, in bytes */
  const PPoolRecordOwner *owner_funcs;
  gpointer owner; /* (owned) */

  /* Guarded by the pool's lock: where it is. */
  PPoolRecordStage stage;
  gboolean accepted; /* the pool has it to settle */
  guint64 number;    /* in the order of submission */
  guint64 id;        /* of the channel on which it is sent */
  GList link;        /* in the queue, or in those that a worker has */
  guint batch;       /* that it left with */
  struct _PPoolSlot *slot;         /* (unowned) (nullable): while it is assigned or sent */
  struct _PPoolEstimate *estimate; /* (unowned) (nullable): what is known of its function */
  gint64 expected;     /* how long it is going to take, in nanoseconds */
  gboolean is_trivial; /* what its function does takes no more than a moment */

  int abandoned; /* atomic: no future asks for the outcome any more */

  /* With the lock of the outcome: what the caller gave, until it is released. */
  GVariant *args;            /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) (nullable) */
  gulong cancelled_handler;  /* 0 while it is being connected */
};

PPoolRecord      *ppool_record_new                 (PPoolCallSpec          *spec,
                                                    GVariant               *args,
                                                    const PPoolRecordOwner *owner_funcs,
                                                    gpointer                owner);
PPoolRecord      *ppool_record_ref                 (PPoolRecord            *self);
void              ppool_record_unref               (PPoolRecord            *self);

GVariant         *ppool_record_ref_args            (PPoolRecord            *self);
gboolean          ppool_record_connect_cancellable (PPoolRecord            *self,
                                                    GCancellable           *cancellable,
                                                    GError                **error);
void              ppool_record_release_inputs      (PPoolRecord            *self);
void              ppool_record_abandon             (PPoolRecord            *self);

gboolean          ppool_record_cancel              (PPoolRecord            *self);
GObject          *ppool_record_dup_source          (PPoolRecord            *self);
PPoolFutureState  ppool_record_get_state           (PPoolRecord            *self);
void              ppool_record_get_history         (PPoolRecord            *self,
                                                    PPoolHistory           *history);
GVariant         *ppool_record_propagate           (PPoolRecord            *self,
                                                    GError                **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolRecord, ppool_record_unref)

G_END_DECLS
