/* cancel-test.c: cancelling calls
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#define N_RACES 300

static void
assert_cancelled (PPoolFuture *future)
{
  g_autoptr (GError) error = harness_failure (future);
  g_autoptr (GError) again = ppool_future_get_error (future);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (again, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (ppool_future_is_cancelled (future));
  g_assert_true (ppool_future_is_done (future));
  g_assert_false (ppool_future_is_running (future));
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_CANCELLED);
}

static void
test_cancel (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  Busy busy;
  g_autoptr (PPoolFuture) never = NULL;

  busy_init (&busy, harness);
  never = harness_submit (busy.executor, "append", g_variant_new ("(ss)", path, "ran"));
  g_assert_false (ppool_future_cancel (busy.future));
  g_assert_false (ppool_future_is_done (busy.future));

  g_assert_true (ppool_future_cancel (never));
  g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, 0);
  assert_cancelled (never);
  g_assert_true (ppool_future_cancel (never));

  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  g_assert_false (ppool_future_cancel (busy.future));
  harness_assert_works (busy.executor);
  assert_cancelled (never);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  busy_clear (&busy);
}

/* The error alone is no sign of a cancelled call. */
static void
test_cancel_lookalike (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (
      executor, "fail",
      g_variant_new ("(sis)", "g-io-error-quark", G_IO_ERROR_CANCELLED, "not quite"));
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "not quite", NULL);
  g_assert_false (ppool_future_is_cancelled (future));
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
}

static gpointer
cancel_thread (gpointer user_data)
{
  g_cancellable_cancel (user_data);

  return NULL;
}

static void
cancel_in_thread (GCancellable *cancellable)
{
  g_thread_join (g_thread_new ("canceller", cancel_thread, cancellable));
}

