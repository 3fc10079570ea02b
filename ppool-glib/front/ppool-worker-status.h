/* ppool-worker-status.h: one worker of an executor, for programs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <glib-object.h>

#include "ppool-death.h"
#include "ppool-enums.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_WORKER_STATUS (ppool_worker_status_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolWorkerStatus, ppool_worker_status, PPOOL, WORKER_STATUS, GObject)

PPOOL_AVAILABLE_IN_1_0
guint                 ppool_worker_status_get_slot        (PPoolWorkerStatus *self);
PPOOL_AVAILABLE_IN_1_0
guint                 ppool_worker_status_get_pid         (PPoolWorkerStatus *self);
PPOOL_AVAILABLE_IN_1_0
PPoolWorkerExitReason ppool_worker_status_get_exit_reason (PPoolWorkerStatus *self);
PPOOL_AVAILABLE_IN_1_0
PPoolDeath           *ppool_worker_status_get_death       (PPoolWorkerStatus *self)
                                                           G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
