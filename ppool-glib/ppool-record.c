/* ppool-record.c: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-private.h"

#include "ppool-error.h"

/* A record is shared by the future that a caller holds and by the pool that
 * runs the call; each has a reference. It settles once: the first of the three
 * settle functions decides, the others return FALSE. Who waits is told in the
 * order of arrival, outside of the lock, by the thread that settled; one that
 * arrives meanwhile is told by that thread too, behind the earlier ones.
 *
 * What the caller gave (arguments, cancellable) is let go by the caller's
 * threads, which ask for the outcome, and not where it is settled: both may end
 * in code of the application or of a language. A record that nobody asks about
 * any more is the exception.
 *
 * Stage and link belong to the pool and are guarded by its lock, which is taken
 * before this one. */

struct _PPoolFailure
{
  GError *error; /* (owned) */
};

typedef struct _Waiter Waiter;

struct _Waiter
{
  Waiter *next; /* (owned) (nullable) */
  PPoolRecordFunc func;
  gpointer data;
};

struct _PPoolRecord
{
  /* Constant. */
  char *function;            /* (owned) */
  GVariantType *result_type; /* (owned) (nullable) */
  const PPoolRecordOwner *owner_funcs;
  gpointer owner; /* (owned) */
  gint64 queued_time;

  /* Guarded by the pool's lock. */
  PPoolRecordStage stage;
  GList link;
  guint64 id;

  GMutex lock; /* guards what follows */
  GCond settled;
  PPoolFutureState state;
  gboolean telling;           /* the waiters are being told */
  gboolean abandoned;         /* no future asks for the outcome any more */
  Waiter *waiters;            /* (owned) (nullable) */
  GVariant *args;             /* (owned) (nullable); NULL once released */
  GCancellable *cancellable;  /* (owned) (nullable) */
  gulong cancelled_handler;   /* 0 while it is being connected */
  GVariant *value;            /* (owned) (nullable) */
  PPoolFailure *failure;      /* (owned) (nullable) */
  guint worker_pid;
  gint64 started_time;
  gint64 finished_time;
};

PPoolFailure *
ppool_failure_new (GError *error)
{
  PPoolFailure *self = g_atomic_rc_box_new (PPoolFailure);

  self->error = error;
  return self;
}

PPoolFailure *
ppool_failure_ref (PPoolFailure *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_failure (gpointer data)
{
  PPoolFailure *self = data;

  g_error_free (self->error);
}

void
ppool_failure_unref (PPoolFailure *self)
{
  g_atomic_rc_box_release_full (self, free_failure);
}

const GError *
ppool_failure_get_error (PPoolFailure *self)
{
  return self->error;
}

/* Sinks @args and takes @owner. */
PPoolRecord *
ppool_record_new (const char             *function,
                  GVariant               *args,
                  const GVariantType     *result_type,
                  const PPoolRecordOwner *owner_funcs,
                  gpointer                owner)
{
  PPoolRecord *self = g_atomic_rc_box_new0 (PPoolRecord);

  self->function = g_strdup (function);
  self->args = g_variant_ref_sink (args != NULL ? args : g_variant_new_tuple (NULL, 0));
  self->result_type = result_type != NULL ? g_variant_type_copy (result_type) : NULL;
  self->owner_funcs = owner_funcs;
  self->owner = owner;
  self->queued_time = g_get_monotonic_time ();
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

  g_assert (self->waiters == NULL);

  ppool_record_release_inputs (self);
  g_free (self->function);
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

void
ppool_record_start (PPoolRecord *self,
                    guint        worker_pid)
{
  g_mutex_lock (&self->lock);
  if (self->state == PPOOL_FUTURE_STATE_PENDING)
    {
      self->state = PPOOL_FUTURE_STATE_RUNNING;
      self->started_time = g_get_monotonic_time ();
      self->worker_pid = worker_pid;
    }
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

static gboolean
is_settled (PPoolRecord *self)
{
  return self->state == PPOOL_FUTURE_STATE_FINISHED ||
         self->state == PPOOL_FUTURE_STATE_CANCELLED;
}

static void
tell_waiters (PPoolRecord *self)
{
  Waiter *waiter;

  while ((waiter = self->waiters) != NULL)
    {
      self->waiters = waiter->next;
      g_mutex_unlock (&self->lock);
      waiter->func (self, waiter->data);
      g_slice_free (Waiter, waiter);
      g_mutex_lock (&self->lock);
    }

  self->telling = FALSE;
}

static gboolean
settle (PPoolRecord      *self,
        PPoolFutureState  state,
        GVariant         *value,
        PPoolFailure     *failure)
{
  /* Once settled, the record may be dropped by everybody else. */
  g_autoptr (PPoolRecord) held = ppool_record_ref (self);
  gboolean abandoned;

  g_mutex_lock (&self->lock);
  if (is_settled (self))
    {
      g_mutex_unlock (&self->lock);
      return FALSE;
    }

  self->state = state;
  self->value = value != NULL ? g_variant_ref (value) : NULL;
  self->failure = failure != NULL ? ppool_failure_ref (failure) : NULL;
  self->finished_time = g_get_monotonic_time ();
  self->telling = TRUE;
  g_cond_broadcast (&self->settled);
  tell_waiters (self);
  abandoned = self->abandoned;
  g_mutex_unlock (&self->lock);

  if (abandoned)
    ppool_record_release_inputs (self);

  return TRUE;
}

gboolean
ppool_record_settle_value (PPoolRecord *self,
                           GVariant    *value)
{
  g_autoptr (PPoolFailure) failure = NULL;

  if (self->result_type == NULL || g_variant_is_of_type (value, self->result_type))
    return settle (self, PPOOL_FUTURE_STATE_FINISHED, value, NULL);

  failure = ppool_failure_new (
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                 "The function “%s” returned a value of type “%s” where “%.*s” was asked for",
                 self->function, g_variant_get_type_string (value),
                 (int) g_variant_type_get_string_length (self->result_type),
                 g_variant_type_peek_string (self->result_type)));

  return settle (self, PPOOL_FUTURE_STATE_FINISHED, NULL, failure);
}

gboolean
ppool_record_settle_failure (PPoolRecord  *self,
                             PPoolFailure *failure)
{
  return settle (self, PPOOL_FUTURE_STATE_FINISHED, NULL, failure);
}

gboolean
ppool_record_settle_cancelled (PPoolRecord *self)
{
  g_autoptr (PPoolFailure) failure =
    ppool_failure_new (g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                    "The call of “%s” was cancelled before it ran",
                                    self->function));

  return settle (self, PPOOL_FUTURE_STATE_CANCELLED, NULL, failure);
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
  return self->owner_funcs->check (self->owner, error);
}

GObject *
ppool_record_dup_source (PPoolRecord *self)
{
  return self->owner_funcs->dup_source (self->owner);
}

PPoolFutureState
ppool_record_get_state (PPoolRecord *self)
{
  PPoolFutureState state;

  g_mutex_lock (&self->lock);
  state = self->state;
  g_mutex_unlock (&self->lock);

  return state;
}

static void
interrupted_cb (GCancellable *cancellable G_GNUC_UNUSED,
                gpointer      user_data)
{
  PPoolRecord *self = user_data;

  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->settled);
  g_mutex_unlock (&self->lock);
}

