/* ppool-pool-calls.c: what a pool is told, and the calls that it is given
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pool-internal.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-fork-private.h"
#include "ppool-processors-private.h"
#include "ppool-resources-private.h"
#include "ppool-spawned-private.h"
#include "ppool-value-private.h"

/* Records */

/* With the lock held: it is to settle. */
static void
accept (PPoolPool   *self,
        PPoolRecord *record)
{
  record->accepted = true;
  g_atomic_int_inc (&self->n_unsettled);
}

/* With the lock held. One that has been taken once never counts as never run. */
static gboolean
withdraw (PPoolPool   *self,
          PPoolRecord *record)
{
  gboolean withdrawn = FALSE;

  if (record->stage == PPOOL_RECORD_NEW)
    {
      accept (self, record);
      record->stage = PPOOL_RECORD_OUT;
      withdrawn = TRUE;
    }
  else if (record->extra->n_deaths == 0)
    withdrawn = ppool_pool_withdraw (self, record);

  if (withdrawn)
    ppool_pool_look_for_end (self);

  return withdrawn;
}

static gboolean
pool_cancel (gpointer     owner,
             PPoolRecord *record)
{
  PPoolPool *self = owner;
  gboolean withdrawn;

  if (!ppool_pool_check (self, NULL))
    return FALSE;

  ppool_lock_enter (&self->lock);
  withdrawn = withdraw (self, record);
  ppool_pool_leave_lock (self);

  if (withdrawn)
    ppool_outcome_settle_cancelled (&record->outcome);

  return ppool_record_get_state (record) == PPOOL_FUTURE_STATE_CANCELLED;
}

/* With the lock held, for a call that can't be withdrawn. Returns: whether it was between two
 * attempts */
static gboolean
end_running (PPoolPool   *self,
             PPoolRecord *record)
{
  if (record->extra->n_deaths > 0 && ppool_pool_withdraw (self, record))
    {
      ppool_pool_look_for_end (self);
      return TRUE;
    }

  /* One that is not on its way yet is with a worker that is about to be gone. */
  if (record->stage == PPOOL_RECORD_SENT || record->stage == PPOOL_RECORD_ASSIGNED)
    ppool_process_end_call (record->slot->process, record, PPOOL_RECORD_ABORTED);

  return FALSE;
}

static void
pool_abort (gpointer     owner,
            PPoolRecord *record)
{
  PPoolPool *self = owner;
  gboolean was_between = FALSE;
  gboolean withdrawn;

  if (!ppool_pool_check (self, NULL))
    return;

  ppool_lock_enter (&self->lock);
  withdrawn = withdraw (self, record);
  if (!withdrawn)
    was_between = end_running (self, record);
  ppool_pool_leave_lock (self);

  if (withdrawn)
    ppool_outcome_settle_cancelled (&record->outcome);
  else if (was_between)
    ppool_record_settle_ended (record, PPOOL_RECORD_ABORTED, NULL);
}

static void
pool_cancelled (gpointer     owner,
                PPoolRecord *record)
{
  PPoolPool *self = owner;

  if (ppool_pool_get_settings (self).cancel_running)
    pool_abort (self, record);
  else
    pool_cancel (self, record);
}

static GObject *
pool_dup_source (gpointer owner)
{
  PPoolPool *self = owner;

  return ppool_pool_check (self, NULL) ? g_weak_ref_get (&self->executor) : NULL;
}

static void
pool_refresh (gpointer     owner,
              PPoolRecord *record)
{
  PPoolPool *self = owner;

  if (!ppool_pool_check (self, NULL))
    return;

  ppool_lock_enter (&self->lock);
  if (record->stage == PPOOL_RECORD_SENT)
    ppool_process_refresh (record->slot->process, record);
  ppool_lock_leave_quietly (&self->lock);
}

