/* abort-test.c: calls that are ended, by their caller or because they take too long
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

/* How long each step is. */
#define GRACE_MSEC 50

static PPoolExecutor *
new_executor (guint max_workers)
{
  PPoolExecutor *executor = harness_executor (max_workers);

  ppool_executor_set_abort_grace_msec (executor, GRACE_MSEC);

  return executor;
}

static void
assert_aborted (PPoolFuture *future)
{
  g_autoptr (GError) error = harness_failure (future);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_nonnull (strstr (error->message, "aborted"));
  g_assert_true (ppool_future_is_cancelled (future));
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_CANCELLED);
}

/* A function that hangs, however it does: it is gone, its child as well, and nobody else is
 * hurt, under either policy. */
static void
check_hang (Harness    *harness,
            const char *how,
            gboolean    by_timeout)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future =
    harness_submit_limited (executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), how),
                            by_timeout ? 300 : -1);
  g_autoptr (PPoolFuture) next = harness_submit (executor, "echo", g_variant_new ("i", 3));
  Visitor child = { .fd = -1 };
  Visitor visitor;

  g_test_message ("%s", how);
  visitor = gate_wait (gate);
  if (g_str_equal (how, "child"))
    child = gate_wait (gate);

  if (by_timeout)
    {
      g_autoptr (GError) error = harness_failure (future);

      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT, "hang", "300 ms", NULL);
    }
  else
    {
      ppool_future_abort (future);
      ppool_future_abort (future);
      assert_aborted (future);
    }

  gate_expect_death (visitor);
  if (child.fd >= 0)
    {
      gate_expect_death (child);
      harness_reap_orphan (child.pid != (int) ppool_future_get_worker_pid (future) ?
                             child.pid : visitor.pid);
    }
  harness_assert_value (next, "3");
  harness_assert_running (executor);
}

static const char *const ways[] = { "", "stubborn", "stopped", "child" };

static void
test_abort (Harness *harness)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    check_hang (harness, ways[i], FALSE);
}

static void
test_timeout (Harness *harness)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    check_hang (harness, ways[i], TRUE);
}

/* What was started on purpose by a call that ended well lives on. */
static void
test_launched (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  guint pid = harness_worker_pid (executor);
  g_autoptr (PPoolFuture) future =
    harness_submit (executor, "launch", g_variant_new ("(s)", gate_get_path (gate)));
  Visitor child = gate_wait (gate);
  struct pollfd poll_fd = { .fd = child.fd, .events = POLLRDHUP };

  harness_assert_value (future, "()");
  harness_shut_down (executor);
  harness_wait_for_process ((int) pid, PATIENCE_SECONDS * 1000);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
  g_assert_cmpint (kill (child.pid, 0), ==, 0);

  gate_open (child, "");
  harness_reap_orphan (child.pid);
}

/* One that waits never runs, one that is over has what it has. */
static void
test_not_running (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) busy = harness_submit_gate (executor, gate);
  g_autoptr (PPoolFuture) waits =
    harness_submit (executor, "append", g_variant_new ("(ss)", path, "ran"));
  g_autoptr (GError) error = NULL;
  Visitor visitor = gate_wait (gate);

  ppool_future_abort (waits);
  g_assert_true (ppool_future_is_cancelled (waits));
  error = harness_failure (waits);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  gate_open (visitor, "");
  harness_assert_value (busy, "''");
  ppool_future_abort (busy);
  harness_assert_value (busy, "''");
  harness_assert_running (executor);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_queue_timeout (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) busy = harness_submit_gate (executor, gate);
  Visitor visitor = gate_wait (gate);
  g_autoptr (PPoolCall) call = ppool_call_new ("echo", NULL);
  g_autoptr (PPoolFuture) late = NULL;
  g_autoptr (PPoolFuture) patient = NULL;
  g_autoptr (GError) error = NULL;

  ppool_executor_set_queue_timeout_msec (executor, 50);
  ppool_call_set_label (call, "a file");
  late = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  ppool_executor_set_queue_timeout_msec (executor, 1000000);
  patient = harness_submit (executor, "echo", g_variant_new ("i", 2));

  error = harness_failure (late);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT, "“echo” (a file) never ran",
                        "50 ms, which is the executor's queue-timeout-msec", NULL);
  g_assert_cmpuint (ppool_future_get_n_attempts (late), ==, 0);
  gate_open (visitor, "");
  harness_assert_value (busy, "''");
  harness_assert_value (patient, "2");
}

static gboolean
is_running (gpointer user_data)
{
  return ppool_future_is_running (user_data);
}

