/* lanes-test.c: the socket on which calls and results travel alone
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fewer.h"
#include "harness.h"
#include "io-thread.h"

#include <signal.h>
#include <string.h>

#define LANE "init:gvariant,frames,lane"

/* Somewhat less than what goes to shared memory. */
#define LARGE_SIZE 30000
#define N_LARGE 300

/* Many times what there is room for in a socket. */
G_STATIC_ASSERT (LARGE_SIZE * N_LARGE > 8 * 1024 * 1024);

static void
assert_ends (PPoolExecutor *executor,
             const char    *text)
{
  g_autoptr (GError) error = NULL;

  while ((error = ppool_executor_get_error (executor)) == NULL)
    g_thread_yield ();
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, text, NULL);
}

/* What was written is read, whichever of the two sockets ends first. */
static void
test_last_results (Harness *harness)
{
  static const char * const ends[][2] = {
    { "close", "" }, { "close-beside", "" }, { "kill:9", "SIGKILL" }, { "exit:3", "status 3" },
  };
  guint n = 2 + 2 * fewer (10);

  for (guint i = 0; i < n; i++)
    {
      const char * const *end = ends[i < 4 ? i : 2 + i % 2];
      g_autoptr (PPoolExecutor) executor = harness_executor_on (
        harness_raw_launcher (LANE, "calls", "results", end[0], "hang", NULL), 1);
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "function", g_variant_new ("(i)", 7));

      g_test_message ("%s", end[0]);
      harness_assert_value (future, "(7,)");
      assert_ends (executor, end[1]);
    }
}

/* A packet that has begun is nothing. */
static void
test_half_packet (Harness *harness)
{
  static const char * const ends[] = { "kill:9", "exit:0", "close", "close-beside" };

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor_on (
        harness_raw_launcher (LANE, "calls", "packet:cut", ends[i], "hang", NULL), 1);
      g_autoptr (PPoolFuture) future = harness_submit (executor, "function", NULL);

      g_test_message ("%s", ends[i]);
      harness_assert_broken (executor, future, PPOOL_ERROR_WORKER_DIED, "function", NULL);
    }
}

/* GDBus's thread is one for all connections of the program, and calls don't need it. */
static void
test_not_on_gdbus (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  IoThread io_thread;

  harness_assert_works (executor);
  io_thread_init (&io_thread);
  io_thread_hold (&io_thread);
  for (guint i = 0; i < 100; i++)
    harness_assert_works (executor);
  io_thread_let_go (&io_thread);
  io_thread_clear (&io_thread);
}

static GVariant *
make_large (guint number)
{
  char *bytes = g_malloc (LARGE_SIZE);

  memset (bytes, (int) (number % 256), LARGE_SIZE);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, LARGE_SIZE, TRUE, g_free,
                                  bytes);
}

/* Gives a worker that reads nothing more than its lane has room for. */
static void
flood (PPoolExecutor *executor,
       guint          pid,
       PPoolFuture   *futures[N_LARGE])
{
  /* Once it is known to be short, many are sent ahead. */
  for (guint i = 0; i < 100; i++)
    {
      g_clear_object (&futures[0]);
      futures[0] = harness_submit (executor, "echo", make_large (i));
    }
  g_variant_unref (harness_result (futures[0]));
  g_clear_object (&futures[0]);

  g_assert_no_errno (kill ((pid_t) pid, SIGSTOP));
  for (guint i = 0; i < N_LARGE; i++)
    futures[i] = harness_submit (executor, "echo", make_large (i));
}

/* Nobody waits for a worker that doesn't read, and everything arrives when it does. */
static void
test_stopped (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = harness_worker_pid (executor);
  PPoolFuture *futures[N_LARGE] = { NULL };

  flood (executor, pid, futures);
  g_assert_no_errno (kill ((pid_t) pid, SIGCONT));
  for (guint i = 0; i < N_LARGE; i++)
    {
      g_autoptr (GVariant) value = harness_result (futures[i]);
      const guint8 *bytes = g_variant_get_data (value);

      g_assert_cmpuint (g_variant_get_size (value), ==, LARGE_SIZE);
      g_assert_cmpuint (bytes[0], ==, i % 256);
      g_assert_cmpuint (bytes[LARGE_SIZE - 1], ==, i % 256);
      g_object_unref (futures[i]);
    }
}

/* What was not written yet goes to another worker. */
static void
test_stopped_and_killed (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolFuture *futures[N_LARGE] = { NULL };
  guint pid;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  pid = harness_worker_pid (executor);
  flood (executor, pid, futures);
  g_assert_no_errno (kill ((pid_t) pid, SIGKILL));
  for (guint i = 0; i < N_LARGE; i++)
    {
      g_autoptr (GVariant) value = harness_result (futures[i]);

      g_assert_cmpuint (((const guint8 *) g_variant_get_data (value))[7], ==, i % 256);
      g_object_unref (futures[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/lanes/last-results", test_last_results);
  harness_add ("/lanes/half-packet", test_half_packet);
  harness_add ("/lanes/not-on-gdbus", test_not_on_gdbus);
  harness_add ("/lanes/stopped", test_stopped);
  harness_add ("/lanes/stopped-and-killed", test_stopped_and_killed);

  return g_test_run ();
}
