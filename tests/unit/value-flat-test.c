/* value-flat-test.c: arrays whose elements can be any bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <string.h>

#include "ppool-value-private.h"

static const struct
{
  const char *type;
  gsize size;
  gboolean any_bytes;
} cases[] = {
  { "ay", 1, TRUE },
  { "an", 2, TRUE },
  { "aq", 2, TRUE },
  { "ai", 4, TRUE },
  { "au", 4, TRUE },
  { "ah", 4, TRUE },
  { "ax", 8, TRUE },
  { "at", 8, TRUE },
  { "ad", 8, TRUE },
  { "a(dd)", 16, TRUE },
  { "a{tt}", 16, TRUE },
  { "a(yyq(ui))", 12, TRUE },
  { "a(y)", 1, TRUE },
  { "a((((x))))", 8, TRUE },
  /* A boolean is 0 or 1. */
  { "ab", 1, FALSE },
  { "a(yb)", 2, FALSE },
  /* Gaps are zero. */
  { "a(yi)", 8, FALSE },
  { "a(iy)", 8, FALSE },
  { "a{ty}", 16, FALSE },
  { "a(xi(yyq))", 16, TRUE },
  { "a(xi(qy))", 16, FALSE },
  { "a()", 1, FALSE },
  { "a(y())", 2, FALSE },
  /* These have offsets. */
  { "as", 0, FALSE },
  { "ao", 0, FALSE },
  { "ag", 0, FALSE },
  { "av", 0, FALSE },
  { "aay", 0, FALSE },
  { "ami", 0, FALSE },
  { "a(ys)", 0, FALSE },
  { "a{sv}", 0, FALSE },
  { "a(yay)", 0, FALSE },
  { "y", 0, FALSE },
  { "(ay)", 0, FALSE },
  { "may", 0, FALSE },
  { "s", 0, FALSE },
  { "v", 0, FALSE },
  { "a*", 0, FALSE },
  { "a?", 0, FALSE },
  { "ar", 0, FALSE },
};

static void
test_types (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gboolean any_bytes = FALSE;
      gsize size = ppool_value_get_element_size (G_VARIANT_TYPE (cases[i].type), &any_bytes);

      g_test_message ("%s", cases[i].type);
      g_assert_cmpuint (size, ==, cases[i].size);
      g_assert_cmpint (any_bytes && size > 0, ==, cases[i].any_bytes);
      g_assert_cmpint (ppool_value_is_flat (G_VARIANT_TYPE (cases[i].type), 0), ==,
                       cases[i].any_bytes);
      if (size > 1)
        g_assert_false (ppool_value_is_flat (G_VARIANT_TYPE (cases[i].type), size + 1));
    }
}

/* GLib agrees: with these types all bytes are in normal form, with the others some
 * are not. */
static void
test_normal (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases) && cases[i].size > 0; i++)
    {
      const GVariantType *type = G_VARIANT_TYPE (cases[i].type);
      g_autofree guint8 *data = g_malloc (cases[i].size * 3);
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GBytes) bytes = NULL;

      g_test_message ("%s", cases[i].type);
      memset (data, 0xa5, cases[i].size * 3);
      bytes = g_bytes_new (data, cases[i].size * 3);
      value = g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, FALSE));
      g_assert_cmpuint (g_variant_n_children (value), ==, 3);
      g_assert_cmpint (g_variant_is_normal_form (value), ==, cases[i].any_bytes);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/value-flat/types", test_types);
  g_test_add_func ("/value-flat/normal", test_normal);

  return g_test_run ();
}
