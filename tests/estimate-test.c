/* estimate-test.c: how long functions are thought to take
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-estimate-private.h"

#define USEC G_GINT64_CONSTANT (1000)
#define LONG_NSEC (1000 * 1000 * USEC)

static void
test_unknown (void)
{
  g_autoptr (GHashTable) table = ppool_estimate_new_table ();
  PPoolEstimate *estimate = ppool_estimate_find (table, "function");

  g_assert_cmpint (ppool_estimate_get (NULL), ==, ppool_estimate_get (estimate));
  g_assert_false (ppool_estimate_is_trivial (NULL));
  g_assert_false (ppool_estimate_is_trivial (estimate));

  ppool_estimate_measure (NULL, USEC);
  ppool_estimate_measure (estimate, -1);
  g_assert_cmpint (ppool_estimate_get (estimate), ==, ppool_estimate_get (NULL));

  g_assert_true (ppool_estimate_find (table, "function") == estimate);
  g_assert_true (ppool_estimate_find (table, "other") != estimate);
}

/* The first measurement counts alone, and one that differs little by little. */
static void
test_measured (void)
{
  g_autoptr (GHashTable) table = ppool_estimate_new_table ();
  PPoolEstimate *estimate = ppool_estimate_find (table, "function");

  ppool_estimate_measure (estimate, 8 * USEC);
  g_assert_cmpint (ppool_estimate_get (estimate), ==, 8 * USEC);
  g_assert_true (ppool_estimate_is_trivial (estimate));

  ppool_estimate_measure (estimate, 0);
  g_assert_cmpint (ppool_estimate_get (estimate), ==, 7 * USEC);
  ppool_estimate_measure (estimate, 15 * USEC);
  g_assert_cmpint (ppool_estimate_get (estimate), ==, 8 * USEC);
}

/* One long call by chance makes no function long, many do. */
static void
test_outlier (void)
{
  g_autoptr (GHashTable) table = ppool_estimate_new_table ();
  PPoolEstimate *estimate = ppool_estimate_find (table, "function");

  ppool_estimate_measure (estimate, USEC);
  ppool_estimate_measure (estimate, LONG_NSEC);
  g_assert_cmpint (ppool_estimate_get (estimate), <, 100 * USEC);
  g_assert_true (ppool_estimate_is_trivial (estimate));

  for (guint i = 0; i < 100; i++)
    ppool_estimate_measure (estimate, 100 * LONG_NSEC);
  g_assert_cmpint (ppool_estimate_get (estimate), >, LONG_NSEC / 2);
  g_assert_cmpint (ppool_estimate_get (estimate), <=, LONG_NSEC);
  g_assert_false (ppool_estimate_is_trivial (estimate));
}

/* Names come from callers, so there is an end to them. */
static void
test_many (void)
{
  g_autoptr (GHashTable) table = ppool_estimate_new_table ();
  PPoolEstimate *first = ppool_estimate_find (table, "0");

  for (guint i = 0; i < 2000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      if (ppool_estimate_find (table, name) == NULL)
        {
          g_assert_cmpuint (i, ==, 1024);
          g_assert_true (ppool_estimate_find (table, "0") == first);
          return;
        }
    }

  g_assert_not_reached ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/estimate/unknown", test_unknown);
  g_test_add_func ("/estimate/measured", test_measured);
  g_test_add_func ("/estimate/outlier", test_outlier);
  g_test_add_func ("/estimate/many", test_many);

  return g_test_run ();
}
