/* ppool-record.c: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-private.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-value-private.h"
#include "ppool-waiter-private.h"

/* A record is shared by the future that a caller holds and by the pool that
 * runs the call; each has a reference. It settles once: the first of the three
 * settle functions decides, the others return FALSE. Who waits is told in the
 * order of arrival, outside of the lock, by the thread that settled; one that
 * arrives meanwhile is told by that thread too, behind the earlier ones. Who does
 * not wait any more takes the waiter back, so that none gather on a call that
 * takes long.
 *
 * What the caller gave (arguments, cancellable) is let go by the caller's
 * threads, which ask for the outcome, and not where it is settled: both may end
 * in code of the application or of a language. A record that nobody asks about
 * any more is the exception.
 *
 * Stage and link belong to the pool and are guarded by its lock, which is taken
 * before this one.
 *
 * In a forked copy of the process nothing is touched, and the call has failed. */

struct _PPoolRecord
{
  /* Constant. */
  GVariantType *result_type; /* (owned) (nullable) */
  const PPoolRecordOwner *owner_funcs;
  gpointer owner; /* (owned) */

  /* Guarded by the pool's lock. */
  PPoolRecordStage stage;
  GList link;
  guint64 id;
  PPoolRecordPlan plan;

  GMutex lock; /* guards what follows */
  GCond settled;
  PPoolFutureState state;
  guint n_blocked;            /* threads that wait for the condition */
  gboolean telling;           /* the waiters are being told */
  gboolean abandoned;         /* no future asks for the outcome any more */
  GQueue waiters;             /* (element-type PPoolRecordWaiter) */
  GVariant *args;             /* (owned) (nullable); NULL once released */
  GCancellable *cancellable;  /* (owned) (nullable) */
  gulong cancelled_handler;   /* 0 while it is being connected */
  GVariant *value;            /* (owned) (nullable) */
  PPoolFailure *failure;      /* (owned) (nullable) */
  PPoolRecordHistory history;

  char function[]; /* constant */
};

static void
set_args (PPoolRecord *self,
          GVariant    *args)
{
  self->args = args != NULL ? g_variant_ref_sink (args) : ppool_value_ref_unit ();
  self->plan.size = g_variant_get_size (self->args);
  if (args != NULL)
    ppool_value_compact (self->args);
}

/* Sinks @args and takes @owner. */
PPoolRecord *
ppool_record_new (const char             *function,
                  GVariant               *args,
                  const GVariantType     *result_type,
                  const PPoolRecordOwner *owner_funcs,
                  gpointer                owner)
{
  gsize name_size = strlen (function) + 1;
  PPoolRecord *self = g_atomic_rc_box_alloc0 (sizeof *self + name_size);

  memcpy (self->function, function, name_size);
  set_args (self, args);
  self->result_type = result_type != NULL ? g_variant_type_copy (result_type) : NULL;
  self->owner_funcs = owner_funcs;
  self->owner = owner;
  self->history.queued_time = g_get_monotonic_time ();
  self->link.data = self;
  g_mutex_init (&self->lock);
  g_cond_init (&self->settled);

  return self;
}

