/* child-test.c: child processes, until their exit
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-child-private.h"

#include "leftovers.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  int wait_status;
  gboolean is_lost;
  guint n_calls;
} Exit;

static void
exited_cb (int      wait_status,
           gboolean is_lost,
           gpointer data)
{
  Exit *self = data;

  self->wait_status = wait_status;
  self->is_lost = is_lost;
  self->n_calls++;
}

/* Starts a child that waits for the end of what it reads, or for a signal. */
static int
start (int *pipe_fd)
{
  int fds[2];
  int pid;
  char byte;

  g_assert_no_errno (pipe (fds));
  pid = fork ();
  g_assert_no_errno (pid);

  if (pid == 0)
    {
      close (fds[1]);
      while (read (fds[0], &byte, 1) > 0)
        ;
      _exit (7);
    }

  close (fds[0]);
  *pipe_fd = fds[1];

  return pid;
}

static void
iterate_until_exit (GMainContext *context,
                    Exit         *self)
{
  while (self->n_calls == 0)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (self->n_calls, ==, 1);
}

typedef void (*EndFunc) (PPoolChild *child,
                         int         pipe_fd);

/* Has a child ended by @end, if it is watched by a descriptor, and if there is none
 * left for that. */
static void
check (EndFunc  end,
       int      expected_status,
       gboolean expected_lost)
{
  for (int without = 0; without < 2; without++)
    {
      g_autoptr (GMainContext) context = g_main_context_new ();
      g_autoptr (PPoolChild) child = NULL;
      struct rlimit before, none;
      Exit result = { 0 };
      int pipe_fd;
      int pid = start (&pipe_fd);

      g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &before));
      none = before;
      none.rlim_cur = without ? 0 : before.rlim_cur;
      g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &none));
      child = ppool_child_new (pid, context, exited_cb, &result);
      g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));

      g_assert_cmpint (ppool_child_get_pid (child), ==, pid);
      g_main_context_iteration (context, FALSE);
      g_assert_cmpuint (result.n_calls, ==, 0);

      end (child, pipe_fd);
      iterate_until_exit (context, &result);
      g_assert_cmpint (result.wait_status, ==, expected_status);
      g_assert_cmpint (result.is_lost, ==, expected_lost);

      /* Its number is anybody's. */
      ppool_child_send_signal (child, SIGKILL);
      g_assert_false (g_main_context_iteration (context, FALSE));
      g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, -1);
    }

  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

static void
end_by_pipe (PPoolChild *child G_GNUC_UNUSED,
             int         pipe_fd)
{
  close (pipe_fd);
}

static void
test_exit (void)
{
  check (end_by_pipe, 7 << 8, FALSE);
}

static void
end_by_signal (PPoolChild *child,
               int         pipe_fd)
{
  ppool_child_send_signal (child, SIGTERM);
  close (pipe_fd);
}

static void
test_signal (void)
{
  check (end_by_signal, SIGTERM, FALSE);
}

static void
end_and_reap (PPoolChild *child,
              int         pipe_fd)
{
  close (pipe_fd);
  g_assert_cmpint (waitpid (ppool_child_get_pid (child), NULL, 0), >, 0);
}

/* By a program that waits for whatever child ends. */
static void
test_reaped (void)
{
  check (end_and_reap, 0, TRUE);
}

/* By the kernel. */
static void
test_ignored (void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before;

  g_assert_no_errno (sigaction (SIGCHLD, &ignore, &before));
  check (end_by_pipe, 0, TRUE);
  g_assert_no_errno (sigaction (SIGCHLD, &before, NULL));
}

/* Nothing of the process is changed for a child, nor is a thread made for it. */
static void
test_alone (void)
{
  struct sigaction action;

  test_exit ();
  g_assert_no_errno (sigaction (SIGCHLD, NULL, &action));
  g_assert_true (action.sa_handler == SIG_DFL);
}

static void
free_cb (int      wait_status G_GNUC_UNUSED,
         gboolean is_lost G_GNUC_UNUSED,
         gpointer data)
{
  PPoolChild **child = data;

  g_clear_pointer (child, ppool_child_free);
}

static void
test_freed_in_callback (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  PPoolChild *child;
  int pipe_fd;

  child = ppool_child_new (start (&pipe_fd), context, free_cb, &child);
  close (pipe_fd);
  while (child != NULL)
    g_main_context_iteration (context, TRUE);
}

/* A child that has one of its own; both hold the pipe. */
static int
start_two (gboolean  leads,
           int      *pipe_fd,
           int      *other)
{
  int fds[2];
  int pid;

  g_assert_no_errno (pipe (fds));
  pid = fork ();
  g_assert_no_errno (pid);

  if (pid == 0)
    {
      if (leads)
        setpgid (0, 0);
      pid = fork ();
      if (pid > 0 && write (fds[1], &pid, sizeof pid) < 0)
        _exit (1);
      while (TRUE)
        pause ();
    }

  close (fds[1]);
  *pipe_fd = fds[0];
  g_assert_cmpint (read (fds[0], other, sizeof *other), ==, sizeof *other);

  return pid;
}

/* Of one that has no group to itself the group is others'. */
static void
test_group (void)
{
  for (int leads = 0; leads < 2; leads++)
    {
      g_autoptr (GMainContext) context = g_main_context_new ();
      g_autoptr (PPoolChild) child = NULL;
      struct pollfd poll_fd = { .events = POLLIN };
      Exit result = { 0 };
      int other;

      child = ppool_child_new (start_two (leads, &poll_fd.fd, &other), context, exited_cb,
                               &result);
      ppool_child_signal_group (child, SIGTERM);
      iterate_until_exit (context, &result);
      g_assert_cmpint (result.wait_status, ==, SIGTERM);
      if (!leads)
        {
          g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
          g_assert_no_errno (kill (other, SIGKILL));
        }
      g_assert_cmpint (poll (&poll_fd, 1, 10000), ==, 1);
      g_assert_cmpint (poll_fd.revents, ==, POLLHUP);
      ppool_child_signal_group (child, SIGKILL);
      close (poll_fd.fd);
    }
}

static gboolean
ends_group_cb (gpointer data)
{
  Exit *self = data;

  g_assert_cmpuint (self->n_calls, ==, 0);
  return TRUE;
}

/* What it leaves behind goes with it. */
static void
test_end_group (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (PPoolChild) child = NULL;
  struct pollfd poll_fd = { .events = POLLIN };
  Exit result = { 0 };
  int other;

  child = ppool_child_new (start_two (TRUE, &poll_fd.fd, &other), context, exited_cb, &result);
  ppool_child_set_group_func (child, ends_group_cb);
  ppool_child_send_signal (child, SIGTERM);
  iterate_until_exit (context, &result);
  g_assert_cmpint (poll (&poll_fd, 1, 10000), ==, 1);
  g_assert_cmpint (poll_fd.revents, ==, POLLHUP);
  close (poll_fd.fd);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/child/exit", test_exit);
  g_test_add_func ("/child/signal", test_signal);
  g_test_add_func ("/child/reaped", test_reaped);
  g_test_add_func ("/child/ignored", test_ignored);
  g_test_add_func ("/child/alone", test_alone);
  g_test_add_func ("/child/freed-in-callback", test_freed_in_callback);
  g_test_add_func ("/child/group", test_group);
  g_test_add_func ("/child/end-group", test_end_group);

  return g_test_run ();
}
