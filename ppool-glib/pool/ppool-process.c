/* ppool-process.c: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

#include <signal.h>
#include <string.h>

#include "ppool-resources-private.h"
#include "ppool-verdict-private.h"

/* A process is a life, a channel and an exit. Its life:
 *
 *   STARTING ─► READY ─► LEAVING ─► CONCLUDED ─► GONE
 *        └────────┴────► FAILED ──────┘
 *
 * STARTING until the worker has answered Initialize; READY while it is given
 * calls; LEAVING once it was asked to go, and how it goes is of no interest
 * then; FAILED once something is wrong with it. It is concluded once, in the
 * manager's thread, when its channel is drained and its exit is known or of no
 * interest, and it is gone when it is reaped as well.
 *
 * A worker that is ready may be ended for the sake of one call, which was aborted or has
 * run for too long: by a ladder of which each step looks first whether it still runs that
 * call, under the lock. It is asked to cancel the call, and goes on if it answers; then
 * it is sent SIGTERM and is LEAVING, then SIGKILL.
 *
 * Life and pid are guarded by the pool's lock. Results arrive in the thread that reads them
 * and settle there. Everything else belongs to the manager's thread, in which a
 * watch or a handshake that is outstanding holds the process. There is one countdown
 * as there is one thing to wait for at a time. */

/* How long a worker whose handshake failed may take to show why. */
#define EXCUSE_MSEC 500

/* How long the channel may stay open behind a worker that has exited: a child
 * of the worker may hold it. */
#define DRAIN_MSEC 200

/* How long it may take to read what is in a channel behind a worker that has exited. */
#define UNREAD_MSEC 30000

PPoolSlot *
ppool_process_get_slot (PPoolProcess *self)
{
  return &self->slot;
}

guint
ppool_process_get_number (PPoolProcess *self)
{
  return self->facts->slot;
}

/* What is to be told of one that is gone, in the manager's thread: (nullable) (transfer full).
 * There is nothing to tell of one that was not wanted any more before it was started. */
PPoolEvent *
ppool_process_make_exit (PPoolProcess *self,
                         gboolean      is_heard)
{
  if ((!is_heard && !self->is_announced) || (self->facts->pid == 0 && self->exit_error == NULL))
    return NULL;

  return ppool_event_new (PPOOL_EVENT_EXITED, self->facts, self->exit_error);
}

/* With the lock held. */
static void
set_failed (PPoolProcess *self)
{
  self->life = FAILED;
  ppool_scheduler_slot_unfit (self->owner->scheduler, &self->slot);
}

/* Notes what is wrong with the worker, unless something was before or it is
 * leaving anyway. */
static gboolean
fail (PPoolProcess *self,
      const GError *cause)
{
  gboolean failed;

  ppool_lock_enter (self->owner->lock);
  failed = self->life == STARTING || self->life == READY;
  if (failed)
    {
      self->cause = g_error_copy (cause);
      set_failed (self);
    }
  ppool_lock_leave (self->owner->lock);

  return failed;
}

/* The end, in the manager's thread */

/* Nothing comes any more. */
static void
set_drained (PPoolProcess *self)
{
  if (self->channel_state == CHANNEL_CONNECTING)
    self->channel_state = CHANNEL_DRAINED_UNOPENED;
  else if (self->channel_state == CHANNEL_OPEN)
    self->channel_state = CHANNEL_DRAINED;
}

/* What it wrote in an earlier call says nothing of this one. */
static char *
dup_tail (PPoolProcess       *self,
          const PPoolVerdict *verdict)
{
  gint64 since = 0;

  if (self->errors == NULL)
    return NULL;

  if (verdict->run_time >= 0)
    since = ppool_exit_get_time (&self->exit) - verdict->run_time;
  ppool_stderr_catch_up (self->errors);
  return ppool_stderr_dup_tail (self->errors, since);
}

/* How long the worker has run the call that it ran when it ended, or -1. */
static gint64
get_run_time (PPoolProcess *self,
              PPoolRecord  *record)
{
  gint64 since = ppool_outbox_get_since (self->outbox);
  PPoolHistory history;

  /* Without a board it has run it since it was given it. */
  ppool_outcome_get_history (&record->outcome, &history);
  if (since == 0)
    since = record->extra->n_deaths > 0 ? record->extra->pushed_time : history.started_time;

  return since > 0 ? MAX (ppool_exit_get_time (&self->exit) - since, 0) : -1;
}

