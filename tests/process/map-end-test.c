/* map-end-test.c: how maps end: errors, time limits, cancellation, drops
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"
#include "mapping.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls that a worker has done count as pending until their results are here. */
static gboolean
have_none_pending (gpointer user_data)
{
  return ppool_executor_get_n_pending (user_data) == 0;
}

static gboolean
have_one_pending (gpointer user_data)
{
  return ppool_executor_get_n_pending (user_data) == 1;
}

static gboolean
have_three_pending (gpointer user_data)
{
  return ppool_executor_get_n_pending (user_data) == 3;
}

/* A15: what comes before the error is delivered, then the error, then the end, and
 * what is behind it doesn't start. */
static void
test_error (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  Visitor visitor;

  map = mapping_new (executor, "step",
                     g_variant_new_parsed ("[<int64 0>, <int64 1>, <int64 -1>, <%s>, <int64 4>,"
                                           " <int64 -5>, <int64 6>]",
                                           gate_get_path (gate)));
  ppool_map_set_buffer_size (map, 10);
  mapping_assert_next (map, "int64 0");
  visitor = gate_wait (gate);
  harness_iterate_until (have_three_pending, executor);
  mapping_assert_next (map, "int64 1");
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A negative number");
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  gate_open (visitor, "");
  mapping_assert_end (map);
}

/* An error that is early waits for the results before it. */
static void
test_error_early (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (Gate) first = gate_new (harness->dir);
  g_autoptr (Gate) last = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  Visitor visitors[2];

  map = mapping_new (executor, "step",
                     g_variant_new_parsed ("[<%s>, <int64 -1>, <%s>]", gate_get_path (first),
                                           gate_get_path (last)));
  mapping_assert_none (map, 0);
  visitors[0] = gate_wait (first);
  visitors[1] = gate_wait (last);
  mapping_assert_none (map, 0);
  gate_open (visitors[0], "before");
  mapping_assert_next (map, "'before'");
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A negative number");
  gate_open (visitors[1], "");
}

/* A15: an error of the inputs ends the map in the same way. */
static void
test_input_error (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  const gint64 positions[] = { 0, 1, 5, 300 };

  for (guint i = 0; i < G_N_ELEMENTS (positions); i++)
    {
      Numbers numbers;
      g_autoptr (PPoolMap) map = NULL;

      numbers_init (&numbers, -1);
      numbers.error_at = positions[i];
      map = numbers_map (&numbers, executor, "echo");
      mapping_assert_numbers (map, 0, positions[i]);
      mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_NOT_EMPTY, "No number");
      g_assert_cmpuint (numbers.n_ends, ==, 1);
      g_assert_true (numbers.freed);
    }
}

/* An error of a call that is nearer than that of the inputs is the only one. */
static void
test_two_errors (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;

  numbers_init (&numbers, -1);
  numbers.error_at = 2;
  map = numbers_map (&numbers, executor, "no-such-function");
  mapping_assert_failure (map, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION, "no-such-function");
  g_assert_true (numbers.freed);
}

/* A15: the time counts from the map's creation; what came in time is delivered. */
static void
test_timeout (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) map = NULL;
  gint64 start;
  Visitor visitor;

  harness_assert_works (executor);
  start = g_get_monotonic_time ();
  map = mapping_new (executor, "step",
                     g_variant_new_parsed ("[<int64 0>, <int64 1>, <%s>, <int64 3>]",
                                           gate_get_path (gate)));
  ppool_map_set_timeout_msec (map, 1000);
  mapping_assert_next (map, "int64 0");
  mapping_assert_next (map, "int64 1");
  mapping_assert_none (map, 1);
  visitor = gate_wait (gate);
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "1000 ms after its creation");
  g_assert_cmpint (g_get_monotonic_time () - start, >=, G_TIME_SPAN_SECOND);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  gate_open (visitor, "");
}

