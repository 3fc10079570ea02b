/* ppool-launch-plan-private.h: starting a worker process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "ppool-enums.h"
#include "ppool-program-private.h"

G_BEGIN_DECLS

/* A copy of a launcher's settings. The launcher fills it in; from then on
 * nobody changes it, so that every thread may read it. */
typedef struct
{
  char **argv;                  /* (owned) (nullable) */
  char **env;                   /* (owned) */
  char *cwd;                    /* (owned) (nullable): as of this process */
  PPoolProgram *program;        /* (owned) (nullable): executed instead of argv[0] */
  char *trouble;                /* (owned) (nullable): why it can't start anything */
  char *trampoline;             /* (owned): absolute */
  PPoolStderrMode stderr_mode;
  guint handshake_timeout_msec; /* 0 is no limit */
} PPoolLaunchPlan;

PPoolLaunchPlan *ppool_launch_plan_new                        (void);
PPoolLaunchPlan *ppool_launch_plan_ref                        (PPoolLaunchPlan  *self);
void             ppool_launch_plan_unref                      (PPoolLaunchPlan  *self);

PPoolStderrMode  ppool_launch_plan_get_stderr_mode            (PPoolLaunchPlan  *self);
guint            ppool_launch_plan_get_handshake_timeout_msec (PPoolLaunchPlan  *self);

GSubprocess     *ppool_launch_plan_spawn                      (PPoolLaunchPlan  *self,
                                                               int               channel_fd,
                                                               int               stderr_fd,
                                                               GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLaunchPlan, ppool_launch_plan_unref)

G_END_DECLS
