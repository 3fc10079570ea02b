/* ppool-reader.c: reads beside a function that is busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-reader-private.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "ppool-spare-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* A worker that is busy in a function doesn't read, and so would learn too late that
 * the pool has cancelled the call. This thread reads then. It isn't the watchdog's, since
 * what hears of the cancellation is code of the program, which may take its time, or wait for
 * an interpreter; the watchdog has to end the process nevertheless.
 *
 * The thread sleeps until it is started, then until something arrives, and again once there
 * is no reason to read; it never wakes up to look.
 *
 * Numbers and function are set before the thread starts. */

struct _PPoolReader
{
  GThread *thread; /* (owned) (nullable); NULL until it was started */
  int fd;          /* (unowned): the channel's */
  ino_t inode;     /* of the socket behind it */
  int wake_fd;     /* (owned): an eventfd, readable when there is news */
  PPoolReaderFunc read;
  gpointer data; /* (unowned) */

  int stopping; /* atomic */
};

static gboolean
is_stopping (PPoolReader *self)
{
  return g_atomic_int_get (&self->stopping);
}

static void
wait_for_event (PPoolReader *self,
                gboolean     reading)
{
  struct pollfd fds[] = {
    { .fd = self->wake_fd, .events = POLLIN },
    { .fd = self->fd, .events = POLLIN },
  };
  eventfd_t value;
  int n_ready;

  do
    n_ready = poll (fds, reading ? 2 : 1, -1);
  while (n_ready < 0 && errno == EINTR);

  if (n_ready > 0 && fds[0].revents != 0)
    eventfd_read (self->wake_fd, &value);
}

/* A function may have closed the channel, and its number may be that of something else.
 * The serving thread sees that when the function is over; until then nothing is taken from
 * whom it belongs to. */
static gboolean
is_channel (PPoolReader *self)
{
  struct stat status;

  return fstat (self->fd, &status) == 0 && S_ISSOCK (status.st_mode) &&
         status.st_ino == self->inode;
}

static gpointer
read_beside (gpointer data)
{
  PPoolReader *self = data;
  gboolean reading = FALSE;

  while (!is_stopping (self))
    {
      wait_for_event (self, reading);
      reading = !is_stopping (self) && is_channel (self) && self->read (self->data);
    }

  return NULL;
}

/* Makes a thread that has the channel @fd, which stays the caller's, read by @read_func,
 * each time when something arrives, from ppool_reader_start() until that function sees
 * no reason to go on. */
PPoolReader *
ppool_reader_new (int               fd,
                  PPoolReaderFunc   read_func,
                  gpointer          data,
                  GError          **error)
{
  g_autoptr (PPoolReader) self = g_new0 (PPoolReader, 1);
  struct stat status = { 0 };

  self->fd = fd;
  self->read = read_func;
  self->data = data;
  self->wake_fd = ppool_fd_lift (eventfd (0, EFD_CLOEXEC));
  if (self->wake_fd < 0 || fstat (fd, &status) != 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "Failed to read beside a function: %s", g_strerror (errno));
      return NULL;
    }

  self->inode = status.st_ino;
  self->thread = ppool_spare_new_thread ("ppool-reader", read_beside, self, error);
  if (self->thread == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

/* There is a reason to read. */
void
ppool_reader_start (PPoolReader *self)
{
  eventfd_write (self->wake_fd, 1);
}

/* Waits until its function has returned. */
void
ppool_reader_free (PPoolReader *self)
{
  if (self->thread != NULL)
    {
      g_atomic_int_set (&self->stopping, TRUE);
      eventfd_write (self->wake_fd, 1);
      g_thread_join (self->thread);
    }

  if (self->wake_fd >= 0)
    close (self->wake_fd);
  g_free (self);
}
