/* ppool-pool-policy.c: what becomes of calls when a worker ends, or time is up
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

/* A process says what its worker had when it ended: calls that it had not taken, which go
 * back to the queue; calls that it ran; and calls whose results were lost with it. What a
 * call does to its worker costs that call, unless the pool is one that breaks. A worker
 * that ends without a call counts as one that could not be started, and these break any
 * pool when there are too many in a row: nothing would ever run. */

/* The pause after a failed start, which doubles with each. */
#define MIN_PAUSE_MSEC 100
#define MAX_PAUSE_MSEC 10000

/* The pause before a call runs again whose worker was killed, most likely for lack of
 * memory. It doubles as well. */
#define MIN_RETRY_MSEC 1000
#define MAX_RETRY_MSEC 64000

static GPtrArray *
new_records (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
}

/* All calls, and all workers */

/* All calls that no worker has. */
void
ppool_pool_take_pending (PPoolPool *self,
                         GPtrArray *records)
{
  PPoolRecord *record;
  GList *link;

  ppool_scheduler_recall_all (self->scheduler);
  while ((record = ppool_scheduler_pop (self->scheduler)) != NULL)
    g_ptr_array_add (records, record);

  while ((link = g_queue_pop_head_link (&self->retrying)) != NULL)
    {
      record = link->data;
      record->stage = PPOOL_RECORD_OUT;
      g_ptr_array_add (records, record);
    }
}

/* Ends all workers, and takes what they have. */
void
ppool_pool_evict_all (PPoolPool             *self,
                      int                    signal,
                      PPoolWorkerExitReason  reason,
                      GPtrArray             *records)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->processes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ppool_process_terminate (key, signal, reason, records);
}

/* Takes a call that no worker has taken, or that waits to run again. */
gboolean
ppool_pool_withdraw (PPoolPool   *self,
                     PPoolRecord *record)
{
  if (record->stage != PPOOL_RECORD_RETRYING)
    return ppool_scheduler_withdraw (self->scheduler, record);

  g_queue_unlink (&self->retrying, &record->link);
  record->stage = PPOOL_RECORD_OUT;
  ppool_record_unref (record);

  return TRUE;
}

/* A call that was to end has ended, whatever ended it. */
void
ppool_pool_settle_all (GPtrArray    *records,
                       PPoolFailure *failure)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      if (record->ending != PPOOL_RECORD_NOT_ENDED)
        ppool_record_settle_ended (record, record->ending, NULL);
      else if (failure != NULL)
        ppool_outcome_settle_failure (&record->outcome, failure);
      else
        ppool_outcome_settle_cancelled (&record->outcome);
    }
}

/* Time */

/* Has @func called with @record in a while. With the lock held. */
static void
arm (PPoolPool        *self,
     PPoolRecord      *record,
     guint             msec,
     PPoolManagerFunc  func)
{
  PPoolRecordExtra *extra = ppool_record_need_extra (record);

  extra->has_timer = TRUE;
  if (!ppool_manager_disarm (self->manager, &extra->timer))
    ppool_record_ref (record);
  ppool_manager_arm (self->manager, &extra->timer, msec, func, record);
}

/* Nobody has taken the call in time. */
static void
queue_overdue_cb (gpointer data)
{
  g_autoptr (PPoolRecord) record = data;
  PPoolPool *self = record->owner;
  g_autoptr (PPoolFailure) failure = NULL;
  g_autofree char *name = NULL;
  gboolean withdrawn;

  ppool_lock_enter (&self->lock);
  withdrawn = record->extra->n_deaths == 0 && ppool_pool_withdraw (self, record);
  if (withdrawn)
    ppool_pool_look_for_end (self);
  ppool_lock_leave (&self->lock);

  if (!withdrawn)
    return;

  name = ppool_call_spec_dup_name (record->outcome.spec);
  failure = ppool_failure_new (
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT,
                 "The call of %s never ran: no worker took it within %d ms, which is %s "
                 "queue-timeout-msec",
                 name, record->extra->queue_timeout_msec,
                 record->outcome.spec->queue_timeout_msec >= 0 ? "its" : "the executor's"));
  ppool_outcome_settle_failure (&record->outcome, failure);
}

/* For a call that is about to be queued. */
void
ppool_pool_limit_time (PPoolPool   *self,
                       PPoolRecord *record)
{
  const PPoolCallSpec *spec = record->outcome.spec;

  int timeout =
    spec->timeout_msec >= 0 ? spec->timeout_msec : self->settings.call_timeout_msec;
  int queue_timeout = spec->queue_timeout_msec >= 0 ? spec->queue_timeout_msec :
                                                      self->settings.queue_timeout_msec;

  if (timeout >= 0)
    ppool_record_need_extra (record)->timeout_msec = timeout;
  if (queue_timeout >= 0)
    {
      ppool_record_need_extra (record)->queue_timeout_msec = queue_timeout;
      arm (self, record, (guint) queue_timeout, queue_overdue_cb);
    }
}

