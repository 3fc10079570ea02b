/* ppool-executor-private.h: executors for rooms that submit calls themselves
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-executor.h"
#include "ppool-pool-private.h"

G_BEGIN_DECLS

PPoolPool *ppool_executor_get_pool (PPoolExecutor *self);

G_END_DECLS
