/* values-test.c: every type of value, in both directions
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <string.h>
#include <sys/resource.h>

#define MIB ((gsize) 1024 * 1024)

/* What a message carries: 64 MiB but 64 KiB. */
#define LIMIT "67043328"

/* GLib compares by printing what it does not trust, byte by byte. */
static void
assert_same (GVariant *a,
             GVariant *b)
{
  g_autoptr (GBytes) a_bytes = g_variant_get_data_as_bytes (a);
  g_autoptr (GBytes) b_bytes = g_variant_get_data_as_bytes (b);

  if (g_bytes_get_size (a_bytes) < MIB)
    g_assert_cmpvariant (a, b);
  else
    g_assert_true (g_bytes_equal (a_bytes, b_bytes));
}

static void
assert_echo (PPoolExecutor *executor,
             GVariant      *args)
{
  g_autoptr (GVariant) sent = g_variant_ref_sink (args);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", sent);
  g_autoptr (GVariant) got = harness_result (future);

  g_assert_cmpstr (g_variant_get_type_string (got), ==, g_variant_get_type_string (sent));
  g_assert_true (g_variant_is_normal_form (got));
  assert_same (got, sent);
}

static void
test_types (Harness *harness)
{
  static const char * const texts[] = {
    "true", "byte 0xff", "int16 -32768", "uint16 65535", "-2147483648", "uint32 4294967295",
    "int64 -9223372036854775808", "uint64 18446744073709551615", "-0.5", "'grün'", "''",
    "objectpath '/org/ppool'", "signature 'a{sv}'", "handle 7", "<'variant'>", "<<<()>>>",
    /* What D-Bus does not have. */
    "()", "@mi nothing", "@mi 7", "@mmi just nothing", "@m() ()", "@ams []", "[just 'x', nothing]",
    "{'key', 7}", "{1, <()>}", "@a{s()} {'unit': ()}", "([()], ())", "<@mv nothing>",
    /* Containers. */
    "@as []", "@ay []", "@a() []", "[[1], [], [2, 3]]", "b'bytes'", "('a', 1, true, <2.5>)",
    "{'one': 1, 'two': 2}", "@a{sv} {}", "{'a': <{'b': <['c']>}>}", "[(1, 'x'), (2, 'y')]",
    "[true, false]", "[1.5, -0.0]", "[{'k', 1}]",
  };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_test_message ("%s", texts[i]);
      assert_echo (executor, g_variant_new_parsed (texts[i]));
    }
}

static void
test_depth (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GVariant *value = g_variant_new_int32 (7);
  GVariant *tuple = g_variant_new_int32 (7);

  for (guint i = 0; i < 60; i++)
    value = g_variant_new_variant (value);
  assert_echo (executor, value);

  for (guint i = 0; i < 60; i++)
    tuple = g_variant_new_tuple (&tuple, 1);
  assert_echo (executor, tuple);
}

/* What GVariant itself can't read any more is not sent. */
static void
check_too_deep (PPoolExecutor *executor,
                const char    *function,
                GVariant      *args)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, function, args);
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "nested", "126", NULL);
}

static GVariant *
wrap (guint depth)
{
  GVariant *value = g_variant_new_parsed ("{'key': <(1, ['x', 'y'])>}");

  for (guint i = 0; i < depth; i++)
    value = i % 10 == 0 ? g_variant_new_variant (value) : g_variant_new_tuple (&value, 1);

  return value;
}

/* A11, A12: they fail that call alone. */
static void
test_too_deep (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = harness_worker_pid (executor);
  g_autoptr (PPoolFuture) deep = harness_submit (executor, "wrap", g_variant_new ("(u)", 126));
  g_autoptr (GVariant) value = harness_result (deep);

  assert_echo (executor, value);
  assert_echo (executor, wrap (120));
  check_too_deep (executor, "type", wrap (123));
  check_too_deep (executor, "type", wrap (1000));
  check_too_deep (executor, "wrap", g_variant_new ("(u)", 127));
  check_too_deep (executor, "wrap", g_variant_new ("(u)", 1000));
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

/* Many small values in variants have no depth to speak of. */
static void
test_wide (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      g_variant_builder_add (&builder, "{sv}", key, g_variant_new ("(iii)", i, i, i));
    }
  assert_echo (executor, g_variant_builder_end (&builder));
}

