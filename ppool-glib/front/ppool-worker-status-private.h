/* ppool-worker-status-private.h: one worker of an executor, for programs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-facts-private.h"
#include "ppool-worker-status.h"

G_BEGIN_DECLS

PPoolWorkerStatus *ppool_worker_status_new         (PPoolFacts        *facts);
void               ppool_worker_status_notify_exit (PPoolWorkerStatus *self);

G_END_DECLS
