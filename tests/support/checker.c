/* checker.c: every accepted call settles exactly once, whatever happens
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "checker.h"

#include <string.h>

/* How often a condition is looked at for which there is no event. */
#define TICK_MSEC 2

struct _Checker
{
  Harness *harness;        /* (unowned) */
  PPoolExecutor *executor; /* (owned) */
  GMainContext *context;   /* (owned) */
  gint64 end;              /* monotonic */
  int n_attempts;          /* (atomic): to submit */
  guint n_over;            /* of the first calls */

  GMutex lock;             /* guards what follows */
  GPtrArray *calls;        /* (owned) (element-type Watched) */

  /* A second context with a thread of its own. */
  GMainContext *other;    /* (owned) (nullable) */
  GMainLoop *other_loop;  /* (owned) (nullable) */
  GThread *other_thread;  /* (owned) (nullable) */
};

/* Takes @executor. */
Checker *
checker_new (Harness       *harness,
             PPoolExecutor *executor)
{
  Checker *self = g_new0 (Checker, 1);

  self->harness = harness;
  self->executor = executor;
  self->context = g_main_context_ref_thread_default ();
  checker_allow (self, CHECKER_SECONDS);
  g_mutex_init (&self->lock);
  self->calls = g_ptr_array_new_with_free_func ((GDestroyNotify) watched_free);

  return self;
}

/* From now on, instead of the usual bound. */
void
checker_allow (Checker *self,
               guint    seconds)
{
  self->end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
}

PPoolExecutor *
checker_get_executor (Checker *self)
{
  return self->executor;
}

static gpointer
other_thread (gpointer user_data)
{
  Checker *self = user_data;

  g_main_context_push_thread_default (self->other);
  g_main_loop_run (self->other_loop);
  g_main_context_pop_thread_default (self->other);

  return NULL;
}

/* (transfer none) */
static GMainContext *
ensure_other (Checker *self)
{
  g_mutex_lock (&self->lock);
  if (self->other == NULL)
    {
      self->other = g_main_context_new ();
      self->other_loop = g_main_loop_new (self->other, FALSE);
      self->other_thread = g_thread_new ("other-context", other_thread, self);
    }
  g_mutex_unlock (&self->lock);

  return self->other;
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_REMOVE;
}

static void
end_other (Checker *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  if (self->other == NULL)
    return;

  /* Not g_main_context_invoke(): the loop may not run yet. */
  g_source_set_callback (source, quit_cb, self->other_loop, NULL);
  g_source_attach (source, self->other);
  g_thread_join (g_steal_pointer (&self->other_thread));
  g_clear_pointer (&self->other_loop, g_main_loop_unref);
  g_clear_pointer (&self->other, g_main_context_unref);
}

/* Submitting */

static Watched *
call_at (Checker *self,
         guint    index)
{
  Watched *call;

  g_mutex_lock (&self->lock);
  call = g_ptr_array_index (self->calls, index);
  g_mutex_unlock (&self->lock);

  return call;
}

guint
checker_get_n_calls (Checker *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->calls->len;
  g_mutex_unlock (&self->lock);

  return n;
}

/* How many of them are known to be done. */
guint
checker_get_n_done (Checker *self)
{
  guint n = 0;

  for (guint i = 0; i < checker_get_n_calls (self); i++)
    {
      PPoolFuture *future = checker_get_future (self, i);

      n += future != NULL && ppool_future_is_done (future);
    }

  return n;
}

/* (nullable) (transfer none): NULL if it was dropped. */
PPoolFuture *
checker_get_future (Checker *self,
                    guint    index)
{
  return watched_get_future (call_at (self, index));
}

