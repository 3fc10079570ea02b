/* ppool-process.c: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

#include <signal.h>
#include <sys/wait.h>

#include "ppool-verdict-private.h"

/* A process is one state machine:
 *
 *   STARTING ─► READY ─► LEAVING ─► (gone)
 *        └────────┴────► DYING ───► (gone)
 *
 * STARTING until the worker has answered Initialize; READY while it is given
 * calls; LEAVING once it was asked to go, and how it goes is of no interest
 * then; DYING once something is wrong with it. It is judged once, in the
 * manager's thread, when its channel is drained and its exit is known or of no
 * interest, and it is gone when it is reaped as well.
 *
 * State and pid are guarded by the pool's lock. Results arrive in GDBus's I/O thread
 * and settle there. Everything else belongs to the manager's thread, in which a
 * watch or a handshake that is outstanding holds the process. There is one timer
 * as there is one thing to wait for at a time. */

/* How long the channel may stay open behind a worker that has exited: a child
 * of the worker may hold it. */
#define DRAIN_MSEC 200

/* How long it may take to read what is in a channel behind a worker that has exited. */
#define UNREAD_MSEC 30000

/* Time is counted in parts like these, of which none counts that was missed. */
#define MAX_PART_MSEC 1000
#define MIN_PART_MSEC 50
#define N_PARTS 4

