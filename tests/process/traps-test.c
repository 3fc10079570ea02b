/* traps-test.c: what programs get wrong, and what is done to them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define N_WORKERS 3

static GSubprocess *
start_victim (const char *program,
              const char *mode,
              const char *first,
              const char *second)
{
  g_autoptr (GError) error = NULL;
  GSubprocess *victim = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
          G_SUBPROCESS_FLAGS_STDERR_PIPE,
      &error, program, mode, first, second, NULL);

  g_assert_no_error (error);

  return victim;
}

/* A24: it would start itself for ever, and waits for no limit. */
static void
check_forgetful (Harness    *harness,
                 const char *mode)
{
  g_autofree char *program = harness_program ("victim");
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (GSubprocess) victim = start_victim (program, mode, path, NULL);
  g_autofree char *message = NULL;
  g_autofree char *log = NULL;
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();

  g_subprocess_communicate_utf8 (victim, NULL, NULL, NULL, &message, &error);
  g_assert_cmpint (g_get_monotonic_time () - before, <, 15 * G_USEC_PER_SEC);
  g_assert_no_error (error);
  g_test_message ("%s", message);
  g_assert_true (g_subprocess_get_if_exited (victim));
  g_assert_cmpint (g_subprocess_get_exit_status (victim), ==, 3);
  g_assert_nonnull (strstr (message, "it used an executor before it ran its PPoolWorker"));
  g_assert_nonnull (strstr (message, "ppool_worker_is_spawned"));
  g_assert_null (strstr (message, "does it run its PPoolWorker?"));

  g_assert_true (g_file_get_contents (path, &log, NULL, NULL));
  g_assert_cmpstr (log, ==, "started\nstarted\n");
  g_unlink (path);
}

static void
test_forgetful (Harness *harness)
{
  check_forgetful (harness, "forgetful");
  check_forgetful (harness, "forgetful-stays");
}

static void
check_nested (gboolean    self,
              const char *function,
              GVariant   *args,
              const char *expected)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "nested", g_variant_new ("(bsv)", self, function, args));

  harness_assert_value (future, expected);
}

static void
test_nested (Harness *harness)
{
  check_nested (FALSE, "add", harness_pair (1, 2), "int64 3");
  check_nested (TRUE, "add", harness_pair (1, 2), "int64 3");
  check_nested (TRUE, "nested",
                g_variant_new ("(bsv)", TRUE, "add", harness_pair (3, 4)), "int64 7");
}

/* A10: what breaks in there isn't this pool. */
static void
test_nested_breaks (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (
      executor, "nested",
      g_variant_new ("(bsv)", FALSE, "die", g_variant_new ("(is)", SIGKILL, "inner words")));
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "die", "SIGKILL", "inner words",
                        NULL);
  harness_assert_works (executor);
}

static void
test_grandchild (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "grandchild", NULL);

  g_assert_false (ppool_worker_is_spawned ());
  harness_assert_value (future, "'not spawned'");
}

/* Runs what is in the forked copy: it must come to an end, and well. */
static void
check_copy (void     (*func) (Busy *busy),
            Busy    *busy)
{
  int pid = fork ();
  int status;

  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      func (busy);
      /* With no look back at what the threads had that are not in the copy. */
      execl ("/bin/true", "true", NULL);
      _exit (1);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static void
assert_foreign (GError *error)
{
  g_autofree char *expected = g_strdup_printf ("belongs to process %d", getppid ());

  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, expected));
  g_error_free (error);
}

