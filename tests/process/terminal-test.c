/* terminal-test.c: what a terminal sends is for the program alone
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A program in a session of its own, whose terminal is the other end of @fd. */
typedef struct
{
  GSubprocess *process; /* (owned) */
  int fd;               /* (owned): -1 when it has hung up */
} Session;

/* Runs between fork() and exec(). */
static void
take_terminal (gpointer data)
{
  setsid ();
  if (ioctl (STDIN_FILENO, TIOCSCTTY, 0) != 0)
    _exit (99);
}

static void
session_init (Session    *self,
              const char *program,
              const char *mode,
              const char *path)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GError) error = NULL;
  int terminal;

  self->fd = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (grantpt (self->fd), ==, 0);
  g_assert_cmpint (unlockpt (self->fd), ==, 0);
  terminal = open (ptsname (self->fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (terminal, >=, 0);

  g_subprocess_launcher_take_stdin_fd (launcher, terminal);
  g_subprocess_launcher_set_child_setup (launcher, take_terminal, NULL, NULL);
  self->process = g_subprocess_launcher_spawn (launcher, &error, program, mode, path, NULL);
  g_assert_no_error (error);
}

static void
type_key (Session *self,
          char     key)
{
  g_assert_cmpint (write (self->fd, &key, 1), ==, 1);
}

static void
hang_up (Session *self)
{
  close (self->fd);
  self->fd = -1;
}

/* Reads what the program writes. */
static void
expect (GInputStream *stream,
        const char   *expected)
{
  int fd = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (stream));

  for (const char *c = expected; *c != '\0'; c++)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
      char got = 0;

      g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_SECONDS * 1000), ==, 1);
      g_assert_cmpint (read (fd, &got, 1), ==, 1);
      g_assert_cmpint (got, ==, *c);
    }
}

static void
expect_end (GInputStream *stream)
{
  int fd = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (stream));
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  char c;

  g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_SECONDS * 1000), ==, 1);
  g_assert_cmpint (read (fd, &c, 1), ==, 0);
}

/* A27: Ctrl-C, Ctrl-Z and a hang-up; and workers end without a word. */
static void
test_signals (Harness *harness)
{
  g_autofree char *program = harness_program ("victim");
  g_autoptr (Gate) gate = gate_new (harness->dir);
  GInputStream *output;
  Session session;
  Visitor worker, same;

  session_init (&session, program, "terminal", gate_get_path (gate));
  output = g_subprocess_get_stdout_pipe (session.process);
  worker = gate_wait (gate);
  type_key (&session, 'C' - '@');
  expect (output, "I");
  type_key (&session, 'Z' - '@');
  expect (output, "T");
  gate_open (worker, "");
  expect (output, "the original\n");

  same = gate_wait (gate);
  g_assert_cmpint (same.pid, ==, worker.pid);
  hang_up (&session);
  expect (output, "H");
  gate_open (same, "");
  expect (output, "the original\n");

  g_assert_true (g_subprocess_wait_check (session.process, NULL, NULL));
  harness_wait_for_process (worker.pid, 1000);
  /* The program may have come to reap it before it ended. */
  if (leftovers_count_children () > 0)
    harness_reap_orphan (worker.pid);
  expect_end (output);
  expect_end (g_subprocess_get_stderr_pipe (session.process));
  g_object_unref (session.process);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/executor/terminal/signals", test_signals);

  return g_test_run ();
}
