/* threads-test.c: one executor, used from many threads and without a main loop
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include "fewer.h"

#include <stdio.h>
#include <string.h>

#define N_THREADS 8
#define N_CALLS 1250

typedef struct
{
  PPoolExecutor *executor;
  const char *log;
  guint number;
  guint n_accepted;
} Submitter;

static gpointer
add_thread (gpointer user_data)
{
  Submitter *self = user_data;
  const guint n_calls = fewer (N_CALLS);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (gint64 i = 0; i < n_calls; i++)
    g_ptr_array_add (futures, harness_submit (self->executor, "add",
                                              harness_pair (i, self->number * 1000000)));
  for (gint64 i = 0; i < n_calls; i++)
    {
      g_autoptr (GVariant) value = harness_result (futures->pdata[i]);

      g_assert_cmpint (g_variant_get_int64 (value), ==, i + self->number * 1000000);
    }

  return NULL;
}

static void
run_threads (Submitter   *submitters,
             guint        n,
             GThreadFunc  func)
{
  GThread *threads[N_THREADS];

  g_assert_cmpuint (n, <=, N_THREADS);
  for (guint i = 0; i < n; i++)
    threads[i] = g_thread_new ("submitter", func, &submitters[i]);
  for (guint i = 0; i < n; i++)
    g_thread_join (threads[i]);
}

/* 10,000 calls from 8 threads. */
static void
test_ten_thousand (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  Submitter submitters[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    submitters[i] = (Submitter){ .executor = executor, .number = i };
  run_threads (submitters, N_THREADS, add_thread);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 2);
  harness_shut_down (executor);
}

static gpointer
append_thread (gpointer user_data)
{
  Submitter *self = user_data;

  for (guint i = 0; i < 250; i++)
    {
      g_autofree char *line = g_strdup_printf ("%u %u", self->number, i);
      g_autoptr (GError) error = NULL;
      g_autoptr (PPoolFuture) future =
          ppool_executor_submit (self->executor, "append",
                                   g_variant_new ("(ss)", self->log, line), NULL, &error);

      if (future == NULL)
        {
          g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
          break;
        }
      harness_track (future);
      self->n_accepted++;
    }

  return NULL;
}

/* A21: reads what was run; one worker runs the calls of a thread in order. */
static void
check_log (const char      *path,
           const Submitter *submitters,
           guint            n,
           gboolean         in_order)
{
  g_autofree char *log = NULL;
  g_auto (GStrv) lines = NULL;
  guint counts[N_THREADS] = { 0 };

  if (!g_file_get_contents (path, &log, NULL, NULL))
    log = g_strdup ("");
  lines = g_strsplit (log, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++)
    {
      guint number, i;

      g_assert_cmpint (sscanf (*line, "%u %u", &number, &i), ==, 2);
      g_assert_cmpuint (number, <, n);
      if (in_order)
        g_assert_cmpuint (i, ==, counts[number]);
      counts[number]++;
    }
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (counts[i], ==, submitters[i].n_accepted);
}

static void
check_four_submitters (Harness *harness,
                       guint    n_workers)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = harness_executor (n_workers);
  Submitter submitters[4];

  for (guint i = 0; i < G_N_ELEMENTS (submitters); i++)
    submitters[i] = (Submitter){ .executor = executor, .log = path, .number = i };
  run_threads (submitters, G_N_ELEMENTS (submitters), append_thread);
  harness_shut_down (executor);
  for (guint i = 0; i < G_N_ELEMENTS (submitters); i++)
    g_assert_cmpuint (submitters[i].n_accepted, ==, 250);
  check_log (path, submitters, G_N_ELEMENTS (submitters), n_workers == 1);
}

static void
test_order (Harness *harness)
{
  check_four_submitters (harness, 1);
}

static void
test_nothing_lost (Harness *harness)
{
  check_four_submitters (harness, 3);
}

/* The request to leave must not overtake a call: what was accepted is run. */
static void
test_shutdown_amid (Harness *harness)
{
  const guint n_rounds = fewer_will_do () ? 3 : 10;

  for (guint round = 0; round < n_rounds; round++)
    {
      g_autofree char *name = g_strdup_printf ("log-%u", round);
      g_autofree char *path = harness_path (harness, name);
      g_autoptr (PPoolExecutor) executor = harness_executor (1 + round % 3);
      Submitter submitters[4];
      GThread *threads[4];

      for (guint i = 0; i < G_N_ELEMENTS (submitters); i++)
        {
          submitters[i] = (Submitter){ .executor = executor, .log = path, .number = i };
          threads[i] = g_thread_new ("submitter", append_thread, &submitters[i]);
        }
      while (!g_file_test (path, G_FILE_TEST_EXISTS))
        g_thread_yield ();
      harness_shut_down (executor);
      for (guint i = 0; i < G_N_ELEMENTS (submitters); i++)
        g_thread_join (threads[i]);
      check_log (path, submitters, G_N_ELEMENTS (submitters), round % 3 == 0);
    }
}

static gpointer
sync_thread (gpointer user_data)
{
  Submitter *self = user_data;

  for (gint64 i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = ppool_executor_call_sync (
          self->executor, "add", harness_pair (i, self->number * 1000), NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int64 (value), ==, i + self->number * 1000);
    }

  return NULL;
}

static void
test_call_sync (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  Submitter submitters[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    submitters[i] = (Submitter){ .executor = executor, .number = i };
  run_threads (submitters, N_THREADS, sync_thread);
}

static gpointer
cancel_thread (gpointer user_data)
{
  GPtrArray *futures = user_data;

  /* Against the direction in which they are run. */
  for (guint i = futures->len; i > 0; i--)
    ppool_future_cancel (futures->pdata[i - 1]);

  return NULL;
}

/* All have the same word on what became of a call, whoever asked for what. */
static void
test_cancel_amid (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  GThread *threads[3];
  Submitter finished = { .number = 0 };

  harness_assert_works (executor);
  for (guint i = 0; i < 300; i++)
    g_ptr_array_add (futures, harness_submit (executor, "append",
                                              g_variant_new ("(ss)", path, "0 0")));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("canceller", cancel_thread, futures);
  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value =
          ppool_future_result (futures->pdata[i], PATIENCE_SECONDS * 1000, &error);

      g_assert_true ((value == NULL) == ppool_future_is_cancelled (futures->pdata[i]));
      finished.n_accepted += value != NULL;
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_test_message ("%u of %u ran", finished.n_accepted, futures->len);
  check_log (path, &finished, 1, FALSE);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A21 */
  harness_add ("/threads/ten-thousand", test_ten_thousand);
  harness_add ("/threads/order", test_order);
  harness_add ("/threads/nothing-lost", test_nothing_lost);
  harness_add ("/threads/shutdown-amid", test_shutdown_amid);
  harness_add ("/threads/call-sync", test_call_sync);
  harness_add ("/threads/cancel-amid", test_cancel_amid);

  return g_test_run ();
}