static void
use_copy (Busy *busy)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_submit (busy->executor, "echo", NULL, NULL, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_null (ppool_executor_call_sync (busy->executor, "echo", NULL, NULL, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_null (ppool_future_result (busy->future, -1, &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_false (ppool_executor_shutdown_sync (busy->executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL,
                                                &error));
  assert_foreign (g_steal_pointer (&error));
  g_assert_false (ppool_future_cancel (busy->future));
  ppool_executor_shutdown (busy->executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
}

static void
drop_copy (Busy *busy)
{
  g_clear_object (&busy->future);
  g_clear_object (&busy->executor);
}

/* A25 */
static void
test_forked_copy (Harness *harness)
{
  g_autoptr (PPoolFuture) pending = NULL;
  Busy busy;

  busy_init (&busy, harness);
  pending = harness_submit (busy.executor, "echo", NULL);
  check_copy (use_copy, &busy);
  check_copy (drop_copy, &busy);

  gate_open (busy.visitor, "unharmed");
  harness_assert_value (busy.future, "'unharmed'");
  harness_assert_value (pending, "()");
  harness_assert_works (busy.executor);
  harness_shut_down (busy.executor);
  busy_clear (&busy);
}

/* A copy holds the channels open: a worker leaves nevertheless. */
static void
test_forked_copy_lives (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  Visitor visitor;
  Busy busy;
  int pid;

  busy_init (&busy, harness);
  pid = fork ();
  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      close (busy.visitor.fd);
      g_free (gate_pass (gate_get_path (gate)));
      _exit (0);
    }
  visitor = gate_wait (gate);
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  harness_shut_down (busy.executor);
  g_assert_cmpint (ppool_executor_get_state (busy.executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  gate_open (visitor, "");
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  busy_clear (&busy);
}

/* A20: no worker is there a second after its parent. */
static void
check_killed_parent (Harness  *harness,
                     gboolean  with_copy)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *program = harness_program ("victim");
  g_autofree char *n = g_strdup_printf ("%d", N_WORKERS);
  g_autoptr (GSubprocess) victim = start_victim (program, "spinning", n, gate_get_path (gate));
  Visitor workers[N_WORKERS], copy;
  gint64 killed;

  for (guint i = 0; i < N_WORKERS; i++)
    workers[i] = gate_wait (gate);
  if (with_copy)
    {
      g_assert_cmpint (g_output_stream_write (g_subprocess_get_stdin_pipe (victim), "x", 1, NULL,
                                              NULL), ==, 1);
      copy = gate_wait (gate);
    }

  killed = g_get_monotonic_time ();
  g_subprocess_send_signal (victim, SIGKILL);
  for (guint i = 0; i < N_WORKERS; i++)
    {
      gint64 left = 1000 - (g_get_monotonic_time () - killed) / 1000;

      harness_wait_for_process (workers[i].pid, MAX (left, 0));
      harness_reap_orphan (workers[i].pid);
      close (workers[i].fd);
    }
  g_assert_true (g_subprocess_wait (victim, NULL, NULL));

  if (with_copy)
    {
      gate_open (copy, "");
      harness_reap_orphan (copy.pid);
    }
}

static void
test_killed_parent (Harness *harness)
{
  check_killed_parent (harness, FALSE);
}

static void
test_killed_parent_with_copy (Harness *harness)
{
  check_killed_parent (harness, TRUE);
}

/* A20: it need not have shut anything down. */
static void
test_exiting_parent (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *program = harness_program ("victim");
  g_autofree char *n = g_strdup_printf ("%d", N_WORKERS);
  g_autoptr (GSubprocess) victim = start_victim (program, "spinning", n, gate_get_path (gate));
  Visitor workers[N_WORKERS];

  for (guint i = 0; i < N_WORKERS; i++)
    workers[i] = gate_wait (gate);
  g_assert_cmpint (g_output_stream_write (g_subprocess_get_stdin_pipe (victim), "q", 1, NULL, NULL),
                   ==, 1);
  g_assert_true (g_subprocess_wait_check (victim, NULL, NULL));
  for (guint i = 0; i < N_WORKERS; i++)
    {
      harness_wait_for_process (workers[i].pid, 1000);
      harness_reap_orphan (workers[i].pid);
      close (workers[i].fd);
    }
}

/* Removes @program and has something else take its place. */
static void
replace (const char *program)
{
  g_assert_no_errno (g_unlink (program));
  g_assert_true (g_file_set_contents_full (program, "#!/bin/sh\nexit 7\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0755, NULL));
}

/* An upgrade while the program runs: its workers are what it is. */
static void
test_replaced (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *original = harness_program ("victim");
  g_autofree char *name = g_strdup_printf ("victim-%d", getpid ());
  g_autofree char *copy = harness_program (name);
  g_autoptr (GFile) original_file = g_file_new_for_path (original);
  g_autoptr (GFile) copy_file = g_file_new_for_path (copy);
  g_autoptr (GSubprocess) victim = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitors[2];
  guint n_visitors = 0;

  /* Beside the original, as it finds the library from there. */
  g_file_copy (original_file, copy_file, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  victim = start_victim (copy, "replaced", gate_get_path (gate), NULL);

  /* The victim and its first worker, in either order. */
  for (guint i = 0; i < 2; i++)
    visitors[i] = gate_wait (gate);
  replace (copy);
  for (guint i = 0; i < 2; i++)
    if (visitors[i].pid == atoi (g_subprocess_get_identifier (victim)))
      gate_open (visitors[i], "");
    else
      visitors[n_visitors++] = visitors[i];
  g_assert_cmpuint (n_visitors, ==, 1);
  visitors[n_visitors++] = gate_wait (gate);
  g_assert_cmpint (visitors[0].pid, !=, visitors[1].pid);
  for (guint i = 0; i < 2; i++)
    gate_open (visitors[i], "");

  g_subprocess_communicate_utf8 (victim, NULL, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (errors, ==, "");
  g_assert_cmpstr (output, ==, "the original, the original");
  g_unlink (copy);
}

/* Unreaped children of the program are its own matter, and so is their exit. */
static void
test_own_children (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  int pid = fork ();

  if (pid == 0)
    _exit (7);
  harness_assert_works (executor);
  harness_shut_down (executor);
  g_assert_cmpint (waitpid (pid, &(int){ 0 }, 0), ==, pid);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A24 */
  harness_add ("/traps/forgetful", test_forgetful);
  harness_add ("/traps/nested/works", test_nested);
  harness_add ("/traps/nested/breaks", test_nested_breaks);
  harness_add ("/traps/grandchild", test_grandchild);
  /* A25 */
  harness_add ("/traps/forked-copy/used", test_forked_copy);
  harness_add ("/traps/forked-copy/lives", test_forked_copy_lives);
  /* A20 */
  harness_add ("/traps/killed-parent/alone", test_killed_parent);
  harness_add ("/traps/killed-parent/with-copy", test_killed_parent_with_copy);
  harness_add ("/traps/exiting-parent", test_exiting_parent);
  /* A4 */
  harness_add ("/traps/replaced", test_replaced);
  harness_add ("/traps/own-children", test_own_children);

  return g_test_run ();
}
