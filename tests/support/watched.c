/* watched.c: one call that must settle once, and those that wait for it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "watched.h"

#include <string.h>

#define N_CALLBACKS 2

/* An outcome is remembered when somebody sees it first; whoever sees another one
 * later has seen the call settle twice. */
typedef struct
{
  PPoolFutureState state;
  gint64 started_time;
  gint64 finished_time;
  guint worker_pid;
  GVariant *value; /* (owned) (nullable) */
  GError *error;   /* (owned) (nullable) */
} Outcome;

struct _Watched
{
  GVariant *args;      /* (owned) (nullable): until they are submitted */
  GVariant *args_copy; /* (owned) */
  int n_args_freed;    /* (atomic) */

  PPoolFuture *future; /* (owned) (nullable): NULL once it is dropped */
  GThread *thread;     /* (owned) (nullable) */
  int timeout_msec;
  int n_expected; /* (atomic): of those that are to be told */
  int n_told;     /* (atomic) */

  GMutex lock; /* guards what follows */
  gboolean is_seen;
  Outcome outcome;
};

/* Callbacks of one context are told in this order. */
typedef struct
{
  Watched *watched;      /* (unowned) */
  GMainContext *context; /* (owned) */
  guint n_called;
  guint n_destroyed;
} Listener;

typedef struct
{
  Listener *listener; /* (unowned): freed with the last */
  guint place;
} Callback;

static void
args_freed (gpointer user_data)
{
  Watched *self = user_data;

  g_assert_cmpint (g_atomic_int_add (&self->n_args_freed, 1), ==, 0);
}

Watched *
watched_new (GVariant *args)
{
  Watched *self = g_new0 (Watched, 1);

  g_mutex_init (&self->lock);
  self->args_copy = g_variant_ref_sink (args != NULL ? args : g_variant_new ("()"));
  self->args = g_variant_ref_sink (
      g_variant_new_from_data (g_variant_get_type (self->args_copy),
                               g_variant_get_data (self->args_copy),
                               g_variant_get_size (self->args_copy), TRUE, args_freed, self));

  return self;
}

static void
clear_outcome (Outcome *outcome)
{
  g_clear_pointer (&outcome->value, g_variant_unref);
  g_clear_error (&outcome->error);
}

/* The future, the executor and all who were waiting are gone by now. */
void
watched_free (Watched *self)
{
  if (self->thread != NULL)
    g_thread_join (self->thread);
  g_clear_pointer (&self->args, g_variant_unref);
  g_assert_cmpint (g_atomic_int_get (&self->n_args_freed), ==, 1);
  g_variant_unref (self->args_copy);
  clear_outcome (&self->outcome);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* (transfer none): to be submitted. */
GVariant *
watched_get_args (Watched *self)
{
  return self->args;
}

/* Takes @future. */
void
watched_accept (Watched     *self,
                PPoolFuture *future)
{
  self->future = future;
  g_clear_pointer (&self->args, g_variant_unref);
}

PPoolFuture *
watched_get_future (Watched *self)
{
  return self->future;
}

/* Outcomes */

static void
get_outcome (PPoolFuture *future,
             Outcome     *outcome)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ppool_future_is_done (future));
  g_assert_false (ppool_future_is_running (future));
  outcome->state = ppool_future_get_state (future);
  outcome->started_time = ppool_future_get_started_time (future);
  outcome->finished_time = ppool_future_get_finished_time (future);
  outcome->worker_pid = ppool_future_get_worker_pid (future);
  outcome->value = ppool_future_propagate (future, &outcome->error);
  error = ppool_future_get_error (future);

  g_assert_cmpint (outcome->finished_time, >=, ppool_future_get_queued_time (future));
  g_assert_cmpint (outcome->finished_time, >=, outcome->started_time);
  g_assert_true ((outcome->value == NULL) == (outcome->error != NULL));
  g_assert_true ((error == NULL) == (outcome->error == NULL));
  g_assert_true (ppool_future_is_cancelled (future) ==
                 (outcome->state == PPOOL_FUTURE_STATE_CANCELLED));
}

static void
assert_same (const Outcome *a,
             const Outcome *b)
{
  g_assert_cmpint (a->state, ==, b->state);
  g_assert_cmpint (a->started_time, ==, b->started_time);
  g_assert_cmpint (a->finished_time, ==, b->finished_time);
  g_assert_cmpuint (a->worker_pid, ==, b->worker_pid);
  g_assert_true ((a->value == NULL) == (b->value == NULL));
  if (a->value != NULL)
    g_assert_true (g_variant_equal (a->value, b->value));
  else
    {
      g_assert_error (b->error, a->error->domain, a->error->code);
      g_assert_cmpstr (a->error->message, ==, b->error->message);
      g_assert_true (a->error != b->error);
    }
}