static void
free_process (gpointer data)
{
  PPoolProcess *self = data;

  g_assert (self->timer.place == 0);

  g_clear_pointer (&self->outbox, ppool_outbox_unref);
  g_clear_pointer (&self->board, ppool_board_free);
  g_clear_pointer (&self->manager, ppool_manager_unref);
  g_clear_error (&self->cause);
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

PPoolSlot *
ppool_process_get_slot (PPoolProcess *self)
{
  return &self->slot;
}

void
ppool_process_post (PPoolProcess     *self,
                    PPoolManagerFunc  func)
{
  ppool_manager_post (self->manager, func, ppool_process_ref (self));
}

static void part_passed_cb (gpointer data);

static void
arm_part (PPoolProcess *self,
          guint         msec)
{
  self->part_msec = msec;
  self->part_due = g_get_monotonic_time () + (gint64) msec * G_TIME_SPAN_MILLISECOND;
  ppool_manager_arm (self->manager, &self->timer, msec, part_passed_cb, self);
}

/* A program that was stopped, by a SIGSTOP or a debugger, finds all that workers have
 * sent meanwhile unread, and all times over. So a part of the time of which the end was
 * not seen is waited for again, once in a row: a machine may also be that slow. */
static void
part_passed_cb (gpointer data)
{
  PPoolProcess *self = data;
  gint64 late = g_get_monotonic_time () - self->part_due;

  self->was_late = !self->was_late && late > MIN_PART_MSEC * G_TIME_SPAN_MILLISECOND;
  if (!self->was_late)
    self->left_msec -= MIN (self->part_msec, self->left_msec);

  if (self->was_late)
    arm_part (self, MAX (self->part_msec, MIN_PART_MSEC));
  else if (self->left_msec > 0)
    arm_part (self, MIN (self->part_msec, self->left_msec));
  else
    self->overdue (self);
}

/* Has @func called in the manager's thread when @msec milliseconds have passed in which
 * this program ran, unless that is said anew. */
void
ppool_process_arm (PPoolProcess     *self,
                   guint             msec,
                   PPoolManagerFunc  func)
{
  self->overdue = func;
  self->left_msec = msec;
  self->was_late = FALSE;
  arm_part (self, MIN (CLAMP (msec / N_PARTS, MIN_PART_MSEC, MAX_PART_MSEC), msec));
}

PPoolProcessState
ppool_process_get_state (PPoolProcess *self)
{
  PPoolProcessState state;

  ppool_lock_enter (self->lock);
  state = self->state;
  ppool_lock_leave_quietly (self->lock);

  return state;
}

/* With the lock held. */
static void
set_dying (PPoolProcess *self)
{
  self->state = PPOOL_PROCESS_DYING;
  ppool_scheduler_slot_unfit (self->owner->scheduler, &self->slot);
}

/* Notes what is wrong with the worker, unless something was before or it is
 * leaving anyway. */
gboolean
ppool_process_condemn (PPoolProcess *self,
                       const GError *cause)
{
  gboolean condemned;

  ppool_lock_enter (self->lock);
  condemned = self->state == PPOOL_PROCESS_STARTING || self->state == PPOOL_PROCESS_READY;
  if (condemned)
    {
      self->cause = g_error_copy (cause);
      set_dying (self);
    }
  ppool_lock_leave (self->lock);

  return condemned;
}

/* The end, in the manager's thread */

void
ppool_process_signal (PPoolProcess *self,
                      int           number)
{
  if (self->child == NULL || self->exited)
    return;

  g_debug ("Worker %u: sent signal %d (%s)", self->pid, number, g_strsignal (number));
  ppool_child_send_signal (self->child, number);
}

static GError *
make_error (PPoolProcess *self)
{
  g_autofree char *tail = NULL;
  PPoolVerdict verdict = { 0 };
  g_autoptr (PPoolRecord) record = NULL;

  if (self->errors != NULL)
    {
      ppool_stderr_catch_up (self->errors);
      tail = ppool_stderr_dup_tail (self->errors);
    }

  verdict.started = self->pid != 0;
  verdict.pid = self->pid;
  verdict.ready = self->was_ready;
  verdict.exited = self->exited && !self->executed;
  verdict.wait_status = self->wait_status;
  verdict.status_is_lost = self->status_is_lost;
  verdict.children_are_ignored = self->children_are_ignored;
  verdict.stderr_tail = tail;
  verdict.initializer = self->is_initializing ? self->startup->initializer : NULL;
  /* A handshake that failed as the worker left says nothing of its own. */
  verdict.cause = self->cause;
  if (verdict.cause == NULL && !verdict.exited)
    verdict.cause = self->handshake_error;

  ppool_lock_enter (self->lock);
  verdict.library = self->library;
  record = ppool_outbox_peek (self->outbox, &verdict.function_is_done);
  if (record != NULL)
    ppool_record_ref (record);
  ppool_lock_leave_quietly (self->lock);

  verdict.function = record != NULL ? ppool_record_get_function (record) : NULL;
  return ppool_verdict_to_error (&verdict);
}

static void
judge (PPoolProcess *self)
{
  g_autoptr (GError) error = NULL;
  gboolean asked;

  ppool_lock_enter (self->lock);
  asked = self->state == PPOOL_PROCESS_LEAVING;
  if (!asked)
    set_dying (self);
  ppool_lock_leave (self->lock);

  self->judged = TRUE;
  if (asked)
    return;

  error = make_error (self);
  g_debug ("Verdict: %s", error->message);
  self->owner->died (self->owner->pool, error);
}

static void
finish (PPoolProcess *self)
{
  self->is_gone = TRUE;
  ppool_manager_disarm (self->manager, &self->timer);

  ppool_lock_enter (self->lock);
  ppool_outbox_close (self->outbox);
  ppool_lock_leave (self->lock);

  if (self->channel != NULL)
    ppool_channel_close (self->channel);
  g_clear_pointer (&self->channel, ppool_channel_unref);

  g_clear_pointer (&self->errors, ppool_stderr_release);
  g_clear_pointer (&self->child, ppool_child_free);

  self->owner->gone (self->owner->pool, self);
}

/* Takes the next step that what is known allows. */
void
ppool_process_conclude (PPoolProcess *self)
{
  if (!self->judged && self->drained && (self->exited || self->executed))
    judge (self);

  if (self->judged && self->exited && self->handshake == NULL && !self->is_gone)
    finish (self);
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

/* Ends a worker for what it did. */
void
ppool_process_execute (PPoolProcess *self)
{
  self->executed = !self->exited;
  ppool_process_signal (self, SIGKILL);
  ppool_process_shut (self);
  ppool_process_conclude (self);
}

void
ppool_process_overdue (gpointer data)
{
  ppool_process_execute (data);
}

void
ppool_process_condemned (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  ppool_process_execute (self);
}

void
ppool_process_drained (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->drained = TRUE;
  if (!self->exited && !self->executed && ppool_process_get_state (self) != PPOOL_PROCESS_LEAVING)
    ppool_process_arm (self, PPOOL_PROCESS_EXIT_MSEC, ppool_process_overdue);
  ppool_process_conclude (self);
}

/* What is unread arrives on GDBus's thread, which somebody else's code can keep busy.
 * A worker that has exited is not waited for without end. */
static void
unread_cb (gpointer data)
{
  PPoolProcess *self = data;

  self->drained = TRUE;
  ppool_process_conclude (self);
}

static void
undrained_cb (gpointer data)
{
  ppool_process_shut (data);
  ppool_process_arm (data, UNREAD_MSEC, unread_cb);
}

/* The kernel reaps them then, and nobody gets to know their status. */
static gboolean
children_are_ignored (void)
{
  struct sigaction action;

  return sigaction (SIGCHLD, NULL, &action) == 0 &&
         (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0);
}

static void
log_exit (PPoolProcess *self)
{
  if (self->status_is_lost)
    g_debug ("Worker %u: exited, and was reaped by somebody else", self->pid);
  else if (WIFSIGNALED (self->wait_status))
    g_debug ("Worker %u: killed by signal %d (%s)", self->pid, WTERMSIG (self->wait_status),
             g_strsignal (WTERMSIG (self->wait_status)));
  else
    g_debug ("Worker %u: exited with status %d", self->pid, WEXITSTATUS (self->wait_status));
}

void
ppool_process_exited (int      wait_status,
                      gboolean is_lost,
                      gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->exited = TRUE;
  self->wait_status = wait_status;
  self->status_is_lost = is_lost;
  self->children_are_ignored = is_lost && children_are_ignored ();
  log_exit (self);

  if (!self->drained)
    ppool_process_arm (self, DRAIN_MSEC, undrained_cb);
  ppool_process_conclude (self);
}

/* Makes a process and has the manager start it. */
PPoolProcess *
ppool_process_new (const PPoolProcessOwner *owner,
                   PPoolManager            *manager,
                   const PPoolStartup      *startup,
                   guint                    grace_msec)
{
  PPoolProcess *self = g_atomic_rc_box_new0 (PPoolProcess);

  self->owner = owner;
  self->lock = owner->lock;
  self->manager = ppool_manager_ref (manager);
  self->startup = startup;
  self->grace_msec = grace_msec;
  self->outbox = ppool_outbox_new (owner->lock, owner->scheduler, &self->slot);

  ppool_process_post (self, ppool_process_start);

  return self;
}

/* Gives the worker a call. */
void
ppool_process_push (PPoolProcess *self,
                    PPoolRecord  *record)
{
  g_assert (self->state == PPOOL_PROCESS_READY);

  /* Who has no board takes a call as soon as it is sent. */
  if (!ppool_outbox_has_board (self->outbox))
    ppool_record_start (record, self->pid, 0);
  ppool_outbox_push (self->outbox, record);
}

/* Takes @record back, or the first call that can be if that is NULL: (nullable)
 * (transfer full). */
PPoolRecord *
ppool_process_recall (PPoolProcess *self,
                      PPoolRecord  *record)
{
  const char *violation = NULL;
  PPoolRecord *recalled = ppool_outbox_recall (self->outbox, record, &violation);

  if (violation != NULL)
    ppool_process_set_violation (self, violation);

  return recalled;
}

gint64
ppool_process_get_since (PPoolProcess *self)
{
  return ppool_outbox_get_since (self->outbox);
}

/* Has a call that the worker has taken say so. */
void
ppool_process_refresh (PPoolProcess *self,
                       PPoolRecord  *record)
{
  gint64 since;

  if (ppool_outbox_is_running (self->outbox, record, &since))
    ppool_record_start (record, self->pid, since);
}
