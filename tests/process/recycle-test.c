/* recycle-test.c: workers that leave after so many calls
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <stdlib.h>

#define N_CALLS 100

/* Takes @launcher. */
static PPoolExecutor *
make_executor_on (PPoolLauncher *launcher,
                  guint          max_workers,
                  guint          max_tasks)
{
  PPoolExecutor *executor = harness_executor_on (launcher, max_workers);

  ppool_executor_set_max_tasks_per_worker (executor, max_tasks);

  return executor;
}

static PPoolExecutor *
make_executor (guint max_workers,
               guint max_tasks)
{
  return make_executor_on (harness_launcher (), max_workers, max_tasks);
}

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* A14 */
static void
test_property (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_track (g_object_new (PPOOL_TYPE_EXECUTOR, "max-tasks-per-worker", G_MAXUINT, NULL));
  guint n_notified = 0;
  guint value;

  g_assert_cmpuint (ppool_executor_get_max_tasks_per_worker (executor), ==, G_MAXUINT);
  g_signal_connect (executor, "notify::max-tasks-per-worker", G_CALLBACK (count_notify_cb),
                    &n_notified);
  ppool_executor_set_max_tasks_per_worker (executor, 3);
  ppool_executor_set_max_tasks_per_worker (executor, 3);
  g_assert_cmpuint (n_notified, ==, 1);
  g_object_get (executor, "max-tasks-per-worker", &value, NULL);
  g_assert_cmpuint (value, ==, 3);
}

/* A14: what counts is the call, whatever came of it. */
static void
test_sequence (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (1, 3);
  guint pids[12];

  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, i % 2 ? "pid" : "nothing", NULL);
      g_autoptr (GVariant) value G_GNUC_UNUSED =
          ppool_future_result (future, PATIENCE_SECONDS * 1000, NULL);

      g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
      g_assert_cmpuint (ppool_executor_get_n_workers (executor), <=, 1);
      pids[i] = ppool_future_get_worker_pid (future);
      if (i % 3 != 0)
        g_assert_cmpuint (pids[i], ==, pids[i - 1]);
      else if (i > 0)
        g_assert_cmpuint (pids[i], !=, pids[i - 1]);
    }
}

static gboolean
has_no_worker (gpointer user_data)
{
  return ppool_executor_get_n_workers (user_data) == 0;
}

/* A14: it leaves at once, and the next one comes when there is a call. */
static void
test_leaves (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (2, 1);
  guint pid = harness_worker_pid (executor);

  harness_iterate_until (has_no_worker, executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  g_assert_cmpuint (harness_worker_pid (executor), !=, pid);
}

/* Asserts that each call has left its mark once, and that no worker has had more
 * than its share. */
static void
check_calls (const char   *path,
             PPoolFuture **futures,
             guint         max_tasks)
{
  g_autoptr (GHashTable) counts = g_hash_table_new (NULL, NULL);
  g_autofree char *log = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean seen[N_CALLS] = { FALSE };

  for (guint i = 0; i < N_CALLS; i++)
    {
      gpointer pid = GUINT_TO_POINTER (ppool_future_get_worker_pid (futures[i]));
      guint count = GPOINTER_TO_UINT (g_hash_table_lookup (counts, pid)) + 1;

      g_assert_nonnull (pid);
      g_assert_cmpuint (count, <=, max_tasks);
      g_hash_table_insert (counts, pid, GUINT_TO_POINTER (count));
      harness_assert_value (futures[i], "()");
    }

  g_assert_true (g_file_get_contents (path, &log, NULL, NULL));
  lines = g_strsplit (log, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, N_CALLS + 1);
  for (guint i = 0; i < N_CALLS; i++)
    {
      guint number = atoi (lines[i]);

      g_assert_cmpuint (number, <, N_CALLS);
      g_assert_false (seen[number]);
      seen[number] = TRUE;
    }
}

static void
submit_calls (PPoolExecutor  *executor,
              const char     *path,
              PPoolFuture   **futures)
{
  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autofree char *line = g_strdup_printf ("%u", i);

      futures[i] = harness_submit (executor, "append", g_variant_new ("(ss)", path, line));
    }
}

