/* ppool-process-start.c: how a process starts, and what it says
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-fd-private.h"

/* How long a worker whose handshake failed may take to show why. */
#define EXCUSE_MSEC 500

/* What the worker says, in GDBus's I/O thread */

static void
log_ready (PPoolProcess            *self,
           const PPoolChannelEvent *event)
{
  g_autofree const char **features = NULL;
  g_autofree char *list = NULL;

  if (g_variant_lookup (event->value, "features", "^a&s", &features))
    list = g_strjoinv (" ", (char **) features);

  g_debug ("Worker %u: ready after %.1f ms, with the features: %s", self->pid,
           (double) (g_get_monotonic_time () - self->start_time) / G_TIME_SPAN_MILLISECOND,
           list != NULL && *list != '\0' ? list : "none");
}

/* What is said of a worker also says so. */
static void
note_library (PPoolProcess *self,
              GVariant     *info)
{
  g_autofree char *library = ppool_protocol_dup_other (info);

  if (library == NULL)
    return;

  g_debug ("Worker %u: uses %s", self->pid, library);
  ppool_lock_enter (self->lock);
  if (self->library == NULL)
    self->library = g_steal_pointer (&library);
  ppool_lock_leave (self->lock);
}

static void
receive_info (PPoolProcess            *self,
              const PPoolChannelEvent *event)
{
  g_autoptr (GError) error = NULL;
  guint32 version = 0;

  if (event->value != NULL)
    note_library (self, event->value);

  if (event->error != NULL && self->startup->initializer != NULL)
    error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_INITIALIZER,
                         "its initializer “%s” failed: %s", self->startup->initializer,
                         event->error->message);
  else if (event->error != NULL)
    error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "it refused to be initialized (%s)",
                         event->error->message);
  else if (!g_variant_lookup (event->value, "version", "u", &version) || version == 0 ||
           version > PPOOL_PROTOCOL_VERSION)
    error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                         "it speaks version %u of the protocol, and this program version %u", version,
                         PPOOL_PROTOCOL_VERSION);

  if (error != NULL)
    {
      if (ppool_process_condemn (self, error))
        ppool_process_post (self, ppool_process_condemned);
      return;
    }

  ppool_lock_enter (self->lock);
  if (self->state == PPOOL_PROCESS_STARTING)
    {
      self->state = PPOOL_PROCESS_READY;
      self->was_ready = TRUE;
      ppool_outbox_set_abilities (self->outbox,
                                  event->has_board ? g_steal_pointer (&self->board) : NULL,
                                  event->has_frames);
      self->slot.takes_ahead = event->has_board;
      ppool_scheduler_slot_ready (self->owner->scheduler, &self->slot);
    }
  ppool_lock_leave (self->lock);

  log_ready (self, event);
}

static void
violated_cb (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  g_autoptr (GError) error =
    g_error_new_literal (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, self->violation);

  if (ppool_process_condemn (self, error))
    ppool_process_execute (self);
}

void
ppool_process_set_violation (PPoolProcess *self,
                             const char   *what)
{
  if (self->violation != NULL)
    return;

  self->violation = what;
  ppool_process_post (self, violated_cb);
}

static void
receive_results (PPoolProcess            *self,
                 const PPoolChannelEvent *event)
{
  const char *violation =
    ppool_outbox_settle (self->outbox, self->pid, event->results, event->n_results);

  if (violation == NULL)
    return;

  ppool_lock_enter (self->lock);
  ppool_process_set_violation (self, violation);
  ppool_lock_leave_quietly (self->lock);
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
      if (ppool_process_condemn (self, event->error))
        ppool_process_post (self, ppool_process_condemned);
      break;
    case PPOOL_CHANNEL_DRAINED:
      ppool_process_post (self, ppool_process_drained);
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

  if (ppool_process_get_state (self) != PPOOL_PROCESS_STARTING)
    return;

  error =
    g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                 "it did not finish its handshake within %u ms, which is the launcher's "
                 "handshake-timeout-msec (does it run its PPoolWorker?)",
                 ppool_launch_plan_get_handshake_timeout_msec (self->startup->plan));
  if (ppool_process_condemn (self, error))
    ppool_process_execute (self);
}