static GVariant *
make_bytes (gsize size)
{
  char *data = g_malloc (size);

  memset (data, 'b', size);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
}

static void
test_size (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autofree char *text = g_strnfill (MIB, 't');

  assert_echo (executor, make_bytes (MIB));
  assert_echo (executor, g_variant_new ("(s@ayb)", text, make_bytes (3), TRUE));
  assert_echo (executor, make_bytes (40 * MIB));
  harness_assert_works (executor);
}

/* Many small parts: D-Bus would need more for them than GVariant does. */
static void
test_size_parts (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(yyt)"));
  for (guint i = 0; i < 20000; i++)
    g_variant_builder_add (&builder, "(yyt)", i % 256, 1, (guint64) i);
  assert_echo (executor, g_variant_builder_end (&builder));
}

/* A11: what no message can carry, for a worker that takes messages alone. */
static void
test_args_too_large (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init:gvariant,frames", "serve-frames", NULL), 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "type", make_bytes (65 * MIB));
  g_autoptr (PPoolFuture) tuple = NULL;
  g_autoptr (GError) error = harness_failure (future);
  g_autoptr (GError) tuple_error = NULL;

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE, "type", LIMIT, NULL);
  tuple = harness_submit (executor, "type",
                          g_variant_new ("(@ay@ay)", make_bytes (33 * MIB), make_bytes (33 * MIB)));
  tuple_error = harness_failure (tuple);
  g_assert_error (tuple_error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE);

  assert_echo (executor, g_variant_new_string ("still there"));
}

/* A12: a worker that may not have so much shared memory. */
static void
test_result_too_large (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = harness_worker_pid (executor);
  const struct rlimit limit = { MIB, MIB };
  int limited = prlimit ((pid_t) pid, RLIMIT_FSIZE, &limit, NULL);
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "allocate", g_variant_new ("(t)", (guint64) 65 * MIB));
  g_autoptr (PPoolFuture) next = harness_submit (executor, "echo", NULL);
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE, "memory", NULL);
  g_assert_no_errno (limited);
  harness_assert_value (next, "()");
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

static void
assert_normalized (PPoolExecutor *executor,
                   const char    *type,
                   const void    *data,
                   gsize          size)
{
  g_autoptr (GVariant) sent = g_variant_ref_sink (
      g_variant_new_from_data (G_VARIANT_TYPE (type), data, size, FALSE, NULL, NULL));
  g_autoptr (GVariant) normal = g_variant_get_normal_form (sent);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GVariant) got = NULL;

  g_assert_false (g_variant_is_normal_form (sent));
  future = harness_submit (executor, "echo", sent);
  got = harness_result (future);
  g_assert_cmpvariant (got, normal);
}

static void
test_not_normal (Harness *harness)
{
  static const guint64 invalid[] = { 0x7071727374757677, 0xfffefdfcfbfaf9f8 };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  assert_normalized (executor, "b", "\x07", 1);
  assert_normalized (executor, "s", "no end", 6);
  assert_normalized (executor, "s", "\xff\xfe\0", 3);
  assert_normalized (executor, "i", invalid, 3);
  assert_normalized (executor, "(su)", invalid, 13);
  assert_normalized (executor, "as", invalid, sizeof invalid);
  assert_normalized (executor, "a{sv}", invalid, sizeof invalid);
  assert_normalized (executor, "v", invalid, sizeof invalid);
  harness_assert_works (executor);
}

