/* map-test.c: maps over all kinds of inputs, and how far they are ahead
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "mapping.h"

#define N_GATES 3

/* A15: results in the order of the inputs, in whatever order they come. */
static void
test_order (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (N_GATES);
  g_autoptr (PPoolMap) map = NULL;
  Gate *gates[N_GATES];
  Visitor visitors[N_GATES];
  GVariantBuilder inputs;

  g_variant_builder_init (&inputs, G_VARIANT_TYPE ("a(s)"));
  for (guint i = 0; i < N_GATES; i++)
    {
      gates[i] = gate_new (harness->dir);
      g_variant_builder_add (&inputs, "(s)", gate_get_path (gates[i]));
    }
  map = mapping_new (executor, "gate", g_variant_builder_end (&inputs));
  mapping_assert_none (map, 0);

  for (guint i = 0; i < N_GATES; i++)
    visitors[i] = gate_wait (gates[i]);
  gate_open (visitors[2], "third");
  mapping_assert_none (map, 1);
  gate_open (visitors[1], "second");
  mapping_assert_none (map, 1);
  gate_open (visitors[0], "first");

  mapping_assert_next (map, "'first'");
  mapping_assert_next (map, "'second'");
  mapping_assert_next (map, "'third'");
  mapping_assert_end (map);
  for (guint i = 0; i < N_GATES; i++)
    gate_free (gates[i]);
}

static void
check_elements (PPoolExecutor *executor,
                const char    *text)
{
  g_autoptr (GVariant) inputs = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr (PPoolMap) values = mapping_new (executor, "echo", inputs);
  g_autoptr (PPoolMap) types = mapping_new (executor, "type", inputs);
  gsize n = g_variant_n_children (inputs);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) input = g_variant_get_child_value (inputs, i);
      g_autoptr (GVariant) value = mapping_next (values);
      g_autoptr (GVariant) type = mapping_next (types);

      g_assert_cmpvariant (value, input);
      g_assert_cmpstr (g_variant_get_string (type, NULL), ==, g_variant_get_type_string (input));
    }
  mapping_assert_end (values);
  mapping_assert_end (types);
}

/* A15: the elements of an array of any type are the arguments. */
static void
test_types (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  check_elements (executor, "[true, false, true]");
  check_elements (executor, "[byte 0, 255]");
  check_elements (executor, "b'a string of bytes'");
  check_elements (executor, "[int16 -1, 2]");
  check_elements (executor, "[uint64 18446744073709551615, 0]");
  check_elements (executor, "[1.5, -0.0]");
  check_elements (executor, "['', 'Füße', 'a']");
  check_elements (executor, "[objectpath '/', '/a/b']");
  check_elements (executor, "[signature '', 'a{sv}']");
  check_elements (executor, "[<1>, <'two'>, <(3, [4])>]");
  check_elements (executor, "[just 1, nothing, just 3]");
  check_elements (executor, "@amas [just ['a'], nothing, just []]");
  check_elements (executor, "@a() [(), (), ()]");
  check_elements (executor, "[[1, 2], [], [3]]");
  check_elements (executor, "[(1, 'a', [true]), (2, 'b', [])]");
  check_elements (executor, "{'a': <1>, 'b': <'two'>}");
  check_elements (executor, "[{1: 'a'}, {}, {2: 'b', 3: 'c'}]");
}

/* A15: nothing starts for no inputs, and the end is the end. */
static void
test_empty (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) array = mapping_new (executor, "echo", g_variant_new ("ax", NULL));
  g_autoptr (PPoolMap) arrays = mapping_new (executor, "echo", g_variant_new_parsed ("[1, 2]"));
  g_autoptr (PPoolMap) func = NULL;

  numbers_init (&numbers, 0);
  func = numbers_map (&numbers, executor, "echo");
  ppool_map_add_inputs (arrays, g_variant_new ("as", NULL));
  mapping_assert_end (array);
  mapping_assert_end (arrays);
  mapping_assert_end (func);
  g_assert_true (numbers.freed);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
}

