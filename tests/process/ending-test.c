/* ending-test.c: what becomes of workers, and of others' calls, when a call is ended
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>

/* How long each step is where it is to be short. */
#define GRACE_MSEC 50

#define FOREVER_MSEC (PATIENCE_SECONDS * 1000)

static PPoolExecutor *
new_executor (guint max_workers,
              guint abort_grace_msec)
{
  PPoolExecutor *executor = harness_executor (max_workers);

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_abort_grace_msec (executor, abort_grace_msec);

  return executor;
}

static PPoolFuture *
submit_hang (PPoolExecutor *executor,
             Gate          *gate,
             const char    *how,
             int            timeout_msec)
{
  return harness_submit_limited (executor, "hang",
                                 g_variant_new ("(ss)", gate_get_path (gate), how), timeout_msec);
}

static void
assert_aborted (PPoolFuture *future)
{
  g_autoptr (GError) error = harness_failure (future);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (ppool_future_is_cancelled (future));
}

static void
assert_timed_out (PPoolFuture *future)
{
  g_autoptr (GError) error = harness_failure (future);

  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
  g_assert_false (ppool_future_is_cancelled (future));
}

/* A call that is over for its caller is over in its worker as well. */
static void
test_gone (Harness *harness)
{
  static const guint graces[] = { 0, GRACE_MSEC };
  static const PPoolCrashPolicy policies[] = { PPOOL_CRASH_POLICY_BREAK,
                                               PPOOL_CRASH_POLICY_REPLACE };

  for (guint i = 0; i < 8; i++)
    {
      gboolean by_timeout = i % 2 != 0;
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (PPoolExecutor) executor = new_executor (1, graces[i / 2 % 2]);
      g_autoptr (PPoolFuture) future = NULL;
      Visitor visitor;

      ppool_executor_set_crash_policy (executor, policies[i / 4]);
      future = submit_hang (executor, gate, "stubborn", by_timeout ? 200 : -1);
      visitor = gate_wait (gate);
      if (by_timeout)
        assert_timed_out (future);
      else
        {
          ppool_future_abort (future);
          assert_aborted (future);
        }
      g_assert_cmpint (kill (visitor.pid, 0), ==, -1);
      g_assert_cmpint (errno, ==, ESRCH);
      gate_expect_death (visitor);
      harness_assert_running (executor);
    }
}

/* What was sent ahead is not held up by a call that does not want to end, and what comes later
 * goes elsewhere as well. */
static void
test_elsewhere (Harness *harness)
{
  enum { N = 4, N_LESSONS = 20 };
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1, FOREVER_MSEC);
  g_autoptr (PPoolFuture) stuck = NULL;
  PPoolFuture *ahead[N];
  Visitor visitor;

  for (guint i = 0; i < N_LESSONS; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "pass", g_variant_new ("(s)", ""));

      harness_assert_value (future, "''");
    }
  stuck = harness_submit (executor, "pass", g_variant_new ("(s)", gate_get_path (gate)));
  visitor = gate_wait (gate);
  for (guint i = 0; i < N; i++)
    ahead[i] = harness_submit (executor, "pass", g_variant_new ("(s)", ""));
  ppool_future_abort (stuck);
  ppool_executor_set_max_workers (executor, 2);

  for (guint i = 0; i < N; i++)
    {
      harness_assert_value (ahead[i], "''");
      g_assert_cmpuint (ppool_future_get_worker_pid (ahead[i]), !=, (guint) visitor.pid);
      g_object_unref (ahead[i]);
    }
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (harness_worker_pid (executor), !=, (guint) visitor.pid);

  /* It has answered, late as it is, and is as good as any other. */
  g_assert_false (ppool_future_is_done (stuck));
  gate_open (visitor, "late");
  harness_assert_value (stuck, "'late'");
  g_assert_false (ppool_future_is_cancelled (stuck));
  harness_assert_running (executor);
}

