/* ppool-channel.c: the peer connection between a pool and one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-spawned-private.h"

/* A channel is made in the context in which its owner lives, connected from
 * any thread, started in the owner's context, and from then on sends from any
 * thread. Its filter runs in GDBus's I/O thread and consumes every message, so
 * that nothing of a peer reaches GDBus's own dispatch.
 *
 * `closed` is not end-of-file: a failed write emits it while complete messages
 * are still unread. So a channel that is closed looks from the I/O thread's own
 * context, behind all reading, until the socket is at its end or is read no
 * more; only then it is DRAINED, which is the last event. ppool_channel_shut()
 * leads there as well: what the peer has written is still delivered.
 *
 * The owner is held until the channel is freed, so an event always finds it.
 * The connection holds the channel (filter) and the channel the connection;
 * ppool_channel_close() undoes that. */

#define DRAIN_INTERVAL_MSEC 1

PPoolChannel *
ppool_channel_ref (PPoolChannel *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_channel (gpointer data)
{
  PPoolChannel *self = data;

  g_assert (self->connection == NULL);

  g_clear_pointer (&self->lending, ppool_channel_lending_unref);
  g_clear_pointer (&self->io_context, g_main_context_unref);
  g_clear_pointer (&self->requests, g_array_unref);
  g_clear_object (&self->socket);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->event_lock);
  if (self->owner_unref != NULL)
    self->owner_unref (self->owner);
}

void
ppool_channel_unref (PPoolChannel *self)
{
  g_atomic_rc_box_release_full (self, free_channel);
}

void
ppool_channel_emit (PPoolChannel            *self,
                    const PPoolChannelEvent *event)
{
  self->func (self, event, self->owner);
}

void
ppool_channel_emit_type (PPoolChannel          *self,
                         PPoolChannelEventType  type,
                         const GError          *error)
{
  const PPoolChannelEvent event = { .type = type, .error = error };

  ppool_channel_emit (self, &event);
}

GDBusConnection *
ppool_channel_ref_connection (PPoolChannel *self)
{
  GDBusConnection *connection;

  g_mutex_lock (&self->lock);
  connection = self->connection != NULL ? g_object_ref (self->connection) : NULL;
  g_mutex_unlock (&self->lock);

  return connection;
}

/* Whatever is sent on a channel that has closed is lost in silence: the owner
 * hears of it as DRAINED and judges then. */
gboolean
ppool_channel_is_closed_error (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* Receiving, in GDBus's I/O thread */

void
ppool_channel_violate_with (PPoolChannel *self,
                            const GError *error)
{
  self->violated = TRUE;
  ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, error);
}

void
ppool_channel_violate (PPoolChannel *self,
                       const char   *format,
                       ...)
{
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  error = g_error_new_valist (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, format, args);
  va_end (args);

  ppool_channel_violate_with (self, error);
}

static gboolean
notes_cb (gpointer user_data)
{
  PPoolChannel *self = user_data;

  ppool_channel_lending_trim (self->lending);

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !self->violated)
    ppool_channel_emit_type (self, PPOOL_CHANNEL_NOTES, NULL);
  g_mutex_unlock (&self->event_lock);

  return G_SOURCE_CONTINUE;
}

/* To be called before the first frame. */
void
ppool_channel_begin_lending (PPoolChannel *self)
{
  self->lending = ppool_channel_lending_new (self->io_context, notes_cb, ppool_channel_ref (self),
                                             (GDestroyNotify) ppool_channel_unref);
}

static GDBusMessage *
filter_cb (GDBusConnection *connection G_GNUC_UNUSED,
           GDBusMessage    *message,
           gboolean         incoming,
           gpointer         user_data)
{
  PPoolChannel *self = user_data;

  if (!incoming)
    return message;

  if (G_UNLIKELY (self->io_context == NULL))
    {
      g_mutex_lock (&self->lock);
      self->io_context = g_main_context_ref_thread_default ();
      g_mutex_unlock (&self->lock);
    }

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !self->violated)
    ppool_channel_receive_in_pool (self, message);
  g_mutex_unlock (&self->event_lock);

  g_object_unref (message);
  return NULL;
}

