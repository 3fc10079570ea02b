/* replace-test.c: executors that go on when a worker dies
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static PPoolExecutor *
new_executor (guint max_workers)
{
  PPoolExecutor *executor = harness_executor (max_workers);

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);

  return executor;
}

static GVariant *
die_args (int signal_number)
{
  return g_variant_new ("(is)", signal_number, "last words");
}

static void
assert_died (PPoolFuture *future,
             const char  *how)
{
  g_autoptr (GError) error = harness_failure (future);
  g_autofree char *pid = g_strdup_printf ("Worker %u ", ppool_future_get_worker_pid (future));

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, pid, how,
                        ppool_future_get_function (future), "last words", NULL);
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
}

/* Of many calls one is lost, wherever its worker had others. */
static void
test_one_of_many (Harness *harness)
{
  enum { N = 1000, BAD = 500 };
  g_autoptr (PPoolExecutor) executor = new_executor (4);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (int i = 0; i < N; i++)
    g_ptr_array_add (futures, i == BAD ? harness_submit (executor, "die", die_args (SIGSEGV)) :
                                         harness_submit (executor, "echo", g_variant_new ("i", i)));

  for (int i = 0; i < N; i++)
    {
      PPoolFuture *future = g_ptr_array_index (futures, i);
      g_autofree char *text = g_strdup_printf ("%d", i);

      if (i == BAD)
        assert_died (future, "SIGSEGV");
      else
        harness_assert_value (future, text);
    }
  harness_assert_running (executor);
}

/* However many die, it is their own business. */
static void
test_all (Harness *harness)
{
  enum { N = 60 };
  g_autoptr (PPoolExecutor) executor = new_executor (3);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (int i = 0; i < N; i++)
    g_ptr_array_add (futures, harness_submit (executor, "die", die_args (SIGABRT)));
  for (int i = 0; i < N; i++)
    assert_died (g_ptr_array_index (futures, i), "SIGABRT");
  harness_assert_running (executor);
}

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

static gboolean
has_no_workers (gpointer user_data)
{
  return ppool_executor_get_n_workers (user_data) == 0;
}

/* Nobody is hurt, and nobody is started before there is a call. */
static void
test_idle (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  guint pid = harness_worker_pid (executor);

  kill ((pid_t) pid, SIGKILL);
  harness_iterate_until (has_no_workers, executor);
  harness_assert_running (executor);
  g_assert_cmpuint (harness_worker_pid (executor), !=, pid);
}

/* A worker that does not start is no call's fault, and soon enough everybody's. */
static void
test_start_failures (Harness *harness)
{
  const char *argv[] = { "/bin/sh", "-c", "printf x >> \"$0\"; echo last words >&2; exit 3", NULL,
                         NULL };
  g_autofree char *path = harness_path (harness, "starts");
  g_autofree char *starts = NULL;
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  gint64 start = g_get_monotonic_time ();

  argv[3] = path;
  launcher = ppool_launcher_new (argv);
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  executor = harness_executor_on (g_object_ref (launcher), 4);
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_max_start_failures (executor, 4);
  future = harness_submit (executor, "echo", NULL);

  harness_assert_broken (executor, future, PPOOL_ERROR_LAUNCH, "status 3", "last words", NULL);
  /* 100, 200 and 400 ms, but for a fifth. */
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 560 * G_TIME_SPAN_MILLISECOND);
  g_assert_true (g_file_get_contents (path, &starts, NULL, NULL));
  g_assert_cmpstr (starts, ==, "xxxx");
}

static gboolean
has_failed_twice (gpointer path)
{
  GStatBuf info;

  return g_stat (path, &info) == 0 && info.st_size >= 2;
}

