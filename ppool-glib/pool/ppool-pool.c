/* ppool-pool.c: what an executor shares with its manager
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pool-internal.h"

#include <signal.h>
#include <string.h>

#include "ppool-enum-types.h"
#include "ppool-error.h"
#include "ppool-fork-private.h"
#include "ppool-processors-private.h"
#include "ppool-waiter-private.h"

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

/* How long a call may be behind another, while a worker is idle, before somebody
 * looks. */
#define WATCH_MSEC 3

/* The lock */

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

/* Without the lock. */
static void
has_changed (gpointer owner,
             gboolean is_urgent)
{
  PPoolPool *self = owner;

  ppool_notifier_poke (self->notifier, is_urgent);
}

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
static void
set_state (PPoolPool          *self,
           PPoolExecutorState  state)
{
  self->state = state;
  ppool_lock_note_change (&self->lock, TRUE);
}

/* All calls, and all workers */

/* With the lock held: all calls that no worker has taken. */
static void
take_pending (PPoolPool *self,
              GPtrArray *records)
{
  PPoolRecord *record;

  ppool_scheduler_recall_all (self->scheduler);
  while ((record = ppool_scheduler_pop (self->scheduler)) != NULL)
    g_ptr_array_add (records, record);
}

static void
settle_all (GPtrArray    *records,
            PPoolFailure *failure)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      if (failure != NULL)
        ppool_outcome_settle_failure (&record->outcome, failure);
      else
        ppool_outcome_settle_cancelled (&record->outcome);
    }
}

/* With the lock held: ends all workers, and takes what they have. */
static void
evict_all (PPoolPool *self,
           int        signal,
           GPtrArray *records)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->processes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ppool_process_terminate (key, signal, records);
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
  if (!self->over)
    callbacks = g_steal_pointer (&self->over_callbacks);
  if (self->state == PPOOL_EXECUTOR_STATE_SHUTTING_DOWN)
    set_state (self, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
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

  if (record->accepted &&
      g_atomic_int_dec_and_test (&self->n_unsettled) &&
      g_atomic_int_get (&self->manager_has_ended))
    finish (self);
}

/* Ends the manager if nothing is left to manage. */
static void
conclude (PPoolPool *self)
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

/* Workers, in the manager's thread */

static const char *
cause_name (const GError *cause)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (PPOOL_TYPE_ERROR);
  GEnumValue *value = g_enum_get_value (klass, cause->code);

  return value != NULL ? value->value_name + strlen ("PPOOL_ERROR_") : "";
}

static void
process_died (gpointer      data,
              const GError *why)
{
  PPoolPool *self = data;
  g_autoptr (GPtrArray) records =
    g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
  g_autoptr (PPoolFailure) failure = NULL;
  g_autoptr (GError) cause = g_error_copy (why);

  failure = ppool_failure_new (g_error_new (PPOOL_ERROR, PPOOL_ERROR_BROKEN,
                                            "The pool is broken (%s): %s", cause_name (why),
                                            why->message));

  ppool_lock_enter (&self->lock);
  if (self->broken == NULL)
    {
      set_state (self, PPOOL_EXECUTOR_STATE_BROKEN);
      self->cause = g_steal_pointer (&cause);
      self->broken = ppool_failure_ref (failure);
    }
  take_pending (self, records);
  evict_all (self, SIGTERM, records);
  ppool_lock_leave (&self->lock);

  settle_all (records, failure);
  if (why->code == PPOOL_ERROR_INITIALIZER)
    g_message ("%s", why->message);
}

static void
process_gone (gpointer      data,
              PPoolProcess *process)
{
  PPoolPool *self = data;

  ppool_lock_enter (&self->lock);
  g_hash_table_remove (self->processes, process);
  ppool_scheduler_remove_slot (self->scheduler, ppool_process_get_slot (process));
  ppool_lock_leave (&self->lock);

  ppool_process_unref (process);
  conclude (self);
}

/* What the scheduler says, with the lock held */

static void
start_process (gpointer owner)
{
  PPoolPool *self = owner;
  PPoolProcess *process = ppool_process_new (&self->process_owner, self->manager, &self->startup);

  g_hash_table_add (self->processes, process);
  ppool_scheduler_add_slot (self->scheduler, ppool_process_get_slot (process), process);
}

static void
counts_changed (gpointer owner)
{
  PPoolPool *self = owner;

  if (!ppool_notifier_is_due (self->notifier))
    ppool_lock_note_change (&self->lock, FALSE);
}

static void
look_again_cb (gpointer data)
{
  PPoolPool *self = data;

  ppool_lock_enter (&self->lock);
  ppool_scheduler_look_again (self->scheduler);
  ppool_lock_leave (&self->lock);
}

static void
watch_calls (gpointer owner)
{
  PPoolPool *self = owner;

  ppool_manager_arm (self->manager, &self->watch, WATCH_MSEC, look_again_cb, self);
}

