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

/* Each call that a worker has takes a place on its board. */
G_STATIC_ASSERT (PPOOL_SCHEDULER_MAX_CALLS <= PPOOL_BOARD_SIZE);

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

  g_hash_table_iter_init (&iter, self->places);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      PPoolPlace *place = key;

      ppool_process_terminate (place->process, signal, records);
      ppool_scheduler_evict_slot (self->scheduler, &place->slot);
    }
}

static void
process_died (gpointer      slot,
              const GError *why)
{
  PPoolPool *self = ((PPoolPlace *) slot)->pool;
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

static void
process_gone (gpointer slot)
{
  PPoolPlace *place = slot;
  PPoolPool *self = place->pool;

  ppool_lock_enter (&self->lock);
  g_hash_table_remove (self->places, place);
  ppool_scheduler_remove_slot (self->scheduler, &place->slot);
  ppool_lock_leave (&self->lock);

  ppool_process_unref (place->process);
  g_free (place);
  ppool_pool_conclude (self);
}

/* What processes and scheduler say, with the lock held */

static void
process_ready (gpointer slot,
               gboolean takes_ahead)
{
  PPoolPlace *place = slot;

  place->slot.takes_ahead = takes_ahead;
  ppool_scheduler_slot_ready (place->pool->scheduler, &place->slot);
}

static void
process_answered (gpointer     slot,
                  PPoolRecord *record,
                  gint64       nsec)
{
  PPoolPlace *place = slot;

  ppool_scheduler_slot_answered (place->pool->scheduler, &place->slot, record, nsec);
}

static void
process_refill (gpointer slot)
{
  PPoolPlace *place = slot;

  ppool_scheduler_slot_refill (place->pool->scheduler, &place->slot);
}

static void
process_unfit (gpointer slot)
{
  PPoolPlace *place = slot;

  ppool_scheduler_slot_unfit (place->pool->scheduler, &place->slot);
}

static const PPoolProcessFuncs process_funcs = {
  .ready = process_ready,
  .answered = process_answered,
  .refill = process_refill,
  .unfit = process_unfit,
  .died = process_died,
  .gone = process_gone,
};

static void
start_process (gpointer owner)
{
  PPoolPool *self = owner;
  PPoolPlace *place = g_new0 (PPoolPlace, 1);

  place->pool = self;
  place->process = ppool_process_new (&self->lock, self->manager, &self->startup, self->settings.grace_msec,
                                      &process_funcs, place);
  g_hash_table_add (self->places, place);
  ppool_scheduler_add_slot (self->scheduler, &place->slot, place->process);
}

static void
assign_call (gpointer     process,
             PPoolRecord *record)
{
  ppool_process_push (process, record);
}

static void
retire_process (gpointer process)
{
  PPoolPlace *place = ppool_process_get_slot (process);
  gboolean is_spent = ppool_scheduler_is_spent (place->pool->scheduler, &place->slot);

  ppool_process_retire (process, is_spent ? "it has run max-tasks-per-worker calls" :
                                            "it is not needed any more");
}

static PPoolRecord *
recall_call (gpointer     process,
             PPoolRecord *record)
{
  return ppool_process_recall (process, record);
}

static gint64
running_since (gpointer process)
{
  return ppool_process_get_since (process);
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
  .assign = assign_call,
  .retire = retire_process,
  .changed = counts_changed,
  .recall = recall_call,
  .running_since = running_since,
  .watch = watch_calls,
};
