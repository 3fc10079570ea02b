/* ppool-launcher-private.h: what a pool takes from a launcher
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launch-plan-private.h"
#include "ppool-launcher.h"

G_BEGIN_DECLS

/* Here for the launcher's own two files. */
struct _PPoolLauncher
{
  GObject parent_instance;

  char **argv;           /* (owned) (nullable) */
  char **env;            /* (owned) */
  char *cwd;             /* (owned) (nullable) */
  PPoolProgram *program; /* (owned) (nullable): only for this very program */
  char *trouble;         /* (owned) (nullable): kept for the first start */
  PPoolStderrMode stderr_mode;
  guint handshake_timeout_msec;
};

PPoolLaunchPlan *ppool_launcher_make_plan (PPoolLauncher *self);

G_END_DECLS
