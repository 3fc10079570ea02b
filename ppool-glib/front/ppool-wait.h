/* ppool-wait.h: waiting for many futures
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

#include "ppool-enums.h"
#include "ppool-future.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

PPOOL_AVAILABLE_IN_1_0
GPtrArray *ppool_wait_futures        (PPoolFuture         **futures,
                                      gsize                 n_futures,
                                      PPoolReturnWhen       return_when,
                                      int                   timeout_msec,
                                      GCancellable         *cancellable,
                                      GError              **error) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void       ppool_wait_futures_async  (PPoolFuture         **futures,
                                      gsize                 n_futures,
                                      PPoolReturnWhen       return_when,
                                      int                   timeout_msec,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
GPtrArray *ppool_wait_futures_finish (GAsyncResult         *result,
                                      GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