static void
retry_cb (gpointer data)
{
  g_autoptr (PPoolRecord) record = data;
  PPoolPool *self = record->owner;
  g_autoptr (GPtrArray) records = new_records ();

  ppool_lock_enter (&self->lock);
  if (record->stage == PPOOL_RECORD_RETRYING)
    {
      g_queue_unlink (&self->retrying, &record->link);
      g_ptr_array_add (records, record);
      ppool_scheduler_put_back (self->scheduler, records);
    }
  ppool_lock_leave (&self->lock);
}

/* Starts */

static guint
double_msec (guint msec,
             guint n_times,
             guint max_msec)
{
  while (n_times-- > 0 && msec < max_msec)
    msec *= 2;

  return MIN (msec, max_msec);
}

static void
start_again_cb (gpointer data)
{
  PPoolPool *self = data;

  ppool_lock_enter (&self->lock);
  if (self->state != PPOOL_EXECUTOR_STATE_BROKEN)
    ppool_scheduler_limit_starts (self->scheduler, 1);
  ppool_lock_leave (&self->lock);
}

/* With the lock held. Workers that were started together fail together, which is one
 * failure. Returns: whether it was one too many */
static gboolean
note_failed_start (PPoolPool             *self,
                   const PPoolProcessEnd *end)
{
  guint max = self->settings.max_start_failures;
  guint msec;

  if (self->n_failed_starts > 0 && end->created_time < self->failed_start_time)
    return FALSE;

  self->n_failed_starts++;
  self->failed_start_time = g_get_monotonic_time ();
  if (max > 0 && self->n_failed_starts >= max)
    return TRUE;

  msec = double_msec (MIN_PAUSE_MSEC, self->n_failed_starts - 1, MAX_PAUSE_MSEC);
  msec = (guint) g_random_int_range ((gint32) (msec * 8 / 10), (gint32) (msec * 12 / 10));
  ppool_scheduler_limit_starts (self->scheduler, 0);
  ppool_manager_arm (self->manager, &self->starts, msec, start_again_cb, self);

  return FALSE;
}

/* Workers can be started, and do what they are for. */
void
ppool_pool_proved (gpointer pool)
{
  PPoolPool *self = pool;

  ppool_lock_enter (&self->lock);
  if (self->n_failed_starts > 0 && self->state != PPOOL_EXECUTOR_STATE_BROKEN)
    ppool_pool_allow_starts (self);
  ppool_lock_leave (&self->lock);
}

/* Nothing is held against this pool. */
void
ppool_pool_allow_starts (PPoolPool *self)
{
  self->n_failed_starts = 0;
  if (self->manager != NULL)
    ppool_manager_disarm (self->manager, &self->starts);
  ppool_scheduler_limit_starts (self->scheduler, G_MAXUINT);
}

/* The end of a worker, in the manager's thread */

/* What is found under the lock, and done without it. */
typedef struct
{
  GPtrArray *untaken; /* (owned) (element-type PPoolRecord), as the others */
  GPtrArray *taken;
  GPtrArray *done;
  GPtrArray *ended;  /* not taken, and not to be */
  GPtrArray *broken; /* calls of others, in a pool that breaks */
} Losses;

static void
free_losses (Losses *self)
{
  g_ptr_array_unref (self->untaken);
  g_ptr_array_unref (self->taken);
  g_ptr_array_unref (self->done);
  g_ptr_array_unref (self->ended);
  g_ptr_array_unref (self->broken);
}

static const char *
cause_name (const GError *cause)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (PPOOL_TYPE_ERROR);
  GEnumValue *value = g_enum_get_value (klass, cause->code);

  return value != NULL ? value->value_name + strlen ("PPOOL_ERROR_") : "";
}

/* With the lock held. */
static PPoolFailure *
break_pool (PPoolPool    *self,
            const GError *why,
            GPtrArray    *records)
{
  PPoolFailure *failure =
    ppool_failure_new (g_error_new (PPOOL_ERROR, PPOOL_ERROR_BROKEN, "The pool is broken (%s): %s",
                                    cause_name (why), why->message));

  if (self->broken == NULL)
    {
      ppool_pool_set_state (self, PPOOL_EXECUTOR_STATE_BROKEN);
      self->cause = g_error_copy (why);
      self->broken = ppool_failure_ref (failure);
    }
  ppool_scheduler_limit_starts (self->scheduler, 0);
  ppool_pool_take_pending (self, records);
  ppool_pool_evict_all (self, SIGTERM, PPOOL_WORKER_EXIT_REASON_BROKEN, records);

  return failure;
}

/* With the lock held. */
static gboolean
may_retry (const PPoolRecord *record)
{
  return record->ending == PPOOL_RECORD_NOT_ENDED &&
         record->extra->n_deaths < record->outcome.spec->max_retries;
}

/* With the lock held. */
static void
note_death (PPoolRecord           *record,
            const PPoolProcessEnd *end)
{
  PPoolRecordExtra *extra = ppool_record_need_extra (record);

  if (extra->deaths == NULL)
    extra->deaths = g_string_new (NULL);
  g_string_append_printf (extra->deaths, "%s%s", extra->n_deaths > 0 ? "; then: " : "",
                          end->summary);
  extra->n_deaths++;
}

