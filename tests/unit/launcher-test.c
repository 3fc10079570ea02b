/* launcher-test.c: how workers are started
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-private.h"

#include "nothing-left.h"
#include "ppool-enum-types.h"
#include "ppool-error.h"
#include "ppool-protocol-private.h"
#include "ppool-spawned-private.h"
#include "privileged.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the environment of a worker: says that it is one and is to report; or that
 * a copy of this program is to be the parent of such. */
#define ENV_PROBE  "PPOOL_TEST_PROBE"
#define ENV_PARENT "PPOOL_TEST_PARENT"

static const char *program;
static int n_forks;

/* What a worker tells, on standard error, of which the test has the other end. */

static void
report_status (void)
{
  g_autofree char *status = NULL;
  g_auto (GStrv) lines = NULL;
  gsize i;

  g_file_get_contents ("/proc/self/status", &status, NULL, NULL);
  lines = g_strsplit (status, "\n", -1);
  for (i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "SigBlk") || g_str_has_prefix (lines[i], "SigIgn"))
      fprintf (stderr, "%s\n", lines[i]);
}

static int
probe (int    argc,
       char **argv)
{
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *exe = g_file_read_link ("/proc/self/exe", NULL);
  int fd, i;

  fprintf (stderr, "fds");
  for (fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) != -1)
      fprintf (stderr, " %d", fd);
  fprintf (stderr, "\n");

  fprintf (stderr, "spawned %d\n", ppool_spawned_by_pool ());
  fprintf (stderr, "channel %d\n", ppool_spawned_take_fd ());
  fprintf (stderr, "probe %s\n", g_getenv (ENV_PROBE));
  fprintf (stderr, "session %s\n", getsid (0) == getpid () ? "own" : "other");
  fprintf (stderr, "cwd %s\nexe %s\n", cwd, exe);
  report_status ();
  for (i = 0; i < argc; i++)
    fprintf (stderr, "arg %s\n", argv[i]);

  return 0;
}

/* Starts a worker by the plan and returns its report. */
static char *
run_fds (PPoolLaunchPlan *plan,
         int              channel_fds[2],
         int              stderr_fds[2])
{
  g_autoptr (GError) error = NULL;
  GString *report = g_string_new (NULL);
  char bytes[512];
  gssize n;
  GPid pid;
  int status;

  pid = ppool_launch_plan_spawn (plan, channel_fds[1], stderr_fds[1], &error);
  g_assert_no_error (error);
  g_assert_cmpint (pid, >, 0);

  while ((n = read (stderr_fds[0], bytes, sizeof bytes)) > 0)
    g_string_append_len (report, bytes, n);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  close (channel_fds[0]);
  close (stderr_fds[0]);

  return g_string_free (report, FALSE);
}

static void
open_fds (int channel_fds[2],
          int stderr_fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel_fds), ==, 0);
  g_assert_cmpint (pipe2 (stderr_fds, O_CLOEXEC), ==, 0);
}

static char *
run (PPoolLauncher *launcher)
{
  g_autoptr (PPoolLaunchPlan) plan = NULL;
  int channel_fds[2], stderr_fds[2];

  ppool_launcher_setenv (launcher, ENV_PROBE, "yes", FALSE);
  plan = ppool_launcher_make_plan (launcher);
  open_fds (channel_fds, stderr_fds);

  return run_fds (plan, channel_fds, stderr_fds);
}

static gboolean
has_line (const char *text,
          const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  return g_strv_contains ((const char * const *) lines, line);
}

static void
assert_line (const char *report,
             const char *line)
{
  g_test_message ("looking for '%s' in:\n%s", line, report);
  g_assert_true (has_line (report, line));
}

static PPoolLauncher *
new_probe (void)
{
  const char *argv[] = { program, "first", "", NULL };

  return ppool_launcher_new (argv);
}

typedef struct
{
  Leftovers *leftovers;
} Fixture;

/* Most is tried through the trampoline and, as where that is missing, without. */
#define NO_TRAMPOLINE "/not/there"

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  g_setenv ("PPOOL_LAUNCH_PROGRAM", user_data, TRUE);
  fixture->leftovers = leftovers_new ();
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data)
{
  assert_nothing_left (fixture->leftovers);
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  guint *n = user_data;

  (*n)++;
}