/* When the time is up, what is there can still be read, and the end if it is one. */
static void
test_timeout_late (Harness *harness)
{
  Numbers numbers[2];
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) clock = NULL;
  PPoolMap *maps[2];
  Busy busy;

  busy_init (&busy, harness);
  harness_assert_works (executor);
  for (guint i = 0; i < 2; i++)
    {
      numbers_init (&numbers[i], i == 0 ? 20 : -1);
      maps[i] = numbers_map (&numbers[i], executor, "echo");
      ppool_map_set_buffer_size (maps[i], 10);
      ppool_map_set_timeout_msec (maps[i], 2000);
    }
  clock = mapping_new (busy.executor, "echo", g_variant_new_parsed ("[1]"));
  ppool_map_set_timeout_msec (clock, 2000);

  mapping_assert_numbers (maps[0], 0, 11);
  mapping_assert_numbers (maps[1], 0, 1);
  harness_iterate_until (have_none_pending, executor);
  mapping_assert_failure (clock, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "after its creation");

  mapping_assert_numbers (maps[0], 11, 20);
  mapping_assert_end (maps[0]);
  g_assert_cmpint (numbers[0].n_drawn, ==, 20);
  mapping_assert_numbers (maps[1], 1, 10);
  mapping_assert_failure (maps[1], G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "after its creation");
  g_assert_cmpint (numbers[1].n_drawn, <=, 11);

  g_object_unref (maps[0]);
  g_object_unref (maps[1]);
  gate_open (busy.visitor, "");
  busy_clear (&busy);
}

static void
test_timeout_none (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) empty = mapping_new (executor, "echo", g_variant_new ("as", NULL));
  g_autoptr (PPoolMap) map = mapping_new (executor, "echo", g_variant_new_parsed ("[1, 2]"));

  ppool_map_set_timeout_msec (empty, 0);
  mapping_assert_end (empty);
  ppool_map_set_timeout_msec (map, 0);
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "0 ms after its creation");
}

static gpointer
fail_cancelled_thread (gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_map_next_value (user_data, -1, &error);

  g_assert_null (value);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  return NULL;
}

/* A15: cancelling wakes who reads, and what has not started never does. */
static void
test_cancel (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  GThread *reader;
  Visitor visitor;

  map = mapping_new (executor, "step", g_variant_new_parsed ("[<%s>, <int64 1>, <int64 -2>]",
                                                             gate_get_path (gate)));
  reader = g_thread_new ("reader", fail_cancelled_thread, map);
  visitor = gate_wait (gate);
  ppool_map_cancel (map);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_thread_join (reader);
  ppool_map_cancel (map);
  mapping_assert_end (map);
  gate_open (visitor, "");
}

/* What was ready is gone too: the reader gets the error, and then the end. */
static void
test_cancel_unread (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolMap *maps[3];
  Numbers numbers[3];

  for (guint i = 0; i < 3; i++)
    {
      numbers_init (&numbers[i], 3);
      maps[i] = numbers_map (&numbers[i], executor, "echo");
    }

  ppool_map_cancel (maps[0]);
  mapping_assert_failure (maps[0], G_IO_ERROR, G_IO_ERROR_CANCELLED, "“echo”");
  g_assert_cmpint (numbers[0].n_drawn, ==, 0);

  mapping_assert_numbers (maps[1], 0, 2);
  ppool_map_cancel (maps[1]);
  mapping_assert_failure (maps[1], G_IO_ERROR, G_IO_ERROR_CANCELLED, "“echo”");

  mapping_assert_numbers (maps[2], 0, 3);
  mapping_assert_end (maps[2]);
  ppool_map_cancel (maps[2]);
  mapping_assert_end (maps[2]);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (numbers[i].freed);
      g_object_unref (maps[i]);
    }
}

static GVariant *
cancel_cb (gpointer   user_data,
           GError   **error)
{
  PPoolMap *map = *(PPoolMap **) user_data;

  ppool_map_cancel (map);

  return g_variant_new_int32 (1);
}

/* What the input function gives afterwards is not even submitted. */
static void
test_cancel_in_input (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolMap *map = NULL;

  map = harness_track (ppool_executor_map_func (executor, "echo", cancel_cb, &map, NULL));
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_CANCELLED, "“echo”");
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_object_unref (map);
}

