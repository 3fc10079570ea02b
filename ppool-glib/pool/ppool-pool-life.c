/* ppool-pool-life.c: what a pool has, and until when
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pool-internal.h"

/* A pool is held by its executor, by its manager's thread while that runs, and
 * by every record. The thread starts with the first call and ends when the pool
 * has broken or is shut down and the last process is gone; the pool is over
 * then.
 *
 *   RUNNING ─► SHUTTING_DOWN ─► SHUT_DOWN
 *      └─────────────┴────────► BROKEN
 *
 * Everything but what is constant is guarded by the lock, which is never held
 * while records settle, objects are released or somebody is called. */

static void
free_pool (gpointer data)
{
  PPoolPool *self = data;

  g_assert (g_hash_table_size (self->processes) == 0);

  g_weak_ref_clear (&self->executor);
  ppool_notifier_unref (self->notifier);
  g_cond_clear (&self->changed);
  g_clear_error (&self->cause);
  g_clear_pointer (&self->broken, ppool_failure_unref);
  g_clear_pointer (&self->scheduler, ppool_scheduler_free);
  g_clear_pointer (&self->processes, g_hash_table_unref);
  g_clear_pointer (&self->numbers, g_byte_array_unref);
  while (!g_queue_is_empty (&self->events))
    ppool_event_free (g_queue_pop_head_link (&self->events)->data);
  g_clear_pointer (&self->manager, ppool_manager_unref);
  g_clear_pointer (&self->startup.plan, ppool_launch_plan_unref);
  g_clear_pointer (&self->settings.initializer, g_free);
  g_clear_pointer (&self->settings.initializer_args, g_variant_unref);
  g_clear_pointer (&self->over_callbacks, g_array_unref);
  g_mutex_clear (&self->starting);
  ppool_lock_clear (&self->lock);
}

gpointer
ppool_pool_ref (PPoolPool *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
ppool_pool_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, free_pool);
}

/* With the lock held. */
void
ppool_pool_set_state (PPoolPool          *self,
                      PPoolExecutorState  state)
{
  self->state = state;
  ppool_lock_note_change (&self->lock, TRUE);
}

static void
send_cb (gpointer data)
{
  PPoolPool *self = data;

  ppool_lock_enter (&self->lock);
  self->is_sender_posted = FALSE;
  ppool_lock_leave (&self->lock);
  ppool_pool_unref (self);
}

/* Leaves it for who does not want to send: what was decided is sent by the manager,
 * which is there if anything is to be sent. */
void
ppool_pool_leave_lock (PPoolPool *self)
{
  if (ppool_lock_is_dirty (&self->lock) && !self->is_sender_posted)
    {
      self->is_sender_posted = TRUE;
      ppool_manager_post (self->manager, send_cb, ppool_pool_ref (self));
    }
  ppool_lock_leave_quietly (&self->lock);
}

/* The end of the pool */

/* A call is settled without the lock, after it was taken from the queue or
 * from its process; so the pool is over, and shut down, when that has been done as
 * well. */
static void
finish (PPoolPool *self)
{
  g_autoptr (GArray) callbacks = NULL;

  ppool_lock_enter (&self->lock);
  /* Two may find that nothing is left, and one come so late that the pool is in use again. */
  if (!g_atomic_int_get (&self->manager_has_ended))
    {
      ppool_lock_leave_quietly (&self->lock);
      return;
    }

  if (!self->over)
    callbacks = g_steal_pointer (&self->over_callbacks);
  if (self->state == PPOOL_EXECUTOR_STATE_SHUTTING_DOWN)
    ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  self->over = TRUE;
  g_cond_broadcast (&self->changed);
  ppool_lock_leave_quietly (&self->lock);

  for (guint i = 0; callbacks != NULL && i < callbacks->len; i++)
    {
      const OverCallback *callback = &g_array_index (callbacks, OverCallback, i);

      callback->func (callback->data);
    }
}

/* Nothing is left to manage. */
void
ppool_pool_note_end (PPoolPool *self)
{
  g_atomic_int_set (&self->manager_has_ended, TRUE);
  if (g_atomic_int_get (&self->n_unsettled) == 0)
    finish (self);
}

/* In the manager's thread, or in that of one which came too late to be the pool's. */
void
ppool_pool_manager_ended (gpointer data)
{
  PPoolPool *self = data;
  PPoolManager *manager = g_atomic_pointer_get (&self->manager);

  if (manager != NULL)
    {
      ppool_manager_disarm (manager, &self->watch);
      ppool_manager_disarm (manager, &self->starts);
      ppool_pool_note_end (self);
    }

  ppool_pool_unref (self);
}

/* For a record that was accepted. */
void
ppool_pool_record_settled (gpointer     owner,
                           PPoolRecord *record)
{
  PPoolPool *self = owner;

  if (record->extra->has_timer &&
      ppool_manager_disarm (self->manager, &ppool_record_need_extra (record)->timer))
    ppool_record_unref (record);

  if (record->accepted &&
      g_atomic_int_dec_and_test (&self->n_unsettled) &&
      g_atomic_int_get (&self->manager_has_ended))
    finish (self);
}

/* Ends the manager if nothing is left to manage. In its thread. */
void
ppool_pool_conclude (PPoolPool *self)
{
  gboolean over;

  ppool_lock_enter (&self->lock);
  over = self->state != PPOOL_EXECUTOR_STATE_RUNNING &&
         g_hash_table_size (self->processes) == 0 &&
         ppool_scheduler_get_n_pending (self->scheduler) == 0 &&
         g_queue_is_empty (&self->retrying);
  self->is_ending |= over;
  ppool_lock_leave_quietly (&self->lock);

  if (over)
    ppool_manager_end (self->manager);
}

static void
conclude_in_manager (gpointer data)
{
  PPoolPool *self = data;

  ppool_pool_conclude (self);
  ppool_pool_unref (self);
}

/* For who has taken a call that may have been the last thing to wait for. With the lock held. */
void
ppool_pool_look_for_end (PPoolPool *self)
{
  if (self->state != PPOOL_EXECUTOR_STATE_RUNNING && self->manager != NULL && !self->is_ending)
    ppool_manager_post (self->manager, conclude_in_manager, ppool_pool_ref (self));
}