static void
test_properties (Fixture       *fixture,
                 gconstpointer  user_data)
{
  const char *argv[] = { "program", "argument", NULL };
  g_auto (GStrv) same = NULL;
  g_autofree char *cwd = NULL;
  PPoolLauncher *launcher;
  PPoolStderrMode stderr_mode;
  guint timeout, n_notified = 0;

  launcher = g_object_new (PPOOL_TYPE_LAUNCHER, "argv", argv, NULL);
  g_signal_connect (launcher, "notify", G_CALLBACK (count_cb), &n_notified);

  g_assert_cmpstrv (ppool_launcher_get_argv (launcher), argv);
  g_assert_null (ppool_launcher_get_cwd (launcher));
  g_assert_cmpint (ppool_launcher_get_stderr_mode (launcher), ==, PPOOL_STDERR_MODE_TEE);
  g_assert_cmpuint (ppool_launcher_get_handshake_timeout_msec (launcher), ==, 30000);

  ppool_launcher_set_cwd (launcher, NULL);
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_TEE);
  ppool_launcher_set_handshake_timeout_msec (launcher, 30000);
  g_assert_cmpuint (n_notified, ==, 0);

  ppool_launcher_set_cwd (launcher, "/tmp");
  ppool_launcher_set_cwd (launcher, ppool_launcher_get_cwd (launcher));
  g_assert_cmpuint (n_notified, ==, 1);

  g_object_set (launcher, "cwd", "/", "stderr-mode", PPOOL_STDERR_MODE_DISCARD,
                "handshake-timeout-msec", G_MAXUINT, NULL);
  g_assert_cmpuint (n_notified, ==, 4);
  g_object_get (launcher, "argv", &same, "cwd", &cwd, "stderr-mode", &stderr_mode,
                "handshake-timeout-msec", &timeout, NULL);
  g_assert_cmpstrv (same, argv);
  g_assert_cmpstr (cwd, ==, "/");
  g_assert_cmpint (stderr_mode, ==, PPOOL_STDERR_MODE_DISCARD);
  g_assert_cmpuint (timeout, ==, G_MAXUINT);

  g_assert_finalize_object (launcher);
}

static void
test_environ (Fixture       *fixture,
              gconstpointer  user_data)
{
  const char *env[] = { "A=1", "B=2", NULL };
  PPoolLauncher *launcher = ppool_launcher_new (NULL);

  g_assert_cmpstr (ppool_launcher_getenv (launcher, "PATH"), ==, g_getenv ("PATH"));
  ppool_launcher_setenv (launcher, "PATH", "/nowhere", FALSE);
  g_assert_cmpstr (ppool_launcher_getenv (launcher, "PATH"), ==, g_getenv ("PATH"));
  ppool_launcher_setenv (launcher, "PATH", "/nowhere", TRUE);
  g_assert_cmpstr (ppool_launcher_getenv (launcher, "PATH"), ==, "/nowhere");
  ppool_launcher_unsetenv (launcher, "PATH");
  g_assert_null (ppool_launcher_getenv (launcher, "PATH"));

  ppool_launcher_set_environ (launcher, env);
  g_assert_cmpstr (ppool_launcher_getenv (launcher, "A"), ==, "1");
  ppool_launcher_unsetenv (launcher, "B");
  g_assert_null (ppool_launcher_getenv (launcher, "B"));

  ppool_launcher_set_environ (launcher, NULL);
  g_assert_null (ppool_launcher_getenv (launcher, "A"));
  g_assert_cmpstr (ppool_launcher_getenv (launcher, "PATH"), ==, g_getenv ("PATH"));

  g_assert_finalize_object (launcher);
}

