/* ppool-waiter.c: one thread that blocks until something has come about
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-waiter-private.h"

/* All functions that block meet here. A wait ends when the condition is met, its
 * cancellable is cancelled or its time is up; what comes first in this list counts,
 * if several have come about. */

static void
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      user_data)
{
  const PPoolWaiter *self = user_data;

  g_mutex_lock (self->lock);
  g_cond_broadcast (self->changed);
  g_mutex_unlock (self->lock);
}

/* With the lock held. */
static PPoolWaiterEnd
wait_locked (const PPoolWaiter *self,
             gint64             deadline,
             GCancellable      *cancellable)
{
  gboolean in_time = TRUE;

  while (!self->is_met (self->data))
    {
      if (g_cancellable_is_cancelled (cancellable))
        return PPOOL_WAITER_CANCELLED;
      if (!in_time)
        return PPOOL_WAITER_TIMED_OUT;

      if (deadline < 0)
        g_cond_wait (self->changed, self->lock);
      else
        in_time = g_cond_wait_until (self->changed, self->lock, deadline);
    }

  return PPOOL_WAITER_MET;
}

/* When so many milliseconds from now have passed; -1 is never, for both. */
gint64
ppool_waiter_deadline (int timeout_msec)
{
  if (timeout_msec < 0)
    return -1;

  return g_get_monotonic_time () + timeout_msec * G_TIME_SPAN_MILLISECOND;
}

/* Blocks, at most until @deadline, which is monotonic; -1 is never. To be called
 * without a lock. */
PPoolWaiterEnd
ppool_waiter_wait (const PPoolWaiter *self,
                   gint64             deadline,
                   GCancellable      *cancellable)
{
  PPoolWaiterEnd end;
  gulong handler = 0;

  /* A handler of the cancellable may be what calls this. It was cancelled then, and
   * g_cancellable_disconnect() would wait for the end of that handler. */
  if (cancellable != NULL && !g_cancellable_is_cancelled (cancellable))
    handler =
      g_signal_connect (cancellable, "cancelled", G_CALLBACK (cancelled_cb), (gpointer) self);

  g_mutex_lock (self->lock);
  if (self->n_blocked != NULL)
    ++*self->n_blocked;
  end = wait_locked (self, deadline, cancellable);
  if (self->n_blocked != NULL)
    --*self->n_blocked;
  g_mutex_unlock (self->lock);

  /* Waits for a handler that is still running in another thread. */
  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return end;
}