/* With the lock held: moves those of @records that are to run again to the queue. */
static void
retry (PPoolPool             *self,
       GPtrArray             *records,
       const PPoolProcessEnd *end,
       GPtrArray             *requeued)
{
  for (guint i = 0; i < records->len;)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      if (!may_retry (record))
        {
          i++;
          continue;
        }

      note_death (record, end);
      ppool_outcome_note_retry (&record->outcome);
      if (end->was_killed)
        {
          record->stage = PPOOL_RECORD_RETRYING;
          g_queue_push_tail_link (&self->retrying, &ppool_record_ref (record)->link);
          arm (self, record,
               double_msec (MIN_RETRY_MSEC, record->extra->n_deaths - 1, MAX_RETRY_MSEC),
               retry_cb);
        }
      else
        g_ptr_array_add (requeued, ppool_record_ref (record));
      g_ptr_array_remove_index (records, i);
    }
}

static void
note_deaths (GPtrArray             *records,
             const PPoolProcessEnd *end)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      ppool_outcome_note_death (&record->outcome, end->death);
    }
}

/* With the lock held: moves those of @records that were to end meanwhile. */
static void
take_ended (GPtrArray *records,
            GPtrArray *ended)
{
  for (guint i = 0; i < records->len;)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);

      if (record->ending != PPOOL_RECORD_NOT_ENDED)
        g_ptr_array_add (ended, g_ptr_array_steal_index (records, i));
      else
        i++;
    }
}

/* With the lock held: what the worker had goes back, or is lost. Returns: (nullable): the
 * failure of all calls if the pool is broken now */
static PPoolFailure *
decide (PPoolPool             *self,
        PPoolProcess          *process,
        const PPoolProcessEnd *end,
        Losses                *losses)
{
  gboolean replaces = self->settings.crash_policy == PPOOL_CRASH_POLICY_REPLACE;
  gboolean breaks = !end->was_asked && !replaces;

  ppool_process_take_calls (process, losses->untaken, losses->taken, losses->done);
  note_deaths (losses->taken, end);
  note_deaths (losses->done, end);

  if (!end->was_asked && replaces && losses->taken->len == 0 && losses->done->len == 0)
    breaks = note_failed_start (self, end);

  if (breaks)
    {
      PPoolFailure *failure = break_pool (self, end->error, losses->broken);

      return failure;
    }

  if (replaces)
    {
      retry (self, losses->taken, end, losses->untaken);
      retry (self, losses->done, end, losses->untaken);
    }
  take_ended (losses->untaken, losses->ended);
  ppool_scheduler_put_back (self->scheduler, losses->untaken);

  return NULL;
}

static GError *
make_lost_error (const PPoolRecord     *record,
                 const PPoolProcessEnd *end,
                 gboolean               was_done)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (record->extra->deaths != NULL)
    g_string_append_printf (text, "The call of “%s” was lost with %u workers: %s; then: ",
                            record->outcome.spec->function, record->extra->n_deaths + 1,
                            record->extra->deaths->str);
  else if (was_done)
    g_string_append_printf (text, "“%s” had returned, and its result was lost: ",
                            record->outcome.spec->function);
  g_string_append (text, end->error->message);

  return g_error_new_literal (PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, text->str);
}

static void
settle_lost (GPtrArray             *records,
             const PPoolProcessEnd *end,
             gboolean               was_done)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (records, i);
      g_autoptr (PPoolFailure) failure = NULL;

      if (record->ending != PPOOL_RECORD_NOT_ENDED)
        {
          ppool_record_settle_ended (record, record->ending, end->error->message);
          continue;
        }

      failure = ppool_failure_new (make_lost_error (record, end, was_done));
      ppool_outcome_settle_failure (&record->outcome, failure);
    }
}

/* A worker has ended that had calls, or was not asked to. */
void
ppool_pool_process_ended (gpointer               pool,
                          PPoolProcess          *process,
                          const PPoolProcessEnd *end)
{
  PPoolPool *self = pool;
  Losses losses = { new_records (), new_records (), new_records (), new_records (),
                    new_records () };
  g_autoptr (PPoolFailure) failure = NULL;

  ppool_lock_enter (&self->lock);
  failure = decide (self, process, end, &losses);
  ppool_lock_leave (&self->lock);

  if (failure != NULL)
    {
      ppool_pool_settle_all (losses.taken, failure);
      ppool_pool_settle_all (losses.done, failure);
      ppool_pool_settle_all (losses.untaken, failure);
      ppool_pool_settle_all (losses.broken, failure);
    }
  else
    {
      settle_lost (losses.taken, end, FALSE);
      settle_lost (losses.done, end, TRUE);
      ppool_pool_settle_all (losses.ended, NULL);
    }
  free_losses (&losses);

  if (failure != NULL && end->error->code == PPOOL_ERROR_INITIALIZER)
    g_message ("%s", end->error->message);
}
