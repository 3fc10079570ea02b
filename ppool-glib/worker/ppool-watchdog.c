/* ppool-watchdog.c: looks after a worker that is busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-watchdog-private.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "ppool-spare-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A worker that is busy in a function does not notice that its channel closed,
 * nor does it send what it has. So a thread of its own looks after both. It never
 * reads: what is left in the channel belongs to the channel's reader. It has a
 * descriptor of its own, so that it never waits on one that was closed and given
 * to something else.
 *
 * Until the other end hangs up, the thread sleeps; it looks at the worker at
 * intervals as long as it was roused lately. After a hang-up the worker has a
 * moment to see the same, return from ppool_worker_run() and clean up after
 * itself; then the process ends, whatever it does.
 *
 * Descriptors and function are set before the thread starts; the numbers are all
 * that the threads share. */

#define LOOK_INTERVAL_MSEC 10

/* So many looks after it was roused last, the thread rests: then it takes a
 * system call to rouse it. */
#define MAX_IDLE_LOOKS 10

struct _PPoolWatchdog
{
  GThread *thread; /* (owned) (nullable); NULL until it was started */
  int channel_fd;  /* (owned): a duplicate of the channel's */
  int wake_fd;     /* (owned): an eventfd, readable when there is news */
  PPoolWatchdogFunc look;
  gpointer data; /* (unowned) */

  int stopping; /* atomic */
  int roused;   /* atomic: since the last look */
  int resting;  /* atomic: looks no more until it is woken */
};

/* Returns: whether there was an event of the channel. */
static gboolean
wait_for_event (PPoolWatchdog *self,
                gboolean       until_hang_up,
                int            timeout_msec)
{
  struct pollfd fds[] = {
    { .fd = self->wake_fd, .events = POLLIN },
    { .fd = self->channel_fd, .events = POLLRDHUP },
  };
  eventfd_t value;
  int n_ready;

  do
    n_ready = poll (fds, until_hang_up ? 2 : 1, timeout_msec);
  while (n_ready < 0 && errno == EINTR);

  if (n_ready > 0 && fds[0].revents != 0)
    eventfd_read (self->wake_fd, &value);

  return n_ready > 0 && until_hang_up && fds[1].revents != 0;
}

static gboolean
is_stopping (PPoolWatchdog *self)
{
  return g_atomic_int_get (&self->stopping);
}

/* Whoever rouses it either is seen here or sees that it rests, and wakes it.
 * Returns: in how many milliseconds it is to look again */
static int
look (PPoolWatchdog *self,
      guint         *n_idle)
{
  self->look (self->data);

  if (g_atomic_int_compare_and_exchange (&self->roused, TRUE, FALSE))
    *n_idle = 0;
  else if (++*n_idle > MAX_IDLE_LOOKS)
    g_atomic_int_set (&self->resting, TRUE);

  if (g_atomic_int_get (&self->resting) && g_atomic_int_get (&self->roused))
    g_atomic_int_set (&self->resting, FALSE);

  return g_atomic_int_get (&self->resting) ? -1 : LOOK_INTERVAL_MSEC;
}

static gpointer
watch (gpointer data)
{
  PPoolWatchdog *self = data;
  int timeout_msec = -1;
  guint n_idle = 0;
  gint64 end;

  while (!is_stopping (self) && !wait_for_event (self, TRUE, timeout_msec))
    timeout_msec = look (self, &n_idle);

  end = g_get_monotonic_time () + PPOOL_WATCHDOG_GRACE_MSEC * G_TIME_SPAN_MILLISECOND;
  while (!is_stopping (self))
    {
      gint64 left = end - g_get_monotonic_time ();

      if (left <= 0)
        _exit (EXIT_SUCCESS);
      wait_for_event (self, FALSE, (int) (left / G_TIME_SPAN_MILLISECOND) + 1);
    }

  return NULL;
}

/* Starts to watch the socket @fd, which stays the caller's, and to look at the
 * worker with @look_func, in another thread, when it is roused. */
PPoolWatchdog *
ppool_watchdog_new (int                 fd,
                    PPoolWatchdogFunc   look_func,
                    gpointer            data,
                    GError            **error)
{
  g_autoptr (PPoolWatchdog) self = g_new0 (PPoolWatchdog, 1);

  g_assert (fd >= 0);

  self->look = look_func;
  self->data = data;
  self->resting = TRUE;
  self->wake_fd = -1;
  self->channel_fd = ppool_fd_dup (fd);
  if (self->channel_fd >= 0)
    self->wake_fd = ppool_fd_lift (eventfd (0, EFD_CLOEXEC));

  if (self->wake_fd < 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "Failed to watch the channel to the pool: %s",
                   g_strerror (errno));
      return NULL;
    }

  self->thread = ppool_spare_new_thread ("ppool-watchdog", watch, self, error);
  if (self->thread == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

/* Has the worker looked at for a while, beginning in a moment. Cheap, unless it
 * was long ago that this was called last. */
void
ppool_watchdog_rouse (PPoolWatchdog *self)
{
  if (!g_atomic_int_get (&self->roused))
    g_atomic_int_set (&self->roused, TRUE);

  if (g_atomic_int_get (&self->resting) &&
      g_atomic_int_compare_and_exchange (&self->resting, TRUE, FALSE))
    eventfd_write (self->wake_fd, 1);
}

/* Nothing ends the process any more once this has returned. */
void
ppool_watchdog_free (PPoolWatchdog *self)
{
  g_assert (self != NULL);

  if (self->thread != NULL)
    {
      g_atomic_int_set (&self->stopping, TRUE);
      eventfd_write (self->wake_fd, 1);
      g_thread_join (self->thread);
    }

  if (self->channel_fd >= 0)
    close (self->channel_fd);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  g_free (self);
}
