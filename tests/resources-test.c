/* resources-test.c: what a system would let a process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include "fake-root.h"
#include "scratch.h"

static void
test_memory (FakeRoot      *fixture,
             gconstpointer  user_data)
{
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, G_MAXUINT64);
  fake_root_put (fixture, "proc/meminfo", "MemTotal: 900 kB\nMemFree: 100 kB\n");
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, G_MAXUINT64);
  fake_root_put (fixture, "proc/meminfo",
       "MemTotal:    900 kB\nMemFree:  100 kB\nMemAvailable:     300 kB\nSwapCached: 7 kB\n"
       "SwapTotal:    50 kB\nSwapFree:  20 kB\n");
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, 320 * 1024);
  g_assert_cmpuint (ppool_resources_available_memory ("/"), >, 1024 * 1024);
}

int
main (int    argc,
      char **argv)
{
  scratch_init ();
  g_test_init (&argc, &argv, NULL);

  fake_root_add ("/resources/memory/system", test_memory);

  return g_test_run ();
}
