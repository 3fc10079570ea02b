/* ppool-resources-memory.c: how much memory is left
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <string.h>

/* What a group keeps for all that is not allocated through here: a part of its
 * limit, and no more than so much. */
#define RESERVED_PART  16
#define RESERVED_BYTES (G_GUINT64_CONSTANT (16) * 1024 * 1024)

typedef struct
{
  guint64 least;
  guint64 swap; /* free in the whole system */
} Available;

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

/* Files that were read long ago count as used, and are dropped before anything is
 * refused. */
static guint64
read_reclaimable (const char *root,
                  const char *group,
                  const char *name)
{
  g_autofree char *text = ppool_resources_read_file (root, group, "memory.stat");
  const char *line = text != NULL ? strstr (text, name) : NULL;

  return line != NULL ? g_ascii_strtoull (line + strlen (name), NULL, 10) : 0;
}

static guint64
get_left (guint64 limit,
          guint64 used,
          guint64 reclaimable)
{
  guint64 reserved = MIN (limit / RESERVED_PART, RESERVED_BYTES);

  used -= MIN (reclaimable, used);
  used += reserved;

  return limit - MIN (used, limit);
}

static guint64
add (guint64 a,
     guint64 b)
{
  return a + MIN (b, G_MAXUINT64 - a);
}

/* Of the system's swap a group may have its own share alone. */
static guint64
read_swap (const char *root,
           const char *group,
           guint64     swap)
{
  guint64 limit, used;

  if (swap == 0 ||
      !ppool_resources_read_number (root, group, "memory.swap.max", &limit) ||
      !ppool_resources_read_number (root, group, "memory.swap.current", &used))
    return swap;

  return MIN (swap, limit - MIN (used, limit));
}

static guint64
read_unified (const char *root,
              const char *group,
              guint64     swap)
{
  guint64 limit, used;

  if (!ppool_resources_read_number (root, group, "memory.max", &limit) ||
      !ppool_resources_read_number (root, group, "memory.current", &used))
    return G_MAXUINT64;

  return add (get_left (limit, used, read_reclaimable (root, group, "\ninactive_file ")),
              read_swap (root, group, swap));
}

/* A group of the old kind has a limit of its memory, and one of memory and swap. */
static guint64
read_legacy (const char *root,
             const char *group,
             guint64     swap)
{
  guint64 reclaimable = read_reclaimable (root, group, "\ntotal_inactive_file ");
  guint64 least = G_MAXUINT64;
  guint64 limit, used;

  if (ppool_resources_read_number (root, group, "memory.limit_in_bytes", &limit) &&
      ppool_resources_read_number (root, group, "memory.usage_in_bytes", &used))
    least = add (get_left (limit, used, reclaimable), swap);

  if (ppool_resources_read_number (root, group, "memory.memsw.limit_in_bytes", &limit) &&
      ppool_resources_read_number (root, group, "memory.memsw.usage_in_bytes", &used))
    least = MIN (least, get_left (limit, used, reclaimable));

  return least;
}

static void
read_group (const char *root,
            const char *group,
            gboolean    unified,
            gpointer    user_data)
{
  Available *self = user_data;
  guint64 left = unified ? read_unified (root, group, self->swap)
                         : read_legacy (root, group, self->swap);

  self->least = MIN (self->least, left);
}

/* About how much more memory can be had before something has to give way, in the
 * whole system and in the control groups of this process; G_MAXUINT64 if that is
 * not known. Files are read below @root. */
guint64
ppool_resources_available_memory (const char *root)
{
  g_autofree char *text = ppool_resources_read_file (root, "proc", "meminfo");
  Available available = { .least = G_MAXUINT64 };

  if (text != NULL)
    add_line (text, "SwapFree:", &available.swap);

  if (text != NULL && strstr (text, "MemAvailable:") != NULL)
    {
      available.least = available.swap;
      add_line (text, "MemAvailable:", &available.least);
    }

  ppool_resources_foreach_group (root, "memory", read_group, &available);

  return available.least;
}

static void
count_oom_kills (const char *root,
                 const char *group,
                 gboolean    unified,
                 gpointer    user_data)
{
  guint64 *n = user_data;
  g_autofree char *text =
    ppool_resources_read_file (root, group, unified ? "memory.events" : "memory.oom_control");
  const char *line = text != NULL ? strstr (text, "oom_kill ") : NULL;

  if (line != NULL)
    *n += g_ascii_strtoull (line + strlen ("oom_kill "), NULL, 10);
}

/* A number that grows when the kernel kills a process of this one's control groups for lack of
 * memory: the sum of all of them, as not each group counts what happens below it. */
guint64
ppool_resources_count_oom_kills (const char *root)
{
  guint64 n = 0;

  ppool_resources_foreach_group (root, "memory", count_oom_kills, &n);

  return n;
}