static void
wait_by (Checker        *self,
         Watched        *call,
         gboolean        is_odd,
         CheckerWaiting  waiting)
{
  switch (waiting)
    {
    case CHECKER_BY_THREAD:
      watched_add_thread (call, CHECKER_SECONDS * 1000);
      break;
    case CHECKER_BY_CALLBACK:
      watched_add_callbacks (call, self->context);
      watched_add_callbacks (call, ensure_other (self));
      watched_add_async (call);
      break;
    case CHECKER_BY_NOBODY:
      if (!is_odd)
        watched_drop_future (call);
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
assert_refusal (Checker      *self,
                const GError *error)
{
  PPoolExecutorState state = ppool_executor_get_state (self->executor);
  int code = state == PPOOL_EXECUTOR_STATE_BROKEN ? PPOOL_ERROR_BROKEN : PPOOL_ERROR_SHUT_DOWN;

  g_assert_cmpint (state, !=, PPOOL_EXECUTOR_STATE_RUNNING);
  g_assert_error (error, PPOOL_ERROR, code);
}

/* Takes @watched, @future and @error. */
static Watched *
keep (Checker        *self,
      CheckerWaiting  waiting,
      gboolean        is_odd,
      Watched        *call,
      PPoolFuture    *future,
      GError         *error)
{
  g_assert_true ((future == NULL) == (error != NULL));
  if (future == NULL)
    {
      assert_refusal (self, error);
      g_error_free (error);
      watched_free (call);
      return NULL;
    }

  watched_accept (call, harness_track (future));
  wait_by (self, call, is_odd, waiting);
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->calls, call);
  g_mutex_unlock (&self->lock);

  return call;
}

/* (nullable): NULL if the call was refused. */
Watched *
checker_submit (Checker        *self,
                CheckerWaiting  waiting,
                const char     *function,
                GVariant       *args)
{
  Watched *watched = watched_new (args);
  gboolean is_odd = g_atomic_int_add (&self->n_attempts, 1) % 2 != 0;
  GError *error = NULL;
  PPoolFuture *future = ppool_executor_submit (self->executor, function,
                                               watched_get_args (watched), NULL, &error);

  return keep (self, waiting, is_odd, watched, future, error);
}

/* Likewise, with the options of @call, whose function is called with @args. */
Watched *
checker_submit_call (Checker        *self,
                     CheckerWaiting  waiting,
                     PPoolCall      *call,
                     GVariant       *args)
{
  Watched *watched = watched_new (args);
  gboolean is_odd = g_atomic_int_add (&self->n_attempts, 1) % 2 != 0;
  g_autoptr (PPoolCall) copy = ppool_call_new (ppool_call_get_function (call),
                                               watched_get_args (watched));
  GError *error = NULL;
  PPoolFuture *future;

  ppool_call_set_timeout_msec (copy, ppool_call_get_timeout_msec (call));
  ppool_call_set_queue_timeout_msec (copy, ppool_call_get_queue_timeout_msec (call));
  ppool_call_set_max_retries (copy, ppool_call_get_max_retries (call));
  future = ppool_executor_submit_call (self->executor, copy, NULL, &error);

  return keep (self, waiting, is_odd, watched, future, error);
}

/* Waiting */

static G_NORETURN void
report (Checker    *self,
        const char *why)
{
  g_autofree char *left = harness_report (self->harness);

  for (guint i = 0; i < checker_get_n_calls (self); i++)
    {
      g_autofree char *text = watched_report (call_at (self, i));

      g_test_message ("call %u: %s", i, text);
    }
  if (self->executor != NULL)
    g_test_message ("state %d, %u workers, %u pending, %u running",
                    ppool_executor_get_state (self->executor),
                    ppool_executor_get_n_workers (self->executor),
                    ppool_executor_get_n_pending (self->executor),
                    ppool_executor_get_n_running (self->executor));
  g_error ("%s; left: %s", why, left);
}

/* What is counted is not settled, and there are not more workers than allowed. */
static void
assert_counts (Checker *self)
{
  guint n_done, n_pending, n_running, n_open;

  if (self->executor == NULL)
    return;

  n_done = checker_get_n_done (self);
  n_pending = ppool_executor_get_n_pending (self->executor);
  n_running = ppool_executor_get_n_running (self->executor);
  n_open = g_atomic_int_get (&self->n_attempts) - n_done;

  g_assert_cmpuint (n_pending, <=, n_open);
  g_assert_cmpuint (n_running, <=, n_open);
  g_assert_cmpuint (ppool_executor_get_n_workers (self->executor), <=,
                    ppool_executor_get_max_workers (self->executor));
}

static gboolean
tick_cb (gpointer user_data)
{
  assert_counts (user_data);

  return G_SOURCE_CONTINUE;
}

/* Iterates the context until then, within the bound. */
void
checker_wait_for (Checker   *self,
                  gboolean (*condition) (gpointer user_data),
                  gpointer   user_data)
{
  g_autoptr (GSource) tick = g_timeout_source_new (TICK_MSEC);

  g_source_set_callback (tick, tick_cb, self, NULL);
  g_source_attach (tick, self->context);
  while (!condition (user_data))
    {
      if (g_get_monotonic_time () > self->end)
        report (self, "It takes too long");
      g_main_context_iteration (self->context, TRUE);
    }
  g_source_destroy (tick);
}

static gboolean
is_over (gpointer user_data)
{
  Checker *self = user_data;

  while (self->n_over < checker_get_n_calls (self) &&
         watched_is_over (call_at (self, self->n_over)))
    self->n_over++;

  return self->n_over == checker_get_n_calls (self);
}

/* Whether every call has settled and everybody was told. */
gboolean
checker_is_over (Checker *self)
{
  return is_over (self);
}

/* Until every call has settled and everybody was told. */
void
checker_wait (Checker *self)
{
  self->n_over = 0;
  checker_wait_for (self, is_over, self);
  for (guint i = 0; i < checker_get_n_calls (self); i++)
    watched_look_again (call_at (self, i));
}

/* What was seen; of calls that were dropped nothing was. */

void
checker_assert_value (Checker *self,
                      guint    index)
{
  if (checker_get_future (self, index) == NULL)
    return;

  g_assert_no_error (watched_get_error (call_at (self, index)));
  g_assert_nonnull (watched_get_value (call_at (self, index)));
}

/* @text and @more are texts that the message must have, or NULL. */
void
checker_assert_error (Checker    *self,
                      guint       index,
                      GQuark      domain,
                      int         code,
                      const char *text,
                      const char *more)
{
  const GError *error = watched_get_error (call_at (self, index));

  if (checker_get_future (self, index) == NULL)
    return;

  if (text == NULL)
    harness_assert_error (error, domain, code, NULL);
  else
    harness_assert_error (error, domain, code, text, more, NULL);
}

/* The end */

static void
shut_down_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ppool_executor_shutdown_finish (PPOOL_EXECUTOR (source), result, &error));
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