static void
test_module (Fixture       *fixture,
             gconstpointer  user_data)
{
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *expected = g_build_filename (cwd, "module.so", NULL);
  const char *no_paths[] = { "", ".", "./ppool-worker", "ppool-worker" };
  PPoolLauncher *launcher;

  g_setenv ("PPOOL_WORKER_PROGRAM", "/some/ppool-worker", TRUE);
  launcher = ppool_launcher_new_module ("./module.so");
  g_assert_cmpstr (ppool_launcher_get_argv (launcher)[0], ==, "/some/ppool-worker");
  g_assert_cmpstr (ppool_launcher_get_argv (launcher)[1], ==, expected);
  g_assert_null (ppool_launcher_get_argv (launcher)[2]);
  g_assert_finalize_object (launcher);

  /* None is named, or none that is the same everywhere. */
  for (gsize i = 0; i < G_N_ELEMENTS (no_paths); i++)
    {
      g_setenv ("PPOOL_WORKER_PROGRAM", no_paths[i], TRUE);
      launcher = ppool_launcher_new_module ("/module.so");
      g_assert_cmpstr (ppool_launcher_get_argv (launcher)[0], ==, PPOOL_WORKER_PATH);
      g_assert_finalize_object (launcher);
    }

  g_unsetenv ("PPOOL_WORKER_PROGRAM");
  launcher = ppool_launcher_new_module ("/module.so");
  g_assert_cmpstr (ppool_launcher_get_argv (launcher)[0], ==, PPOOL_WORKER_PATH);
  g_assert_cmpstr (ppool_launcher_get_argv (launcher)[1], ==, "/module.so");
  g_assert_finalize_object (launcher);
}

static void
test_command (Fixture       *fixture,
              gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autofree char *report = NULL;

  /* A worker's parent may be a worker. */
  ppool_launcher_setenv (launcher, PPOOL_ENV_WORKER_FD, "99", TRUE);
  ppool_launcher_setenv (launcher, PPOOL_ENV_WORKER_SOCKET, "99", TRUE);
  report = run (launcher);

  assert_line (report, "fds 0 1 2 3");
  assert_line (report, "spawned 1");
  assert_line (report, "channel 3");
  assert_line (report, "session own");
  assert_line (report, "SigBlk:\t0000000000000000");
  assert_line (report, "arg first");
  assert_line (report, "arg ");

  g_assert_finalize_object (launcher);
}

/* Arguments and paths are bytes, whatever these mean. */
static void
test_bytes (Fixture       *fixture,
            gconstpointer  user_data)
{
  g_autofree char *dir = g_dir_make_tmp ("ppool-launcher-\xe9-XXXXXX", NULL);
  g_autofree char *cwd_line = g_strconcat ("cwd ", dir, NULL);
  const char *argv[] = { program, "caf\xe9", "\xff\xfe", NULL };
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autofree char *report = NULL;

  ppool_launcher_set_cwd (launcher, dir);
  ppool_launcher_setenv (launcher, ENV_PROBE, "na\xefve", TRUE);
  report = run (launcher);

  g_assert_true (has_line (report, "arg caf\xe9"));
  g_assert_true (has_line (report, "arg \xff\xfe"));
  g_assert_true (has_line (report, "probe na\xefve"));
  g_assert_true (has_line (report, cwd_line));

  g_assert_no_errno (g_rmdir (dir));
  g_assert_finalize_object (launcher);
}

/* However many, and whatever numbers they have here. */
static void
test_inherit (Fixture       *fixture,
              gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autoptr (GString) expected = g_string_new ("fds 0 1 2 3");
  g_autofree char *report = NULL;
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  for (int i = 0; i < 20; i++)
    {
      g_assert_cmpint (ppool_launcher_inherit_fd (launcher, ends[i % 2]), ==, 5 + i);
      g_string_append_printf (expected, " %d", 5 + i);
    }
  report = run (launcher);
  assert_line (report, expected->str);
  assert_line (report, "channel 3");

  close (ends[0]);
  close (ends[1]);
  g_assert_finalize_object (launcher);
}