/* What is known of the end, for policy and for whoever asks. */
static void
tell_end (PPoolProcess    *self,
          PPoolProcessEnd *end)
{
  PPoolVerdict verdict = { .run_time = -1, .was_ended = end->was_asked };
  g_autoptr (PPoolRecord) record = NULL;
  g_autoptr (GError) summary = NULL;
  g_autofree char *tail = NULL;
  g_autofree char *core = NULL;

  verdict.started = self->pid != 0;
  verdict.pid = self->pid;
  verdict.ready = self->was_ready;
  ppool_exit_tell (&self->exit, &verdict);
  if (self->channel_state == CHANNEL_DRAINED)
    verdict.initializer = self->startup->settings->initializer;
  /* A handshake that failed as the worker left says nothing of its own. */
  verdict.cause = self->cause;
  if (verdict.cause == NULL && !verdict.exited)
    verdict.cause = self->handshake_error;
  end->was_killed = !end->was_asked && ppool_exit_was_killed (&self->exit);
  verdict.was_out_of_memory =
    end->was_killed && ppool_resources_count_oom_kills ("/") > self->n_oom_kills;

  ppool_lock_enter (self->owner->lock);
  verdict.library = self->library;
  record = ppool_outbox_peek (self->outbox, &verdict.function_is_done);
  if (record != NULL)
    {
      ppool_record_ref (record);
      ppool_process_refresh (self, record);
      if (!verdict.function_is_done)
        verdict.run_time = get_run_time (self, record);
    }
  ppool_lock_leave_quietly (self->owner->lock);

  if (record != NULL)
    {
      verdict.function = record->outcome.spec->function;
      verdict.label = record->outcome.spec->label;
    }

  verdict.core = core = ppool_exit_dup_core (&self->exit);
  tail = dup_tail (self, &verdict);
  verdict.said_no_memory =
    !end->was_asked && tail != NULL && ppool_verdict_is_out_of_memory (tail);

  summary = ppool_verdict_to_error (&verdict);
  end->summary = g_strdup (summary->message);
  verdict.stderr_tail = tail;
  end->error = ppool_verdict_to_error (&verdict);
  end->death = ppool_death_new (&verdict, end->error->message);
}

/* By its own doing, or the system's. With the lock held, or once it is concluded. */
static gboolean
has_died (PPoolProcess *self)
{
  return self->exit_reason == PPOOL_WORKER_EXIT_REASON_DIED ||
         self->exit_reason == PPOOL_WORKER_EXIT_REASON_NOT_STARTED;
}

/* Why it has ended, as an error unless it was asked to leave. */
static void
note_exit (PPoolProcess    *self,
           PPoolRecord     *ending,
           const GError    *error)
{
  if (has_died (self))
    self->exit_error = g_error_copy (error);
  else if (self->exit_reason == PPOOL_WORKER_EXIT_REASON_ENDED)
    self->exit_error = ppool_record_make_ended_error (ending, ending->ending,
                                                      error != NULL ? error->message : NULL);
}

/* One that left as it was asked to has no calls. */
static void
conclude (PPoolProcess *self)
{
  PPoolProcessEnd end = { .created_time = self->created_time };
  g_autoptr (PPoolRecord) ending = NULL;
  gboolean has_calls;

  ppool_lock_enter (self->owner->lock);
  end.was_asked = self->life == LEAVING || self->ending != NULL || self->is_evicted;
  has_calls = !ppool_outbox_is_empty (self->outbox);
  ending = self->ending != NULL ? ppool_record_ref (self->ending) : NULL;
  if (self->life != LEAVING)
    {
      set_failed (self);
      if (self->pid == 0)
        self->exit_reason = PPOOL_WORKER_EXIT_REASON_NOT_STARTED;
      else
        self->exit_reason =
          ending != NULL ? PPOOL_WORKER_EXIT_REASON_ENDED : PPOOL_WORKER_EXIT_REASON_DIED;
    }
  self->life = CONCLUDED;
  ppool_lock_leave (self->owner->lock);

  if (end.was_asked && !has_calls && !has_died (self))
    {
      note_exit (self, ending, NULL);
      return;
    }

  tell_end (self, &end);
  g_debug ("Verdict: %s", end.error->message);
  note_exit (self, ending, end.error);
  if (self->was_ready && self->exit_error != NULL)
    self->facts->death = g_object_ref (end.death);
  if (!end.was_asked || has_calls)
    self->owner->ended (self->owner->pool, self, &end);

  g_object_unref (end.death);
  g_error_free (end.error);
  g_free (end.summary);
}

