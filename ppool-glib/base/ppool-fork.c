/* ppool-fork.c: which process this is, at the price of a load
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-fork-private.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ppool-error.h"

/* The kernel's flag of a process that has not executed a program since it was forked. */
#define PF_FORKNOEXEC 0x40

/* Every function of an executor and of a future has to know whether it runs in a
 * forked copy of their process, and getpid() is a system call. The number is
 * kept on a page that the kernel empties in a forked copy, however that was
 * made. Where it can't, it is asked for each time. */
static int *kept = NULL;

static void
make_kept (void)
{
  int *page = mmap (NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);

  if (page != MAP_FAILED && madvise (page, sizeof *page, MADV_WIPEONFORK) == 0)
    kept = page;
  else if (page != MAP_FAILED)
    munmap (page, sizeof *page);
}

/* May be called from any thread. */
pid_t
ppool_fork_get_pid (void)
{
  static gsize once = 0;
  int pid;

  if (g_once_init_enter (&once))
    {
      make_kept ();
      g_once_init_leave (&once, 1);
    }

  if (kept == NULL)
    return getpid ();

  pid = __atomic_load_n (kept, __ATOMIC_RELAXED);
  if (G_UNLIKELY (pid == 0))
    {
      pid = getpid ();
      __atomic_store_n (kept, pid, __ATOMIC_RELAXED);
    }

  return pid;
}

/* Fails in a forked copy of process @owner, to which something @belongs. Nothing of that may be
 * touched there: a thread that is no more may have been in the middle of it, with its locks. */
gboolean
ppool_fork_check (pid_t        owner,
                  const char  *belongs,
                  GError     **error)
{
  if (ppool_fork_get_pid () == owner)
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN,
               "%s to process %ld; this one is a forked copy of it", belongs, (long) owner);
  return FALSE;
}

/* Whether this process is a copy that fork() made and that has executed no program
 * since, which the kernel notes; FALSE where it doesn't tell. */
gboolean
ppool_fork_is_copy (void)
{
  g_autofree char *stat = NULL;
  const char *end;
  unsigned flags = 0;

  /* “PID (NAME) STATE PARENT GROUP SESSION TERMINAL TERMINAL_GROUP FLAGS” */
  if (g_file_get_contents ("/proc/self/stat", &stat, NULL, NULL) &&
      (end = strrchr (stat, ')')) != NULL)
    sscanf (end, ") %*c %*d %*d %*d %*d %*d %u", &flags);

  return (flags & PF_FORKNOEXEC) != 0;
}

static int threads_owner = 0;

/* GLib's threads do not survive a fork, and it doesn't start them again. To be called
 * where they are known to be there: workers can be started only in this process then,
 * and in none of its copies. */
void
ppool_fork_set_threads_owner (void)
{
  g_atomic_int_set (&threads_owner, ppool_fork_get_pid ());
}

/* Returns the process that has them, or 0 if that is not known. */
pid_t
ppool_fork_get_threads_owner (void)
{
  return g_atomic_int_get (&threads_owner);
}

/* Takes a lock that whatever the process does may need, such as releasing a value.
 *
 * A thread that fork() didn't copy may have held it, in the middle of a change. So in a
 * copy, whoever comes first makes the lock anew, and @forget what it guards, without
 * looking at that: it stays where it is. What is guarded for a single object needs no
 * such lock: that object belongs to one process, and is left alone in others. */
void
ppool_fork_lock (PPoolForkLock   *self,
                 PPoolForgetFunc  forget)
{
  int pid = ppool_fork_get_pid ();
  int owner;

  while ((owner = g_atomic_int_get (&self->owner)) != pid)
    {
      if (owner == -pid)
        {
          g_thread_yield ();
        }
      else if (g_atomic_int_compare_and_exchange (&self->owner, owner, -pid))
        {
          if (owner != 0)
            {
              g_mutex_init (&self->mutex);
              forget ();
            }
          g_atomic_int_set (&self->owner, pid);
        }
    }

  g_mutex_lock (&self->mutex);
}

void
ppool_fork_unlock (PPoolForkLock *self)
{
  g_mutex_unlock (&self->mutex);
}