/* One that is closed can't be handed on. */
static void
test_inherit_closed (Fixture       *fixture,
                     gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autoptr (PPoolLaunchPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  int channel_fds[2], stderr_fds[2];

  ppool_launcher_inherit_fd (launcher, 1000);
  plan = ppool_launcher_make_plan (launcher);
  open_fds (channel_fds, stderr_fds);
  g_assert_cmpint (ppool_launch_plan_spawn (plan, channel_fds[1], stderr_fds[1], &error), ==, 0);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
  g_assert_nonnull (strstr (error->message, g_strerror (EBADF)));

  close (channel_fds[0]);
  close (stderr_fds[0]);
  g_assert_finalize_object (launcher);
}

/* A directory that is gone is as good as any, unless it was asked for. */
static void
test_directory_gone (Fixture       *fixture,
                     gconstpointer  user_data)
{
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *dir = g_dir_make_tmp ("ppool-XXXXXX", NULL);
  PPoolLauncher *launcher = new_probe ();
  g_autofree char *report = NULL;

  g_assert_cmpint (g_chdir (dir), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
  report = run (launcher);
  g_assert_cmpint (g_chdir (before), ==, 0);
  assert_line (report, "spawned 1");

  g_assert_finalize_object (launcher);
}

static void
test_fork (Fixture       *fixture,
           gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autofree char *report = NULL;
  int before = g_atomic_int_get (&n_forks);

  report = run (launcher);
  g_assert_cmpint (g_atomic_int_get (&n_forks) - before, ==,
                   g_str_equal (user_data, NO_TRAMPOLINE) ? 1 : 0);

  g_assert_finalize_object (launcher);
}

static void
test_plan_is_a_copy (Fixture       *fixture,
                     gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autoptr (PPoolLaunchPlan) plan = NULL;
  g_autofree char *report = NULL;
  int channel_fds[2], stderr_fds[2];

  ppool_launcher_setenv (launcher, ENV_PROBE, "before", TRUE);
  ppool_launcher_set_cwd (launcher, "/");
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_INHERIT);
  ppool_launcher_set_handshake_timeout_msec (launcher, 7);
  plan = ppool_launcher_make_plan (launcher);

  ppool_launcher_setenv (launcher, ENV_PROBE, "after", TRUE);
  ppool_launcher_set_cwd (launcher, "/tmp");
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  ppool_launcher_set_handshake_timeout_msec (launcher, 8);
  g_assert_finalize_object (launcher);

  g_assert_cmpint (ppool_launch_plan_get_stderr_mode (plan), ==, PPOOL_STDERR_MODE_INHERIT);
  g_assert_cmpuint (ppool_launch_plan_get_handshake_timeout_msec (plan), ==, 7);
  open_fds (channel_fds, stderr_fds);
  report = run_fds (plan, channel_fds, stderr_fds);
  assert_line (report, "probe before");
  assert_line (report, "cwd /");
}

/* A path that starts from the worker's directory, not from this one. */
static void
test_cwd (Fixture       *fixture,
          gconstpointer  user_data)
{
  g_autofree char *dir = g_path_get_dirname (program);
  g_autofree char *name = g_path_get_basename (program);
  g_autofree char *relative = g_strconcat ("./", name, NULL);
  g_autofree char *line = NULL;
  g_autofree char *absolute = g_canonicalize_filename (dir, NULL);
  const char *argv[] = { relative, NULL };
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autofree char *report = NULL;

  ppool_launcher_set_cwd (launcher, absolute);
  report = run (launcher);
  line = g_strconcat ("cwd ", absolute, NULL);
  assert_line (report, line);

  g_assert_finalize_object (launcher);
}

static void
test_path (Fixture       *fixture,
           gconstpointer  user_data)
{
  g_autofree char *dir = g_path_get_dirname (program);
  g_autofree char *name = g_path_get_basename (program);
  g_autofree char *path = g_strconcat (dir, ":", g_getenv ("PATH"), NULL);
  g_autofree char *before = g_strdup (g_getenv ("PATH"));
  const char *argv[] = { name, NULL };
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autofree char *report = NULL;

  g_setenv ("PATH", path, TRUE);
  report = run (launcher);
  g_setenv ("PATH", before, TRUE);
  assert_line (report, "spawned 1");

  g_assert_finalize_object (launcher);
}

static void
test_self (Fixture       *fixture,
           gconstpointer  user_data)
{
  PPoolLauncher *launcher = ppool_launcher_new_self ();
  g_autofree char *report = run (launcher);
  g_autofree char *own = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *exe_line = g_strconcat ("exe ", own, NULL);

  assert_line (report, "spawned 1");
  assert_line (report, "channel 3");
  assert_line (report, exe_line);
  if (!g_str_equal (user_data, NO_TRAMPOLINE))
    assert_line (report, "fds 0 1 2 3");

  g_assert_finalize_object (launcher);
}

/* Makes the worker's ends have the numbers that they will not have in the worker:
 * the channel's @channel_number, and the other for standard error. */
static void
lower_fds (int channel_fds[2],
           int stderr_fds[2],
           int channel_number)
{
  int stderr_number = channel_number == 3 ? 4 : 3;
  int i;

  for (i = 0; i < 2; i++)
    {
      channel_fds[i] = fcntl (channel_fds[i], F_DUPFD_CLOEXEC, 20);
      stderr_fds[i] = fcntl (stderr_fds[i], F_DUPFD_CLOEXEC, 20);
    }
  for (i = 3; i < 20; i++)
    close (i);

  g_assert_cmpint (dup3 (channel_fds[1], channel_number, O_CLOEXEC), ==, channel_number);
  g_assert_cmpint (dup3 (stderr_fds[1], stderr_number, O_CLOEXEC), ==, stderr_number);
  close (channel_fds[1]);
  close (stderr_fds[1]);
  channel_fds[1] = channel_number;
  stderr_fds[1] = stderr_number;
}

/* As setproctitle() does it, which has no other place for it. */
static void
set_title (char **argv)
{
  char *end = argv[0];

  for (int i = 0; argv[i] != NULL; i++)
    end = argv[i] + strlen (argv[i]);

  memset (argv[0], 0, (gsize) (end - argv[0]));
  g_strlcpy (argv[0], "busy", (gsize) (end - argv[0]));
}

/* What a copy of this program does, for tests of a parent that is removed, or
 * that has few descriptors: it starts a worker and passes its report on. */
static int
be_parent (const char  *mode,
           char       **argv)
{
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autofree char *own = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *report = NULL;
  g_autoptr (PPoolLaunchPlan) plan = NULL;
  int channel_fds[2], stderr_fds[2];

  open_fds (channel_fds, stderr_fds);
  if (g_str_equal (mode, "channel-3"))
    lower_fds (channel_fds, stderr_fds, 3);
  else if (g_str_equal (mode, "channel-4"))
    lower_fds (channel_fds, stderr_fds, 4);

  if (g_str_equal (mode, "privileged"))
    {
      g_autoptr (PPoolLauncher) module = ppool_launcher_new_module ("/module.so");

      printf ("secure %d\n", getauxval (AT_SECURE) != 0);
      printf ("worker %s\n", ppool_launcher_get_argv (module)[0]);
      printf ("segments %d\n", ppool_protocol_allows_segments ());
    }

  if (g_str_equal (mode, "title"))
    set_title (argv);

  launcher = ppool_launcher_new_self ();
  ppool_launcher_unsetenv (launcher, ENV_PARENT);
  ppool_launcher_setenv (launcher, ENV_PROBE, "yes", TRUE);
  if (g_str_equal (mode, "removed"))
    g_assert_cmpint (g_unlink (own), ==, 0);

  plan = ppool_launcher_make_plan (launcher);
  report = run_fds (plan, channel_fds, stderr_fds);
  printf ("%s", report);

  return 0;
}

static char *
run_parent (const char *path,
            const char *mode)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GError) error = NULL;
  char *report = NULL;

  g_subprocess_launcher_setenv (launcher, ENV_PARENT, mode, TRUE);
  subprocess = g_subprocess_launcher_spawn (launcher, &error, path, "original argument", NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &report, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (subprocess));

  return report;
}

