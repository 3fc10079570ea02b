/* ppool-link.c: whole packets on a socket
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-link-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-fd-private.h"

/* Stands for all descriptors of a message that this process could not have. */
#define LOST_FDS -1

/* How much a packet of a lane has at most, in bytes: as a message of D-Bus. */
#define MAX_PACKET_SIZE ((gsize) 128 * 1024 * 1024)

/* A GDBusConnection reads and writes in a thread of its own, and each hop to it
 * and back costs more than a short call does. Here whoever serves does both: it
 * reads as much as there is, takes packet after packet out of that, and writes
 * whole packets. What they are is not known here, but how long they are.
 *
 * Reading belongs to one thread at a time, and so does writing; the two share nothing
 * but the socket. */

struct _PPoolLink
{
  int fd; /* (owned) */
  const PPoolLinkFormat *format;
  PPoolLinkFunc lost; /* (nullable) */

  /* The reading thread's. Bytes wait in input, from start to end, unless the
   * packet at their head is larger than what has come of it: then that is in
   * partial, and input is empty. */
  guint8 *input; /* (owned) */
  gsize start;
  gsize end;
  PPoolPacket partial;
  gsize partial_size;          /* how much of it is there */
  int fds[PPOOL_LINK_MAX_FDS]; /* (owned); that no packet has taken yet */
  guint n_fds;

  /* The writing thread's. */
  gboolean broken; /* nobody reads what is written */
};

/* What precedes a frame on a lane. */
typedef struct
{
  guint32 size; /* of the packet, with this */
  guint32 reserved;
} LanePrefix;

G_STATIC_ASSERT (sizeof (LanePrefix) == PPOOL_LINK_LANE_PREFIX_SIZE);

static gboolean
set_broken (GError     **error,
            const char  *what)
{
  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, what);
  return FALSE;
}

static gboolean
measure_lane (const guint8  *prefix,
              gsize         *size,
              GError       **error)
{
  LanePrefix read;

  memcpy (&read, prefix, sizeof read);
  if (read.size <= sizeof read || read.size > MAX_PACKET_SIZE || read.reserved != 0)
    return set_broken (error, "received bytes that are not a packet");

  *size = read.size;
  return TRUE;
}

const PPoolLinkFormat ppool_link_lane = { sizeof (LanePrefix), measure_lane };

/* Writes to @prefix what precedes a frame of that size. */
void
ppool_link_make_lane_prefix (guint8 *prefix,
                             gsize   frame_size)
{
  LanePrefix written = { .size = (guint32) (sizeof written + frame_size) };

  memcpy (prefix, &written, sizeof written);
}

/* Takes @fd, on which packets are of @format. If the descriptor turns out to be none, or
 * another, @lost is called; without that, it is as if the other side had closed. */
PPoolLink *
ppool_link_new (int                    fd,
                const PPoolLinkFormat *format,
                PPoolLinkFunc          lost)
{
  PPoolLink *self = g_new0 (PPoolLink, 1);

  self->fd = fd;
  self->format = format;
  self->lost = lost;
  self->input = g_malloc (PPOOL_LINK_INPUT_SIZE);

  return self;
}

void
ppool_link_free (PPoolLink *self)
{
  for (guint i = 0; i < self->n_fds; i++)
    if (self->fds[i] != LOST_FDS)
      close (self->fds[i]);
  close (self->fd);
  g_free (self->partial.data);
  g_free (self->input);
  g_free (self);
}

int
ppool_link_get_fd (PPoolLink *self)
{
  return self->fd;
}

static void
look_for_loss (PPoolLink *self,
               int        code)
{
  if ((code == EBADF || code == ENOTSOCK) && self->lost != NULL)
    self->lost ();
}

/* Reading */

/* Returns: FALSE if there are more than there may be. */
static gboolean
keep_fds (PPoolLink     *self,
          struct msghdr *header)
{
  gboolean lost = (header->msg_flags & MSG_CTRUNC) != 0;
  gboolean too_many = FALSE;
  guint n_before = self->n_fds;

