/* ppool-watchdog.c: ends a worker whose parent is gone
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-watchdog-private.h"

#include "ppool-error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A worker that is busy in a function does not notice that its channel closed,
 * so a thread of its own waits for that. It never reads: what is left in the
 * channel belongs to the channel's reader. It has a descriptor of its own, so
 * that it never waits on one that was closed and given to something else.
 *
 * There are two states. Until the other end hangs up, the thread sleeps. Then
 * the worker has a moment to see the same, return from ppool_worker_run() and
 * clean up after itself; after that the process ends, whatever it does.
 *
 * Both descriptors are set before the thread starts and closed after it ended;
 * stop_fd is all that the threads share.
 */
struct _PPoolWatchdog
{
  GThread *thread; /* (owned) (nullable); NULL until it was started */
  int channel_fd;  /* (owned): a duplicate of the channel's */
  int stop_fd;     /* (owned): an eventfd, readable once the thread is to end */
};

/* Returns: whether the watchdog was stopped. */
static gboolean
wait_for_event (PPoolWatchdog *self,
                gboolean       until_hang_up,
                int            timeout_msec)
{
  struct pollfd fds[] = {
    { .fd = self->stop_fd, .events = POLLIN },
    { .fd = self->channel_fd, .events = POLLRDHUP },
  };
  int n_ready;

  do
    n_ready = poll (fds, until_hang_up ? 2 : 1, timeout_msec);
  while (n_ready < 0 && errno == EINTR);

  return n_ready > 0 && fds[0].revents != 0;
}

static gpointer
watch (gpointer data)
{
  PPoolWatchdog *self = data;

  if (!wait_for_event (self, TRUE, -1) &&
      !wait_for_event (self, FALSE, PPOOL_WATCHDOG_GRACE_MSEC))
    _exit (EXIT_SUCCESS);

  return NULL;
}

/* Signals are for the program's own threads: a handler that ran in this one
 * would find itself where nobody expects it. */
static GThread *
start_thread (PPoolWatchdog  *self,
              GError        **error)
{
  sigset_t all, before;
  GThread *thread;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new ("ppool-watchdog", watch, self, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  return thread;
}

/* Starts to watch the socket @fd, which stays the caller's. */
PPoolWatchdog *
ppool_watchdog_new (int      fd,
                    GError **error)
{
  g_autoptr (PPoolWatchdog) self = g_new0 (PPoolWatchdog, 1);

  g_assert (fd >= 0);

  self->stop_fd = -1;
  self->channel_fd = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (self->channel_fd >= 0)
    self->stop_fd = eventfd (0, EFD_CLOEXEC);

  if (self->stop_fd < 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "Failed to watch the channel to the pool: %s",
                   g_strerror (errno));
      return NULL;
    }

  self->thread = start_thread (self, error);
  if (self->thread == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

/* Nothing ends the process any more once this has returned. */
void
ppool_watchdog_free (PPoolWatchdog *self)
{
  g_assert (self != NULL);

  if (self->thread != NULL)
    {
      eventfd_write (self->stop_fd, 1);
      g_thread_join (self->thread);
    }

  if (self->channel_fd >= 0)
    close (self->channel_fd);
  if (self->stop_fd >= 0)
    close (self->stop_fd);
  g_free (self);
}