/* What a user puts into the environment of a program that has more privileges. */
static void
test_privileged (Fixture       *fixture,
                 gconstpointer  user_data)
{
  g_autofree char *copy = NULL;
  g_autofree char *evil = NULL;
  g_autofree char *report = NULL;
  const char *script = "#!/bin/sh\necho executed >&2\n";

  if (!privileged_can_be_made ())
    {
      g_test_skip ("only the superuser can make such programs");
      return;
    }

  copy = privileged_copy (program, 04755, NULL);
  evil = g_strconcat (copy, "-evil", NULL);
  g_assert_true (g_file_set_contents_full (evil, script, -1, 0, 0755, NULL));
  g_setenv ("PPOOL_LAUNCH_PROGRAM", evil, TRUE);
  g_setenv ("PPOOL_WORKER_PROGRAM", evil, TRUE);
  g_setenv ("PPOOL_FEATURES", "gvariant", TRUE);
  privileged_enter ();
  report = run_parent (copy, "privileged");
  privileged_leave ();
  g_unsetenv ("PPOOL_FEATURES");
  g_unsetenv ("PPOOL_WORKER_PROGRAM");

  if (has_line (report, "secure 0"))
    {
      g_test_skip ("programs get no privileges here");
    }
  else
    {
      assert_line (report, "secure 1");
      assert_line (report, "worker " PPOOL_WORKER_PATH);
      assert_line (report, "segments 1");
      assert_line (report, "spawned 1");
      assert_line (report, "channel 3");
      g_assert_null (strstr (report, "executed"));
    }

  g_assert_no_errno (g_unlink (evil));
  privileged_remove (copy);
}