/* Draining */

/* Nothing is left to read, and nothing will come. */
static gboolean
is_at_end (PPoolChannel *self)
{
  char byte;
  ssize_t n = recv (g_socket_get_fd (self->socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* GDBus ends its reading at bytes that it can't take, and says so only if it was
 * not closed before. What was there the last time and still is, behind all
 * reading, will never be read. */
static gboolean
is_given_up (PPoolChannel *self)
{
  int n_before = self->n_unread;

  if (ioctl (g_socket_get_fd (self->socket), FIONREAD, &self->n_unread) != 0)
    self->n_unread = 0;

  return self->n_unread > 0 && self->n_unread == n_before;
}

static gboolean
drain_cb (gpointer user_data)
{
  PPoolChannel *self = user_data;
  gboolean at_end = is_at_end (self);

  if (!at_end && !is_given_up (self))
    return G_SOURCE_CONTINUE;

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !at_end && !self->violated)
    ppool_channel_violate (self, "it sent bytes that are no D-Bus message");
  if (!self->ended)
    ppool_channel_emit_type (self, PPOOL_CHANNEL_DRAINED, NULL);
  g_mutex_unlock (&self->event_lock);

  return G_SOURCE_REMOVE;
}

static void
closed_cb (GDBusConnection *connection G_GNUC_UNUSED,
           gboolean         remote_peer_vanished,
           GError          *error,
           gpointer         user_data)
{
  PPoolChannel *self = user_data;
  g_autoptr (GMainContext) io_context = NULL;
  g_autoptr (GSource) source = NULL;

  g_mutex_lock (&self->lock);
  if (self->io_context != NULL)
    io_context = g_main_context_ref (self->io_context);
  g_mutex_unlock (&self->lock);

  if (!remote_peer_vanished && error != NULL)
    {
      g_autoptr (GError) violation =
        g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                     "it sent bytes that are no D-Bus message (%s)", error->message);

      ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, violation);
    }

  /* Where nothing was ever read, or reading has ended by itself, there is
   * nothing to wait for. */
  if (io_context == NULL || !remote_peer_vanished)
    {
      ppool_channel_emit_type (self, PPOOL_CHANNEL_DRAINED, NULL);
      return;
    }

  source = g_timeout_source_new (DRAIN_INTERVAL_MSEC);
  g_source_set_static_name (source, "[ppool] drain");
  g_source_set_priority (source, G_PRIORITY_LOW);
  g_source_set_ready_time (source, 0);
  g_source_set_callback (source, drain_cb, ppool_channel_ref (self),
                         (GDestroyNotify) ppool_channel_unref);
  g_source_attach (source, io_context);
}

/* Life */

/* Takes @fd and @owner. `closed` arrives in the thread-default context of the
 * caller. */
PPoolChannel *
ppool_channel_new (int              fd,
                   PPoolChannelFunc func,
                   gpointer         owner,
                   GDestroyNotify   owner_unref)
{
  PPoolChannel *self = g_atomic_rc_box_new0 (PPoolChannel);
  g_autoptr (GError) error = NULL;

  self->func = func;
  self->owner = owner;
  self->owner_unref = owner_unref;
  g_mutex_init (&self->event_lock);
  g_mutex_init (&self->lock);
  self->requests = g_array_new (FALSE, FALSE, sizeof (PPoolRequest));

  self->socket = g_socket_new_from_fd (fd, &error);
  if (self->socket == NULL)
    {
      g_warning ("Descriptor %d is no socket: %s", fd, error->message);
      close (fd);
    }
  else
    {
      g_autoptr (GSocketConnection) stream =
        g_socket_connection_factory_create_connection (self->socket);
      g_autofree char *guid = g_dbus_generate_guid ();
      GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING |
                                   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS;

      self->connection = g_object_new (G_TYPE_DBUS_CONNECTION,
                                       "stream", stream,
                                       "guid", guid,
                                       "flags", flags,
                                       NULL);
      self->closed_handler = g_signal_connect (self->connection, "closed",
                                               G_CALLBACK (closed_cb), self);
    }

  return self;
}

