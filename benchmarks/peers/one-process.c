/* one-process.c: the same work with no other process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "bench.h"
#include "iterations.h"
#include "peers.h"

void
peer_memcpy (void)
{
  gsize size = (gsize) bench_get ("size", 16 << 20);
  double limit = bench_get_double ("seconds", 0.5) * 1e6;
  g_autofree char *one = g_malloc (size);
  g_autofree char *two = g_malloc (size);
  double start;
  double n = 0;

  memset (one, 1, size);
  memset (two, 2, size);
  start = bench_now ();
  while (n < 4 || bench_now () - start < limit)
    {
      memcpy (two, one, size);
      memcpy (one, two, size);
      n += 2;
    }

  bench_put ("gbytes", (double) size * n / (bench_now () - start) / 1e3);
}

/* What row_in_place() has done by two processes. */
void
peer_in_place (void)
{
  gsize n_words = (gsize) bench_get ("size", 16 << 20) / sizeof (guint64);
  double limit = bench_get_double ("seconds", 0.5) * 1e6;
  g_autofree guint64 *one = g_new0 (guint64, n_words);
  g_autofree guint64 *two = g_new0 (guint64, n_words);
  double start = bench_now ();
  double n = 0;

  while (n < 2 || bench_now () - start < limit)
    {
      bench_fill (one, n_words, 1);
      bench_fill (two, n_words, bench_sum (one, n_words));
      bench_sink += bench_sum (two, n_words);
      n++;
    }

  bench_put ("gbytes",
             2.0 * (double) (n_words * sizeof (guint64)) * n / (bench_now () - start) / 1e3);
}

static gpointer
work_thread (gpointer user_data)
{
  double usec = bench_get_double ("usec", 1000);
  gint64 n = bench_get ("calls", 1000) / 2;

  for (gint64 i = 0; i < n; i++)
    bench_work (usec);

  return NULL;
}

/* The ideal of row_busy(): two threads that do nothing else. */
void
peer_busy (void)
{
  double start = bench_now ();
  GThread *thread = g_thread_new ("second", work_thread, NULL);
  double seconds;

  work_thread (NULL);
  g_thread_join (thread);
  seconds = (bench_now () - start) / 1e6;

  bench_put ("seconds", seconds);
  bench_put ("share", (double) bench_get ("calls", 1000) * bench_get_double ("usec", 1000) / 2e6 /
                      seconds);
}

typedef struct
{
  GMainLoop *loop;
  gint64 n_left;
  double work;
} Countdown;

static void
task_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  Countdown *countdown = user_data;

  bench_spin (countdown->work);
  if (--countdown->n_left == 0)
    g_main_loop_quit (countdown->loop);
}

static gpointer
return_thread (gpointer user_data)
{
  GPtrArray *tasks = user_data;

  for (guint i = 0; i < tasks->len; i++)
    g_task_return_boolean (tasks->pdata[i], TRUE);

  return NULL;
}

/* A GTask a call, returned by another thread. */
void
peer_gtask (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GPtrArray) tasks = g_ptr_array_new_with_free_func (g_object_unref);
  gint64 n = bench_get ("calls", 100000);
  Countdown countdown = { loop, n, bench_get_double ("usec", 5) };
  GThread *thread;

  iterations_watch (NULL);
  for (gint64 i = 0; i < n; i++)
    g_ptr_array_add (tasks, g_task_new (NULL, NULL, task_cb, &countdown));
  thread = g_thread_new ("returner", return_thread, tasks);
  g_main_loop_run (loop);
  iterations_put (NULL);
  g_thread_join (thread);
}
