/* ppool-limits.c: what this system allows
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-limits-private.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ppool-error.h"

static guint
count_affinity (void)
{
  gsize n_bytes;

  /* The kernel refuses a set that is too small for all its processors. */
  for (n_bytes = sizeof (cpu_set_t); n_bytes <= 64 * 1024; n_bytes *= 2)
    {
      g_autofree cpu_set_t *set = g_malloc0 (n_bytes);

      if (sched_getaffinity (0, n_bytes, set) == 0)
        return MAX ((guint) CPU_COUNT_S (n_bytes, set), 1);
      if (errno != EINVAL)
        break;
    }

  return g_get_num_processors ();
}

static gboolean
has_word (const char *list,
          const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  return g_strv_contains ((const char * const *) words, word);
}

static char *
read_file (const char *root,
           const char *path)
{
  g_autofree char *name = g_build_filename (root, path, NULL);
  char *text = NULL;

  return g_file_get_contents (name, &text, NULL, NULL) ? text : NULL;
}

/* Processors that @quota microseconds in each @period come to; what is begun
 * counts, since a worker can use the part. */
static guint
to_processors (const char *quota,
               const char *period)
{
  guint64 quota_usec, period_usec;

  if (!g_ascii_string_to_unsigned (quota, 10, 1, G_MAXUINT32, &quota_usec, NULL) ||
      !g_ascii_string_to_unsigned (period, 10, 1, G_MAXUINT32, &period_usec, NULL))
    return G_MAXUINT;

  return (guint) ((quota_usec + period_usec - 1) / period_usec);
}

/* What one control group of the unified hierarchy allows. */
static guint
read_cpu_max (const char *root,
              const char *group)
{
  g_autofree char *path = g_build_filename (group, "cpu.max", NULL);
  g_autofree char *text = read_file (root, path);
  g_auto (GStrv) words = text != NULL ? g_strsplit (g_strchomp (text), " ", -1) : NULL;

  if (words == NULL || g_strv_length (words) != 2)
    return G_MAXUINT;

  return to_processors (words[0], words[1]);
}

/* What one control group of the old kind allows. */
static guint
read_cfs_quota (const char *root,
                const char *group)
{
  g_autofree char *quota_path = g_build_filename (group, "cpu.cfs_quota_us", NULL);
  g_autofree char *period_path = g_build_filename (group, "cpu.cfs_period_us", NULL);
  g_autofree char *quota = read_file (root, quota_path);
  g_autofree char *period = read_file (root, period_path);

  if (quota == NULL || period == NULL)
    return G_MAXUINT;

  return to_processors (g_strchomp (quota), g_strchomp (period));
}

/* Splits a line of /proc/self/mountinfo where a hierarchy with the controller
 * for processor time is mounted; else FALSE. */
static gboolean
parse_mount (const char  *line,
             gboolean     unified,
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

  if (unified ? !g_str_equal (right[0], "cgroup2")
              : !g_str_equal (right[0], "cgroup") || !has_word (right[2], "cpu"))
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

/* A group has no more than any of those above it. */
static guint
read_groups (const char *root,
             const char *mounts,
             const char *path,
             gboolean    unified)
{
  g_auto (GStrv) lines = g_strsplit (mounts, "\n", -1);
  g_autofree char *mount_root = NULL;
  g_autofree char *mount_point = NULL;
  g_autofree char *below = NULL;
  guint found, least = G_MAXUINT;
  char *slash;
  gsize i;

  for (i = 0; lines[i] != NULL && mount_point == NULL; i++)
    parse_mount (lines[i], unified, &mount_root, &mount_point);

  if (mount_point == NULL)
    return G_MAXUINT;

  below = g_strdup (below_mount (path, mount_root));
  do
    {
      g_autofree char *group = g_build_filename (mount_point, below, NULL);

      found = unified ? read_cpu_max (root, group) : read_cfs_quota (root, group);
      least = MIN (least, found);

      slash = strrchr (below, '/');
      if (slash != NULL)
        *slash = '\0';
    }
  while (slash != NULL);

  return least;
}

/* How many processors' time the control groups of this process allow, rounded
 * up, or G_MAXUINT without a limit. Files are read below @root. */
guint
ppool_limits_cpu_quota (const char *root)
{
  g_autofree char *groups = read_file (root, "proc/self/cgroup");
  g_autofree char *mounts = read_file (root, "proc/self/mountinfo");
  g_auto (GStrv) lines = NULL;
  guint found, least = G_MAXUINT;
  gsize i;

  if (groups == NULL || mounts == NULL)
    return G_MAXUINT;

  lines = g_strsplit (groups, "\n", -1);
  for (i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ":", 3);
      gboolean unified;

      if (g_strv_length (fields) != 3)
        continue;

      unified = fields[1][0] == '\0';
      if (!unified && !has_word (fields[1], "cpu"))
        continue;

      found = read_groups (root, mounts, fields[2], unified);
      least = MIN (least, found);
    }

  return least;
}

/* The processors that this process may use, by its affinity and its control
 * groups: at least 1.
 *
 * May be called from any thread. */
guint
ppool_limits_n_processors (void)
{
  guint quota = ppool_limits_cpu_quota ("/");

  return MIN (count_affinity (), quota);
}

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
check_limit (__rlimit_resource_t   resource,
             const char           *name,
             guint64               needed,
             guint64               used,
             guint                 n_workers,
             GError              **error)
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
ppool_limits_check_workers (guint    n_workers,
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
ppool_limits_available_memory (const char *root)
{
  g_autofree char *text = read_file (root, "proc/meminfo");
  guint64 bytes = 0;

  if (text == NULL || strstr (text, "MemAvailable:") == NULL)
    return G_MAXUINT64;

  add_line (text, "MemAvailable:", &bytes);
  add_line (text, "SwapFree:", &bytes);

  return bytes;
}
