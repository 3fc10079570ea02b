/* ppool-channel.c: the peer connection between a pool and one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-spawned-private.h"
#include "ppool-value-private.h"

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
 * A worker of this library gets a second socket with Initialize, its lane, on which all
 * that comes later travels in both directions, without D-Bus around it. What is there of
 * it is read in the io thread. A channel is drained when both sockets are, and where one
 * has ended the other one does.
 *
 * The owner is held until the channel is freed, so an event always finds it.
 * The connection holds the channel (filter) and the channel the connection;
 * ppool_channel_close() undoes that. */

#define DRAIN_INTERVAL_MSEC 1

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
    g_atomic_pointer_set (&self->io_context, g_main_context_ref_thread_default ());

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !self->violated)
    ppool_channel_receive_message (self, message);
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
    ppool_channel_violate (self, "it sent bytes that are not a D-Bus message");
  ppool_channel_note_drained (self, &self->connection_drained);
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
  GMainContext *io_context = g_atomic_pointer_get (&self->io_context);
  g_autoptr (GSource) source = NULL;

  if (!remote_peer_vanished && error != NULL)
    {
      g_autoptr (GError) violation =
        g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                     "it sent bytes that are not a D-Bus message (%s)", error->message);

      ppool_channel_emit (self, PPOOL_CHANNEL_VIOLATION, violation);
    }

  /* Where nothing was ever read, or reading has ended by itself, there is
   * nothing to wait for. */
  if (io_context == NULL || !remote_peer_vanished)
    {
      g_mutex_lock (&self->event_lock);
      ppool_channel_note_drained (self, &self->connection_drained);
      g_mutex_unlock (&self->event_lock);
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
  self->requests = ppool_channel_requests_new (self->connection);

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

/* Reading a lane, in the io thread */

static void
lane_cb (gpointer owner,
         gboolean can_read,
         gboolean can_write)
{
  PPoolChannel *self = owner;

  if (can_write)
    ppool_lane_write (self->lane);
  if (!can_read)
    return;

  g_mutex_lock (&self->event_lock);
  if (!self->ended && ppool_channel_has_lane (self) && !self->lane_drained)
    ppool_channel_receive_packets (self);
  g_mutex_unlock (&self->event_lock);
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

  if (self->lane != NULL)
    ppool_lane_close (self->lane);
  connection = g_steal_pointer (&self->connection);
  ppool_channel_requests_close (self->requests);
  if (self->lending != NULL)
    ppool_channel_lending_close (self->lending);
  if (connection == NULL)
    return;

  g_clear_signal_handler (&self->closed_handler, connection);
  ppool_channel_shut (self);
  g_socket_close (self->socket, NULL);
}

/* Sending */

/* What can't be sent but for the channel's end is the worker's fault. */
static void
send_or_violate (PPoolChannel     *self,
                 PPoolRequestKind  kind,
                 GVariant         *body,
                 GUnixFDList      *fds)
{
  g_autoptr (GError) error = NULL;

  if (!ppool_channel_requests_send (self->requests, kind, 0, body, fds, &error))
    ppool_channel_emit (self, PPOOL_CHANNEL_VIOLATION, error);
}

/* Puts a descriptor beside Initialize: the next one of @fds. */
static gboolean
add_descriptor (GUnixFDList *fds,
                int          fd,
                int         *handle)
{
  *handle = fd >= 0 ? g_unix_fd_list_append (fds, fd, NULL) : -1;

  return *handle >= 0;
}

/* A worker without a lane is none the worse. */
static void
offer_lane (PPoolChannel *self,
            PPoolIo      *io,
            GUnixFDList  *fds)
{
  g_autoptr (GError) error = NULL;
  int worker_fd;

  self->lane = ppool_lane_new (io, lane_cb, self, (GBoxedCopyFunc) ppool_channel_ref,
                                       (GDestroyNotify) ppool_channel_unref, &worker_fd, &error);
  if (self->lane == NULL)
    {
      g_debug ("A worker has no lane: %s", error->message);
      return;
    }

  add_descriptor (fds, worker_fd, &self->offer.lane);
  close (worker_fd);
  if (self->offer.lane < 0)
    g_clear_pointer (&self->lane, ppool_lane_free);
}

/* What can't be made is reported as if the worker had refused it. With an @io, the worker is
 * offered a lane. */
void
ppool_channel_send_initialize (PPoolChannel *self,
                               const char   *initializer,
                               GVariant     *initializer_args,
                               int           board_fd,
                               PPoolIo      *io)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  gboolean passes = ppool_channel_requests_pass_descriptors (self->requests);
  GVariant *body;

  self->offer.segments = passes && ppool_protocol_allows_segments ();
  self->offer.board = self->offer.lane = -1;
  if (passes)
    add_descriptor (fds, board_fd, &self->offer.board);
  if (passes && io != NULL && ppool_protocol_allows_lane ())
    offer_lane (self, io, fds);

  body = ppool_channel_offer_make (&self->offer, initializer, initializer_args, fds, &error);
  if (body == NULL)
    ppool_channel_emit (self, PPOOL_CHANNEL_INITIALIZED, error);
  else
    send_or_violate (self, PPOOL_REQUEST_INITIALIZE, body,
                     g_unix_fd_list_get_length (fds) > 0 ? fds : NULL);
}

