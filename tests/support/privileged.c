/* privileged.c: programs that have more privileges than who runs them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "privileged.h"

#include "scratch.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* Sanitized programs don't bear it. */
gboolean
privileged_can_be_made (void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature (address_sanitizer)
  return FALSE;
#else
  return geteuid () == 0 && g_getenv ("LD_PRELOAD") == NULL;
#endif
}

static gboolean
set_capabilities (const char *path,
                  const char *capabilities)
{
  g_autofree char *tool = g_find_program_in_path ("setcap");
  g_autoptr (GSubprocess) process = NULL;

  if (tool == NULL)
    tool = g_strdup ("/usr/sbin/setcap");
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL, tool, capabilities,
                              path, NULL);

  return process != NULL && g_subprocess_wait_check (process, NULL, NULL);
}

/* Where everybody can run it: (nullable) (transfer full): NULL where it can't be
 * given @capabilities, which may be NULL. */
char *
privileged_copy (const char *program,
                 guint       mode,
                 const char *capabilities)
{
  g_autofree char *dir = g_dir_make_tmp ("ppool-privileged-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "copy", NULL);
  g_autofree char *bytes = NULL;
  gsize n_bytes = 0;

  g_assert_no_errno (g_chmod (dir, 0711));
  g_assert_no_errno (g_chmod (scratch_get (), 0711));
  g_assert_true (g_file_get_contents (program, &bytes, &n_bytes, NULL));
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n_bytes, NULL));
  g_assert_no_errno (g_chmod (path, (int) mode));

  if (capabilities == NULL || set_capabilities (path, capabilities))
    return g_steal_pointer (&path);

  privileged_remove (path);

  return NULL;
}

void
privileged_remove (const char *copy)
{
  g_autofree char *dir = g_path_get_dirname (copy);

  g_assert_no_errno (g_unlink (copy));
  g_assert_no_errno (g_rmdir (dir));
}

void
privileged_enter (void)
{
  g_assert_no_errno (setresgid (PRIVILEGED_NOBODY, PRIVILEGED_NOBODY, 0));
  g_assert_no_errno (setresuid (PRIVILEGED_NOBODY, PRIVILEGED_NOBODY, 0));
}

void
privileged_leave (void)
{
  g_assert_no_errno (setresuid (0, 0, 0));
  g_assert_no_errno (setresgid (0, 0, 0));
}
