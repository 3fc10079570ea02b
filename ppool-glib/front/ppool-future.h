/* ppool-future.h: the result of a call, now or later
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

#include "ppool-call.h"
#include "ppool-death.h"
#include "ppool-enums.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_FUTURE (ppool_future_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolFuture, ppool_future, PPOOL, FUTURE, GObject)

/**
 * PPoolFutureFunc:
 * @future: (transfer none): the future of the completed call
 * @user_data: the data passed with the function
 *
 * Called when the call of a future has completed.
 *
 * **Threads**: it runs in the main context that was the thread-default one
 * where [method@PPool.Future.add_done_callback] was called.
 *
 * Since: 1.0
 */
typedef void (*PPoolFutureFunc) (PPoolFuture *future,
                                 gpointer     user_data);

PPOOL_AVAILABLE_IN_1_0
gboolean         ppool_future_cancel               (PPoolFuture          *self);

PPOOL_AVAILABLE_IN_1_0
void             ppool_future_abort                (PPoolFuture          *self);

PPOOL_AVAILABLE_IN_1_0
gboolean         ppool_future_is_cancelled         (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
gboolean         ppool_future_is_running           (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
gboolean         ppool_future_is_done              (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
PPoolFutureState ppool_future_get_state            (PPoolFuture          *self);

PPOOL_AVAILABLE_IN_1_0
GVariant        *ppool_future_result               (PPoolFuture          *self,
                                                    int                   timeout_msec,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void             ppool_future_result_async         (PPoolFuture          *self,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
GVariant        *ppool_future_result_finish        (PPoolFuture          *self,
                                                    GAsyncResult         *result,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
GVariant        *ppool_future_propagate            (PPoolFuture          *self,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
GError          *ppool_future_get_error            (PPoolFuture          *self)
                                                    G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
guint            ppool_future_add_done_callback    (PPoolFuture          *self,
                                                    PPoolFutureFunc       func,
                                                    gpointer              user_data,
                                                    GDestroyNotify        user_data_destroy);
PPOOL_AVAILABLE_IN_1_0
void             ppool_future_remove_done_callback (PPoolFuture          *self,
                                                    guint                 id);

PPOOL_AVAILABLE_IN_1_0
const char      *ppool_future_get_function         (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
PPoolCall       *ppool_future_get_call             (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
PPoolDeath      *ppool_future_get_death            (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
guint            ppool_future_get_n_attempts       (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
guint            ppool_future_get_worker_pid       (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
gint64           ppool_future_get_queued_time      (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
gint64           ppool_future_get_started_time     (PPoolFuture          *self);
PPOOL_AVAILABLE_IN_1_0
gint64           ppool_future_get_finished_time    (PPoolFuture          *self);

G_END_DECLS
