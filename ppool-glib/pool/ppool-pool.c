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

/* How long a call may be behind another, while a worker is idle, before somebody
 * looks. */
#define WATCH_MSEC 3

/* Without the lock. */
static void
has_changed (gpointer owner,
             gboolean is_urgent)
{
  PPoolPool *self = owner;

  ppool_notifier_poke (self->notifier, is_urgent);
}

static gboolean
is_heard (gpointer data)
{
  PPoolPool *self = data;

  return ppool_notifier_is_heard (self->notifier, self->worker_signals,
                                  G_N_ELEMENTS (self->worker_signals));
}

/* With the lock held: the executor is to tell. */
static void
worker_happened (gpointer    data,
                 PPoolEvent *event)
{
  PPoolPool *self = data;

  g_queue_push_tail_link (&self->events, &event->link);
  ppool_lock_note_change (&self->lock, TRUE);
}

/* With the lock held: the smallest number that no process has. */
static guint
take_number (PPoolPool *self)
{
  guint8 *taken = self->numbers->len > 0 ? memchr (self->numbers->data, FALSE, self->numbers->len) :
                                           NULL;
  const guint8 is_taken = TRUE;

  if (taken == NULL)
    {
      g_byte_array_append (self->numbers, &is_taken, 1);
      return self->numbers->len - 1;
    }

  *taken = is_taken;
  return (guint) (taken - self->numbers->data);
}

/* Workers, in the manager's thread */

static void
process_gone (gpointer      data,
              PPoolProcess *process)
{
  PPoolPool *self = data;
  PPoolEvent *event = ppool_process_make_exit (process, is_heard (self));

  ppool_lock_enter (&self->lock);
  g_hash_table_remove (self->processes, process);
  self->numbers->data[ppool_process_get_number (process)] = FALSE;
  if (event != NULL)
    worker_happened (self, event);
  ppool_scheduler_remove_slot (self->scheduler, ppool_process_get_slot (process));
  ppool_lock_leave (&self->lock);

  ppool_process_unref (process);
  ppool_pool_conclude (self);
}

/* What the scheduler says, with the lock held */

static void
start_process (gpointer owner)
{
  PPoolPool *self = owner;
  PPoolProcess *process = ppool_process_new (&self->process_owner, self->manager, &self->startup,
                                             take_number (self));

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

/* With the lock held. What comes later finds the manager ending by itself. Returns:
 * whether there never was one */
static gboolean
close_pool (PPoolPool *self)
{
  ppool_scheduler_close (self->scheduler);
  self->was_shut_down = TRUE;

  if (self->state != PPOOL_EXECUTOR_STATE_RUNNING)
    {
      /* What this one took may have been all that an earlier one waited for. */
      ppool_pool_look_for_end (self);
      return FALSE;
    }

  ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  ppool_pool_look_for_end (self);

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
    ppool_pool_note_end (self);
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
  ppool_pool_evict_all (self, signal, PPOOL_WORKER_EXIT_REASON_TERMINATED, running);
  unused = close_pool (self);
  ppool_pool_leave_lock (self);

  for (guint i = 0; i < running->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (running, i);
      PPoolHistory history;
      g_autoptr (PPoolFailure) failure = NULL;
      g_autofree char *name = NULL;

      if (record->ending != PPOOL_RECORD_NOT_ENDED)
        {
          ppool_record_settle_ended (record, record->ending, NULL);
          continue;
        }

      ppool_record_get_history (record, &history);
      name = ppool_call_spec_dup_name (record->outcome.spec);
      failure = ppool_failure_new (g_error_new (PPOOL_ERROR, PPOOL_ERROR_BROKEN,
                                                "Worker %u was ended by %s() while it ran %s",
                                                history.worker_pid, who, name));
      ppool_outcome_settle_failure (&record->outcome, failure);
    }
  ppool_pool_settle_all (cancelled, NULL);
  if (unused)
    ppool_pool_note_end (self);
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

/* @worker_signals are the signals of @executor by which it tells what happens to workers. */
PPoolPool *
ppool_pool_new (GObject       *executor,
                PPoolNotifier *notifier,
                const guint   *worker_signals)
{
  PPoolPool *self = g_atomic_rc_box_new0 (PPoolPool);

  self->pid = ppool_fork_get_pid ();
  g_weak_ref_init (&self->executor, executor);
  self->notifier = ppool_notifier_ref (notifier);
  memcpy (self->worker_signals, worker_signals, sizeof self->worker_signals);
  g_mutex_init (&self->starting);
  ppool_lock_init (&self->lock, has_changed, self);
  g_cond_init (&self->changed);
  self->processes = g_hash_table_new (NULL, NULL);
  self->numbers = g_byte_array_new ();
  self->over_callbacks = g_array_new (FALSE, FALSE, sizeof (OverCallback));
  self->settings.grace_msec = PPOOL_SETTINGS_DEFAULT_GRACE_MSEC;
  self->settings.abort_grace_msec = PPOOL_SETTINGS_DEFAULT_ABORT_GRACE_MSEC;
  self->settings.max_start_failures = PPOOL_SETTINGS_DEFAULT_MAX_START_FAILURES;
  self->settings.call_timeout_msec = -1;
  self->settings.queue_timeout_msec = -1;
  self->n_processors = ppool_processors_count ();
  self->startup.settings = &self->settings;
  self->scheduler = ppool_scheduler_new (&scheduler_funcs, self, &self->settings);
  ppool_scheduler_set_default_max (self->scheduler, self->n_processors);
  ppool_scheduler_set_n_processors (self->scheduler, self->n_processors);
  self->process_owner = (PPoolProcessOwner){
    .lock = &self->lock,
    .scheduler = self->scheduler,
    .pool = self,
    .ended = ppool_pool_process_ended,
    .is_heard = is_heard,
    .happened = worker_happened,
    .proved = ppool_pool_proved,
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
  counts->n_workers = ppool_scheduler_get_n_workers (self->scheduler);
  counts->n_pending =
    ppool_scheduler_get_n_pending (self->scheduler) + self->retrying.length;
  counts->n_running = ppool_scheduler_get_n_running (self->scheduler);
  ppool_lock_leave_quietly (&self->lock);
}

GError *
ppool_pool_get_error (PPoolPool *self)
{
  GError *error = NULL;

  if (!ppool_pool_check (self, &error))
    return error;

  /* A pool that is revived has none any more. */
  ppool_lock_enter (&self->lock);
  error = self->cause != NULL ? g_error_copy (self->cause) : NULL;
  ppool_lock_leave_quietly (&self->lock);

  return error;
}

/* What has happened to workers, in that order: (nullable) (transfer full). */
PPoolEvent *
ppool_pool_take_event (PPoolPool *self,
                       gboolean  *has_more)
{
  GList *link;

  *has_more = FALSE;
  if (!ppool_pool_check (self, NULL))
    return NULL;

  ppool_lock_enter (&self->lock);
  link = g_queue_pop_head_link (&self->events);
  *has_more = !g_queue_is_empty (&self->events);
  ppool_lock_leave_quietly (&self->lock);

  return link != NULL ? link->data : NULL;
}
