/* shutdown-test.c: the end of an executor, asked for or not
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include <signal.h>

#define N_PENDING 3

static void
submit_pending (Busy        *busy,
                Harness     *harness,
                PPoolFuture *pending[N_PENDING])
{
  busy_init (busy, harness);
  for (guint i = 0; i < N_PENDING; i++)
    pending[i] = harness_submit (busy->executor, "add", harness_pair (i, 100));
}

static void
assert_finished (PPoolFuture *pending[N_PENDING])
{
  for (guint i = 0; i < N_PENDING; i++)
    {
      g_autofree char *expected = g_strdup_printf ("int64 %u", i + 100);

      harness_assert_value (pending[i], expected);
      g_clear_object (&pending[i]);
    }
}

static void
assert_cancelled (PPoolFuture *pending[N_PENDING])
{
  for (guint i = 0; i < N_PENDING; i++)
    {
      g_assert_true (ppool_future_is_cancelled (pending[i]));
      g_clear_object (&pending[i]);
    }
}

static void
assert_refused (PPoolExecutor *executor,
                int            code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, code);
}

/* GLib's own thread, which tells of an exit, closes the descriptors that it had for
 * that when it has told. */
static gboolean
is_soon_clean (Harness *harness)
{
  gint64 end = g_get_monotonic_time () + G_TIME_SPAN_SECOND;

  while (!leftovers_is_clean (harness->leftovers) && g_get_monotonic_time () < end)
    g_thread_yield ();

  return leftovers_is_clean (harness->leftovers);
}

/* A17: at once when the wait is over, not some time later. */
static void
assert_gone (PPoolExecutor *executor,
             Harness       *harness)
{
  g_autofree char *report = leftovers_report (harness->leftovers);

  g_test_message ("%s", report);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);
  g_assert_true (is_soon_clean (harness));
  g_assert_null (ppool_executor_get_error (executor));
  assert_refused (executor, PPOOL_ERROR_SHUT_DOWN);
}

static void
test_never_used (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolExecutor) dropped G_GNUC_UNUSED = harness_executor (2);

  harness_shut_down (executor);
  assert_gone (executor, harness);
}

static void
test_idle (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  harness_assert_works (executor);
  harness_shut_down (executor);
  assert_gone (executor, harness);
  harness_shut_down (executor);
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  assert_gone (executor, harness);
}

static void
test_finishes_pending (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  g_assert_cmpint (ppool_executor_get_state (busy.executor), ==,
                   PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  assert_refused (busy.executor, PPOOL_ERROR_SHUT_DOWN);
  g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, N_PENDING);
  gate_open (busy.visitor, "");
  assert_finished (pending);
  harness_shut_down (busy.executor);
  gate_free (g_steal_pointer (&busy.gate));
  assert_gone (busy.executor, harness);
  busy_clear (&busy);
}

static void
test_cancels_pending (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  assert_cancelled (pending);
  g_assert_true (ppool_future_is_running (busy.future));
  gate_open (busy.visitor, "ran");
  harness_assert_value (busy.future, "'ran'");
  busy_clear (&busy);
}

/* A later one may add something and take nothing back. */
static void
test_adds_cancelling (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  assert_cancelled (pending);
  gate_open (busy.visitor, "");
  busy_clear (&busy);
}

static gpointer
shut_down_thread (gpointer user_data)
{
  harness_shut_down (user_data);

  return NULL;
}

static void
test_threads (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  GThread *threads[6];
  Busy busy;

  submit_pending (&busy, harness, pending);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("closer", shut_down_thread, busy.executor);
  gate_open (busy.visitor, "");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  gate_free (g_steal_pointer (&busy.gate));
  assert_gone (busy.executor, harness);
  assert_finished (pending);
  busy_clear (&busy);
}

static gpointer
cancel_thread (gpointer user_data)
{
  g_cancellable_cancel (user_data);

  return NULL;
}

