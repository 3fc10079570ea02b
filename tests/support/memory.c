/* memory.c: how much of it this process has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sanitizer has an allocator of its own, which keeps what was freed. */
#if defined __SANITIZE_ADDRESS__
#define HAS_PLAIN_HEAP FALSE
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define HAS_PLAIN_HEAP FALSE
#endif
#endif
#ifndef HAS_PLAIN_HEAP
#define HAS_PLAIN_HEAP TRUE
#endif

static gint64
read_status (const char *key)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL) ||
      (line = strstr (text, key)) == NULL)
    return 0;

  return g_ascii_strtoll (line + strlen (key), NULL, 10) * 1024;
}

Memory
memory_measure (void)
{
  Memory memory = { 0 };

#ifdef __GLIBC__
  malloc_trim (0);
#if __GLIBC_PREREQ(2, 33)
  memory.heap = mallinfo2 ().uordblks;
#endif
#endif
  memory.resident = read_status ("VmRSS:");

  return memory;
}

/* The slack is for what GLib and the allocator keep of their own accord. */
void
memory_assert_flat (const Memory *before,
                    gint64        heap_slack,
                    gint64        resident_slack)
{
  Memory after = memory_measure ();

  g_test_message ("heap %" G_GINT64_FORMAT " → %" G_GINT64_FORMAT " bytes, resident %"
                  G_GINT64_FORMAT " → %" G_GINT64_FORMAT " bytes",
                  before->heap, after.heap, before->resident, after.resident);
  if (!HAS_PLAIN_HEAP)
    return;

  g_assert_cmpint (after.heap - before->heap, <, heap_slack);
  g_assert_cmpint (after.resident - before->resident, <, resident_slack);
}

void
memory_forget_peak (void)
{
  int fd = open ("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    return;

  if (write (fd, "5", 1) != 1)
    g_test_message ("The peak can't be forgotten");
  close (fd);
}

gint64
memory_get_peak (void)
{
  return read_status ("VmHWM:");
}

void
memory_assert_peak (gint64 before,
                    gint64 slack)
{
  gint64 peak = memory_get_peak ();

  g_test_message ("peak %" G_GINT64_FORMAT " → %" G_GINT64_FORMAT " bytes", before, peak);
  if (HAS_PLAIN_HEAP)
    g_assert_cmpint (peak - before, <, slack);
}
