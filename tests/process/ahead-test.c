/* ahead-test.c: calls that are sent before the worker has answered the last one
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <signal.h>

#define N_LESSONS 20
#define N_AHEAD 4

/* Has the workers learn that the function is short. */
static void
teach (PPoolExecutor *executor)
{
  for (guint i = 0; i < N_LESSONS; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "pass", g_variant_new ("(s)", ""));

      harness_assert_value (future, "''");
    }
}

static PPoolFuture *
submit_pass (PPoolExecutor *executor,
             const char    *path)
{
  return harness_submit (executor, "pass", g_variant_new ("(s)", path));
}

/* A7: what was sent ahead is not running, and can be cancelled. */
static void
test_cancel (Harness *harness)
{
  g_autofree char *log = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) stuck = NULL;
  g_autoptr (PPoolFuture) kept = NULL;
  g_autoptr (PPoolFuture) cancelled = NULL;
  g_autoptr (PPoolFuture) last = NULL;
  Visitor visitor;

  teach (executor);
  for (guint i = 0; i < N_LESSONS; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "append", g_variant_new ("(ss)", log, ""));
      g_autoptr (GVariant) value G_GNUC_UNUSED = harness_result (future);
    }

  stuck = submit_pass (executor, gate_get_path (gate));
  kept = submit_pass (executor, "");
  cancelled = harness_submit (executor, "append", g_variant_new ("(ss)", log, "ran"));
  last = submit_pass (executor, "");
  visitor = gate_wait (gate);

  g_assert_true (ppool_future_is_running (stuck));
  g_assert_cmpuint (ppool_future_get_worker_pid (stuck), ==, visitor.pid);
  g_assert_cmpint (ppool_future_get_started_time (stuck), >, 0);
  g_assert_cmpint (ppool_future_get_state (kept), ==, PPOOL_FUTURE_STATE_PENDING);
  g_assert_cmpint (ppool_future_get_started_time (kept), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 1);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 3);

  g_assert_false (ppool_future_cancel (stuck));
  g_assert_true (ppool_future_cancel (cancelled));
  g_assert_true (ppool_future_is_cancelled (cancelled));
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 2);

  gate_open (visitor, "open");
  harness_assert_value (stuck, "'open'");
  harness_assert_value (kept, "''");
  harness_assert_value (last, "''");
  {
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
    g_assert_null (strstr (text, "ran"));
  }
  harness_shut_down (executor);
}

/* A13: what a worker has answered is not kept back by a call that takes longer than
 * usual, and is not lost when that is the worker's end. */
static void
test_gathered (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) stuck = NULL;
  g_autoptr (GError) error = NULL;
  PPoolFuture *futures[30];
  Visitor visitor;

  teach (executor);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit_pass (executor, "");
  stuck = submit_pass (executor, gate_get_path (gate));
  visitor = gate_wait (gate);

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      harness_assert_value (futures[i], "''");
      g_object_unref (futures[i]);
    }
  g_assert_true (ppool_future_is_running (stuck));

  ppool_executor_kill_workers (executor);
  error = harness_failure (stuck);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  gate_expect_death (visitor);
}

/* A6: no call waits behind a long one while another worker is idle. */
static void
test_taken_over (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) stuck = NULL;
  g_autoptr (GPtrArray) ahead = g_ptr_array_new_with_free_func (g_object_unref);
  Visitor visitor;

  teach (executor);
  stuck = submit_pass (executor, gate_get_path (gate));
  for (guint i = 0; i < N_AHEAD; i++)
    g_ptr_array_add (ahead, submit_pass (executor, ""));
  for (guint i = 0; i < N_AHEAD; i++)
    harness_assert_value (ahead->pdata[i], "''");
  g_assert_false (ppool_future_is_done (stuck));

  visitor = gate_wait (gate);
  gate_open (visitor, "");
  harness_assert_value (stuck, "''");
  harness_shut_down (executor);
}

/* A7, from the other side: whoever is first has the call, and nobody has it
 * twice. */
