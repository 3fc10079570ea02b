/* ppool-spawned.c: whether a pool started this process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-spawned-private.h"

#include "ppool-error.h"
#include "ppool-fork-private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The environment is read when the library is loaded: from then on nothing that
 * this process starts inherits the channel, and a descriptor of the same number is
 * not the same socket. The variables themselves are removed when the worker takes
 * the channel, not while a program that loads the library later, and may have
 * threads by then, reads its environment.
 *
 * A copy that a worker forks has all of this in its memory and is no worker,
 * which the process number tells. */
static struct
{
  pid_t pid;   /* 0 where no pool started this process; written once, by look_up() */
  int fd;      /* the channel, -1 once taken; atomic */
  int trusts;  /* whether the channel may be served; likewise */
  int serving; /* atomic */
} spawned = { 0, -1, FALSE, FALSE };

static gboolean
is_socket (int     fd,
           guint64 inode)
{
  struct stat st;

  return fstat (fd, &st) == 0 && S_ISSOCK (st.st_mode) && st.st_ino == inode;
}

/* A process with more privileges than who started it, which is anybody, must not
 * run calls for them. That the other end has the same IDs by which it has more shows
 * that it is no other; of file capabilities nothing shows that. */
static gboolean
is_trusted (int fd)
{
  struct ucred peer = { 0, };
  socklen_t length = sizeof peer;

  if (getauxval (AT_SECURE) == 0)
    return TRUE;

  return (geteuid () != getuid () || getegid () != getgid ()) &&
         getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         peer.uid == geteuid () && peer.gid == getegid ();
}

static void
look_up (void)
{
  const char *fd_text = getenv (PPOOL_ENV_WORKER_FD);
  const char *inode_text = getenv (PPOOL_ENV_WORKER_SOCKET);
  guint64 fd, inode;

  /* The number of a descriptor alone proves nothing: a program between the
   * pool and this one may have closed it and opened something else. */
  if (fd_text != NULL && inode_text != NULL &&
      g_ascii_string_to_unsigned (fd_text, 10, 0, G_MAXINT, &fd, NULL) &&
      g_ascii_string_to_unsigned (inode_text, 10, 0, G_MAXUINT64, &inode, NULL) &&
      is_socket ((int) fd, inode) &&
      fcntl ((int) fd, F_SETFD, FD_CLOEXEC) == 0)
    {
      spawned.fd = (int) fd;
      spawned.trusts = is_trusted ((int) fd);
      spawned.pid = ppool_fork_get_pid ();
    }
}

/* Whether a pool started this very process to be its worker.
 *
 * May be called from any thread. */
gboolean
ppool_spawned_by_pool (void)
{
  static gsize looked_up = 0;

  if (g_once_init_enter (&looked_up))
    {
      look_up ();
      g_once_init_leave (&looked_up, 1);
    }

  return spawned.pid != 0 && spawned.pid == ppool_fork_get_pid ();
}

__attribute__ ((constructor)) static void
look_up_at_load (void)
{
  ppool_spawned_by_pool ();
}

/* Fails if what started this process is not to be served.
 *
 * May be called from any thread. */
gboolean
ppool_spawned_check_trust (GError **error)
{
  if (!ppool_spawned_by_pool () || spawned.trusts)
    return TRUE;

  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                       "This program has more privileges than the process that started it, and "
                       "runs no calls for it: the workers of a set-user-ID or set-group-ID "
                       "program must be started with the same effective IDs, and a program with "
                       "file capabilities can't be a worker");
  return FALSE;
}

/* Hands the channel's descriptor over to the caller, once: later callers, and
 * processes that no pool started, get -1. The variables that told of it go from the
 * environment.
 *
 * May be called from any thread, while no other uses the environment. */
int
ppool_spawned_take_fd (void)
{
  int fd;

  if (!ppool_spawned_by_pool () || !spawned.trusts)
    return -1;

  fd = g_atomic_int_exchange (&spawned.fd, -1);
  if (fd >= 0)
    {
      unsetenv (PPOOL_ENV_WORKER_FD);
      unsetenv (PPOOL_ENV_WORKER_SOCKET);
    }

  return fd;
}

/* Says that a worker serves in this process, or no longer does.
 *
 * May be called from any thread. */
void
ppool_spawned_set_serving (gboolean serving)
{
  g_atomic_int_set (&spawned.serving, serving);
}

/* The pool would wait for a worker in vain. */
static void
refuse (void)
{
  int fd = ppool_spawned_take_fd ();

  if (fd < 0)
    return;

  (void) !send (fd, PPOOL_SPAWNED_REFUSAL, strlen (PPOOL_SPAWNED_REFUSAL),
                MSG_DONTWAIT | MSG_NOSIGNAL);
  close (fd);
}

/* Fails in a process that a pool started and in which no worker serves: it
 * would start its own workers from a program that makes the same mistake, and
 * these theirs. The pool is told so at once.
 *
 * May be called from any thread. */
gboolean
ppool_spawned_check (GError **error)
{
  if (!ppool_spawned_by_pool () || g_atomic_int_get (&spawned.serving))
    return TRUE;

  refuse ();
  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                       "This process was started as a worker: where PPool.Worker.is_spawned() (in "
                       "C, ppool_worker_is_spawned()) is true, run the worker first, and leave "
                       "when it returns, before an executor is used");
  return FALSE;
}
