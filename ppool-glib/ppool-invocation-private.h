/* ppool-invocation-private.h: one call being served
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"
#include "ppool-error.h"
#include "ppool-invocation.h"

G_BEGIN_DECLS

/* Runs once, after the answer was sent, in the thread that gave it: any. */
typedef void (*PPoolInvocationFunc) (gpointer owner);

PPoolInvocation *ppool_invocation_new  (PPoolChannel        *channel,
                                        const PPoolTicket   *ticket,
                                        const char          *function,
                                        GVariant            *args,
                                        PPoolInvocationFunc  answered,
                                        gpointer             owner,
                                        GDestroyNotify       owner_unref);
gboolean         ppool_invocation_take (PPoolInvocation     *self);
void             ppool_invocation_fail (PPoolInvocation     *self,
                                        PPoolError           code,
                                        const char          *format,
                                        ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
