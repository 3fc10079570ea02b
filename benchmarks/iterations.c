/* iterations.c: how long a main context is kept from polling
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "iterations.h"

#include "bench.h"

static GArray *lengths;     /* (element-type double), in µs */
static GArray *cpu_lengths; /* likewise, of the processor */
static double start;
static double cpu_start;

static void
note (void)
{
  double length = bench_now () - start;
  double cpu_length = bench_cpu_time () - cpu_start;

  if (start == 0)
    return;

  g_array_append_val (lengths, length);
  g_array_append_val (cpu_lengths, cpu_length);
}

static int
poll_and_note (GPollFD *fds,
               guint    n_fds,
               int      timeout)
{
  int result;

  note ();
  result = g_poll (fds, n_fds, timeout);
  cpu_start = bench_cpu_time ();
  start = bench_now ();

  return result;
}

void
iterations_watch (GMainContext *context)
{
  lengths = g_array_new (FALSE, FALSE, sizeof (double));
  cpu_lengths = g_array_new (FALSE, FALSE, sizeof (double));
  g_main_context_set_poll_func (context, poll_and_note);
}

/* The last iteration is the one in which the loop was left. By the clock, and without the
 * time that other processes had. */
void
iterations_put (GMainContext *context)
{
  note ();
  g_main_context_set_poll_func (context, NULL);
  bench_put ("longest_ms", bench_percentile (lengths, 100) / 1e3);
  bench_put ("p99_ms", bench_percentile (lengths, 99) / 1e3);
  bench_put ("longest_cpu_ms", bench_percentile (cpu_lengths, 100) / 1e3);
  bench_put ("iterations", lengths->len);
}
