/* ppool-record-private.h: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-manager-private.h"
#include "ppool-outcome-private.h"

#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _PPoolRecord PPoolRecord;

/* What a record needs of the pool that it belongs to. */
typedef struct
{
  gboolean (*cancel)     (gpointer owner, PPoolRecord *record);
  void     (*abort)      (gpointer owner, PPoolRecord *record);
  /* A cancellable was cancelled, or likewise. */
  void     (*cancelled)  (gpointer owner, PPoolRecord *record);
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
  PPOOL_RECORD_RETRYING, /* to be queued again in a while */
  PPOOL_RECORD_OUT,
} PPoolRecordStage;

/* What its worker is being ended for, if it is for this call. */
typedef enum
{
  PPOOL_RECORD_NOT_ENDED,
  PPOOL_RECORD_ABORTED,
  PPOOL_RECORD_OVERDUE,
} PPoolRecordEnding;

/* What few calls have: limits of time, and workers that died of them. */
typedef struct
{
  int timeout_msec;       /* from when a worker takes it; -1 is no limit */
  int queue_timeout_msec; /* until one does; likewise */
  gint64 pushed_time;     /* when it was given to its worker, if it has a timeout */
  gint64 seen_time;       /* when that was seen to have taken it, without a word of when, or 0 */
  guint n_deaths;         /* of workers that had taken it */
  GString *deaths;        /* (owned) (nullable): what became of these */

  /* Of the time in the queue, and then of that before it is queued again. While it is armed
   * the record has a reference. */
  gboolean has_timer; /* constant once queued */
  PPoolTimer timer;   /* guarded by the manager */
} PPoolRecordExtra;

/* How it learns that it is cancelled. */
typedef struct
{
  GCancellable *cancellable; /* (owned) */
  gulong handler;
} PPoolRecordConnection;

/* As many may wait, what only few need is not in here, nor what a box of GLib adds. */
struct _PPoolRecord
{
  PPoolOutcome outcome; /* with a lock of its own */

  /* Constant. */
  const PPoolRecordOwner *owner_funcs;
  gpointer owner; /* (owned) */

  /* Guarded by the pool's lock: where it is. */
  PPoolRecordStage stage : 8;
  PPoolRecordEnding ending : 8;
  guint batch : 8;    /* that it left with */
  bool accepted : 1;   /* the pool has it to settle */
  bool is_trivial : 1; /* what its function does takes no more than a moment */
  guint32 expected;    /* how long it is going to take, in nanoseconds */
  guint64 number;      /* in the order of submission */
  guint64 id;          /* of the channel on which it is sent */
  GList link;          /* in the queue, or in those that a worker has */
  struct _PPoolSlot *slot;         /* (unowned) (nullable): while it is assigned or sent */
  struct _PPoolEstimate *estimate; /* (unowned) (nullable): what is known of its function */
  const PPoolRecordExtra *extra;   /* (owned), or what all have that need none */

  int n_refs;    /* atomic */
  guint size;    /* constant: of the arguments, in bytes, or G_MAXUINT if they are larger */
  int abandoned; /* atomic: no future asks for the outcome any more */

  /* With the lock of the outcome: what the caller gave, until it is released. */
  GVariant *args;                    /* (owned) (nullable) */
  PPoolRecordConnection *connection; /* (owned) (nullable) */
};

PPoolRecord      *ppool_record_new                 (PPoolCallSpec          *spec,
                                                    GVariant               *args,
                                                    const PPoolRecordOwner *owner_funcs,
                                                    gpointer                owner);
PPoolRecord      *ppool_record_ref                 (PPoolRecord            *self);
void              ppool_record_unref               (PPoolRecord            *self);

PPoolRecordExtra *ppool_record_need_extra          (PPoolRecord            *self);
GVariant         *ppool_record_ref_args            (PPoolRecord            *self);
gboolean          ppool_record_connect_cancellable (PPoolRecord            *self,
                                                    GCancellable           *cancellable,
                                                    GError                **error);
void              ppool_record_release_inputs      (PPoolRecord            *self);
void              ppool_record_abandon             (PPoolRecord            *self);

gboolean          ppool_record_cancel              (PPoolRecord            *self);
void              ppool_record_abort               (PPoolRecord            *self);
void              ppool_record_give_up             (PPoolRecord            *self);
GError           *ppool_record_make_ended_error    (PPoolRecord            *self,
                                                    PPoolRecordEnding       ending,
                                                    const char             *detail);
gboolean          ppool_record_settle_ended        (PPoolRecord            *self,
                                                    PPoolRecordEnding       ending,
                                                    const char             *detail);
GObject          *ppool_record_dup_source          (PPoolRecord            *self);
PPoolFutureState  ppool_record_get_state           (PPoolRecord            *self);
void              ppool_record_get_history         (PPoolRecord            *self,
                                                    PPoolHistory           *history);
GVariant         *ppool_record_propagate           (PPoolRecord            *self,
                                                    GError                **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolRecord, ppool_record_unref)

G_END_DECLS