static void
test_self_removed (Fixture       *fixture,
                   gconstpointer  user_data)
{
  g_autofree char *dir = g_dir_make_tmp ("ppool-launcher-XXXXXX", NULL);
  g_autofree char *copy = g_build_filename (dir, "copy", NULL);
  g_autofree char *exe_line = g_strconcat ("exe ", copy, " (deleted)", NULL);
  g_autofree char *bytes = NULL;
  g_autofree char *report = NULL;
  gsize n_bytes = 0;

  g_assert_true (g_file_get_contents (program, &bytes, &n_bytes, NULL));
  g_assert_true (g_file_set_contents_full (copy, bytes, (gssize) n_bytes, 0, 0700, NULL));
  report = run_parent (copy, "removed");

  assert_line (report, exe_line);
  assert_line (report, "spawned 1");
  assert_line (report, "arg original argument");
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* The list of processes may show anything. */
static void
test_title (Fixture       *fixture,
            gconstpointer  user_data)
{
  g_autofree char *report = run_parent (program, "title");
  g_autofree char *first = g_strconcat ("arg ", program, NULL);

  assert_line (report, "spawned 1");
  assert_line (report, first);
  assert_line (report, "arg original argument");
  g_assert_null (strstr (report, "busy"));
}

static void
test_low_descriptors (Fixture       *fixture,
                      gconstpointer  user_data)
{
  g_autofree char *three = run_parent (program, "channel-3");
  g_autofree char *four = run_parent (program, "channel-4");

  assert_line (three, "channel 3");
  assert_line (four, "channel 3");
}

/* The manager's thread blocks all signals, and a program may ignore some; a worker
 * starts with neither. */
static gpointer
blocked_thread (gpointer user_data)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, NULL);

  return run (user_data);
}

static void
test_signals (Fixture       *fixture,
              gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before;
  g_autofree char *report = NULL;
  guint64 ignored;

  sigaction (SIGUSR1, &ignore, &before);
  report = g_thread_join (g_thread_new ("blocked", blocked_thread, launcher));
  sigaction (SIGUSR1, &before, NULL);
  assert_line (report, "SigBlk:\t0000000000000000");
  /* What lies above the standard signals belongs to the C library. */
  ignored = g_ascii_strtoull (strstr (report, "SigIgn:\t") + strlen ("SigIgn:\t"), NULL, 16);
  g_assert_cmphex (ignored & ((1ull << SIGSYS) - 1), ==, 0);

  g_assert_finalize_object (launcher);
}