static const PPoolRecordOwner record_owner_funcs = {
  .cancel = pool_cancel,
  .abort = pool_abort,
  .cancelled = pool_cancelled,
  .dup_source = pool_dup_source,
  .refresh = pool_refresh,
  .settled = ppool_pool_record_settled,
  .unref = ppool_pool_unref,
};

/* Settings. In a forked copy of the process they are what they were. */

PPoolSettings
ppool_pool_get_settings (PPoolPool *self)
{
  gboolean is_ours = ppool_pool_check (self, NULL);
  PPoolSettings settings;

  if (is_ours)
    ppool_lock_enter (&self->lock);
  settings = self->settings;
  if (is_ours)
    ppool_lock_leave_quietly (&self->lock);

  return settings;
}

/* To be called with PPOOL_SETTING(). A pointer is set once, and taken. Returns: whether the
 * value is another one than before */
gboolean
ppool_pool_change_setting (PPoolPool     *self,
                           gsize          offset,
                           gconstpointer  value,
                           gsize          size)
{
  gpointer setting = G_STRUCT_MEMBER_P (&self->settings, offset);
  gboolean changed;

  if (!ppool_pool_check (self, NULL))
    return FALSE;

  ppool_lock_enter (&self->lock);
  changed = memcmp (setting, value, size) != 0;
  memcpy (setting, value, size);
  if (changed)
    ppool_scheduler_settings_changed (self->scheduler);
  ppool_pool_leave_lock (self);

  return changed;
}

/* Where no number is set, the pool has a worker for each processor, or as many as the
 * system allows beside the @n_workers that it has. */
static gboolean
update_default (PPoolPool  *self,
                guint       n_processors,
                guint       n_workers,
                GError    **error)
{
  guint n_more = 0;

  if (n_processors > n_workers)
    {
      n_more = ppool_resources_fit_workers (n_processors - n_workers, error);
      if (n_more == 0 && n_workers == 0)
        return FALSE;
    }

  ppool_lock_enter (&self->lock);
  self->n_processors = n_processors;
  ppool_scheduler_set_default_max (self->scheduler, MIN (n_workers + n_more, n_processors));
  ppool_lock_leave (&self->lock);

  return TRUE;
}

gboolean
ppool_pool_set_max_workers (PPoolPool *self,
                            guint      max_workers)
{
  PPoolCounts counts;

  if (!ppool_pool_check (self, NULL))
    return FALSE;

  /* What goes wrong before the first worker is told by the first call. */
  if (max_workers == 0 && ppool_pool_get_settings (self).max_workers != 0)
    {
      ppool_pool_get_counts (self, &counts);
      update_default (self, ppool_processors_count (), counts.n_workers, NULL);
    }

  return ppool_pool_change_setting (self, PPOOL_SETTING (max_workers, &max_workers));
}

/* Sinks @args. All ways to call a function meet here. */
PPoolRecord *
ppool_pool_make_record (PPoolPool      *self,
                        PPoolCallSpec  *spec,
                        GVariant       *args,
                        GError        **error)
{
  if (!ppool_value_check_name ("function", spec->function, error))
    {
      if (args != NULL)
        g_variant_unref (g_variant_ref_sink (args));
      return NULL;
    }

  return ppool_record_new (spec, args, &record_owner_funcs, ppool_pool_ref (self));
}

/* With the lock held. Gives what calls are refused with then. */
static gboolean
accepts_calls (PPoolPool     *self,
               PPoolFailure **broken)
{
  if (self->broken != NULL)
    *broken = ppool_failure_ref (self->broken);

  return self->state == PPOOL_EXECUTOR_STATE_RUNNING;
}

static void
set_refused (PPoolFailure  *broken,
             GError       **error)
{
  if (broken != NULL)
    g_propagate_error (error, g_error_copy (ppool_failure_get_error (broken)));
  else
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN,
                         "The executor takes no calls after it was shut down");
}

