/* ppool-process-end.c: how a worker comes to its end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

#include <signal.h>
#include <string.h>

/* When to look again at a worker that is traced by a debugger. */
#define TRACED_MSEC 1000

static void
free_process (gpointer data)
{
  PPoolProcess *self = data;

  g_assert (self->countdown.timer.place == 0);
  g_assert (self->overdue.place == 0);

  g_clear_pointer (&self->outbox, ppool_outbox_unref);
  g_clear_pointer (&self->facts, ppool_facts_unref);
  g_clear_pointer (&self->board, ppool_board_free);
  g_clear_pointer (&self->manager, ppool_manager_unref);
  g_clear_error (&self->cause);
  g_clear_error (&self->exit_error);
  g_clear_pointer (&self->library, g_free);
  g_clear_error (&self->handshake_error);
}

PPoolProcess *
ppool_process_ref (PPoolProcess *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
ppool_process_unref (PPoolProcess *self)
{
  g_atomic_rc_box_release_full (self, free_process);
}

void
ppool_process_post (PPoolProcess     *self,
                    PPoolManagerFunc  func)
{
  ppool_manager_post (self->manager, func, ppool_process_ref (self));
}

Life
ppool_process_get_life (PPoolProcess *self)
{
  Life life;

  ppool_lock_enter (self->owner->lock);
  life = self->life;
  ppool_lock_leave_quietly (self->owner->lock);

  return life;
}

gboolean
ppool_process_is_drained (PPoolProcess *self)
{
  return self->channel_state >= CHANNEL_DRAINED;
}

/* Ends the channel. What the worker had sent still arrives. */
void
ppool_process_shut (PPoolProcess *self)
{
  if (self->handshake != NULL)
    ppool_handshake_cancel (self->handshake);
  else if (self->channel != NULL)
    ppool_channel_shut (self->channel);
}

/* Leaving, in the manager's thread */

static void
ungraceful_cb (gpointer data)
{
  PPoolProcess *self = data;
  guint msec = self->grace_msec > 0 ? self->grace_msec : PPOOL_PROCESS_EXIT_MSEC;

  if (self->n_signals++ == 0)
    {
      ppool_exit_signal (&self->exit, SIGTERM);
      ppool_countdown_start (&self->countdown, msec, ungraceful_cb);
    }
  else
    {
      ppool_exit_signal (&self->exit, SIGKILL);
      ppool_process_shut (self);
    }
}

static void
retired_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  g_debug ("Worker %u: asked to leave: %s", self->pid,
           self->exit_reason == PPOOL_WORKER_EXIT_REASON_TASKS ?
             "it has run max-tasks-per-worker calls" :
             "it is not needed any more");

  if (!ppool_exit_is_reaped (&self->exit) && self->grace_msec > 0)
    ppool_countdown_start (&self->countdown, self->grace_msec, ungraceful_cb);
}

static void
terminated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->exit.with_group = self->is_evicted;
  if (!ppool_exit_is_reaped (&self->exit) && self->n_signals == 0)
    ungraceful_cb (self);
}

static void
killed_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->exit.with_group = TRUE;
  self->n_signals = MAX (self->n_signals, 1);
  if (!ppool_exit_is_reaped (&self->exit))
    ungraceful_cb (self);
}

/* The ladder for a call that is to end, in the manager's thread */

static void end_begun_cb (gpointer data);

/* With the lock held. */
static void
begin_ending (PPoolProcess *self,
              PPoolRecord  *record)
{
  self->ending = ppool_record_ref (record);
  self->ending_begun = FALSE;
  ppool_outbox_push_cancel (self->outbox, record);
  ppool_scheduler_slot_hold (self->owner->scheduler, &self->slot, TRUE);
  ppool_process_post (self, end_begun_cb);
}

/* With the lock held: it was answered, or is about to be. The worker may have begun another
 * one that is to end as well. */
void
ppool_process_stop_ending (PPoolProcess *self)
{
  PPoolRecord *next = ppool_outbox_find_ending (self->outbox);

  g_clear_pointer (&self->ending, ppool_record_unref);
  if (next != NULL)
    begin_ending (self, next);
  else
    ppool_scheduler_slot_hold (self->owner->scheduler, &self->slot, FALSE);
}

static void
end_killed_cb (gpointer data)
{
  PPoolProcess *self = data;

  ppool_exit_signal (&self->exit, SIGKILL);
  ppool_process_shut (self);
}

/* The worker has had its chance. */
static void
end_overdue_cb (gpointer data)
{
  PPoolProcess *self = data;
  guint grace_msec = 0;
  gboolean goes_on;

  ppool_lock_enter (self->owner->lock);
  goes_on = self->ending != NULL && self->ending_begun && self->life == READY;
  if (goes_on && !ppool_outbox_revoke (self->outbox, self->ending))
    {
      ppool_process_stop_ending (self);
      goes_on = FALSE;
    }
  if (goes_on)
    {
      self->life = LEAVING;
      self->exit_reason = PPOOL_WORKER_EXIT_REASON_ENDED;
      grace_msec = self->startup->settings->abort_grace_msec;
      ppool_scheduler_evict_slot (self->owner->scheduler, &self->slot);
      ppool_scheduler_look_again (self->owner->scheduler);
    }
  ppool_lock_leave (self->owner->lock);

  if (!goes_on)
    return;

  /* From now on it has no other call that could be hit, and gives no value for this one. */
  self->exit.with_group = TRUE;
  ppool_exit_signal (&self->exit, grace_msec > 0 ? SIGTERM : SIGKILL);
  if (grace_msec > 0)
    ppool_countdown_start (&self->countdown, grace_msec, end_killed_cb);
  else
    ppool_process_shut (self);
}

