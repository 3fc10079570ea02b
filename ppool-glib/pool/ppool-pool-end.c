/* ppool-pool-end.c: how a pool ends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pool-internal.h"

#include "ppool-error.h"
#include "ppool-waiter-private.h"

/* A call is settled without the lock, after it was taken from the queue or
 * from its process; so the pool is over, and shut down, when that has been done as
 * well. */
static void
finish (PPoolPool *self)
{
  g_autoptr (GArray) callbacks = NULL;

  ppool_lock_enter (&self->lock);
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
static void
note_end (PPoolPool *self)
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
      note_end (self);
    }

  ppool_pool_unref (self);
}

/* For a record that was accepted. */
void
ppool_pool_record_settled (gpointer     owner,
                           PPoolRecord *record)
{
  PPoolPool *self = owner;

  if (ppool_record_get_plan (record)->accepted &&
      g_atomic_int_dec_and_test (&self->n_unsettled) &&
      g_atomic_int_get (&self->manager_has_ended))
    finish (self);
}

/* With the lock held. */
void
ppool_pool_accept (PPoolPool   *self,
                   PPoolRecord *record)
{
  ppool_record_get_plan (record)->accepted = TRUE;
  g_atomic_int_inc (&self->n_unsettled);
}

/* Ends the manager if nothing is left to manage. */
void
ppool_pool_conclude (PPoolPool *self)
{
  gboolean over;

  ppool_lock_enter (&self->lock);
  over = self->state != PPOOL_EXECUTOR_STATE_RUNNING &&
         g_hash_table_size (self->processes) == 0 &&
         ppool_scheduler_get_n_pending (self->scheduler) == 0;
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

void
ppool_pool_settle_all (GPtrArray    *records,
                       PPoolFailure *failure)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      if (failure != NULL)
        ppool_record_settle_failure (record, failure);
      else
        ppool_record_settle_cancelled (record);
    }
}

/* With the lock held: all calls that no worker has taken. */
void
ppool_pool_take_pending (PPoolPool *self,
                         GPtrArray *records)
{
  PPoolRecord *record;

  ppool_scheduler_recall_all (self->scheduler);
  while ((record = ppool_scheduler_pop (self->scheduler)) != NULL)
    g_ptr_array_add (records, record);
}

/* With the lock held. What comes later finds the manager ending by itself. Returns:
 * whether there never was one */
static gboolean
close_pool (PPoolPool *self)
{
  ppool_scheduler_close (self->scheduler);

  if (self->state != PPOOL_EXECUTOR_STATE_RUNNING)
    return FALSE;

  ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  if (self->manager != NULL)
    ppool_manager_post (self->manager, conclude_in_manager, ppool_pool_ref (self));

  return self->manager == NULL;
}

void
ppool_pool_shutdown (PPoolPool          *self,
                     PPoolShutdownFlags  flags)
{
  g_autoptr (GPtrArray) cancelled =
    g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
  gboolean unused;

  ppool_lock_enter (&self->lock);
  if ((flags & PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING) != 0)
    ppool_pool_take_pending (self, cancelled);
  unused = close_pool (self);
  ppool_pool_leave_lock (self);

  ppool_pool_settle_all (cancelled, NULL);
  if (unused)
    note_end (self);
}

/* Ends every worker now. Running calls fail with the one who asked for it. */
void
ppool_pool_end_workers (PPoolPool  *self,
                        int         signal,
                        const char *who)
{
  g_autoptr (GPtrArray) cancelled =
    g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
  g_autoptr (GPtrArray) running =
    g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
  gboolean unused;

  ppool_lock_enter (&self->lock);
  ppool_pool_take_pending (self, cancelled);
  ppool_pool_evict_all (self, signal, running);
  unused = close_pool (self);
  ppool_pool_leave_lock (self);

  for (guint i = 0; i < running->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (running, i);
      PPoolRecordHistory history;
      g_autoptr (PPoolFailure) failure = NULL;

      ppool_record_get_history (record, &history);
      failure = ppool_failure_new (
        g_error_new (PPOOL_ERROR, PPOOL_ERROR_BROKEN,
                     "Worker %u was ended by %s() while it ran “%s”", history.worker_pid, who,
                     ppool_record_get_function (record)));
      ppool_record_settle_failure (record, failure);
    }
  ppool_pool_settle_all (cancelled, NULL);
  if (unused)
    note_end (self);
}

static gboolean
is_over (gpointer data)
{
  return ((const PPoolPool *) data)->over;
}

/* Blocks until the pool is over. */
gboolean
ppool_pool_wait (PPoolPool     *self,
                 GCancellable  *cancellable,
                 GError       **error)
{
  const PPoolWaiter waiter = { &self->lock.mutex, &self->changed, NULL, is_over, self };

  if (ppool_waiter_wait (&waiter, -1, cancellable) == PPOOL_WAITER_MET)
    {
      ppool_pool_join (self);
      return TRUE;
    }

  g_cancellable_set_error_if_cancelled (cancellable, error);
  return FALSE;
}

/* Has @func called once the pool is over, or now if it is. */
void
ppool_pool_when_over (PPoolPool     *self,
                      PPoolPoolFunc  func,
                      gpointer       data)
{
  const OverCallback callback = { func, data };
  gboolean over;

  ppool_lock_enter (&self->lock);
  over = self->over;
  if (!over)
    g_array_append_val (self->over_callbacks, callback);
  ppool_lock_leave_quietly (&self->lock);

  if (over)
    func (data);
}

/* Waits for the last instructions of a manager that has ended. */
void
ppool_pool_join (PPoolPool *self)
{
  if (self->manager != NULL)
    ppool_manager_join (self->manager);
}
