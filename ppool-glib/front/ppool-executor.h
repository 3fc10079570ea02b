/* ppool-executor.h: takes calls, returns futures
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
#include "ppool-launcher.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_EXECUTOR (ppool_executor_get_type ())
PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolExecutor, ppool_executor, PPOOL, EXECUTOR, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolExecutor     *ppool_executor_new                      (PPoolLauncher        *launcher)
                                                            G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolLauncher     *ppool_executor_get_launcher             (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_max_workers          (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_max_workers          (PPoolExecutor        *self,
                                                            guint                 max_workers);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_spare_workers        (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_spare_workers        (PPoolExecutor        *self,
                                                            guint                 spare_workers);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_max_tasks_per_worker (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_max_tasks_per_worker (PPoolExecutor *self,
                                                            guint          max_tasks_per_worker);
PPOOL_AVAILABLE_IN_1_0
const char        *ppool_executor_get_initializer          (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
GVariant          *ppool_executor_get_initializer_args     (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_grace_msec           (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_grace_msec           (PPoolExecutor        *self,
                                                            guint                 grace_msec);
PPOOL_AVAILABLE_IN_1_0
PPoolExecutorState ppool_executor_get_state                (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_n_workers            (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_n_pending            (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_n_running            (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
GError            *ppool_executor_get_error                (PPoolExecutor        *self)
                                                            G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
gboolean           ppool_executor_prestart                 (PPoolExecutor        *self,
                                                            guint                 n_workers,
                                                            GError              **error);
PPOOL_AVAILABLE_IN_1_0
PPoolFuture       *ppool_executor_submit                   (PPoolExecutor        *self,
                                                            const char           *function,
                                                            GVariant             *args,
                                                            GCancellable         *cancellable,
                                                            GError              **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolFuture       *ppool_executor_submit_call              (PPoolExecutor        *self,
                                                            PPoolCall            *call,
                                                            GCancellable         *cancellable,
                                                            GError              **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_call_async               (PPoolExecutor        *self,
                                                            const char           *function,
                                                            GVariant             *args,
                                                            GCancellable         *cancellable,
                                                            GAsyncReadyCallback   callback,
                                                            gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
GVariant          *ppool_executor_call_finish              (PPoolExecutor        *self,
                                                            GAsyncResult         *result,
                                                            GError              **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
GVariant          *ppool_executor_call_sync                (PPoolExecutor        *self,
                                                            const char           *function,
                                                            GVariant             *args,
                                                            GCancellable         *cancellable,
                                                            GError              **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_shutdown                 (PPoolExecutor        *self,
                                                            PPoolShutdownFlags    flags);
PPOOL_AVAILABLE_IN_1_0
gboolean           ppool_executor_shutdown_sync            (PPoolExecutor        *self,
                                                            PPoolShutdownFlags    flags,
                                                            GCancellable         *cancellable,
                                                            GError              **error);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_shutdown_async           (PPoolExecutor        *self,
                                                            PPoolShutdownFlags    flags,
                                                            GCancellable         *cancellable,
                                                            GAsyncReadyCallback   callback,
                                                            gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
gboolean           ppool_executor_shutdown_finish          (PPoolExecutor        *self,
                                                            GAsyncResult         *result,
                                                            GError              **error);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_terminate_workers        (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_kill_workers             (PPoolExecutor        *self);

G_END_DECLS