static gboolean
wait_locked (PPoolRecord   *self,
             int            timeout_msec,
             GCancellable  *cancellable,
             GError       **error)
{
  gint64 deadline = g_get_monotonic_time () + timeout_msec * G_TIME_SPAN_MILLISECOND;

  while (!is_settled (self))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;

      if (timeout_msec < 0)
        g_cond_wait (&self->settled, &self->lock);
      else if (!g_cond_wait_until (&self->settled, &self->lock, deadline) && !is_settled (self))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                       "The call of “%s” had no result after %d ms", self->function,
                       timeout_msec);
          return FALSE;
        }
    }

  return TRUE;
}

/* Blocks until the call has settled; @timeout_msec -1 is no limit. */
gboolean
ppool_record_wait (PPoolRecord   *self,
                   int            timeout_msec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  gulong handler = 0;
  gboolean settled;

  if (cancellable != NULL)
    handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (interrupted_cb), self);

  g_mutex_lock (&self->lock);
  settled = wait_locked (self, timeout_msec, cancellable, error);
  g_mutex_unlock (&self->lock);

  /* Waits for a handler that is still running in another thread. */
  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return settled;
}

GVariant *
ppool_record_propagate (PPoolRecord  *self,
                        GError      **error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  GVariant *value = NULL;
  gboolean settled;

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
    g_propagate_error (error, g_error_copy (failure->error));

  return value;
}

GError *
ppool_record_get_error (PPoolRecord *self)
{
  GError *error;

  g_mutex_lock (&self->lock);
  error = self->failure != NULL ? g_error_copy (self->failure->error) : NULL;
  g_mutex_unlock (&self->lock);

  return error;
}

/* Returns: FALSE if nobody will call @func, because everything is over. */
gboolean
ppool_record_add_waiter (PPoolRecord     *self,
                         PPoolRecordFunc  func,
                         gpointer         data)
{
  gboolean added = FALSE;

  g_mutex_lock (&self->lock);
  if (!is_settled (self) || self->telling)
    {
      Waiter **end = &self->waiters;

      while (*end != NULL)
        end = &(*end)->next;
      *end = g_slice_new0 (Waiter);
      (*end)->func = func;
      (*end)->data = data;
      added = TRUE;
    }
  g_mutex_unlock (&self->lock);

  return added;
}

const char *
ppool_record_get_function (PPoolRecord *self)
{
  return self->function;
}

guint
ppool_record_get_worker_pid (PPoolRecord *self)
{
  guint pid;

  g_mutex_lock (&self->lock);
  pid = self->worker_pid;
  g_mutex_unlock (&self->lock);

  return pid;
}

gint64
ppool_record_get_queued_time (PPoolRecord *self)
{
  return self->queued_time;
}

gint64
ppool_record_get_started_time (PPoolRecord *self)
{
  gint64 time;

  g_mutex_lock (&self->lock);
  time = self->started_time;
  g_mutex_unlock (&self->lock);

  return time;
}

gint64
ppool_record_get_finished_time (PPoolRecord *self)
{
  gint64 time;

  g_mutex_lock (&self->lock);
  time = self->finished_time;
  g_mutex_unlock (&self->lock);

  return time;
}
