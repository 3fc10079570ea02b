/* ppool-start.c: starting a worker process, and what it says of itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-start-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-fd-private.h"

static gboolean
open_sockets (int      fds[2],
              GError **error)
{
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 && ppool_fd_lift_pair (fds))
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "cannot create a socket pair: %s",
               g_strerror (errno));
  return FALSE;
}

/* Starts a process, and gives this end of its channel, and its standard error, which is
 * there also if that fails. Returns: its number, or 0 */
GPid
ppool_start_spawn (const PPoolStartup  *startup,
                   GMainContext        *context,
                   int                 *channel_fd,
                   PPoolStderr        **errors,
                   GError             **error)
{
  GPid pid = 0;
  int stderr_fd;
  int fds[2];

  if (!open_sockets (fds, error))
    return 0;

  *errors = ppool_stderr_new (ppool_launch_plan_get_stderr_mode (startup->plan), context,
                              &stderr_fd, error);
  if (*errors == NULL)
    close (fds[1]);
  else
    pid = ppool_launch_plan_spawn (startup->plan, fds[1], stderr_fd, error);

  if (pid == 0)
    close (fds[0]);
  else
    *channel_fd = fds[0];

  return pid;
}

/* Has a worker whose handshake is over begin. The @board that it is offered is there before
 * it can answer; without one, it is given one call at a time. */
void
ppool_start_initialize (const PPoolStartup  *startup,
                        PPoolChannel        *channel,
                        PPoolIo             *io,
                        PPoolBoard         **board)
{
  g_autoptr (GError) error = NULL;
  int board_fd = -1;

  *board = ppool_board_new (&board_fd, &error);
  if (*board == NULL)
    g_debug ("A worker has no board: %s", error->message);

  ppool_channel_start (channel);
  ppool_channel_send_initialize (channel, startup->settings->initializer,
                                 startup->settings->initializer_args, board_fd, io);
  if (board_fd >= 0)
    close (board_fd);
}

/* What is wrong with a worker that has not finished its handshake in time. */
GError *
ppool_start_make_overdue (const PPoolStartup *startup)
{
  return g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                      "it did not finish its handshake within %u ms, which is the launcher's "
                      "handshake-timeout-msec (does it run its PPoolWorker?)",
                      ppool_launch_plan_get_handshake_timeout_msec (startup->plan));
}

/* What is wrong with what a worker answered: (nullable) (transfer full). */
GError *
ppool_start_check_initialized (const PPoolStartup      *startup,
                               const PPoolChannelEvent *event)
{
  guint32 version = 0;

  if (event->error != NULL && startup->settings->initializer != NULL)
    return g_error_new (PPOOL_ERROR, PPOOL_ERROR_INITIALIZER,
                        "its initializer “%s” failed: %s", startup->settings->initializer,
                        event->error->message);
  if (event->error != NULL)
    return g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "it refused to be initialized (%s)",
                        event->error->message);

  if (!g_variant_lookup (event->value, "version", "u", &version) || version == 0 ||
      version > PPOOL_PROTOCOL_VERSION)
    return g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                        "it speaks version %u of the protocol, and this program version %u",
                        version, PPOOL_PROTOCOL_VERSION);

  return NULL;
}

/* What a worker that is ready can do. */
void
ppool_start_log_ready (const PPoolChannelEvent *event,
                       guint                    pid,
                       gint64                   start_time)
{
  g_autofree const char **features = NULL;
  g_autofree char *list = NULL;

  if (g_variant_lookup (event->value, "features", "^a&s", &features))
    list = g_strjoinv (" ", (char **) features);

  g_debug ("Worker %u: ready after %.1f ms, with the features: %s", pid,
           (double) (g_get_monotonic_time () - start_time) / G_TIME_SPAN_MILLISECOND,
           list != NULL && *list != '\0' ? list : "none");
}
