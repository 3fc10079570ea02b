/* worker-main-test.c: tests the program that makes a worker of a module
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "peer.h"

#include <glib/gstdio.h>

#include <sys/wait.h>

static const char *program;
static char *module;  /* (owned): without the suffix, which GModule adds */
static char *library; /* (owned): no module */

/* Runs the program by hand. */
static void
run_with (const char *argument,
          const char *second,
          int         expected_status,
          const char *expected_stdout,
          const char *expected_stderr)
{
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process =
    g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error,
                      program, argument, second, NULL);

  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &out, &err, &error);
  g_assert_no_error (error);

  g_test_message ("stdout: %s", out);
  g_test_message ("stderr: %s", err);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, expected_status);
  g_assert_true (g_pattern_match_simple (expected_stdout, out));
  g_assert_true (g_pattern_match_simple (expected_stderr, err));
}

static void
run (const char *argument,
     int         expected_status,
     const char *expected_stdout,
     const char *expected_stderr)
{
  run_with (argument, NULL, expected_status, expected_stdout, expected_stderr);
}

static void
run_check (const char *path,
           const char *mode,
           int         expected_status,
           const char *expected_stdout,
           const char *expected_stderr)
{
  if (mode != NULL)
    g_setenv ("ECHO_MODULE", mode, TRUE);
  run_with ("--check", path, expected_status, expected_stdout, expected_stderr);
  g_unsetenv ("ECHO_MODULE");
}

/* What an author of a module wants to know before there is a pool. */
static void
test_check (void)
{
  run_check (module, NULL, 0, "echo\n", "");
  run_check (module, "many", 0, "again\necho\ngrößer\n", "");
  run_check (module, "any", 0, "echo\n", "ppool-worker: *other names*“handle-call”\n");
  run_check (module, "empty", 1, "", "ppool-worker: *adds no function\n");
  run_check (module, "fail", 1, "", "ppool-worker: *failed: no echo here\n");
  run_check (library, NULL, 1, "", "ppool-worker: *exports no function ppool_module_init()*");
  run_check ("/nonexistent/module.so", NULL, 1, "", "ppool-worker: */nonexistent/module.so*");
  run_check (NULL, NULL, 1, "", "ppool-worker: Expected one MODULE*\n");
}

static void
test_by_hand (void)
{
  run ("--version", 0, "ppool-worker 1.*\n", "");
  run ("--help", 0, "*MODULE*--check*ppool_launcher_new_module*", "");
  run (NULL, 1, "", "ppool-worker: Expected one MODULE*\n");
  run ("--nonsense", 1, "", "ppool-worker: *--nonsense*\n");
  run (module, 1, "", "ppool-worker: *started by a PPoolExecutor, not by hand*--check*\n");
}

static void
test_calls (void)
{
  const char *argv[] = { program, module, NULL };
  Peer *peer = peer_new (argv);
  g_autoptr (GVariant) value = peer_call (peer, "echo", g_variant_new_string ("hello"));

  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "hello");

  peer_exit (peer);
}

/* A name without a directory is a file here, not one of the linker's. */
static void
test_relative (void)
{
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *dir = g_path_get_dirname (module);
  g_autofree char *name = g_path_get_basename (module);
  const char *argv[] = { program, name, NULL };

  g_assert_no_errno (g_chdir (dir));
  peer_exit (peer_new (argv));
  g_assert_no_errno (g_chdir (before));
}

static void
test_failure (const char *path,
              const char *mode)
{
  const char *argv[] = { program, path, NULL };
  Peer *peer;
  int status;

  if (mode != NULL)
    g_setenv ("ECHO_MODULE", mode, TRUE);
  peer = peer_new_unconnected (argv);
  g_unsetenv ("ECHO_MODULE");

  status = peer_free (peer);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
}

static void
test_missing (void)
{
  if (g_test_subprocess ())
    {
      test_failure ("/nonexistent/module.so", NULL);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("ppool-worker: */nonexistent/module.so*");
}

static void
test_no_module (void)
{
  if (g_test_subprocess ())
    {
      test_failure (library, NULL);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("ppool-worker: *exports no function ppool_module_init()*");
}

static void
test_init_fails (void)
{
  if (g_test_subprocess ())
    {
      test_failure (module, "fail");
      test_failure (module, "fail-silently");
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("ppool-worker: *failed: no echo here\n"
                             "ppool-worker: *failed: it does not say why\n");
}

int
main (int    argc,
      char **argv)
{
  const char *warm_up[] = { NULL, NULL, NULL };

  g_test_init (&argc, &argv, NULL);
  program = g_getenv ("PPOOL_WORKER_PROGRAM");
  module = g_test_build_filename (G_TEST_BUILT, "workers", "echo-module", NULL);
  library = g_test_build_filename (G_TEST_BUILT, "..", "ppool-glib", "libppool-glib-1.0.so", NULL);
  warm_up[0] = program;
  warm_up[1] = module;
  peer_warm_up (warm_up);

  g_test_add_func ("/worker-main/by-hand", test_by_hand);
  g_test_add_func ("/worker-main/check", test_check);
  g_test_add_func ("/worker-main/calls", test_calls);
  g_test_add_func ("/worker-main/relative", test_relative);
  g_test_add_func ("/worker-main/missing", test_missing);
  g_test_add_func ("/worker-main/no-module", test_no_module);
  g_test_add_func ("/worker-main/init-fails", test_init_fails);

  return g_test_run ();
}