static void
finish (PPoolProcess *self)
{
  ppool_countdown_stop (&self->countdown);
  ppool_manager_disarm (self->manager, &self->overdue);

  ppool_lock_enter (self->owner->lock);
  self->life = GONE;
  g_clear_pointer (&self->ending, ppool_record_unref);
  ppool_outbox_close (self->outbox);
  ppool_lock_leave (self->owner->lock);
  ppool_facts_set_exit_reason (self->facts, self->exit_reason);

  if (self->channel != NULL)
    ppool_channel_close (self->channel);
  g_clear_pointer (&self->channel, ppool_channel_unref);

  g_clear_pointer (&self->errors, ppool_stderr_release);
  g_clear_pointer (&self->exit.child, ppool_child_free);

  self->owner->gone (self->owner->pool, self);
}

/* Takes the next step that what is known allows. */
static void
advance (PPoolProcess *self)
{
  if (ppool_process_get_life (self) < CONCLUDED && ppool_process_is_drained (self) &&
      self->exit.state != PPOOL_EXIT_RUNNING)
    conclude (self);

  if (ppool_process_get_life (self) == CONCLUDED && ppool_exit_is_reaped (&self->exit) &&
      self->handshake == NULL)
    finish (self);
}

/* Ends a worker for what it did. */
static void
kill_worker (gpointer data)
{
  PPoolProcess *self = data;

  ppool_exit_kill (&self->exit);
  ppool_process_shut (self);
  advance (self);
}

static void
failed_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  kill_worker (self);
}

static void
drained_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  set_drained (self);
  if (self->exit.state == PPOOL_EXIT_RUNNING && ppool_process_get_life (self) != LEAVING)
    ppool_countdown_start (&self->countdown, PPOOL_PROCESS_EXIT_MSEC, kill_worker);
  advance (self);
}

/* What is unread may arrive on GDBus's thread, which somebody else's code can keep busy.
 * A worker that has exited is not waited for without end. */
static void
unread_cb (gpointer data)
{
  PPoolProcess *self = data;

  set_drained (self);
  advance (self);
}

static void
undrained_cb (gpointer data)
{
  PPoolProcess *self = data;

  ppool_process_shut (self);
  ppool_countdown_start (&self->countdown, UNREAD_MSEC, unread_cb);
}

/* What a worker has started goes on when that has left as it was asked to. */
static gboolean
ends_group_cb (gpointer data)
{
  PPoolProcess *self = data;

  return self->exit.with_group || ppool_process_get_life (self) != LEAVING;
}

static void
exited_cb (int      wait_status,
           gboolean is_lost,
           gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  ppool_exit_note (&self->exit, wait_status, is_lost);
  if (!ppool_process_is_drained (self))
    ppool_countdown_start (&self->countdown, DRAIN_MSEC, undrained_cb);
  advance (self);
}

static void
violated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  g_autoptr (GError) error =
    g_error_new_literal (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, self->violation);

  if (fail (self, error))
    kill_worker (self);
}

static void
set_violation (PPoolProcess *self,
               const char   *what)
{
  if (self->violation != NULL)
    return;

  self->violation = what;
  ppool_process_post (self, violated_cb);
}

/* What the worker says, in the thread that reads it: GDBus's, or the io thread */

/* What is said of a worker also says so. */
static void
note_library (PPoolProcess *self,
              GVariant     *info)
{
  g_autofree char *library = ppool_protocol_dup_other (info);

  if (library == NULL)
    return;

  g_debug ("Worker %u: uses %s", self->pid, library);
  ppool_lock_enter (self->owner->lock);
  if (self->library == NULL)
    self->library = g_steal_pointer (&library);
  ppool_lock_leave (self->owner->lock);
}

