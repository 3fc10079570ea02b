/* flood-test.c: workers that send without an end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"
#include "memory.h"

/* What a message or two may take, and a little more. */
#define PEAK_SLACK (32 * 1024 * 1024)

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

/* Takes @launcher. */
static void
check_flood (PPoolLauncher *launcher,
             int            cause)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (launcher, 1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  gint64 before;

  memory_forget_peak ();
  before = memory_get_peak ();
  future = harness_submit (executor, "function", g_variant_new ("(s)", "argument"));
  harness_iterate_until (is_broken, executor);
  error = ppool_executor_get_error (executor);
  g_test_message ("%s", error->message);
  g_assert_error (error, PPOOL_ERROR, cause);
  harness_shut_down (executor);
  g_assert_true (ppool_future_is_done (future));
  memory_assert_peak (before, PEAK_SLACK);
}

static void
test_answers (Harness *harness)
{
  check_flood (harness_raw_launcher ("init", "call", "flood:answers", NULL), PPOOL_ERROR_PROTOCOL);
}

static void
test_messages (Harness *harness)
{
  check_flood (harness_raw_launcher ("init", "call", "flood:10", NULL), PPOOL_ERROR_PROTOCOL);
  check_flood (harness_raw_launcher ("init", "call", "flood:4000000", NULL),
               PPOOL_ERROR_PROTOCOL);
}

/* They are closed, or the test would find them at its end. */
static void
test_descriptors (Harness *harness)
{
  check_flood (harness_raw_launcher ("init", "call", "flood:descriptors", NULL),
               PPOOL_ERROR_PROTOCOL);
}

static void
test_handshake (Harness *harness)
{
  PPoolLauncher *launcher = harness_raw_launcher ("flood:line", NULL);

  ppool_launcher_set_handshake_timeout_msec (launcher, 300);
  check_flood (launcher, PPOOL_ERROR_LAUNCH);
  check_flood (harness_raw_launcher ("auth", "flood:1000", NULL), PPOOL_ERROR_PROTOCOL);
}

/* What a worker says that was asked to leave is of no interest, and nowhere
 * kept. */
static void
test_leaving (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init", "until-exit", "flood:1000", NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;
  gint64 before;

  ppool_executor_set_grace_msec (executor, 300);
  future = harness_submit (executor, "function", NULL);
  harness_assert_value (future, "@av []");
  memory_forget_peak ();
  before = memory_get_peak ();
  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  memory_assert_peak (before, PEAK_SLACK);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A13 */
  harness_add ("/flood/answers", test_answers);
  harness_add ("/flood/messages", test_messages);
  harness_add ("/flood/descriptors", test_descriptors);
  harness_add ("/flood/handshake", test_handshake);
  harness_add ("/flood/leaving", test_leaving);

  return g_test_run ();
}
