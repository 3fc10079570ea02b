/* ppool-settings-private.h: what an executor is told, and its pool goes by
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launcher.h"

G_BEGIN_DECLS

#define PPOOL_SETTINGS_DEFAULT_GRACE_MSEC 5000

/* As they were set. The pool has them, guarded by its lock, and nobody else has: who goes by
 * them reads them there. A setting is a field here and a property of the executor. */
typedef struct
{
  /* Constant once the executor is constructed. */
  PPoolLauncher *launcher;    /* (owned): until the executor is dropped */
  char *initializer;          /* (owned) (nullable) */
  GVariant *initializer_args; /* (owned) (nullable) */

  guint max_workers;          /* 0 is what there are processors for */
  guint max_tasks_per_worker; /* 0 is no limit */
  guint spare_workers;        /* none starts before the pool is used */
  guint grace_msec;           /* 0 is no limit; of workers that start from now on */
} PPoolSettings;

/* Arguments for who sets a field: where it is, what is copied there, and its size. */
#define PPOOL_SETTING(field, value) \
  G_STRUCT_OFFSET (PPoolSettings, field), (value), sizeof (((PPoolSettings *) NULL)->field)

G_END_DECLS