/* It was asked to end the call, if it can be. One that has exited by itself before that is
 * waited for as it would be without. */
static void
end_begun_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  gboolean has_exited = ppool_exit_is_reaped (&self->exit);
  guint grace_msec = 0;

  ppool_lock_enter (self->owner->lock);
  self->ending_begun = TRUE;
  if (has_exited && self->life == READY)
    g_clear_pointer (&self->ending, ppool_record_unref);
  if (ppool_outbox_can_cancel (self->outbox))
    grace_msec = self->startup->settings->abort_grace_msec;
  ppool_lock_leave_quietly (self->owner->lock);

  if (has_exited)
    return;

  if (grace_msec > 0 && !ppool_process_is_drained (self))
    ppool_countdown_start (&self->countdown, grace_msec, end_overdue_cb);
  else
    end_overdue_cb (self);
}

/* A worker that a debugger has stopped is not late. */
static gboolean
is_traced (guint pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/status", pid);
  g_autofree char *status = NULL;
  const char *tracer;

  if (!g_file_get_contents (path, &status, NULL, NULL))
    return FALSE;

  tracer = strstr (status, "\nTracerPid:");
  return tracer != NULL && g_ascii_strtoull (tracer + strlen ("\nTracerPid:"), NULL, 10) != 0;
}

static void look_for_overdue_cb (gpointer data);

/* With the lock held. */
void
ppool_process_look_for_overdue (PPoolProcess *self,
                                gint64        now,
                                gint64        due)
{
  gint64 msec;

  if (self->overdue_due != 0 && self->overdue_due <= due)
    return;

  /* Not before it, and not at once again. */
  self->overdue_due = due;
  msec = (due - now + G_TIME_SPAN_MILLISECOND - 1) / G_TIME_SPAN_MILLISECOND;
  ppool_manager_arm (self->manager, &self->overdue, (guint) MAX (msec, 1), look_for_overdue_cb,
                     self);
}

static void
look_for_overdue_cb (gpointer data)
{
  PPoolProcess *self = data;
  PPoolRecord *record;
  gboolean traced = is_traced (self->pid);
  gint64 now = g_get_monotonic_time ();
  gint64 due;

  /* What a worker that has exited ran is over. */
  if (ppool_exit_is_reaped (&self->exit))
    return;

  ppool_lock_enter (self->owner->lock);
  self->overdue_due = 0;
  /* The worker may have gone on to the next one meanwhile, which has a limit as well. */
  while ((record = ppool_outbox_find_overdue (self->outbox, now, &due)) != NULL && !traced)
    ppool_process_end_call (self, record, PPOOL_RECORD_OVERDUE);
  if (record != NULL)
    due = now + TRACED_MSEC * G_TIME_SPAN_MILLISECOND;
  if (due != 0 && self->life == READY)
    ppool_process_look_for_overdue (self, now, due);
  ppool_lock_leave (self->owner->lock);
}

/* With the lock held */

/* Asks the worker to leave: it has nothing to do. */
void
ppool_process_retire (PPoolProcess          *self,
                      PPoolWorkerExitReason  reason)
{
  gboolean is_ready = self->life == READY;

  if (!is_ready && self->life != STARTING)
    return;

  self->life = LEAVING;
  self->exit_reason = reason;
  if (is_ready)
    ppool_outbox_push_exit (self->outbox);
  ppool_process_post (self, is_ready ? retired_cb : terminated_cb);
}

/* Ends a call that the worker runs, and the worker if it does not answer then. What it was
 * sent ahead goes elsewhere. */
void
ppool_process_end_call (PPoolProcess      *self,
                        PPoolRecord       *record,
                        PPoolRecordEnding  ending)
{
  if (record->ending == PPOOL_RECORD_NOT_ENDED)
    record->ending = ending;

  if (self->ending == NULL && self->life == READY &&
      ppool_outbox_still_runs (self->outbox, record))
    begin_ending (self, record);
}

/* What a worker had that has ended. */
void
ppool_process_take_calls (PPoolProcess *self,
                          GPtrArray    *untaken,
                          GPtrArray    *taken,
                          GPtrArray    *done)
{
  ppool_outbox_take_all (self->outbox, self->pid, untaken, taken, done);
  ppool_scheduler_evict_slot (self->owner->scheduler, &self->slot);
}

/* Ends the worker, whatever it does, with SIGTERM and in the end SIGKILL, or
 * with SIGKILL at once. What it was given goes to @orphans. */
void
ppool_process_terminate (PPoolProcess          *self,
                         int                    signal,
                         PPoolWorkerExitReason  reason,
                         GPtrArray             *orphans)
{
  ppool_process_take_calls (self, orphans, orphans, orphans);

  self->is_evicted = TRUE;
  if (self->life >= FAILED)
    return;

  if (self->life != LEAVING)
    self->exit_reason = reason;
  self->life = LEAVING;
  ppool_process_post (self, signal == SIGKILL ? killed_cb : terminated_cb);
}
