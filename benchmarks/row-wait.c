/* row-wait.c: what waiting for many futures costs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include "bench.h"
#include "pool.h"

/* Most cases have nothing to do with workers: futures are pending behind a call that does
 * not return, and get done by being cancelled in another thread, while this one waits. So
 * they show what waiting costs. In the last ones calls run and their results are taken.
 *
 * What counts is that the time for a future does not grow with their number. */

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
typedef struct
{
  const char *name;
  void (*func) (GPtrArray *futures);
  enum
  {
    PENDING,
    DONE,
    RUNNING,
  } futures;
} Case;

static const Case cases[] = {
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

/* By the clock only where workers have a part in it. */
static double
read_time (const Case *what)
{
  return what->futures == RUNNING ? bench_now () : bench_all_time ();
}

static double
run_case (const Case *what,
          guint       n)
{
  PPoolExecutor *executor = pool_new (what->futures == RUNNING ? 2 : 1);
  g_autoptr (PPoolFuture) held = NULL;
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  double time;

  if (what->futures != RUNNING)
    held = pool_submit (executor, "keep", NULL);
  else
    g_variant_unref (ppool_executor_call_sync (executor, "echo", NULL, NULL, NULL));

  time = read_time (what);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (futures, pool_submit (executor, "echo", NULL));
  if (what->futures == DONE)
    cancel_thread (futures);
  if (what->futures != RUNNING)
    time = read_time (what);
  what->func (futures);
  time = read_time (what) - time;

  cancel_thread (futures);
  ppool_executor_kill_workers (executor);
  pool_end (executor);

  return time;
}

/* The best of some rounds, in µs a future. */
void
row_wait (void)
{
  guint n = (guint) bench_get ("futures", 10000);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint n_rounds = cases[i].futures == RUNNING ? 1 : (guint) bench_get ("rounds", 5);
      double best = G_MAXDOUBLE;

      for (guint round = 0; round < n_rounds; round++)
        {
          double usec = run_case (&cases[i], n);

          best = MIN (best, usec);
        }
      bench_put (cases[i].name, best / n);
    }
}