/* Only failures in a row count, and an answer ends the row. */
static void
test_forgiven (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "failures");
  g_autofree char *worker = harness_program ("bad-worker");
  const char *argv[] = {
    "/bin/sh", "-c", "test -e \"$0.ok\" && exec \"$1\"; printf x >> \"$0\"; exit 3", path, worker,
    NULL
  };
  g_autofree char *ok = g_strconcat (path, ".ok", NULL);
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autoptr (PPoolExecutor) executor = NULL;

  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  executor = harness_executor_on (launcher, 1);
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_max_start_failures (executor, 5);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", g_variant_new ("u", i));
      g_autoptr (PPoolFuture) last = NULL;
      g_autofree char *text = g_strdup_printf ("uint32 %u", i);

      harness_iterate_until (has_failed_twice, path);
      g_assert_true (g_file_set_contents (ok, "", 0, NULL));
      harness_assert_value (future, text);
      g_assert_no_errno (g_unlink (ok));
      g_assert_no_errno (g_unlink (path));

      last = harness_submit (executor, "die", die_args (SIGKILL));
      assert_died (last, "SIGKILL");
    }
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
}

/* A button "Try again". */
static void
test_revive (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "is-repaired");
  g_autofree char *script =
    g_strdup_printf ("test -e '%s' && exec \"$0\"; exit 3", path);
  g_autofree char *worker = harness_program ("bad-worker");
  const char *argv[] = { "/bin/sh", "-c", script, worker, NULL };
  g_autoptr (PPoolExecutor) executor = harness_executor_on (ppool_launcher_new (argv), 2);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 3; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);

      harness_assert_broken (executor, future, PPOOL_ERROR_LAUNCH, "status 3", NULL);
      g_assert_true (ppool_executor_revive (executor, &error));
      g_assert_no_error (error);
      g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
      g_assert_null (ppool_executor_get_error (executor));
    }

  g_assert_true (g_file_set_contents (path, "", 0, &error));
  harness_assert_running (executor);
  g_assert_true (ppool_executor_revive (executor, &error));
  harness_shut_down (executor);
  g_assert_false (ppool_executor_revive (executor, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
}

/* While its workers are still leaving. */
static void
test_revive_at_once (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (3);

  for (int i = 0; i < 20; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "die", die_args (SIGKILL));
      g_autoptr (GError) error = harness_failure (future);

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
      g_assert_true (ppool_executor_revive (executor, NULL));
      harness_assert_running (executor);
    }
}

/* No worker is left behind, whenever it is. */
static void
test_kill_while_replacing (Harness *harness)
{
  for (int i = 0; i < 40; i++)
    {
      g_autoptr (PPoolExecutor) executor = new_executor (2);
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

      for (int j = 0; j < 10; j++)
        g_ptr_array_add (futures, harness_submit (executor, "die", die_args (SIGKILL)));
      for (int j = 0; j < i % 10; j++)
        g_clear_error (&(GError *){ harness_failure (g_ptr_array_index (futures, j)) });
      ppool_executor_kill_workers (executor);
      for (guint j = 0; j < futures->len; j++)
        g_clear_error (&(GError *){ harness_failure (g_ptr_array_index (futures, j)) });
      harness_shut_down (executor);
    }
}

/* Calls that were accepted run to their end, with new workers where they need them. */
static void
test_shutdown (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) bad = harness_submit (executor, "die", die_args (SIGSEGV));
  g_autoptr (PPoolFuture) good = harness_submit (executor, "echo", g_variant_new ("i", 5));

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  assert_died (bad, "SIGSEGV");
  harness_assert_value (good, "5");
  harness_shut_down (executor);
}

static PPoolFuture *
submit_retried (PPoolExecutor *executor,
                const char    *path,
                guint          n_deaths,
                int            signal_number,
                guint          max_retries)
{
  g_autoptr (PPoolCall) call =
    ppool_call_new ("die-times", g_variant_new ("(sui)", path, n_deaths, signal_number));
  g_autoptr (GError) error = NULL;
  PPoolFuture *future;

  ppool_call_set_max_retries (call, max_retries);
  future = ppool_executor_submit_call (executor, call, NULL, &error);
  g_assert_no_error (error);

  return harness_track (future);
}

static void
test_retry (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future = submit_retried (executor, path, 3, SIGSEGV, 3);
  g_autoptr (PPoolFuture) later = harness_submit (executor, "echo", g_variant_new ("i", 1));

  harness_assert_value (later, "1");
  /* It has kept its place, before what came later. */
  g_assert_true (ppool_future_is_done (future));
  harness_assert_value (future, "uint32 4");
  g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 4);
  g_assert_cmpuint (ppool_future_get_worker_pid (future), ==, harness_worker_pid (executor));
  harness_assert_running (executor);
}