static void
test_race (Harness *harness)
{
  g_autofree char *log = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *text = NULL;
  guint n_ran = 0;
  gsize n_lines = 0;

  for (guint i = 0; i < 2000; i++)
    {
      g_ptr_array_add (futures,
                       harness_submit (executor, "append", g_variant_new ("(ss)", log, "x\n")));
      if (i >= 40 && i % 3 != 0)
        ppool_future_cancel (futures->pdata[i - 40 + i % 7]);
    }
  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr (GVariant) value = ppool_future_result (futures->pdata[i], 10000, NULL);

      g_assert_true (ppool_future_is_done (futures->pdata[i]));
      n_ran += value != NULL;
      g_assert_cmpint (value == NULL, ==, ppool_future_is_cancelled (futures->pdata[i]));
    }

  g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
  for (const char *c = text; *c != '\0'; c++)
    n_lines += *c == 'x';
  g_assert_cmpuint (n_lines, ==, n_ran);
  harness_shut_down (executor);
}

static PPoolFuture *
submit_append (PPoolExecutor *executor,
               const char    *path,
               guint          i)
{
  g_autofree char *line = g_strdup_printf ("%u", i);

  return harness_submit (executor, "append", g_variant_new ("(ss)", path, line));
}

/* A21: calls are run in order also when their worker takes its time. */
static void
test_order (Harness *harness)
{
  g_autofree char *lessons = harness_path (harness, "lessons");
  g_autofree char *path = harness_path (harness, "log");
  g_autofree char *log = NULL;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolFuture *futures[N_AHEAD + 1];
  guint pid = harness_worker_pid (executor);

  for (guint i = 0; i < N_LESSONS; i++)
    {
      g_autoptr (PPoolFuture) future = submit_append (executor, lessons, i);

      harness_assert_value (future, "()");
    }

  kill (pid, SIGSTOP);
  for (guint i = 0; i < N_AHEAD; i++)
    futures[i] = submit_append (executor, path, i);
  /* Long enough for it to count as stuck when the next one comes. */
  g_assert_null (ppool_future_result (futures[0], 10, NULL));
  futures[N_AHEAD] = submit_append (executor, path, N_AHEAD);
  kill (pid, SIGCONT);

  for (guint i = 0; i <= N_AHEAD; i++)
    {
      harness_assert_value (futures[i], "()");
      g_object_unref (futures[i]);
    }
  g_assert_true (g_file_get_contents (path, &log, NULL, NULL));
  g_assert_cmpstr (log, ==, "0\n1\n2\n3\n4\n");
}

/* Calls that a worker was sent while it is in one that was thought to be short. */
typedef struct
{
  PPoolExecutor *executor; /* (owned) */
  PPoolFuture *stuck;      /* (owned) */
  PPoolFuture *ahead[N_AHEAD]; /* (owned) */
  Gate *gate;              /* (owned) */
  Visitor visitor;
} Jam;

static void
jam_init (Jam     *self,
          Harness *harness)
{
  self->executor = harness_executor (1);
  self->gate = gate_new (harness->dir);
  teach (self->executor);
  self->stuck = submit_pass (self->executor, gate_get_path (self->gate));
  for (guint i = 0; i < N_AHEAD; i++)
    self->ahead[i] = submit_pass (self->executor, "");
  self->visitor = gate_wait (self->gate);
}

static void
jam_clear (Jam *self)
{
  for (guint i = 0; i < N_AHEAD; i++)
    {
      g_assert_true (ppool_future_is_cancelled (self->ahead[i]));
      g_object_unref (self->ahead[i]);
    }
  harness_shut_down (self->executor);
  g_object_unref (self->stuck);
  g_object_unref (self->executor);
  gate_free (self->gate);
}

