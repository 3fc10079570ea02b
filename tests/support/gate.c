/* gate.c: stops a worker at a point and lets it go on
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

struct _Gate
{
  char *path; /* (owned) */
  int fd;     /* (owned) */
};

static struct sockaddr_un
make_address (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  strcpy (address.sun_path, path);

  return address;
}

static gboolean
wait_readable (int fd,
               int timeout_msec)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  int ready;

  do
    ready = poll (&poll_fd, 1, timeout_msec);
  while (ready < 0 && errno == EINTR);

  return ready > 0;
}

Gate *
gate_new (const char *dir)
{
  static int n_gates; /* (atomic) */
  Gate *self = g_new0 (Gate, 1);
  struct sockaddr_un address;

  self->path = g_strdup_printf ("%s/gate-%d", dir, g_atomic_int_add (&n_gates, 1));
  self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (self->fd, >=, 0);

  address = make_address (self->path);
  g_assert_no_errno (bind (self->fd, (struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (listen (self->fd, 256));

  return self;
}

void
gate_free (Gate *self)
{
  close (self->fd);
  g_unlink (self->path);
  g_free (self->path);
  g_free (self);
}

const char *
gate_get_path (Gate *self)
{
  return self->path;
}

gboolean
gate_has_visitor (Gate *self)
{
  return wait_readable (self->fd, 0);
}

Visitor
gate_wait (Gate *self)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  Visitor visitor;

  if (!wait_readable (self->fd, PATIENCE_SECONDS * 1000))
    g_error ("Nobody came to the gate %s", self->path);

  visitor.fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (visitor.fd, >=, 0);
  g_assert_no_errno (getsockopt (visitor.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  visitor.pid = peer.pid;

  return visitor;
}

/* Reads up to the end: the visitor has died or closed its end of the gate. */
char *
gate_read (Visitor visitor)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;

  do
    {
      if (!wait_readable (visitor.fd, PATIENCE_SECONDS * 1000))
        g_error ("Process %d is still at the gate", visitor.pid);

      n = read (visitor.fd, buffer, sizeof buffer);
      if (n > 0)
        g_string_append_len (text, buffer, n);
    }
  while (n > 0 || (n < 0 && errno == EINTR));

  return g_string_free (g_steal_pointer (&text), FALSE);
}

void
gate_open (Visitor     visitor,
           const char *answer)
{
  if (answer != NULL)
    g_assert_cmpint (send (visitor.fd, answer, strlen (answer), MSG_NOSIGNAL), ==,
                     (ssize_t) strlen (answer));
  close (visitor.fd);
}

void
gate_expect_death (Visitor visitor)
{
  g_free (gate_read (visitor));
  close (visitor.fd);
}

int
gate_enter (const char *path)
{
  struct sockaddr_un address = make_address (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    g_error ("No gate at %s: %s", path, g_strerror (errno));

  return fd;
}

char *
gate_pass (const char *path)
{
  int fd = gate_enter (path);
  GString *answer = g_string_new (NULL);
  char buffer[256];
  ssize_t n;

  do
    {
      n = read (fd, buffer, sizeof buffer);
      if (n > 0)
        g_string_append_len (answer, buffer, n);
    }
  while (n > 0 || (n < 0 && errno == EINTR));
  close (fd);

  return g_string_free (answer, FALSE);
}
