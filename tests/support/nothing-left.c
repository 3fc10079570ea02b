/* nothing-left.c: the end of a test of one room
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "nothing-left.h"

#include "scratch.h"

#include <gio/gio.h>

#define WAIT_USEC (20 * G_TIME_SPAN_SECOND)

/* Makes what GLib has for good once a process was started: a thread, the default
 * context, and their descriptors. */
void
keep_what_glib_keeps (void)
{
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GError) error = NULL;

  subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "true", NULL);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait_check (subprocess, NULL, &error));
  (void) g_main_context_default ();
}

/* Asserts that there is nothing now that wasn't there when @leftovers were made,
 * and frees them. GLib's own thread may take a moment to drop what it has of a
 * process that has been waited for. */
void
assert_nothing_left (Leftovers *leftovers)
{
  gint64 end = g_get_monotonic_time () + WAIT_USEC;
  g_autofree char *report = NULL;

  while (!leftovers_is_clean (leftovers) && g_get_monotonic_time () < end)
    g_thread_yield ();

  if (!leftovers_is_clean (leftovers))
    {
      report = leftovers_report (leftovers);
      g_error ("Left behind: %s", report);
    }

  leftovers_free (leftovers);
  scratch_assert_empty ();
}