/* A17: what no worker has taken is pending, wherever it is. */
static void
test_shut_down (Harness *harness)
{
  Jam jam;

  jam_init (&jam, harness);
  ppool_executor_shutdown (jam.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  g_assert_cmpuint (ppool_executor_get_n_pending (jam.executor), ==, N_AHEAD);
  ppool_executor_shutdown (jam.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  g_assert_cmpuint (ppool_executor_get_n_pending (jam.executor), ==, 0);
  for (guint i = 0; i < N_AHEAD; i++)
    g_assert_true (ppool_future_is_cancelled (jam.ahead[i]));
  g_assert_true (ppool_future_is_running (jam.stuck));
  gate_open (jam.visitor, "ran");
  harness_assert_value (jam.stuck, "'ran'");
  jam_clear (&jam);
}

/* A18: and it was not running when its worker was ended. */
static void
test_terminated (Harness *harness)
{
  g_autofree char *pid = NULL;
  g_autoptr (GError) error = NULL;
  Jam jam;

  jam_init (&jam, harness);
  pid = g_strdup_printf ("Worker %d", jam.visitor.pid);
  ppool_executor_terminate_workers (jam.executor);
  error = harness_failure (jam.stuck);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "terminate_workers", pid, NULL);
  gate_expect_death (jam.visitor);
  jam_clear (&jam);
}

/* A13: which worker had a call is known when that has died. */
static void
test_died (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) stuck = NULL;
  g_autoptr (PPoolFuture) ahead = NULL;
  Visitor visitor;

  teach (executor);
  stuck = submit_pass (executor, gate_get_path (gate));
  ahead = submit_pass (executor, "");
  visitor = gate_wait (gate);
  kill (visitor.pid, SIGKILL);
  harness_assert_broken (executor, stuck, PPOOL_ERROR_WORKER_DIED, "pass", "SIGKILL", NULL);
  harness_assert_broken (executor, ahead, PPOOL_ERROR_WORKER_DIED, "pass", "SIGKILL", NULL);
  g_assert_cmpuint (ppool_future_get_worker_pid (stuck), ==, visitor.pid);
  g_assert_cmpint (ppool_future_get_started_time (stuck), >, 0);
  g_assert_cmpuint (ppool_future_get_worker_pid (ahead), ==, 0);
  g_assert_cmpint (ppool_future_get_started_time (ahead), ==, 0);
  gate_expect_death (visitor);
}

/* Where workers are replaced, it runs with the next one, in the order that it had. */
static void
test_died_replaced (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) stuck = NULL;
  g_autoptr (GError) error = NULL;
  PPoolFuture *ahead[N_AHEAD];
  gint64 before = 0;
  Visitor visitor;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  teach (executor);
  stuck = submit_pass (executor, gate_get_path (gate));
  for (guint i = 0; i < N_AHEAD; i++)
    ahead[i] = submit_pass (executor, "");
  visitor = gate_wait (gate);
  kill (visitor.pid, SIGKILL);
  error = harness_failure (stuck);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "pass", "SIGKILL", NULL);

  for (guint i = 0; i < N_AHEAD; i++)
    {
      harness_assert_value (ahead[i], "''");
      g_assert_cmpuint (ppool_future_get_n_attempts (ahead[i]), ==, 1);
      g_assert_cmpuint (ppool_future_get_worker_pid (ahead[i]), !=, (guint) visitor.pid);
      g_assert_cmpint (ppool_future_get_started_time (ahead[i]), >=, before);
      before = ppool_future_get_started_time (ahead[i]);
      g_object_unref (ahead[i]);
    }
  gate_expect_death (visitor);
}

/* A13: a hostile board breaks the pool and nothing else. */
static void
test_invalid (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;

  teach (executor);
  future = harness_submit (executor, "scribble", g_variant_new ("(s)", "ppool-board"));
  harness_assert_broken (executor, future, PPOOL_ERROR_PROTOCOL, "board", NULL);
  harness_shut_down (executor);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A6, A7 */
  harness_add ("/ahead/cancel", test_cancel);
  harness_add ("/ahead/gathered", test_gathered);
  harness_add ("/ahead/taken-over", test_taken_over);
  harness_add ("/ahead/race", test_race);
  harness_add ("/ahead/order", test_order);
  harness_add ("/ahead/shut-down", test_shut_down);
  harness_add ("/ahead/terminated", test_terminated);
  harness_add ("/ahead/died", test_died);
  harness_add ("/ahead/died-replaced", test_died_replaced);
  harness_add ("/ahead/invalid", test_invalid);

  return g_test_run ();
}