/* Each says which call it was, and which limit. */
static void
test_messages (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolCall) call = ppool_call_new ("die", g_variant_new ("(is)", 0, "words"));
  g_autoptr (PPoolFuture) aborted = NULL;
  g_autoptr (PPoolFuture) own = NULL;
  g_autoptr (PPoolFuture) other = NULL;
  g_autoptr (GError) error = NULL;

  ppool_executor_set_abort_grace_msec (executor, 0);
  ppool_executor_set_call_timeout_msec (executor, 20);
  ppool_call_set_label (call, "a file");
  other = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  error = harness_failure (other);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT, "“die” (a file) was ended",
                        "20 ms, which is the executor's call-timeout-msec; Worker", NULL);
  g_clear_error (&error);

  ppool_call_set_timeout_msec (call, 10);
  own = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  error = harness_failure (own);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT, "“die” (a file) was ended",
                        "10 ms, which is its timeout-msec; Worker", NULL);
  g_clear_error (&error);

  ppool_call_set_timeout_msec (call, G_MAXINT);
  aborted = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  harness_iterate_until (is_running, aborted);
  ppool_future_abort (aborted);
  error = harness_failure (aborted);
  harness_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                        "“die” (a file) was aborted; Worker", "SIGKILL", NULL);
}

/* With this setting a cancellable is as good as an abort. */
static void
test_cancel_running (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;

  ppool_executor_set_cancel_running (executor, TRUE);
  future = harness_track (
    ppool_executor_submit (executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), ""),
                           cancellable, NULL));
  visitor = gate_wait (gate);
  g_cancellable_cancel (cancellable);
  assert_aborted (future);
  gate_expect_death (visitor);
  harness_assert_running (executor);
}

static gboolean
has_gone (gpointer data)
{
  return kill (GPOINTER_TO_INT (data), 0) != 0;
}

/* A worker that has died, and whose channel somebody else keeps open, isn't asked to return. */
static void
test_dead (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  guint pid = harness_worker_pid (executor);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  Visitor heir;

  ppool_executor_set_abort_grace_msec (executor, G_MAXUINT);
  future = harness_submit (executor, "die-with-heir", g_variant_new ("(s)", gate_get_path (gate)));
  heir = gate_wait (gate);
  harness_iterate_until (has_gone, GUINT_TO_POINTER (pid));

  ppool_future_abort (future);
  value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);
  g_assert_true (ppool_future_is_done (future));
  /* On a slow machine it has failed before. */
  if (error->domain == G_IO_ERROR)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  /* It was not ended for the call's sake. */
  g_clear_error (&error);
  error = ppool_executor_get_error (executor);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "die-with-heir", "SIGKILL",
                        NULL);

  gate_open (heir, "");
  harness_reap_orphan (-1);
}

/* The limit of one call passes while the worker is asked to return from another one. */
static void
test_two_limits (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
    harness_raw_launcher ("init:board,cancel", "call", "times:1,2", "word:3", "return", "call",
                          "word:2", "call", "word:2", "hang", NULL), 1);
  g_autoptr (PPoolFuture) first = harness_submit (executor, "echo", NULL);
  PPoolFuture *late[2];

  ppool_executor_set_abort_grace_msec (executor, 500);
  harness_assert_value (first, "@av []");
  for (gsize i = 0; i < G_N_ELEMENTS (late); i++)
    late[i] = harness_submit_limited (executor, "echo", NULL, 100 + 50 * (int) i);
  for (gsize i = 0; i < G_N_ELEMENTS (late); i++)
    {
      g_autoptr (PPoolFuture) future = late[i];
      g_autoptr (GError) error = harness_failure (future);

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
    }
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
}

/* Each is settled once and rightly, whatever is first. */
static void
test_races (Harness *harness)
{
  enum { N = 2000 };
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  guint n_values = 0;

  for (int i = 0; i < N; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "echo", g_variant_new ("i", i));
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      for (int j = 0; j < i % 50 * 100; j++)
        ppool_future_is_done (future);
      ppool_future_abort (future);
      value = ppool_future_result (future, -1, &error);
      if (value != NULL)
        {
          g_assert_cmpint (g_variant_get_int32 (value), ==, i);
          g_assert_false (ppool_future_is_cancelled (future));
          n_values++;
        }
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          g_assert_true (ppool_future_is_cancelled (future));
        }
    }
  g_test_message ("%u values, %u aborted", n_values, N - n_values);
  harness_assert_running (executor);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/abort/hangs", test_abort);
  harness_add ("/abort/timeout", test_timeout);
  harness_add ("/abort/launched", test_launched);
  harness_add ("/abort/not-running", test_not_running);
  harness_add ("/abort/queue-timeout", test_queue_timeout);
  harness_add ("/abort/messages", test_messages);
  harness_add ("/abort/cancel-running", test_cancel_running);
  harness_add ("/abort/dead", test_dead);
  harness_add ("/abort/two-limits", test_two_limits);
  harness_add ("/abort/races", test_races);

  return g_test_run ();
}
