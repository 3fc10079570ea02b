/* drop-test.c: the last references, dropped on every kind of thread
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"
#include "io-thread.h"

#define N_CALLS 20

/* What there is to drop, and where its calls have left their mark. */
typedef struct
{
  PPoolExecutor *executor;       /* (owned) (nullable) */
  PPoolFuture *futures[N_CALLS]; /* (owned) (nullable) */
  char *log;                     /* (owned) */
  gboolean dropped;              /* (atomic) */
} Load;

static void
drop (gpointer data,
      gpointer user_data)
{
  Load *load = data;

  /* Some before the executor, some after it. */
  for (guint i = 0; i < N_CALLS / 2; i++)
    g_clear_object (&load->futures[i]);
  g_clear_object (&load->executor);
  for (guint i = N_CALLS / 2; i < N_CALLS; i++)
    g_clear_object (&load->futures[i]);
  g_atomic_int_set (&load->dropped, TRUE);
}

static gboolean
is_dropped (gpointer user_data)
{
  Load *load = user_data;

  return g_atomic_int_get (&load->dropped);
}

static gboolean
is_done (gpointer user_data)
{
  Load *load = user_data;
  g_autofree char *log = NULL;
  guint n = 0;

  if (!g_file_get_contents (load->log, &log, NULL, NULL))
    return FALSE;

  for (const char *p = log; *p != '\0'; p++)
    n += *p == '\n';

  return n == N_CALLS;
}

/* Drops in @place while calls run and wait; they run all the same. */
static void
check_drop (Harness *harness,
            void     (*place) (Load *load))
{
  Load load = { .log = harness_path (harness, "log") };
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) first = NULL;
  Visitor visitor;

  load.executor = harness_executor (2);
  first = harness_submit_gate (load.executor, gate);
  visitor = gate_wait (gate);
  for (guint i = 0; i < N_CALLS; i++)
    load.futures[i] =
        harness_submit (load.executor, "append", g_variant_new ("(ss)", load.log, "ran"));

  g_clear_object (&first);
  place (&load);
  harness_iterate_until (is_dropped, &load);
  g_assert_null (load.executor);
  gate_open (visitor, "");
  harness_iterate_until (is_done, &load);
  g_free (load.log);
}

static void
drop_here (Load *load)
{
  drop (load, NULL);
}

static void
test_here (Harness *harness)
{
  check_drop (harness, drop_here);
}

static gpointer
drop_thread (gpointer user_data)
{
  drop (user_data, NULL);

  return NULL;
}

static void
drop_in_thread (Load *load)
{
  g_thread_join (g_thread_new ("dropper", drop_thread, load));
}

static void
test_thread (Harness *harness)
{
  check_drop (harness, drop_in_thread);
}

static void
task_thread_func (GTask        *task,
                  gpointer      source_object,
                  gpointer      task_data,
                  GCancellable *cancellable)
{
  drop (task_data, NULL);
}

static void
drop_in_task (Load *load)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

  g_task_set_task_data (task, load, NULL);
  g_task_run_in_thread_sync (task, task_thread_func);
}

static void
test_task (Harness *harness)
{
  check_drop (harness, drop_in_task);
}

static void
drop_in_io_thread (Load *load)
{
  IoThread io_thread;

  io_thread_init (&io_thread);
  io_thread_run (&io_thread, drop, load);
  io_thread_clear (&io_thread);
}

static void
test_io_thread (Harness *harness)
{
  check_drop (harness, drop_in_io_thread);
}

static void
drop_cb (PPoolFuture *future,
         gpointer     user_data)
{
  drop (user_data, NULL);
}

/* The callback of a call that the library still works with. */
static void
drop_in_callback (Load *load)
{
  PPoolFuture *future = load->futures[0];

  ppool_future_add_done_callback (future, drop_cb, load, NULL);
}

static void
test_callback (Harness *harness)
{
  check_drop (harness, drop_in_callback);
}

static gpointer
iterate_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Load *load = user_data;

  g_main_context_push_thread_default (context);
  drop_in_callback (load);
  harness_iterate_until (is_dropped, load);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
drop_in_callback_in_thread (Load *load)
{
  g_thread_join (g_thread_new ("iterator", iterate_thread, load));
}

static void
test_callback_in_thread (Harness *harness)
{
  check_drop (harness, drop_in_callback_in_thread);
}

static void
drop_destroyed (gpointer user_data)
{
  drop (user_data, NULL);
}

static void
ignore_cb (PPoolFuture *future,
           gpointer     user_data)
{
}

/* The data of a callback holds everything. */
static void
drop_in_destroy_notify (Load *load)
{
  ppool_future_add_done_callback (load->futures[3], ignore_cb, load, drop_destroyed);
}

static void
test_destroy_notify (Harness *harness)
{
  check_drop (harness, drop_in_destroy_notify);
}

static gpointer
use_and_drop_thread (gpointer user_data)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (2);
      g_autoptr (PPoolFuture) future G_GNUC_UNUSED = harness_submit (executor, "echo", NULL);

      if (i % 2 == 0)
        harness_assert_works (executor);
    }

  return NULL;
}

/* Many that live for a short time, ended by their last unref alone. */
static void
test_many (Harness *harness)
{
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("user", use_and_drop_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A19 */
  harness_add ("/drop/here", test_here);
  harness_add ("/drop/thread", test_thread);
  harness_add ("/drop/task", test_task);
  harness_add ("/drop/io-thread", test_io_thread);
  harness_add ("/drop/callback", test_callback);
  harness_add ("/drop/callback-in-thread", test_callback_in_thread);
  harness_add ("/drop/destroy-notify", test_destroy_notify);
  harness_add ("/drop/many", test_many);

  return g_test_run ();
}
