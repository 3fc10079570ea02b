/* ppool-outcome-private.h: what becomes of a call, and who waits for it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-call-spec-private.h"
#include "ppool-death.h"
#include "ppool-enums.h"
#include "ppool-failure-private.h"

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct _PPoolOutcome PPoolOutcome;

/* Times are monotonic, in microseconds, and 0 until they come. */
typedef struct
{
  guint worker_pid; /* the last one's that took it */
  guint n_attempts; /* workers that took it, and one that is to take it again … */
  gboolean is_between; /* … if that is so */
  gint64 queued_time; /* constant */
  gint64 started_time; /* when the last one took it */
  gint64 finished_time;
} PPoolHistory;

/* Runs where the call is settled, without a lock: short work only. */
typedef void (*PPoolOutcomeFunc) (PPoolOutcome *outcome,
                                  gpointer      data);

/* One that waits for an outcome. Who adds it owns it, and keeps it until @func is
 * called or it has been removed. */
typedef struct
{
  PPoolOutcomeFunc func;
  gpointer data;
  gboolean is_waiting; /* with the outcome's lock */
  GList link;          /* with the outcome's lock */
} PPoolOutcomeWaiter;

/* Embedded in a record. */
struct _PPoolOutcome
{
  /* Constant. */
  PPoolCallSpec *spec; /* (owned) */
  void (*settled) (PPoolOutcome *self); /* everybody was told */
  pid_t pid;

  PPoolFutureState state; /* with the lock, as what follows */
  GMutex lock;
  GCond changed;
  guint n_blocked;       /* threads that wait for the condition */
  gboolean telling;      /* the waiters are being told */
  GQueue waiters;        /* (element-type PPoolOutcomeWaiter) */
  GVariant *value;       /* (owned) (nullable) */
  PPoolFailure *failure; /* (owned) (nullable) */
  PPoolDeath *death;     /* (owned) (nullable): of the worker that ran it last */
  PPoolHistory history;
};

void             ppool_outcome_init              (PPoolOutcome         *self,
                                                  PPoolCallSpec        *spec,
                                                  void                (*settled) (PPoolOutcome *));
void             ppool_outcome_clear             (PPoolOutcome         *self);

/* For the pool; whoever settles a call holds its record. */
void             ppool_outcome_start             (PPoolOutcome         *self,
                                                  guint                 worker_pid,
                                                  gint64                time);
gboolean         ppool_outcome_settle_result     (PPoolOutcome         *self,
                                                  guint                 worker_pid,
                                                  gint64                started,
                                                  GVariant             *value,
                                                  PPoolFailure         *failure);
gboolean         ppool_outcome_settle_failure    (PPoolOutcome         *self,
                                                  PPoolFailure         *failure);
gboolean         ppool_outcome_settle_cancelled  (PPoolOutcome         *self);
gboolean         ppool_outcome_settle_aborted    (PPoolOutcome         *self,
                                                  PPoolFailure         *failure);
void             ppool_outcome_note_retry        (PPoolOutcome         *self);
void             ppool_outcome_note_death        (PPoolOutcome         *self,
                                                  PPoolDeath           *death);

/* For whoever waits. */
gboolean         ppool_outcome_check             (PPoolOutcome         *self,
                                                  GError              **error);
gboolean         ppool_outcome_is_done           (PPoolOutcome         *self);
PPoolFutureState ppool_outcome_get_state         (PPoolOutcome         *self);
void             ppool_outcome_get_history       (PPoolOutcome         *self,
                                                  PPoolHistory         *history);
gboolean         ppool_outcome_wait              (PPoolOutcome         *self,
                                                  int                   timeout_msec,
                                                  GCancellable         *cancellable,
                                                  GError              **error);
GVariant        *ppool_outcome_propagate         (PPoolOutcome         *self,
                                                  GError              **error);
GError          *ppool_outcome_get_error         (PPoolOutcome         *self);
gboolean         ppool_outcome_has_failed        (PPoolOutcome         *self);
PPoolDeath      *ppool_outcome_ref_death         (PPoolOutcome         *self);
gboolean         ppool_outcome_add_waiter        (PPoolOutcome         *self,
                                                  PPoolOutcomeWaiter   *waiter);
gboolean         ppool_outcome_remove_waiter     (PPoolOutcome         *self,
                                                  PPoolOutcomeWaiter   *waiter);

G_END_DECLS
