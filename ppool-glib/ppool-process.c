/* ppool-process.c: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-handshake-private.h"
#include "ppool-stderr-private.h"
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
 * State and pid are guarded by the gate. Results arrive in GDBus's I/O thread
 * and settle there. Everything else belongs to the manager's thread, in which a
 * watch or a handshake that is outstanding holds the process. There is one timer
 * as there is one thing to wait for at a time. */

/* How long the channel may stay open behind a worker that has exited: a child
 * of the worker may hold it. */
#define DRAIN_MSEC 200

/* How long a worker whose handshake failed may take to show why. */
#define EXCUSE_MSEC 500

/* How long a worker that closed its channel may take to exit. */
#define EXIT_MSEC 2000

typedef enum
{
  STARTING,
  READY,
  LEAVING,
  DYING,
} State;

struct _PPoolProcess
{
  /* Constant. */
  PPoolGate *gate; /* (unowned): the owner's */
  const PPoolProcessFuncs *funcs;
  gpointer owner;        /* (unowned): outlives the process */
  PPoolManager *manager; /* (owned) */
  PPoolLaunchPlan *plan; /* (owned) */
  PPoolOutbox *outbox;   /* (owned) */
  guint grace_msec;

  /* Guarded by the gate. */
  State state;
  guint pid;
  gboolean was_ready;
  GError *cause; /* (owned) (nullable): what is wrong with it */

  /* In the manager's thread. */
  GSubprocess *subprocess;   /* (owned) (nullable) */
  PPoolChannel *channel;     /* (owned) (nullable) */
  PPoolHandshake *handshake; /* (owned) (nullable): while it goes on */
  GError *handshake_error;   /* (owned) (nullable) */
  PPoolStderr *errors;       /* (owned) (nullable) */
  PPoolTimer timer;
  guint n_signals; /* sent to a worker that is to leave */
  int wait_status;
  gboolean exited;
  gboolean drained;
  gboolean executed; /* killed for what it did, so its exit tells nothing */
  gboolean judged;
  gboolean is_gone;
};

static void
free_process (gpointer data)
{
  PPoolProcess *self = data;

  g_assert (self->timer.place == 0);

  g_clear_pointer (&self->outbox, ppool_outbox_unref);
  g_clear_pointer (&self->plan, ppool_launch_plan_unref);
  g_clear_pointer (&self->manager, ppool_manager_unref);
  g_clear_error (&self->cause);
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

static void
post (PPoolProcess     *self,
      PPoolManagerFunc  func)
{
  ppool_manager_post (self->manager, func, ppool_process_ref (self));
}

static void
arm (PPoolProcess     *self,
     guint             msec,
     PPoolManagerFunc  func)
{
  ppool_manager_arm (self->manager, &self->timer, msec, func, self);
}

static State
get_state (PPoolProcess *self)
{
  State state;

  ppool_gate_enter (self->gate);
  state = self->state;
  ppool_gate_leave (self->gate);

  return state;
}

/* Notes what is wrong with the worker, unless something was before or it is
 * leaving anyway. */
static gboolean
condemn (PPoolProcess *self,
         const GError *cause)
{
  gboolean condemned;

  ppool_gate_enter (self->gate);
  condemned = self->state == STARTING || self->state == READY;
  if (condemned)
    {
      self->state = DYING;
      self->cause = g_error_copy (cause);
    }
  ppool_gate_leave (self->gate);

  return condemned;
}

/* The end, in the manager's thread */

static void
send_signal (PPoolProcess *self,
             int           number)
{
  if (self->subprocess != NULL && !self->exited)
    g_subprocess_send_signal (self->subprocess, number);
}

static GError *
make_error (PPoolProcess *self)
{
  g_autofree char *tail = NULL;
  PPoolVerdict verdict = { 0 };
  PPoolRecord *record;
  GError *error;

  if (self->errors != NULL)
    {
      ppool_stderr_finish (self->errors);
      tail = ppool_stderr_dup_tail (self->errors);
    }

  verdict.pid = self->pid;
  verdict.ready = self->was_ready;
  verdict.exited = self->exited && !self->executed;
  verdict.wait_status = self->wait_status;
  verdict.stderr_tail = tail;
  /* A handshake that failed as the worker left says nothing of its own. */
  verdict.cause = self->cause;
  if (verdict.cause == NULL && !verdict.exited)
    verdict.cause = self->handshake_error;

  ppool_gate_enter (self->gate);
  record = ppool_outbox_peek (self->outbox);
  verdict.function = record != NULL ? ppool_record_get_function (record) : NULL;
  error = ppool_verdict_to_error (&verdict);
  ppool_gate_leave (self->gate);

  return error;
}

static void
judge (PPoolProcess *self)
{
  g_autoptr (GError) error = NULL;
  gboolean asked;

  ppool_gate_enter (self->gate);
  asked = self->state == LEAVING;
  if (!asked)
    self->state = DYING;
  ppool_gate_leave (self->gate);

  self->judged = TRUE;
  if (asked)
    return;

  error = make_error (self);
  self->funcs->died (self->owner, self, error);
}

static void
finish (PPoolProcess *self)
{
  self->is_gone = TRUE;
  ppool_manager_disarm (self->manager, &self->timer);

  ppool_gate_enter (self->gate);
  ppool_outbox_close (self->outbox);
  ppool_gate_leave (self->gate);

  if (self->channel != NULL)
    ppool_channel_close (self->channel);
  g_clear_pointer (&self->channel, ppool_channel_unref);

  if (self->errors != NULL)
    ppool_stderr_finish (self->errors);
  g_clear_pointer (&self->errors, ppool_stderr_free);
  g_clear_object (&self->subprocess);

  self->funcs->gone (self->owner, self);
}

/* Takes the next step that what is known allows. */
static void
conclude (PPoolProcess *self)
{
  if (!self->judged && self->drained && (self->exited || self->executed))
    judge (self);

  if (self->judged && self->exited && self->handshake == NULL && !self->is_gone)
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
execute (PPoolProcess *self)
{
  self->executed = !self->exited;
  send_signal (self, SIGKILL);
  shut (self);
  conclude (self);
}

static void
overdue_cb (gpointer data)
{
  execute (data);
}

static void
condemned_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  execute (self);
}

static void
drained_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  self->drained = TRUE;
  if (!self->exited && !self->executed && get_state (self) != LEAVING)
    arm (self, EXIT_MSEC, overdue_cb);
  conclude (self);
}