static void
test_retries_used_up (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  g_autoptr (PPoolFuture) future = submit_retried (executor, path, 10, SIGSEGV, 2);
  g_autoptr (GError) error = harness_failure (future);
  guint pids[3] = { 0 };
  guint n_workers = 0;

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "3 workers", "SIGSEGV",
                        "die-times", NULL);
  /* Each says who it was, and why. */
  for (const char *at = error->message; (at = strstr (at, "Worker ")) != NULL; at++)
    {
      const char *how = strstr (at, " was killed by SIGSEGV");

      g_assert_nonnull (how);
      g_assert_cmpuint (n_workers, <, G_N_ELEMENTS (pids));
      pids[n_workers] = (guint) g_ascii_strtoull (at + strlen ("Worker "), (char **) &at, 10);
      g_assert_true (at == how);
      n_workers++;
    }
  g_assert_cmpuint (n_workers, ==, 3);
  g_assert_cmpuint (pids[0], !=, pids[1]);
  g_assert_cmpuint (pids[1], !=, pids[2]);
  g_assert_cmpuint (pids[2], ==, ppool_future_get_worker_pid (future));
  g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 3);
  harness_assert_running (executor);
}

static gboolean
is_tried_again (gpointer user_data)
{
  return ppool_future_get_n_attempts (user_data) == 2;
}

/* After a kill that came from elsewhere it waits for a while, in which it counts as
 * running. */
static void
test_retry_later (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (PPoolFuture) future = submit_retried (executor, path, 1, SIGKILL, 1);

  harness_iterate_until (is_tried_again, future);
  g_assert_true (ppool_future_is_running (future));
  g_assert_false (ppool_future_cancel (future));
  harness_assert_running (executor);
  harness_assert_value (future, "uint32 2");
  g_assert_cmpint (g_get_monotonic_time () - start, >=, G_TIME_SPAN_SECOND);
  /* That of the worker which is told. */
  g_assert_cmpint (ppool_future_get_started_time (future) - start, >=, G_TIME_SPAN_SECOND);
  g_assert_cmpuint (ppool_future_get_worker_pid (future), ==, harness_worker_pid (executor));
}

/* It was taken in time, though by a worker that died of it. */
static void
test_retry_overdue (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autofree char *fifo = harness_path (harness, "starts");
  g_autofree char *worker = harness_program ("bad-worker");
  const char *argv[] = { "/bin/sh", "-c", "read x < \"$0\"; exec \"$1\"", fifo, worker, NULL };
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) other = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_assert_no_errno (mkfifo (fifo, 0600));
  executor = harness_executor_on (ppool_launcher_new (argv), 1);
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);

  /* What is written stays for the one that reads next. */
  fd = g_open (fifo, O_RDWR | O_CLOEXEC);
  g_assert_no_errno (fd);
  g_assert_cmpint (write (fd, "\n", 1), ==, 1);
  harness_assert_running (executor);

  ppool_executor_set_queue_timeout_msec (executor, 50);
  future = submit_retried (executor, path, 1, SIGSEGV, 1);
  harness_iterate_until (is_tried_again, future);
  other = harness_submit (executor, "echo", NULL);
  error = harness_failure (other);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
  g_assert_false (ppool_future_is_done (future));
  g_assert_cmpint (write (fd, "\n", 1), ==, 1);
  harness_assert_value (future, "uint32 2");
  close (fd);
}

/* A worker that is done with a call can still take its result along. */
static void
test_result_lost (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
    harness_raw_launcher ("init:board", "call", "word:2", "word:3", "kill:9", NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  future = harness_submit (executor, "function", NULL);
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "“function” had returned",
                        "its result was lost", "SIGKILL", NULL);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  harness_shut_down (executor);
}

/* One that dies while it has no call is held against the pool, which is none where nothing
 * is. */