/* Calls that run while the executor shuts down keep their limits, and can be aborted; what
 * cancels pending calls ends none of them. */
static void
test_shutting_down (Harness *harness)
{
  for (guint i = 0; i < 6; i++)
    {
      gboolean by_timeout = i % 2 != 0;
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (Gate) other_gate = gate_new (harness->dir);
      PPoolExecutor *executor = new_executor (2, GRACE_MSEC);
      g_autoptr (PPoolFuture) future =
        submit_hang (executor, gate, "", by_timeout ? 200 : -1);
      g_autoptr (PPoolFuture) other = harness_submit_gate (executor, other_gate);
      g_autoptr (PPoolFuture) waiting = NULL;
      Visitor visitor = gate_wait (gate);
      Visitor other_visitor = gate_wait (other_gate);

      waiting = harness_submit (executor, "echo", NULL);
      if (i < 4)
        ppool_executor_shutdown (executor, i < 2 ? PPOOL_SHUTDOWN_FLAGS_NONE :
                                                   PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
      else
        g_clear_object (&executor);
      g_assert_true (ppool_future_is_running (other));
      if (by_timeout)
        assert_timed_out (future);
      else
        {
          g_assert_true (ppool_future_is_running (future));
          ppool_future_abort (future);
          assert_aborted (future);
        }
      gate_expect_death (visitor);

      g_assert_false (ppool_future_is_done (other));
      gate_open (other_visitor, "ran");
      harness_assert_value (other, "'ran'");
      if (i / 2 == 1)
        g_assert_true (ppool_future_is_cancelled (waiting));
      else
        harness_assert_value (waiting, "()");
      if (executor != NULL)
        harness_shut_down (executor);
      g_clear_object (&executor);
    }
}

/* A function that somebody looks at with a debugger is not late, until that one has gone. */
static void
test_traced (Harness *harness)
{
  enum { LIMIT_MSEC = 300 };
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1, 0);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitor;

  harness_assert_works (executor);
  future = submit_hang (executor, gate, "", LIMIT_MSEC);
  visitor = gate_wait (gate);
  if (ptrace (PTRACE_SEIZE, visitor.pid, NULL, NULL) != 0)
    {
      g_test_skip ("No other process can be traced here");
      ppool_future_abort (future);
      assert_aborted (future);
      gate_expect_death (visitor);
      return;
    }

  g_assert_null (ppool_future_result (future, 3 * LIMIT_MSEC, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (ppool_future_is_done (future));
  g_assert_cmpint (kill (visitor.pid, 0), ==, 0);

  /* It can be detached from only while it is stopped. */
  g_assert_no_errno ((int) ptrace (PTRACE_INTERRUPT, visitor.pid, NULL, NULL));
  while (ptrace (PTRACE_DETACH, visitor.pid, NULL, NULL) != 0)
    g_assert_cmpint (errno, ==, ESRCH);
  assert_timed_out (future);
  gate_expect_death (visitor);
  harness_assert_running (executor);
}

/* What a function has started ends with its worker that is terminated, killed, or dies by
 * itself. */
static void
test_group (Harness *harness)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (PPoolExecutor) executor = new_executor (1, GRACE_MSEC);
      g_autoptr (PPoolFuture) future = submit_hang (executor, gate, "child", -1);
      Visitor one = gate_wait (gate);
      Visitor other = gate_wait (gate);
      gboolean is_one = one.pid == (int) ppool_future_get_worker_pid (future);
      g_autoptr (GError) error = NULL;

      if (i == 0)
        ppool_executor_terminate_workers (executor);
      else if (i == 1)
        ppool_executor_kill_workers (executor);
      else
        kill (is_one ? one.pid : other.pid, SIGSEGV);
      error = harness_failure (future);
      harness_assert_error (error, PPOOL_ERROR,
                            i < 2 ? PPOOL_ERROR_BROKEN : PPOOL_ERROR_WORKER_DIED, "hang", NULL);
      gate_expect_death (one);
      gate_expect_death (other);
      harness_reap_orphan (is_one ? other.pid : one.pid);
    }
}

