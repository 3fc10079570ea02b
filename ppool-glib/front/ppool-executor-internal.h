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
  PPoolLauncher *launcher; /* (owned): constant */
  char *initializer;          /* (owned) (nullable): constant */
  GVariant *initializer_args; /* (owned) (nullable): constant */

  guint untold; /* atomic: settings that were changed elsewhere, by the bit of their number */

  /* What was told last; in the context of the constructor. */
  PPoolExecutorState told_state;
  PPoolCounts told_counts;
};

typedef enum
{
  PPOOL_EXECUTOR_PROP_LAUNCHER = 1,
  PPOOL_EXECUTOR_PROP_MAX_WORKERS,
  PPOOL_EXECUTOR_PROP_MAX_TASKS_PER_WORKER,
  PPOOL_EXECUTOR_PROP_SPARE_WORKERS,
  PPOOL_EXECUTOR_PROP_INITIALIZER,
  PPOOL_EXECUTOR_PROP_INITIALIZER_ARGS,
  PPOOL_EXECUTOR_PROP_GRACE_MSEC,
  PPOOL_EXECUTOR_PROP_STATE,
  PPOOL_EXECUTOR_PROP_N_WORKERS,
  PPOOL_EXECUTOR_PROP_N_PENDING,
  PPOOL_EXECUTOR_PROP_N_RUNNING,
} PPoolExecutorProperty;

void ppool_executor_notify_settings (PPoolExecutor *self);

extern GParamSpec *ppool_executor_props[PPOOL_EXECUTOR_PROP_N_RUNNING + 1];

G_END_DECLS
