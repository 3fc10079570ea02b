/* soak-test.c: many executors, and many calls
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "checker.h"
#include "fewer.h"
#include "memory.h"

#include <signal.h>

#define N_THREADS 8

/* Of a thousand executors: less than 64 bytes of each. */
#define HEAP_SLACK (64 * 1000)
#define RESIDENT_SLACK (2 * 1024 * 1024)

/* What this process has */

typedef struct
{
  Memory memory;
  guint n_fds;
  guint n_threads;
} Census;

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static Census
take_census (const char *when)
{
  Census census = { memory_measure (), count_entries ("/proc/self/fd"),
                    count_entries ("/proc/self/task") };

  g_test_message ("%s: %" G_GINT64_FORMAT " KiB resident, %" G_GINT64_FORMAT
                  " bytes of heap, %u descriptors, %u threads",
                  when, census.memory.resident / 1024, census.memory.heap, census.n_fds,
                  census.n_threads);

  return census;
}

/* A thread that has ended is listed for a moment. */
static gboolean
has_no_more_threads (gpointer user_data)
{
  return count_entries ("/proc/self/task") <= ((Census *) user_data)->n_threads;
}

/* Executors */

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

/* Three calls and no more; one of them may be the worker's last. It is dropped
 * while they are under way, or when they are done. */
static void
use (Harness  *harness,
     guint     i,
     gboolean  breaks)
{
  Checker *checker = checker_new (harness, harness_executor (2));
  CheckerWaiting waiting = i % 3;

  checker_submit (checker, waiting, "echo", NULL);
  if (breaks)
    checker_submit (checker, waiting, "die", g_variant_new ("(is)", SIGKILL, ""));
  else
    checker_submit (checker, waiting, "echo", g_variant_new ("(i)", i));
  checker_submit (checker, waiting, "echo", NULL);

  if (i % 2 == 0)
    checker_wait (checker);
  if (breaks)
    checker_wait_for (checker, is_broken, checker_get_executor (checker));
  checker_drop (checker);
}

/* Memory is compared with what it is after the first tenth, or six, as the allocator and
 * GLib keep some; descriptors and threads are back to what they were. */
static void
check_executors (Harness  *harness,
                 gboolean  half_break)
{
  guint n = g_test_slow () ? 1000 : fewer_will_do () ? 30 : 60;
  guint n_warm_up = MAX (n / 10, 6);
  Census start = take_census ("before any executor");
  Census before = { { 0 } };
  Census end;

  for (guint i = 0; i < n; i++)
    {
      if (i == n_warm_up)
        before = take_census ("after a tenth");
      use (harness, i, half_break && i / 2 % 2 == 0);
    }
  harness_iterate_until (has_no_more_threads, &start);
  end = take_census ("at the end");

  g_assert_cmpuint (before.n_fds, ==, start.n_fds);
  g_assert_cmpuint (end.n_fds, ==, start.n_fds);
  memory_assert_flat (&before.memory, HEAP_SLACK, RESIDENT_SLACK);
}

static void
test_executors (Harness *harness)
{
  check_executors (harness, FALSE);
}

static void
test_broken_executors (Harness *harness)
{
  check_executors (harness, TRUE);
}

/* Calls from many threads, with something in the middle */

typedef struct
{
  Checker *checker;
  void (*disturb) (Checker *checker);
  gboolean cancels;
  guint n_calls; /* of one thread */
  int n_threads; /* (atomic): that are at it */
} Load;

static void
submit_one (Load  *load,
            guint  i)
{
  CheckerWaiting waiting = i % 2 == 0 ? CHECKER_BY_CALLBACK : CHECKER_BY_NOBODY;
  Watched *call = checker_submit (load->checker, waiting, "echo", g_variant_new ("(u)", i));
  PPoolFuture *future = call != NULL ? watched_get_future (call) : NULL;

  if (load->cancels && future != NULL && i % 3 == 0)
    ppool_future_cancel (future);
}

