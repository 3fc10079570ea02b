/* row-memory.c: what calls cost in memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include <malloc.h>
#include <string.h>

#include "bench.h"
#include "pool.h"

static double
allocated (void)
{
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
  struct mallinfo2 info = mallinfo2 ();

  return (double) info.uordblks + (double) info.hblkhd;
#endif
#endif
  return 0; /* not known */
}

/* What the arguments take by themselves. */
static double
weigh_arguments (const char *kind,
                 guint       n)
{
  g_autofree GVariant **args = g_new0 (GVariant *, n);
  double before = allocated ();
  double bytes;

  for (guint i = 0; i < n; i++)
    args[i] = pool_make_args (kind, (int) i);
  bytes = allocated () - before;
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&args[i], g_variant_unref);

  return bytes;
}

/* A call that waits, with its future. The arguments are weighed last, since what they
 * leave free would be used again. */
void
row_memory (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  PoolGate *gate = pool_gate_new (executor, 2);
  const char *kind = bench_get_string ("args", "si");
  guint n = (guint) bench_get ("calls", 200000);
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);
  double before;
  double resident;

  memset (futures, 1, n * sizeof *futures);
  before = allocated ();
  resident = bench_status ("VmRSS:");
  pool_submit_many (executor, kind, futures, n);
  bench_put ("bytes", (allocated () - before) / n);
  bench_put ("resident", (bench_status ("VmRSS:") - resident) / n);
  bench_put ("arguments", weigh_arguments (kind, n) / n);

  for (guint i = n; i > 0; i--)
    {
      ppool_future_cancel (futures[i - 1]);
      g_object_unref (futures[i - 1]);
    }
  pool_gate_open (gate);
  pool_end (executor);
}

static GVariant *
next_number (gpointer   user_data,
             GError   **error)
{
  gint64 *n_left = user_data;

  return *n_left > 0 ? g_variant_new_int64 ((*n_left)--) : NULL;
}

/* A map of so many inputs: the peak of memory, which never goes back. */
void
row_map_memory (void)
{
  PPoolExecutor *executor = pool_new_warm (2);
  gint64 n = bench_get ("calls", 10000);
  gint64 n_left = n;
  double before = bench_status ("VmHWM:");
  double start = bench_now ();
  g_autoptr (PPoolMap) map = ppool_executor_map_func (executor, "echo", next_number, &n_left, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *value;

  while ((value = ppool_map_next_value (map, -1, &error)) != NULL)
    g_variant_unref (value);
  bench_check (error);

  bench_put ("rate", (double) n / (bench_now () - start) * 1e6);
  bench_put ("mib", (bench_status ("VmHWM:") - before) / (1 << 20));
  pool_end (executor);
}
