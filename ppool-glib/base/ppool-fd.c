/* ppool-fd.c: numbers of file descriptors
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The kernel gives out the lowest number that is free. In a program that has closed
 * its standard descriptors, as daemons do, that is one of theirs, and whatever writes
 * a message to standard error then writes it there. So nothing that the library opens
 * keeps such a number. */

#define FIRST_FD (STDERR_FILENO + 1)

/* Takes @fd, which is not inherited, and gives it a number above those of the
 * standard descriptors. Takes -1 as well, so that it can be put around what opens.
 * Returns: -1 with errno set on failure */
int
ppool_fd_lift (int fd)
{
  int lifted, code;

  if (fd < 0 || fd >= FIRST_FD)
    return fd;

  lifted = ppool_fd_dup (fd);
  code = errno;
  close (fd);
  errno = code;

  return lifted;
}

/* The same with both ends of something. Returns: FALSE with errno set on failure, when
 * neither is left open */
gboolean
ppool_fd_lift_pair (int fds[2])
{
  int code = 0;

  for (guint i = 0; i < 2; i++)
    {
      fds[i] = ppool_fd_lift (fds[i]);
      if (fds[i] < 0)
        code = errno;
    }

  if (code == 0)
    return TRUE;

  for (guint i = 0; i < 2; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  errno = code;

  return FALSE;
}

/* Returns: a duplicate that is not inherited, or -1 with errno set */
int
ppool_fd_dup (int fd)
{
  return fcntl (fd, F_DUPFD_CLOEXEC, FIRST_FD);
}

/* Has no number of a standard descriptor free until ppool_fd_release_standard(), for
 * those who open what can't be lifted. Returns: FALSE with errno set on failure */
gboolean
ppool_fd_occupy_standard (PPoolFdStandard *self)
{
  int fd = -1;

  self->n_fds = 0;
  while (fd < FIRST_FD)
    {
      fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
      if (fd < 0)
        {
          ppool_fd_release_standard (self);
          return FALSE;
        }
      if (fd < FIRST_FD)
        self->fds[self->n_fds++] = fd;
    }
  close (fd);

  return TRUE;
}

void
ppool_fd_release_standard (PPoolFdStandard *self)
{
  int code = errno;

  while (self->n_fds > 0)
    close (self->fds[--self->n_fds]);
  errno = code;
}
