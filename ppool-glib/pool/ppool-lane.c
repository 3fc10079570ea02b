/* ppool-lane.c: the second socket of a channel, on which frames travel alone
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lane-private.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whoever has something to send writes it at once, and what there is no room for is
 * written by the io thread: nobody waits for a worker that doesn't read. */

/* A packet, of which some may have been written. */
typedef struct
{
  guint8 prefix[PPOOL_LINK_LANE_PREFIX_SIZE];
  GByteArray *frame; /* (owned) */
  gsize done;
  int fd; /* (owned): that goes with its first byte, or -1 */
} Packet;

struct _PPoolLane
{
  PPoolIo *io;   /* (unowned): outlives the link */
  guint64 watch; /* in that, or 0 */

  GMutex lock;     /* guards what follows, and writing to the link */
  PPoolLink *link; /* (owned) (nullable): NULL once closed; read by the channel's events alone */
  GQueue unsent;   /* (owned) (element-type Packet) */
  gboolean is_open;
};

static void
free_packet (gpointer data)
{
  Packet *self = data;

  g_byte_array_unref (self->frame);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

/* Makes a lane; its other end goes to the worker. Nothing happens until it is opened. */
PPoolLane *
ppool_lane_new (PPoolIo         *io,
                PPoolIoFunc      func,
                gpointer         owner,
                GBoxedCopyFunc   owner_ref,
                GDestroyNotify   owner_unref,
                int             *worker_fd,
                GError         **error)
{
  PPoolLane *self;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || !ppool_fd_lift_pair (fds))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "cannot create a socket pair: %s",
                   g_strerror (errno));
      return NULL;
    }

  self = g_new0 (PPoolLane, 1);
  g_mutex_init (&self->lock);
  g_queue_init (&self->unsent);
  self->io = io;
  self->link = ppool_link_new (fds[0], &ppool_link_lane, NULL);
  self->watch = ppool_io_add (io, fds[0], func, owner, owner_ref, owner_unref, error);
  if (self->watch == 0)
    {
      close (fds[1]);
      g_clear_pointer (&self, ppool_lane_free);
      return NULL;
    }

  *worker_fd = fds[1];
  return self;
}

/* The worker has the other end. */
void
ppool_lane_open (PPoolLane *self)
{
  g_mutex_lock (&self->lock);
  self->is_open = TRUE;
  ppool_io_watch (self->io, self->watch, ppool_link_get_fd (self->link), FALSE);
  g_mutex_unlock (&self->lock);
}

gboolean
ppool_lane_is_open (PPoolLane *self)
{
  return self->is_open;
}

/* With the lock held. */
static void
end (PPoolLane *self)
{
  if (self->watch != 0)
    ppool_io_remove (self->io, self->watch, ppool_link_get_fd (self->link));
  self->watch = 0;
  g_queue_clear_full (&self->unsent, free_packet);
}

/* Nothing is read or written any more. Not to be called while it is read. */
void
ppool_lane_close (PPoolLane *self)
{
  g_mutex_lock (&self->lock);
  end (self);
  g_clear_pointer (&self->link, ppool_link_free);
  g_mutex_unlock (&self->lock);
}

void
ppool_lane_free (PPoolLane *self)
{
  ppool_lane_close (self);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Ends it in both directions. What the worker had sent still arrives. */
void
ppool_lane_shut (PPoolLane *self)
{
  g_mutex_lock (&self->lock);
  if (self->link != NULL)
    shutdown (ppool_link_get_fd (self->link), SHUT_RDWR);
  g_mutex_unlock (&self->lock);
}

/* For who reads, while it is not closed. */
PPoolLink *
ppool_lane_get_link (PPoolLane *self)
{
  return self->link;
}

/* Nothing comes any more: the io thread is to look no more either. */
void
ppool_lane_end (PPoolLane *self)
{
  g_mutex_lock (&self->lock);
  end (self);
  g_mutex_unlock (&self->lock);
}

/* Returns: how many parts of @packet are left to be written */
static guint
find_rest (Packet       *packet,
           struct iovec  parts[2])
{
  gsize done = packet->done;
  guint n = 0;

  if (done < sizeof packet->prefix)
    parts[n++] = (struct iovec) { .iov_base = packet->prefix + done,
                                  .iov_len = sizeof packet->prefix - done };
  done -= MIN (done, sizeof packet->prefix);
  parts[n++] = (struct iovec) { .iov_base = packet->frame->data + done,
                                .iov_len = packet->frame->len - done };

  return n;
}

/* With the lock held. Returns: whether there is more, and no room for it */
static gboolean
write_unsent (PPoolLane *self)
{
  Packet *packet;
  gssize n = 1;

  while (n > 0 && (packet = g_queue_peek_head (&self->unsent)) != NULL)
    {
      struct iovec parts[2];
      guint n_parts = find_rest (packet, parts);

      n = ppool_link_try_write (self->link, parts, n_parts, packet->done == 0 ? packet->fd : -1);
      packet->done += (gsize) MAX (n, 0);
      if (packet->done == sizeof packet->prefix + packet->frame->len)
        free_packet (g_queue_pop_head (&self->unsent));
    }

  if (n < 0)
    g_queue_clear_full (&self->unsent, free_packet);

  return !g_queue_is_empty (&self->unsent);
}

/* Writes what there is room for now. In the io thread. */
void
ppool_lane_write (PPoolLane *self)
{
  const int pause_msec = 1;
  gboolean must_pause = FALSE;

  g_mutex_lock (&self->lock);
  if (self->watch != 0 && !write_unsent (self))
    ppool_io_watch (self->io, self->watch, ppool_link_get_fd (self->link), FALSE);
  else if (self->watch != 0)
    must_pause = errno != EAGAIN;
  g_mutex_unlock (&self->lock);

  /* There is nothing that tells when the kernel has memory, or passes a descriptor again. */
  if (must_pause)
    poll (NULL, 0, pause_msec);
}

/* Takes @frame, and @fd, which may be -1. Once nobody reads any more, it is lost in silence. */
void
ppool_lane_send (PPoolLane  *self,
                 GByteArray *frame,
                 int         fd)
{
  Packet *packet = g_new0 (Packet, 1);

  ppool_link_make_lane_prefix (packet->prefix, frame->len);
  packet->frame = frame;
  packet->fd = fd;

  g_mutex_lock (&self->lock);
  if (self->watch == 0)
    free_packet (packet);
  else
    {
      gboolean is_first = g_queue_is_empty (&self->unsent);

      g_queue_push_tail (&self->unsent, packet);
      if (is_first && write_unsent (self))
        ppool_io_watch (self->io, self->watch, ppool_link_get_fd (self->link), TRUE);
    }
  g_mutex_unlock (&self->lock);
}

/* Sends one item that is no more than its id. */
void
ppool_lane_send_note (PPoolLane     *self,
                      PPoolItemKind  kind,
                      guint64        id)
{
  GByteArray *frame = g_byte_array_new ();

  ppool_frame_append_note (frame, kind, id);
  ppool_lane_send (self, frame, -1);
}
