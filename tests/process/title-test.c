/* title-test.c: programs that change what the list of processes says of them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <gio/gio.h>
#include <string.h>

/* What comes of a call in a program that loads the library after that. */
static char *
run (const char *length,
     const char *argument)
{
  g_autofree char *program = harness_program ("late-loader");
  g_autofree char *library = g_test_build_filename (G_TEST_BUILT, "..", "ppool-glib",
                                                    "libppool-glib-1.0.so", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = NULL;
  char *output = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                              &error, program, library, length, argument, NULL);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  g_test_message ("%s", output);

  return output;
}

static void
assert_started (const char *length,
                const char *argument,
                const char *count)
{
  g_autofree char *output = run (length, argument);
  g_autofree char *expected = g_strdup_printf ("started with %s arguments", count);

  g_assert_nonnull (strstr (output, expected));
}

static void
assert_refused (const char *length)
{
  g_autofree char *output = run (length, "argument");

  g_assert_nonnull (strstr (output, "its title was changed before PPool-GLib was loaded"));
}

/* What is left of the arguments is not taken for arguments, and starts nothing. */
static void
test_late (Harness *harness)
{
  g_autofree char *program = harness_program ("late-loader");
  g_autofree char *library = g_test_build_filename (G_TEST_BUILT, "..", "ppool-glib",
                                                    "libppool-glib-1.0.so", NULL);
  gsize room = strlen (program) + 1 + strlen (library) + 1 + 2 + 1 + strlen ("argument");

  assert_refused ("4");

  /* Of such a length that there are as many zeros as arguments; more, and fewer. */
  for (gsize left = 0; left < 6; left++)
    {
      g_autofree char *length = g_strdup_printf ("%03" G_GSIZE_FORMAT, room + 1 - left);

      assert_refused (length);
    }
}

/* Arguments that are empty are arguments. */
static void
test_unchanged (Harness *harness)
{
  assert_started ("0", NULL, "3");
  assert_started ("0", "", "4");
  assert_started ("0", "argument", "4");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/title/late", test_late);
  harness_add ("/title/unchanged", test_unchanged);

  return g_test_run ();
}