  for (struct cmsghdr *part = CMSG_FIRSTHDR (header); part != NULL;
       part = CMSG_NXTHDR (header, part))
    {
      gsize n = (part->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
        continue;

      for (gsize i = 0; i < n; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (part) + i * sizeof fd, sizeof fd);
          fd = ppool_fd_lift (fd);
          if (fd < 0)
            lost = TRUE;
          else if (self->n_fds < PPOOL_LINK_MAX_FDS)
            self->fds[self->n_fds++] = fd;
          else
            {
              close (fd);
              too_many = TRUE;
            }
        }
    }

  if (too_many)
    return FALSE;
  if (lost)
    {
      while (self->n_fds > n_before)
        close (self->fds[--self->n_fds]);
      if (self->n_fds == PPOOL_LINK_MAX_FDS)
        return FALSE;
      self->fds[self->n_fds++] = LOST_FDS;
    }

  return TRUE;
}

/* The rest of a message that has begun, and what comes behind it. */
static guint
plan_reading (PPoolLink    *self,
              struct iovec  parts[2],
              gsize        *asked)
{
  guint n = 0;

  if (self->start == self->end)
    self->start = self->end = 0;

  if (self->partial.data != NULL)
    parts[n++] = (struct iovec) { .iov_base = self->partial.data + self->partial_size,
                                  .iov_len = self->partial.size - self->partial_size };
  parts[n++] = (struct iovec) { .iov_base = self->input + self->end,
                                .iov_len = PPOOL_LINK_INPUT_SIZE - self->end };

  *asked = parts[0].iov_len + (n > 1 ? parts[1].iov_len : 0);
  return n;
}

static void
note_received (PPoolLink *self,
               gsize      size)
{
  gsize of_partial = 0;

  if (self->partial.data != NULL)
    of_partial = MIN (size, self->partial.size - self->partial_size);

  self->partial_size += of_partial;
  self->end += size - of_partial;
}

/* Reads once; without waiting, unless @wait. @more says that there may be more. Every packet
 * is to be taken out before. Returns: FALSE at the end, or with @error set if there is
 * something else. */
