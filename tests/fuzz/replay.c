/* replay.c: runs a fuzzer over what fuzzers have found
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "fuzz.h"

#include <glib.h>

/* Where there is no libFuzzer, its corpus is still worth a run. */
static void
test_corpus (gconstpointer data)
{
  const char *directory = data;
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const char *name;
  guint n_files = 0;

  dir = g_dir_open (directory, 0, &error);
  g_assert_no_error (error);

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *filename = g_build_filename (directory, name, NULL);
      g_autofree char *contents = NULL;
      gsize length;

      g_file_get_contents (filename, &contents, &length, &error);
      g_assert_no_error (error);
      g_test_message ("%s", name);
      LLVMFuzzerTestOneInput ((const uint8_t *) contents, length);
      n_files++;
    }

  g_assert_cmpuint (n_files, >, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);

  g_test_add_data_func ("/fuzz/corpus", argv[1], test_corpus);

  return g_test_run ();
}
