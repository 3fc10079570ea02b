/* forked-test.c: an executor in a forked copy of its process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include "quiet.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process has when it is forked. */
typedef struct
{
  Busy busy;
  PPoolFuture *pending;  /* (owned) (nullable) */
  PPoolFuture *done;     /* (owned) (nullable) */
  PPoolCall *call;       /* (owned) */
  guint callback;
  guint n_called;
  guint n_destroyed;
} Load;

typedef void (*CopyFunc) (Load *load);

static void
called_cb (PPoolFuture *future,
           gpointer     user_data)
{
  ((Load *) user_data)->n_called++;
}

static void
destroyed_cb (gpointer user_data)
{
  ((Load *) user_data)->n_destroyed++;
}

static void
load_init (Load    *self,
           Harness *harness)
{
  *self = (Load){ 0 };
  busy_init (&self->busy, harness);
  ppool_executor_set_max_workers (self->busy.executor, 2);
  self->done = harness_submit (self->busy.executor, "echo", NULL);
  harness_assert_value (self->done, "()");
  ppool_executor_set_max_workers (self->busy.executor, 1);
  self->pending = harness_submit (self->busy.executor, "echo", NULL);
  self->call = harness_track (ppool_call_new ("echo", NULL));
  self->callback =
      ppool_future_add_done_callback (self->pending, called_cb, self, destroyed_cb);
}

static gboolean
was_called (gpointer user_data)
{
  return ((Load *) user_data)->n_destroyed == 1;
}

/* The original has not noticed anything. */
static void
load_clear (Load *self)
{
  gate_open (self->busy.visitor, "unharmed");
  harness_assert_value (self->busy.future, "'unharmed'");
  harness_assert_value (self->pending, "()");
  harness_assert_value (self->done, "()");
  harness_iterate_until (was_called, self);
  g_assert_cmpuint (self->n_called, ==, 1);
  harness_shut_down (self->busy.executor);
  g_clear_object (&self->pending);
  g_clear_object (&self->done);
  g_clear_object (&self->call);
  busy_clear (&self->busy);
}

/* Runs @func in a forked copy: it must come to an end, and well. */
static void
run_in_copy (CopyFunc  func,
             Load     *load)
{
  int status;
  int pid;

  wait_for_quiet ();
  pid = fork ();

  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      func (load);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static void
assert_foreign (GError *error)
{
  g_autofree char *expected = g_strdup_printf ("executor belongs to process %d", getppid ());

  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_assert_nonnull (strstr (error->message, expected));
  g_error_free (error);
}

/* Settings are what they were, and stay so. */
static void
use_executor (Load *load)
{
  PPoolExecutor *executor = load->busy.executor;
  GError *error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", g_variant_new ("(i)", 7), NULL, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_null (ppool_executor_submit_call (executor, load->call, NULL, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_null (ppool_executor_call_sync (executor, "echo", NULL, NULL, &error));
  assert_foreign (g_steal_pointer (&error));
  assert_foreign (ppool_executor_get_error (executor));
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_BROKEN);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);

  ppool_executor_set_max_workers (executor, 7);
  ppool_executor_set_grace_msec (executor, 7);
  ppool_executor_set_max_tasks_per_worker (executor, 7);
  g_assert_cmpuint (ppool_executor_get_max_workers (executor), ==, 1);
  g_assert_cmpuint (ppool_executor_get_max_tasks_per_worker (executor), ==, 0);
  g_assert_nonnull (ppool_executor_get_launcher (executor));
}

static void
end_executor (Load *load)
{
  PPoolExecutor *executor = load->busy.executor;
  GError *error = NULL;

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  ppool_executor_terminate_workers (executor);
  ppool_executor_kill_workers (executor);
  g_assert_false (ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL,
                                                &error));
  assert_foreign (g_steal_pointer (&error));
}