/* A value which is none, as GLib was told that it is, fails its call, and no other. */
static void
test_not_true (Harness *harness)
{
  static const gsize sizes[] = { 3, 1000, 20000, 300000 };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *data = g_strnfill (sizes[i], '\xff');
      GVariant *args = g_variant_new_from_data (G_VARIANT_TYPE_STRING_ARRAY, data, sizes[i], TRUE,
                                                NULL, NULL);
      g_autoptr (PPoolFuture) sent = harness_submit (executor, "echo", args);
      g_autoptr (PPoolFuture) got =
        harness_submit (executor, "lie", g_variant_new_uint32 ((guint32) sizes[i]));
      g_autoptr (PPoolFuture) other = harness_submit (executor, "echo", g_variant_new_int32 (1));

      g_autoptr (GError) sent_error = harness_failure (sent);
      g_autoptr (GError) got_error = harness_failure (got);

      harness_assert_error (sent_error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "trusted", NULL);
      harness_assert_error (got_error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "trusted", NULL);
      harness_assert_value (other, "1");
    }

  harness_assert_works (executor);
}

/* A worker that speaks plain D-Bus gets what D-Bus can carry. */
static void
test_minimal_worker (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("init", "serve", NULL), 1);
  g_autoptr (PPoolFuture) unit = harness_submit (executor, "echo", NULL);
  g_autoptr (PPoolFuture) maybe = NULL;
  g_autoptr (PPoolFuture) nested = NULL;
  g_autoptr (GError) maybe_error = NULL;
  g_autoptr (GError) nested_error = NULL;

  harness_assert_value (unit, "@av []");
  assert_echo (executor, g_variant_new ("(siv)", "plain", 7, g_variant_new_boolean (TRUE)));
  assert_echo (executor, g_variant_new_parsed ("{'a': <{'b': <['c']>}>}"));
  assert_echo (executor, make_bytes (40 * MIB));

  maybe = harness_submit (executor, "function", g_variant_new_parsed ("@mi 7"));
  maybe_error = harness_failure (maybe);
  harness_assert_error (maybe_error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "function", "mi", NULL);
  nested = harness_submit (executor, "function", g_variant_new_parsed ("(1, <('x', ())>)"));
  nested_error = harness_failure (nested);
  harness_assert_error (nested_error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "(s())", NULL);

  assert_echo (executor, g_variant_new_string ("still there"));
}

/* A boolean has one byte in GVariant and four in D-Bus. */
static void
test_minimal_worker_size (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("init", "serve", NULL), 1);
  gsize n = 40 * MIB;
  g_autofree guint8 *bytes = g_malloc0 (n);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  future = harness_submit (executor, "echo",
                           g_variant_new_fixed_array (G_VARIANT_TYPE_BOOLEAN, bytes, n, 1));
  error = harness_failure (future);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE);
  assert_echo (executor, g_variant_new_string ("still there"));
}

/* Bytes that are packed like those of our own workers. */
static void
test_packed_by_hand (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("init:gvariant", "serve", NULL), 1);

  assert_echo (executor, g_variant_new ("()"));
  assert_echo (executor, g_variant_new_parsed ("@mmi just nothing"));
  assert_echo (executor, g_variant_new_parsed ("{'a': <{'b': <['c']>}>}"));
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A11, A12 */
  harness_add ("/values/types", test_types);
  harness_add ("/values/depth", test_depth);
  harness_add ("/values/too-deep", test_too_deep);
  harness_add ("/values/wide", test_wide);
  harness_add ("/values/size/large", test_size);
  harness_add ("/values/size/many-parts", test_size_parts);
  harness_add ("/values/size/args-too-large", test_args_too_large);
  harness_add ("/values/size/result-too-large", test_result_too_large);
  harness_add ("/values/not-normal", test_not_normal);
  harness_add ("/values/not-true", test_not_true);
  harness_add ("/values/minimal-worker/types", test_minimal_worker);
  harness_add ("/values/minimal-worker/size", test_minimal_worker_size);
  harness_add ("/values/packed-by-hand", test_packed_by_hand);

  return g_test_run ();
}