/* A14: no call is lost or run twice. */
static void
test_many (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = make_executor (2, 7);
  PPoolFuture *futures[N_CALLS];

  submit_calls (executor, path, futures);
  for (guint i = 0; i < N_CALLS; i++)
    harness_assert_value (futures[i], "()");
  check_calls (path, futures, 7);
  for (guint i = 0; i < N_CALLS; i++)
    g_object_unref (futures[i]);
}

/* A14: also during shutdown. */
static void
test_shutdown (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = make_executor (3, 2);
  PPoolFuture *futures[N_CALLS];

  submit_calls (executor, path, futures);
  harness_shut_down (executor);
  for (guint i = 0; i < N_CALLS; i++)
    g_assert_true (ppool_future_is_done (futures[i]));
  check_calls (path, futures, 2);
  for (guint i = 0; i < N_CALLS; i++)
    g_object_unref (futures[i]);
}

/* A14, A19: nor when nobody holds the executor any more. */
static void
test_dropped (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  PPoolExecutor *executor = make_executor (2, 3);
  PPoolFuture *futures[N_CALLS];

  submit_calls (executor, path, futures);
  g_object_unref (executor);
  for (guint i = 0; i < N_CALLS; i++)
    harness_assert_value (futures[i], "()");
  check_calls (path, futures, 3);
  for (guint i = 0; i < N_CALLS; i++)
    g_object_unref (futures[i]);
}

static void
check_stubborn (PPoolLauncher *launcher)
{
  g_autoptr (PPoolExecutor) executor = make_executor_on (launcher, 1, 1);

  ppool_executor_set_grace_msec (executor, 50);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "function", NULL);

      harness_assert_value (future, "@av []");
    }
  g_assert_null (ppool_executor_get_error (executor));
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

/* How it leaves is of no interest, and it is made to: its successor waits. */
static void
test_stubborn (Harness *harness)
{
  check_stubborn (harness_raw_launcher ("init", "call", "return", "hang", NULL));
  check_stubborn (harness_raw_launcher ("deaf", "init", "call", "return", "hang", NULL));
  check_stubborn (harness_raw_launcher ("init", "call", "return", "kill:9", NULL));
  check_stubborn (harness_raw_launcher ("init", "call", "return", "exit:3", NULL));
}

static void
assert_n_calls_of_one (PPoolExecutor *executor,
                       guint          n)
{
  guint pid = harness_worker_pid (executor);

  for (guint i = 1; i < n; i++)
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
  g_assert_cmpuint (harness_worker_pid (executor), !=, pid);
}

/* It counts what was before, and a worker that has done its share leaves. */
static void
test_changed (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (1, 0);
  guint pid = harness_worker_pid (executor);

  for (guint i = 0; i < 5; i++)
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
  ppool_executor_set_max_tasks_per_worker (executor, 4);
  harness_iterate_until (has_no_worker, executor);
  assert_n_calls_of_one (executor, 4);

  /* There was one already. */
  ppool_executor_set_max_tasks_per_worker (executor, 0);
  pid = harness_worker_pid (executor);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

/* A5: it is no call, and each worker has its own. */
static void
test_initializer (Harness *harness)
{
  g_autoptr (PPoolLauncher) launcher = harness_track (harness_launcher ());
  g_autoptr (PPoolExecutor) executor = harness_track (
      g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers", 1,
                    "max-tasks-per-worker", 2, "initializer", "remember", NULL));

  for (guint i = 0; i < 6; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "recall", NULL);

      harness_assert_value (future, "(uint32 1, <()>)");
    }
  assert_n_calls_of_one (executor, 2);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A14 */
  harness_add ("/executor/recycle/property", test_property);
  harness_add ("/executor/recycle/sequence", test_sequence);
  harness_add ("/executor/recycle/leaves", test_leaves);
  harness_add ("/executor/recycle/many", test_many);
  harness_add ("/executor/recycle/shutdown", test_shutdown);
  harness_add ("/executor/recycle/dropped", test_dropped);
  harness_add ("/executor/recycle/stubborn", test_stubborn);
  harness_add ("/executor/recycle/changed", test_changed);
  harness_add ("/executor/recycle/initializer", test_initializer);

  return g_test_run ();
}