PPoolRecord *
ppool_record_ref (PPoolRecord *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_record (gpointer data)
{
  PPoolRecord *self = data;

  g_assert (g_queue_is_empty (&self->waiters));

  ppool_record_release_inputs (self);
  g_clear_pointer (&self->result_type, g_variant_type_free);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_pointer (&self->failure, ppool_failure_unref);
  g_cond_clear (&self->settled);
  g_mutex_clear (&self->lock);
  self->owner_funcs->unref (self->owner);
}

void
ppool_record_unref (PPoolRecord *self)
{
  g_atomic_rc_box_release_full (self, free_record);
}

PPoolRecordStage
ppool_record_get_stage (PPoolRecord *self)
{
  return self->stage;
}

void
ppool_record_set_stage (PPoolRecord      *self,
                        PPoolRecordStage  stage)
{
  self->stage = stage;
}

GList *
ppool_record_get_link (PPoolRecord *self)
{
  return &self->link;
}

PPoolRecordPlan *
ppool_record_get_plan (PPoolRecord *self)
{
  return &self->plan;
}

guint64
ppool_record_get_id (PPoolRecord *self)
{
  return self->id;
}

void
ppool_record_set_id (PPoolRecord *self,
                     guint64      id)
{
  self->id = id;
}

/* With the lock held. */
static void
note_start (PPoolRecord *self,
            guint        worker_pid,
            gint64       time)
{
  if (self->state != PPOOL_FUTURE_STATE_PENDING)
    return;

  self->state = PPOOL_FUTURE_STATE_RUNNING;
  self->history.started_time = time != 0 ? time : g_get_monotonic_time ();
  self->history.worker_pid = worker_pid;
}

/* A worker has taken the call, at @time, or now if that is 0. */
void
ppool_record_start (PPoolRecord *self,
                    guint        worker_pid,
                    gint64       time)
{
  g_mutex_lock (&self->lock);
  note_start (self, worker_pid, time);
  g_mutex_unlock (&self->lock);
}

/* (nullable): the arguments of a settled call are nobody's any more. */
GVariant *
ppool_record_ref_args (PPoolRecord *self)
{
  GVariant *args;

  g_mutex_lock (&self->lock);
  args = self->args != NULL ? g_variant_ref (self->args) : NULL;
  g_mutex_unlock (&self->lock);

  return args;
}

/* With the lock held. */
static gboolean
is_settled (PPoolRecord *self)
{
  return self->state == PPOOL_FUTURE_STATE_FINISHED ||
         self->state == PPOOL_FUTURE_STATE_CANCELLED;
}

static void
tell_waiters (PPoolRecord *self)
{
  GList *link;

  g_mutex_lock (&self->lock);
  while ((link = g_queue_pop_head_link (&self->waiters)) != NULL)
    {
      PPoolRecordWaiter *waiter = link->data;

      waiter->is_waiting = FALSE;
      g_mutex_unlock (&self->lock);
      /* It belongs to the one who is called, and may be gone afterwards. */
      waiter->func (self, waiter->data);
      g_mutex_lock (&self->lock);
    }
  self->telling = FALSE;
  g_mutex_unlock (&self->lock);
}

/* How a call ends. */
typedef struct
{
  PPoolFutureState state;
  guint worker_pid;      /* 0 if nothing is known of its start */
  gint64 started;        /* 0 if only the time isn't known */
  GVariant *value;       /* (unowned) (nullable) */
  PPoolFailure *failure; /* (unowned) (nullable) */
} Outcome;

/* With the lock held. */
static void
note_outcome (PPoolRecord   *self,
              const Outcome *outcome)
{
  if (outcome->worker_pid != 0)
    note_start (self, outcome->worker_pid, outcome->started);
  self->state = outcome->state;
  self->value = outcome->value != NULL ? g_variant_ref (outcome->value) : NULL;
  self->failure = outcome->failure != NULL ? ppool_failure_ref (outcome->failure) : NULL;
  self->history.finished_time = g_get_monotonic_time ();
}

static gboolean
settle (PPoolRecord   *self,
        const Outcome *outcome)
{
  /* Once settled, the record may be dropped by everybody else. */
  g_autoptr (PPoolRecord) held G_GNUC_UNUSED = ppool_record_ref (self);
  gboolean abandoned;
  gboolean blocks;
  gboolean tell;

  g_mutex_lock (&self->lock);
  if (is_settled (self))
    {
      g_mutex_unlock (&self->lock);
      return FALSE;
    }

  note_outcome (self, outcome);
  self->telling = tell = !g_queue_is_empty (&self->waiters);
  blocks = self->n_blocked > 0;
  abandoned = self->abandoned;
  g_mutex_unlock (&self->lock);

  /* Who wakes is to find the lock free. */
  if (blocks)
    g_cond_broadcast (&self->settled);
  if (tell)
    tell_waiters (self);
  if (abandoned)
    ppool_record_release_inputs (self);
  if (self->owner_funcs->settled != NULL)
    self->owner_funcs->settled (self->owner, self);

  return TRUE;
}

/* (nullable): NULL if @value is of the type that was asked for. */
static PPoolFailure *
check_type (PPoolRecord *self,
            GVariant    *value)
{
  if (self->result_type == NULL || g_variant_is_of_type (value, self->result_type))
    return NULL;

  return ppool_failure_new (
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                 "The function “%s” returned a value of type “%s” where “%.*s” was asked for",
                 self->function, g_variant_get_type_string (value),
                 (int) g_variant_type_get_string_length (self->result_type),
                 g_variant_type_peek_string (self->result_type)));
}

/* The call was answered: worker @worker_pid has run it since @started, or 0 if
 * that isn't known. There is a value or a failure. */
gboolean
ppool_record_settle_result (PPoolRecord  *self,
                            guint         worker_pid,
                            gint64        started,
                            GVariant     *value,
                            PPoolFailure *failure)
{
  g_autoptr (PPoolFailure) mismatch = value != NULL ? check_type (self, value) : NULL;
  const Outcome outcome = {
    .state = PPOOL_FUTURE_STATE_FINISHED,
    .worker_pid = worker_pid,
    .started = started,
    .value = mismatch == NULL ? value : NULL,
    .failure = mismatch != NULL ? mismatch : failure,
  };

  return settle (self, &outcome);
}