/* The wait ends, and the shutdown goes on. */
static void
test_cancelled_wait (Harness *harness)
{
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  g_autoptr (GError) error = NULL;
  PPoolFuture *pending[N_PENDING];
  GThread *thread;
  Busy busy;

  submit_pending (&busy, harness, pending);
  thread = g_thread_new ("canceller", cancel_thread, cancellable);
  g_assert_false (ppool_executor_shutdown_sync (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE,
                                                cancellable, &error));
  g_thread_join (thread);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (ppool_executor_get_state (busy.executor), ==,
                   PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  gate_open (busy.visitor, "");
  harness_shut_down (busy.executor);
  assert_finished (pending);
  busy_clear (&busy);
}

typedef struct
{
  gboolean done;
  gboolean success;
  GError *error;
} Answer;

static void
shut_down_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Answer *answer = user_data;

  answer->success =
      ppool_executor_shutdown_finish (PPOOL_EXECUTOR (source), result, &answer->error);
  answer->done = TRUE;
}

static gboolean
is_answered (gpointer user_data)
{
  return ((Answer *) user_data)->done;
}

static void
test_async (Harness *harness)
{
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  Answer patient = { 0 }, impatient = { 0 }, late = { 0 };
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, shut_down_cb,
                                 &patient);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, cancellable,
                                 shut_down_cb, &impatient);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL, NULL);
  g_cancellable_cancel (cancellable);
  harness_iterate_until (is_answered, &impatient);
  g_assert_false (impatient.success);
  g_assert_error (impatient.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&impatient.error);
  g_assert_false (patient.done);

  gate_open (busy.visitor, "");
  harness_iterate_until (is_answered, &patient);
  g_assert_true (patient.success);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  assert_finished (pending);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, shut_down_cb,
                                 &late);
  harness_iterate_until (is_answered, &late);
  g_assert_true (late.success);
  busy_clear (&busy);
}

static void
shut_down_in_callback_cb (PPoolFuture *future,
                          gpointer     user_data)
{
  Busy *busy = user_data;

  harness_shut_down (busy->executor);
  g_clear_object (&busy->executor);
  g_clear_object (&busy->future);
}

static gboolean
is_dropped (gpointer user_data)
{
  return ((Busy *) user_data)->executor == NULL;
}

/* Waiting is no problem there, as callbacks are no part of what is waited for. */
static void
test_in_callback (Harness *harness)
{
  Busy busy;

  busy_init (&busy, harness);
  ppool_future_add_done_callback (busy.future, shut_down_in_callback_cb, &busy, NULL);
  gate_open (busy.visitor, "");
  harness_iterate_until (is_dropped, &busy);
  busy_clear (&busy);
}

static void
count_cb (PPoolFuture *future,
          gpointer     user_data)
{
  (*(guint *) user_data)++;
}

static gboolean
is_counted (gpointer user_data)
{
  return *(guint *) user_data == N_PENDING + 1;
}

/* A17: nobody is called from within the wait. */
static void
test_no_callbacks (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  guint n_called = 0;
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_future_add_done_callback (busy.future, count_cb, &n_called, NULL);
  for (guint i = 0; i < N_PENDING; i++)
    ppool_future_add_done_callback (pending[i], count_cb, &n_called, NULL);
  gate_open (busy.visitor, "");
  harness_shut_down (busy.executor);
  g_assert_cmpuint (n_called, ==, 0);
  assert_finished (pending);
  harness_iterate_until (is_counted, &n_called);
  busy_clear (&busy);
}

static void
shut_down_async_in_callback_cb (PPoolFuture *future,
                                gpointer     user_data)
{
  g_autoptr (GObject) executor = g_async_result_get_source_object (G_ASYNC_RESULT (future));

  ppool_executor_shutdown_async (PPOOL_EXECUTOR (executor), PPOOL_SHUTDOWN_FLAGS_NONE, NULL,
                                 shut_down_cb, user_data);
}

static void
test_async_in_callback (Harness *harness)
{
  Answer answer = { 0 };
  Busy busy;

  busy_init (&busy, harness);
  ppool_future_add_done_callback (busy.future, shut_down_async_in_callback_cb, &answer, NULL);
  gate_open (busy.visitor, "");
  harness_iterate_until (is_answered, &answer);
  g_assert_true (answer.success);
  gate_free (g_steal_pointer (&busy.gate));
  assert_gone (busy.executor, harness);
  busy_clear (&busy);
}

