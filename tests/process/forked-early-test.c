/* forked-early-test.c: an executor of a process that was forked after use of GLib
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include "io-thread.h"
#include "quiet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The test's own process has used an executor before any test begins. So each story is
 * told by this program in a process of its own: it uses what GLib has threads for, and
 * then forks. */

#define ARGUMENT "story"

typedef void (*CopyFunc) (void);

typedef struct
{
  const char *name;
  CopyFunc program; /* what is used before the fork */
  CopyFunc copy;    /* and what then */
} Story;

/* Runs @func in a forked copy: it must come to an end, and well. */
static void
run_in_copy (CopyFunc func)
{
  int status;
  int pid;

  fflush (stdout);
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      func ();
      exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

/* What the original does */

static void
use_nothing (void)
{
}

/* A connection that stays: GDBus's thread has nothing to do for it when this forks. */
static void
use_dbus (void)
{
  static IoThread io;

  io_thread_init (&io);
}

static void
use_subprocess (void)
{
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, NULL,
                                                         "true", NULL);

  g_assert_true (g_subprocess_wait_check (subprocess, NULL, NULL));
}

static void
use_executor (void)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  harness_assert_works (executor);
  harness_shut_down (executor);
}

/* What the copy does */

static void
check_works (void)
{
  use_executor ();
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

/* The death of a worker is noticed, and how it died. */
static void
check_death (void)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "die",
                                                     g_variant_new ("(is)", SIGKILL, ""));

  harness_assert_broken (executor, future, PPOOL_ERROR_WORKER_DIED, "SIGKILL", NULL);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

/* A daemon leaves the process that started it, and its session. */
static void
daemonize (void)
{
  g_assert_cmpint (setsid (), ==, getpid ());
  run_in_copy (check_works);
}

/* The end of a program waits for no executor that it still has. */
static void
leave_executor (void)
{
  harness_assert_works (harness_executor (1));
}

static void
check_broken (void)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolExecutor) second = harness_executor (1);
  g_autoptr (PPoolFuture) first = harness_submit (executor, "echo", NULL);
  g_autoptr (PPoolFuture) next = harness_submit (executor, "echo", NULL);
  g_autoptr (PPoolFuture) other = NULL;

  harness_assert_broken (executor, first, PPOOL_ERROR_LAUNCH, "fork()", "D-Bus", NULL);
  harness_assert_broken (executor, next, PPOOL_ERROR_LAUNCH, "fork()", "D-Bus", NULL);
  harness_shut_down (executor);

  other = harness_submit (second, "echo", NULL);
  harness_assert_broken (second, other, PPOOL_ERROR_LAUNCH, "fork()", "D-Bus", NULL);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

/* Neither an executor that was dropped nor one that is left is waited for. */
static void
drop_executor (void)
{
  g_autoptr (PPoolExecutor) dropped = harness_executor (1);
  PPoolExecutor *left = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (dropped, "echo", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (ppool_executor_prestart (left, 1, &error));
  g_assert_no_error (error);
  g_clear_object (&dropped);
  g_clear_error (&error);
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "fork()", NULL);
}

/* The thread that is missing in a copy of this is not missing here. */
static void
check_refused (void)
{
  g_autofree char *expected = g_strdup_printf ("forked copy of process %d", getppid ());
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, expected, NULL);
  harness_shut_down (executor);
}

static void
use_dbus_in_copy (void)
{
  use_dbus ();
  check_works ();
}

/* In a copy, too, GDBus's thread may have other things to do. */
static void
keep_busy (void)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  IoThread io;

  io_thread_init (&io);
  io_thread_hold (&io);
  future = harness_submit (executor, "echo", NULL);
  g_assert_null (ppool_future_result (future, 1500, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  io_thread_let_go (&io);
  harness_assert_value (future, "()");
  harness_shut_down (executor);
  io_thread_clear (&io);
}

static const Story stories[] = {
  { "nothing/works", use_nothing, check_works },
  { "nothing/dbus-in-copy", use_nothing, use_dbus_in_copy },
  { "busy", use_nothing, keep_busy },
  { "child/works", use_subprocess, check_works },
  { "child/death", use_subprocess, check_death },
  { "child/daemon", use_subprocess, daemonize },
  { "child/left", use_subprocess, leave_executor },
  { "dbus/broken", use_dbus, check_broken },
  { "dbus/dropped", use_dbus, drop_executor },
  { "executor/refused", use_executor, check_refused },
};

static void
tell (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stories); i++)
    if (g_str_equal (stories[i].name, name))
      {
        stories[i].program ();
        wait_for_quiet ();
        run_in_copy (stories[i].copy);
        return;
      }

  g_assert_not_reached ();
}

static void
test_story (Harness       *harness G_GNUC_UNUSED,
            gconstpointer  data)
{
  const Story *story = data;
  g_autoptr (GSubprocess) program = NULL;
  g_autoptr (GError) error = NULL;

  program = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, "/proc/self/exe",
                              ARGUMENT, story->name, NULL);
  g_assert_no_error (error);
  g_subprocess_wait_check (program, NULL, &error);
  g_assert_no_error (error);
  if (story->copy == leave_executor)
    harness_reap_orphan (-1);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], ARGUMENT))
    {
      char *arguments[] = { argv[0], NULL };
      char **remaining = arguments;
      int n_arguments = 1;

      g_test_init (&n_arguments, &remaining, NULL);
      tell (argv[2]);
      return 0;
    }

  harness_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (stories); i++)
    {
      g_autofree char *path = g_strconcat ("/executor/forked-early/", stories[i].name, NULL);

      harness_add_with_data (path, test_story, &stories[i]);
    }

  return g_test_run ();
}
