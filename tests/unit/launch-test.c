/* launch-test.c: what the trampoline makes of a process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "nothing-left.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MSEC 20000

/* Descriptors that are lying around in the parent. */
static const int strays[] = { 5, 9, 10, 100 };

/* Signals that a terminal sends. */
static const int of_terminal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };

static const char *program;    /* this one */
static const char *trampoline;

/* A program that tells what it was given. */

static void
print_status_line (const char *field)
{
  g_autofree char *status = NULL;
  g_auto (GStrv) lines = NULL;
  gsize i;

  g_file_get_contents ("/proc/self/status", &status, NULL, NULL);
  lines = g_strsplit (status, "\n", -1);
  for (i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], field))
      printf ("%s\n", lines[i]);
}

static int
probe (int    argc,
       char **argv)
{
  g_autofree char *cwd = NULL;
  g_autofree char *exe = NULL;
  int deathsig = 0;
  int fd, i;

  printf ("fds");
  for (fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) != -1)
      printf (" %d", fd);
  printf ("\n");

  print_status_line ("SigBlk");
  print_status_line ("SigIgn");
  prctl (PR_GET_PDEATHSIG, &deathsig);
  printf ("deathsig %d\n", deathsig);
  printf ("session %s\n", getsid (0) == getpid () ? "own" : "other");
  cwd = g_get_current_dir ();
  printf ("cwd %s\n", cwd);
  exe = g_file_read_link ("/proc/self/exe", NULL);
  printf ("exe %s\n", exe);
  for (i = 0; i < argc; i++)
    printf ("arg %s\n", argv[i]);

  return 0;
}

/* A program that is there until it is killed. */
static _Noreturn void
hold (void)
{
  if (write (STDOUT_FILENO, "h", 1) != 1)
    _exit (1);
  for (;;)
    pause ();
}

/* A copy of the parent that stays when that is killed: as long as the test
 * keeps its input open. */
static _Noreturn void
outlive (void)
{
  char byte;

  close (STDOUT_FILENO);
  while (read (STDIN_FILENO, &byte, 1) < 0)
    continue;
  _exit (0);
}

/* A parent that starts one that holds and a copy of itself, and then waits to
 * be killed. */
static _Noreturn void
parent (void)
{
  g_autofree char *option = g_strdup_printf ("--parent=%d", (int) getpid ());

  if (fork () == 0)
    outlive ();

  if (fork () == 0)
    {
      execl (trampoline, trampoline, option, "--", program, "--hold", NULL);
      _exit (1);
    }

  for (;;)
    pause ();
}

typedef struct
{
  char *output;
  char *errors;
  int status;
} Outcome;

static void
outcome_free (Outcome *self)
{
  g_free (self->output);
  g_free (self->errors);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outcome, outcome_free)

typedef enum
{
  SETUP_NONE,
  SETUP_STRAYS,
  SETUP_STRAYS_WITHOUT_CLOSE_RANGE,
  SETUP_SIGNALS,
  SETUP_INTERRUPTED,
  SETUP_CLOSED,
} Setup;

static void
forbid_close_range (void)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter_program = { G_N_ELEMENTS (filter), filter };

  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter_program) != 0)
    _exit (99);
}

static void
child_setup (gpointer user_data)
{
  sigset_t all;
  gsize i;
  int number;

  switch ((Setup) GPOINTER_TO_INT (user_data))
    {
    case SETUP_STRAYS_WITHOUT_CLOSE_RANGE:
      forbid_close_range ();
      G_GNUC_FALLTHROUGH;

    case SETUP_STRAYS:
      for (i = 0; i < G_N_ELEMENTS (strays); i++)
        dup2 (STDIN_FILENO, strays[i]);
      break;

    case SETUP_SIGNALS:
      sigfillset (&all);
      sigprocmask (SIG_SETMASK, &all, NULL);
      for (number = 1; number < NSIG; number++)
        signal (number, SIG_IGN);
      break;

    case SETUP_INTERRUPTED:
      sigfillset (&all);
      sigprocmask (SIG_SETMASK, &all, NULL);
      for (i = 0; i < G_N_ELEMENTS (of_terminal); i++)
        raise (of_terminal[i]);
      break;

    case SETUP_CLOSED:
      close (STDIN_FILENO);
      close (STDERR_FILENO);
      break;

    case SETUP_NONE:
      break;

    default:
      _exit (98);
    }
}