gboolean
ppool_record_settle_failure (PPoolRecord  *self,
                             PPoolFailure *failure)
{
  const Outcome outcome = { .state = PPOOL_FUTURE_STATE_FINISHED, .failure = failure };

  return settle (self, &outcome);
}

gboolean
ppool_record_settle_cancelled (PPoolRecord *self)
{
  g_autoptr (PPoolFailure) failure =
    ppool_failure_new (g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                    "The call of “%s” was cancelled before it ran",
                                    self->function));
  const Outcome outcome = { .state = PPOOL_FUTURE_STATE_CANCELLED, .failure = failure };

  return settle (self, &outcome);
}

static void
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      user_data)
{
  ppool_record_cancel (user_data);
}

static void
unref_closure_record (gpointer  data,
                      GClosure *closure G_GNUC_UNUSED)
{
  ppool_record_unref (data);
}

/* To be called before the call is queued, without a lock: the handler runs at
 * once if @cancellable is cancelled meanwhile. */
gboolean
ppool_record_connect_cancellable (PPoolRecord   *self,
                                  GCancellable  *cancellable,
                                  GError       **error)
{
  gulong handler;

  if (cancellable == NULL)
    return TRUE;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  handler = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancelled_cb),
                                   ppool_record_ref (self), unref_closure_record,
                                   G_CONNECT_DEFAULT);

  g_mutex_lock (&self->lock);
  self->cancellable = g_object_ref (cancellable);
  self->cancelled_handler = handler;
  g_mutex_unlock (&self->lock);

  /* Cancelled between the check and the connection: nobody was told. */
  if (g_cancellable_is_cancelled (cancellable))
    ppool_record_cancel (self);

  return TRUE;
}

/* Lets go of what the caller gave, once it is of no use. */
void
ppool_record_release_inputs (PPoolRecord *self)
{
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GVariant) args = NULL;
  gulong handler;

  if (!ppool_record_check (self, NULL))
    return;

  g_mutex_lock (&self->lock);
  cancellable = g_steal_pointer (&self->cancellable);
  handler = self->cancelled_handler;
  args = g_steal_pointer (&self->args);
  g_mutex_unlock (&self->lock);

  /* Not g_cancellable_disconnect(): it waits for the handler, in which this may
   * be running. */
  if (cancellable != NULL)
    g_signal_handler_disconnect (cancellable, handler);
}

/* Nobody will ask for the outcome, so the last one here releases the inputs. */
void
ppool_record_abandon (PPoolRecord *self)
{
  gboolean settled;

  g_mutex_lock (&self->lock);
  self->abandoned = TRUE;
  settled = is_settled (self);
  g_mutex_unlock (&self->lock);

  if (settled)
    ppool_record_release_inputs (self);
}

gboolean
ppool_record_cancel (PPoolRecord *self)
{
  return self->owner_funcs->cancel (self->owner, self);
}

gboolean
ppool_record_check (PPoolRecord  *self,
                    GError      **error)
{
  return self->owner_funcs->check == NULL || self->owner_funcs->check (self->owner, error);
}

GObject *
ppool_record_dup_source (PPoolRecord *self)
{
  return self->owner_funcs->dup_source (self->owner);
}

static void
refresh (PPoolRecord *self)
{
  gboolean pending;

  g_mutex_lock (&self->lock);
  pending = self->state == PPOOL_FUTURE_STATE_PENDING;
  g_mutex_unlock (&self->lock);

  if (pending && self->owner_funcs->refresh != NULL)
    self->owner_funcs->refresh (self->owner, self);
}

/* Whether a call that was sent ahead runs is only looked at when somebody asks. */
PPoolFutureState
ppool_record_get_state (PPoolRecord *self)
{
  PPoolFutureState state;

  /* Who waits for its end is not to wait for ever. */
  if (!ppool_record_check (self, NULL))
    return PPOOL_FUTURE_STATE_FINISHED;

  refresh (self);

  g_mutex_lock (&self->lock);
  state = self->state;
  g_mutex_unlock (&self->lock);

  return state;
}

const char *
ppool_record_get_function (PPoolRecord *self)
{
  return self->function;
}

gint64
ppool_record_get_queued_time (PPoolRecord *self)
{
  return ppool_record_check (self, NULL) ? self->history.queued_time : 0;
}