/* A15: of several arrays, the shortest ends it. */
static void
test_several (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) sums = NULL;
  g_autoptr (PPoolMap) triples = NULL;

  sums = mapping_new (executor, "add", g_variant_new_parsed ("@ax [1, 2, 3, 4]"));
  ppool_map_add_inputs (sums, g_variant_new_parsed ("@ax [10, 20, 30]"));
  mapping_assert_next (sums, "int64 11");
  mapping_assert_next (sums, "int64 22");
  mapping_assert_next (sums, "int64 33");
  mapping_assert_end (sums);

  triples = mapping_new (executor, "echo", g_variant_new_parsed ("['a', 'b']"));
  ppool_map_add_inputs (triples, g_variant_new_parsed ("[<1>, <2>, <3>]"));
  ppool_map_add_inputs (triples, g_variant_new_parsed ("b'xyz'"));
  mapping_assert_next (triples, "('a', <1>, byte 0x78)");
  mapping_assert_next (triples, "('b', <2>, byte 0x79)");
  mapping_assert_end (triples);
}

/* No input of the function is lost when the array is over. */
static void
test_func_and_array (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;

  numbers_init (&numbers, -1);
  map = numbers_map (&numbers, executor, "add");
  ppool_map_add_inputs (map, g_variant_new_parsed ("@ax [100, 200]"));
  mapping_assert_next (map, "int64 100");
  mapping_assert_next (map, "int64 201");
  mapping_assert_end (map);
  g_assert_cmpint (numbers.n_drawn, ==, 2);
  g_assert_true (numbers.freed);
}

/* A15: nothing happens before the first read. */
static void
test_lazy (Harness *harness)
{
  Numbers numbers;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;

  numbers_init (&numbers, -1);
  map = numbers_map (&numbers, executor, "echo");
  g_assert_cmpint (numbers.n_drawn, ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  mapping_assert_next (map, "int64 0");
  g_assert_cmpint (numbers.n_drawn, >=, 2);
  g_assert_false (numbers.freed);
  g_clear_object (&map);
  g_assert_true (numbers.freed);
}

/* A15: never more are drawn than were read, and the buffer. */
static void
check_window (PPoolExecutor *executor,
              guint          buffer_size,
              guint          chunk_size)
{
  Numbers numbers;
  g_autoptr (PPoolMap) map = NULL;
  guint chunk = MIN (MAX (chunk_size, 1), buffer_size);
  gint64 drawn = 0;

  numbers_init (&numbers, -1);
  map = numbers_map (&numbers, executor, "echo");
  ppool_map_set_buffer_size (map, buffer_size);
  ppool_map_set_chunk_size (map, chunk_size);
  for (gint64 i = 0; i < 300; i++)
    {
      mapping_assert_numbers (map, i, i + 1);
      g_assert_cmpint (numbers.n_drawn, >, i);
      g_assert_cmpint (numbers.n_drawn, <=, i + buffer_size);
      g_assert_true (numbers.n_drawn == drawn || numbers.n_drawn - drawn >= chunk);
      drawn = numbers.n_drawn;
    }
  g_clear_object (&map);
  g_assert_true (numbers.freed);
  g_assert_cmpint (numbers.n_drawn, ==, drawn);
}

static void
test_window (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  const guint sizes[] = { 1, 2, 7, 100, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      check_window (executor, sizes[i], 0);
      check_window (executor, sizes[i], 1);
      check_window (executor, sizes[i], 3);
      check_window (executor, sizes[i], G_MAXUINT);
    }
}

/* A15: endless inputs; the library's own choice is bounded as well. */
static void
test_endless (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  Numbers numbers;
  g_autoptr (PPoolMap) map = NULL;

  numbers_init (&numbers, -1);
  map = numbers_map (&numbers, executor, "echo");
  for (gint64 i = 0; i < 5000; i += 100)
    {
      mapping_assert_numbers (map, i, i + 100);
      g_assert_cmpint (numbers.n_drawn - i, <=, 2000);
    }
}

#define LARGE (4 * 1024 * 1024)

static GVariant *
draw_large_cb (gpointer   user_data,
               GError   **error)
{
  guint8 *bytes = g_malloc0 (LARGE);

  ++*(guint *) user_data;

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, LARGE, TRUE, g_free, bytes);
}

