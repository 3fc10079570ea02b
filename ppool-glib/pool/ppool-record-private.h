/* ppool-record-private.h: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-enums.h"
#include "ppool-failure-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolRecord PPoolRecord;

/* What a record needs of the pool that it belongs to. */
typedef struct
{
  gboolean (*cancel)     (gpointer owner, PPoolRecord *record);
  GObject *(*dup_source) (gpointer owner);
  /* (nullable): fails in a forked copy of the process */
  gboolean (*check)      (gpointer owner, GError **error);
  /* (nullable): has a record that runs say so */
  void     (*refresh)    (gpointer owner, PPoolRecord *record);
  /* (nullable): everybody was told of the outcome */
  void     (*settled)    (gpointer owner, PPoolRecord *record);
  void     (*unref)      (gpointer owner);
} PPoolRecordOwner;

/* What scheduler and pool note on a record; guarded by the pool's lock. */
typedef struct
{
  struct _PPoolSlot *slot; /* (unowned) (nullable): while it is assigned or sent */
  struct _PPoolEstimate *estimate; /* (unowned) (nullable): what is known of its function */
  guint64 number;    /* in the order of submission */
  gint64 expected;   /* how long it is going to take, in nanoseconds */
  gsize size;        /* of the arguments, in bytes */
  gboolean is_trivial; /* what its function does takes no more than a moment */
  gboolean accepted; /* the pool has it to settle */
} PPoolRecordPlan;

/* Where a record is in its pool; guarded by the pool's lock. */
typedef enum
{
  PPOOL_RECORD_NEW,
  PPOOL_RECORD_QUEUED,
  PPOOL_RECORD_ASSIGNED, /* to a worker, not sent */
  PPOOL_RECORD_SENT,
  PPOOL_RECORD_OUT,
} PPoolRecordStage;

/* Times are monotonic, in microseconds, and 0 until they come. */
typedef struct
{
  guint worker_pid;
  gint64 queued_time;
  gint64 started_time;
  gint64 finished_time;
} PPoolRecordHistory;

/* Runs where the record is settled, without a lock: short work only. */
typedef void (*PPoolRecordFunc) (PPoolRecord *record,
                                 gpointer     data);

/* One that waits for a record. Who adds it owns it, and keeps it until @func is
 * called or it has been removed. */
typedef struct
{
  PPoolRecordFunc func;
  gpointer data;
  gboolean is_waiting; /* with the record's lock */
  GList link;          /* with the record's lock */
} PPoolRecordWaiter;

PPoolRecord      *ppool_record_new                 (const char             *function,
                                                    GVariant               *args,
                                                    const GVariantType     *result_type,
                                                    const PPoolRecordOwner *owner_funcs,
                                                    gpointer                owner);
PPoolRecord      *ppool_record_ref                 (PPoolRecord            *self);
void              ppool_record_unref               (PPoolRecord            *self);

/* For the pool, with its lock held where the stage or the link is concerned. */
PPoolRecordStage  ppool_record_get_stage           (PPoolRecord            *self);
void              ppool_record_set_stage           (PPoolRecord            *self,
                                                    PPoolRecordStage        stage);
GList            *ppool_record_get_link            (PPoolRecord            *self);
PPoolRecordPlan  *ppool_record_get_plan            (PPoolRecord            *self);
guint64           ppool_record_get_id              (PPoolRecord            *self);
void              ppool_record_set_id              (PPoolRecord            *self,
                                                    guint64                 id);
void              ppool_record_start               (PPoolRecord            *self,
                                                    guint                   worker_pid,
                                                    gint64                  time);
GVariant         *ppool_record_ref_args            (PPoolRecord            *self);
gboolean          ppool_record_settle_failure      (PPoolRecord            *self,
                                                    PPoolFailure           *failure);
gboolean          ppool_record_settle_result       (PPoolRecord            *self,
                                                    guint                   worker_pid,
                                                    gint64                  started,
                                                    GVariant               *value,
                                                    PPoolFailure           *failure);
gboolean          ppool_record_settle_cancelled    (PPoolRecord            *self);

/* For whoever waits. */
gboolean          ppool_record_connect_cancellable (PPoolRecord            *self,
                                                    GCancellable           *cancellable,
                                                    GError                **error);
void              ppool_record_release_inputs      (PPoolRecord            *self);
void              ppool_record_abandon             (PPoolRecord            *self);
gboolean          ppool_record_cancel              (PPoolRecord            *self);
gboolean          ppool_record_check               (PPoolRecord            *self,
                                                    GError                **error);
GObject          *ppool_record_dup_source          (PPoolRecord            *self);
PPoolFutureState  ppool_record_get_state           (PPoolRecord            *self);
gboolean          ppool_record_is_done             (PPoolRecord            *self);
gint64            ppool_record_get_finished_time   (PPoolRecord            *self);
gint64            ppool_record_get_queued_time     (PPoolRecord            *self);
gboolean          ppool_record_wait                (PPoolRecord            *self,
                                                    int                     timeout_msec,
                                                    GCancellable           *cancellable,
                                                    GError                **error);
GVariant         *ppool_record_propagate           (PPoolRecord            *self,
                                                    GError                **error);
GError           *ppool_record_get_error           (PPoolRecord            *self);
gboolean          ppool_record_has_failed          (PPoolRecord            *self);
gboolean          ppool_record_add_waiter          (PPoolRecord            *self,
                                                    PPoolRecordWaiter      *waiter);
gboolean          ppool_record_remove_waiter       (PPoolRecord            *self,
                                                    PPoolRecordWaiter      *waiter);

const char       *ppool_record_get_function        (PPoolRecord            *self);
void              ppool_record_get_history         (PPoolRecord            *self,
                                                    PPoolRecordHistory     *history);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolRecord, ppool_record_unref)

G_END_DECLS
