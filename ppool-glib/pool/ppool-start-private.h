/* ppool-start-private.h: starting a worker process, and what it says of itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"
#include "ppool-launcher-private.h"
#include "ppool-settings-private.h"
#include "ppool-stderr-private.h"

G_BEGIN_DECLS

/* What all workers of a pool have in common. */
typedef struct
{
  PPoolLaunchPlan *plan; /* (owned) */
  const PPoolSettings *settings; /* (unowned): the pool's; what is constant is read */
} PPoolStartup;

/* In the thread of @context. */
GPid        ppool_start_spawn             (const PPoolStartup      *startup,
                                           GMainContext            *context,
                                           int                     *channel_fd,
                                           PPoolStderr            **errors,
                                           GError                 **error);
void        ppool_start_initialize        (const PPoolStartup      *startup,
                                           PPoolChannel            *channel,
                                           PPoolIo                 *io,
                                           PPoolBoard             **board);
GError     *ppool_start_make_overdue      (const PPoolStartup      *startup);

GError     *ppool_start_check_initialized (const PPoolStartup      *startup,
                                           const PPoolChannelEvent *event);
void        ppool_start_log_ready         (const PPoolChannelEvent *event,
                                           guint                    pid,
                                           gint64                   start_time);

G_END_DECLS
