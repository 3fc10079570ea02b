/* timings-test.c: which functions are known to be short
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-timings-private.h"

static void
note (PPoolTimings *timings,
      const char   *name,
      gint64        usec)
{
  ppool_timing_note (ppool_timings_find (timings, name), usec);
}

static gboolean
is_short (PPoolTimings *timings,
          const char   *name)
{
  return ppool_timing_is_short (ppool_timings_find (timings, name));
}

static void
test_learn (void)
{
  g_autoptr (PPoolTimings) timings = ppool_timings_new ();

  g_assert_false (is_short (timings, "a"));
  note (timings, "a", 5);
  g_assert_true (is_short (timings, "a"));
  g_assert_false (is_short (timings, "b"));
  note (timings, "b", 100000);
  g_assert_false (is_short (timings, "b"));
  g_assert_true (is_short (timings, "a"));
  g_assert_cmpstr (ppool_timings_find (timings, "b")->name, ==, "b");
}

/* What was long once is soon forgotten. */
static void
test_change (void)
{
  g_autoptr (PPoolTimings) timings = ppool_timings_new ();
  guint n = 0;

  note (timings, "a", 5);
  note (timings, "a", G_MAXINT64);
  g_assert_false (is_short (timings, "a"));
  for (; !is_short (timings, "a"); n++)
    note (timings, "a", 5);
  g_assert_cmpuint (n, <, 5);

  note (timings, "a", -1);
  for (n = 0; is_short (timings, "a"); n++)
    note (timings, "a", 150);
  g_assert_cmpuint (n, <, 20);
}

static void
test_many (void)
{
  g_autoptr (PPoolTimings) timings = ppool_timings_new ();

  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *name = g_strdup_printf ("function-%u", i);

      note (timings, name, 1);
      g_assert_true (is_short (timings, name));
    }
  g_assert_false (is_short (timings, "function-0"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/timings/learn", test_learn);
  g_test_add_func ("/timings/change", test_change);
  g_test_add_func ("/timings/many", test_many);

  return g_test_run ();
}
