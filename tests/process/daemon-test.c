/* daemon-test.c: programs that have no standard descriptors
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

/* Standard input, output, error: a bit each. */
static const guint masks[] = { 1, 2, 4, 6, 7 };

#define ALL_CLOSED 7

/* No descriptor of the library has such a number then, and what workers write to
 * standard error goes nowhere. */
static void
check_closed (guint       mask,
              const char *when)
{
  g_autofree char *program = harness_program ("victim");
  g_autofree char *text = g_strdup_printf ("%u", mask);
  g_autoptr (GSubprocess) victim = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr (GError) error = NULL;

  victim = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                             &error, program, "daemon", text, when, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (victim, NULL, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  g_test_message ("%u closed %s: %s%s", mask, when, output, errors);
  g_assert_cmpstr (output, ==, "done\n");
  g_assert_true (g_subprocess_get_successful (victim));
}

static void
test_closed_first (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (masks); i++)
    check_closed (masks[i], "first");
}

static void
test_closed_later (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (masks); i++)
    check_closed (masks[i], "later");
}

static void
test_without_trampoline (Harness *harness)
{
  g_autofree char *trampoline = g_strdup (g_getenv ("PPOOL_LAUNCH_PROGRAM"));

  g_setenv ("PPOOL_LAUNCH_PROGRAM", "/nowhere/ppool-launch", TRUE);
  check_closed (ALL_CLOSED, "first");
  check_closed (ALL_CLOSED, "later");
  g_setenv ("PPOOL_LAUNCH_PROGRAM", trampoline, TRUE);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/daemon/closed/first", test_closed_first);
  harness_add ("/daemon/closed/later", test_closed_later);
  harness_add ("/daemon/closed/without-trampoline", test_without_trampoline);

  return g_test_run ();
}