static void
undrained_cb (gpointer data)
{
  shut (data);
}

static void
exited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (PPoolProcess) self = user_data;

  g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL);
  self->exited = TRUE;
  self->wait_status = g_subprocess_get_status (self->subprocess);

  if (!self->drained)
    arm (self, DRAIN_MSEC, undrained_cb);
  conclude (self);
}

/* What the worker says, in GDBus's I/O thread */

static void
receive_info (PPoolProcess            *self,
              const PPoolChannelEvent *event)
{
  g_autoptr (GError) error = NULL;
  guint32 version = 0;

  if (event->error != NULL)
    error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "it refused to be initialized (%s)",
                         event->error->message);
  else if (!g_variant_lookup (event->value, "version", "u", &version) || version == 0 ||
           version > PPOOL_PROTOCOL_VERSION)
    error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                         "it speaks version %u of the protocol, which is not known here", version);

  if (error != NULL)
    {
      if (condemn (self, error))
        post (self, condemned_cb);
      return;
    }

  ppool_gate_enter (self->gate);
  if (self->state == STARTING)
    {
      self->state = READY;
      self->was_ready = TRUE;
      self->funcs->ready (self->owner, self);
    }
  ppool_gate_leave (self->gate);
}

static void
room_cb (gpointer owner)
{
  PPoolProcess *self = owner;

  if (self->state == READY)
    self->funcs->ready (self->owner, self);
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
    case PPOOL_CHANNEL_RESULT:
      ppool_outbox_settle (self->outbox, event->id, event->value, event->error);
      break;
    case PPOOL_CHANNEL_VIOLATION:
      if (condemn (self, event->error))
        post (self, condemned_cb);
      break;
    case PPOOL_CHANNEL_DRAINED:
      post (self, drained_cb);
      break;
    case PPOOL_CHANNEL_INITIALIZE:
    case PPOOL_CHANNEL_CALL:
    case PPOOL_CHANNEL_EXIT:
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

  if (get_state (self) != STARTING)
    return;

  error =
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "it did not finish its handshake within %u ms",
                 ppool_launch_plan_get_handshake_timeout_msec (self->plan));
  if (condemn (self, error))
    execute (self);
}

static void
handshake_cb (const GError *error,
              gpointer      data)
{
  g_autoptr (PPoolProcess) self = data;

  if (error != NULL)
    {
      self->handshake_error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                                           "its handshake failed (%s)", error->message);
      self->drained = TRUE;
      if (!self->exited && !self->executed && get_state (self) != LEAVING)
        arm (self, EXCUSE_MSEC, overdue_cb);
    }

  g_clear_pointer (&self->handshake, ppool_handshake_free);

  if (!self->drained)
    {
      ppool_channel_start (self->channel);
      ppool_channel_send_initialize (self->channel,
                                     g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
      if (self->exited || self->executed)
        shut (self);
    }

  conclude (self);
}