gboolean
ppool_link_read (PPoolLink  *self,
                 gboolean    wait,
                 gboolean   *more,
                 GError    **error)
{
  union
  {
    char bytes[CMSG_SPACE (PPOOL_LINK_MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec parts[2];
  struct msghdr header = { .msg_iov = parts,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes };
  gsize asked;
  ssize_t n;

  header.msg_iovlen = plan_reading (self, parts, &asked);
  do
    n = recvmsg (self->fd, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (n < 0 && errno == EINTR);

  *more = n > 0 && (gsize) n == asked;
  if (n < 0)
    {
      int code = errno;

      look_for_loss (self, code);
      return code == EAGAIN;
    }
  if (!keep_fds (self, &header))
    return set_broken (error, "more descriptors came than belong to messages");

  note_received (self, (gsize) n);
  return n > 0;
}

/* What is not all there moves to where it has room. */
static gboolean
begin_partial (PPoolLink  *self,
               gsize       size,
               GError    **error)
{
  self->partial.data = g_try_malloc (size);
  if (self->partial.data == NULL)
    return set_broken (error, "there is no memory for a message");

  self->partial.size = size;
  self->partial_size = self->end - self->start;
  memcpy (self->partial.data, self->input + self->start, self->partial_size);
  self->start = self->end = 0;

  return TRUE;
}

static void
move_to_front (PPoolLink *self)
{
  memmove (self->input, self->input + self->start, self->end - self->start);
  self->end -= self->start;
  self->start = 0;
}

/* Takes out the next packet, which is the caller's then. Returns: FALSE if
 * there is none, or with @error set if there is something else. */
gboolean
ppool_link_next (PPoolLink    *self,
                 PPoolPacket  *packet,
                 GError      **error)
{
  gsize size;

  packet->data = NULL;
  if (self->partial.data != NULL)
    {
      if (self->partial_size == self->partial.size)
        {
          *packet = self->partial;
          self->partial.data = NULL;
        }
      return packet->data != NULL;
    }

  if (self->end - self->start < self->format->prefix_size)
    {
      move_to_front (self);
      return FALSE;
    }

  if (!self->format->measure (self->input + self->start, &size, error))
    return FALSE;

  if (self->end - self->start < size)
    {
      begin_partial (self, size, error);
      return FALSE;
    }

  packet->size = size;
  packet->data = g_memdup2 (self->input + self->start, size);
  self->start += size;

  return TRUE;
}

/* Takes those that belong to the message which was taken out last. They are -1 if they
 * got lost, since this process has as many as it may have. */
gboolean
ppool_link_take_fds (PPoolLink  *self,
                     int        *fds,
                     guint       n_fds,
                     GError    **error)
{
  gboolean lost = n_fds > 0 && self->n_fds > 0 && self->fds[0] == LOST_FDS;
  guint n_taken = lost ? 1 : n_fds;

  if (n_taken > self->n_fds)
    return set_broken (error, "a message came without its descriptors");

  for (guint i = 0; i < n_fds; i++)
    fds[i] = lost ? -1 : self->fds[i];
  self->n_fds -= n_taken;
  memmove (self->fds, self->fds + n_taken, self->n_fds * sizeof *fds);

  return TRUE;
}

/* Whether there are descriptors that belong to no packet: one comes with the first byte of
 * its own. To be asked when every packet and its descriptors were taken out. */
gboolean
ppool_link_has_stray_fds (PPoolLink *self)
{
  return self->n_fds > 0 && self->start == self->end && self->partial.data == NULL;
}

/* What has been read, and was not taken out. */
const guint8 *
ppool_link_peek (PPoolLink *self,
                 gsize     *size)
{
  *size = self->end - self->start;

  return self->input + self->start;
}

/* Passes over some of it. */
void
ppool_link_skip (PPoolLink *self,
                 gsize      size)
{
  self->start += size;
}

/* Writing */

/* Writes what there is room for. The descriptor @fd, or -1, stays the caller's, and goes with
 * the first byte. Returns: how many bytes; 0 if there is no room; or -1 if nobody reads any
 * more, of which the reading thread hears */
gssize
ppool_link_try_write (PPoolLink          *self,
                      const struct iovec *parts,
                      guint               n_parts,
                      int                 fd)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr header = { .msg_iov = (struct iovec *) parts, .msg_iovlen = n_parts };
  ssize_t n;

  if (self->broken)
    return -1;

  if (fd >= 0)
    {
      struct cmsghdr *rights;

      header.msg_control = control.bytes;
      header.msg_controllen = sizeof control.bytes;
      rights = CMSG_FIRSTHDR (&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN (sizeof fd);
      memcpy (CMSG_DATA (rights), &fd, sizeof fd);
    }

  do
    n = sendmsg (self->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);

  if (n >= 0)
    return n;
  if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM)
    return 0;

  look_for_loss (self, errno);
  self->broken = TRUE;
  return -1;
}

/* There is room once the other side has read; for one more descriptor on its way, there
 * is nothing that tells so. */
static void
wait_to_write (PPoolLink *self)
{
  struct pollfd room = { .fd = self->fd, .events = POLLOUT };
  const int pause_msec = 1;

  if (errno == EAGAIN)
    poll (&room, 1, -1);
  else
    poll (NULL, 0, pause_msec);
}

/* Writes everything, and waits for room. */
void
ppool_link_write (PPoolLink    *self,
                  const guint8 *data,
                  gsize         size,
                  int           fd)
{
  gsize done = 0;
  gssize n = 0;

  while (done < size && n >= 0)
    {
      const struct iovec part = { .iov_base = (void *) (data + done), .iov_len = size - done };

      n = ppool_link_try_write (self, &part, 1, done == 0 ? fd : -1);
      if (n > 0)
        done += (gsize) n;
      else if (n == 0)
        wait_to_write (self);
    }
}