/* A death that comes later changes what is said. */
static void
test_broken (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  kill (busy.visitor.pid, SIGKILL);
  for (guint i = 0; i < N_PENDING; i++)
    {
      harness_assert_broken (busy.executor, pending[i], PPOOL_ERROR_WORKER_DIED, "SIGKILL", NULL);
      g_object_unref (pending[i]);
    }
  gate_expect_death (busy.visitor);
  harness_shut_down (busy.executor);
  g_assert_cmpint (ppool_executor_get_state (busy.executor), ==, PPOOL_EXECUTOR_STATE_BROKEN);
  assert_refused (busy.executor, PPOOL_ERROR_BROKEN);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  busy_clear (&busy);
}

/* Workers that do not leave are made to. */
static void
test_stubborn_workers (Harness *harness)
{
  PPoolLauncher *launchers[] = {
    harness_raw_launcher ("init", "call", "return", "hang", NULL),
    harness_raw_launcher ("deaf", "init", "call", "return", "hang", NULL),
  };

  for (guint i = 0; i < G_N_ELEMENTS (launchers); i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor_on (launchers[i], 1);
      g_autoptr (PPoolFuture) future = NULL;

      ppool_executor_set_grace_msec (executor, 50);
      future = harness_submit (executor, "function", NULL);
      harness_assert_value (future, "@av []");
      harness_shut_down (executor);
      assert_gone (executor, harness);
    }
}

/* A worker that is still silent is nothing to wait for. */
static void
test_while_starting (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("deaf", "hang", NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  gint64 before;

  ppool_executor_set_grace_msec (executor, 50);
  future = harness_submit (executor, "function", NULL);
  before = g_get_monotonic_time ();
  g_assert_true (ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING, NULL,
                                               &error));
  g_assert_no_error (error);
  g_assert_true (ppool_future_is_cancelled (future));
  g_assert_cmpint (g_get_monotonic_time () - before, <, 5 * G_USEC_PER_SEC);
  assert_gone (executor, harness);
}

/* One that was asked to leave before its handshake, and doesn't, is not given all
 * the time that an initializer may take. */
static void
test_before_handshake (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autoptr (PPoolLauncher) launcher =
      harness_track (harness_raw_launcher ("deaf", step, "auth", "hang", NULL));
  g_autoptr (PPoolExecutor) executor = g_object_new (PPOOL_TYPE_EXECUTOR,
                                                     "launcher", launcher,
                                                     "max-workers", 1,
                                                     "initializer", "initialize",
                                                     "grace-msec", 300,
                                                     NULL);
  g_autoptr (PPoolFuture) future = harness_submit (harness_track (executor), "function", NULL);
  Visitor visitor = gate_wait (gate);

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  gate_open (visitor, "");
  harness_shut_down (executor);
  g_assert_true (ppool_future_is_cancelled (future));
  gate_free (g_steal_pointer (&gate));
  assert_gone (executor, harness);
}

/* A19 */
static void
test_dropped (Harness *harness)
{
  PPoolFuture *pending[N_PENDING];
  Busy busy;

  submit_pending (&busy, harness, pending);
  g_clear_object (&busy.executor);
  gate_open (busy.visitor, "ran");
  harness_assert_value (busy.future, "'ran'");
  assert_finished (pending);
  busy_clear (&busy);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A17 */
  harness_add ("/shutdown/never-used", test_never_used);
  harness_add ("/shutdown/idle", test_idle);
  harness_add ("/shutdown/pending/finishes", test_finishes_pending);
  harness_add ("/shutdown/pending/cancels", test_cancels_pending);
  harness_add ("/shutdown/pending/adds-cancelling", test_adds_cancelling);
  harness_add ("/shutdown/threads", test_threads);
  harness_add ("/shutdown/cancelled-wait", test_cancelled_wait);
  harness_add ("/shutdown/async", test_async);
  harness_add ("/shutdown/in-callback", test_in_callback);
  harness_add ("/shutdown/no-callbacks", test_no_callbacks);
  harness_add ("/shutdown/async-in-callback", test_async_in_callback);
  harness_add ("/shutdown/broken", test_broken);
  harness_add ("/shutdown/stubborn-workers", test_stubborn_workers);
  harness_add ("/shutdown/while-starting", test_while_starting);
  harness_add ("/shutdown/before-handshake", test_before_handshake);
  harness_add ("/shutdown/dropped", test_dropped);

  return g_test_run ();
}
