/* row-start.c: what the start of a worker costs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include "bench.h"
#include "pool.h"

/* From nothing to the first result. */
void
row_start (void)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  gint64 n = bench_get ("starts", 20);

  for (gint64 i = -1; i < n; i++)
    {
      double start = bench_now ();
      PPoolExecutor *executor = pool_new (1);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value G_GNUC_UNUSED =
        ppool_executor_call_sync (executor, "echo", NULL, NULL, &error);
      double time = bench_now () - start;

      bench_check (error);
      if (i >= 0)
        g_array_append_val (times, time);
      pool_end (executor);
    }

  bench_put ("ms", bench_percentile (times, 50) / 1e3);
}

/* How long the submit takes that has a worker started, in a large program. */
void
row_blocked (void)
{
  g_autofree char *memory G_GNUC_UNUSED = bench_touch (bench_get ("mib", 1024));
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  gint64 n = bench_get ("starts", 20);

  for (gint64 i = -1; i < n; i++)
    {
      PPoolExecutor *executor = pool_new (1);
      double start = bench_now ();
      PPoolFuture *future = pool_submit (executor, "echo", NULL);
      double time = bench_now () - start;

      if (i >= 0)
        g_array_append_val (times, time);
      pool_read_many (&future, 1);
      pool_end (executor);
    }

  bench_put ("ms", bench_percentile (times, 50) / 1e3);
  bench_put ("longest_ms", bench_percentile (times, 100) / 1e3);
}
