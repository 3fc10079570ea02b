/* raw.c: two processes and a socket
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "peers.h"
#include "processes.h"

#define SIZE 128

/* Sends back what it is sent. */
void
peer_raw_serve (void)
{
  char buffer[SIZE];

  while (recv (PEER_FD, buffer, sizeof buffer, MSG_WAITALL) == sizeof buffer &&
         send (PEER_FD, buffer, sizeof buffer, MSG_NOSIGNAL) == sizeof buffer)
    ;
}

void
peer_raw_call (void)
{
  gint64 n = bench_get ("calls", 2000);
  gint64 buffer[SIZE / sizeof (gint64)] = { 0 };
  double start = 0;
  int fd;
  GSubprocess *process = processes_start ("raw-serve", &fd);

  for (gint64 i = -n / 10; i < n; i++)
    {
      if (i == 0)
        start = bench_now ();
      buffer[0] = i;
      g_assert_cmpint (send (fd, buffer, sizeof buffer, MSG_NOSIGNAL), ==, sizeof buffer);
      g_assert_cmpint (recv (fd, buffer, sizeof buffer, MSG_WAITALL), ==, sizeof buffer);
      g_assert_cmpint (buffer[0], ==, i);
    }

  bench_put ("usec", (bench_now () - start) / (double) n);
  close (fd);
  processes_end (process);
}

/* How long a caller is blocked who starts a process of the same memory by GSubprocess. */
void
peer_spawn (void)
{
  g_autofree char *memory G_GNUC_UNUSED = bench_touch (bench_get ("mib", 1024));
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  gint64 n = bench_get ("starts", 20);

  for (gint64 i = -1; i < n; i++)
    {
      double start = bench_now ();
      int fd;
      GSubprocess *process = processes_start ("raw-serve", &fd);
      double time = bench_now () - start;

      if (i >= 0)
        g_array_append_val (times, time);
      close (fd);
      processes_end (process);
    }

  bench_put ("ms", bench_percentile (times, 50) / 1e3);
  bench_put ("longest_ms", bench_percentile (times, 100) / 1e3);
}
