/* row-data.c: large values
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "rows.h"

#include <string.h>

#include "bench.h"
#include "pool.h"

/* Calls with @make's arguments until enough time has passed, and returns the time of
 * one, in µs; the first two only warm up. */
static double
time_calls (PPoolExecutor *executor,
            const char    *function,
            GVariant    *(*make) (gpointer data),
            void         (*use) (GVariant *value),
            gpointer       data)
{
  double limit = bench_get_double ("seconds", 0.5) * 1e6;
  double start = bench_now ();
  int n = -2;

  while (n < 2 || bench_now () - start < limit)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) args = g_variant_take_ref (make (data));
      g_autoptr (GVariant) value = NULL;

      if (n == 0)
        start = bench_now ();
      value = ppool_executor_call_sync (executor, function, args, NULL, &error);
      bench_check (error);
      use (value);
      n++;
    }

  return (bench_now () - start) / n;
}

static GVariant *
make_bytes (gpointer data)
{
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, data, TRUE);
}

static void
use_bytes (GVariant *value)
{
  gsize size;
  const guchar *bytes = g_variant_get_fixed_array (value, &size, 1);

  g_assert_cmpuint (bytes[size - 1], ==, 1);
}

/* The same bytes there and back. */
void
row_echo (void)
{
  PPoolExecutor *executor = pool_new_warm (1);
  gint64 size = bench_get ("size", 16 << 20);
  g_autofree char *data = g_malloc ((gsize) size);
  g_autoptr (GBytes) bytes = NULL;
  double usec;

  memset (data, 1, (gsize) size);
  bytes = g_bytes_new_static (data, (gsize) size);
  usec = time_calls (executor, "echo", make_bytes, use_bytes, bytes);

  bench_put ("usec", usec);
  bench_put ("gbytes", 2 * (double) size / usec / 1e3);
  pool_end (executor);
}

/* Where values are made and read: memory that travels as it is is asked for in
 * produce() here and in transform() of pool.c, and in no other place. */

static GVariant *
produce (gpointer data)
{
  gsize n_words = *(gsize *) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (n_words * sizeof (guint64), &error);
  GVariant *value;

  bench_check (error);
  bench_fill ((guint64 *) (gpointer) ppool_buffer_get_data (buffer, NULL), n_words, 1);
  value = ppool_buffer_to_variant (buffer, G_VARIANT_TYPE ("at"), &error);
  bench_check (error);

  return value;
}

static void
consume (GVariant *value)
{
  gsize n_words;
  const guint64 *words = g_variant_get_fixed_array (value, &n_words, sizeof *words);

  bench_sink += bench_sum (words, n_words);
}

/* Made here, read there, made there, read here. */
void
row_in_place (void)
{
  PPoolExecutor *executor = pool_new_warm (1);
  gsize n_words = (gsize) bench_get ("size", 16 << 20) / sizeof (guint64);
  double usec = time_calls (executor, "transform", produce, consume, &n_words);

  bench_put ("usec", usec);
  bench_put ("gbytes", 2.0 * (double) (n_words * sizeof (guint64)) / usec / 1e3);
  pool_end (executor);
}
