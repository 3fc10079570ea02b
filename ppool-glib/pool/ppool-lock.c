/* ppool-lock.c: the pool's one lock, and who sends when it is left
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lock-private.h"

/* The order on the wire is the order of decisions: a decision appends to what a
 * sender has while the lock is held, and whoever leaves the lock has it sent, unless
 * somebody is at it already, who then sends this as well. So the sending happens on
 * the thread that decided, without a detour, and nobody sends while the lock is held.
 *
 * What has changed is told in the same way: once, by who leaves the lock. */

/* @changed is called after something has, without the lock. */
void
ppool_lock_init (PPoolLock     *self,
                 PPoolLockFunc  changed,
                 gpointer       owner)
{
  g_mutex_init (&self->mutex);
  self->dirty = NULL;
  self->changed = changed;
  self->owner = owner;
  self->has_changed = self->is_urgent = FALSE;
}

void
ppool_lock_clear (PPoolLock *self)
{
  g_assert (self->dirty == NULL);
  g_mutex_clear (&self->mutex);
}

void
ppool_lock_enter (PPoolLock *self)
{
  g_mutex_lock (&self->mutex);
}

void
ppool_lock_note_change (PPoolLock *self,
                        gboolean   is_urgent)
{
  self->has_changed = TRUE;
  self->is_urgent |= is_urgent;
}

gboolean
ppool_lock_is_dirty (PPoolLock *self)
{
  return self->dirty != NULL;
}

/* Has @sender called by who leaves. Returns: whether it was not to be before, and
 * needs a reference until then. */
gboolean
ppool_lock_add_sender (PPoolLock   *self,
                       PPoolSender *sender)
{
  if (sender->is_dirty)
    return FALSE;

  sender->is_dirty = TRUE;
  sender->next = self->dirty;
  self->dirty = sender;

  return TRUE;
}

/* With the lock held, which is left meanwhile. */
static void
tell_changes (PPoolLock *self)
{
  gboolean is_urgent = self->is_urgent;

  if (!self->has_changed)
    return;

  self->has_changed = self->is_urgent = FALSE;
  g_mutex_unlock (&self->mutex);
  self->changed (self->owner, is_urgent);
  g_mutex_lock (&self->mutex);
}

/* For who has only looked: sends nothing, as whoever has decided something is about to. */
void
ppool_lock_leave_quietly (PPoolLock *self)
{
  tell_changes (self);
  g_mutex_unlock (&self->mutex);
}

void
ppool_lock_leave (PPoolLock *self)
{
  PPoolSender *sender;

  tell_changes (self);
  while ((sender = self->dirty) != NULL)
    {
      self->dirty = g_steal_pointer (&sender->next);
      sender->is_dirty = FALSE;
      sender->send (sender->owner);

      g_mutex_lock (&self->mutex);
      tell_changes (self);
    }

  g_mutex_unlock (&self->mutex);
}