static void
see (Watched     *self,
     PPoolFuture *future)
{
  Outcome seen = { 0 };

  get_outcome (future, &seen);
  g_mutex_lock (&self->lock);
  if (self->is_seen)
    {
      assert_same (&self->outcome, &seen);
      clear_outcome (&seen);
    }
  else
    {
      self->outcome = seen;
      self->is_seen = TRUE;
    }
  g_mutex_unlock (&self->lock);
}

/* Who waits */

static gpointer
wait_thread (gpointer user_data)
{
  Watched *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_future_result (self->future, self->timeout_msec, &error);

  g_assert_true ((value == NULL) == (error != NULL));
  see (self, self->future);
  g_atomic_int_inc (&self->n_told);

  return NULL;
}

void
watched_add_thread (Watched *self,
                    int      timeout_msec)
{
  self->timeout_msec = timeout_msec;
  g_atomic_int_inc (&self->n_expected);
  self->thread = g_thread_new ("watched", wait_thread, self);
}

static void
done_cb (PPoolFuture *future,
         gpointer     user_data)
{
  Callback *callback = user_data;
  Listener *listener = callback->listener;

  g_assert_true (g_main_context_is_owner (listener->context));
  g_assert_cmpuint (callback->place, ==, listener->n_called);
  listener->n_called++;
  see (listener->watched, future);
  g_atomic_int_inc (&listener->watched->n_told);
}

static void
destroy_cb (gpointer user_data)
{
  Callback *callback = user_data;
  Listener *listener = callback->listener;
  Watched *self = listener->watched;

  g_assert_true (g_main_context_is_owner (listener->context));
  g_assert_cmpuint (callback->place, ==, listener->n_destroyed);
  g_assert_cmpuint (callback->place, <, listener->n_called);
  if (++listener->n_destroyed == N_CALLBACKS)
    {
      g_main_context_unref (listener->context);
      g_free (listener);
    }
  g_free (callback);
  g_atomic_int_inc (&self->n_told);
}

static gboolean
add_callbacks_cb (gpointer user_data)
{
  Listener *listener = user_data;

  for (guint i = 0; i < N_CALLBACKS; i++)
    {
      Callback *callback = g_new0 (Callback, 1);

      callback->listener = listener;
      callback->place = i;
      ppool_future_add_done_callback (listener->watched->future, done_cb, callback, destroy_cb);
      /* Never inside of it. */
      g_assert_cmpuint (listener->n_called, ==, 0);
    }

  return G_SOURCE_REMOVE;
}

/* Has callbacks added in @context, which somebody iterates as its thread-default
 * one. They may come to a future that is done. */
void
watched_add_callbacks (Watched      *self,
                       GMainContext *context)
{
  Listener *listener = g_new0 (Listener, 1);

  listener->watched = self;
  listener->context = g_main_context_ref (context);
  g_atomic_int_add (&self->n_expected, 2 * N_CALLBACKS);
  g_main_context_invoke (context, add_callbacks_cb, listener);
}

static void
result_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Watched *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value =
      ppool_future_result_finish (PPOOL_FUTURE (source), result, &error);

  g_assert_true ((value == NULL) == (error != NULL));
  see (self, PPOOL_FUTURE (source));
  g_atomic_int_inc (&self->n_told);
}

void
watched_add_async (Watched *self)
{
  g_atomic_int_inc (&self->n_expected);
  ppool_future_result_async (self->future, NULL, result_cb, self);
}

void
watched_drop_future (Watched *self)
{
  g_clear_object (&self->future);
}

/* What came of it */

/* Nobody has the arguments any more. */
gboolean
watched_is_released (Watched *self)
{
  return g_atomic_int_get (&self->n_args_freed) > 0;
}

/* Settled, and everybody told. Of a call that nobody can ask about any more, it
 * is seen by its arguments. */
gboolean
watched_is_over (Watched *self)
{
  if (g_atomic_int_get (&self->n_told) < g_atomic_int_get (&self->n_expected))
    return FALSE;

  g_assert_cmpint (g_atomic_int_get (&self->n_told), ==, g_atomic_int_get (&self->n_expected));

  return self->future != NULL ? ppool_future_is_done (self->future) : watched_is_released (self);
}

/* The outcome must be what it was. */
void
watched_look_again (Watched *self)
{
  g_assert_true (watched_is_over (self));
  if (self->future != NULL)
    see (self, self->future);
}

/* (nullable) (transfer none): NULL too if nobody has seen the outcome. */
GError *
watched_get_error (Watched *self)
{
  return self->outcome.error;
}

GVariant *
watched_get_value (Watched *self)
{
  return self->outcome.value;
}

char *
watched_report (Watched *self)
{
  if (self->future == NULL)
    return g_strdup_printf ("dropped, arguments freed %d times\n",
                            g_atomic_int_get (&self->n_args_freed));

  return g_strdup_printf ("“%s” in state %d at worker %u, %d of %d told\n",
                          ppool_future_get_function (self->future),
                          ppool_future_get_state (self->future),
                          ppool_future_get_worker_pid (self->future),
                          g_atomic_int_get (&self->n_told), g_atomic_int_get (&self->n_expected));
}
