/* ppool-process-start.c: how a process starts, and what it says
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-process-internal.h"

/* How long a worker whose handshake failed may take to show why. */
#define EXCUSE_MSEC 500

/* What the worker says, in GDBus's I/O thread */

static void
log_ready (PPoolProcess            *self,
           const PPoolChannelEvent *event)
{
  g_autofree char *features = ppool_start_dup_features (event);

  g_debug ("Worker %u: ready after %.1f ms, with the features: %s", self->pid,
           (double) (g_get_monotonic_time () - self->start_time) / G_TIME_SPAN_MILLISECOND,
           features);
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
  g_autoptr (GError) error = ppool_start_check_initialized (self->startup, event);

  if (event->value != NULL)
    note_library (self, event->value);

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

  error = ppool_start_make_overdue (self->startup);
  if (ppool_process_condemn (self, error))
    ppool_process_execute (self);
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
      ppool_start_initialize (self->startup, self->channel, &self->board);
      if (self->exited || self->executed)
        ppool_process_shut (self);
    }

  ppool_process_conclude (self);
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

static gboolean
spawn (PPoolProcess  *self,
       int           *channel_fd,
       GError       **error)
{
  GMainContext *context = ppool_manager_get_context (self->manager);
  GPid pid = ppool_start_spawn (self->startup, context, channel_fd, &self->errors, error);

  if (pid != 0)
    self->child = ppool_child_new (pid, context, ppool_process_exited, ppool_process_ref (self));

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
