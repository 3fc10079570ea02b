/* held.h: calls that are in a worker until the test lets them go
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "harness.h"

G_BEGIN_DECLS

typedef struct
{
  PPoolFuture *future; /* (owned) (nullable) */
  Gate *gate;          /* (owned) */
  Visitor visitor;
  gboolean is_free;
} Held;

void held_init   (Held          *self,
                  Harness       *harness,
                  PPoolExecutor *executor);
void held_let_go (Held          *self);
void held_clear  (Held          *self);

G_END_DECLS
