/* row-busy.c: how much of the processors' time reaches functions
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include "bench.h"
#include "pool.h"

/* The function works for so long by the clock of its thread, so what the pool itself
 * uses of the processors is not hidden. */

static void
put_times (guint  n,
           double usec,
           double start)
{
  double time = bench_now () - start;

  bench_put ("calls", n);
  bench_put ("seconds", time / 1e6);
  bench_put ("share", n * usec / 2 / time);
}

static void
submit_and_read (PPoolExecutor *executor,
                 guint          n,
                 double         usec)
{
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);

  for (guint i = 0; i < n; i++)
    futures[i] = pool_submit (executor, "busy", g_variant_new_double (usec));
  pool_read_many (futures, n);
}

void
row_busy (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  double usec = bench_get_double ("usec", 1000);
  guint n = (guint) bench_get ("calls", 1000);
  double start;

  submit_and_read (executor, n / 10 + 1, usec);
  start = bench_now ();
  submit_and_read (executor, n, usec);
  put_times (n, usec, start);
  pool_end (executor);
}

static void
map_and_read (PPoolExecutor *executor,
              guint          n,
              double         usec)
{
  g_autofree double *inputs = g_new (double, n);
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *value;
  guint n_read = 0;

  for (guint i = 0; i < n; i++)
    inputs[i] = usec;
  map = ppool_executor_map (executor, "busy",
                            g_variant_new_fixed_array (G_VARIANT_TYPE_DOUBLE, inputs, n,
                                                       sizeof *inputs),
                            &error);
  bench_check (error);
  ppool_map_set_chunk_size (map, (guint) bench_get ("chunk", 0));

  while ((value = ppool_map_next_value (map, -1, &error)) != NULL)
    {
      g_variant_unref (value);
      n_read++;
    }
  bench_check (error);
  g_assert_cmpuint (n_read, ==, n);
}

void
row_map (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  double usec = bench_get_double ("usec", 1000);
  guint n = (guint) bench_get ("calls", 1000);
  double start;

  map_and_read (executor, n / 10 + 1, usec);
  start = bench_now ();
  map_and_read (executor, n, usec);
  put_times (n, usec, start);
  pool_end (executor);
}
