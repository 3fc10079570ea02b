/* control-group.c: a control group with a limit, where one can be made
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "control-group.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct _ControlGroup
{
  char *parent; /* (owned): where this process was */
  char *path;   /* (owned) */
  gboolean unified;
};

/* As one write() to a file that is there already. */
static gboolean
put (const char *dir,
     const char *name,
     guint64     value)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, value);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);

  return done;
}

static gboolean
is_in (const char *list,
       const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  return g_strv_contains ((const char * const *) words, word);
}

/* Where the hierarchy is mounted that has @controller, or the unified one. Only one
 * that is mounted as a whole will do. */
static char *
find_mount (const char *controller,
            gboolean    unified)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) halves = g_strsplit (lines[i], " - ", 2);
      g_auto (GStrv) left = NULL;
      g_auto (GStrv) right = NULL;

      if (g_strv_length (halves) != 2)
        continue;
      left = g_strsplit (halves[0], " ", -1);
      right = g_strsplit (halves[1], " ", -1);
      if (g_strv_length (left) > 4 && g_strv_length (right) > 2 && g_str_equal (left[3], "/") &&
          g_str_equal (right[0], unified ? "cgroup2" : "cgroup") &&
          (unified || is_in (right[2], controller)))
        return g_strdup (left[4]);
    }

  return NULL;
}

static char *
find_own (const char *controller,
          gboolean    unified)
{
  g_autofree char *mount = find_mount (controller, unified);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (mount == NULL || !g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ":", 3);

      if (g_strv_length (fields) == 3 &&
          (unified ? fields[1][0] == '\0' : is_in (fields[1], controller)))
        return g_build_filename (mount, fields[2], NULL);
    }

  return NULL;
}

static ControlGroup *
try_new (const char *controller,
         gboolean    unified)
{
  g_autoptr (ControlGroup) self = g_new0 (ControlGroup, 1);
  g_autofree char *name = g_strdup_printf ("ppool-test-%d", (int) getpid ());

  self->unified = unified;
  self->parent = find_own (controller, unified);
  if (self->parent == NULL)
    return NULL;

  self->path = g_build_filename (self->parent, name, NULL);

  return g_mkdir (self->path, 0755) == 0 ? g_steal_pointer (&self) : NULL;
}

/* NULL where this user or this system has none to make; one that was made may turn
 * out to have no limits. */
ControlGroup *
control_group_new (const char *controller)
{
  ControlGroup *self = try_new (controller, FALSE);

  return self != NULL ? self : try_new (controller, TRUE);
}

gboolean
control_group_set (ControlGroup *self,
                   const char   *unified_name,
                   const char   *legacy_name,
                   guint64       value)
{
  return put (self->path, self->unified ? unified_name : legacy_name, value);
}

/* This process, and what it starts from now on. */
gboolean
control_group_join (ControlGroup *self)
{
  return put (self->path, "cgroup.procs", (guint64) getpid ());
}

/* All that was started in it must be gone. */
void
control_group_free (ControlGroup *self)
{
  if (self->path != NULL)
    {
      put (self->parent, "cgroup.procs", (guint64) getpid ());
      g_rmdir (self->path);
    }
  g_free (self->parent);
  g_free (self->path);
  g_free (self);
}
