/* ppool-record-wait.c: waiting for a record, and reading it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-internal.h"

#include "ppool-waiter-private.h"

static gboolean
is_settled (gpointer data)
{
  return ppool_record_is_settled (data);
}

/* Blocks until the call has settled; @timeout_msec -1 is no limit. */
gboolean
ppool_record_wait (PPoolRecord   *self,
                   int            timeout_msec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  const PPoolWaiter waiter = { &self->lock, &self->settled, &self->n_blocked, is_settled, self };
  PPoolWaiterEnd end;

  if (!ppool_record_check (self, error))
    return FALSE;

  end = ppool_waiter_wait (&waiter, ppool_waiter_deadline (timeout_msec), cancellable);
  if (end == PPOOL_WAITER_CANCELLED)
    g_cancellable_set_error_if_cancelled (cancellable, error);
  else if (end == PPOOL_WAITER_TIMED_OUT)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "The call of “%s” had no result after %d ms", self->function, timeout_msec);

  return end == PPOOL_WAITER_MET;
}

/* Whether there is an outcome. No other lock than the record's is taken. */
gboolean
ppool_record_is_done (PPoolRecord *self)
{
  gboolean settled;

  /* Who waits for its end is not to wait for ever. */
  if (!ppool_record_check (self, NULL))
    return TRUE;

  g_mutex_lock (&self->lock);
  settled = ppool_record_is_settled (self);
  g_mutex_unlock (&self->lock);

  return settled;
}

/* When there was an outcome, or 0. Likewise. */
gint64
ppool_record_get_finished_time (PPoolRecord *self)
{
  gint64 time;

  if (!ppool_record_check (self, NULL))
    return 0;

  g_mutex_lock (&self->lock);
  time = self->history.finished_time;
  g_mutex_unlock (&self->lock);

  return time;
}

GVariant *
ppool_record_propagate (PPoolRecord  *self,
                        GError      **error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  GVariant *value = NULL;
  gboolean settled;

  if (!ppool_record_check (self, error))
    return NULL;

  g_mutex_lock (&self->lock);
  settled = ppool_record_is_settled (self);
  if (self->value != NULL)
    value = g_variant_ref (self->value);
  else if (self->failure != NULL)
    failure = ppool_failure_ref (self->failure);
  g_mutex_unlock (&self->lock);

  if (!settled)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING, "The call of “%s” is not done",
                   self->function);
      return NULL;
    }

  ppool_record_release_inputs (self);
  if (failure != NULL)
    g_propagate_error (error, g_error_copy (ppool_failure_get_error (failure)));

  return value;
}

GError *
ppool_record_get_error (PPoolRecord *self)
{
  GError *error = NULL;

  if (!ppool_record_check (self, &error))
    return error;

  g_mutex_lock (&self->lock);
  error = self->failure != NULL ? g_error_copy (ppool_failure_get_error (self->failure)) : NULL;
  g_mutex_unlock (&self->lock);

  return error;
}

/* Whether there is an error; a call that was cancelled has none in this sense. */
gboolean
ppool_record_has_failed (PPoolRecord *self)
{
  gboolean failed;

  g_mutex_lock (&self->lock);
  failed = self->state == PPOOL_FUTURE_STATE_FINISHED && self->failure != NULL;
  g_mutex_unlock (&self->lock);

  return failed;
}

/* Returns: FALSE if nobody will call it, because everything is over. */
gboolean
ppool_record_add_waiter (PPoolRecord       *self,
                         PPoolRecordWaiter *waiter)
{
  gboolean added = FALSE;

  if (!ppool_record_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  if (!ppool_record_is_settled (self) || self->telling)
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
ppool_record_remove_waiter (PPoolRecord       *self,
                            PPoolRecordWaiter *waiter)
{
  gboolean removed;

  if (!ppool_record_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  removed = waiter->is_waiting;
  if (removed)
    g_queue_unlink (&self->waiters, &waiter->link);
  waiter->is_waiting = FALSE;
  g_mutex_unlock (&self->lock);

  return removed;
}
