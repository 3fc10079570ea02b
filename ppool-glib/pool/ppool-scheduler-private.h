/* ppool-scheduler-private.h: which call goes to which worker, and when one starts
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-record-private.h"
#include "ppool-settings-private.h"
#include "ppool-slot-private.h"

G_BEGIN_DECLS

/* How many calls a worker may have; fewer than a board has places. */
#define PPOOL_SCHEDULER_MAX_CALLS 240

typedef struct _PPoolScheduler PPoolScheduler;

/* What the scheduler decides: done by its owner, and by processes. */
typedef struct
{
  void (*start) (gpointer owner);
  /* (nullable): the counts may have */
  void (*changed) (gpointer owner);
  /* (nullable): has ppool_scheduler_look_again() called in a few milliseconds */
  void (*watch) (gpointer owner);

  /* (transfer full) */
  void (*assign) (PPoolProcess *process,
                  PPoolRecord  *record);
  void (*retire) (PPoolProcess          *process,
                  PPoolWorkerExitReason  reason);
  /* (nullable) (transfer full): takes back @record, or the first of its calls
   * if that is NULL, unless the worker has taken it. */
  PPoolRecord *(*recall) (PPoolProcess *process,
                          PPoolRecord  *record);
  /* (nullable): since when it has run what it runs, or 0; monotonic */
  gint64 (*get_since) (PPoolProcess *process);
} PPoolSchedulerFuncs;

PPoolScheduler *ppool_scheduler_new         (const PPoolSchedulerFuncs *funcs,
                                             gpointer                   owner,
                                             const PPoolSettings       *settings);
void            ppool_scheduler_free        (PPoolScheduler            *self);
void            ppool_scheduler_set_default_max (PPoolScheduler *self,
                                                 guint           max_workers);
void            ppool_scheduler_set_n_processors (PPoolScheduler *self,
                                                  guint           n_processors);
void            ppool_scheduler_settings_changed (PPoolScheduler       *self);

void            ppool_scheduler_open        (PPoolScheduler            *self);
void            ppool_scheduler_reset       (PPoolScheduler            *self);
void            ppool_scheduler_prestart    (PPoolScheduler            *self,
                                             guint                      n_workers);

void            ppool_scheduler_push        (PPoolScheduler            *self,
                                             PPoolRecord               *record);
gboolean        ppool_scheduler_withdraw    (PPoolScheduler            *self,
                                             PPoolRecord               *record);
PPoolRecord    *ppool_scheduler_pop         (PPoolScheduler            *self);
void            ppool_scheduler_put_back    (PPoolScheduler            *self,
                                             GPtrArray                 *records);
void            ppool_scheduler_limit_starts (PPoolScheduler *self,
                                              guint           max_starting);
void            ppool_scheduler_look_again  (PPoolScheduler            *self);
void            ppool_scheduler_recall_all  (PPoolScheduler            *self);
void            ppool_scheduler_close       (PPoolScheduler            *self);

void            ppool_scheduler_add_slot    (PPoolScheduler            *self,
                                             PPoolSlot                 *slot,
                                             PPoolProcess              *process);
void            ppool_scheduler_slot_ready  (PPoolScheduler            *self,
                                             PPoolSlot                 *slot);
void            ppool_scheduler_slot_answered (PPoolScheduler *self,
                                               PPoolSlot      *slot,
                                               PPoolRecord    *record,
                                               gint64          nsec);
void            ppool_scheduler_slot_refill (PPoolScheduler            *self,
                                             PPoolSlot                 *slot);
void            ppool_scheduler_slot_hold   (PPoolScheduler            *self,
                                             PPoolSlot                 *slot,
                                             gboolean                   held);
void            ppool_scheduler_slot_unfit  (PPoolScheduler            *self,
                                             PPoolSlot                 *slot);
void            ppool_scheduler_evict_slot  (PPoolScheduler            *self,
                                             PPoolSlot                 *slot);
void            ppool_scheduler_remove_slot (PPoolScheduler            *self,
                                             PPoolSlot                 *slot);

guint           ppool_scheduler_get_n_pending (PPoolScheduler          *self);
guint           ppool_scheduler_get_n_running (PPoolScheduler          *self);
guint           ppool_scheduler_get_n_workers (PPoolScheduler          *self);
guint           ppool_scheduler_get_n_slots   (PPoolScheduler          *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolScheduler, ppool_scheduler_free)

G_END_DECLS
