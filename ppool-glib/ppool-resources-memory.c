/* ppool-resources-memory.c: how much memory is left
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <string.h>

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
