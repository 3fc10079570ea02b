/* ppool-launcher-private.h: starting a worker process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launcher.h"

G_BEGIN_DECLS

/* A copy of a launcher's settings that nobody changes any more. */
typedef struct _PPoolLaunchPlan PPoolLaunchPlan;

PPoolLaunchPlan *ppool_launcher_make_plan                   (PPoolLauncher    *self);
void             ppool_launch_plan_unref                    (PPoolLaunchPlan  *self);

PPoolStderrMode  ppool_launch_plan_get_stderr_mode          (PPoolLaunchPlan  *self);
const char      *ppool_launch_plan_get_name   (PPoolLaunchPlan      *self);
guint            ppool_launch_plan_get_handshake_timeout_msec (PPoolLaunchPlan *self);

GPid             ppool_launch_plan_spawn                    (PPoolLaunchPlan  *self,
                                                             int               channel_fd,
                                                             int               stderr_fd,
                                                             GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLaunchPlan, ppool_launch_plan_unref)

G_END_DECLS