static Outcome *
run_strv (Setup        setup,
          char       **command)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GError) error = NULL;
  Outcome *self = g_new0 (Outcome, 1);

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_INHERIT_FDS |
                                        G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_child_setup (launcher, child_setup, GINT_TO_POINTER (setup), NULL);
  subprocess = g_subprocess_launcher_spawnv (launcher, (const char * const *) command, &error);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &self->output, &self->errors, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_exited (subprocess));
  self->status = g_subprocess_get_exit_status (subprocess);

  return self;
}

/* Runs the trampoline for this process, with what else it is given. */
static Outcome * G_GNUC_NULL_TERMINATED
run (Setup       setup,
     const char *first,
     ...)
{
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  g_autofree char *option = g_strdup_printf ("--parent=%d", (int) getpid ());
  const char *argument;
  va_list args;

  g_ptr_array_add (command, (gpointer) trampoline);
  g_ptr_array_add (command, option);
  va_start (args, first);
  for (argument = first; argument != NULL; argument = va_arg (args, const char *))
    g_ptr_array_add (command, (gpointer) argument);
  va_end (args);
  g_ptr_array_add (command, NULL);

  return run_strv (setup, (char **) command->pdata);
}

static gboolean
has_line (const char *text,
          const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  return g_strv_contains ((const char * const *) lines, line);
}

static void
assert_line (Outcome    *outcome,
             const char *line)
{
  g_test_message ("looking for '%s' in:\n%s%s", line, outcome->output, outcome->errors);
  g_assert_cmpint (outcome->status, ==, 0);
  g_assert_true (has_line (outcome->output, line));
}

/* Nothing but one line of explanation. */
static void
assert_failure (Outcome    *outcome,
                int         status,
                const char *line)
{
  g_assert_cmpstr (outcome->errors, ==, line);
  g_assert_cmpstr (outcome->output, ==, "");
  g_assert_cmpint (outcome->status, ==, status);
}

static void
test_descriptors (gconstpointer user_data)
{
  Setup setup = (Setup) GPOINTER_TO_INT (user_data);
  g_autoptr (Outcome) none = run (setup, "--", program, "--probe", NULL);
  g_autoptr (Outcome) some = NULL;

  if (none->status == 99)
    {
      g_test_skip ("system calls can't be filtered here");
      return;
    }

  assert_line (none, "fds 0 1 2");

  some = run (setup, "--keep=100", "--keep=9", "--keep=1", "--", program, "--probe", NULL);
  assert_line (some, "fds 0 1 2 9 100");
}

static void
test_standard_descriptors (void)
{
  g_autoptr (Outcome) outcome = run (SETUP_CLOSED, "--", program, "--probe", NULL);

  assert_line (outcome, "fds 0 1 2");
}

static guint64
signals_of (Outcome    *outcome,
            const char *field)
{
  const char *line = strstr (outcome->output, field);

  g_assert_nonnull (line);

  /* The C library keeps some after 31 for itself: glibc two, musl three. */
  return g_ascii_strtoull (line + strlen (field), NULL, 16) & ~(G_GUINT64_CONSTANT (7) << 31);
}

static void
test_signals (void)
{
  g_autoptr (Outcome) outcome = run (SETUP_SIGNALS, "--", program, "--probe", NULL);

  assert_line (outcome, "deathsig 9");
  g_assert_cmphex (signals_of (outcome, "SigBlk:\t"), ==, 0);
  g_assert_cmphex (signals_of (outcome, "SigIgn:\t"), ==, 0);
}

/* Ctrl-C comes between the start of the process and its own session. */
static void
test_interrupted (void)
{
  g_autoptr (Outcome) outcome = run (SETUP_INTERRUPTED, "--", program, "--probe", NULL);

  assert_line (outcome, "session own");
  g_assert_cmphex (signals_of (outcome, "SigBlk:\t"), ==, 0);
  g_assert_cmphex (signals_of (outcome, "SigIgn:\t"), ==, 0);
}

static void
test_session (void)
{
  g_autoptr (Outcome) outcome = run (SETUP_NONE, "--", program, "--probe", NULL);

  assert_line (outcome, "session own");
}

static void
test_directory (void)
{
  g_autoptr (Outcome) found = run (SETUP_NONE, "--chdir=/proc", "--", program, "--probe", NULL);
  g_autoptr (Outcome) missing = run (SETUP_NONE, "--chdir=/not/there", "--", program,
                                     "--probe", NULL);

  assert_line (found, "cwd /proc");
  assert_failure (missing, 126, "ppool-launch: cannot enter '/not/there': "
                  "No such file or directory\n");
}

