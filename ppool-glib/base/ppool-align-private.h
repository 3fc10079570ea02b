/* ppool-align-private.h: the next offset at which something may lie
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* @alignment is a power of two. */
static inline gsize
ppool_align (gsize offset,
             gsize alignment)
{
  return (offset + alignment - 1) & ~(alignment - 1);
}

G_END_DECLS
