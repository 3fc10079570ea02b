/* ppool-cancels.c: who is told that the pool has cancelled a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-cancels-private.h"

/* A worker runs one call at a time, so there is one that may be cancelled, and few functions
 * ask. One that does so brings its cancellable here, which is told from then on until the
 * call is answered; or it learns that it comes too late. Nothing has to be done for a call
 * that doesn't ask: numbers of calls are never used twice, so what is known of an
 * earlier one does no harm.
 *
 * Handlers of a cancellable are the program's, and run without the lock. */

struct _PPoolCancels
{
  GMutex lock; /* guards what follows */

  GCancellable *cancellable; /* (owned) (nullable): of the call that asked last */
  guint64 watched;           /* its number */

  gboolean has_cancelled;
  guint64 cancelled; /* the call that was cancelled last */
};

PPoolCancels *
ppool_cancels_new (void)
{
  PPoolCancels *self = g_new0 (PPoolCancels, 1);

  g_mutex_init (&self->lock);

  return self;
}

void
ppool_cancels_free (PPoolCancels *self)
{
  g_clear_object (&self->cancellable);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Has @cancellable cancelled when the call is, until ppool_cancels_unwatch(). Returns: whether
 * it is already */
gboolean
ppool_cancels_watch (PPoolCancels *self,
                     guint64       id,
                     GCancellable *cancellable)
{
  g_autoptr (GCancellable) old = NULL;
  gboolean is_cancelled;

  g_mutex_lock (&self->lock);
  old = self->cancellable;
  self->cancellable = g_object_ref (cancellable);
  self->watched = id;
  is_cancelled = self->has_cancelled && self->cancelled == id;
  g_mutex_unlock (&self->lock);

  return is_cancelled;
}

/* The call was answered. */
void
ppool_cancels_unwatch (PPoolCancels *self,
                       guint64       id)
{
  g_autoptr (GCancellable) old = NULL;

  g_mutex_lock (&self->lock);
  if (self->watched == id)
    old = g_steal_pointer (&self->cancellable);
  g_mutex_unlock (&self->lock);
}

/* Cancels a call that was not answered; handlers run here. */
void
ppool_cancels_cancel (PPoolCancels *self,
                      guint64       id)
{
  g_autoptr (GCancellable) cancellable = NULL;

  g_mutex_lock (&self->lock);
  self->has_cancelled = TRUE;
  self->cancelled = id;
  if (self->cancellable != NULL && self->watched == id)
    cancellable = g_object_ref (self->cancellable);
  g_mutex_unlock (&self->lock);

  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
}