static gpointer
submit_thread (gpointer user_data)
{
  Load *load = user_data;

  for (guint i = 0; i < load->n_calls; i++)
    submit_one (load, i);
  g_atomic_int_add (&load->n_threads, -1);

  return NULL;
}

/* Does the same, and something else in the middle, when some calls are done. */
static gpointer
disturb_thread (gpointer user_data)
{
  Load *load = user_data;
  Watched *first = checker_submit (load->checker, CHECKER_BY_CALLBACK, "echo", NULL);

  for (guint i = 1; i < load->n_calls / 2; i++)
    submit_one (load, i);
  g_variant_unref (harness_result (watched_get_future (first)));
  load->disturb (load->checker);
  for (guint i = load->n_calls / 2; i < load->n_calls; i++)
    submit_one (load, i);
  g_atomic_int_add (&load->n_threads, -1);

  return NULL;
}

static gboolean
is_submitted (gpointer user_data)
{
  return g_atomic_int_get (&((Load *) user_data)->n_threads) == 0;
}

static void
check_load (Harness  *harness,
            void    (*disturb) (Checker *checker),
            gboolean  cancels,
            int       cause)
{
  guint n = g_test_slow () ? 10000 : 800;
  Load load = { .disturb = disturb,
                .cancels = cancels,
                .n_calls = n / N_THREADS,
                .n_threads = N_THREADS };
  GThread *threads[N_THREADS];

  load.checker = checker_new (harness, harness_executor (3));
  checker_allow (load.checker, g_test_slow () ? 120 : 20);
  /* There is a worker, so one can be lost. */
  harness_assert_works (checker_get_executor (load.checker));

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("submitter", i == 0 && disturb != NULL ? disturb_thread
                                                                      : submit_thread, &load);
  checker_wait_for (load.checker, is_submitted, &load);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  g_test_message ("%u of %u calls were accepted", checker_get_n_calls (load.checker), n);
  if (disturb == NULL)
    g_assert_cmpuint (checker_get_n_calls (load.checker), ==, n);
  if (cause >= 0)
    checker_wait_for (load.checker, is_broken, checker_get_executor (load.checker));
  checker_end (load.checker, cause);
}

static void
test_calls (Harness *harness)
{
  check_load (harness, NULL, FALSE, -1);
}

static void
test_cancelled_calls (Harness *harness)
{
  check_load (harness, NULL, TRUE, -1);
}

static void
kill_one (Checker *checker)
{
  g_assert_nonnull (checker_submit (checker, CHECKER_BY_THREAD, "die",
                                    g_variant_new ("(is)", SIGKILL, "")));
}

static void
test_death (Harness *harness)
{
  check_load (harness, kill_one, TRUE, PPOOL_ERROR_WORKER_DIED);
}

static void
shut_down (Checker *checker)
{
  ppool_executor_shutdown (checker_get_executor (checker), PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
}

static void
test_shutdown (Harness *harness)
{
  check_load (harness, shut_down, TRUE, -1);
}

static void
terminate (Checker *checker)
{
  ppool_executor_terminate_workers (checker_get_executor (checker));
}

static void
test_terminate (Harness *harness)
{
  check_load (harness, terminate, FALSE, -1);
}

static void
kill_all (Checker *checker)
{
  ppool_executor_kill_workers (checker_get_executor (checker));
}

static void
test_kill (Harness *harness)
{
  check_load (harness, kill_all, FALSE, -1);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A13, A19 */
  harness_add ("/soak/executors/dropped", test_executors);
  harness_add ("/soak/executors/half-broken", test_broken_executors);
  /* A13, A17, A18, A21 */
  harness_add ("/soak/calls/plain", test_calls);
  harness_add ("/soak/calls/cancelled", test_cancelled_calls);
  harness_add ("/soak/calls/death", test_death);
  harness_add ("/soak/calls/shutdown", test_shutdown);
  harness_add ("/soak/calls/terminate", test_terminate);
  harness_add ("/soak/calls/kill", test_kill);

  return g_test_run ();
}