static void
receive_info (PPoolProcess            *self,
              const PPoolChannelEvent *event)
{
  g_autoptr (GError) error = ppool_start_check_initialized (self->startup, event);
  gboolean is_heard = self->owner->is_heard (self->owner->pool);

  if (event->value != NULL)
    note_library (self, event->value);

  if (error != NULL)
    {
      if (fail (self, error))
        ppool_process_post (self, failed_cb);
      return;
    }

  ppool_lock_enter (self->owner->lock);
  if (self->life == STARTING)
    {
      self->life = READY;
      self->was_ready = TRUE;
      ppool_outbox_set_abilities (self->outbox,
                                  event->has_board ? g_steal_pointer (&self->board) : NULL,
                                  event->has_frames, event->has_cancel, event->has_options);
      self->slot.takes_ahead = event->has_board;
      ppool_scheduler_slot_ready (self->owner->scheduler, &self->slot);
      self->is_announced = is_heard;
      if (is_heard)
        self->owner->happened (self->owner->pool,
                               ppool_event_new (PPOOL_EVENT_STARTED, self->facts, NULL));
    }
  ppool_lock_leave (self->owner->lock);

  ppool_start_log_ready (event, self->pid, self->start_time);
}

static void
receive_results (PPoolProcess            *self,
                 const PPoolChannelEvent *event)
{
  const char *violation =
    ppool_outbox_settle (self->outbox, self->pid, event->results, event->n_results);

  if (violation == NULL && self->has_answered && g_atomic_pointer_get (&self->ending) == NULL)
    return;

  if (!self->has_answered)
    self->owner->proved (self->owner->pool);
  self->has_answered = TRUE;

  ppool_lock_enter (self->owner->lock);
  if (violation != NULL)
    set_violation (self, violation);
  else if (self->ending != NULL && self->life == READY && self->ending->stage == PPOOL_RECORD_OUT)
    ppool_process_stop_ending (self);
  ppool_lock_leave (self->owner->lock);
}

static void
channel_cb (PPoolChannel            *channel G_GNUC_UNUSED,
            const PPoolChannelEvent *event,
            gpointer                 owner)
{
  PPoolProcess *self = owner;

  switch (event->type)
    {
    case PPOOL_CHANNEL_INITIALIZED:
      receive_info (self, event);
      break;
    case PPOOL_CHANNEL_RESULTS:
      receive_results (self, event);
      break;
    case PPOOL_CHANNEL_NOTES:
      ppool_outbox_send_notes (self->outbox);
      break;
    case PPOOL_CHANNEL_VIOLATION:
      if (fail (self, event->error))
        ppool_process_post (self, failed_cb);
      break;
    case PPOOL_CHANNEL_DRAINED:
      ppool_process_post (self, drained_cb);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* The start, in the manager's thread */

static void
handshake_overdue_cb (gpointer data)
{
  PPoolProcess *self = data;
  g_autoptr (GError) error = NULL;

  if (ppool_process_get_life (self) != STARTING)
    return;

  error = ppool_start_make_overdue (self->startup);
  if (fail (self, error))
    kill_worker (self);
}

/* A worker of which nothing is to be expected any more has a moment to show why by its
 * exit, unless it has said so. */
static void
handshake_failed (PPoolProcess *self,
                  const GError *error)
{
  set_drained (self);

  if (error->domain == PPOOL_ERROR)
    {
      if (fail (self, error))
        ppool_process_post (self, failed_cb);
      return;
    }

  self->handshake_error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                                       "its handshake failed (%s)", error->message);
  if (self->exit.state == PPOOL_EXIT_RUNNING && ppool_process_get_life (self) != LEAVING)
    ppool_countdown_start (&self->countdown, EXCUSE_MSEC, kill_worker);
}

static void
handshake_cb (const GError *error,
              gpointer      data)
{
  g_autoptr (PPoolProcess) self = data;

  if (error != NULL)
    handshake_failed (self, error);

  g_clear_pointer (&self->handshake, ppool_handshake_free);

  if (self->channel_state == CHANNEL_CONNECTING)
    {
      /* How long an initializer may take is nobody's to say, unless the worker
       * was asked to leave meanwhile: then the timer is that one's. */
      if (self->startup->settings->initializer != NULL && ppool_process_get_life (self) == STARTING)
        ppool_countdown_stop (&self->countdown);
      self->channel_state = CHANNEL_OPEN;
      ppool_start_initialize (self->startup, self->channel, ppool_manager_get_io (self->manager),
                              &self->board);
      if (self->exit.state != PPOOL_EXIT_RUNNING)
        ppool_process_shut (self);
    }

  advance (self);
}

/* Without a thread for the handshake, this worker was started in vain. */
static void
give_up (PPoolProcess *self,
         const GError *error)
{
  set_drained (self);
  fail (self, error);
  kill_worker (self);
}

static gboolean
spawn (PPoolProcess  *self,
       int           *channel_fd,
       GError       **error)
{
  GMainContext *context = ppool_manager_get_context (self->manager);
  GPid pid = ppool_start_spawn (self->startup, context, channel_fd, &self->errors, error);

  if (pid != 0)
    {
      self->exit.child = ppool_child_new (pid, context, exited_cb, ppool_process_ref (self));
      ppool_child_set_group_func (self->exit.child, ends_group_cb);
    }

  return pid != 0;
}

static void
begin (PPoolProcess *self,
       int           channel_fd)
{
  g_autoptr (GError) error = NULL;
  guint timeout = ppool_launch_plan_get_handshake_timeout_msec (self->startup->plan);

  self->start_time = g_get_monotonic_time ();
  self->facts->pid = (guint) ppool_child_get_pid (self->exit.child);
  self->n_oom_kills = ppool_resources_count_oom_kills ("/");
  self->channel =
    ppool_channel_new (channel_fd, channel_cb, ppool_process_ref (self),
                       (GDestroyNotify) ppool_process_unref);

  self->handshake = ppool_handshake_new (self->channel, ppool_manager_get_context (self->manager),
                                         handshake_cb, ppool_process_ref (self), &error);
  if (self->handshake == NULL)
    {
      give_up (self, error);
      ppool_process_unref (self);
      return;
    }

  ppool_lock_enter (self->owner->lock);
  self->pid = (guint) ppool_child_get_pid (self->exit.child);
  ppool_outbox_open (self->outbox, self->channel);
  ppool_lock_leave (self->owner->lock);

  g_debug ("Worker %u: started: %s", self->pid,
           ppool_launch_plan_get_name (self->startup->plan));
  if (timeout > 0)
    ppool_countdown_start (&self->countdown, timeout, handshake_overdue_cb);
}

static void
start_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  gboolean wanted = ppool_process_get_life (self) == STARTING;
  g_autoptr (GError) error = NULL;
  int channel_fd = -1;

  if (wanted && ppool_channel_check_thread (&error) && spawn (self, &channel_fd, &error))
    {
      begin (self, channel_fd);
      return;
    }

  if (wanted)
    fail (self, error);
  set_drained (self);
  self->exit.state = PPOOL_EXIT_REAPED;
  advance (self);
}

