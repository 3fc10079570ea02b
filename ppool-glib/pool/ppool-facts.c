/* ppool-facts.c: what programs may know of a worker, and what they are told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-facts-private.h"

/* A program's object of a worker may end in code of the program, or of a language. So no
 * thread of the library has one: the processes have these instead, and the executor makes an
 * object of them in its main context. */

PPoolFacts *
ppool_facts_new (guint slot)
{
  PPoolFacts *self = g_atomic_rc_box_new0 (PPoolFacts);

  self->slot = slot;

  return self;
}

PPoolFacts *
ppool_facts_ref (PPoolFacts *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_facts (gpointer data)
{
  PPoolFacts *self = data;

  g_clear_object (&self->death);
}

void
ppool_facts_unref (PPoolFacts *self)
{
  g_atomic_rc_box_release_full (self, free_facts);
}

PPoolWorkerExitReason
ppool_facts_get_exit_reason (PPoolFacts *self)
{
  return (PPoolWorkerExitReason) g_atomic_int_get (&self->exit_reason);
}

void
ppool_facts_set_exit_reason (PPoolFacts            *self,
                             PPoolWorkerExitReason  reason)
{
  g_atomic_int_set (&self->exit_reason, (int) reason);
}

/* (transfer full) (nullable): of one that has died, or was ended for its call. */
PPoolDeath *
ppool_facts_ref_death (PPoolFacts *self)
{
  if (ppool_facts_get_exit_reason (self) == PPOOL_WORKER_EXIT_REASON_NONE || self->death == NULL)
    return NULL;

  return g_object_ref (self->death);
}

PPoolEvent *
ppool_event_new (PPoolEventType  type,
                 PPoolFacts     *facts,
                 const GError   *reason)
{
  PPoolEvent *self = g_new0 (PPoolEvent, 1);

  self->type = type;
  self->facts = ppool_facts_ref (facts);
  self->reason = reason != NULL ? g_error_copy (reason) : NULL;
  self->link.data = self;

  return self;
}

void
ppool_event_free (PPoolEvent *self)
{
  ppool_facts_unref (self->facts);
  g_clear_error (&self->reason);
  g_free (self);
}
