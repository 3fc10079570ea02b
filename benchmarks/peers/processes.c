/* processes.c: a second process of a peer
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "processes.h"

#include <sys/socket.h>

#include "bench.h"
#include "peers.h"

GSubprocess *
processes_start (const char *mode,
                 int        *fd)
{
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  g_subprocess_launcher_take_fd (launcher, fds[1], PEER_FD);
  process = g_subprocess_launcher_spawn (launcher, &error, "/proc/self/exe", mode, NULL);
  bench_check (error);
  *fd = fds[0];

  return process;
}

void
processes_end (GSubprocess *process)
{
  g_subprocess_wait (process, NULL, NULL);
  g_object_unref (process);
}