static gboolean
is_true (gpointer user_data)
{
  return *(gboolean *) user_data;
}

static void
assert_ended (Checker *self,
              int      cause)
{
  g_autoptr (GError) reason = ppool_executor_get_error (self->executor);

  if (cause < 0)
    g_assert_no_error (reason);
  else
    g_assert_error (reason, PPOOL_ERROR, cause);
  g_assert_cmpint (ppool_executor_get_state (self->executor), ==,
                   cause < 0 ? PPOOL_EXECUTOR_STATE_SHUT_DOWN : PPOOL_EXECUTOR_STATE_BROKEN);
  g_assert_cmpuint (ppool_executor_get_n_workers (self->executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (self->executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (self->executor), ==, 0);
  if (leftovers_count_children () > 0)
    report (self, "A child is left");
  g_assert_false (checker_submit (self, CHECKER_BY_NOBODY, "late", NULL));
}

static gboolean
is_clean (gpointer user_data)
{
  Checker *self = user_data;

  for (guint i = 0; i < checker_get_n_calls (self); i++)
    if (!watched_is_released (call_at (self, i)))
      return FALSE;

  return harness_is_clean (self->harness);
}

static void
shut_down (Checker *self)
{
  gboolean is_shut_down = FALSE;

  ppool_executor_shutdown_async (self->executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, shut_down_cb,
                                 &is_shut_down);
  checker_wait_for (self, is_true, &is_shut_down);
}

static void
free_all (Checker *self)
{
  end_other (self);
  for (guint i = 0; i < checker_get_n_calls (self); i++)
    watched_drop_future (call_at (self, i));
  g_clear_object (&self->executor);
  checker_wait_for (self, is_clean, self);
  g_ptr_array_unref (self->calls);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Shuts the executor down and frees everything. @cause is that of a pool that
 * must be broken by now, -1 for none. */
void
checker_end (Checker *self,
             int      cause)
{
  checker_wait (self);
  shut_down (self);
  assert_ended (self, cause);

  /* Callbacks that come late, to outcomes that are what they were. */
  for (guint i = 0; i < checker_get_n_calls (self); i++)
    if (checker_get_future (self, i) != NULL)
      watched_add_callbacks (call_at (self, i), self->context);
  checker_wait (self);
  free_all (self);
}

/* The same without a shutdown: the last reference goes now, whatever is under
 * way. */
void
checker_drop (Checker *self)
{
  g_clear_object (&self->executor);
  checker_wait (self);
  free_all (self);
}
