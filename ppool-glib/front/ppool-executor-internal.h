/* ppool-executor-internal.h: what the files of the executor share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-executor.h"
#include "ppool-pool-private.h"

G_BEGIN_DECLS

struct _PPoolExecutor
{
  GObject parent_instance;

  PPoolPool *pool;         /* (owned) */
  PPoolNotifier *notifier; /* (owned) */

  guint untold; /* atomic: settings that were changed elsewhere, by the bit of their number */

  /* What was told last; in the context of the constructor. */
  PPoolExecutorState told_state;
  PPoolCounts told_counts;
  GHashTable *statuses; /* (owned) (element-type PPoolFacts PPoolWorkerStatus): of workers that
                         * have started */
};

void         ppool_executor_add_worker_signals (PPoolExecutorClass *klass);
const guint *ppool_executor_get_worker_signals (void);
gboolean     ppool_executor_tell_worker        (PPoolExecutor      *self);

G_END_DECLS
