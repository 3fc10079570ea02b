/* ppool-cancels-private.h: who is told that the pool has cancelled a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* For any thread. */
typedef struct _PPoolCancels PPoolCancels;

PPoolCancels *ppool_cancels_new     (void);
void          ppool_cancels_free    (PPoolCancels *self);

gboolean      ppool_cancels_watch   (PPoolCancels *self,
                                     guint64       id,
                                     GCancellable *cancellable);
void          ppool_cancels_unwatch (PPoolCancels *self,
                                     guint64       id);
void          ppool_cancels_cancel  (PPoolCancels *self,
                                     guint64       id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolCancels, ppool_cancels_free)

G_END_DECLS
