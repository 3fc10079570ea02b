/* ppool-future-private.h: futures for the executor to hand out
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-completion-private.h"
#include "ppool-future.h"
#include "ppool-record-private.h"

G_BEGIN_DECLS

PPoolFuture *ppool_future_new            (PPoolRecord     *record,
                                          PPoolCall       *call);
PPoolRecord *ppool_future_get_record     (PPoolFuture     *self);
void         ppool_future_fire_when_done (PPoolFuture     *self,
                                          PPoolCompletion *completion);

G_END_DECLS
