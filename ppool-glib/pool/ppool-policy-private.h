/* ppool-policy-private.h: what becomes of calls when a worker ends, or time is up
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-pool-internal.h"

G_BEGIN_DECLS

/* With the lock held. */
void     ppool_policy_take_pending  (PPoolPool              *self,
                                     GPtrArray              *records);
void     ppool_policy_evict_all     (PPoolPool              *self,
                                     int                     signal,
                                     GPtrArray              *records);
gboolean ppool_policy_withdraw      (PPoolPool              *self,
                                     PPoolRecord            *record);
void     ppool_policy_limit_time    (PPoolPool              *self,
                                     PPoolRecord            *record);
void     ppool_policy_revive        (PPoolPool              *self);

/* Without the lock. */
void     ppool_policy_settle_all    (GPtrArray              *records,
                                     PPoolFailure           *failure);
void     ppool_policy_process_ended (gpointer                pool,
                                     PPoolProcess           *process,
                                     const PPoolProcessEnd  *end);
void     ppool_policy_proved        (gpointer                pool);

G_END_DECLS