static void
assert_failure (PPoolLauncher *launcher,
                const char    *message)
{
  g_autoptr (PPoolLaunchPlan) plan = ppool_launcher_make_plan (launcher);
  g_autoptr (GError) error = NULL;
  int channel_fds[2], stderr_fds[2];

  open_fds (channel_fds, stderr_fds);
  g_assert_cmpint (ppool_launch_plan_spawn (plan, channel_fds[1], stderr_fds[1], &error), ==, 0);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
  g_assert_cmpstr (error->message, ==, message);

  /* Both were consumed. */
  g_assert_cmpint (fcntl (channel_fds[1], F_GETFD), ==, -1);
  g_assert_cmpint (fcntl (stderr_fds[1], F_GETFD), ==, -1);
  close (channel_fds[0]);
  close (stderr_fds[0]);

  g_assert_finalize_object (launcher);
}

static void
assert_command_fails (const char *command,
                      const char *cwd,
                      const char *reason)
{
  const char *argv[] = { command, NULL };
  g_autofree char *message = g_strdup_printf ("Can't start “%s” as a worker: %s", command, reason);
  PPoolLauncher *launcher = ppool_launcher_new (argv);

  ppool_launcher_set_cwd (launcher, cwd);
  assert_failure (launcher, message);
}

/* Nothing is run because it happens to be where this process is. */
static void
test_here (Fixture       *fixture,
           gconstpointer  user_data)
{
  const char *paths[] = { "", ".", "./", ":", "::/nowhere", "/nowhere:", "bin:.:", NULL };
  g_autofree char *before = g_strdup (g_getenv ("PATH"));
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *dir = g_dir_make_tmp ("ppool-launcher-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (dir, "ppool-here", NULL);
  g_autofree char *trampoline = g_build_filename (dir, "ppool-launch", NULL);
  const char *script = "#!/bin/sh\necho executed >&2\n";
  PPoolLauncher *launcher;
  g_autofree char *report = NULL;

  g_assert_true (g_file_set_contents_full (file, script, -1, 0, 0700, NULL));
  g_assert_true (g_file_set_contents_full (trampoline, script, -1, 0, 0700, NULL));
  g_assert_no_errno (g_chdir (dir));

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      if (paths[i] != NULL)
        g_setenv ("PATH", paths[i], TRUE);
      else
        g_unsetenv ("PATH");
      assert_command_fails ("ppool-here", NULL, "there is no such program in the PATH");
    }
  g_setenv ("PATH", before, TRUE);
  g_assert_no_errno (g_chdir (cwd));

  launcher = new_probe ();
  ppool_launcher_set_cwd (launcher, cwd);
  g_assert_no_errno (g_chdir (dir));
  g_setenv ("PPOOL_LAUNCH_PROGRAM", "ppool-launch", TRUE);
  report = run (launcher);
  assert_line (report, "spawned 1");
  g_assert_null (strstr (report, "executed"));
  g_assert_finalize_object (launcher);

  g_assert_no_errno (g_chdir (cwd));
  g_assert_no_errno (g_unlink (file));
  g_assert_no_errno (g_unlink (trampoline));
  g_assert_no_errno (g_rmdir (dir));
}

static void
test_no_command (Fixture       *fixture,
                 gconstpointer  user_data)
{
  const char *none[] = { NULL };
  const char *empty[] = { "", NULL };
  const char *bytes[] = { "/nowhere/caf\xe9", NULL };

  assert_failure (g_object_new (PPOOL_TYPE_LAUNCHER, NULL),
                  "Can't start a worker: the launcher has no command");
  assert_failure (ppool_launcher_new (NULL), "Can't start a worker: the launcher has no command");
  assert_failure (ppool_launcher_new (none), "Can't start a worker: the launcher has no command");
  assert_failure (ppool_launcher_new (empty),
                  "Can't start a worker: the launcher's command is empty");
  assert_failure (ppool_launcher_new (bytes),
                  "Can't start “/nowhere/caf\xef\xbf\xbd” as a worker: No such file or directory");
}