static void
test_program (void)
{
  g_autofree char *option = g_strconcat ("--program=", program, NULL);
  g_autoptr (Outcome) plain = run (SETUP_NONE, "--", program, "--probe", "", "a b", NULL);
  g_autoptr (Outcome) named = run (SETUP_NONE, option, "--", "other name", "--probe", NULL);

  assert_line (plain, "arg a b");
  assert_line (plain, "arg ");
  assert_line (named, "arg other name");
}

static void
test_not_executable (void)
{
  g_autoptr (Outcome) missing = run (SETUP_NONE, "--", "/not/there", NULL);
  g_autoptr (Outcome) unknown = run (SETUP_NONE, "--", "ppool-no-such-program", NULL);
  g_autoptr (Outcome) below_file = run (SETUP_NONE, "--", "/proc/self/exe/x", NULL);
  g_autoptr (Outcome) directory = run (SETUP_NONE, "--", "/proc", NULL);
  g_autoptr (Outcome) other = run (SETUP_NONE, "--program=/not/there", "--", program, NULL);

  assert_failure (missing, 127, "ppool-launch: cannot execute '/not/there': "
                  "No such file or directory\n");
  assert_failure (unknown, 127, "ppool-launch: cannot execute 'ppool-no-such-program': "
                  "No such file or directory\n");
  assert_failure (below_file, 127, "ppool-launch: cannot execute '/proc/self/exe/x': "
                  "Not a directory\n");
  assert_failure (directory, 126, "ppool-launch: cannot execute '/proc': Permission denied\n");
  assert_failure (other, 127, "ppool-launch: cannot execute '/not/there': "
                  "No such file or directory\n");
}

/* By descriptor: as it is, with another file in its place, and removed. */
static void
test_replaced (void)
{
  g_autofree char *dir = g_dir_make_tmp ("ppool-launch-XXXXXX", NULL);
  g_autofree char *copy = g_build_filename (dir, "copy", NULL);
  g_autofree char *gone = g_strconcat ("exe ", copy, " (deleted)", NULL);
  g_autofree char *there = g_strconcat ("exe ", copy, NULL);
  g_autofree char *path_option = g_strconcat ("--program=", copy, NULL);
  g_autofree char *fd_option = NULL;
  g_autofree char *bytes = NULL;
  gsize n_bytes = 0;
  int fd, low;

  g_assert_true (g_file_get_contents (program, &bytes, &n_bytes, NULL));
  g_assert_true (g_file_set_contents_full (copy, bytes, (gssize) n_bytes, 0, 0700, NULL));
  low = open (copy, O_PATH);
  fd = fcntl (low, F_DUPFD, 20);
  close (low);
  fd_option = g_strdup_printf ("--exec-fd=%d", fd);

  {
    g_autoptr (Outcome) by_path = run (SETUP_NONE, fd_option, path_option, "--", "x",
                                       "--probe", NULL);
    g_autoptr (Outcome) by_fd = run (SETUP_NONE, fd_option, "--", "x", "--probe", NULL);

    assert_line (by_path, there);
    assert_line (by_path, "fds 0 1 2");
    assert_line (by_fd, there);
    assert_line (by_fd, "fds 0 1 2");
  }

  g_assert_true (g_file_set_contents_full (copy, "#!/bin/false\n", -1,
                                           G_FILE_SET_CONTENTS_CONSISTENT, 0700, NULL));
  {
    g_autoptr (Outcome) replaced = run (SETUP_NONE, fd_option, path_option, "--", "x",
                                        "--probe", NULL);

    assert_line (replaced, gone);
    assert_line (replaced, "arg x");
    assert_line (replaced, "fds 0 1 2");
  }

  g_assert_cmpint (g_unlink (copy), ==, 0);
  {
    g_autoptr (Outcome) removed = run (SETUP_NONE, fd_option, path_option, "--", "x",
                                       "--probe", NULL);

    assert_line (removed, gone);
  }

  close (fd);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* The parent that it was started for has ended already. */
static void
test_orphan (void)
{
  char *command[] = { (char *) trampoline, (char *) "--parent=1", (char *) "--",
                      (char *) program, (char *) "--probe", NULL };
  g_autoptr (Outcome) outcome = run_strv (SETUP_NONE, command);

  assert_failure (outcome, 126, "");
}

static void
assert_readable (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };

  g_assert_cmpint (poll (&poll_fd, 1, WAIT_MSEC), ==, 1);
}

/* The parent is killed; what it started must follow, also when a copy of the
 * parent lives on. */