gboolean
ppool_pool_accepts_calls (PPoolPool   *self,
                          const char  *function,
                          GError     **error)
{
  g_autoptr (PPoolFailure) broken = NULL;
  gboolean accepted;

  if (!ppool_value_check_name ("function", function, error) ||
      !ppool_pool_check (self, error) || !ppool_spawned_check (error))
    return FALSE;

  ppool_lock_enter (&self->lock);
  accepted = accepts_calls (self, &broken);
  ppool_lock_leave_quietly (&self->lock);

  if (!accepted)
    set_refused (broken, error);

  return accepted;
}

/* A new executor in a forked copy would wait for threads that only the original has. */
static gboolean
check_threads (GError **error)
{
  pid_t owner = ppool_fork_get_threads_owner ();

  if (owner == 0 || owner == ppool_fork_get_pid ())
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN,
               "No worker can be started in this forked copy of process %ld, which used executors "
               "before: threads that these need are not copied; fork earlier, or execute a program",
               (long) owner);
  return FALSE;
}

/* Whether there is to be a manager, and none is yet. */
static gboolean
needs_manager (PPoolPool *self,
               guint     *max_workers,
               guint     *n_processors)
{
  gboolean needed;

  ppool_lock_enter (&self->lock);
  needed = self->state == PPOOL_EXECUTOR_STATE_RUNNING && self->manager == NULL;
  *max_workers = self->settings.max_workers;
  *n_processors = self->n_processors;
  ppool_lock_leave_quietly (&self->lock);

  return needed;
}

/* Takes both, unless the pool was shut down meanwhile. */
static gboolean
take_manager (PPoolPool       *self,
              PPoolManager    *manager,
              PPoolLaunchPlan *plan)
{
  gboolean taken;

  ppool_lock_enter (&self->lock);
  taken = self->state == PPOOL_EXECUTOR_STATE_RUNNING;
  if (taken)
    {
      self->startup.plan = plan;
      g_atomic_pointer_set (&self->manager, manager);
      ppool_scheduler_open (self->scheduler);
    }
  ppool_lock_leave (&self->lock);

  return taken;
}

static void
end_manager_cb (gpointer data)
{
  ppool_manager_end (data);
}

/* Before the first worker, while there is a caller who can be told. Nothing of this is
 * done with the lock held: to start a thread takes its time. */
static gboolean
start_manager (PPoolPool  *self,
               GError    **error)
{
  PPoolLaunchPlan *plan;
  PPoolManager *manager;
  guint max_workers, n_processors;

  if (!needs_manager (self, &max_workers, &n_processors))
    return TRUE;

  if (!check_threads (error))
    return FALSE;
  if (!(max_workers > 0 ? ppool_resources_check_workers (max_workers, error) :
                          update_default (self, n_processors, 0, error)))
    return FALSE;

  manager = ppool_manager_new (ppool_pool_manager_ended, ppool_pool_ref (self), error);
  if (manager == NULL)
    {
      g_prefix_error_literal (error, "No worker can be started: ");
      ppool_pool_unref (self);
      return FALSE;
    }

  plan = ppool_launcher_make_plan (self->settings.launcher);
  if (take_manager (self, manager, plan))
    return TRUE;

  ppool_manager_post (manager, end_manager_cb, manager);
  ppool_manager_join (manager);
  ppool_manager_unref (manager);
  ppool_launch_plan_unref (plan);
  return TRUE;
}

/* A name that no worker can be told is a mistake of the caller's, who can be told here. */
static gboolean
check_initializer (PPoolPool  *self,
                   GError    **error)
{
  return self->settings.initializer == NULL ||
         ppool_value_check_name ("initializer", self->settings.initializer, error);
}

/* The first call starts the manager. The limits don't change for a pool that is in
 * use, nor does anything else that was looked at then. */
static gboolean
ensure_manager (PPoolPool  *self,
                GError    **error)
{
  gboolean started;

  if (!check_initializer (self, error))
    return FALSE;

  g_mutex_lock (&self->starting);
  started = start_manager (self, error);
  g_mutex_unlock (&self->starting);

  return started;
}