/* And lives on when that leaves because it was told to, whatever it was told for. */
static void
test_group_of_recycled (Harness *harness)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (PPoolExecutor) executor = new_executor (2, GRACE_MSEC);
      g_autoptr (PPoolFuture) future = NULL;
      struct pollfd poll_fd = { .events = POLLRDHUP };
      Visitor child;

      if (i == 0)
        ppool_executor_set_max_tasks_per_worker (executor, 1);
      future = harness_submit (executor, "launch", g_variant_new ("(s)", gate_get_path (gate)));
      child = gate_wait (gate);
      harness_assert_value (future, "()");
      if (i == 1)
        harness_shut_down (executor);
      harness_wait_for_process ((int) ppool_future_get_worker_pid (future), FOREVER_MSEC);
      poll_fd.fd = child.fd;
      g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
      g_assert_cmpint (kill (child.pid, 0), ==, 0);
      gate_open (child, "");
      harness_reap_orphan (child.pid);
    }
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

/* The executor's limit is that of each call that has none of its own, and no thread watches
 * it. */
static void
test_default_limit (Harness *harness)
{
  enum { N = 200 };
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1, 0);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) patient = NULL;
  Visitor visitor;
  guint n_threads;

  harness_assert_works (executor);
  n_threads = count_threads ();
  ppool_executor_set_call_timeout_msec (executor, 200);
  ppool_executor_set_queue_timeout_msec (executor, FOREVER_MSEC);
  future = submit_hang (executor, gate, "", -1);
  patient = harness_submit_limited (executor, "linger", g_variant_new ("(ui)", 400000u, 0),
                                    FOREVER_MSEC);
  for (guint i = 0; i < N; i++)
    g_ptr_array_add (futures, harness_submit (executor, "echo", g_variant_new ("u", i)));
  visitor = gate_wait (gate);
  g_assert_cmpuint (count_threads (), <=, n_threads);
  assert_timed_out (future);
  gate_expect_death (visitor);
  harness_assert_value (patient, "uint32 400000");
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *text = g_strdup_printf ("uint32 %u", i);

      harness_assert_value (g_ptr_array_index (futures, i), text);
    }
}

/* Who sets nothing. */
static void
test_defaults (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolCall) call = ppool_call_new ("echo", NULL);

  g_assert_cmpint (ppool_executor_get_crash_policy (executor), ==, PPOOL_CRASH_POLICY_BREAK);
  g_assert_cmpuint (ppool_executor_get_max_start_failures (executor), ==, 5);
  g_assert_cmpuint (ppool_executor_get_abort_grace_msec (executor), ==, 1000);
  g_assert_cmpint (ppool_executor_get_call_timeout_msec (executor), ==, -1);
  g_assert_cmpint (ppool_executor_get_queue_timeout_msec (executor), ==, -1);
  g_assert_false (ppool_executor_get_cancel_running (executor));
  g_assert_cmpint (ppool_call_get_timeout_msec (call), ==, -1);
  g_assert_cmpint (ppool_call_get_queue_timeout_msec (call), ==, -1);
  g_assert_cmpuint (ppool_call_get_max_retries (call), ==, 0);
  g_assert_null (ppool_call_get_label (call));
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/ending/defaults", test_defaults);
  harness_add ("/ending/gone", test_gone);
  harness_add ("/ending/elsewhere", test_elsewhere);
  harness_add ("/ending/shutting-down", test_shutting_down);
  harness_add ("/ending/traced", test_traced);
  harness_add ("/ending/group", test_group);
  harness_add ("/ending/group-of-recycled", test_group_of_recycled);
  harness_add ("/ending/default-limit", test_default_limit);

  return g_test_run ();
}
