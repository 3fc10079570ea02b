/* ppool-lender-private.h: values lent to the other side in shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-segment-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolLender PPoolLender;

/* What the other side has to know before it can find a loan. */
typedef struct
{
  guint32 number;
  guint64 size;
  int fd; /* (owned) */
} PPoolAnnouncement;

PPoolLender *ppool_lender_new               (void);
void         ppool_lender_unref             (PPoolLender        *self);
void         ppool_lender_close             (PPoolLender        *self);

/* For who sends, in the order of the wire. */
gboolean     ppool_lender_lend              (PPoolLender        *self,
                                             GVariant           *value,
                                             PPoolLoan          *loan,
                                             GError            **error);
gboolean     ppool_lender_take_announcement (PPoolLender        *self,
                                             PPoolAnnouncement  *announcement);
gboolean     ppool_lender_take_forgotten    (PPoolLender        *self,
                                             guint32            *number);

/* In any thread. */
gboolean     ppool_lender_take_back         (PPoolLender        *self,
                                             guint32             number,
                                             guint32             generation,
                                             GError            **error);
gint64       ppool_lender_trim              (PPoolLender        *self,
                                             gint64              now);
gsize        ppool_lender_get_n_bytes       (PPoolLender        *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLender, ppool_lender_unref)

G_END_DECLS
