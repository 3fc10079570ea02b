/* capture.c: this process's standard error, read by a test
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "capture.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MSEC 50000

void
capture_init (Capture *self)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  self->real_fd = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  self->read_fd = fds[0];
  g_assert_cmpint (dup2 (fds[1], STDERR_FILENO), ==, STDERR_FILENO);
  close (fds[1]);
}

/* Reads until @end has come. */
char *
capture_read (Capture    *self,
              const char *end)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char bytes[4096];

  while (strstr (text->str, end) == NULL)
    {
      struct pollfd poll_fd = { .fd = self->read_fd, .events = POLLIN };
      ssize_t n;

      g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_MSEC), ==, 1);
      n = read (self->read_fd, bytes, sizeof bytes);
      g_assert_cmpint (n, >, 0);
      g_string_append_len (text, bytes, n);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Returns: what was left to read. */
char *
capture_clear (Capture *self)
{
  char bytes[4096];
  ssize_t n;

  dup2 (self->real_fd, STDERR_FILENO);
  close (self->real_fd);
  g_unix_set_fd_nonblocking (self->read_fd, TRUE, NULL);
  n = read (self->read_fd, bytes, sizeof bytes);
  close (self->read_fd);

  return g_strndup (bytes, MAX (n, 0));
}
