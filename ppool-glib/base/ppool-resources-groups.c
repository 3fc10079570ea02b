/* ppool-resources-groups.c: the control groups of this process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <string.h>

static gboolean
has_word (const char *list,
          const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  return g_strv_contains ((const char * const *) words, word);
}

char *
ppool_resources_read_file (const char *root,
                           const char *directory,
                           const char *name)
{
  g_autofree char *path = g_build_filename (root, directory, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* FALSE also for a limit that is “max”. */
gboolean
ppool_resources_read_number (const char *root,
                             const char *directory,
                             const char *name,
                             guint64    *number)
{
  g_autofree char *text = ppool_resources_read_file (root, directory, name);

  return text != NULL && g_ascii_string_to_unsigned (g_strchomp (text), 10, 0,
                                                     PPOOL_RESOURCES_NO_LIMIT, number, NULL);
}

/* Splits a line of /proc/self/mountinfo where a hierarchy with @controller, or
 * the unified one if that is NULL, is mounted; else FALSE. */
static gboolean
parse_mount (const char  *line,
             const char  *controller,
             char       **mount_root,
             char       **mount_point)
{
  g_auto (GStrv) halves = g_strsplit (line, " - ", 2);
  g_auto (GStrv) left = NULL;
  g_auto (GStrv) right = NULL;

  if (g_strv_length (halves) != 2)
    return FALSE;

  left = g_strsplit (halves[0], " ", -1);
  right = g_strsplit (halves[1], " ", -1);
  if (g_strv_length (left) < 6 || g_strv_length (right) < 3)
    return FALSE;

  if (controller == NULL ? !g_str_equal (right[0], "cgroup2")
                         : !g_str_equal (right[0], "cgroup") || !has_word (right[2], controller))
    return FALSE;

  *mount_root = g_strcompress (left[3]);
  *mount_point = g_strcompress (left[4]);

  return TRUE;
}

/* The part of @path, a group in its hierarchy, below the directory that is
 * mounted. In a container either may be what only the host can see. */
static const char *
below_mount (const char *path,
             const char *mount_root)
{
  gsize length = g_str_equal (mount_root, "/") ? 0 : strlen (mount_root);

  if (strncmp (path, mount_root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
    return "";
  if (strstr (path, "/..") != NULL)
    return "";

  return path + length;
}

/* From the group @path upwards; @controller is NULL in the unified hierarchy. */
static void
foreach_above (const char     *root,
               const char     *mounts,
               const char     *path,
               const char     *controller,
               PPoolGroupFunc  func,
               gpointer        user_data)
{
  g_auto (GStrv) lines = g_strsplit (mounts, "\n", -1);
  g_autofree char *mount_root = NULL;
  g_autofree char *mount_point = NULL;
  g_autofree char *below = NULL;
  char *slash;
  gsize i;

  for (i = 0; lines[i] != NULL && mount_point == NULL; i++)
    parse_mount (lines[i], controller, &mount_root, &mount_point);

  if (mount_point == NULL)
    return;

  below = g_strdup (below_mount (path, mount_root));
  do
    {
      g_autofree char *group = g_build_filename (mount_point, below, NULL);

      func (root, group, controller == NULL, user_data);

      slash = strrchr (below, '/');
      if (slash != NULL)
        *slash = '\0';
    }
  while (slash != NULL);
}

/* Calls @func for each control group that limits what @controller is for: those
 * of this process and all above them, since a group has no more than any of
 * those. Files are read below @root. */
void
ppool_resources_foreach_group (const char     *root,
                               const char     *controller,
                               PPoolGroupFunc  func,
                               gpointer        user_data)
{
  g_autofree char *groups = ppool_resources_read_file (root, "proc/self", "cgroup");
  g_autofree char *mounts = ppool_resources_read_file (root, "proc/self", "mountinfo");
  g_auto (GStrv) lines = NULL;
  gsize i;

  if (groups == NULL || mounts == NULL)
    return;

  lines = g_strsplit (groups, "\n", -1);
  for (i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ":", 3);
      gboolean unified;

      if (g_strv_length (fields) != 3)
        continue;

      unified = fields[1][0] == '\0';
      if (unified || has_word (fields[1], controller))
        foreach_above (root, mounts, fields[2], unified ? NULL : controller, func, user_data);
    }
}
