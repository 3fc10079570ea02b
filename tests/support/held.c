/* held.c: calls that are in a worker until the test lets them go
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "held.h"

/* @executor has a worker to spare. */
void
held_init (Held          *self,
           Harness       *harness,
           PPoolExecutor *executor)
{
  self->gate = gate_new (harness->dir);
  self->future = harness_submit_gate (executor, self->gate);
  self->visitor = gate_wait (self->gate);
  self->is_free = FALSE;
}

/* Waits until the call has its result. */
void
held_let_go (Held *self)
{
  gate_open (self->visitor, "");
  self->is_free = TRUE;
  harness_assert_value (self->future, "''");
}

void
held_clear (Held *self)
{
  /* The worker may be dead. */
  if (!self->is_free)
    gate_open (self->visitor, NULL);
  g_clear_object (&self->future);
  g_clear_pointer (&self->gate, gate_free);
}
