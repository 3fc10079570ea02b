/* wait-many.c: waiting for very many futures at once
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Most lines have nothing to do with workers: futures are pending behind a call
 * that does not return, and get done by being cancelled in another thread, while
 * this one waits. So they show what waiting costs. The last lines run calls and
 * take their results, by PPoolAsCompleted and one after another.
 *
 * What counts is that the time for a future does not grow with their number.
 * Numbers may be given as arguments. */

#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include <ppool-glib/ppool-glib.h>

#define N_ROUNDS 5

static void
hold (PPoolInvocation *invocation,
      gpointer         user_data)
{
  g_object_ref (invocation);
}

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

static PPoolExecutor *
new_executor (guint max_workers)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  PPoolExecutor *executor = ppool_executor_new (launcher);

  ppool_executor_set_max_workers (executor, max_workers);

  return executor;
}

static GPtrArray *
submit (PPoolExecutor *executor,
        guint          n)
{
  GPtrArray *futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (futures, ppool_executor_submit (executor, "echo", NULL, NULL, NULL));

  return futures;
}

static gpointer
cancel_thread (gpointer user_data)
{
  GPtrArray *futures = user_data;

  for (guint i = 0; i < futures->len; i++)
    ppool_future_cancel (futures->pdata[i]);

  return NULL;
}

static PPoolAsCompleted *
iterate (GPtrArray *futures)
{
  return ppool_as_completed_new ((PPoolFuture **) futures->pdata, futures->len, -1);
}

static void
read_all (PPoolAsCompleted *completed,
          guint             n)
{
  PPoolFuture *future;

  while ((future = ppool_as_completed_next_future (completed, -1, NULL)) != NULL)
    {
      g_object_unref (future);
      n--;
    }
  g_assert_cmpuint (n, ==, 0);
}

static void
wait_for (GPtrArray *futures,
          int        timeout_msec)
{
  g_autoptr (GPtrArray) done = ppool_wait_futures ((PPoolFuture **) futures->pdata, futures->len,
                                                   PPOOL_RETURN_WHEN_ALL_COMPLETED, timeout_msec,
                                                   NULL, NULL);

  g_assert_nonnull (done);
}

typedef void (*Case) (GPtrArray *futures);

static void
cancel_alone (GPtrArray *futures)
{
  g_thread_join (g_thread_new ("canceller", cancel_thread, futures));
}

static void
wait_all (GPtrArray *futures)
{
  wait_for (futures, -1);
}

static void
wait_all_cancelled (GPtrArray *futures)
{
  GThread *thread = g_thread_new ("canceller", cancel_thread, futures);

  wait_for (futures, -1);
  g_thread_join (thread);
}

static void
read_cancelled (GPtrArray *futures)
{
  g_autoptr (PPoolAsCompleted) completed = iterate (futures);
  GThread *thread = g_thread_new ("canceller", cancel_thread, futures);

  read_all (completed, futures->len);
  g_thread_join (thread);
}

static void
read_each (GPtrArray *futures)
{
  g_autoptr (PPoolAsCompleted) completed = iterate (futures);

  read_all (completed, futures->len);
}

static void
look (GPtrArray *futures)
{
  wait_for (futures, 0);
}

static void
time_out (GPtrArray *futures)
{
  wait_for (futures, 1);
}

static void
make_and_drop (GPtrArray *futures)
{
  g_object_unref (iterate (futures));
}

static void
result_of_each (GPtrArray *futures)
{
  for (guint i = 0; i < futures->len; i++)
    g_variant_unref (ppool_future_result (futures->pdata[i], -1, NULL));
}

/* What is done with futures, and which. */
static const struct
{
  const char *name;
  Case func;
  enum
  {
    PENDING,
    DONE,
    RUNNING,
  } futures;
} cases[] = {
  { "cancel them, nobody waits", cancel_alone, PENDING },
  { "wait for all, cancelled meanwhile", wait_all_cancelled, PENDING },
  { "as completed, cancelled meanwhile", read_cancelled, PENDING },
  { "as completed, all done before", read_each, DONE },
  { "wait, all done before", wait_all, DONE },
  { "wait, 0 ms, none done", look, PENDING },
  { "wait, 1 ms, none done", time_out, PENDING },
  { "as completed, dropped at once", make_and_drop, PENDING },
  { "run and get one after another", result_of_each, RUNNING },
  { "run and get as completed", read_each, RUNNING },
  { "run and wait for all", wait_all, RUNNING },
};

/* Of the processor in all threads of this process, so that it doesn't matter who
 * else uses the machine; or by the clock where workers have a part in it. */
static double
time_usec (guint number)
{
  struct timespec now;

  clock_gettime (cases[number].futures == RUNNING ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID,
                 &now);

  return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static double
run_case (guint number,
          guint n)
{
  g_autoptr (PPoolExecutor) executor = new_executor (cases[number].futures == RUNNING ? 2 : 1);
  g_autoptr (PPoolFuture) held = NULL;
  g_autoptr (GPtrArray) futures = NULL;
  double start;

  if (cases[number].futures != RUNNING)
    held = ppool_executor_submit (executor, "hold", NULL, NULL, NULL);
  else
    g_variant_unref (ppool_executor_call_sync (executor, "echo", NULL, NULL, NULL));

  start = time_usec (number);
  futures = submit (executor, n);
  if (cases[number].futures == DONE)
    cancel_thread (futures);
  if (cases[number].futures != RUNNING)
    start = time_usec (number);
  cases[number].func (futures);
  start = time_usec (number) - start;

  cancel_thread (futures);
  ppool_executor_kill_workers (executor);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return start;
}

/* The best of some rounds. */
static double
measure (guint number,
         guint n)
{
  guint n_rounds = cases[number].futures == RUNNING ? 1 : N_ROUNDS;
  double best = G_MAXDOUBLE;

  for (guint round = 0; round < n_rounds; round++)
    {
      double usec = run_case (number, n);

      best = MIN (best, usec);
    }

  return best / n;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  const char *defaults[] = { "1000", "10000", "100000" };
  const char **numbers = argc > 1 ? (const char **) argv + 1 : defaults;
  guint n_numbers = argc > 1 ? (guint) argc - 1 : G_N_ELEMENTS (defaults);

  setlocale (LC_ALL, "");
  ppool_worker_add_handler (worker, "hold", hold, NULL, NULL);
  ppool_worker_add_function (worker, "echo", echo, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  g_print ("%-36s", "µs a future");
  for (guint i = 0; i < n_numbers; i++)
    g_print ("%10s", numbers[i]);
  g_print ("\n");
  for (guint number = 0; number < G_N_ELEMENTS (cases); number++)
    {
      g_print ("%-36s", cases[number].name);
      for (guint i = 0; i < n_numbers; i++)
        g_print ("%10.2f", measure (number, (guint) strtoul (numbers[i], NULL, 10)));
      g_print ("\n");
    }

  return 0;
}