/* With the lock held: makes a process and has the manager start it. No other has its @number
 * as long as it is there. */
PPoolProcess *
ppool_process_new (const PPoolProcessOwner *owner,
                   PPoolManager            *manager,
                   const PPoolStartup      *startup,
                   guint                    number)
{
  PPoolProcess *self = g_atomic_rc_box_new0 (PPoolProcess);

  self->owner = owner;
  self->manager = ppool_manager_ref (manager);
  self->startup = startup;
  self->grace_msec = startup->settings->grace_msec;
  self->created_time = g_get_monotonic_time ();
  ppool_countdown_init (&self->countdown, manager, self);
  self->outbox = ppool_outbox_new (owner->lock, owner->scheduler, &self->slot);
  self->facts = ppool_facts_new (number);

  ppool_process_post (self, start_cb);

  return self;
}

/* With the lock held */

/* Gives the worker a call: (transfer full). */
void
ppool_process_push (PPoolProcess *self,
                    PPoolRecord  *record)
{
  g_assert (self->life == READY);

  if (record->extra->timeout_msec >= 0 || record->extra->n_deaths > 0)
    ppool_record_need_extra (record)->pushed_time = g_get_monotonic_time ();
  if (record->extra->timeout_msec >= 0)
    {
      PPoolRecordExtra *extra = ppool_record_need_extra (record);

      extra->seen_time = 0;
      ppool_process_look_for_overdue (self, extra->pushed_time,
                                      extra->pushed_time +
                                        extra->timeout_msec * G_TIME_SPAN_MILLISECOND);
    }

  ppool_outbox_push (self->outbox, record, self->pid);
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
    set_violation (self, violation);

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
    ppool_outcome_start (&record->outcome, self->pid, since);
}