static void
test_failures (Fixture       *fixture,
               gconstpointer  user_data)
{
  g_autofree char *file = NULL;
  g_autofree char *reason = NULL;
  int fd;

  assert_command_fails ("ppool-no-such-program", NULL, "there is no such program in the PATH");
  assert_command_fails ("/not/there", NULL, "No such file or directory");
  assert_command_fails ("./relative", "/tmp", "No such file or directory");
  assert_command_fails ("/tmp", NULL, "Is a directory");
  assert_command_fails (program, "/not/there",
                        "its directory “/not/there”: No such file or directory");

  fd = g_file_open_tmp ("ppool-launcher-XXXXXX", &file, NULL);
  close (fd);
  reason = g_strdup_printf ("its directory “%s”: Not a directory", file);
  assert_command_fails (file, NULL, "Permission denied");
  assert_command_fails (program, file, reason);
  g_unlink (file);
}

/* However few descriptors are left, a start succeeds or fails; GLib alone would
 * abort. */
static void
test_exhausted (Fixture       *fixture,
                gconstpointer  user_data)
{
  PPoolLauncher *launcher = new_probe ();
  g_autoptr (PPoolLaunchPlan) plan = NULL;
  struct rlimit before, limit;
  int channel_fds[2], stderr_fds[2];
  int n_failed = 0;
  rlim_t left;

  ppool_launcher_setenv (launcher, ENV_PROBE, "yes", TRUE);
  plan = ppool_launcher_make_plan (launcher);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;

  for (left = 0; left < 20; left++)
    {
      g_autoptr (GError) error = NULL;
      GPid pid;

      open_fds (channel_fds, stderr_fds);
      limit.rlim_cur = (rlim_t) stderr_fds[1] + 1 + left;
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
      pid = ppool_launch_plan_spawn (plan, channel_fds[1], stderr_fds[1], &error);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);

      if (pid != 0)
        g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
      else
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
      n_failed += pid == 0;
      close (channel_fds[0]);
      close (stderr_fds[0]);
    }

  g_assert_cmpint (n_failed, >, 0);
  g_assert_cmpint (n_failed, <, 20);
  g_assert_finalize_object (launcher);
}

static void
count_fork (void)
{
  g_atomic_int_inc (&n_forks);
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *through = NULL;

  program = argv[0];
  if (g_getenv (ENV_PROBE) != NULL)
    return probe (argc, argv);
  if (g_getenv (ENV_PARENT) != NULL)
    return be_parent (g_getenv (ENV_PARENT), argv);

  scratch_init ();
  g_test_init (&argc, &argv, NULL);
  pthread_atfork (count_fork, NULL, NULL);

  keep_what_glib_keeps ();
  through = g_strdup (g_getenv ("PPOOL_LAUNCH_PROGRAM"));

#define ADD(path, func) \
  g_test_add ("/launcher/" path, Fixture, through, set_up, func, tear_down)
#define ADD_BOTH(path, func) \
  ADD (path, func); \
  g_test_add ("/launcher/" path "/without-trampoline", Fixture, NO_TRAMPOLINE, set_up, func, \
              tear_down)
  ADD ("properties", test_properties);
  ADD ("environ", test_environ);
  ADD ("module", test_module);
  ADD ("no-command", test_no_command);
  ADD ("privileged", test_privileged);
  ADD_BOTH ("here", test_here);
  ADD_BOTH ("command", test_command);
  ADD_BOTH ("bytes", test_bytes);
  ADD_BOTH ("inherit", test_inherit);
  ADD_BOTH ("inherit-closed", test_inherit_closed);
  ADD_BOTH ("directory-gone", test_directory_gone);
  ADD_BOTH ("fork", test_fork);
  ADD_BOTH ("plan-is-a-copy", test_plan_is_a_copy);
  ADD_BOTH ("cwd", test_cwd);
  ADD_BOTH ("path", test_path);
  ADD_BOTH ("self", test_self);
  ADD_BOTH ("self-removed", test_self_removed);
  ADD_BOTH ("title", test_title);
  ADD_BOTH ("low-descriptors", test_low_descriptors);
  ADD_BOTH ("signals", test_signals);
  ADD_BOTH ("failures", test_failures);
  ADD_BOTH ("exhausted", test_exhausted);
#undef ADD
#undef ADD_BOTH

  return g_test_run ();
}
