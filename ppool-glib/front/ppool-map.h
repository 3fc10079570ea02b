/* ppool-map.h: one function over many inputs
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
#include "ppool-executor.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_MAP (ppool_map_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolMap, ppool_map, PPOOL, MAP, GObject)

/**
 * PPoolInputFunc:
 * @user_data: the data passed with the function
 * @error: return location for an error
 *
 * Returns the next input of a map.
 *
 * It is called for one input at a time, and not again after the end or an
 * error. It may take any amount of time; the read waits for it.
 *
 * **Threads**: it is called where the map is read: in the thread that is in
 * [method@PPool.Map.next_value], or in the main context from which
 * [method@PPool.Map.next_value_async] was called. It must not read the same map
 * itself.
 *
 * Returns: (transfer full) (nullable): the arguments of the next call, of any
 *   type, floating or not; or `NULL` without @error set at the end of the
 *   inputs, or with @error set
 *
 * Since: 1.0
 */
typedef GVariant *(*PPoolInputFunc) (gpointer   user_data,
                                     GError   **error);

PPOOL_AVAILABLE_IN_1_0
PPoolMap *ppool_executor_map          (PPoolExecutor        *self,
                                       const char           *function,
                                       GVariant             *inputs,
                                       GError              **error) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolMap *ppool_executor_map_func     (PPoolExecutor        *self,
                                       const char           *function,
                                       PPoolInputFunc        func,
                                       gpointer              user_data,
                                       GDestroyNotify        user_data_destroy)
                                       G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
void      ppool_map_add_inputs        (PPoolMap             *self,
                                       GVariant             *inputs);

PPOOL_AVAILABLE_IN_1_0
guint     ppool_map_get_chunk_size    (PPoolMap             *self);
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_set_chunk_size    (PPoolMap             *self,
                                       guint                 chunk_size);

PPOOL_AVAILABLE_IN_1_0
guint     ppool_map_get_buffer_size   (PPoolMap             *self);
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_set_buffer_size   (PPoolMap             *self,
                                       guint                 buffer_size);

PPOOL_AVAILABLE_IN_1_0
int       ppool_map_get_timeout_msec  (PPoolMap             *self);
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_set_timeout_msec  (PPoolMap             *self,
                                       int                   timeout_msec);

PPOOL_AVAILABLE_IN_1_0
GVariant *ppool_map_next_value        (PPoolMap             *self,
                                       int                   timeout_msec,
                                       GError              **error) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_next_value_async  (PPoolMap             *self,
                                       GCancellable         *cancellable,
                                       GAsyncReadyCallback   callback,
                                       gpointer              user_data);
PPOOL_AVAILABLE_IN_1_0
GVariant *ppool_map_next_value_finish (PPoolMap             *self,
                                       GAsyncResult         *result,
                                       GError              **error) G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
gboolean  ppool_map_get_stop_on_error (PPoolMap            *self);
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_set_stop_on_error (PPoolMap            *self,
                                       gboolean             stop_on_error);
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_set_call_options  (PPoolMap            *self,
                                       PPoolCall           *call);
PPOOL_AVAILABLE_IN_1_0
PPoolFuture *
          ppool_map_get_failed_future (PPoolMap             *self,
                                       guint64              *index) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
void      ppool_map_cancel            (PPoolMap             *self);

G_END_DECLS
