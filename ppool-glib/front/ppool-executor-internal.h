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
};

G_END_DECLS
