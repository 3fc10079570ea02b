/* map-reads-test.c: who may read a map, from where, and in which order
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"
#include "mapping.h"

#include <string.h>

#define N_NUMBERS 2000
#define N_THREADS 4
#define N_READS   10

/* Reads that don't block: what they got, in the order in which they got it. */
typedef struct
{
  GMainContext *context; /* (unowned) */
  GPtrArray *outcomes;   /* (owned) (element-type utf8) */
} Reads;

static void
reads_init (Reads        *reads,
            GMainContext *context)
{
  reads->context = context;
  reads->outcomes = g_ptr_array_new_with_free_func (g_free);
}

static void
reads_clear (Reads *reads)
{
  g_ptr_array_unref (reads->outcomes);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Reads *reads = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_assert_true (g_main_context_is_owner (reads->context));
  value = ppool_map_next_value_finish (PPOOL_MAP (source), result, &error);
  if (value != NULL)
    g_ptr_array_add (reads->outcomes, g_variant_print (value, FALSE));
  else if (error != NULL)
    g_ptr_array_add (reads->outcomes, g_strdup_printf ("error %d", error->code));
  else
    g_ptr_array_add (reads->outcomes, g_strdup ("end"));
}

static void
start_reads (Reads        *reads,
             PPoolMap     *map,
             GCancellable *cancellable,
             guint         n)
{
  guint before = reads->outcomes->len;

  for (guint i = 0; i < n; i++)
    ppool_map_next_value_async (map, cancellable, read_cb, reads);
  g_assert_cmpuint (reads->outcomes->len, ==, before);
}

static void
assert_reads (Reads      *reads,
              const char *expected)
{
  g_auto (GStrv) outcomes = g_strsplit (expected, ", ", -1);
  guint n = g_strv_length (outcomes);
  gint64 end = g_get_monotonic_time () + PATIENCE_SECONDS * G_USEC_PER_SEC;

  while (reads->outcomes->len < n && g_get_monotonic_time () < end)
    g_main_context_iteration (reads->context, TRUE);
  g_assert_cmpuint (reads->outcomes->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpstr (g_ptr_array_index (reads->outcomes, i), ==, outcomes[i]);
  g_ptr_array_set_size (reads->outcomes, 0);
}

/* Reads from a main loop, one after the other and many at once. */
static void
test_async (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;
  Reads reads;

  reads_init (&reads, g_main_context_default ());
  numbers_init (&numbers, 8);
  map = numbers_map (&numbers, executor, "echo");
  start_reads (&reads, map, NULL, 1);
  assert_reads (&reads, "0");
  start_reads (&reads, map, NULL, 1);
  assert_reads (&reads, "1");
  start_reads (&reads, map, NULL, N_READS);
  assert_reads (&reads, "2, 3, 4, 5, 6, 7, end, end, end, end");
  g_assert_true (numbers.freed);
  reads_clear (&reads);
}

static void
check_end (PPoolMap   *map,
           guint       n_reads,
           const char *expected)
{
  Reads reads;

  reads_init (&reads, g_main_context_default ());
  start_reads (&reads, map, NULL, n_reads);
  assert_reads (&reads, expected);
  reads_clear (&reads);
  g_object_unref (map);
}

/* Errors come to a main loop as well. */
static void
test_async_error (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autofree char *expected = g_strdup_printf ("0, error %d, end", G_IO_ERROR_INVALID_DATA);

  check_end (mapping_new (executor, "step", g_variant_new_parsed ("[<int64 0>, <int64 -1>]")), 3,
             expected);
}

static gboolean
cancel_cb (gpointer user_data)
{
  ppool_map_cancel (user_data);

  return G_SOURCE_REMOVE;
}

/* And time limits, and the end of a map that is cancelled. */
static void
test_async_ends (Harness *harness)
{
  g_autofree char *timed_out = g_strdup_printf ("error %d, end", G_IO_ERROR_TIMED_OUT);
  g_autofree char *cancelled = g_strdup_printf ("error %d, end", G_IO_ERROR_CANCELLED);
  PPoolMap *map;
  Busy busy;

  busy_init (&busy, harness);
  map = mapping_new (busy.executor, "echo", g_variant_new_parsed ("[1, 2]"));
  ppool_map_set_timeout_msec (map, 20);
  check_end (map, 2, timed_out);

  map = mapping_new (busy.executor, "echo", g_variant_new_parsed ("[1, 2]"));
  g_idle_add (cancel_cb, map);
  check_end (map, 2, cancelled);

  g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, 0);
  gate_open (busy.visitor, "");
  busy_clear (&busy);
}

/* Reads are held by nobody but their context. */
static void
test_async_unref (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolMap *map = mapping_new (executor, "echo", g_variant_new_parsed ("[1, 2]"));
  Reads reads;

  reads_init (&reads, g_main_context_default ());
  start_reads (&reads, map, NULL, 3);
  ppool_map_next_value_async (map, NULL, NULL, NULL);
  g_object_unref (map);
  assert_reads (&reads, "1, 2, end");
  reads_clear (&reads);
}

