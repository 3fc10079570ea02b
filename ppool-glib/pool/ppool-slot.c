/* ppool-slot.c: one worker as the scheduler sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-slot-private.h"

/* It has no calls. */
void
ppool_slot_empty (PPoolSlot *self)
{
  self->n_calls = 0;
  self->n_bytes = 0;
  self->expected = 0;
  self->n_trivial = 0;
}

/* It is given a call. */
void
ppool_slot_add (PPoolSlot   *self,
                PPoolRecord *record)
{
  record->slot = self;

  if (self->n_calls++ == 0)
    self->busy_since = g_get_monotonic_time ();
  self->n_tasks++;
  self->n_bytes += record->size;
  self->expected += record->expected;
  self->n_trivial += record->is_trivial;
}

/* It has a call no more. */
void
ppool_slot_remove (PPoolSlot   *self,
                   PPoolRecord *record)
{
  self->n_calls--;
  self->n_bytes -= record->size;
  self->expected -= record->expected;
  self->n_trivial -= record->is_trivial;
  record->slot = NULL;
}
