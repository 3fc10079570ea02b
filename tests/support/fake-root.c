/* fake-root.c: a folder that is read as if it were the root of a system
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fake-root.h"

#include "scratch.h"

#include <glib/gstdio.h>

static void
set_up (FakeRoot      *self,
        gconstpointer  user_data)
{
  self->root = g_dir_make_tmp ("ppool-root-XXXXXX", NULL);
  g_assert_nonnull (self->root);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_all (child);
    }

  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
tear_down (FakeRoot      *self,
           gconstpointer  user_data)
{
  remove_all (self->root);
  g_free (self->root);
  scratch_assert_empty ();
}

void
fake_root_add (const char   *path,
               FakeRootFunc  func)
{
  g_test_add (path, FakeRoot, NULL, set_up, func, tear_down);
}

void
fake_root_put (FakeRoot   *self,
               const char *name,
               const char *text)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}