/* The larger inputs and results are, the fewer are drawn ahead. */
static void
test_large (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  guint n_drawn = 0;
  g_autoptr (PPoolMap) map =
      harness_track (ppool_executor_map_func (executor, "echo", draw_large_cb, &n_drawn, NULL));

  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (GVariant) value = mapping_next (map);

      g_assert_cmpuint (g_variant_get_size (value), ==, LARGE);
      g_assert_cmpuint (n_drawn, <=, MAX (16, i + 8));
    }
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  ++*(guint *) user_data;
}

static void
expect_late (void)
{
  g_test_expect_message ("PPool", G_LOG_LEVEL_CRITICAL, "*“echo”*after it was read*");
}

/* A15: settings can be changed until the first read. */
static void
test_settings (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolMap) map = mapping_new (executor, "echo", g_variant_new_parsed ("[1, 2]"));
  guint n_notified = 0;
  guint chunk_size, buffer_size;
  int timeout_msec;

  g_signal_connect (map, "notify", G_CALLBACK (count_cb), &n_notified);
  g_object_get (map, "chunk-size", &chunk_size, "buffer-size", &buffer_size, "timeout-msec",
                &timeout_msec, NULL);
  g_assert_cmpuint (chunk_size, ==, 0);
  g_assert_cmpuint (buffer_size, ==, 0);
  g_assert_cmpint (timeout_msec, ==, -1);

  g_object_set (map, "chunk-size", 3, "buffer-size", G_MAXUINT, "timeout-msec", G_MAXINT, NULL);
  g_object_set (map, "chunk-size", 3, "buffer-size", G_MAXUINT, "timeout-msec", G_MAXINT, NULL);
  g_assert_cmpuint (n_notified, ==, 3);

  mapping_assert_next (map, "1");
  expect_late ();
  ppool_map_set_chunk_size (map, 1);
  expect_late ();
  ppool_map_set_buffer_size (map, 1);
  expect_late ();
  ppool_map_set_timeout_msec (map, 1);
  expect_late ();
  ppool_map_add_inputs (map, g_variant_new_parsed ("[1]"));
  g_test_assert_expected_messages ();

  g_assert_cmpuint (n_notified, ==, 3);
  g_assert_cmpuint (ppool_map_get_chunk_size (map), ==, 3);
  g_assert_cmpuint (ppool_map_get_buffer_size (map), ==, G_MAXUINT);
  g_assert_cmpint (ppool_map_get_timeout_msec (map), ==, G_MAXINT);
  mapping_assert_next (map, "2");
  mapping_assert_end (map);
}

/* A15: maps of one executor have nothing to do with each other. */
static void
test_two (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  PPoolMap *maps[2];
  Numbers numbers[2];

  for (guint i = 0; i < 2; i++)
    {
      numbers_init (&numbers[i], 500 + i);
      maps[i] = numbers_map (&numbers[i], executor, "echo");
    }
  for (gint64 i = 0; i < 500; i++)
    {
      mapping_assert_numbers (maps[0], i, i + 1);
      mapping_assert_numbers (maps[1], i, i + 1);
    }
  mapping_assert_end (maps[0]);
  mapping_assert_numbers (maps[1], 500, 501);
  mapping_assert_end (maps[1]);
  g_object_unref (maps[0]);
  g_object_unref (maps[1]);
}

/* The map holds its executor. */
static void
test_executor (Harness *harness)
{
  Numbers numbers;
  PPoolExecutor *executor = harness_executor (2);
  g_autoptr (PPoolMap) map = NULL;

  numbers_init (&numbers, 100);
  map = numbers_map (&numbers, executor, "echo");
  g_object_unref (executor);
  mapping_assert_numbers (map, 0, 100);
  mapping_assert_end (map);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A15 */
  harness_add ("/map/order", test_order);
  harness_add ("/map/types", test_types);
  harness_add ("/map/empty", test_empty);
  harness_add ("/map/several", test_several);
  harness_add ("/map/func-and-array", test_func_and_array);
  harness_add ("/map/lazy", test_lazy);
  harness_add ("/map/window", test_window);
  harness_add ("/map/endless", test_endless);
  harness_add ("/map/large", test_large);
  harness_add ("/map/settings", test_settings);
  harness_add ("/map/two", test_two);
  harness_add ("/map/executor", test_executor);

  return g_test_run ();
}