/* Without a board, a worker is given one call at a time. */
static void
initialize (PPoolProcess *self)
{
  g_autoptr (GError) error = NULL;
  int board_fd = -1;

  self->board = ppool_board_new (&board_fd, &error);
  if (self->board == NULL)
    g_debug ("A worker has no board: %s", error->message);

  ppool_channel_start (self->channel);
  ppool_channel_send_initialize (self->channel, self->startup->initializer,
                                 self->startup->initializer_args, board_fd);
  if (board_fd >= 0)
    close (board_fd);
}

/* A worker of which nothing is to be expected any more has a moment to show why by its
 * exit, unless it has said so. */
static void
handshake_failed (PPoolProcess *self,
                  const GError *error)
{
  self->drained = TRUE;

  if (error->domain == PPOOL_ERROR)
    {
      if (ppool_process_condemn (self, error))
        ppool_process_post (self, ppool_process_condemned);
      return;
    }

  self->handshake_error = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                                       "its handshake failed (%s)", error->message);
  if (!self->exited && !self->executed && ppool_process_get_state (self) != PPOOL_PROCESS_LEAVING)
    ppool_process_arm (self, EXCUSE_MSEC, ppool_process_overdue);
}

static void
handshake_cb (const GError *error,
              gpointer      data)
{
  g_autoptr (PPoolProcess) self = data;

  if (error != NULL)
    handshake_failed (self, error);

  g_clear_pointer (&self->handshake, ppool_handshake_free);

  if (!self->drained)
    {
      /* How long an initializer may take is nobody's to say, unless the worker
       * was asked to leave meanwhile: then the timer is that one's. */
      if (self->startup->initializer != NULL &&
          ppool_process_get_state (self) == PPOOL_PROCESS_STARTING)
        ppool_manager_disarm (self->manager, &self->timer);
      self->is_initializing = TRUE;
      initialize (self);
      if (self->exited || self->executed)
        ppool_process_shut (self);
    }

  ppool_process_conclude (self);
}

static gboolean
open_sockets (int      fds[2],
              GError **error)
{
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 && ppool_fd_lift_pair (fds))
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "cannot create a socket pair: %s",
               g_strerror (errno));
  return FALSE;
}

static gboolean
spawn (PPoolProcess  *self,
       int           *channel_fd,
       GError       **error)
{
  GPid pid = 0;
  int stderr_fd;
  int fds[2];

  if (!open_sockets (fds, error))
    return FALSE;

  self->errors = ppool_stderr_new (ppool_launch_plan_get_stderr_mode (self->startup->plan),
                                   ppool_manager_get_context (self->manager), &stderr_fd, error);
  if (self->errors == NULL)
    close (fds[1]);
  else
    pid = ppool_launch_plan_spawn (self->startup->plan, fds[1], stderr_fd, error);

  if (pid == 0)
    {
      close (fds[0]);
      return FALSE;
    }

  *channel_fd = fds[0];
  self->child = ppool_child_new (pid, ppool_manager_get_context (self->manager),
                                 ppool_process_exited, ppool_process_ref (self));

  return TRUE;
}

/* Without a thread for the handshake, this worker was started in vain. */
static void
give_up (PPoolProcess *self,
         const GError *error)
{
  self->drained = TRUE;
  ppool_process_condemn (self, error);
  ppool_process_execute (self);
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

  ppool_lock_enter (self->lock);
  self->pid = (guint) ppool_child_get_pid (self->child);
  ppool_outbox_open (self->outbox, self->channel);
  ppool_lock_leave (self->lock);

  g_debug ("Worker %u: started: %s", self->pid,
           ppool_launch_plan_get_name (self->startup->plan));
  if (timeout > 0)
    ppool_process_arm (self, timeout, handshake_overdue_cb);
}

void
ppool_process_start (gpointer data)
{
  g_autoptr (PPoolProcess) self = data;
  gboolean wanted = ppool_process_get_state (self) == PPOOL_PROCESS_STARTING;
  g_autoptr (GError) error = NULL;
  int channel_fd = -1;

  if (wanted && ppool_channel_check_thread (&error) && spawn (self, &channel_fd, &error))
    {
      begin (self, channel_fd);
      return;
    }

  if (wanted)
    ppool_process_condemn (self, error);
  self->drained = TRUE;
  self->exited = TRUE;
  ppool_process_conclude (self);
}