/* A read that is cancelled takes nothing away from the next one. */
static void
test_async_cancelled (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (GCancellable) early = g_cancellable_new ();
  g_autoptr (GCancellable) waiting = g_cancellable_new ();
  g_autoptr (GCancellable) behind = g_cancellable_new ();
  g_autofree char *one = g_strdup_printf ("error %d", G_IO_ERROR_CANCELLED);
  g_autofree char *two = g_strdup_printf ("%s, %s", one, one);
  g_autoptr (PPoolMap) map = NULL;
  Visitor visitor;
  Reads reads;

  reads_init (&reads, g_main_context_default ());
  map = mapping_new (executor, "step", g_variant_new_parsed ("[<%s>, <int64 1>]",
                                                             gate_get_path (gate)));
  g_cancellable_cancel (early);
  start_reads (&reads, map, early, 2);
  assert_reads (&reads, two);

  start_reads (&reads, map, waiting, 1);
  start_reads (&reads, map, behind, 2);
  start_reads (&reads, map, NULL, 2);
  while (!gate_has_visitor (gate))
    g_main_context_iteration (NULL, FALSE);
  visitor = gate_wait (gate);
  g_cancellable_cancel (behind);
  assert_reads (&reads, two);
  g_cancellable_cancel (waiting);
  assert_reads (&reads, one);
  gate_open (visitor, "late");
  assert_reads (&reads, "'late', 1");
  reads_clear (&reads);
}

static gpointer
loop_thread (gpointer user_data)
{
  Numbers numbers;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (PPoolMap) map = NULL;
  Reads reads;

  numbers_init (&numbers, 3);
  map = numbers_map (&numbers, user_data, "echo");
  reads_init (&reads, context);
  g_main_context_push_thread_default (context);
  start_reads (&reads, map, NULL, 2);
  g_main_context_pop_thread_default (context);
  assert_reads (&reads, "0, 1");
  mapping_assert_numbers (map, 2, 3);
  g_main_context_push_thread_default (context);
  start_reads (&reads, map, NULL, 1);
  assert_reads (&reads, "end");
  g_main_context_pop_thread_default (context);
  g_assert_true (numbers.freed);
  reads_clear (&reads);

  return NULL;
}

/* Inputs are drawn and callbacks come in the context that was the reader's default,
 * also if it isn't where it is iterated. */
static void
test_async_contexts (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("loop", loop_thread, executor);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* Reads in a context that is freed let the others go on: when it is its turn, or
 * when it waits for the call. */
static void
check_context_freed (Harness  *harness,
                     gboolean  waits)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  GMainContext *context = g_main_context_new ();
  Reads reads, lost;
  Visitor visitor;

  map = mapping_new (executor, "step",
                     g_variant_new_parsed ("[<%s>, <int64 1>, <int64 2>]", gate_get_path (gate)));
  reads_init (&reads, g_main_context_default ());
  reads_init (&lost, context);
  g_main_context_push_thread_default (context);
  start_reads (&lost, map, NULL, 2);
  g_main_context_pop_thread_default (context);
  start_reads (&reads, map, NULL, 2);

  while (waits && !gate_has_visitor (gate))
    g_main_context_iteration (context, FALSE);
  g_main_context_unref (context);
  while (!gate_has_visitor (gate))
    g_main_context_iteration (NULL, FALSE);
  visitor = gate_wait (gate);
  gate_open (visitor, "late");
  assert_reads (&reads, "'late', 1");
  mapping_assert_next (map, "int64 2");
  mapping_assert_end (map);
  g_assert_cmpuint (lost.outcomes->len, ==, 0);
  reads_clear (&lost);
  reads_clear (&reads);
}

static void
test_context_freed (Harness *harness)
{
  check_context_freed (harness, FALSE);
  check_context_freed (harness, TRUE);
}

typedef struct
{
  PPoolMap *map; /* (unowned) */
  GArray *got;   /* (owned) (element-type gint64) */
} Reader;

static gpointer
reader_thread (gpointer user_data)
{
  Reader *reader = user_data;
  g_autoptr (GError) error = NULL;
  GVariant *value;

  while ((value = ppool_map_next_value (reader->map, -1, &error)) != NULL)
    {
      gint64 number = g_variant_get_int64 (value);

      g_array_append_val (reader->got, number);
      g_variant_unref (value);
    }
  g_assert_no_error (error);

  return NULL;
}