static void
test_idle_counts (Harness *harness)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PPoolExecutor) executor = new_executor (1);
      guint pid = harness_worker_pid (executor);
      g_autoptr (GError) error = NULL;

      ppool_executor_set_max_start_failures (executor, 1 - i);
      kill ((pid_t) pid, SIGKILL);
      /* The worker may be no more a moment before what that means is decided. */
      harness_iterate_until (i == 0 ? is_broken : has_no_workers, executor);
      if (i == 1)
        {
          harness_assert_running (executor);
          continue;
        }

      error = ppool_executor_get_error (executor);
      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "while it ran nothing",
                            NULL);
    }
}

/* So does one whose initializer fails. */
static void
test_initializer_counts (Harness *harness)
{
  g_autoptr (PPoolLauncher) launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = harness_track (
    g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers", 1, "initializer",
                  "fail", "crash-policy", PPOOL_CRASH_POLICY_REPLACE, "max-start-failures", 2,
                  NULL));
  g_autoptr (PPoolFuture) future = NULL;
  gint64 start = g_get_monotonic_time ();

  g_test_expect_message ("PPool", G_LOG_LEVEL_MESSAGE, "*initializer*");
  future = harness_submit (executor, "echo", NULL);
  harness_assert_broken (executor, future, PPOOL_ERROR_INITIALIZER, NULL);
  /* After the first, the second waits. */
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 80 * G_TIME_SPAN_MILLISECOND);
  harness_shut_down (executor);
  g_test_assert_expected_messages ();
}

/* A worker that does what the second of the lists says, once there is the file that the first
 * one has left: (transfer full). */
static PPoolLauncher *
launcher_of_two (const char *path,
                 const char *first,
                 const char *second)
{
  g_autofree char *script = g_strdup_printf (
    "if test -e \"$0\"; then exec \"$1\" %s; fi; printf x > \"$0\"; exec \"$1\" %s", second, first);
  g_autofree char *worker = harness_program ("raw-worker");
  const char *argv[] = { "/bin/sh", "-c", script, path, worker, NULL };

  return ppool_launcher_new (argv);
}

/* Who has a board says what it has taken: what it has not is as good as new. Who has none has
 * taken all that it was sent. */
static void
test_taken (Harness *harness)
{
  static const char *const first[] = { "init:board call kill:11", "init call kill:11" };

  for (guint i = 0; i < G_N_ELEMENTS (first); i++)
    {
      g_autofree char *path = harness_path (harness, "first");
      g_autoptr (PPoolExecutor) executor =
        harness_executor_on (launcher_of_two (path, first[i], "init call return serve"), 1);
      g_autoptr (PPoolFuture) future = NULL;

      if (i == 0 && g_getenv ("PPOOL_FEATURES") != NULL)
        continue;

      ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
      future = harness_submit (executor, "function", NULL);
      if (i == 0)
        {
          harness_assert_value (future, "@av []");
          g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 1);
        }
      else
        {
          g_autoptr (GError) error = harness_failure (future);

          harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED,
                                "while it ran “function”", NULL);
        }
      g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
      harness_shut_down (executor);
      g_assert_no_errno (g_unlink (path));
    }
}

/* A call whose result was lost is run again like any other. */
static void
test_result_lost_and_found (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "first");
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
    launcher_of_two (path, "init:board call word:2 word:3 kill:11", "init call return serve"), 1);
  g_autoptr (PPoolCall) call = ppool_call_new ("function", NULL);
  g_autoptr (PPoolFuture) future = NULL;

  if (g_getenv ("PPOOL_FEATURES") != NULL)
    {
      g_test_skip ("These workers don't say that they have returned");
      return;
    }

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_call_set_max_retries (call, 1);
  future = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  harness_assert_value (future, "@av []");
  g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 2);
  harness_shut_down (executor);
}

/* What is not a death is no reason to run a call again: an error of its function, its time,
 * and an abort, which end it for good. */