static const PPoolSchedulerFuncs scheduler_funcs = {
  .start = start_process,
  .changed = counts_changed,
  .watch = watch_calls,
  .assign = ppool_process_push,
  .retire = ppool_process_retire,
  .recall = ppool_process_recall,
  .get_since = ppool_process_get_since,
};

/* For the executor: the end */

static void
conclude_in_manager (gpointer data)
{
  PPoolPool *self = data;

  conclude (self);
  ppool_pool_unref (self);
}

/* With the lock held. What comes later finds the manager ending by itself. Returns:
 * whether there never was one */
static gboolean
close_pool (PPoolPool *self)
{
  ppool_scheduler_close (self->scheduler);

  if (self->state != PPOOL_EXECUTOR_STATE_RUNNING)
    return FALSE;

  set_state (self, PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
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
    take_pending (self, cancelled);
  unused = close_pool (self);
  ppool_pool_leave_lock (self);

  settle_all (cancelled, NULL);
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
  take_pending (self, cancelled);
  evict_all (self, signal, running);
  unused = close_pool (self);
  ppool_pool_leave_lock (self);

  for (guint i = 0; i < running->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (running, i);
      PPoolHistory history;
      g_autoptr (PPoolFailure) failure = NULL;

      ppool_record_get_history (record, &history);
      failure = ppool_failure_new (
        g_error_new (PPOOL_ERROR, PPOOL_ERROR_BROKEN,
                     "Worker %u was ended by %s() while it ran “%s”", history.worker_pid, who,
                     record->spec->function));
      ppool_outcome_settle_failure (&record->outcome, failure);
    }
  settle_all (cancelled, NULL);
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

/* For the executor */

PPoolPool *
ppool_pool_new (GObject       *executor,
                PPoolNotifier *notifier)
{
  PPoolPool *self = g_atomic_rc_box_new0 (PPoolPool);

  self->pid = ppool_fork_get_pid ();
  g_weak_ref_init (&self->executor, executor);
  self->notifier = ppool_notifier_ref (notifier);
  g_mutex_init (&self->starting);
  ppool_lock_init (&self->lock, has_changed, self);
  g_cond_init (&self->changed);
  self->processes = g_hash_table_new (NULL, NULL);
  self->over_callbacks = g_array_new (FALSE, FALSE, sizeof (OverCallback));
  self->settings.grace_msec = PPOOL_SETTINGS_DEFAULT_GRACE_MSEC;
  self->n_processors = ppool_processors_count ();
  self->startup.settings = &self->settings;
  self->scheduler = ppool_scheduler_new (&scheduler_funcs, self, &self->settings);
  ppool_scheduler_set_default_max (self->scheduler, self->n_processors);
  ppool_scheduler_set_n_processors (self->scheduler, self->n_processors);
  self->process_owner = (PPoolProcessOwner){
    .lock = &self->lock,
    .scheduler = self->scheduler,
    .pool = self,
    .died = process_died,
    .gone = process_gone,
  };

  return self;
}

/* Lets the calls that are left finish, then the workers leave. To be called where an object of
 * a program may be released, by who is the last to submit calls. */
void
ppool_pool_drop (PPoolPool *self)
{
  g_clear_object (&self->settings.launcher);
  ppool_pool_shutdown (self, PPOOL_SHUTDOWN_FLAGS_NONE);
  ppool_pool_unref (self);
}

/* Fails in a forked copy of the process, where nothing of the pool may be touched. */
gboolean
ppool_pool_check (PPoolPool  *self,
                  GError    **error)
{
  return ppool_fork_check (self->pid, "The executor belongs", error);
}

PPoolExecutorState
ppool_pool_get_state (PPoolPool *self)
{
  PPoolExecutorState state;

  if (!ppool_pool_check (self, NULL))
    return PPOOL_EXECUTOR_STATE_BROKEN;

  ppool_lock_enter (&self->lock);
  state = self->state;
  ppool_lock_leave_quietly (&self->lock);

  return state;
}

void
ppool_pool_get_counts (PPoolPool   *self,
                       PPoolCounts *counts)
{
  memset (counts, 0, sizeof *counts);
  if (!ppool_pool_check (self, NULL))
    return;

  ppool_lock_enter (&self->lock);
  counts->n_workers = ppool_scheduler_get_n_slots (self->scheduler);
  counts->n_pending = ppool_scheduler_get_n_pending (self->scheduler);
  counts->n_running = ppool_scheduler_get_n_running (self->scheduler);
  ppool_lock_leave_quietly (&self->lock);
}

GError *
ppool_pool_get_error (PPoolPool *self)
{
  GError *error = NULL;
  const GError *cause;

  if (!ppool_pool_check (self, &error))
    return error;

  /* It is set once. */
  ppool_lock_enter (&self->lock);
  cause = self->cause;
  ppool_lock_leave_quietly (&self->lock);

  return cause != NULL ? g_error_copy (cause) : NULL;
}
