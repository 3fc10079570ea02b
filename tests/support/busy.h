/* busy.h: an executor whose one worker is in a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "harness.h"

G_BEGIN_DECLS

/* The worker is in the call until the test opens the gate to the visitor. */
typedef struct
{
  PPoolExecutor *executor; /* (owned) (nullable) */
  PPoolFuture *future;     /* (owned) (nullable) */
  Gate *gate;              /* (owned) */
  Visitor visitor;
} Busy;

void busy_init  (Busy    *self,
                 Harness *harness);
void busy_clear (Busy    *self);

G_END_DECLS
