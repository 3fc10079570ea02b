/* ppool-pool-workers.c: what becomes of the workers of a pool
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

/* How long a call may be behind another, while a worker is idle, before somebody
 * looks. */
#define WATCH_MSEC 3

/* Processes, in the manager's thread */

static const char *
cause_name (const GError *cause)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (PPOOL_TYPE_ERROR);
  GEnumValue *value = g_enum_get_value (klass, cause->code);

  return value != NULL ? value->value_name + strlen ("PPOOL_ERROR_") : "";
}

/* With the lock held: ends all workers, and takes what they have. */
void
ppool_pool_evict_all (PPoolPool *self,
                      int        signal,
                      GPtrArray *records)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->processes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ppool_process_terminate (key, signal, records);
}

void
ppool_pool_process_died (gpointer      data,
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
      ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_BROKEN);
      self->cause = g_steal_pointer (&cause);
      self->broken = ppool_failure_ref (failure);
    }
  ppool_pool_take_pending (self, records);
  ppool_pool_evict_all (self, SIGTERM, records);
  ppool_lock_leave (&self->lock);

  ppool_pool_settle_all (records, failure);
  if (why->code == PPOOL_ERROR_INITIALIZER)
    g_message ("%s", why->message);
}

void
ppool_pool_process_gone (gpointer      data,
                         PPoolProcess *process)
{
  PPoolPool *self = data;

  ppool_lock_enter (&self->lock);
  g_hash_table_remove (self->processes, process);
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
                                             self->settings.grace_msec);

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

const PPoolSchedulerFuncs ppool_pool_scheduler_funcs = {
  .start = start_process,
  .changed = counts_changed,
  .watch = watch_calls,
  .assign = ppool_process_push,
  .retire = ppool_process_retire,
  .recall = ppool_process_recall,
  .get_since = ppool_process_get_since,
};
