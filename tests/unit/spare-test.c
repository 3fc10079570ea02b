/* spare-test.c: whether there is more of what GLib can't do without
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-spare-private.h"

#include "leftovers.h"
#include "ppool-error.h"
#include "ppool-manager-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Lets so many more descriptors be opened; returns what was the limit. */
static struct rlimit
leave (guint n)
{
  struct rlimit before, limit;
  int first = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (first, >=, 0);
  close (first);
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &before));
  limit = before;
  limit.rlim_cur = (rlim_t) first + n;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  return before;
}

static void
test_descriptors (void)
{
  struct rlimit before = leave (3);
  int codes[3];

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    codes[i] = ppool_spare_check_descriptors (i + 2);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));

  g_assert_cmpint (codes[0], ==, 0);
  g_assert_cmpint (codes[1], ==, 0);
  g_assert_cmpint (codes[2], ==, EMFILE);
}

static void
test_threads (void)
{
  Leftovers *leftovers = leftovers_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (ppool_spare_check_threads (4, &error));
  g_assert_no_error (error);
  g_assert_true (leftovers_is_clean (leftovers));
  leftovers_free (leftovers);
}

static gpointer
get_mask (gpointer user_data)
{
  pthread_sigmask (SIG_SETMASK, NULL, user_data);

  return NULL;
}

/* A thread of the library's takes no signal of the program's. */
static void
test_signals (void)
{
  sigset_t before, after, mask;

  pthread_sigmask (SIG_SETMASK, NULL, &before);
  g_thread_join (ppool_spare_new_thread ("test", get_mask, &mask, NULL));
  pthread_sigmask (SIG_SETMASK, NULL, &after);

  for (int number = 1; number < NSIG; number++)
    {
      g_assert_cmpint (sigismember (&before, number), ==, sigismember (&after, number));
      /* The C library keeps some for itself. */
      if (number < SIGSYS)
        g_assert_cmpint (sigismember (&mask, number), ==, number != SIGKILL && number != SIGSTOP);
    }
}

G_GNUC_NORETURN static void
never_cb (gpointer data G_GNUC_UNUSED)
{
  g_assert_not_reached ();
}

/* GLib ends the program if a main context has no descriptor. */
static void
test_manager (void)
{
  Leftovers *leftovers = leftovers_new ();
  g_autoptr (GError) error = NULL;
  struct rlimit before = leave (0);
  PPoolManager *manager = ppool_manager_new (never_cb, NULL, &error);

  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  g_assert_null (manager);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
  g_assert_true (leftovers_is_clean (leftovers));
  leftovers_free (leftovers);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/spare/descriptors", test_descriptors);
  g_test_add_func ("/spare/threads", test_threads);
  g_test_add_func ("/spare/signals", test_signals);
  g_test_add_func ("/spare/manager", test_manager);

  return g_test_run ();
}
