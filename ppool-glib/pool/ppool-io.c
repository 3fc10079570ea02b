/* ppool-io.c: a thread that waits for sockets
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-io-private.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "ppool-spare-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* GDBus reads and writes all connections of a program in one thread, and what a pool has it
 * do there keeps everybody else waiting. So what workers answer on their lanes is read in a
 * thread of the pool's own, which also writes what a lane had no room for.
 *
 * The kernel knows each socket by a number that is never used twice, and the thread finds
 * by it whom to call; so what has been removed is called no more, but for a call that is
 * under way. */

#define MAX_EVENTS 16

/* Stands for the descriptor that wakes the thread up. */
#define WAKE_UP 0

typedef struct
{
  guint64 id;
  PPoolIoFunc func;
  gpointer owner; /* (unowned): is there until it was removed */
  GBoxedCopyFunc owner_ref;
  GDestroyNotify owner_unref;
} Watch;

struct _PPoolIo
{
  int epoll_fd;    /* (owned) */
  int wake_fd;     /* (owned): an eventfd, readable once the thread is to end */
  GThread *thread; /* (owned) (nullable): NULL until it was started */

  GMutex lock;         /* guards what follows */
  GHashTable *watches; /* (owned) (element-type Watch): by their number */
  guint64 last_id;
};

static void
handle (PPoolIo                  *self,
        const struct epoll_event *event)
{
  const Watch *watch;
  Watch called = { 0 };

  g_mutex_lock (&self->lock);
  watch = g_hash_table_lookup (self->watches, &event->data.u64);
  if (watch != NULL)
    {
      called = *watch;
      called.owner_ref (called.owner);
    }
  g_mutex_unlock (&self->lock);

  if (called.func == NULL)
    return;

  called.func (called.owner, (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0,
               (event->events & EPOLLOUT) != 0);
  called.owner_unref (called.owner);
}

static gpointer
run (gpointer data)
{
  PPoolIo *self = data;
  gboolean is_ending = FALSE;

  while (!is_ending)
    {
      struct epoll_event events[MAX_EVENTS];
      int n = epoll_wait (self->epoll_fd, events, MAX_EVENTS, -1);

      for (int i = 0; i < n; i++)
        if (events[i].data.u64 == WAKE_UP)
          is_ending = TRUE;
        else
          handle (self, &events[i]);
    }

  return NULL;
}

static gboolean
open_descriptors (PPoolIo  *self,
                  GError  **error)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = WAKE_UP };

  self->epoll_fd = ppool_fd_lift (epoll_create1 (EPOLL_CLOEXEC));
  if (self->epoll_fd >= 0)
    self->wake_fd = ppool_fd_lift (eventfd (0, EFD_CLOEXEC));

  if (self->wake_fd >= 0 &&
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) == 0)
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
               "no file descriptor can be opened (%s)", g_strerror (errno));
  return FALSE;
}

PPoolIo *
ppool_io_new (GError **error)
{
  g_autoptr (PPoolIo) self = g_new0 (PPoolIo, 1);

  self->epoll_fd = self->wake_fd = -1;
  g_mutex_init (&self->lock);
  self->watches = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);

  if (!open_descriptors (self, error))
    return NULL;

  self->thread = ppool_spare_new_thread ("ppool-io", run, self, error);
  if (self->thread == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

/* Ends the thread, in another one, once everything was removed. */
void
ppool_io_free (PPoolIo *self)
{
  g_assert (g_hash_table_size (self->watches) == 0);

  if (self->thread != NULL)
    {
      eventfd_write (self->wake_fd, 1);
      g_thread_join (self->thread);
    }

  if (self->wake_fd >= 0)
    close (self->wake_fd);
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  g_hash_table_unref (self->watches);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Adds the socket @fd, for which @func is called from the first ppool_io_watch() on, with a
 * reference to @owner; of an end that comes earlier, it is told once before, and then again.
 * Returns: its number, or 0 */
guint64
ppool_io_add (PPoolIo         *self,
              int              fd,
              PPoolIoFunc      func,
              gpointer         owner,
              GBoxedCopyFunc   owner_ref,
              GDestroyNotify   owner_unref,
              GError         **error)
{
  /* The kernel has no way not to tell of an end, but that to tell it once. */
  struct epoll_event event = { .events = EPOLLONESHOT };
  Watch *watch = g_new (Watch, 1);

  *watch = (Watch) { 0, func, owner, owner_ref, owner_unref };

  g_mutex_lock (&self->lock);
  watch->id = event.data.u64 = ++self->last_id;
  g_hash_table_insert (self->watches, &watch->id, watch);
  g_mutex_unlock (&self->lock);

  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
    return event.data.u64;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "a socket can't be waited for (%s)",
               g_strerror (errno));
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->watches, &event.data.u64);
  g_mutex_unlock (&self->lock);
  return 0;
}

/* Waits for something to read, and if @writing for room as well. */
void
ppool_io_watch (PPoolIo  *self,
                guint64   id,
                int       fd,
                gboolean  writing)
{
  struct epoll_event event = { .events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.u64 = id };

  epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

/* To be called before the socket is closed. A call that is under way is not waited for. */
void
ppool_io_remove (PPoolIo *self,
                 guint64  id,
                 int      fd)
{
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, fd, NULL);

  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->watches, &id);
  g_mutex_unlock (&self->lock);
}