/* Readers in several threads get each value once, each in order. */
static void
test_threads (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;
  g_autofree gboolean *seen = g_new0 (gboolean, N_NUMBERS);
  GThread *threads[N_THREADS];
  Reader readers[N_THREADS];
  guint n = 0;

  numbers_init (&numbers, N_NUMBERS);
  numbers.thread = NULL;
  map = numbers_map (&numbers, executor, "echo");
  for (guint i = 0; i < N_THREADS; i++)
    {
      readers[i] = (Reader){ map, g_array_new (FALSE, FALSE, sizeof (gint64)) };
      threads[i] = g_thread_new ("reader", reader_thread, &readers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      for (guint j = 0; j < readers[i].got->len; j++)
        {
          gint64 number = g_array_index (readers[i].got, gint64, j);

          g_assert_false (seen[number]);
          g_assert_true (j == 0 || number > g_array_index (readers[i].got, gint64, j - 1));
          seen[number] = TRUE;
          n++;
        }
      g_array_unref (readers[i].got);
    }
  g_assert_cmpuint (n, ==, N_NUMBERS);
}

static gpointer
late_thread (gpointer user_data)
{
  mapping_assert_next (user_data, "'late'");

  return NULL;
}

/* A read that waits behind another one has its time, too. */
static void
test_behind (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  GThread *reader;
  Visitor visitor;

  map = mapping_new (executor, "step", g_variant_new_parsed ("[<%s>, <int64 1>]",
                                                             gate_get_path (gate)));
  reader = g_thread_new ("reader", late_thread, map);
  visitor = gate_wait (gate);
  mapping_assert_none (map, 0);
  mapping_assert_none (map, 10);
  gate_open (visitor, "late");
  g_thread_join (reader);
  mapping_assert_next (map, "int64 1");
}

static GVariant *
read_itself_cb (gpointer   user_data,
                GError   **error)
{
  return ppool_map_next_value (*(PPoolMap **) user_data, -1, error);
}

/* An input function that reads its own map is told so. */
static void
test_in_input (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolMap *map = NULL;

  map = harness_track (ppool_executor_map_func (executor, "echo", read_itself_cb, &map, NULL));
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_PENDING, "its own input function");
  g_object_unref (map);
}

/* How often this process has read from a file. */
static gint64
count_file_reads (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/io", &text, NULL, NULL))
    return -1;
  line = strstr (text, "syscr: ");
  g_assert_nonnull (line);

  return g_ascii_strtoll (line + strlen ("syscr: "), NULL, 10);
}

/* How many processors there are isn't looked at for each value. */
static void
test_price (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (0);
  Numbers numbers;
  PPoolMap *map;
  gint64 n_before, n_after;

  numbers_init (&numbers, N_NUMBERS);
  map = numbers_map (&numbers, executor, "echo");
  mapping_assert_numbers (map, 0, 1);
  n_before = count_file_reads ();
  mapping_assert_numbers (map, 1, N_NUMBERS);
  n_after = count_file_reads ();
  mapping_assert_end (map);
  g_object_unref (map);

  g_test_message ("%" G_GINT64_FORMAT " reads", n_after - n_before);
  if (n_before < 0)
    g_test_skip ("what this process does is not told here");
  else
    g_assert_cmpint (n_after - n_before, <, 4 * N_NUMBERS);
}

static void
store_cb (GObject      *source G_GNUC_UNUSED,
          GAsyncResult *result,
          gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static gboolean
is_stored (gpointer user_data)
{
  return *(GAsyncResult **) user_data != NULL;
}

/* Each knows what it has read, also where several are at the same time. */
static void
test_async_failed (Harness *harness)
{
  enum { N = 4 };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) map = NULL;
  GAsyncResult *results[N] = { NULL };
  GVariant *inputs[] = { g_variant_new ("(i)", 0), g_variant_new ("(i)", 3),
                         g_variant_new ("(i)", 4) };

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  map = mapping_new (executor, "exit", g_variant_new_array (NULL, inputs, 3));
  ppool_map_set_stop_on_error (map, FALSE);
  for (guint i = 0; i < N; i++)
    ppool_map_next_value_async (map, NULL, store_cb, &results[i]);
  for (guint i = 0; i < N; i++)
    harness_iterate_until (is_stored, &results[i]);

  for (guint i = 0; i < N; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GAsyncResult) result = results[i];
      g_autoptr (GVariant) value = ppool_map_next_value_finish (map, result, &error);
      guint64 index = 7;
      g_autoptr (PPoolFuture) failed = ppool_map_get_failed_future (map, &index);
      g_autoptr (PPoolDeath) death = NULL;

      g_assert_null (value);
      g_assert_true ((failed != NULL) == (i < 3));
      if (failed == NULL)
        {
          g_assert_no_error (error);
          continue;
        }
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
      g_assert_cmpuint (index, ==, i);
      harness_track (failed);
      death = ppool_future_get_death (failed);
      g_assert_cmpint (ppool_death_get_exit_status (death), ==, i == 0 ? 0 : (int) i + 2);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A15 */
  harness_add ("/map/async/values", test_async);
  harness_add ("/map/async/error", test_async_error);
  harness_add ("/map/async/failed", test_async_failed);
  harness_add ("/map/async/ends", test_async_ends);
  harness_add ("/map/async/unref", test_async_unref);
  harness_add ("/map/async/cancelled", test_async_cancelled);
  harness_add ("/map/async/contexts", test_async_contexts);
  harness_add ("/map/async/context-freed", test_context_freed);
  harness_add ("/map/reads/threads", test_threads);
  harness_add ("/map/reads/behind", test_behind);
  harness_add ("/map/reads/in-input", test_in_input);
  harness_add ("/map/reads/price", test_price);

  return g_test_run ();
}