static void
test_parent_dies (void)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  g_subprocess_launcher_take_stdout_fd (launcher, fds[1]);
  subprocess = g_subprocess_launcher_spawn (launcher, &error, program, "--parent", NULL);
  g_assert_no_error (error);
  g_subprocess_launcher_close (launcher);

  assert_readable (fds[0]);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'h');

  g_subprocess_force_exit (subprocess);
  g_assert_true (g_subprocess_wait (subprocess, NULL, &error));

  assert_readable (fds[0]);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 0);
  close (fds[0]);
}

static void
test_usage (void)
{
  const char *help = "ppool-launch: programs that use PPool-GLib run this to start their workers; "
                     "it is not meant to be run by hand\n";
  char *bare[] = { (char *) trampoline, NULL };
  char *no_parent[] = { (char *) trampoline, (char *) "--", (char *) program, NULL };
  char *option_alone[] = { (char *) trampoline, (char *) "--help", NULL };
  g_autoptr (Outcome) by_hand = run_strv (SETUP_NONE, bare);
  g_autoptr (Outcome) parentless = run_strv (SETUP_NONE, no_parent);
  g_autoptr (Outcome) unknown = run_strv (SETUP_NONE, option_alone);
  g_autoptr (Outcome) updated = run (SETUP_NONE, "--library=99.1", "--more", "--", program, NULL);
  g_autoptr (Outcome) no_command = run (SETUP_NONE, "--", NULL);
  g_autoptr (Outcome) no_dashes = run (SETUP_NONE, "--chdir=/", NULL);
  g_autoptr (Outcome) number = run (SETUP_NONE, "--keep=3x", "--", program, NULL);
  g_autoptr (Outcome) closed = run (SETUP_NONE, "--keep=77", "--", program, NULL);

  assert_failure (by_hand, 2, help);
  assert_failure (parentless, 2, help);
  assert_failure (unknown, 2, "ppool-launch: unknown option '--help'\n");
  assert_failure (updated, 2, "ppool-launch: unknown option '--more': this is of PPool-GLib "
                              PPOOL_VERSION_TEXT ", and the program that starts workers with it "
                              "uses 99.1; start that program again after an update\n");
  assert_failure (no_command, 2, help);
  assert_failure (no_dashes, 2, help);
  assert_failure (number, 2, "ppool-launch: '3x' is no number for --keep\n");
  assert_failure (closed, 126, "ppool-launch: descriptor 77: Bad file descriptor\n");
}

typedef struct
{
  const char *path;
  GTestDataFunc func;
  Setup setup;
} Case;

/* Runs a test and looks whether anything of it is left. */
static void
test_case (gconstpointer user_data)
{
  const Case *self = user_data;
  Leftovers *leftovers = leftovers_new ();

  self->func (GINT_TO_POINTER (self->setup));

  assert_nothing_left (leftovers);
}

#define PLAIN(func) ((GTestDataFunc) (GCallback) func), SETUP_NONE

static const Case cases[] = {
  { "/launch/descriptors", test_descriptors, SETUP_STRAYS },
  { "/launch/descriptors-one-by-one", test_descriptors, SETUP_STRAYS_WITHOUT_CLOSE_RANGE },
  { "/launch/standard-descriptors", PLAIN (test_standard_descriptors) },
  { "/launch/signals", PLAIN (test_signals) },
  { "/launch/interrupted", PLAIN (test_interrupted) },
  { "/launch/session", PLAIN (test_session) },
  { "/launch/directory", PLAIN (test_directory) },
  { "/launch/program", PLAIN (test_program) },
  { "/launch/not-executable", PLAIN (test_not_executable) },
  { "/launch/replaced", PLAIN (test_replaced) },
  { "/launch/orphan", PLAIN (test_orphan) },
  { "/launch/parent-dies", PLAIN (test_parent_dies) },
  { "/launch/usage", PLAIN (test_usage) },
};

int
main (int    argc,
      char **argv)
{
  gsize i;

  program = argv[0];
  trampoline = g_getenv ("PPOOL_LAUNCH_PROGRAM");

  if (argc > 1 && g_str_equal (argv[1], "--probe"))
    return probe (argc, argv);
  if (argc > 1 && g_str_equal (argv[1], "--hold"))
    hold ();
  if (argc > 1 && g_str_equal (argv[1], "--parent"))
    parent ();

  scratch_init ();
  g_test_init (&argc, &argv, NULL);

  keep_what_glib_keeps ();

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add_data_func (cases[i].path, &cases[i], test_case);

  return g_test_run ();
}
