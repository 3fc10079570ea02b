/* sending.c: a sendmsg() that does less than it could
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "sending.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_PARTS 8

/* All atomic. */
static int most = 0;
static int code = 0;
static int n_failures = 0;
static int often = 0;
static int n_calls = 0;

void
sending_set_most (gsize bytes)
{
  g_atomic_int_set (&most, (int) bytes);
}

void
sending_fail (int   with,
              guint times)
{
  g_atomic_int_set (&code, with);
  g_atomic_int_set (&n_failures, (int) times);
}

void
sending_fail_often (int with)
{
  g_atomic_int_set (&often, with);
}

/* Instead of the one of the C library. */
ssize_t
sendmsg (int                  fd,
         const struct msghdr *header,
         int                  flags)
{
  struct msghdr less = *header;
  struct iovec parts[MAX_PARTS];
  gsize left = (gsize) g_atomic_int_get (&most);
  guint n = 0;

  if (g_atomic_int_get (&n_failures) > 0)
    {
      g_atomic_int_add (&n_failures, -1);
      errno = g_atomic_int_get (&code);
      return -1;
    }
  if (g_atomic_int_get (&often) != 0 && g_atomic_int_add (&n_calls, 1) % 2 == 0)
    {
      errno = g_atomic_int_get (&often);
      return -1;
    }

  if (left > 0)
    {
      for (gsize i = 0; i < header->msg_iovlen && left > 0 && n < MAX_PARTS; i++)
        {
          parts[n] = header->msg_iov[i];
          parts[n].iov_len = MIN (parts[n].iov_len, left);
          left -= parts[n++].iov_len;
        }
      less.msg_iov = parts;
      less.msg_iovlen = n;
    }

  return syscall (SYS_sendmsg, fd, &less, flags);
}
