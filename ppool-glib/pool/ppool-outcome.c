/* ppool-outcome.c: what becomes of a call, and who waits for it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outcome-private.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-fork-private.h"
#include "ppool-waiter-private.h"

/* A call ends with a value, with an error, or cancelled. It settles once: the first of the
 * three settle functions decides, the others return FALSE. Who waits is told in the
 * order of arrival, outside of the lock, by the thread that settled; one that
 * arrives meanwhile is told by that thread too, behind the earlier ones. Who does
 * not wait any more takes the waiter back, so that none gather on a call that
 * takes long.
 *
 * In a forked copy of the process nothing is touched, and the call has failed. */

/* Takes @spec. */
void
ppool_outcome_init (PPoolOutcome   *self,
                    PPoolCallSpec  *spec,
                    void          (*settled) (PPoolOutcome *))
{
  self->pid = ppool_fork_get_pid ();
  self->spec = spec;
  self->settled = settled;
  self->history.queued_time = g_get_monotonic_time ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

void
ppool_outcome_clear (PPoolOutcome *self)
{
  g_assert (g_queue_is_empty (&self->waiters));

  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_pointer (&self->failure, ppool_failure_unref);
  g_clear_object (&self->death);
  ppool_call_spec_unref (self->spec);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
}

/* With the lock held. */
static gboolean
is_settled (gpointer data)
{
  const PPoolOutcome *self = data;

  return self->state == PPOOL_FUTURE_STATE_FINISHED ||
         self->state == PPOOL_FUTURE_STATE_CANCELLED;
}

/* With the lock held. */
static void
note_start (PPoolOutcome *self,
            guint         worker_pid,
            gint64        time)
{
  PPoolHistory *history = &self->history;

  if (self->state == PPOOL_FUTURE_STATE_PENDING)
    {
      self->state = PPOOL_FUTURE_STATE_RUNNING;
      history->n_attempts = 1;
    }
  else if (self->state != PPOOL_FUTURE_STATE_RUNNING || !history->is_between)
    return;

  history->is_between = FALSE;
  history->worker_pid = worker_pid;
  history->started_time = time != 0 ? time : g_get_monotonic_time ();
}

/* With the lock held: there is no further attempt. */
static void
take_back_attempt (PPoolOutcome *self)
{
  if (self->history.is_between)
    self->history.n_attempts--;
  self->history.is_between = FALSE;
}

/* A worker has taken the call, at @time, or now if that is 0. */
void
ppool_outcome_start (PPoolOutcome *self,
                     guint         worker_pid,
                     gint64        time)
{
  g_mutex_lock (&self->lock);
  note_start (self, worker_pid, time);
  g_mutex_unlock (&self->lock);
}

static void
tell_waiters (PPoolOutcome *self)
{
  GList *link;

  g_mutex_lock (&self->lock);
  while ((link = g_queue_pop_head_link (&self->waiters)) != NULL)
    {
      PPoolOutcomeWaiter *waiter = link->data;

      waiter->is_waiting = FALSE;
      g_mutex_unlock (&self->lock);
      /* It belongs to the one who is called, and may be gone afterwards. */
      waiter->func (self, waiter->data);
      g_mutex_lock (&self->lock);
    }
  self->telling = FALSE;
  g_mutex_unlock (&self->lock);
}

/* How a call ends. */
typedef struct
{
  PPoolFutureState state;
  guint worker_pid;      /* 0 if nothing is known of its start */
  gint64 started;        /* 0 if only the time isn't known */
  GVariant *value;       /* (unowned) (nullable) */
  PPoolFailure *failure; /* (unowned) (nullable) */
} End;

/* The one place where a call settles. */
static gboolean
settle (PPoolOutcome *self,
        const End    *end)
{
  gboolean blocks;
  gboolean tell;

  g_mutex_lock (&self->lock);
  if (is_settled (self))
    {
      g_mutex_unlock (&self->lock);
      return FALSE;
    }

  if (end->worker_pid != 0)
    note_start (self, end->worker_pid, end->started);
  take_back_attempt (self);
  self->state = end->state;
  self->value = end->value != NULL ? g_variant_ref (end->value) : NULL;
  self->failure = end->failure != NULL ? ppool_failure_ref (end->failure) : NULL;
  self->history.finished_time = g_get_monotonic_time ();
  self->telling = tell = !g_queue_is_empty (&self->waiters);
  blocks = self->n_blocked > 0;
  g_mutex_unlock (&self->lock);

  /* Who wakes is to find the lock free. */
  if (blocks)
    g_cond_broadcast (&self->changed);
  if (tell)
    tell_waiters (self);
  self->settled (self);

  return TRUE;
}

/* (nullable): NULL if @value is of the type that was asked for. */
static PPoolFailure *
check_type (PPoolOutcome *self,
            GVariant     *value)
{
  const GVariantType *type = self->spec->result_type;

  if (type == NULL || g_variant_is_of_type (value, type))
    return NULL;

  return ppool_failure_new (
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                 "The function “%s” returned a value of type “%s” where “%.*s” is required",
                 self->spec->function, g_variant_get_type_string (value),
                 (int) g_variant_type_get_string_length (type),
                 g_variant_type_peek_string (type)));
}