/* Whether the pool may be used at all: what is worse than its state. */
static gboolean
is_usable (PPoolPool  *self,
           GError    **error)
{
  return ppool_pool_check (self, error) && ppool_spawned_check (error) &&
         (g_atomic_pointer_get (&self->manager) != NULL || ensure_manager (self, error));
}

/* Enters the lock with a manager, if calls are accepted: a pool that is revived may be about to
 * get another one. */
static gboolean
enter (PPoolPool  *self,
       GError    **error)
{
  while (is_usable (self, error))
    {
      ppool_lock_enter (&self->lock);
      if (self->manager != NULL || self->state != PPOOL_EXECUTOR_STATE_RUNNING)
        return TRUE;
      ppool_lock_leave (&self->lock);
    }

  return FALSE;
}

/* Starts workers before there are calls for them. */
gboolean
ppool_pool_prestart (PPoolPool  *self,
                     guint       n_workers,
                     GError    **error)
{
  g_autoptr (PPoolFailure) broken = NULL;
  gboolean accepted;

  if (!enter (self, error))
    return FALSE;

  accepted = accepts_calls (self, &broken);
  if (accepted)
    ppool_scheduler_prestart (self->scheduler, n_workers);
  ppool_lock_leave (&self->lock);

  if (!accepted)
    set_refused (broken, error);

  return accepted;
}

gboolean
ppool_pool_submit (PPoolPool    *self,
                   PPoolRecord  *record,
                   GError      **error)
{
  g_autoptr (PPoolFailure) broken = NULL;
  gboolean accepted;

  if (!enter (self, error))
    return FALSE;

  accepted = accepts_calls (self, &broken);
  if (accepted && record->stage == PPOOL_RECORD_NEW)
    {
      accept (self, record);
      ppool_pool_limit_time (self, record);
      ppool_scheduler_push (self->scheduler, record);
    }
  ppool_lock_leave (&self->lock);

  if (!accepted)
    set_refused (broken, error);

  return accepted;
}

/* With the lock held: whatever is left of a manager that was told to end comes to its end, so
 * that the next call starts another, unless the pool was shut down meanwhile. */
static void
renew_manager (PPoolPool *self)
{
  PPoolManager *manager = self->manager;

  while (!self->over)
    g_cond_wait (&self->changed, &self->lock.mutex);
  ppool_lock_leave (&self->lock);

  ppool_manager_join (manager);

  ppool_lock_enter (&self->lock);
  if (self->was_shut_down)
    return;

  g_atomic_pointer_set (&self->manager, NULL);
  ppool_manager_unref (manager);
  ppool_scheduler_reset (self->scheduler);
  g_clear_pointer (&self->startup.plan, ppool_launch_plan_unref);
  self->is_ending = FALSE;
  self->over = FALSE;
  g_atomic_int_set (&self->manager_has_ended, FALSE);
  if (self->over_callbacks == NULL)
    self->over_callbacks = g_array_new (FALSE, FALSE, sizeof (OverCallback));
}

gboolean
ppool_pool_revive (PPoolPool  *self,
                   GError    **error)
{
  gboolean was_shut_down;

  if (!ppool_pool_check (self, error))
    return FALSE;

  g_mutex_lock (&self->starting);
  ppool_lock_enter (&self->lock);
  if (!self->was_shut_down && self->is_ending)
    renew_manager (self);
  was_shut_down = self->was_shut_down;
  if (!was_shut_down && self->state == PPOOL_EXECUTOR_STATE_BROKEN)
    {
      g_clear_error (&self->cause);
      g_clear_pointer (&self->broken, ppool_failure_unref);
      ppool_pool_allow_starts (self);
      ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_RUNNING);
    }
  ppool_lock_leave (&self->lock);
  g_mutex_unlock (&self->starting);

  if (was_shut_down)
    set_refused (NULL, error);

  return !was_shut_down;
}
