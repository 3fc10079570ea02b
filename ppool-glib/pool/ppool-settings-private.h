/* ppool-settings-private.h: what an executor is told, and its pool goes by
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PPOOL_SETTINGS_DEFAULT_GRACE_MSEC 5000

/* As they were set. The pool has them, guarded by its lock, and nobody else has. */
typedef struct
{
  guint max_workers;          /* 0 is what there are processors for */
  guint max_tasks_per_worker; /* 0 is no limit */
  guint spare_workers;        /* none starts before the pool is used */
  guint grace_msec;           /* 0 is no limit */
} PPoolSettings;

G_END_DECLS
