/* no-threads-test.c: threads that can't be created
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#define _GNU_SOURCE

#include "busy.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Each story is told by this program in a process of its own, where GLib has made none
 * of its threads yet. There may be so many threads at once, as with RLIMIT_NPROC and the
 * controller of control groups: this program's pthread_create() is found before that of
 * the C library. */

#define ARGUMENT "story"

/* Threads that end are added. */
#define MANY 1000000

static int n_left = MANY;

typedef struct
{
  void *(*func) (void *data);
  void *data;
} Start;

static void *
run_thread (void *user_data)
{
  Start start = *(Start *) user_data;
  void *result;

  free (user_data);
  result = start.func (start.data);
  g_atomic_int_inc (&n_left);

  return result;
}

int
pthread_create (pthread_t            *thread,
                const pthread_attr_t *attributes,
                void *(*func) (void *),
                void                 *data)
{
  int (*create) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);
  Start *start;

  if (g_atomic_int_add (&n_left, -1) <= 0)
    {
      g_atomic_int_inc (&n_left);
      return EAGAIN;
    }

  create = (int (*) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *))
    dlsym (RTLD_NEXT, "pthread_create");
  start = malloc (sizeof *start);
  *start = (Start){ func, data };

  return create (thread, attributes, run_thread, start);
}

/* A new executor, where so many more threads can be created. */
static void
use_first (int      n_threads,
           gboolean is_enough)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&n_left, n_threads);
  future = ppool_executor_submit (executor, "echo", NULL, NULL, &error);
  if (future == NULL)
    {
      g_assert_cmpint (n_threads, ==, 0);
      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "no thread can be", NULL);
    }
  else if (is_enough)
    harness_assert_value (future, "()");
  else
    harness_assert_broken (executor, future, PPOOL_ERROR_SYSTEM_LIMIT, "no thread can be", NULL);
  g_atomic_int_set (&n_left, MANY);

  /* What was refused has left nothing behind that another try would find. */
  if (future == NULL)
    harness_assert_works (executor);
  harness_shut_down (executor);
}

/* In the process of a story. */
static void
tell (int n_threads)
{
  g_autoptr (PPoolExecutor) executor = NULL;

  /* The manager, four to see whether there are any, and then fewer than that. */
  use_first (n_threads, n_threads >= 5);

  executor = harness_executor (1);
  harness_assert_works (executor);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

static void
test_first (Harness *harness G_GNUC_UNUSED)
{
  for (int n_threads = 0; n_threads < 8; n_threads++)
    {
      g_autofree char *text = g_strdup_printf ("%d", n_threads);
      g_autoptr (GSubprocess) program = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%d threads", n_threads);
      program = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, "/proc/self/exe",
                                  ARGUMENT, text, NULL);
      g_assert_no_error (error);
      g_subprocess_wait_check (program, NULL, &error);
      g_assert_no_error (error);
    }
}

/* A pool that has worked, and needs one more worker. */
static void
test_late (Harness *harness)
{
  g_autoptr (PPoolFuture) next = NULL;
  Busy busy;

  busy_init (&busy, harness);
  ppool_executor_set_max_workers (busy.executor, 2);
  g_atomic_int_set (&n_left, 0);
  next = harness_submit (busy.executor, "echo", NULL);
  harness_assert_broken (busy.executor, next, PPOOL_ERROR_SYSTEM_LIMIT, "could not be started",
                         "no thread can be", NULL);
  harness_assert_broken (busy.executor, busy.future, PPOOL_ERROR_SYSTEM_LIMIT, NULL);
  gate_expect_death (busy.visitor);
  harness_shut_down (busy.executor);
  g_atomic_int_set (&n_left, MANY);
  busy_clear (&busy);
}

/* Where GLib has its threads. */
static void
test_refused (Harness *harness G_GNUC_UNUSED)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&n_left, 0);
  g_assert_false (ppool_executor_prestart (executor, 1, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "no thread can be", NULL);
  g_clear_error (&error);
  g_assert_null (ppool_executor_call_sync (executor, "echo", NULL, NULL, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "no thread can be", NULL);
  g_atomic_int_set (&n_left, MANY);

  harness_assert_works (executor);
  harness_shut_down (executor);
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
      tell (atoi (argv[2]));
      return 0;
    }

  harness_init (&argc, &argv);

  harness_add ("/executor/no-threads/first", test_first);
  harness_add ("/executor/no-threads/late", test_late);
  harness_add ("/executor/no-threads/refused", test_refused);

  return g_test_run ();
}
