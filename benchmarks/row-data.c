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

/* The same bytes beside others in a value of several parts. */

static GVariant *
make_tuple (gpointer data)
{
  return g_variant_new ("(x@ay)", (gint64) 1, make_bytes (data));
}

static GVariant *
make_dictionary (gpointer data)
{
  return g_variant_new_parsed ("{'number': <int64 1>, 'bytes': <%@ay>}", make_bytes (data));
}

static GVariant *
make_list (gpointer data)
{
  GVariant *children[] = { make_bytes (data) };

  return g_variant_new_array (G_VARIANT_TYPE_BYTESTRING, children, G_N_ELEMENTS (children));
}

/* Texts of 64 bytes, together as large. */

#define TEXT_SIZE 64

static GVariant *
make_texts (gpointer data)
{
  gsize n = MAX (g_bytes_get_size (data) / TEXT_SIZE, 1);
  g_autofree char *text = g_strnfill (TEXT_SIZE - 1, 't');
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (gsize i = 0; i < n; i++)
    g_variant_builder_add (&builder, "s", text);

  return g_variant_builder_end (&builder);
}

static GVariant *
make_text_dictionary (gpointer data)
{
  gsize n = MAX (g_bytes_get_size (data) / TEXT_SIZE, 1);
  g_autofree char *text = g_strnfill (TEXT_SIZE - 1, 't');
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < n; i++)
    g_variant_builder_add (&builder, "{sv}", "text", g_variant_new_string (text));

  return g_variant_builder_end (&builder);
}

static void
use_nothing (GVariant *value)
{
  g_assert_cmpuint (g_variant_n_children (value), >, 0);
}

static const struct
{
  const char *name;
  GVariant *(*make) (gpointer data);
  void (*use) (GVariant *value);
} shapes[] = {
  { "ay", make_bytes, use_bytes },
  { "(xay)", make_tuple, use_nothing },
  { "a{sv}", make_dictionary, use_nothing },
  { "aay", make_list, use_nothing },
  { "as", make_texts, use_nothing },
  { "a{sv}-of-texts", make_text_dictionary, use_nothing },
};

static guint
find_shape (const char *name)
{
  guint found = 0;

  while (found < G_N_ELEMENTS (shapes) && !g_str_equal (shapes[found].name, name))
    found++;
  if (found == G_N_ELEMENTS (shapes))
    g_error ("“%s” is no shape of a value", name);

  return found;
}

static GVariant *
take_again (gpointer data)
{
  return g_variant_ref (data);
}

/* The same value there and back, which is made but once. */
void
row_echo (void)
{
  guint shape = find_shape (bench_get_string ("shape", "ay"));
  PPoolExecutor *executor = pool_new_warm (1);
  gint64 size = bench_get ("size", 16 << 20);
  g_autofree char *data = g_malloc ((gsize) size);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  double usec;

  memset (data, 1, (gsize) size);
  bytes = g_bytes_new_static (data, (gsize) size);
  value = g_variant_ref_sink (shapes[shape].make (bytes));
  usec = time_calls (executor, "echo", take_again, shapes[shape].use, value);

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
