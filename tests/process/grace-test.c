/* grace-test.c: how long a worker may take to leave
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include <signal.h>

#define GRACE_MSEC 300
#define GRACE_USEC (GRACE_MSEC * G_TIME_SPAN_MILLISECOND)
#define BOUND_USEC (5 * G_USEC_PER_SEC)

/* An executor whose worker stays when it is to leave, comes to @term_gate when it
 * is sent SIGTERM, and stays. */
static PPoolExecutor *
make_stubborn (Gate *term_gate)
{
  g_autofree char *step = g_strdup_printf ("take-term:%s", gate_get_path (term_gate));
  PPoolExecutor *executor = harness_executor_on (
      harness_raw_launcher ("deaf", "init", "call", "return", step, "hang", NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;

  ppool_executor_set_grace_msec (executor, GRACE_MSEC);
  future = harness_submit (executor, "function", NULL);
  harness_assert_value (future, "@av []");

  return executor;
}

static void
assert_since (gint64 before,
              gint64 at_least)
{
  gint64 took = g_get_monotonic_time () - before;

  g_assert_cmpint (took, >=, at_least);
  g_assert_cmpint (took, <, BOUND_USEC);
}

/* A17: from Exit to SIGTERM, and from there to SIGKILL. */
static void
test_steps (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = make_stubborn (gate);
  gint64 before = g_get_monotonic_time ();
  Visitor visitor;

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  visitor = gate_wait (gate);
  assert_since (before, GRACE_USEC);
  gate_expect_death (visitor);
  assert_since (before, 2 * GRACE_USEC);
  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  g_assert_null (ppool_executor_get_error (executor));
}

/* A17: asking again makes it no longer, and nobody asks a second time. */
static void
test_again (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = make_stubborn (gate);
  gint64 before = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  g_cancellable_cancel (cancelled);
  g_assert_false (ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, cancelled,
                                                &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (g_get_monotonic_time () - before, <, GRACE_USEC);
  gate_open (gate_wait (gate), "");
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  harness_shut_down (executor);
  assert_since (before, 2 * GRACE_USEC);
}

/* A17: the time is for those that have nothing to do. */
static void
test_running (Harness *harness)
{
  g_autoptr (GError) error = NULL;
  Busy busy;

  busy.executor = harness_executor (1);
  ppool_executor_set_grace_msec (busy.executor, 1);
  busy.gate = gate_new (harness->dir);
  busy.future = harness_submit_gate (busy.executor, busy.gate);
  busy.visitor = gate_wait (busy.gate);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  g_assert_null (ppool_future_result (busy.future, GRACE_MSEC, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  gate_open (busy.visitor, "as long as it takes");
  harness_assert_value (busy.future, "'as long as it takes'");
  harness_shut_down (busy.executor);
  busy_clear (&busy);
}

static gboolean
is_over (gpointer user_data)
{
  return g_get_monotonic_time () > *(gint64 *) user_data;
}

/* Without a limit, somebody else has to do something. */
static void
test_unlimited (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init", "call", "return", step, NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;
  gint64 end;

  ppool_executor_set_grace_msec (executor, 0);
  future = harness_submit (executor, "function", NULL);
  harness_assert_value (future, "@av []");
  visitor = gate_wait (gate);
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  end = g_get_monotonic_time () + GRACE_USEC;
  harness_iterate_until (is_over, &end);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 1);
  gate_open (visitor, "");
  harness_shut_down (executor);
}

/* A13: also the workers of a pool that breaks. */
static void
test_broken (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) term_gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autofree char *term_step = g_strdup_printf ("take-term:%s", gate_get_path (term_gate));
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("deaf", "init", "call", step, term_step, "hang", NULL), 2);
  g_autoptr (PPoolFuture) first = NULL;
  g_autoptr (PPoolFuture) second = NULL;
  Visitor victim, survivor;
  gint64 before;

  ppool_executor_set_grace_msec (executor, GRACE_MSEC);
  first = harness_submit (executor, "one", NULL);
  victim = gate_wait (gate);
  second = harness_submit (executor, "two", NULL);
  survivor = gate_wait (gate);
  gate_open (survivor, "");
  before = g_get_monotonic_time ();
  kill (victim.pid, SIGKILL);
  survivor = gate_wait (term_gate);
  harness_assert_broken (executor, second, PPOOL_ERROR_WORKER_DIED, "one", "SIGKILL", NULL);
  gate_expect_death (survivor);
  assert_since (before, GRACE_USEC);
  gate_expect_death (victim);
  harness_shut_down (executor);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A17 */
  harness_add ("/executor/grace/steps", test_steps);
  harness_add ("/executor/grace/again", test_again);
  harness_add ("/executor/grace/running", test_running);
  harness_add ("/executor/grace/unlimited", test_unlimited);
  harness_add ("/executor/grace/broken", test_broken);

  return g_test_run ();
}
