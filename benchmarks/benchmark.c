/* benchmark.c: measures one thing of the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Run by run.py, which knows the sizes, the peers and the goals. This program is its own
 * worker. */

#include <ppool-glib/ppool-glib.h>

#include "bench.h"
#include "pool.h"
#include "rows.h"

static void
row_about (void)
{
  g_autofree char *version = g_strdup_printf ("%u.%u.%u", glib_major_version,
                                              glib_minor_version, glib_micro_version);

  bench_put_string ("glib", version);
}

static const BenchRow rows[] = {
  { "about", row_about },
  { "submit", row_submit },
  { "callbacks", row_callbacks },
  { "backlog", row_backlog },
  { "call", row_call },
  { "queue", row_queue },
  { "faults", row_faults },
  { "busy", row_busy },
  { "map", row_map },
  { "echo", row_echo },
  { "in-place", row_in_place },
  { "start", row_start },
  { "blocked", row_blocked },
  { "memory", row_memory },
  { "map-memory", row_map_memory },
  { "wait", row_wait },
};

int
main (int    argc,
      char **argv)
{
  if (ppool_worker_is_spawned ())
    return pool_serve ();

  return bench_main (argc, argv, rows, G_N_ELEMENTS (rows));
}
