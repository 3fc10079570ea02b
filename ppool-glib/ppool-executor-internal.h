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
  PPoolLauncher *launcher; /* (owned): constant */

  GMutex lock; /* guards what follows */
  guint max_workers;
  guint grace_msec;
};

G_END_DECLS