typedef struct
{
  PPoolMap *map; /* (unowned) */
  int n_read;    /* (atomic) */
} Reader;

static gpointer
read_until_cancelled_thread (gpointer user_data)
{
  Reader *reader = user_data;
  g_autoptr (GError) error = NULL;
  GVariant *value;

  while ((value = ppool_map_next_value (reader->map, -1, &error)) != NULL)
    {
      g_variant_unref (value);
      g_atomic_int_inc (&reader->n_read);
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  return NULL;
}

/* While inputs are drawn and calls submitted, whenever that is. */
static void
test_cancel_anytime (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  for (int i = 0; i < 100; i++)
    {
      Reader reader = { NULL, 0 };
      GThread *thread;
      Numbers numbers;

      numbers_init (&numbers, -1);
      numbers.thread = NULL;
      reader.map = numbers_map (&numbers, executor, "echo");
      ppool_map_set_buffer_size (reader.map, 1 + i);
      thread = g_thread_new ("reader", read_until_cancelled_thread, &reader);
      while (g_atomic_int_get (&reader.n_read) < i)
        g_thread_yield ();
      ppool_map_cancel (reader.map);
      g_thread_join (thread);
      g_assert_true (numbers.freed);
      harness_iterate_until (have_none_pending, executor);
      g_object_unref (reader.map);
    }
}

/* A15: dropping it cancels what has not started. */
static void
check_drop (Harness  *harness,
            gpointer (*drop) (gpointer map))
{
  g_autofree char *log = harness_path (harness, "log");
  Busy busy;
  PPoolMap *map;

  busy_init (&busy, harness);
  map = mapping_new (busy.executor, "append",
                     g_variant_new_parsed ("[(%s, 'one'), (%s, 'two'), (%s, 'three')]", log, log,
                                           log));
  mapping_assert_none (map, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, 3);
  drop (map);
  g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, 0);
  gate_open (busy.visitor, "");
  harness_shut_down (busy.executor);
  g_assert_false (g_file_test (log, G_FILE_TEST_EXISTS));
  busy_clear (&busy);
}

static gpointer
drop_thread (gpointer user_data)
{
  g_object_unref (user_data);

  return NULL;
}

static gpointer
drop_in_thread (gpointer map)
{
  return g_thread_join (g_thread_new ("dropper", drop_thread, map));
}

static void
test_drop (Harness *harness)
{
  check_drop (harness, drop_thread);
  check_drop (harness, drop_in_thread);
}

/* With calls that run, wait and are done, endless inputs behind them. */
static void
test_drop_midway (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  for (guint i = 0; i < 50; i++)
    {
      Numbers numbers;
      g_autoptr (PPoolMap) map = NULL;

      numbers_init (&numbers, -1);
      map = numbers_map (&numbers, executor, "echo");
      mapping_assert_numbers (map, 0, i);
      g_clear_object (&map);
      g_assert_true (numbers.freed);
      harness_iterate_until (have_none_pending, executor);
    }
  harness_assert_works (executor);
}