static gboolean
spawn (PPoolProcess  *self,
       int           *channel_fd,
       GError       **error)
{
  int stderr_fd;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "no socket can be had (%s)",
                   g_strerror (errno));
      return FALSE;
    }

  self->errors = ppool_stderr_new (ppool_launch_plan_get_stderr_mode (self->plan),
                                   ppool_manager_get_context (self->manager), &stderr_fd, error);
  if (self->errors == NULL)
    close (fds[1]);
  else
    self->subprocess = ppool_launch_plan_spawn (self->plan, fds[1], stderr_fd, error);

  if (self->subprocess == NULL)
    close (fds[0]);
  else
    *channel_fd = fds[0];

  return self->subprocess != NULL;
}

static void
begin (PPoolProcess *self,
       int           channel_fd)
{
  guint timeout = ppool_launch_plan_get_handshake_timeout_msec (self->plan);
  const char *pid = g_subprocess_get_identifier (self->subprocess);

  self->channel =
    ppool_channel_new (channel_fd, PPOOL_CHANNEL_SIDE_POOL, channel_cb, ppool_process_ref (self),
                       (GDestroyNotify) ppool_process_unref);

  ppool_gate_enter (self->gate);
  self->pid = pid != NULL ? (guint) g_ascii_strtoull (pid, NULL, 10) : 0;
  ppool_outbox_open (self->outbox, self->channel);
  ppool_gate_leave (self->gate);

  g_subprocess_wait_async (self->subprocess, NULL, exited_cb, ppool_process_ref (self));
  self->handshake = ppool_handshake_new (self->channel, ppool_manager_get_context (self->manager),
                                         handshake_cb, ppool_process_ref (self));
  if (timeout > 0)
    arm (self, timeout, handshake_overdue_cb);
}

static void
start_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  gboolean wanted = get_state (self) == STARTING;
  g_autoptr (GError) error = NULL;
  int channel_fd = -1;

  if (wanted && spawn (self, &channel_fd, &error))
    {
      begin (self, channel_fd);
      return;
    }

  if (wanted)
    condemn (self, error);
  self->drained = TRUE;
  self->exited = TRUE;
  conclude (self);
}

/* Makes a process and has the manager start it. */
PPoolProcess *
ppool_process_new (PPoolGate               *gate,
                   PPoolManager            *manager,
                   PPoolLaunchPlan         *plan,
                   guint                    grace_msec,
                   const PPoolProcessFuncs *funcs,
                   gpointer                 owner)
{
  PPoolProcess *self = g_atomic_rc_box_new0 (PPoolProcess);

  self->gate = gate;
  self->manager = ppool_manager_ref (manager);
  self->plan = ppool_launch_plan_ref (plan);
  self->grace_msec = grace_msec;
  self->funcs = funcs;
  self->owner = owner;
  self->outbox = ppool_outbox_new (gate, room_cb, self);

  post (self, start_cb);

  return self;
}

/* Gives the worker a call. */
void
ppool_process_push (PPoolProcess *self,
                    PPoolRecord  *record)
{
  g_assert (self->state == READY);

  ppool_record_start (record, self->pid);
  ppool_outbox_push (self->outbox, record);
}

/* Leaving, in the manager's thread */

static void
ungraceful_cb (gpointer data)
{
  PPoolProcess *self = data;

  if (self->n_signals++ == 0)
    {
      send_signal (self, SIGTERM);
      arm (self, self->grace_msec > 0 ? self->grace_msec : EXIT_MSEC, ungraceful_cb);
    }
  else
    {
      send_signal (self, SIGKILL);
      shut (self);
    }
}

static void
retired_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  if (!self->exited && self->grace_msec > 0)
    arm (self, self->grace_msec, ungraceful_cb);
}

static void
terminated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;

  if (!self->exited)
    ungraceful_cb (self);
}

/* Asks the worker to leave: it has nothing to do. */
void
ppool_process_retire (PPoolProcess *self)
{
  if (self->state == READY)
    {
      ppool_outbox_push_exit (self->outbox);
      post (self, retired_cb);
    }
  else if (self->state == STARTING)
    post (self, terminated_cb);
  else
    return;

  self->state = LEAVING;
}

/* Ends the worker, whatever it does. What it was given goes to @orphans. */
void
ppool_process_terminate (PPoolProcess *self,
                         GPtrArray    *orphans)
{
  ppool_outbox_take_all (self->outbox, orphans);

  if (self->state == DYING)
    return;

  if (self->state != LEAVING)
    post (self, terminated_cb);
  self->state = LEAVING;
}
