/* terminate-test.c: ending workers whatever they do
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include <signal.h>

#define N_WORKERS 3
#define N_PENDING 5
#define N_RACES 40
#define N_CALLS 300

#define BOUND_USEC (5 * G_USEC_PER_SEC)

typedef void (*EndFunc) (PPoolExecutor *executor);

static const struct
{
  EndFunc func;
  const char *name;
} ends[] = {
  { ppool_executor_terminate_workers, "ppool_executor_terminate_workers" },
  { ppool_executor_kill_workers, "ppool_executor_kill_workers" },
};

static void
assert_ended (PPoolExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  g_assert_null (ppool_executor_get_error (executor));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

static void
assert_ended_by (PPoolFuture *future,
                 int          worker_pid,
                 const char  *name)
{
  g_autofree char *pid = g_strdup_printf ("Worker %d", worker_pid);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ppool_future_get_worker_pid (future), ==, worker_pid);
  g_assert_true (ppool_future_is_done (future));
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, name, pid,
                        ppool_future_get_function (future), NULL);
}

/* A18: what becomes of the calls is known at once, and the workers go, also
 * those that are busy in C. */
static void
check_busy (Harness    *harness,
            EndFunc     end,
            const char *name)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (N_WORKERS);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolFuture *running[N_WORKERS], *pending[N_PENDING];
  Visitor visitors[N_WORKERS];
  gint64 before;

  for (guint i = 0; i < N_WORKERS; i++)
    {
      GVariant *args = g_variant_new ("(s)", gate_get_path (gate));

      running[i] = harness_submit (executor, i % 2 ? "spin" : "gate", args);
      visitors[i] = gate_wait (gate);
    }
  for (guint i = 0; i < N_PENDING; i++)
    pending[i] = harness_submit (executor, "echo", NULL);

  before = g_get_monotonic_time ();
  end (executor);
  for (guint i = 0; i < N_PENDING; i++)
    {
      g_assert_true (ppool_future_is_cancelled (pending[i]));
      g_object_unref (pending[i]);
    }
  for (guint i = 0; i < N_WORKERS; i++)
    {
      assert_ended_by (running[i], visitors[i].pid, name);
      g_object_unref (running[i]);
    }
  assert_ended (executor);
  g_assert_cmpint (g_get_monotonic_time () - before, <, BOUND_USEC);
  for (guint i = 0; i < N_WORKERS; i++)
    gate_expect_death (visitors[i]);
}

static void
test_busy (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    check_busy (harness, ends[i].func, ends[i].name);
}

static void
test_idle (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autoptr (PPoolExecutor) used = harness_executor (1);
      g_autoptr (PPoolExecutor) never_used = harness_executor (1);

      harness_assert_works (used);
      ends[i].func (used);
      assert_ended (used);
      ends[i].func (used);
      ends[i].func (never_used);
      assert_ended (never_used);
    }
}

/* A worker that comes to @gate when it has its call, and doesn't die of SIGTERM. */
static PPoolExecutor *
make_deaf (Gate *gate,
           Gate *term_gate)
{
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autofree char *term_step = g_strdup_printf ("take-term:%s", gate_get_path (term_gate));

  return harness_executor_on (
      harness_raw_launcher ("deaf", "init", "call", step, term_step, "hang", NULL), 1);
}

/* A18: SIGTERM it is, and SIGKILL when that was not enough. */
static void
test_term_then_kill (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) term_gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = make_deaf (gate, term_gate);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;
  gint64 before;

  ppool_executor_set_grace_msec (executor, 300);
  future = harness_submit (executor, "function", NULL);
  gate_open (gate_wait (gate), "");
  before = g_get_monotonic_time ();
  ppool_executor_terminate_workers (executor);
  visitor = gate_wait (term_gate);
  assert_ended_by (future, visitor.pid, "ppool_executor_terminate_workers");
  gate_expect_death (visitor);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 300 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (g_get_monotonic_time () - before, <, BOUND_USEC);
  assert_ended (executor);
}

/* A18: SIGKILL at once, however long a worker may take otherwise. */
static void
test_kill_deaf (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) term_gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = make_deaf (gate, term_gate);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;

  ppool_executor_set_grace_msec (executor, 60 * 1000);
  future = harness_submit (executor, "function", NULL);
  visitor = gate_wait (gate);
  gate_open (visitor, "");
  ppool_executor_kill_workers (executor);
  harness_wait_for_process (visitor.pid, BOUND_USEC / 1000);
  assert_ended_by (future, visitor.pid, "ppool_executor_kill_workers");
  assert_ended (executor);
  g_assert_false (gate_has_visitor (term_gate));
}

/* Who loses patience need not wait for the rest of the time. */
static void
test_kill_after_term (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) term_gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = make_deaf (gate, term_gate);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;

  ppool_executor_set_grace_msec (executor, 60 * 1000);
  future = harness_submit (executor, "function", NULL);
  gate_open (gate_wait (gate), "");
  ppool_executor_terminate_workers (executor);
  visitor = gate_wait (term_gate);
  ppool_executor_terminate_workers (executor);
  ppool_executor_kill_workers (executor);
  gate_expect_death (visitor);
  assert_ended_by (future, visitor.pid, "ppool_executor_terminate_workers");
  assert_ended (executor);
}