static void
test_not_retried (Harness *harness)
{
  static const char *const functions[] = { "fail-by-gerror", "hang", "hang" };
  g_autoptr (PPoolExecutor) executor = new_executor (1);

  ppool_executor_set_abort_grace_msec (executor, 0);
  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (PPoolCall) call =
        ppool_call_new (functions[i], g_variant_new ("(ss)", gate_get_path (gate), ""));
      g_autoptr (PPoolFuture) future = NULL;
      g_autoptr (GError) error = NULL;
      Visitor visitor = { .fd = -1 };

      ppool_call_set_max_retries (call, 5);
      ppool_call_set_timeout_msec (call, i == 1 ? 200 : -1);
      future = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
      if (i > 0)
        visitor = gate_wait (gate);
      if (i == 2)
        ppool_future_abort (future);
      error = harness_failure (future);
      if (i == 1)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
      else if (i == 2)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 1);
      if (i > 0)
        gate_expect_death (visitor);
      harness_assert_running (executor);
      g_assert_false (gate_has_visitor (gate));
    }
}

/* After each kill that came from elsewhere it waits for twice as long. */
static void
test_retry_ever_later (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (PPoolFuture) future = submit_retried (executor, path, 2, SIGKILL, 2);

  harness_assert_value (future, "uint32 3");
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 3 * G_TIME_SPAN_SECOND);
}

/* Aborted, cancelled at a shutdown, killed: each while it waits to run again. */
static void
test_end_of_wait (Harness *harness)
{
  for (int i = 0; i < 4; i++)
    {
      g_autofree char *path = harness_path (harness, "calls");
      g_autoptr (PPoolExecutor) executor = new_executor (1);
      g_autoptr (PPoolFuture) future = submit_retried (executor, path, 1, SIGKILL, 1);
      g_autoptr (GError) error = NULL;

      harness_iterate_until (is_tried_again, future);
      if (i == 0)
        ppool_future_abort (future);
      else if (i == 1)
        ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
      else if (i == 2)
        ppool_executor_kill_workers (executor);
      else
        {
          ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
          ppool_future_abort (future);
        }
      error = harness_failure (future);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_true (ppool_future_is_cancelled (future));
      g_assert_cmpuint (ppool_future_get_n_attempts (future), ==, 1);
      g_assert_cmpuint (ppool_future_get_worker_pid (future), !=, 0);
      if (i == 1 || i == 2)
        g_assert_nonnull (strstr (error->message, "before it ran again"));
      harness_shut_down (executor);
      g_assert_no_errno (g_unlink (path));
    }
}

static gboolean
has_no_children (gpointer user_data G_GNUC_UNUSED)
{
  return leftovers_count_children () == 0;
}

/* The first shutdown waits for it, and the second one does not. */
static void
test_second_end (Harness *harness)
{
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *path = harness_path (harness, "calls");
      g_autoptr (PPoolExecutor) executor = new_executor (1);
      gint64 start = g_get_monotonic_time ();
      g_autoptr (PPoolFuture) future = submit_retried (executor, path, 1, SIGKILL, 1);
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GError) error = NULL;

      harness_iterate_until (is_tried_again, future);
      harness_iterate_until (has_no_children, NULL);
      ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
      /* Its thread may have seen that. */
      for (int j = 0; j < 50; j++)
        g_thread_yield ();
      if (i == 0)
        ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
      else if (i == 1)
        ppool_executor_kill_workers (executor);
      else
        ppool_executor_terminate_workers (executor);
      value = ppool_future_result (future, -1, &error);
      /* On a machine that is that slow it runs again before. */
      if (g_get_monotonic_time () - start < G_TIME_SPAN_SECOND)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      harness_shut_down (executor);
      g_assert_no_errno (g_unlink (path));
    }
}

/* No worker starts before there is somebody to start it. */
static void
test_revive_with_spare (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  ppool_executor_set_spare_workers (executor, 1);
  for (int i = 0; i < 10; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "die", die_args (SIGKILL));
      g_autoptr (GError) error = harness_failure (future);

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
      harness_iterate_until (has_no_children, NULL);
      /* The manager ends a moment later, or has. */
      for (int j = 0; j < i * 20; j++)
        g_thread_yield ();
      g_assert_true (ppool_executor_revive (executor, NULL));
      ppool_executor_set_max_workers (executor, 2 + i % 2);
      harness_assert_running (executor);
    }
}

