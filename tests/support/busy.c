/* busy.c: an executor whose one worker is in a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

void
busy_init (Busy    *self,
           Harness *harness)
{
  self->executor = harness_executor (1);
  self->gate = gate_new (harness->dir);
  self->future = harness_submit_gate (self->executor, self->gate);
  self->visitor = gate_wait (self->gate);
}

void
busy_clear (Busy *self)
{
  g_clear_object (&self->future);
  g_clear_object (&self->executor);
  g_clear_pointer (&self->gate, gate_free);
}