/* The call was answered: worker @worker_pid has run it since @started, or 0 if
 * that isn't known. There is a value or a failure. */
gboolean
ppool_outcome_settle_result (PPoolOutcome *self,
                             guint         worker_pid,
                             gint64        started,
                             GVariant     *value,
                             PPoolFailure *failure)
{
  g_autoptr (PPoolFailure) mismatch = value != NULL ? check_type (self, value) : NULL;
  const End end = {
    .state = PPOOL_FUTURE_STATE_FINISHED,
    .worker_pid = worker_pid,
    .started = started,
    .value = mismatch == NULL ? value : NULL,
    .failure = mismatch != NULL ? mismatch : failure,
  };

  return settle (self, &end);
}

gboolean
ppool_outcome_settle_failure (PPoolOutcome *self,
                              PPoolFailure *failure)
{
  return settle (self, &(End) { .state = PPOOL_FUTURE_STATE_FINISHED, .failure = failure });
}

/* While no worker runs it: it has not been begun, or is to run again. */
gboolean
ppool_outcome_settle_cancelled (PPoolOutcome *self)
{
  g_autofree char *name = ppool_call_spec_dup_name (self->spec);
  g_autoptr (PPoolFailure) failure = NULL;
  PPoolHistory history;

  ppool_outcome_get_history (self, &history);
  failure = ppool_failure_new (g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                            "The call of %s was cancelled before it ran%s", name,
                                            history.n_attempts > 0 ? " again" : ""));

  return settle (self, &(End) { .state = PPOOL_FUTURE_STATE_CANCELLED, .failure = failure });
}

/* While a worker ran it, or between two of them. */
gboolean
ppool_outcome_settle_aborted (PPoolOutcome *self,
                              PPoolFailure *failure)
{
  return settle (self, &(End) { .state = PPOOL_FUTURE_STATE_CANCELLED, .failure = failure });
}

/* It is to run again, and is running all the time. */
void
ppool_outcome_note_retry (PPoolOutcome *self)
{
  g_mutex_lock (&self->lock);
  if (!self->history.is_between)
    self->history.n_attempts++;
  self->history.is_between = TRUE;
  g_mutex_unlock (&self->lock);
}

/* The worker that ran it has died. */
void
ppool_outcome_note_death (PPoolOutcome *self,
                          PPoolDeath   *death)
{
  g_mutex_lock (&self->lock);
  if (!is_settled (self))
    g_set_object (&self->death, death);
  g_mutex_unlock (&self->lock);
}

/* For whoever waits */

/* Fails in a forked copy of the process, where no lock may be taken. */
gboolean
ppool_outcome_check (PPoolOutcome  *self,
                     GError       **error)
{
  return ppool_fork_check (self->pid, "The executor belongs", error);
}

/* What is known by now, without asking the worker. No other lock is taken. */
PPoolFutureState
ppool_outcome_get_state (PPoolOutcome *self)
{
  PPoolFutureState state;

  /* Who waits for its end is not to wait for ever. */
  if (!ppool_outcome_check (self, NULL))
    return PPOOL_FUTURE_STATE_FINISHED;

  g_mutex_lock (&self->lock);
  state = self->state;
  g_mutex_unlock (&self->lock);

  return state;
}

/* Likewise: when what happened, and where. */
void
ppool_outcome_get_history (PPoolOutcome *self,
                           PPoolHistory *history)
{
  memset (history, 0, sizeof *history);
  if (!ppool_outcome_check (self, NULL))
    return;

  g_mutex_lock (&self->lock);
  *history = self->history;
  g_mutex_unlock (&self->lock);
}

