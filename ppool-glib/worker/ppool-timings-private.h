/* ppool-timings-private.h: how long functions take here
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolTimings PPoolTimings;

/* One function. */
typedef struct
{
  char *name;          /* (owned); a GRefString */
  gint64 average_usec; /* of its runs, the last ones most; < 0 if there was none */
} PPoolTiming;

PPoolTimings *ppool_timings_new     (void);
void          ppool_timings_free    (PPoolTimings      *self);

PPoolTiming  *ppool_timings_find    (PPoolTimings      *self,
                                     const char        *name);

gboolean      ppool_timing_is_short (const PPoolTiming *self);
void          ppool_timing_note     (PPoolTiming       *self,
                                     gint64             usec);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolTimings, ppool_timings_free)

G_END_DECLS
