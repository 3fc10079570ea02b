/* drain-test.c: nothing that a worker has written is lost by its death
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fewer.h"
#include "harness.h"
#include "io-thread.h"

#define MAX_EXECUTORS 100

/* More than a socket takes, so that the pool is still writing. */
#define ARGS_SIZE (512 * 1024)

static GVariant *
make_args (void)
{
  char *data = g_malloc0 (ARGS_SIZE);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, ARGS_SIZE, TRUE,
                                  g_free, data);
}

/* Workers that do these steps while their call is still being written, and then
 * die, all while nothing is read. */
static void
run_deaths (Harness       *harness,
            const char    *step,
            const char    *next_step,
            guint          n,
            PPoolExecutor *executors[],
            PPoolFuture   *futures[])
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *gate_step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autofree Visitor *visitors = g_new (Visitor, n);
  IoThread io_thread;

  for (guint i = 0; i < n; i++)
    {
      executors[i] = harness_executor_on (
          harness_raw_launcher ("init", "peek", gate_step, step, next_step, NULL), 1);
      futures[i] = harness_submit (executors[i], "function", make_args ());
    }
  for (guint i = 0; i < n; i++)
    visitors[i] = gate_wait (gate);

  io_thread_init (&io_thread);
  io_thread_hold (&io_thread);
  for (guint i = 0; i < n; i++)
    gate_open (visitors[i], NULL);
  for (guint i = 0; i < n; i++)
    harness_wait_for_process (visitors[i].pid, PATIENCE_SECONDS * 1000);
  for (guint i = 0; i < n; i++)
    g_assert_false (ppool_future_is_done (futures[i]));
  io_thread_let_go (&io_thread);
  io_thread_clear (&io_thread);
}

static void
check_results (Harness    *harness,
               const char *next_step,
               int         cause,
               const char *reason)
{
  PPoolExecutor *executors[MAX_EXECUTORS];
  PPoolFuture *futures[MAX_EXECUTORS];
  guint n = fewer (MAX_EXECUTORS);

  run_deaths (harness, "return", next_step, n, executors, futures);
  for (guint i = 0; i < n; i++)
    harness_assert_value (futures[i], "'peeked'");

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;

      while ((error = ppool_executor_get_error (executors[i])) == NULL)
        g_thread_yield ();
      harness_assert_error (error, PPOOL_ERROR, cause, reason, NULL);
      g_object_unref (futures[i]);
      g_object_unref (executors[i]);
    }
}

/* A13: killed while it is being written to, with 100 results unread. */
static void
test_results (Harness *harness)
{
  check_results (harness, "kill:9", PPOOL_ERROR_WORKER_DIED, "SIGKILL");
}

/* GDBus has found the channel closed when it comes to what it can't read, and
 * then says nothing of it. */
static void
test_results_and_garbage (Harness *harness)
{
  harness_allow_warnings ();
  check_results (harness, "garbage", PPOOL_ERROR_PROTOCOL, "D-Bus");
}

/* What is left to read can't be read: that must not keep anybody waiting. */
static void
check_rest (Harness    *harness,
            const char *step)
{
  PPoolExecutor *executors[10];
  PPoolFuture *futures[10];

  run_deaths (harness, step, "kill:9", G_N_ELEMENTS (executors), executors, futures);
  for (guint i = 0; i < G_N_ELEMENTS (executors); i++)
    {
      g_autoptr (GError) error = harness_failure (futures[i]);

      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "function", NULL);
      g_object_unref (futures[i]);
      g_object_unref (executors[i]);
    }
}

static void
test_unreadable_rest (Harness *harness)
{
  harness_allow_warnings ();
  check_rest (harness, "garbage");
  check_rest (harness, "half");
  check_rest (harness, "huge");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A13 */
  harness_add ("/drain/results", test_results);
  harness_add ("/drain/results-and-garbage", test_results_and_garbage);
  harness_add ("/drain/unreadable-rest", test_unreadable_rest);

  return g_test_run ();
}
