/* ppool-process-leave.c: how a worker is asked to leave, and made to
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

#include <signal.h>

/* In the manager's thread */

static void
ungraceful_cb (gpointer data)
{
  PPoolProcess *self = data;

  if (self->n_signals++ == 0)
    {
      ppool_process_signal (self, SIGTERM);
      ppool_process_arm (self, self->grace_msec > 0 ? self->grace_msec : PPOOL_PROCESS_EXIT_MSEC, ungraceful_cb);
    }
  else
    {
      ppool_process_signal (self, SIGKILL);
      ppool_process_shut (self);
    }
}

static void
retired_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  g_debug ("Worker %u: asked to leave: %s", self->pid, self->leaving);

  if (!self->exited && self->grace_msec > 0)
    ppool_process_arm (self, self->grace_msec, ungraceful_cb);
}

static void
terminated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  if (!self->exited && self->n_signals == 0)
    ungraceful_cb (self);
}

static void
killed_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->n_signals = MAX (self->n_signals, 1);
  if (!self->exited)
    ungraceful_cb (self);
}

/* With the lock held */

/* Asks the worker to leave: it has nothing to do. */
void
ppool_process_retire (PPoolProcess *self)
{
  self->leaving = ppool_scheduler_is_spent (self->owner->scheduler, &self->slot) ?
                    "it has run max-tasks-per-worker calls" :
                    "it is not needed any more";
  if (self->state == PPOOL_PROCESS_READY)
    {
      ppool_outbox_push_exit (self->outbox);
      ppool_process_post (self, retired_cb);
    }
  else if (self->state == PPOOL_PROCESS_STARTING)
    ppool_process_post (self, terminated_cb);
  else
    return;

  self->state = PPOOL_PROCESS_LEAVING;
}

/* Ends the worker, whatever it does, with SIGTERM and in the end SIGKILL, or
 * with SIGKILL at once. What it was given goes to @orphans. */
void
ppool_process_terminate (PPoolProcess *self,
                         int           signal,
                         GPtrArray    *orphans)
{
  ppool_outbox_take_all (self->outbox, self->pid, orphans);
  ppool_scheduler_evict_slot (self->owner->scheduler, &self->slot);

  if (self->state == PPOOL_PROCESS_DYING)
    return;

  self->state = PPOOL_PROCESS_LEAVING;
  ppool_process_post (self, signal == SIGKILL ? killed_cb : terminated_cb);
}
