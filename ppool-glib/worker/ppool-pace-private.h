/* ppool-pace-private.h: how long functions take here
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolPace PPoolPace;

/* One function. */
typedef struct
{
  char *name;          /* (owned); a GRefString */
  gint64 average_usec; /* of its runs, the last ones most; < 0 if there was none */
} PPoolStride;

PPoolPace   *ppool_pace_new        (void);
void         ppool_pace_free       (PPoolPace         *self);

PPoolStride *ppool_pace_find       (PPoolPace         *self,
                                    const char        *name);

gboolean     ppool_stride_is_short (const PPoolStride *self);
void         ppool_stride_note     (PPoolStride       *self,
                                    gint64             usec);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolPace, ppool_pace_free)

G_END_DECLS
