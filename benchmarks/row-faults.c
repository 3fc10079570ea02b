/* row-faults.c: good calls beside bad ones
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include "bench.h"
#include "pool.h"

/* One call in a hundred ends its worker, one in two hundred runs until its time is up, and one in
 * two hundred until it is aborted. What counts is how many good calls a worker gives for each
 * second in which it is there and has no bad one: neither the starts of workers nor the
 * time that bad calls take. A good call sleeps, so that starts take nothing away from it. */

#define TIMEOUT_MSEC 30
#define GRACE_MSEC 5

typedef enum
{
  GOOD,
  EXITS,
  HANGS,
  ABORTED,
} Fate;

typedef struct
{
  gint64 first;
  gint64 last;
  gint64 bad;
} Span;

static Fate
choose_fate (GRand *rand)
{
  int n = g_rand_int_range (rand, 0, 200);

  if (n < 2)
    return EXITS;
  if (n == 2)
    return HANGS;

  return n == 3 ? ABORTED : GOOD;
}

static PPoolFuture *
submit_fate (PPoolExecutor *executor,
             Fate           fate)
{
  g_autoptr (PPoolCall) call = NULL;
  g_autoptr (GError) error = NULL;
  PPoolFuture *future;

  if (fate == GOOD)
    return pool_submit (executor, "sleep",
                        g_variant_new_double (bench_get_double ("usec", 1000)));
  if (fate == EXITS)
    return pool_submit (executor, "exit", NULL);

  call = ppool_call_new ("sleep", g_variant_new_double (60e6));
  ppool_call_set_timeout_msec (call, fate == HANGS ? TIMEOUT_MSEC : -1);
  future = ppool_executor_submit_call (executor, call, NULL, &error);
  bench_check (error);

  return future;
}

static void
note_call (GHashTable  *spans,
           PPoolFuture *future,
           Fate         fate)
{
  gpointer key = GUINT_TO_POINTER (ppool_future_get_worker_pid (future));
  gint64 started = ppool_future_get_started_time (future);
  gint64 finished = ppool_future_get_finished_time (future);
  Span *span;

  /* It was cancelled before it ran. */
  if (started == 0)
    return;

  span = g_hash_table_lookup (spans, key);
  if (span == NULL)
    {
      span = g_new0 (Span, 1);
      span->first = started;
      g_hash_table_insert (spans, key, span);
    }
  span->first = MIN (span->first, started);
  span->last = MAX (span->last, finished);
  if (fate != GOOD)
    span->bad += finished - started;
}

static double
sum_spans (GHashTable *spans)
{
  GHashTableIter iter;
  gpointer value;
  double sum = 0;

  g_hash_table_iter_init (&iter, spans);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const Span *span = value;

      sum += (double) (span->last - span->first - span->bad);
    }

  return sum;
}

void
row_faults (void)
{
  PPoolExecutor *executor = pool_new_warm ((guint) bench_get ("workers", 4));
  guint n = (guint) bench_get ("calls", 10000);
  gboolean with_faults = bench_get ("faults", 1) != 0;
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);
  g_autofree Fate *fates = g_new0 (Fate, n);
  g_autoptr (GHashTable) spans = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  GRand *rand = g_rand_new_with_seed ((guint32) bench_get ("seed", 1));
  guint n_good = 0;
  guint n_lost = 0;
  double start = bench_now ();

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_abort_grace_msec (executor, GRACE_MSEC);
  for (guint i = 0; i < n; i++)
    {
      fates[i] = with_faults ? choose_fate (rand) : GOOD;
      futures[i] = submit_fate (executor, fates[i]);
    }
  g_rand_free (rand);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      if (fates[i] == ABORTED)
        ppool_future_abort (futures[i]);
      value = ppool_future_result (futures[i], -1, &error);
      if (fates[i] == GOOD)
        bench_check (error);
      n_good += fates[i] == GOOD;
      n_lost += value == NULL;
      note_call (spans, futures[i], fates[i]);
      g_object_unref (futures[i]);
    }

  bench_put ("rate", n_good / sum_spans (spans) * 1e6);
  bench_put ("clock_rate", n_good / (bench_now () - start) * 1e6);
  bench_put ("lost", n_lost);
  bench_put ("workers", g_hash_table_size (spans));
  pool_end (executor);
}
