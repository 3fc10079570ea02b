/* peer.c: measures what could be used instead of the library, or is the limit
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench.h"
#include "peers.h"

static const BenchRow rows[] = {
  { "gdbus-call", peer_gdbus_call },
  { "gdbus-start", peer_gdbus_start },
  { "gdbus-serve", peer_gdbus_serve },
  { "raw-call", peer_raw_call },
  { "raw-serve", peer_raw_serve },
  { "spawn", peer_spawn },
  { "memcpy", peer_memcpy },
  { "in-place", peer_in_place },
  { "busy", peer_busy },
  { "gtask", peer_gtask },
};

int
main (int    argc,
      char **argv)
{
  return bench_main (argc, argv, rows, G_N_ELEMENTS (rows));
}
