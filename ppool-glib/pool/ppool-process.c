/* ppool-process.c: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-private.h"

#include <signal.h>

#include "ppool-countdown-private.h"
#include "ppool-exit-private.h"
#include "ppool-handshake-private.h"
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
 * Life and pid are guarded by the pool's lock. Results arrive in GDBus's I/O thread
 * and settle there. Everything else belongs to the manager's thread, in which a
 * watch or a handshake that is outstanding holds the process. There is one countdown
 * as there is one thing to wait for at a time. */

/* How long a worker that closed its channel may take to exit. */
#define EXIT_MSEC 2000

/* How long a worker whose handshake failed may take to show why. */
#define EXCUSE_MSEC 500

/* How long the channel may stay open behind a worker that has exited: a child
 * of the worker may hold it. */
#define DRAIN_MSEC 200

/* How long it may take to read what is in a channel behind a worker that has exited. */
#define UNREAD_MSEC 30000

/* In the order of time. */
typedef enum
{
  STARTING,
  READY,
  LEAVING,
  FAILED,
  CONCLUDED,
  GONE,
} Life;

/* Likewise; what is drained can't be read any more. */
typedef enum
{
  CHANNEL_CONNECTING,
  CHANNEL_OPEN, /* the worker is being initialized, or has been */
  CHANNEL_DRAINED,
  CHANNEL_DRAINED_UNOPENED,
} ChannelState;

struct _PPoolProcess
{
  /* Constant. */
  const PPoolProcessOwner *owner; /* (unowned): outlives the process */
  PPoolManager *manager; /* (owned) */
  const PPoolStartup *startup; /* (unowned): the owner's */
  PPoolOutbox *outbox;   /* (owned) */
  guint grace_msec;

  /* Guarded by the pool's lock. */
  PPoolSlot slot;
  Life life;
  guint pid;
  gboolean was_ready;
  GError *cause; /* (owned) (nullable): what is wrong with it */
  const char *violation; /* (nullable): what it did that can't be */
  char *library;         /* (owned) (nullable): the worker's, if it is another one */
  const char *leaving;   /* (nullable): why it was asked to leave */

  /* In the manager's thread. */
  PPoolExit exit;
  gint64 start_time;         /* constant once there is a channel */
  PPoolChannel *channel;     /* (owned) (nullable) */
  ChannelState channel_state;
  PPoolBoard *board;         /* (owned) (nullable): while it is offered; taken in GDBus's thread,
                              * under the lock */
  PPoolHandshake *handshake; /* (owned) (nullable): while it goes on */
  GError *handshake_error;   /* (owned) (nullable) */
  PPoolStderr *errors;       /* (owned) (nullable) */
  PPoolCountdown countdown;  /* of what is waited for */
  guint n_signals; /* sent to a worker that is to leave */
};

static void
free_process (gpointer data)
{
  PPoolProcess *self = data;

  g_assert (self->countdown.timer.place == 0);

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

static void
post (PPoolProcess     *self,
      PPoolManagerFunc  func)
{
  ppool_manager_post (self->manager, func, ppool_process_ref (self));
}

static Life
get_life (PPoolProcess *self)
{
  Life life;

  ppool_lock_enter (self->owner->lock);
  life = self->life;
  ppool_lock_leave_quietly (self->owner->lock);

  return life;
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

static gboolean
is_drained (const PPoolProcess *self)
{
  return self->channel_state >= CHANNEL_DRAINED;
}

/* Nothing comes any more. */
static void
set_drained (PPoolProcess *self)
{
  if (self->channel_state == CHANNEL_CONNECTING)
    self->channel_state = CHANNEL_DRAINED_UNOPENED;
  else if (self->channel_state == CHANNEL_OPEN)
    self->channel_state = CHANNEL_DRAINED;
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
  ppool_exit_tell (&self->exit, &verdict);
  verdict.stderr_tail = tail;
  if (self->channel_state == CHANNEL_DRAINED)
    verdict.initializer = self->startup->settings->initializer;
  /* A handshake that failed as the worker left says nothing of its own. */
  verdict.cause = self->cause;
  if (verdict.cause == NULL && !verdict.exited)
    verdict.cause = self->handshake_error;

  ppool_lock_enter (self->owner->lock);
  verdict.library = self->library;
  record = ppool_outbox_peek (self->outbox, &verdict.function_is_done);
  if (record != NULL)
    ppool_record_ref (record);
  ppool_lock_leave_quietly (self->owner->lock);

  verdict.function = record != NULL ? record->spec->function : NULL;
  return ppool_verdict_to_error (&verdict);
}

static void
conclude (PPoolProcess *self)
{
  g_autoptr (GError) error = NULL;
  gboolean asked;

  ppool_lock_enter (self->owner->lock);
  asked = self->life == LEAVING;
  if (!asked)
    set_failed (self);
  self->life = CONCLUDED;
  ppool_lock_leave (self->owner->lock);

  if (asked)
    return;

  error = make_error (self);
  g_debug ("Verdict: %s", error->message);
  self->owner->died (self->owner->pool, error);
}

static void
finish (PPoolProcess *self)
{
  ppool_countdown_stop (&self->countdown);

  ppool_lock_enter (self->owner->lock);
  self->life = GONE;
  ppool_outbox_close (self->outbox);
  ppool_lock_leave (self->owner->lock);

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
  if (get_life (self) < CONCLUDED && is_drained (self) && self->exit.state != PPOOL_EXIT_RUNNING)
    conclude (self);

  if (get_life (self) == CONCLUDED && ppool_exit_is_reaped (&self->exit) &&
      self->handshake == NULL)
    finish (self);
}

/* Ends the channel. What the worker had sent still arrives. */
static void
shut (PPoolProcess *self)
{
  if (self->handshake != NULL)
    ppool_handshake_cancel (self->handshake);
  else if (self->channel != NULL)
    ppool_channel_shut (self->channel);
}

/* Ends a worker for what it did. */
static void
kill_worker (gpointer data)
{
  PPoolProcess *self = data;

  ppool_exit_kill (&self->exit);
  shut (self);
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
  if (self->exit.state == PPOOL_EXIT_RUNNING && get_life (self) != LEAVING)
    ppool_countdown_start (&self->countdown, EXIT_MSEC, kill_worker);
  advance (self);
}

/* What is unread arrives on GDBus's thread, which somebody else's code can keep busy.
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

  shut (self);
  ppool_countdown_start (&self->countdown, UNREAD_MSEC, unread_cb);
}

static void
exited_cb (int      wait_status,
           gboolean is_lost,
           gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  ppool_exit_note (&self->exit, wait_status, is_lost);
  if (!is_drained (self))
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
  post (self, violated_cb);
}

/* Leaving, in the manager's thread */

static void
ungraceful_cb (gpointer data)
{
  PPoolProcess *self = data;
  guint msec = self->grace_msec > 0 ? self->grace_msec : EXIT_MSEC;

  if (self->n_signals++ == 0)
    {
      ppool_exit_signal (&self->exit, SIGTERM);
      ppool_countdown_start (&self->countdown, msec, ungraceful_cb);
    }
  else
    {
      ppool_exit_signal (&self->exit, SIGKILL);
      shut (self);
    }
}

static void
retired_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  g_debug ("Worker %u: asked to leave: %s", self->pid, self->leaving);

  if (!ppool_exit_is_reaped (&self->exit) && self->grace_msec > 0)
    ppool_countdown_start (&self->countdown, self->grace_msec, ungraceful_cb);
}

static void
terminated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  if (!ppool_exit_is_reaped (&self->exit) && self->n_signals == 0)
    ungraceful_cb (self);
}