gboolean
ppool_outcome_is_done (PPoolOutcome *self)
{
  PPoolFutureState state = ppool_outcome_get_state (self);

  return state == PPOOL_FUTURE_STATE_FINISHED || state == PPOOL_FUTURE_STATE_CANCELLED;
}

/* Blocks until the call has settled; @timeout_msec -1 is no limit. */
gboolean
ppool_outcome_wait (PPoolOutcome  *self,
                    int            timeout_msec,
                    GCancellable  *cancellable,
                    GError       **error)
{
  const PPoolWaiter waiter = { &self->lock, &self->changed, &self->n_blocked, is_settled, self };
  PPoolWaiterEnd end;

  if (!ppool_outcome_check (self, error))
    return FALSE;

  end = ppool_waiter_wait (&waiter, ppool_waiter_deadline (timeout_msec), cancellable);
  if (end == PPOOL_WAITER_CANCELLED)
    g_cancellable_set_error_if_cancelled (cancellable, error);
  else if (end == PPOOL_WAITER_TIMED_OUT)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "The call of “%s” had no result after %d ms", self->spec->function,
                 timeout_msec);

  return end == PPOOL_WAITER_MET;
}

GVariant *
ppool_outcome_propagate (PPoolOutcome  *self,
                         GError       **error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  GVariant *value = NULL;

  if (!ppool_outcome_check (self, error))
    return NULL;

  g_mutex_lock (&self->lock);
  if (self->value != NULL)
    value = g_variant_ref (self->value);
  else if (self->failure != NULL)
    failure = ppool_failure_ref (self->failure);
  g_mutex_unlock (&self->lock);

  if (failure != NULL)
    g_propagate_error (error, g_error_copy (ppool_failure_get_error (failure)));
  else if (value == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING, "The call of “%s” is not done",
                 self->spec->function);

  return value;
}

GError *
ppool_outcome_get_error (PPoolOutcome *self)
{
  GError *error = NULL;

  if (!ppool_outcome_check (self, &error))
    return error;

  g_mutex_lock (&self->lock);
  error = self->failure != NULL ? g_error_copy (ppool_failure_get_error (self->failure)) : NULL;
  g_mutex_unlock (&self->lock);

  return error;
}

/* Whether there is an error; a call that was cancelled has none in this sense. */
gboolean
ppool_outcome_has_failed (PPoolOutcome *self)
{
  gboolean failed;

  g_mutex_lock (&self->lock);
  failed = self->state == PPOOL_FUTURE_STATE_FINISHED && self->failure != NULL;
  g_mutex_unlock (&self->lock);

  return failed;
}

/* (nullable): that of the last worker, unless another one has given the value. */
PPoolDeath *
ppool_outcome_ref_death (PPoolOutcome *self)
{
  PPoolDeath *death = NULL;

  if (!ppool_outcome_check (self, NULL))
    return NULL;

  g_mutex_lock (&self->lock);
  if (is_settled (self) && self->value == NULL && self->death != NULL)
    death = g_object_ref (self->death);
  g_mutex_unlock (&self->lock);

  return death;
}

/* Returns: FALSE if nobody will call it, because everything is over. */
gboolean
ppool_outcome_add_waiter (PPoolOutcome       *self,
                          PPoolOutcomeWaiter *waiter)
{
  gboolean added = FALSE;

  if (!ppool_outcome_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  if (!is_settled (self) || self->telling)
    {
      waiter->is_waiting = TRUE;
      waiter->link.data = waiter;
      g_queue_push_tail_link (&self->waiters, &waiter->link);
      added = TRUE;
    }
  g_mutex_unlock (&self->lock);

  return added;
}

/* Returns: FALSE if it has been called, or is being called at this moment, or belongs to
 * another process. */
gboolean
ppool_outcome_remove_waiter (PPoolOutcome       *self,
                             PPoolOutcomeWaiter *waiter)
{
  gboolean removed;

  if (!ppool_outcome_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  removed = waiter->is_waiting;
  if (removed)
    g_queue_unlink (&self->waiters, &waiter->link);
  waiter->is_waiting = FALSE;
  g_mutex_unlock (&self->lock);

  return removed;
}
