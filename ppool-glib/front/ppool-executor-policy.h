/* ppool-executor-policy.h: what an executor does about calls that go wrong
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include "ppool-enums.h"
#include "ppool-executor.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

PPOOL_AVAILABLE_IN_1_0
PPoolCrashPolicy   ppool_executor_get_crash_policy         (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_crash_policy         (PPoolExecutor        *self,
                                                            PPoolCrashPolicy      crash_policy);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_max_start_failures   (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_max_start_failures   (PPoolExecutor        *self,
                                                            guint max_start_failures);
PPOOL_AVAILABLE_IN_1_0
guint              ppool_executor_get_abort_grace_msec     (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_abort_grace_msec     (PPoolExecutor        *self,
                                                            guint                 abort_grace_msec);
PPOOL_AVAILABLE_IN_1_0
int                ppool_executor_get_call_timeout_msec    (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_call_timeout_msec    (PPoolExecutor        *self,
                                                            int call_timeout_msec);
PPOOL_AVAILABLE_IN_1_0
int                ppool_executor_get_queue_timeout_msec   (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_queue_timeout_msec   (PPoolExecutor        *self,
                                                            int queue_timeout_msec);
PPOOL_AVAILABLE_IN_1_0
gboolean           ppool_executor_get_cancel_running       (PPoolExecutor        *self);
PPOOL_AVAILABLE_IN_1_0
void               ppool_executor_set_cancel_running       (PPoolExecutor        *self,
                                                            gboolean              cancel_running);

PPOOL_AVAILABLE_IN_1_0
gboolean           ppool_executor_revive                   (PPoolExecutor        *self,
                                                            GError              **error);

G_END_DECLS
