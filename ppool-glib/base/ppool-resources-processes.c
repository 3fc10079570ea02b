/* ppool-resources-processes.c: how many processes there are, and may be
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <string.h>
#include <unistd.h>

/* Of these one is enough to be above the limit of processes: CAP_SYS_ADMIN and
 * CAP_SYS_RESOURCE. */
#define CAPABILITIES_ABOVE ((G_GUINT64_CONSTANT (1) << 21) | (G_GUINT64_CONSTANT (1) << 24))

/* The control group of this process that has the least left. */
typedef struct
{
  guint64 limit;
  guint64 used;
  char *file; /* (owned) (nullable) */
} Group;

/* The number in the line of @text that begins with @name. */
static guint64
read_field (const char *text,
            const char *name,
            guint       base)
{
  const char *line = strstr (text, name);

  return line != NULL ? g_ascii_strtoull (line + strlen (name), NULL, base) : 0;
}

/* Whether RLIMIT_NPROC does not hold for this process. */
gboolean
ppool_resources_is_superuser (void)
{
  g_autofree char *status = NULL;

  if (getuid () == 0 || geteuid () == 0)
    return TRUE;

  status = ppool_resources_read_file ("/", "proc/self", "status");

  return status != NULL && (read_field (status, "\nCapEff:", 16) & CAPABILITIES_ABOVE) != 0;
}

/* What the fourth field has after the slash. */
static guint64
count_all (const char *root)
{
  g_autofree char *text = ppool_resources_read_file (root, "proc", "loadavg");
  const char *slash = text != NULL ? strchr (text, '/') : NULL;

  return slash != NULL ? g_ascii_strtoull (slash + 1, NULL, 10) : G_MAXUINT64;
}

/* The processes of the user @uid as RLIMIT_NPROC counts them, each thread for one.
 * To look at each takes long where there are many, so if there are no more than
 * @enough in the whole system, that is the answer. Files are read below @root. */
guint64
ppool_resources_count_processes (const char *root,
                                 guint       uid,
                                 guint64     enough)
{
  g_autofree char *path = g_build_filename (root, "proc", NULL);
  g_autoptr (GDir) dir = NULL;
  guint64 all = count_all (root);
  const char *name;
  guint64 n = 0;

  if (all <= enough)
    return all;

  dir = g_dir_open (path, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *status = NULL;

      if (g_ascii_isdigit (name[0]))
        status = ppool_resources_read_file (path, name, "status");
      if (status != NULL && strstr (status, "\nUid:") != NULL &&
          read_field (status, "\nUid:", 10) == uid)
        n += read_field (status, "\nThreads:", 10);
    }

  return n;
}

static void
read_pids (const char *root,
           const char *group,
           gboolean    unified,
           gpointer    user_data)
{
  Group *least = user_data;
  guint64 limit, used;

  if (!ppool_resources_read_number (root, group, "pids.max", &limit) ||
      !ppool_resources_read_number (root, group, "pids.current", &used))
    return;

  used = MIN (used, limit);
  if (least->file != NULL && limit - used >= least->limit - least->used)
    return;

  g_free (least->file);
  least->file = g_build_filename (group, "pids.max", NULL);
  least->limit = limit;
  least->used = used;
}

/* Reads how many processes there may be in the control group of this process, and
 * how many there are. Returns the file of the limit, or NULL without one. Files are
 * read below @root. */
char *
ppool_resources_read_pids (const char *root,
                           guint64    *limit,
                           guint64    *used)
{
  Group least = { .limit = PPOOL_RESOURCES_NO_LIMIT };

  ppool_resources_foreach_group (root, "pids", read_pids, &least);

  *limit = least.limit;
  *used = least.used;

  return least.file;
}