/* An abort is older than what was done about the worker then. */
static void
test_kill_aborted (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future =
    harness_submit (executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), "stubborn"));
  Visitor visitor = gate_wait (gate);
  g_autoptr (GError) error = NULL;

  ppool_executor_set_abort_grace_msec (executor, 1000 * PATIENCE_SECONDS);
  ppool_future_abort (future);
  ppool_executor_kill_workers (executor);
  error = harness_failure (future);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (ppool_future_is_cancelled (future));
  gate_expect_death (visitor);
  harness_shut_down (executor);
}

/* A map goes on where an element fails, whatever it is. */
static void
test_map (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "calls");
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  g_autoptr (PPoolCall) options = ppool_call_new ("", NULL);
  g_autoptr (GError) error = NULL;
  GVariant *inputs[] = {
    g_variant_new ("(sui)", "/dev/null", 0, 0),
    g_variant_new ("(sui)", "/dev/full", 1000, SIGSEGV),
    g_variant_new ("(sui)", path, 2, SIGABRT),
  };
  g_autoptr (PPoolMap) map =
    ppool_executor_map (executor, "die-times", g_variant_new_array (NULL, inputs, 3), &error);
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) third = NULL;
  g_autoptr (PPoolFuture) failed = NULL;
  g_autoptr (PPoolDeath) death = NULL;
  guint64 index = 7;

  g_assert_no_error (error);
  g_assert_null (ppool_map_get_failed_future (map, &index));
  g_assert_cmpuint (index, ==, 0);
  harness_track (map);
  g_assert_true (ppool_map_get_stop_on_error (map));
  ppool_map_set_stop_on_error (map, FALSE);
  ppool_call_set_max_retries (options, 2);
  ppool_map_set_call_options (map, options);

  first = ppool_map_next_value (map, -1, &error);
  g_assert_no_error (error);
  g_assert_nonnull (first);
  g_assert_null (ppool_map_next_value (map, -1, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "3 workers", NULL);
  g_clear_error (&error);
  failed = harness_track (ppool_map_get_failed_future (map, &index));
  g_assert_cmpuint (index, ==, 1);
  g_assert_cmpuint (ppool_future_get_n_attempts (failed), ==, 3);
  death = ppool_future_get_death (failed);
  g_assert_cmpint (ppool_death_get_signal_number (death), ==, SIGSEGV);
  third = ppool_map_next_value (map, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_uint32 (third), ==, 3);
  g_assert_null (ppool_map_get_failed_future (map, NULL));
  g_assert_null (ppool_map_next_value (map, -1, &error));
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/replace/one-of-many", test_one_of_many);
  harness_add ("/replace/all", test_all);
  harness_add ("/replace/idle", test_idle);
  harness_add ("/replace/start-failures", test_start_failures);
  harness_add ("/replace/long/forgiven", test_forgiven);
  harness_add ("/replace/long/revive", test_revive);
  harness_add ("/replace/revive-at-once", test_revive_at_once);
  harness_add ("/replace/long/kill", test_kill_while_replacing);
  harness_add ("/replace/shutdown", test_shutdown);
  harness_add ("/replace/idle-counts", test_idle_counts);
  harness_add ("/replace/initializer-counts", test_initializer_counts);
  harness_add ("/replace/taken", test_taken);
  harness_add ("/replace/result-lost-and-found", test_result_lost_and_found);
  harness_add ("/replace/not-retried", test_not_retried);
  harness_add ("/replace/long/retry-ever-later", test_retry_ever_later);
  harness_add ("/replace/retry", test_retry);
  harness_add ("/replace/retries-used-up", test_retries_used_up);
  harness_add ("/replace/long/retry-later", test_retry_later);
  harness_add ("/replace/retry-overdue", test_retry_overdue);
  harness_add ("/replace/result-lost", test_result_lost);
  harness_add ("/replace/long/end-of-wait", test_end_of_wait);
  harness_add ("/replace/map", test_map);
  harness_add ("/replace/long/second-end", test_second_end);
  harness_add ("/replace/revive-with-spare", test_revive_with_spare);
  harness_add ("/replace/kill-aborted", test_kill_aborted);

  return g_test_run ();
}
