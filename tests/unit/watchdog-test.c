/* watchdog-test.c: tests the watchdog of a worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-watchdog-private.h"

#include "ppool-error.h"

#include "leftovers.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void
look_cb (gpointer data)
{
  int *n_looks = data;

  if (n_looks != NULL)
    g_atomic_int_inc (n_looks);
}

static void
make_channel (int fds[2])
{
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
}

static void
close_channel (int fds[2])
{
  g_assert_no_errno (close (fds[0]));
  g_assert_no_errno (close (fds[1]));
}

static void
assert_clean (Leftovers *before)
{
  g_autofree char *report = leftovers_report (before);

  g_test_message ("%s", report);
  g_assert_true (leftovers_is_clean (before));
  leftovers_free (before);
}

static void
test_stop (void)
{
  Leftovers *before = leftovers_new ();
  int fds[2];

  make_channel (fds);
  ppool_watchdog_free (ppool_watchdog_new (fds[0], look_cb, NULL, NULL));
  close_channel (fds);

  assert_clean (before);
}

/* It has seen the end of the channel, and the process is on its way out. */
static void
test_stop_after_hang_up (void)
{
  Leftovers *before = leftovers_new ();
  PPoolWatchdog *watchdog;
  int fds[2];

  make_channel (fds);
  watchdog = ppool_watchdog_new (fds[0], look_cb, NULL, NULL);
  g_assert_no_errno (shutdown (fds[1], SHUT_RDWR));
  ppool_watchdog_free (watchdog);
  close_channel (fds);

  assert_clean (before);
}

static void
test_does_not_read (void)
{
  PPoolWatchdog *watchdog;
  char buffer[8];
  int fds[2];

  make_channel (fds);
  watchdog = ppool_watchdog_new (fds[0], look_cb, NULL, NULL);
  g_assert_cmpint (write (fds[1], "unread", 6), ==, 6);
  g_assert_cmpint (read (fds[0], buffer, sizeof buffer), ==, 6);
  ppool_watchdog_free (watchdog);
  close_channel (fds);
}

static void
hang_up_by_close (int fd)
{
  close (fd);
}

static void
hang_up_half (int fd)
{
  shutdown (fd, SHUT_WR);
}

static void
hang_up_unread (int fd)
{
  g_assert_cmpint (write (fd, "unread", 6), ==, 6);
  close (fd);
}

/* The worker's own end is closed too: the watchdog has another. */
static void
test_hang_up (gconstpointer data)
{
  void (*hang_up) (int) = data;

  if (g_test_subprocess ())
    {
      int fds[2];

      make_channel (fds);
      g_assert_nonnull (ppool_watchdog_new (fds[0], look_cb, NULL, NULL));
      close (fds[0]);
      hang_up (fds[1]);
      while (TRUE)
        ;
    }

  g_test_trap_subprocess (NULL, 20 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_assert_false (g_test_trap_reached_timeout ());
}

/* Returns: (nullable): what the kernel says of a thread of this process */
static char *
read_thread_status (const char *name)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  g_autofree char *line = g_strdup_printf ("Name:\t%s\n", name);
  const char *task;

  while ((task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "status", NULL);
      char *status = NULL;

      if (g_file_get_contents (path, &status, NULL, NULL) && g_str_has_prefix (status, line))
        return status;
      g_free (status);
    }

  return NULL;
}

/* A thread names itself, so it may have to be waited for. */
static void
test_signals (void)
{
  const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1 };
  g_autofree char *status = NULL;
  PPoolWatchdog *watchdog;
  guint64 blocked;
  sigset_t ours;
  int fds[2];

  make_channel (fds);
  watchdog = ppool_watchdog_new (fds[0], look_cb, NULL, NULL);
  while ((status = read_thread_status ("ppool-watchdog")) == NULL)
    g_thread_yield ();

  blocked = g_ascii_strtoull (strstr (status, "SigBlk:\t") + 8, NULL, 16);
  pthread_sigmask (SIG_BLOCK, NULL, &ours);
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_assert_true (blocked & (G_GUINT64_CONSTANT (1) << (signals[i] - 1)));
      g_assert_false (sigismember (&ours, signals[i]));
    }

  ppool_watchdog_free (watchdog);
  close_channel (fds);
}

static void
test_no_descriptors (void)
{
  struct rlimit before, limit;
  g_autoptr (GError) error = NULL;
  PPoolWatchdog *watchdog;
  int fds[2];

  make_channel (fds);
  getrlimit (RLIMIT_NOFILE, &before);
  for (guint n_left = 0; n_left < 2; n_left++)
    {
      limit = before;
      limit.rlim_cur = fds[1] + 1 + n_left;
      setrlimit (RLIMIT_NOFILE, &limit);
      watchdog = ppool_watchdog_new (fds[0], look_cb, NULL, &error);
      setrlimit (RLIMIT_NOFILE, &before);

      g_assert_null (watchdog);
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
      g_clear_error (&error);
    }
  close_channel (fds);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/watchdog/stop", test_stop);
  g_test_add_func ("/watchdog/stop-after-hang-up", test_stop_after_hang_up);
  g_test_add_func ("/watchdog/does-not-read", test_does_not_read);
  g_test_add_data_func ("/watchdog/hang-up/close", hang_up_by_close, test_hang_up);
  g_test_add_data_func ("/watchdog/hang-up/half", hang_up_half, test_hang_up);
  g_test_add_data_func ("/watchdog/hang-up/unread", hang_up_unread, test_hang_up);
  g_test_add_func ("/watchdog/signals", test_signals);
  g_test_add_func ("/watchdog/no-descriptors", test_no_descriptors);

  return g_test_run ();
}
