/* ppool-spare.c: whether there is more of what GLib can't do without
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-spare-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "ppool-error.h"

/* GLib ends the program if a main context finds no descriptor, and if a thread of its
 * own can't be created. So both are had here for a moment before GLib needs them, and
 * what fails then is a call or an executor. Somebody else may take them in between,
 * which leaves a moment; there is no way to ask GLib itself. */

/* As many as GLib and the library ever need at once. */
#define MAX_SPARE 16

/* To be called before GLib takes up to @n descriptors. Returns 0, or the code of errno
 * if there are not so many. */
int
ppool_spare_check_descriptors (guint n)
{
  int fds[MAX_SPARE];
  guint n_open = 0;
  int code = 0;

  g_assert (n <= MAX_SPARE);

  while (n_open < n && code == 0)
    {
      fds[n_open] = open ("/dev/null", O_RDWR | O_CLOEXEC);
      if (fds[n_open] >= 0)
        n_open++;
      else
        code = errno;
    }

  while (n_open > 0)
    close (fds[--n_open]);

  return code;
}

typedef struct
{
  GMutex lock; /* guards what follows */
  GCond released;
  gboolean is_released;
} Barrier;

static gpointer
wait_thread (gpointer data)
{
  Barrier *barrier = data;

  g_mutex_lock (&barrier->lock);
  while (!barrier->is_released)
    g_cond_wait (&barrier->released, &barrier->lock);
  g_mutex_unlock (&barrier->lock);

  return NULL;
}

/* To be called before GLib creates up to @n threads. One that has been joined may count
 * for a moment, so more than are needed should be asked for. */
gboolean
ppool_spare_check_threads (guint    n,
                           GError **error)
{
  Barrier barrier = { 0 };
  GThread *threads[MAX_SPARE];
  guint n_threads = 0;

  g_assert (n <= MAX_SPARE);

  while (n_threads < n)
    {
      threads[n_threads] = ppool_spare_new_thread ("ppool-spare", wait_thread, &barrier, error);
      if (threads[n_threads] == NULL)
        break;
      n_threads++;
    }

  g_mutex_lock (&barrier.lock);
  barrier.is_released = TRUE;
  g_cond_broadcast (&barrier.released);
  g_mutex_unlock (&barrier.lock);

  for (guint i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
  g_cond_clear (&barrier.released);
  g_mutex_clear (&barrier.lock);

  return n_threads == n;
}

/* As g_thread_try_new(), with an error for users. The thread blocks all signals from its
 * first instruction: they are the program's, and a handler of its that ran there would
 * find itself where nobody expects it. */
GThread *
ppool_spare_new_thread (const char   *name,
                        GThreadFunc   func,
                        gpointer      data,
                        GError      **error)
{
  sigset_t all, before;
  GThread *thread;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new (name, func, data, NULL);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  if (thread == NULL)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                 "no thread can be created (%s); this process, its user or its control group has "
                 "as many threads and processes as it may have",
                 g_strerror (EAGAIN));

  return thread;
}
