/* row-calls.c: what a call costs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include "bench.h"
#include "iterations.h"
#include "pool.h"

/* How many calls take so long as was asked for. */
static guint
measure_size (PPoolExecutor *executor,
              const char    *kind)
{
  const guint n_probe = 500;
  PPoolFuture *futures[500];
  double start = bench_now ();

  G_STATIC_ASSERT (G_N_ELEMENTS (futures) == 500);
  pool_submit_many (executor, kind, futures, n_probe);
  pool_read_many (futures, n_probe);

  return bench_scale (n_probe, bench_now () - start, bench_get_double ("seconds", 1));
}

/* All submits, then all results. */
void
row_submit (void)
{
  PPoolExecutor *executor = pool_new_warm ((guint) bench_get ("workers", 2));
  const char *kind = bench_get_string ("args", "si");
  guint n = measure_size (executor, kind);
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);
  double start = bench_now ();
  double submitted;
  double end;

  pool_submit_many (executor, kind, futures, n);
  submitted = bench_now ();
  pool_read_many (futures, n);
  end = bench_now ();

  bench_put ("calls", n);
  bench_put ("rate", n / (end - start) * 1e6);
  bench_put ("usec", (end - start) / n);
  bench_put ("submit_usec", (submitted - start) / n);
  pool_end (executor);
}

typedef struct
{
  GMainLoop *loop;
  guint n_left;
  double work; /* µs of each callback */
} Countdown;

static void
done_cb (PPoolFuture *future,
         gpointer     user_data)
{
  Countdown *countdown = user_data;

  if (countdown->work > 0)
    bench_spin (countdown->work);
  if (--countdown->n_left == 0)
    g_main_loop_quit (countdown->loop);
}

/* Submits with a callback each, and runs the main loop until all are called. */
static void
run_callbacks (PPoolExecutor  *executor,
               PPoolFuture   **futures,
               guint           n,
               GThreadFunc     meanwhile)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Countdown countdown = { loop, n, bench_get_double ("usec", 0) };
  double start = bench_now ();
  GThread *thread;

  iterations_watch (NULL);
  for (guint i = 0; i < n; i++)
    {
      futures[i] = pool_submit (executor, "echo", pool_make_args ("si", (int) i));
      ppool_future_add_done_callback (futures[i], done_cb, &countdown, NULL);
    }
  thread = g_thread_new ("meanwhile", meanwhile, futures);
  g_main_loop_run (loop);
  iterations_put (NULL);

  bench_put ("calls", n);
  bench_put ("rate", n / (bench_now () - start) * 1e6);
  g_thread_join (thread);
}

static gpointer
do_nothing (gpointer user_data)
{
  return NULL;
}

/* Results with a callback each; and how long the main loop is kept from all else. */
void
row_callbacks (void)
{
  PPoolExecutor *executor = pool_new_warm ((guint) bench_get ("workers", 2));
  guint n = (guint) bench_get ("calls", 0);
  g_autofree PPoolFuture **futures = NULL;

  if (n == 0)
    n = measure_size (executor, "si");
  futures = g_new (PPoolFuture *, n);
  run_callbacks (executor, futures, n, do_nothing);
  pool_read_many (futures, n);
  pool_end (executor);
}

static guint n_backlog;

static gpointer
cancel_backlog (gpointer user_data)
{
  PPoolFuture **futures = user_data;

  for (guint i = 0; i < n_backlog; i++)
    ppool_future_cancel (futures[i]);

  return NULL;
}

/* The same with calls that are over as fast as a thread can tell, by being cancelled, so
 * that callbacks are always due, however fast workers are. */
void
row_backlog (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  PoolGate *gate = pool_gate_new (executor, 2);
  g_autofree PPoolFuture **futures = NULL;

  n_backlog = (guint) bench_get ("calls", 100000);
  futures = g_new (PPoolFuture *, n_backlog);
  run_callbacks (executor, futures, n_backlog, cancel_backlog);
  for (guint i = 0; i < n_backlog; i++)
    g_object_unref (futures[i]);
  pool_gate_open (gate);
  pool_end (executor);
}

/* One call at a time. */
void
row_call (void)
{
  PPoolExecutor *executor = pool_new_warm ((guint) bench_get ("workers", 1));
  gint64 n = bench_get ("calls", 2000);
  double start = 0;

  for (gint64 i = -n / 10; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      if (i == 0)
        start = bench_now ();
      value = ppool_executor_call_sync (executor, "echo", g_variant_new ("(x)", i), NULL, &error);
      bench_check (error);
    }

  bench_put ("usec", (bench_now () - start) / (double) n);
  pool_end (executor);
}

/* Of the processor, and by the clock. */
typedef struct
{
  double submit;
  double run;
  double cancel;
  double clock;
} QueueTimes;

/* So many calls come to wait, the first of them run, and the rest is cancelled. */
static void
fill_and_drain (PPoolExecutor  *executor,
                PPoolFuture   **futures,
                guint           n,
                guint           n_run,
                QueueTimes     *times)
{
  PoolGate *gate = pool_gate_new (executor, 2);
  double start = bench_all_time ();
  double submitted;
  double run;
  double clock;

  pool_submit_many (executor, "si", futures, n);
  submitted = bench_all_time ();

  clock = bench_now ();
  pool_gate_open (gate);
  pool_read_many (futures, n_run);
  run = bench_all_time ();
  times->clock += bench_now () - clock;

  for (guint i = n; i > n_run; i--)
    {
      ppool_future_cancel (futures[i - 1]);
      g_object_unref (futures[i - 1]);
    }

  times->submit += submitted - start;
  times->run += run - submitted;
  times->cancel += bench_all_time () - run;
}

/* What a call costs with so many that wait: the same number of submits and of runs,
 * whatever the length of the queue. */
void
row_queue (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  guint n = (guint) bench_get ("calls", 1000);
  guint n_run = MIN (n, (guint) bench_get ("run", 20000));
  guint n_rounds = MAX (1, (guint) bench_get ("run", 20000) / n);
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);
  QueueTimes times = { 0 };
  double n_submitted = (double) n * n_rounds;
  double n_ran = (double) n_run * n_rounds;

  for (guint round = 0; round < n_rounds; round++)
    fill_and_drain (executor, futures, n, n_run, &times);

  bench_put ("submit_usec", times.submit / n_submitted);
  bench_put ("run_usec", times.run / n_ran);
  bench_put ("clock_usec", times.clock / n_ran);
  if (n > n_run)
    bench_put ("cancel_usec", times.cancel / (n_submitted - n_ran));
  bench_put ("usec", times.submit / n_submitted + times.run / n_ran);
  pool_end (executor);
}
