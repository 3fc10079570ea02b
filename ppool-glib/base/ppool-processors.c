/* ppool-processors.c: the processors that this process may use
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-processors-private.h"

#include <errno.h>
#include <sched.h>

#include "ppool-resources-private.h"

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

static guint
read_cpu_max (const char *root,
              const char *group)
{
  g_autofree char *text = ppool_resources_read_file (root, group, "cpu.max");
  g_auto (GStrv) words = text != NULL ? g_strsplit (g_strchomp (text), " ", -1) : NULL;

  if (words == NULL || g_strv_length (words) != 2)
    return G_MAXUINT;

  return to_processors (words[0], words[1]);
}

static guint
read_cfs_quota (const char *root,
                const char *group)
{
  g_autofree char *quota = ppool_resources_read_file (root, group, "cpu.cfs_quota_us");
  g_autofree char *period = ppool_resources_read_file (root, group, "cpu.cfs_period_us");

  if (quota == NULL || period == NULL)
    return G_MAXUINT;

  return to_processors (g_strchomp (quota), g_strchomp (period));
}

static void
read_quota (const char *root,
            const char *group,
            gboolean    unified,
            gpointer    user_data)
{
  guint *least = user_data;
  guint found = unified ? read_cpu_max (root, group) : read_cfs_quota (root, group);

  *least = MIN (*least, found);
}

/* How many processors' time the control groups of this process allow, rounded
 * up, or G_MAXUINT without a limit. Files are read below @root. */
guint
ppool_processors_quota (const char *root)
{
  guint least = G_MAXUINT;

  ppool_resources_foreach_group (root, "cpu", read_quota, &least);

  return least;
}

/* The processors that this process may use, by its affinity and its control
 * groups: at least 1.
 *
 * May be called from any thread. */
guint
ppool_processors_count (void)
{
  guint quota = ppool_processors_quota ("/");

  return MIN (count_affinity (), quota);
}