static void
test_cancellable_before (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  g_autoptr (GError) error = NULL;

  cancel_in_thread (cancellable);
  g_assert_null (ppool_executor_submit (executor, "echo", NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (ppool_executor_call_sync (executor, "echo", NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
}

static void
test_cancellable_pending (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  PPoolFuture *futures[3];
  Busy busy;

  busy_init (&busy, harness);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = harness_track (ppool_executor_submit (busy.executor, "append",
                                                       g_variant_new ("(ss)", path, "ran"),
                                                       cancellable, NULL));
  cancel_in_thread (cancellable);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      assert_cancelled (futures[i]);
      g_object_unref (futures[i]);
    }
  gate_open (busy.visitor, "");
  harness_assert_works (busy.executor);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  busy_clear (&busy);
}

/* It is too late for a call that a worker has, or had. */
static void
test_cancellable_late (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (GCancellable) during = harness_track (g_cancellable_new ());
  g_autoptr (GCancellable) after = harness_track (g_cancellable_new ());
  g_autoptr (PPoolFuture) first = NULL;
  g_autoptr (PPoolFuture) second = NULL;
  Visitor visitor;

  first = harness_track (ppool_executor_submit (
      executor, "gate", g_variant_new ("(s)", gate_get_path (gate)), during, NULL));
  visitor = gate_wait (gate);
  cancel_in_thread (during);
  g_assert_false (ppool_future_is_cancelled (first));
  gate_open (visitor, "ran");
  harness_assert_value (first, "'ran'");

  second = harness_track (ppool_executor_submit (executor, "echo", NULL, after, NULL));
  harness_assert_value (second, "()");
  cancel_in_thread (after);
  harness_assert_value (second, "()");
}

typedef struct
{
  PPoolExecutor *executor;
  GCancellable *cancellable;
  const char *path;
  GError *error;
  gboolean done;
} Wait;

static gpointer
call_sync_thread (gpointer user_data)
{
  Wait *wait = user_data;

  g_assert_null (ppool_executor_call_sync (wait->executor, "gate",
                                           g_variant_new ("(s)", wait->path), wait->cancellable,
                                           &wait->error));

  return NULL;
}

static void
called_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Wait *wait = user_data;

  g_assert_null (ppool_executor_call_finish (PPOOL_EXECUTOR (source), result, &wait->error));
  wait->done = TRUE;
}

static gboolean
is_over (gpointer user_data)
{
  return ((Wait *) user_data)->done;
}

/* Where somebody waits for the value, the wait ends and the function does not. */
static void
test_cancellable_wait (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  Wait sync = { executor, cancellable, gate_get_path (gate), NULL, FALSE };
  Wait async = sync;
  GThread *thread = g_thread_new ("caller", call_sync_thread, &sync);
  Visitor visitors[2];

  ppool_executor_call_async (executor, "gate", g_variant_new ("(s)", async.path), cancellable,
                             called_cb, &async);
  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    visitors[i] = gate_wait (gate);
  cancel_in_thread (cancellable);
  g_thread_join (thread);
  harness_iterate_until (is_over, &async);
  g_assert_error (sync.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (async.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 2);

  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    gate_open (visitors[i], "");
  harness_assert_works (executor);
  g_error_free (sync.error);
  g_error_free (async.error);
}

/* The cancellable belongs to the caller: nothing holds it when calls are done. */
static void
test_cancellable_released (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GCancellable *cancellable = g_cancellable_new ();
  g_autoptr (PPoolFuture) future =
      harness_track (ppool_executor_submit (executor, "echo", NULL, cancellable, NULL));

  harness_assert_value (future, "()");
  harness_track (cancellable);
  g_object_unref (cancellable);
}

static void
count_cb (PPoolFuture *future,
          gpointer     user_data)
{
  (*(guint *) user_data)++;
}

static gboolean
are_all_counted (gpointer user_data)
{
  return *(guint *) user_data == N_RACES;
}

/* Whoever wins, a call settles once, and as cancelled only if it never ran. */
static void
test_cancellable_race (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autofree char *log = NULL;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  guint n_settled = 0, n_refused = 0, n_cancelled = 0;

  for (guint i = 0; i < N_RACES; i++)
    {
      g_autofree char *line = g_strdup_printf ("%u.", i);
      g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
      GThread *thread = g_thread_new ("canceller", cancel_thread, cancellable);
      g_autoptr (PPoolFuture) future =
          ppool_executor_submit (executor, "append", g_variant_new ("(ss)", path, line),
                                   cancellable, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      n_refused += future == NULL;
      g_thread_join (thread);
      if (future == NULL)
        continue;

      harness_track (future);
      ppool_future_add_done_callback (future, count_cb, &n_settled, NULL);
      value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);
      g_assert_true ((value == NULL) == ppool_future_is_cancelled (future));
      if (value == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      n_cancelled += value == NULL;
    }

  n_settled += n_refused;
  harness_iterate_until (are_all_counted, &n_settled);
  harness_shut_down (executor);
  g_test_message ("%u refused, %u cancelled", n_refused, n_cancelled);
  if (g_file_get_contents (path, &log, NULL, NULL))
    {
      g_auto (GStrv) lines = g_strsplit (log, "\n", -1);

      g_assert_cmpuint (g_strv_length (lines) - 1, ==, N_RACES - n_refused - n_cancelled);
    }
  else
    g_assert_cmpuint (n_refused + n_cancelled, ==, N_RACES);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A7 */
  harness_add ("/cancel/pending-and-running", test_cancel);
  harness_add ("/cancel/lookalike", test_cancel_lookalike);
  harness_add ("/cancel/cancellable/before", test_cancellable_before);
  harness_add ("/cancel/cancellable/pending", test_cancellable_pending);
  harness_add ("/cancel/cancellable/late", test_cancellable_late);
  harness_add ("/cancel/cancellable/wait", test_cancellable_wait);
  harness_add ("/cancel/cancellable/released", test_cancellable_released);
  harness_add ("/cancel/cancellable/race", test_cancellable_race);

  return g_test_run ();
}
