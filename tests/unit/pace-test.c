/* pace-test.c: which functions are known to be short
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pace-private.h"

static void
note (PPoolPace  *pace,
      const char *name,
      gint64      usec)
{
  ppool_stride_note (ppool_pace_find (pace, name), usec);
}

static gboolean
is_short (PPoolPace  *pace,
          const char *name)
{
  return ppool_stride_is_short (ppool_pace_find (pace, name));
}

static void
test_learn (void)
{
  g_autoptr (PPoolPace) pace = ppool_pace_new ();

  g_assert_false (is_short (pace, "a"));
  note (pace, "a", 5);
  g_assert_true (is_short (pace, "a"));
  g_assert_false (is_short (pace, "b"));
  note (pace, "b", 100000);
  g_assert_false (is_short (pace, "b"));
  g_assert_true (is_short (pace, "a"));
  g_assert_cmpstr (ppool_pace_find (pace, "b")->name, ==, "b");
}

/* What was long once is soon forgotten. */
static void
test_change (void)
{
  g_autoptr (PPoolPace) pace = ppool_pace_new ();
  guint n = 0;

  note (pace, "a", 5);
  note (pace, "a", G_MAXINT64);
  g_assert_false (is_short (pace, "a"));
  for (; !is_short (pace, "a"); n++)
    note (pace, "a", 5);
  g_assert_cmpuint (n, <, 5);

  note (pace, "a", -1);
  for (n = 0; is_short (pace, "a"); n++)
    note (pace, "a", 150);
  g_assert_cmpuint (n, <, 20);
}

static void
test_many (void)
{
  g_autoptr (PPoolPace) pace = ppool_pace_new ();

  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *name = g_strdup_printf ("function-%u", i);

      note (pace, name, 1);
      g_assert_true (is_short (pace, name));
    }
  g_assert_false (is_short (pace, "function-0"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/pace/learn", test_learn);
  g_test_add_func ("/pace/change", test_change);
  g_test_add_func ("/pace/many", test_many);

  return g_test_run ();
}
