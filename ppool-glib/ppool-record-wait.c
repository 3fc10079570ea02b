/* ppool-record-wait.c: waiting for a record, and reading it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-internal.h"

static void
interrupted_cb (GCancellable *cancellable G_GNUC_UNUSED,
                gpointer      user_data)
{
  PPoolRecord *self = user_data;

  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->settled);
  g_mutex_unlock (&self->lock);
}

static gboolean
wait_locked (PPoolRecord   *self,
             int            timeout_msec,
             GCancellable  *cancellable,
             GError       **error)
{
  gint64 deadline = g_get_monotonic_time () + timeout_msec * G_TIME_SPAN_MILLISECOND;

  while (!ppool_record_is_settled (self))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;

      if (timeout_msec < 0)
        g_cond_wait (&self->settled, &self->lock);
      else if (!g_cond_wait_until (&self->settled, &self->lock, deadline) && !ppool_record_is_settled (self))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                       "The call of “%s” had no result after %d ms", self->function,
                       timeout_msec);
          return FALSE;
        }
    }

  return TRUE;
}

/* Blocks until the call has settled; @timeout_msec -1 is no limit. */
gboolean
ppool_record_wait (PPoolRecord   *self,
                   int            timeout_msec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  gulong handler = 0;
  gboolean settled;

  if (!ppool_record_check (self, error))
    return FALSE;

  if (cancellable != NULL)
    handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (interrupted_cb), self);

  g_mutex_lock (&self->lock);
  self->n_blocked++;
  settled = wait_locked (self, timeout_msec, cancellable, error);
  self->n_blocked--;
  g_mutex_unlock (&self->lock);

  /* Waits for a handler that is still running in another thread. */
  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return settled;
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
