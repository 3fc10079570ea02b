/* ppool-fork.c: which process this is, at the price of a load
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-fork-private.h"

#include <sys/mman.h>
#include <unistd.h>

/* Every function of an executor and of a future has to know whether it runs in a
 * forked copy of their process, and getpid() is a system call. The number is
 * kept on a page that the kernel empties in a forked copy, however that was
 * made. Where it can't, it is asked for each time. */
static int *
get_kept (void)
{
  static int *kept = NULL;
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      int *page = mmap (NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);

      if (page != MAP_FAILED && madvise (page, sizeof *page, MADV_WIPEONFORK) == 0)
        kept = page;
      else if (page != MAP_FAILED)
        munmap (page, sizeof *page);
      g_once_init_leave (&once, 1);
    }

  return kept;
}

/* May be called from any thread. */
pid_t
ppool_fork_get_pid (void)
{
  int *kept = get_kept ();
  int pid;

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

/* GLib's threads do not survive a fork, and it doesn't start them again: workers can
 * be started only in the process that was the first to start any. Returns that one.
 * May be called from any thread. */
pid_t
ppool_fork_claim_threads (void)
{
  static int owner = 0;
  int nobody = 0;

  __atomic_compare_exchange_n (&owner, &nobody, ppool_fork_get_pid (), FALSE, __ATOMIC_RELAXED,
                               __ATOMIC_RELAXED);

  return owner;
}