static void
killed_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->n_signals = MAX (self->n_signals, 1);
  if (!ppool_exit_is_reaped (&self->exit))
    ungraceful_cb (self);
}

/* What the worker says, in GDBus's I/O thread */

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

  if (event->value != NULL)
    note_library (self, event->value);

  if (error != NULL)
    {
      if (fail (self, error))
        post (self, failed_cb);
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

  if (violation == NULL)
    return;

  ppool_lock_enter (self->owner->lock);
  set_violation (self, violation);
  ppool_lock_leave_quietly (self->owner->lock);
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
        post (self, failed_cb);
      break;
    case PPOOL_CHANNEL_DRAINED:
      post (self, drained_cb);
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

  if (get_life (self) != STARTING)
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
        post (self, failed_cb);
      return;
    }

  self->handshake_error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                                       "its handshake failed (%s)", error->message);
  if (self->exit.state == PPOOL_EXIT_RUNNING && get_life (self) != LEAVING)
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
      if (self->startup->settings->initializer != NULL && get_life (self) == STARTING)
        ppool_countdown_stop (&self->countdown);
      self->channel_state = CHANNEL_OPEN;
      ppool_start_initialize (self->startup, self->channel, &self->board);
      if (self->exit.state != PPOOL_EXIT_RUNNING)
        shut (self);
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
    self->exit.child = ppool_child_new (pid, context, exited_cb, ppool_process_ref (self));

  return pid != 0;
}

static void
begin (PPoolProcess *self,
       int           channel_fd)
{
  g_autoptr (GError) error = NULL;
  guint timeout = ppool_launch_plan_get_handshake_timeout_msec (self->startup->plan);

  self->start_time = g_get_monotonic_time ();
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
  gboolean wanted = get_life (self) == STARTING;
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

/* With the lock held: makes a process and has the manager start it. */
PPoolProcess *
ppool_process_new (const PPoolProcessOwner *owner,
                   PPoolManager            *manager,
                   const PPoolStartup      *startup)
{
  PPoolProcess *self = g_atomic_rc_box_new0 (PPoolProcess);

  self->owner = owner;
  self->manager = ppool_manager_ref (manager);
  self->startup = startup;
  self->grace_msec = startup->settings->grace_msec;
  ppool_countdown_init (&self->countdown, manager, self);
  self->outbox = ppool_outbox_new (owner->lock, owner->scheduler, &self->slot);

  post (self, start_cb);

  return self;
}

/* With the lock held */

/* Gives the worker a call: (transfer full). */
void
ppool_process_push (PPoolProcess *self,
                    PPoolRecord  *record)
{
  g_assert (self->life == READY);

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

/* Asks the worker to leave: it has nothing to do. */
void
ppool_process_retire (PPoolProcess *self)
{
  self->leaving = ppool_scheduler_is_spent (self->owner->scheduler, &self->slot) ?
                    "it has run max-tasks-per-worker calls" :
                    "it is not needed any more";
  if (self->life == READY)
    {
      ppool_outbox_push_exit (self->outbox);
      post (self, retired_cb);
    }
  else if (self->life == STARTING)
    post (self, terminated_cb);
  else
    return;

  self->life = LEAVING;
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

  if (self->life >= FAILED)
    return;

  self->life = LEAVING;
  post (self, signal == SIGKILL ? killed_cb : terminated_cb);
}