/* A13: what came before the death is delivered, and a death ends the map. */
static void
test_broken (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (PPoolMap) late = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitor;

  map = mapping_new (executor, "step",
                     g_variant_new_parsed ("[<int64 0>, <int64 1>, <%s>, <int64 3>]",
                                           gate_get_path (gate)));
  mapping_assert_next (map, "int64 0");
  visitor = gate_wait (gate);
  harness_iterate_until (have_one_pending, executor);
  kill (visitor.pid, SIGKILL);
  gate_expect_death (visitor);
  mapping_assert_next (map, "int64 1");
  mapping_assert_failure (map, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "SIGKILL");

  g_assert_null (ppool_executor_map (executor, "echo", g_variant_new ("as", NULL), &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "SIGKILL", NULL);
  numbers_init (&numbers, 3);
  late = numbers_map (&numbers, executor, "echo");
  mapping_assert_failure (late, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "SIGKILL");
  g_assert_true (numbers.freed);
}

/* A17: the calls that the executor has are finished. */
static void
test_shut_down (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (GError) error = NULL;

  numbers_init (&numbers, -1);
  map = numbers_map (&numbers, executor, "echo");
  ppool_map_set_buffer_size (map, 10);
  mapping_assert_numbers (map, 0, 1);
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  mapping_assert_numbers (map, 1, 10);
  mapping_assert_failure (map, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN, "");
  g_assert_null (ppool_executor_map (executor, "echo", g_variant_new ("as", NULL), &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
}

/* A call that is cancelled with the executor's others is an error of the map. */
static void
test_shut_down_cancelling (Harness *harness)
{
  g_autoptr (PPoolMap) map = NULL;
  Busy busy;

  busy_init (&busy, harness);
  map = mapping_new (busy.executor, "echo", g_variant_new_parsed ("[1, 2]"));
  mapping_assert_none (map, 0);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_CANCELLED, "“echo”");
  gate_open (busy.visitor, "");
  busy_clear (&busy);
}

/* A25: in a forked copy, nothing works and nothing is touched. */
static void
test_forked_copy (Harness *harness)
{
  Busy busy;
  PPoolMap *map;
  int pid, status;

  busy_init (&busy, harness);
  map = mapping_new (busy.executor, "echo", g_variant_new_parsed ("[1, 2]"));
  mapping_assert_none (map, 0);

  pid = fork ();
  if (pid == 0)
    {
      GError *error = NULL;

      alarm (PATIENCE_SECONDS);
      g_assert_null (ppool_map_next_value (map, -1, &error));
      g_assert_nonnull (strstr (error->message, "belongs to process"));
      ppool_map_cancel (map);
      g_object_unref (map);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  gate_open (busy.visitor, "");
  mapping_assert_next (map, "1");
  mapping_assert_next (map, "2");
  mapping_assert_end (map);
  g_object_unref (map);
  busy_clear (&busy);
}

/* As the cancellable of a call, it ends what runs if the executor is to do that. */
static void
test_cancel_running (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) map = NULL;
  GVariant *inputs[] = { g_variant_new ("(ss)", gate_get_path (gate), ""),
                         g_variant_new ("(ss)", gate_get_path (gate), "") };
  Visitor visitor;

  ppool_executor_set_cancel_running (executor, TRUE);
  ppool_executor_set_abort_grace_msec (executor, 0);
  map = mapping_new (executor, "hang", g_variant_new_array (NULL, inputs, 2));
  mapping_assert_none (map, 0);
  visitor = gate_wait (gate);
  ppool_map_cancel (map);
  mapping_assert_failure (map, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
  g_assert_null (ppool_map_get_failed_future (map, NULL));
  gate_expect_death (visitor);
  harness_assert_running (executor);
  harness_shut_down (executor);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A15 */
  harness_add ("/map/error/late", test_error);
  harness_add ("/map/error/early", test_error_early);
  harness_add ("/map/error/input", test_input_error);
  harness_add ("/map/error/two", test_two_errors);
  harness_add ("/map/timeout/missing", test_timeout);
  harness_add ("/map/timeout/late", test_timeout_late);
  harness_add ("/map/timeout/none", test_timeout_none);
  harness_add ("/map/cancel/read", test_cancel);
  harness_add ("/map/cancel/unread", test_cancel_unread);
  harness_add ("/map/cancel/running", test_cancel_running);
  harness_add ("/map/cancel/anytime", test_cancel_anytime);
  harness_add ("/map/cancel/in-input", test_cancel_in_input);
  harness_add ("/map/drop/pending", test_drop);
  harness_add ("/map/drop/midway", test_drop_midway);
  harness_add ("/map/broken", test_broken);
  harness_add ("/map/shut-down/waiting", test_shut_down);
  harness_add ("/map/shut-down/cancelling", test_shut_down_cancelling);
  harness_add ("/map/forked-copy", test_forked_copy);

  return g_test_run ();
}