/* Returns: (nullable): @args as the worker takes them, which may be floating. */
static GVariant *
pack_args (PPoolChannel  *self,
           GVariant      *args,
           GError       **error)
{
  if (self->as_bytes)
    return ppool_value_pack (args, error);
  if (g_variant_is_of_type (args, G_VARIANT_TYPE_UNIT))
    return g_variant_new_array (G_VARIANT_TYPE_VARIANT, NULL, 0);

  return ppool_value_check_dbus (args, error) ? args : NULL;
}

/* Fails only if the call itself can't be sent, never for the channel's sake. */
gboolean
ppool_channel_send_call (PPoolChannel  *self,
                         guint64        id,
                         const char    *function,
                         GVariant      *args,
                         const PPoolCallOptions *options,
                         GError       **error)
{
  g_autoptr (GError) local_error = NULL;
  GVariant *value = pack_args (self, args, error);

  if (value == NULL)
    return FALSE;

  if (ppool_channel_requests_send (self->requests, PPOOL_REQUEST_CALL, id,
                                   ppool_channel_requests_make_call (id, function, value, options),
                                   NULL,
                                   &local_error))
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "The call can't be sent: %s",
               local_error->message);
  return FALSE;
}

/* No answer comes to a call that was taken back. */
void
ppool_channel_forget_call (PPoolChannel *self,
                           guint64       id)
{
  ppool_channel_requests_forget_call (self->requests, id);
}

/* (nullable): NULL if values travel in messages alone. */
PPoolLoans *
ppool_channel_get_loans (PPoolChannel *self)
{
  return self->loans;
}

static void
send_segment (PPoolChannel      *self,
              PPoolAnnouncement *announcement)
{
  g_autoptr (GUnixFDList) fds = NULL;

  if (ppool_channel_has_lane (self))
    {
      GByteArray *frame = g_byte_array_new ();

      ppool_frame_append_segment (frame, announcement->number, announcement->size);
      ppool_lane_send (self->lane, frame, announcement->fd);
      return;
    }

  fds = g_unix_fd_list_new_from_array (&announcement->fd, 1);
  send_or_violate (self, PPOOL_REQUEST_SEGMENT,
                   g_variant_new ("(uth)", announcement->number, announcement->size, 0), fds);
}

static void
send_message (PPoolChannel *self,
              GByteArray   *frame)
{
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (frame);
  GVariant *members[] = {
    g_variant_new_uint32 (0),
    g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE),
  };

  send_or_violate (self, PPOOL_REQUEST_CALLS,
                   g_variant_new_tuple (members, G_N_ELEMENTS (members)), NULL);
}

/* Takes @frame, in which there are calls or notes. The worker knows of segments before. */
void
ppool_channel_send_frame (PPoolChannel *self,
                          GByteArray   *frame)
{
  PPoolAnnouncement announcement;

  while (self->loans != NULL &&
         ppool_lender_take_announcement (self->loans->lender, &announcement))
    send_segment (self, &announcement);

  if (ppool_channel_has_lane (self))
    ppool_lane_send (self->lane, frame, -1);
  else
    send_message (self, frame);
}

/* Has the worker cancel a call that it has, if it can: it may be over. */
void
ppool_channel_send_cancel (PPoolChannel *self,
                           guint64       id)
{
  g_autoptr (GError) error = NULL;

  if (ppool_channel_has_lane (self))
    ppool_lane_send_note (self->lane, PPOOL_ITEM_CANCEL, id);
  else if (!ppool_channel_requests_send (self->requests, PPOOL_REQUEST_CANCEL, id,
                                    g_variant_new ("(t)", id), NULL, &error))
    g_debug ("A worker can't be told to cancel a call: %s", error->message);
}

void
ppool_channel_send_exit (PPoolChannel *self)
{
  g_autoptr (GError) error = NULL;

  if (ppool_channel_has_lane (self))
    ppool_lane_send_note (self->lane, PPOOL_ITEM_EXIT, 0);
  else if (!ppool_channel_requests_send (self->requests, PPOOL_REQUEST_EXIT, 0, NULL, NULL, &error))
    g_debug ("A worker can't be told to leave: %s", error->message);
}
