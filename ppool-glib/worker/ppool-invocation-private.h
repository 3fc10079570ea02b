/* ppool-invocation-private.h: one call being served
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-answers-private.h"
#include "ppool-error.h"
#include "ppool-invocation.h"

G_BEGIN_DECLS

PPoolInvocation *ppool_invocation_new      (PPoolAnswers      *answers,
                                            const PPoolCallId *call_id,
                                            char              *function,
                                            GVariant          *args);
void             ppool_invocation_set_options (PPoolInvocation *self,
                                               gint64           deadline,
                                               guint            attempt);
void             ppool_invocation_set_over (PPoolInvocation   *self);
void             ppool_invocation_fail     (PPoolInvocation   *self,
                                            PPoolError         code,
                                            const char        *format,
                                            ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
