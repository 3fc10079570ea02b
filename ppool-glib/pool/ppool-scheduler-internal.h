/* ppool-scheduler-internal.h: what the files of the scheduler share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-estimate-private.h"
#include "ppool-scheduler-private.h"

G_BEGIN_DECLS

#define PPOOL_SEAT_N_STATES (PPOOL_SEAT_LEAVING + 1)

struct _PPoolScheduler
{
  const PPoolSchedulerFuncs *funcs;
  gpointer owner; /* (unowned): owns this */
  guint max_workers;
  guint max_tasks; /* of one worker; 0 is no limit */
  guint n_processors; /* that trivial calls need no more workers than; 0 is unknown */
  guint n_spare;   /* workers that are there before they are needed */
  gboolean closed;
  gboolean is_watched; /* somebody looks again soon */
  guint64 last_number;   /* of a call */
  GHashTable *estimates; /* (owned) (element-type utf8 PPoolEstimate): by function */

  GQueue pending;         /* (owned) (element-type PPoolRecord) */
  GQueue seats[PPOOL_SEAT_N_STATES]; /* (unowned) (element-type PPoolSeat) by state */
};

void         ppool_scheduler_assign        (PPoolScheduler *self,
                                            PPoolSeat      *seat);
void         ppool_scheduler_assign_idle   (PPoolScheduler *self,
                                            PPoolSeat      *seat);

/* What is given to workers that are busy. */
void         ppool_scheduler_assign_all    (PPoolScheduler *self);
gboolean     ppool_scheduler_has_waiting   (PPoolScheduler *self);
PPoolRecord *ppool_scheduler_recall        (PPoolScheduler *self,
                                            PPoolSeat      *seat,
                                            PPoolRecord    *record);
void         ppool_scheduler_recall_from   (PPoolScheduler *self,
                                            PPoolSeat      *seat);
void         ppool_scheduler_recall_stuck  (PPoolScheduler *self);
void         ppool_scheduler_share_out     (PPoolScheduler *self);
void         ppool_scheduler_forget_call   (PPoolSeat      *seat,
                                            PPoolRecord    *record);

G_END_DECLS
