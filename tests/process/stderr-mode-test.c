/* stderr-mode-test.c: where what workers write comes out
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "capture.h"
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE "A line that says nothing.\n"

static PPoolExecutor *
make_executor (PPoolStderrMode mode)
{
  PPoolLauncher *launcher = harness_launcher ();

  ppool_launcher_set_stderr_mode (launcher, mode);
  g_assert_cmpint (ppool_launcher_get_stderr_mode (launcher), ==, mode);

  return harness_executor_on (launcher, 1);
}

static void
write_lines (PPoolExecutor *executor,
             guint          n,
             const char    *end)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "stderr",
                                                   g_variant_new ("(us)", n, end));

  harness_assert_value (future, "()");
}

static GError *
die (PPoolExecutor *executor,
     const char    *last_words)
{
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "die", g_variant_new ("(is)", SIGKILL, last_words));

  return harness_failure (future);
}

/* A26: all of it comes out here, at once, and the end is kept, of the call that was lost. */
static void
test_tee (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (PPOOL_STDERR_MODE_TEE);
  g_autofree char *text = NULL;
  g_autofree char *last = NULL;
  g_autofree char *rest = NULL;
  g_autoptr (GError) error = NULL;
  Capture capture;

  capture_init (&capture);
  write_lines (executor, 1000, "the end");
  text = capture_read (&capture, "the end\n");
  error = die (executor, "my last words");
  last = capture_read (&capture, "my last words\n");
  rest = capture_clear (&capture);

  g_assert_cmpuint (strlen (text), ==, 1000 * strlen (LINE) + strlen ("the end\n"));
  g_assert_cmpstr (last, ==, "my last words\n");
  g_assert_cmpstr (rest, ==, "");
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "my last words", NULL);
  g_assert_null (strstr (error->message, "the end"));
  g_assert_cmpuint (strlen (error->message), <, 4096 + 512);
}

/* A26: workers write here themselves, and nothing is kept. */
static void
test_inherit (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (PPOOL_STDERR_MODE_INHERIT);
  g_autofree char *text = NULL;
  g_autofree char *rest = NULL;
  g_autoptr (GError) error = NULL;
  Capture capture;

  capture_init (&capture);
  write_lines (executor, 1, "the end");
  text = capture_read (&capture, "the end\n");
  error = die (executor, "my last words");
  rest = capture_clear (&capture);

  g_assert_cmpstr (text, ==, LINE "the end\n");
  g_assert_cmpstr (rest, ==, "my last words\n");
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "SIGKILL", NULL);
  g_assert_null (strstr (error->message, "last words"));
}

/* A26: nothing comes out, and the end is kept. */
static void
test_discard (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (PPOOL_STDERR_MODE_DISCARD);
  g_autofree char *rest = NULL;
  g_autoptr (GError) error = NULL;
  Capture capture;

  capture_init (&capture);
  write_lines (executor, 1, "the end");
  error = die (executor, "my last words");
  harness_shut_down (executor);
  rest = capture_clear (&capture);

  g_assert_cmpstr (rest, ==, "");
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "my last words", NULL);
}

/* A26: each worker tells its own. */
static void
test_each (Harness *harness)
{
  g_autoptr (PPoolExecutor) first = make_executor (PPOOL_STDERR_MODE_DISCARD);
  g_autoptr (PPoolExecutor) second = make_executor (PPOOL_STDERR_MODE_DISCARD);
  g_autoptr (GError) error = NULL;

  write_lines (first, 0, "of the first");
  error = die (second, "of the second");
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "of the second", NULL);
  g_assert_null (strstr (error->message, "of the first"));
}

static void
check_left_behind (Harness         *harness,
                   PPoolStderrMode  mode,
                   gboolean         recycled)
{
  g_autoptr (PPoolExecutor) executor = make_executor (mode);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  guint pid = harness_worker_pid (executor);
  g_autoptr (PPoolFuture) future = NULL;
  g_autofree char *text = NULL;
  Capture capture;
  Visitor child;
  struct pollfd poll_fd = { .events = POLLIN };
  char answer[32] = { '\0' };

  if (recycled)
    ppool_executor_set_max_tasks_per_worker (executor, 2);
  capture_init (&capture);
  future = harness_submit (executor, "leave-child", g_variant_new ("(s)", gate_get_path (gate)));
  harness_assert_value (future, "()");
  child = gate_wait (gate);
  if (!recycled)
    harness_shut_down (executor);
  harness_wait_for_process ((int) pid, PATIENCE_SECONDS * 1000);

  g_assert_cmpint (write (child.fd, "go\n", 3), ==, 3);
  poll_fd.fd = child.fd;
  g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_SECONDS * 1000), ==, 1);
  g_assert_cmpint (read (child.fd, answer, sizeof answer - 1), >, 0);
  g_assert_true (g_str_has_prefix (answer, "written "));
  if (mode == PPOOL_STDERR_MODE_TEE)
    text = capture_read (&capture, "A line of a child\n");

  g_free (capture_clear (&capture));
  gate_open (child, "");
  harness_reap_orphan (atoi (answer + strlen ("written ")));
}

/* What a worker has started goes on, and may say something. */
static void
test_left_behind (Harness *harness)
{
  const PPoolStderrMode modes[] = { PPOOL_STDERR_MODE_TEE, PPOOL_STDERR_MODE_DISCARD,
                                    PPOOL_STDERR_MODE_INHERIT };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      check_left_behind (harness, modes[i], FALSE);
      check_left_behind (harness, modes[i], TRUE);
    }
}

static void
assert_descriptor (GVariant   *descriptors,
                   const char *name,
                   const char *target)
{
  const char *got;

  g_assert_true (g_variant_lookup (descriptors, name, "&s", &got));
  g_assert_cmpstr (got, ==, target);
}

/* A26: standard output is the program's, and there is nothing to read. */
static void
test_others (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor (PPOOL_STDERR_MODE_INHERIT);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "describe", NULL);
  g_autoptr (GVariant) description = harness_result (future);
  g_autoptr (GVariant) descriptors =
      g_variant_lookup_value (description, "descriptors", G_VARIANT_TYPE_VARDICT);
  g_autofree char *output = g_file_read_link ("/proc/self/fd/1", NULL);
  g_autofree char *errors = g_file_read_link ("/proc/self/fd/2", NULL);

  assert_descriptor (descriptors, "0", "/dev/null");
  assert_descriptor (descriptors, "1", output);
  assert_descriptor (descriptors, "2", errors);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/executor/stderr/tee", test_tee);
  harness_add ("/executor/stderr/inherit", test_inherit);
  harness_add ("/executor/stderr/discard", test_discard);
  harness_add ("/executor/stderr/each", test_each);
  harness_add ("/executor/stderr/others", test_others);
  harness_add ("/executor/stderr/left-behind", test_left_behind);

  return g_test_run ();
}
