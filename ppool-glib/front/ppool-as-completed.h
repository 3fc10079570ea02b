/* ppool-as-completed.h: many futures, one by one as they are done
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "ppool-future.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_AS_COMPLETED (ppool_as_completed_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolAsCompleted, ppool_as_completed, PPOOL, AS_COMPLETED, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolAsCompleted *ppool_as_completed_new                (PPoolFuture         **futures,
                                                         gsize                 n_futures,
                                                         int                   timeout_msec)
                                                         G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
PPoolFuture      *ppool_as_completed_next_future        (PPoolAsCompleted     *self,
                                                         int                   timeout_msec,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void              ppool_as_completed_next_future_async  (PPoolAsCompleted     *self,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
PPoolFuture      *ppool_as_completed_next_future_finish (PPoolAsCompleted     *self,
                                                         GAsyncResult         *result,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
