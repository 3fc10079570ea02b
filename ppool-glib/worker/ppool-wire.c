/* ppool-wire.c: D-Bus on a socket, for who reads and writes by itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-wire-internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-fd-private.h"

/* Stands for all descriptors of a message that this process could not have. */
#define LOST_FDS -1

/* A GDBusConnection reads and writes in a thread of its own, and each hop to it
 * and back costs more than a short call does. Here the thread that serves does
 * both: it reads as much as there is, takes message after message out of that,
 * and writes whole messages, waiting for room. The peer sees no difference.
 *
 * Reading belongs to one thread, writing to whoever holds the lock of the owner;
 * the two share nothing but the socket. */

/* Takes @fd. */
PPoolWire *
ppool_wire_new (int fd)
{
  PPoolWire *self = g_new0 (PPoolWire, 1);

  self->fd = fd;
  self->input = g_malloc (PPOOL_WIRE_INPUT_SIZE);

  return self;
}

void
ppool_wire_free (PPoolWire *self)
{
  for (guint i = 0; i < self->n_fds; i++)
    if (self->fds[i] != LOST_FDS)
      close (self->fds[i]);
  close (self->fd);
  g_free (self->partial.data);
  g_free (self->input);
  g_free (self);
}

static gboolean
set_broken (GError     **error,
            const char  *what)
{
  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, what);
  return FALSE;
}

/* A function has closed the channel, or put something else under its number. Nothing of
 * the worker works any more, nor does the thread that watches it: the pool would wait for
 * ever. As other descriptors are gone as well, so does the process. */
G_NORETURN static void
end_without_channel (void)
{
  g_printerr ("The channel to the pool was closed in this process. Functions may close only "
              "descriptors that they have opened.\n");
  _exit (EXIT_FAILURE);
}

static gboolean
says_closed (int code)
{
  return code == EBADF || code == ENOTSOCK;
}

/* Reading */

/* Returns: FALSE if there are more than there may be. */
static gboolean
keep_fds (PPoolWire     *self,
          struct msghdr *header)
{
  gboolean lost = (header->msg_flags & MSG_CTRUNC) != 0;
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
          else if (self->n_fds < PPOOL_WIRE_MAX_FDS)
            self->fds[self->n_fds++] = fd;
          else
            {
              close (fd);
              return FALSE;
            }
        }
    }

  if (lost)
    {
      while (self->n_fds > n_before)
        close (self->fds[--self->n_fds]);
      if (self->n_fds == PPOOL_WIRE_MAX_FDS)
        return FALSE;
      self->fds[self->n_fds++] = LOST_FDS;
    }

  return TRUE;
}

/* The rest of a message that has begun, and what comes behind it. */
static guint
plan_reading (PPoolWire    *self,
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
                                .iov_len = PPOOL_WIRE_INPUT_SIZE - self->end };

  *asked = parts[0].iov_len + (n > 1 ? parts[1].iov_len : 0);
  return n;
}

static void
note_received (PPoolWire *self,
               gsize      size)
{
  gsize of_partial = 0;

  if (self->partial.data != NULL)
    of_partial = MIN (size, self->partial.size - self->partial_size);

  self->partial_size += of_partial;
  self->end += size - of_partial;
}

/* Returns: FALSE at the end, or with @error set if there is something else. */
gboolean
ppool_wire_receive (PPoolWire  *self,
                    gboolean    wait,
                    gboolean   *more,
                    GError    **error)
{
  union
  {
    char bytes[CMSG_SPACE (PPOOL_WIRE_MAX_FDS * sizeof (int))];
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
  if (n < 0 && says_closed (errno))
    end_without_channel ();
  if (n < 0)
    return errno == EAGAIN;
  if (!keep_fds (self, &header))
    return set_broken (error, "more descriptors came than belong to messages");

  note_received (self, (gsize) n);
  return n > 0;
}

/* Reads once, without waiting; @more says that there may be more. Every message
 * is to be taken out before. Returns: FALSE at the end, or with @error set if
 * there is something else. */
gboolean
ppool_wire_read (PPoolWire  *self,
                 gboolean   *more,
                 GError    **error)
{
  return ppool_wire_receive (self, FALSE, more, error);
}

/* What is not all there moves to where it has room. */
static gboolean
begin_partial (PPoolWire  *self,
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
move_to_front (PPoolWire *self)
{
  memmove (self->input, self->input + self->start, self->end - self->start);
  self->end -= self->start;
  self->start = 0;
}

/* Takes out the next message, which is the caller's then. Returns: FALSE if
 * there is none, or with @error set if there is something else. */
gboolean
ppool_wire_next (PPoolWire         *self,
                 PPoolWireMessage  *message,
                 GError           **error)
{
  gsize size;

  message->data = NULL;
  if (self->partial.data != NULL)
    {
      if (self->partial_size == self->partial.size)
        {
          *message = self->partial;
          self->partial.data = NULL;
        }
      return message->data != NULL;
    }

  if (self->end - self->start < PPOOL_WIRE_PREFIX_SIZE)
    {
      move_to_front (self);
      return FALSE;
    }

  if (!ppool_wire_measure (self->input + self->start, &size, error))
    return FALSE;

  if (self->end - self->start < size)
    {
      begin_partial (self, size, error);
      return FALSE;
    }

  message->size = size;
  message->data = g_memdup2 (self->input + self->start, size);
  self->start += size;

  return TRUE;
}

/* Takes those that belong to the message which was taken out last. They are -1 if they
 * got lost, since this process has as many as it may have. */
gboolean
ppool_wire_take_fds (PPoolWire  *self,
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

/* Writing */

guint32
ppool_wire_next_serial (PPoolWire *self)
{
  if (++self->last_serial == 0)
    self->last_serial = 1;

  return self->last_serial;
}

/* Descriptors go with the first byte. */
static ssize_t
send_some (PPoolWire    *self,
           const guint8 *data,
           gsize         size,
           int           fd)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct iovec part = { .iov_base = (void *) data, .iov_len = size };
  struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
  struct cmsghdr *rights;

  if (fd < 0)
    return send (self->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  rights = CMSG_FIRSTHDR (&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN (sizeof fd);
  memcpy (CMSG_DATA (rights), &fd, sizeof fd);

  return sendmsg (self->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* There is room once the other side has read; for one more descriptor on its way, there
 * is nothing that tells so. */
static void
wait_to_write (PPoolWire *self)
{
  struct pollfd room = { .fd = self->fd, .events = POLLOUT };
  const int pause_msec = 1;

  if (errno == EAGAIN)
    poll (&room, 1, -1);
  else if (errno == ETOOMANYREFS)
    poll (NULL, 0, pause_msec);
  else if (says_closed (errno))
    end_without_channel ();
  else if (errno != EINTR)
    self->broken = TRUE;
}

/* Waits until everything is written, or nobody reads any more, of which the
 * reading thread hears. */
void
ppool_wire_write (PPoolWire    *self,
                  const guint8 *data,
                  gsize         size)
{
  ppool_wire_write_with_fd (self, data, size, -1);
}

/* The same, with a descriptor, which stays the caller's, or -1. */
void
ppool_wire_write_with_fd (PPoolWire    *self,
                          const guint8 *data,
                          gsize         size,
                          int           fd)
{
  gsize done = 0;

  while (done < size && !self->broken)
    {
      ssize_t n = send_some (self, data + done, size - done, done == 0 ? fd : -1);

      if (n >= 0)
        done += (gsize) n;
      else
        wait_to_write (self);
    }
}