static void
use_future (PPoolFuture *future)
{
  GError *error = NULL;

  g_assert_null (ppool_future_result (future, -1, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_null (ppool_future_propagate (future, &error));
  assert_foreign (g_steal_pointer (&error));
  assert_foreign (ppool_future_get_error (future));
  g_assert_true (ppool_future_is_done (future));
  g_assert_false (ppool_future_is_cancelled (future));
  g_assert_false (ppool_future_cancel (future));
  g_assert_cmpuint (ppool_future_get_worker_pid (future), ==, 0);
  g_assert_cmpint (ppool_future_get_finished_time (future), ==, 0);
  g_assert_nonnull (ppool_future_get_function (future));
  g_assert_null (g_async_result_get_source_object (G_ASYNC_RESULT (future)));
}

static void
use_futures (Load *load)
{
  use_future (load->busy.future);
  use_future (load->pending);
  use_future (load->done);

  ppool_future_remove_done_callback (load->pending, load->callback);
  g_assert_cmpuint (load->n_destroyed, ==, 0);
  g_assert_cmpuint (ppool_future_add_done_callback (load->done, called_cb, load, destroyed_cb), ==,
                    0);
  g_assert_cmpuint (load->n_destroyed, ==, 1);
  g_assert_cmpuint (load->n_called, ==, 0);
}

/* It would wait for GLib's threads, which were not copied. */
static void
use_new_executor (Load *load)
{
  g_autofree char *expected = g_strdup_printf ("forked copy of process %d", getppid ());
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  g_autoptr (PPoolExecutor) executor = ppool_executor_new (launcher);
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_assert_nonnull (strstr (error->message, expected));
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
}

static void
drop (Load *load)
{
  g_clear_object (&load->pending);
  g_clear_object (&load->busy.executor);
  g_clear_object (&load->busy.future);
  g_clear_object (&load->done);
}

/* A25 */
static void
test_used (Harness *harness)
{
  Load load;

  load_init (&load, harness);
  run_in_copy (use_executor, &load);
  run_in_copy (end_executor, &load);
  run_in_copy (use_futures, &load);
  load_clear (&load);
}

static void
test_new (Harness *harness)
{
  Load load;

  load_init (&load, harness);
  run_in_copy (use_new_executor, &load);
  load_clear (&load);
}

static void
test_dropped (Harness *harness)
{
  Load load;

  load_init (&load, harness);
  run_in_copy (drop, &load);
  load_clear (&load);
}

static void
answer_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  guint *n_answers = user_data;
  GError *error = NULL;

  if (PPOOL_IS_FUTURE (source))
    g_assert_null (ppool_future_result_finish (PPOOL_FUTURE (source), result, &error));
  else if (g_async_result_is_tagged (result, ppool_executor_call_async))
    g_assert_null (ppool_executor_call_finish (PPOOL_EXECUTOR (source), result, &error));
  else
    g_assert_false (ppool_executor_shutdown_finish (PPOOL_EXECUTOR (source), result, &error));
  assert_foreign (error);
  (*n_answers)++;
}

/* A copy that has a context of its own is answered there. */
static void
ask (Load *load)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  guint n_answers = 0;

  g_main_context_push_thread_default (context);
  ppool_future_result_async (load->pending, NULL, answer_cb, &n_answers);
  ppool_future_result_async (load->done, NULL, answer_cb, &n_answers);
  ppool_executor_call_async (load->busy.executor, "echo", NULL, NULL, answer_cb, &n_answers);
  ppool_executor_shutdown_async (load->busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, answer_cb,
                                 &n_answers);
  g_assert_cmpuint (n_answers, ==, 0);
  while (n_answers < 4)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
}

static void
test_asked (Harness *harness)
{
  Load load;

  load_init (&load, harness);
  run_in_copy (ask, &load);
  load_clear (&load);
}

/* Threads that are stopped in the middle of the library, which they are while the
 * main context is locked: its owner, this thread, forks meanwhile. */

typedef struct
{
  Load *load;
  PPoolFuture *cancelled; /* (owned) */
  GThread *threads[2];    /* (owned) */
  int tids[2];            /* (atomic) */
  gboolean forked;
} Middle;

static gpointer
shut_down_thread (gpointer user_data)
{
  Middle *self = user_data;

  g_atomic_int_set (&self->tids[0], gettid ());
  ppool_executor_shutdown (self->load->busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);

  return NULL;
}

static gpointer
cancel_thread (gpointer user_data)
{
  Middle *self = user_data;

  g_atomic_int_set (&self->tids[1], gettid ());
  ppool_future_cancel (self->cancelled);

  return NULL;
}

/* Nobody else can wake it but who has the lock that it waits for. */
static void
wait_asleep (int *tid)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_SECONDS * G_USEC_PER_SEC;
  g_autofree char *task = NULL;
  gboolean asleep;

  while (g_atomic_int_get (tid) == 0)
    g_thread_yield ();
  task = g_strdup_printf ("%d", g_atomic_int_get (tid));
  while (!(asleep = is_task_asleep (task)) && g_get_monotonic_time () < end)
    g_thread_yield ();
  g_assert_true (asleep);
}

/* GLib calls it with its context locked. */
static void
fork_locked (gpointer data)
{
  Middle *self = data;

  if (self->forked)
    return;

  self->forked = TRUE;
  self->threads[1] = g_thread_new ("cancel", cancel_thread, self);
  wait_asleep (&self->tids[1]);
  self->threads[0] = g_thread_new ("shut-down", shut_down_thread, self);
  wait_asleep (&self->tids[0]);

  run_in_copy (use_executor, self->load);
  run_in_copy (end_executor, self->load);
  run_in_copy (use_futures, self->load);
  run_in_copy (drop, self->load);
}

static void
ignore (gpointer data)
{
}

static gboolean
source_cb (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

static void
get_callback (gpointer     data,
              GSource     *source,
              GSourceFunc *func,
              gpointer    *func_data)
{
  *func = source_cb;
  *func_data = NULL;
}

/* A25: whatever other threads were at. */
static void
test_in_the_middle (Harness *harness)
{
  static GSourceCallbackFuncs funcs = { fork_locked, ignore, get_callback };
  g_autoptr (GSource) source = g_idle_source_new ();
  Middle middle = { 0 };
  Load load;

  load_init (&load, harness);
  middle.load = &load;
  middle.cancelled = harness_submit (load.busy.executor, "echo", NULL);
  ppool_future_add_done_callback (middle.cancelled, called_cb, &load, NULL);
  g_source_set_callback_indirect (source, &middle, &funcs);
  g_source_attach (source, NULL);
  while (!middle.forked)
    g_main_context_iteration (NULL, TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (middle.threads); i++)
    g_thread_join (middle.threads[i]);
  g_assert_true (ppool_future_is_cancelled (middle.cancelled));
  while (load.n_called == 0)
    g_main_context_iteration (NULL, TRUE);
  load.n_called = 0;
  g_object_unref (middle.cancelled);
  load_clear (&load);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A25 */
  harness_add ("/executor/forked/used", test_used);
  harness_add ("/executor/forked/new", test_new);
  harness_add ("/executor/forked/dropped", test_dropped);
  harness_add ("/executor/forked/asked", test_asked);
  harness_add ("/executor/forked/in-the-middle", test_in_the_middle);

  return g_test_run ();
}
