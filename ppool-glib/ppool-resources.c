/* ppool-resources.c: what this system lets the process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ppool-error.h"

/* What one worker takes of this process: its socket, the pipe of its standard
 * error, and what watches for its exit. */
#define DESCRIPTORS_OF_WORKER 3

/* What a start takes beyond that for a moment, and GLib once. */
#define DESCRIPTORS_BESIDE 16

/* The threads of a worker count as processes of the user. */
#define PROCESSES_OF_WORKER 4

static guint64
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint64 n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static gboolean
check_limit (int          resource,
             const char  *name,
             guint64      needed,
             guint64      used,
             guint        n_workers,
             GError     **error)
{
  struct rlimit limit;

  if (getrlimit (resource, &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY || used + needed <= limit.rlim_cur)
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
               "%u workers need about %" G_GUINT64_FORMAT " more of what %s limits to "
               "%" G_GUINT64_FORMAT ", and %" G_GUINT64_FORMAT " are in use; raise the limit or "
               "have fewer workers",
               n_workers, needed, name, (guint64) limit.rlim_cur, used);
  return FALSE;
}

/* Tells whether this system lets the process have that many workers. How many
 * processes the user has already is not looked at. */
gboolean
ppool_resources_check_workers (guint    n_workers,
                               GError **error)
{
  if (!check_limit (RLIMIT_NOFILE, "RLIMIT_NOFILE",
                    (guint64) n_workers * DESCRIPTORS_OF_WORKER + DESCRIPTORS_BESIDE,
                    count_descriptors (), n_workers, error))
    return FALSE;

  /* This limit does not hold for the superuser. */
  return geteuid () == 0 ||
         check_limit (RLIMIT_NPROC, "RLIMIT_NPROC", (guint64) n_workers * PROCESSES_OF_WORKER, 0,
                      n_workers, error);
}

/* Adds the number of kilobytes in the line of @text that begins with @name. */
static void
add_line (const char *text,
          const char *name,
          guint64    *bytes)
{
  const char *line = strstr (text, name);

  if (line != NULL)
    *bytes += g_ascii_strtoull (line + strlen (name), NULL, 10) * 1024;
}

/* About how much more memory can be had before something has to give way, by
 * what is below the directory @root; G_MAXUINT64 if that is not known. */
guint64
ppool_resources_available_memory (const char *root)
{
  g_autofree char *text = ppool_resources_read_file (root, "proc", "meminfo");
  guint64 bytes = 0;

  if (text == NULL || strstr (text, "MemAvailable:") == NULL)
    return G_MAXUINT64;

  add_line (text, "MemAvailable:", &bytes);
  add_line (text, "SwapFree:", &bytes);

  return bytes;
}