/* When what happened, and where. */
void
ppool_record_get_history (PPoolRecord        *self,
                          PPoolRecordHistory *history)
{
  memset (history, 0, sizeof *history);
  if (!ppool_record_check (self, NULL))
    return;

  refresh (self);

  g_mutex_lock (&self->lock);
  *history = self->history;
  g_mutex_unlock (&self->lock);
}

/* Waiting, and the outcome */

static gboolean
is_settled_cb (gpointer data)
{
  return is_settled (data);
}

/* Blocks until the call has settled; @timeout_msec -1 is no limit. */
gboolean
ppool_record_wait (PPoolRecord   *self,
                   int            timeout_msec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  const PPoolWaiter waiter = { &self->lock, &self->settled, &self->n_blocked, is_settled_cb, self };
  PPoolWaiterEnd end;

  if (!ppool_record_check (self, error))
    return FALSE;

  end = ppool_waiter_wait (&waiter, ppool_waiter_deadline (timeout_msec), cancellable);
  if (end == PPOOL_WAITER_CANCELLED)
    g_cancellable_set_error_if_cancelled (cancellable, error);
  else if (end == PPOOL_WAITER_TIMED_OUT)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "The call of “%s” had no result after %d ms", self->function, timeout_msec);

  return end == PPOOL_WAITER_MET;
}

/* Whether there is an outcome. No other lock than the record's is taken. */
gboolean
ppool_record_is_done (PPoolRecord *self)
{
  gboolean settled;

  /* Who waits for its end is not to wait for ever. */
  if (!ppool_record_check (self, NULL))
    return TRUE;

  g_mutex_lock (&self->lock);
  settled = is_settled (self);
  g_mutex_unlock (&self->lock);

  return settled;
}

/* When there was an outcome, or 0. Likewise. */
gint64
ppool_record_get_finished_time (PPoolRecord *self)
{
  gint64 time;

  if (!ppool_record_check (self, NULL))
    return 0;

  g_mutex_lock (&self->lock);
  time = self->history.finished_time;
  g_mutex_unlock (&self->lock);

  return time;
}

GVariant *
ppool_record_propagate (PPoolRecord  *self,
                        GError      **error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  GVariant *value = NULL;
  gboolean settled;

  if (!ppool_record_check (self, error))
    return NULL;

  g_mutex_lock (&self->lock);
  settled = is_settled (self);
  if (self->value != NULL)
    value = g_variant_ref (self->value);
  else if (self->failure != NULL)
    failure = ppool_failure_ref (self->failure);
  g_mutex_unlock (&self->lock);

  if (!settled)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING, "The call of “%s” is not done",
                   self->function);
      return NULL;
    }

  ppool_record_release_inputs (self);
  if (failure != NULL)
    g_propagate_error (error, g_error_copy (ppool_failure_get_error (failure)));

  return value;
}

GError *
ppool_record_get_error (PPoolRecord *self)
{
  GError *error = NULL;

  if (!ppool_record_check (self, &error))
    return error;

  g_mutex_lock (&self->lock);
  error = self->failure != NULL ? g_error_copy (ppool_failure_get_error (self->failure)) : NULL;
  g_mutex_unlock (&self->lock);

  return error;
}

/* Whether there is an error; a call that was cancelled has none in this sense. */
gboolean
ppool_record_has_failed (PPoolRecord *self)
{
  gboolean failed;

  g_mutex_lock (&self->lock);
  failed = self->state == PPOOL_FUTURE_STATE_FINISHED && self->failure != NULL;
  g_mutex_unlock (&self->lock);

  return failed;
}

/* Returns: FALSE if nobody will call it, because everything is over. */
gboolean
ppool_record_add_waiter (PPoolRecord       *self,
                         PPoolRecordWaiter *waiter)
{
  gboolean added = FALSE;

  if (!ppool_record_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  if (!is_settled (self) || self->telling)
    {
      waiter->is_waiting = TRUE;
      waiter->link.data = waiter;
      g_queue_push_tail_link (&self->waiters, &waiter->link);
      added = TRUE;
    }
  g_mutex_unlock (&self->lock);

  return added;
}

/* Returns: FALSE if it has been called, or is being called at this moment, or belongs to
 * another process. */
gboolean
ppool_record_remove_waiter (PPoolRecord       *self,
                            PPoolRecordWaiter *waiter)
{
  gboolean removed;

  if (!ppool_record_check (self, NULL))
    return FALSE;

  g_mutex_lock (&self->lock);
  removed = waiter->is_waiting;
  if (removed)
    g_queue_unlink (&self->waiters, &waiter->link);
  waiter->is_waiting = FALSE;
  g_mutex_unlock (&self->lock);

  return removed;
}
