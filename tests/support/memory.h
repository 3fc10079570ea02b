/* memory.h: how much of it this process has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In bytes; 0 where that can't be known. */
typedef struct
{
  gint64 heap;     /* that is allocated */
  gint64 resident; /* of the process */
} Memory;

Memory memory_measure     (void);
void   memory_assert_flat (const Memory *before,
                           gint64        heap_slack,
                           gint64        resident_slack);

/* The most that was resident since it was forgotten. */
void   memory_forget_peak (void);
gint64 memory_get_peak    (void);
void   memory_assert_peak (gint64        before,
                           gint64        slack);

G_END_DECLS