/* Waits until the peer has said something, and tells whether that is what a program
 * says which has forgotten that it is a worker. */
static gboolean
is_refused (PPoolChannel *self,
            GCancellable *cancellable)
{
  const gsize length = strlen (PPOOL_SPAWNED_REFUSAL);
  char bytes[sizeof PPOOL_SPAWNED_REFUSAL];

  return g_socket_condition_wait (self->socket, G_IO_IN, cancellable, NULL) &&
         recv (g_socket_get_fd (self->socket), bytes, length, MSG_PEEK | MSG_DONTWAIT) ==
           (ssize_t) length &&
         memcmp (bytes, PPOOL_SPAWNED_REFUSAL, length) == 0;
}

/* Blocks until the peer is authenticated, with no bound but @cancellable. On
 * failure there are no events, and the channel is to be closed. */
gboolean
ppool_channel_connect (PPoolChannel  *self,
                       GCancellable  *cancellable,
                       GError       **error)
{
  g_autoptr (GError) local_error = NULL;

  if (self->connection == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the channel is closed");
      return FALSE;
    }

  if (is_refused (self, cancellable))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                           "it used an executor before it ran its PPoolWorker; where "
                           "PPool.Worker.is_spawned() (in C, ppool_worker_is_spawned()) is true, "
                           "run the worker first, and leave when it returns");
      return FALSE;
    }

  if (g_initable_init (G_INITABLE (self->connection), cancellable, &local_error))
    return TRUE;

  /* GDBus says of an end that it lacks content. */
  if (!g_cancellable_is_cancelled (cancellable) && is_at_end (self))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the channel was closed");
  else
    g_propagate_error (error, g_steal_pointer (&local_error));

  return FALSE;
}

/* To be called once connected. A channel that has closed meanwhile has said so
 * already. */
void
ppool_channel_start (PPoolChannel *self)
{
  /* A filter may still be running after it was removed, and its own destroy
   * notify waits for a context that nobody iterates any more; but it never runs
   * without the connection. */
  g_object_set_data_full (G_OBJECT (self->connection), "ppool-channel", ppool_channel_ref (self),
                          (GDestroyNotify) ppool_channel_unref);
  g_dbus_connection_add_filter (self->connection, filter_cb, self, NULL);
  g_dbus_connection_start_message_processing (self->connection);
}

/* Ends the stream in both directions. What the peer had sent still arrives,
 * then DRAINED. */
void
ppool_channel_shut (PPoolChannel *self)
{
  if (self->socket != NULL && !g_socket_is_closed (self->socket))
    shutdown (g_socket_get_fd (self->socket), SHUT_RDWR);
}

/* To be called in the owner's context, after DRAINED or when it never was
 * connected, and not from an event. On return the descriptor is closed, and no
 * event comes or is under way. */
void
ppool_channel_close (PPoolChannel *self)
{
  g_autoptr (GDBusConnection) connection = NULL;

  g_mutex_lock (&self->event_lock);
  self->ended = TRUE;
  g_mutex_unlock (&self->event_lock);

  g_mutex_lock (&self->lock);
  connection = g_steal_pointer (&self->connection);
  g_mutex_unlock (&self->lock);

  if (self->lending != NULL)
    ppool_channel_lending_close (self->lending);
  if (connection == NULL)
    return;

  g_clear_signal_handler (&self->closed_handler, connection);
  ppool_channel_shut (self);
  g_socket_close (self->socket, NULL);
}
