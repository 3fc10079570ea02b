/* quiet.c: waits until other threads have nothing to do
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#define _GNU_SOURCE

#include "quiet.h"

#include "gate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

gboolean
is_task_asleep (const char *task)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/stat", task);
  g_autofree char *stat = NULL;

  /* One that has ended holds nothing. */
  return !g_file_get_contents (path, &stat, NULL, NULL) || strstr (stat, ") S ") != NULL;
}

/* How often it was given a processor. */
static guint64
count_runs (const char *task)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/schedstat", task);
  g_autofree char *stat = NULL;
  guint64 n_runs = 0;

  if (g_file_get_contents (path, &stat, NULL, NULL))
    g_assert_cmpint (sscanf (stat, "%*u %*u %" G_GUINT64_FORMAT, &n_runs), ==, 1);

  return n_runs;
}

/* Whether all threads but this one sleep; @n_runs is how often they have run. */
static gboolean
are_others_asleep (guint64 *n_runs)
{
  g_autofree char *own = g_strdup_printf ("%d", gettid ());
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;

  *n_runs = 0;
  while ((task = g_dir_read_name (dir)) != NULL)
    {
      if (g_str_equal (task, own))
        continue;
      if (!is_task_asleep (task))
        return FALSE;
      *n_runs += count_runs (task);
    }

  return TRUE;
}

/* A thread that runs may have a lock of GLib's, which then nobody in the copy can
 * take any more. When all sleep, they wait for something from outside, or for what
 * this thread has. They are looked at one after the other, so it is the second look
 * that tells that none has run since the first. */
void
wait_for_quiet (void)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_SECONDS * G_USEC_PER_SEC;
  guint64 before, after;

  while (!are_others_asleep (&before) || !are_others_asleep (&after) || before != after)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_thread_yield ();
    }
}
