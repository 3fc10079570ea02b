/* ppool-watch.c: brings the end of a call to a main context
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-watch-private.h"

#include "ppool-record-private.h"

/* A watch fires a completion when a call is settled, and can be taken back
 * before. The record has a reference while it is to tell, who asks has another.
 *
 * What a completion calls and ends stops the watch, so the watch is there before
 * the completion: it is made, then the completion, and then it is started. */
struct _PPoolWatch
{
  PPoolOutcomeWaiter waiter;
  PPoolRecord *record;         /* (owned) */
  PPoolCompletion *completion; /* (owned) (nullable); NULL until it is started */
};

static void
settled_cb (PPoolOutcome *outcome G_GNUC_UNUSED,
            gpointer      data)
{
  PPoolWatch *self = data;

  ppool_completion_fire (self->completion);
  ppool_watch_unref (self);
}

PPoolWatch *
ppool_watch_new (PPoolRecord *record)
{
  PPoolWatch *self = g_atomic_rc_box_new0 (PPoolWatch);

  self->record = ppool_record_ref (record);
  self->waiter.func = settled_cb;
  self->waiter.data = self;

  return self;
}

static void
free_watch (gpointer data)
{
  PPoolWatch *self = data;

  g_clear_pointer (&self->completion, ppool_completion_unref);
  ppool_record_unref (self->record);
}

void
ppool_watch_unref (PPoolWatch *self)
{
  g_atomic_rc_box_release_full (self, free_watch);
}

/* To be called once. If the call is settled, @completion is fired now. */
void
ppool_watch_start (PPoolWatch      *self,
                   PPoolCompletion *completion)
{
  PPoolRecord *record = self->record;

  self->completion = ppool_completion_ref (completion);
  g_atomic_rc_box_acquire (self);
  if (!ppool_outcome_add_waiter (&record->outcome, &self->waiter))
    settled_cb (&record->outcome, self);
}

/* Takes it back, if it is not too late for that. */
void
ppool_watch_stop (PPoolWatch *self)
{
  if (ppool_outcome_remove_waiter (&self->record->outcome, &self->waiter))
    ppool_watch_unref (self);
}