/* A process that doesn't run can't heed SIGTERM. */
static void
test_stopped (Harness *harness)
{
  Busy busy;

  busy_init (&busy, harness);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  kill (busy.visitor.pid, SIGSTOP);
  ppool_executor_kill_workers (busy.executor);
  gate_expect_death (busy.visitor);
  assert_ended_by (busy.future, busy.visitor.pid, "ppool_executor_kill_workers");
  assert_ended (busy.executor);
  busy_clear (&busy);
}

static void
check_starting (PPoolExecutor *executor,
                EndFunc        end,
                Gate          *gate)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);

  if (gate != NULL)
    {
      Visitor visitor = gate_wait (gate);

      end (executor);
      gate_expect_death (visitor);
    }
  else
    end (executor);
  g_assert_true (ppool_future_is_cancelled (future));
  assert_ended (executor);
}

/* Before there is a process, in its handshake, and in its initializer. */
static void
test_starting (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
      g_autoptr (PPoolLauncher) launcher = harness_track (harness_launcher ());
      g_autoptr (PPoolExecutor) fresh = harness_executor (1);
      g_autoptr (PPoolExecutor) silent =
          harness_executor_on (harness_raw_launcher (step, NULL), 1);
      g_autoptr (PPoolExecutor) mute =
          harness_executor_on (harness_raw_launcher ("auth", step, NULL), 1);
      g_autoptr (PPoolExecutor) initializing = harness_track (
          g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers", 1, "initializer",
                        "gate", "initializer-args",
                        g_variant_new ("(s)", gate_get_path (gate)), NULL));

      check_starting (fresh, ends[i].func, NULL);
      check_starting (silent, ends[i].func, gate);
      check_starting (mute, ends[i].func, gate);
      check_starting (initializing, ends[i].func, gate);
    }
}

/* A17, A18: a pool that is broken stays broken. */
static void
test_broken (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      Busy busy;

      busy_init (&busy, harness);
      kill (busy.visitor.pid, SIGKILL);
      harness_assert_broken (busy.executor, busy.future, PPOOL_ERROR_WORKER_DIED, "SIGKILL", NULL);
      ends[i].func (busy.executor);
      harness_shut_down (busy.executor);
      harness_assert_broken (busy.executor, busy.future, PPOOL_ERROR_WORKER_DIED, "SIGKILL", NULL);
      gate_expect_death (busy.visitor);
      busy_clear (&busy);
    }
}

static void
end_cb (PPoolFuture *future,
        gpointer     user_data)
{
  Busy *busy = user_data;

  ppool_executor_terminate_workers (busy->executor);
  g_clear_object (&busy->executor);
}

static gboolean
is_dropped (gpointer user_data)
{
  return ((Busy *) user_data)->executor == NULL;
}

static void
test_in_callback (Harness *harness)
{
  g_autoptr (PPoolFuture) pending = NULL;
  Visitor visitor;
  Busy busy;

  busy_init (&busy, harness);
  pending = harness_submit_gate (busy.executor, busy.gate);
  ppool_future_add_done_callback (busy.future, end_cb, &busy, NULL);
  gate_open (busy.visitor, "");
  visitor = gate_wait (busy.gate);
  harness_iterate_until (is_dropped, &busy);
  gate_expect_death (visitor);
  assert_ended_by (pending, visitor.pid, "ppool_executor_terminate_workers");
  busy_clear (&busy);
}

static gpointer
submit_thread (gpointer user_data)
{
  GPtrArray *futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;
  PPoolFuture *future;

  while (futures->len < N_CALLS &&
         (future = ppool_executor_submit (user_data, "echo", NULL, NULL, &error)) != NULL)
    g_ptr_array_add (futures, harness_track (future));
  if (error != NULL)
    g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);

  return futures;
}

/* Whatever a call was at: it is done, and in one of three ways. */
static void
check_settled (GPtrArray *futures)
{
  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = ppool_future_result (futures->pdata[i], 0, &error);

      if (value == NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "_workers()", NULL);
    }
}

static void
test_races (Harness *harness)
{
  for (guint round = 0; round < N_RACES; round++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (2);
      GThread *threads[2];

      if (round % 4 != 0)
        harness_assert_works (executor);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("submitter", submit_thread, executor);
      for (guint i = 0; i < 7 * round; i++)
        g_thread_yield ();
      ends[round % 2].func (executor);
      assert_ended (executor);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          g_autoptr (GPtrArray) futures = g_thread_join (threads[i]);

          check_settled (futures);
        }
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A18 */
  harness_add ("/executor/terminate/busy", test_busy);
  harness_add ("/executor/terminate/idle", test_idle);
  harness_add ("/executor/terminate/term-then-kill", test_term_then_kill);
  harness_add ("/executor/terminate/kill-deaf", test_kill_deaf);
  harness_add ("/executor/terminate/kill-after-term", test_kill_after_term);
  harness_add ("/executor/terminate/stopped", test_stopped);
  harness_add ("/executor/terminate/starting", test_starting);
  harness_add ("/executor/terminate/broken", test_broken);
  harness_add ("/executor/terminate/in-callback", test_in_callback);
  harness_add ("/executor/terminate/races", test_races);

  return g_test_run ();
}
