/* ppool-channel-pool.c: the pool's end of a channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#include "ppool-fd-private.h"
#include "ppool-memory-private.h"
#include "ppool-value-private.h"

/* The least size of an initializer's arguments that are not in the message, in bytes. */
#define LARGE_SIZE ((gsize) 1024 * 1024)

typedef struct
{
  GVariant *path;
  GVariant *interface;
  GVariant *members[PPOOL_REQUEST_SEGMENT + 1]; /* by kind */
  GVariant *no_options;
} Constants;

/* What is the same in every message is made once: it is a good part of what
 * makes a message. */
static const Constants *
get_constants (void)
{
  static Constants constants;
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      static const char * const members[] = { "Initialize", "Call", "Exit", "Calls",
                                              "Segment" };

      constants.path = g_variant_ref_sink (g_variant_new_object_path (PPOOL_PROTOCOL_PATH));
      constants.interface = g_variant_ref_sink (g_variant_new_string (PPOOL_PROTOCOL_INTERFACE));
      for (guint i = 0; i < G_N_ELEMENTS (members); i++)
        constants.members[i] = g_variant_ref_sink (g_variant_new_string (members[i]));
      constants.no_options =
        g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
      g_once_init_leave (&once, 1);
    }

  return &constants;
}

static GDBusMessage *
make_request (PPoolRequestKind  kind,
              GVariant         *body,
              GUnixFDList      *fds)
{
  const Constants *constants = get_constants ();
  GDBusMessage *message = g_dbus_message_new ();

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_METHOD_CALL);
  g_dbus_message_set_header (message, G_DBUS_MESSAGE_HEADER_FIELD_PATH, constants->path);
  g_dbus_message_set_header (message, G_DBUS_MESSAGE_HEADER_FIELD_INTERFACE,
                             constants->interface);
  g_dbus_message_set_header (message, G_DBUS_MESSAGE_HEADER_FIELD_MEMBER,
                             constants->members[kind]);
  if (body != NULL)
    g_dbus_message_set_body (message, body);
  if (fds != NULL)
    g_dbus_message_set_unix_fd_list (message, fds);
  if (kind >= PPOOL_REQUEST_CALLS)
    g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);

  return message;
}

/* Serials are our own, so that a request is known before its answer can be. */
static gboolean
send_request (PPoolChannel      *self,
              PPoolRequestKind   kind,
              guint64            id,
              GVariant          *body,
              GUnixFDList       *fds,
              GError           **error)
{
  g_autoptr (GDBusMessage) message = make_request (kind, body, fds);
  g_autoptr (GDBusConnection) connection = NULL;
  PPoolRequest request = { .kind = kind, .id = id };

  g_mutex_lock (&self->lock);
  if (self->connection != NULL)
    {
      connection = g_object_ref (self->connection);
      if (++self->last_serial == 0)
        self->last_serial = 1;
      request.serial = self->last_serial;
      if (kind < PPOOL_REQUEST_CALLS)
        g_array_append_val (self->requests, request);
    }
  g_mutex_unlock (&self->lock);

  if (connection == NULL)
    return TRUE;

  g_dbus_message_set_serial (message, request.serial);
  if (g_dbus_connection_send_message (connection, message,
                                      G_DBUS_SEND_MESSAGE_FLAGS_PRESERVE_SERIAL, NULL, error))
    return TRUE;

  ppool_channel_remove_request (self, request.serial, &request);
  return FALSE;
}

/* Returns: (transfer full): a segment that has @value at @offset, which is the program's own
 * if the value was made there. That one is not filled again, since nobody tells when the
 * worker has no use for it any more. */
static PPoolSegment *
store_value (GVariant  *value,
             guint64   *offset,
             GError   **error)
{
  gsize size = g_variant_get_size (value);
  g_autoptr (PPoolMemory) memory = NULL;
  PPoolSegment *segment;

  if (ppool_value_is_flat (g_variant_get_type (value), size))
    memory = ppool_memory_find (g_variant_get_data (value), size, offset);

  if (memory != NULL && *offset % 8 == 0)
    {
      ppool_segment_retire (ppool_memory_get_segment (memory));
      return ppool_segment_ref (ppool_memory_get_segment (memory));
    }

  *offset = 0;
  segment = ppool_segment_new (size, error);
  if (segment != NULL)
    {
      ppool_segment_populate (segment, size);
      g_variant_store (value, ppool_segment_get_data (segment));
    }

  return segment;
}

/* Puts the initializer's arguments beside the message. */
static gboolean
add_large_initializer (PPoolChannel     *self,
                       GVariantBuilder  *options,
                       GUnixFDList      *fds,
                       const char       *initializer,
                       GVariant         *args,
                       GError          **error)
{
  g_autoptr (GVariant) value = ppool_value_normalize (args, error);
  g_autoptr (PPoolSegment) segment = NULL;
  guint64 offset = 0;
  int fd, handle;

  if (value != NULL)
    segment = store_value (value, &offset, error);
  if (segment == NULL)
    return FALSE;

  fd = ppool_segment_dup_fd (segment, error);
  if (fd < 0)
    return FALSE;

  handle = g_unix_fd_list_append (fds, fd, error);
  close (fd);
  if (handle < 0)
    return FALSE;

  self->needs_segments = TRUE;
  g_variant_builder_add (options, "{sv}", "initializer-segment",
                         g_variant_new ("(shtts)", initializer, handle, offset,
                                        (guint64) g_variant_get_size (value),
                                        g_variant_get_type_string (value)));
  return TRUE;
}

/* What the worker can take is not known yet: arguments go as they are where
 * D-Bus has their type, and as bytes where only a worker with that feature can
 * take them. Large ones go in a segment, and with them the initializer, as a worker that
 * doesn't know that is not to run it without. */
static gboolean
add_initializer (PPoolChannel     *self,
                 GVariantBuilder  *options,
                 GUnixFDList      *fds,
                 const char       *initializer,
                 GVariant         *args,
                 GError          **error)
{
  GVariant *bytes;

  if (args != NULL && self->offers_segments && g_variant_get_size (args) >= LARGE_SIZE)
    return add_large_initializer (self, options, fds, initializer, args, error);

  g_variant_builder_add (options, "{sv}", "initializer", g_variant_new_string (initializer));

  if (args == NULL || g_variant_is_of_type (args, G_VARIANT_TYPE_UNIT))
    return TRUE;

  if (ppool_value_check_dbus (args, NULL))
    {
      g_variant_builder_add (options, "{sv}", "initializer-args", args);
      return TRUE;
    }

  bytes = ppool_value_pack (args, error);
  if (bytes == NULL)
    return FALSE;

  self->needs_bytes = TRUE;
  g_variant_builder_add (options, "{sv}", "initializer-args-bytes", bytes);
  return TRUE;
}

/* Not every connection does. */
static gboolean
passes_descriptors (PPoolChannel *self)
{
  g_autoptr (GDBusConnection) connection = ppool_channel_ref_connection (self);

  return connection != NULL && (g_dbus_connection_get_capabilities (connection) &
                                G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) != 0;
}

/* What can't be sent is reported as if the worker had refused it. */
void
ppool_channel_send_initialize (PPoolChannel *self,
                               const char   *initializer,
                               GVariant     *initializer_args,
                               int           board_fd)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  gboolean passes = passes_descriptors (self);
  GVariantBuilder options;

  self->offers_segments = passes && ppool_protocol_allows_segments ();
  self->offers_board =
    passes && board_fd >= 0 && g_unix_fd_list_append (fds, board_fd, NULL) == 0;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  ppool_protocol_add_abilities (&options, self->offers_board, TRUE, self->offers_segments);
  if (self->offers_board)
    g_variant_builder_add (&options, "{sv}", "board", g_variant_new_handle (0));

  if (initializer != NULL &&
      !add_initializer (self, &options, fds, initializer, initializer_args, &error))
    {
      g_variant_builder_clear (&options);
      ppool_channel_emit_type (self, PPOOL_CHANNEL_INITIALIZED, error);
      return;
    }

  if (!send_request (self, PPOOL_REQUEST_INITIALIZE, 0,
                     g_variant_new ("(a{sv})", &options),
                     g_unix_fd_list_get_length (fds) > 0 ? fds : NULL, &error) &&
      !ppool_channel_is_closed_error (error))
    ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, error);
}

static GVariant *
make_call_body (PPoolChannel  *self,
                guint64        id,
                const char    *function,
                GVariant      *args,
                GError       **error)
{
  GVariant *value = NULL;
  GVariant *members[4];

  if (self->as_bytes)
    value = ppool_value_pack (args, error);
  else if (g_variant_is_of_type (args, G_VARIANT_TYPE_UNIT))
    value = g_variant_new_array (G_VARIANT_TYPE_VARIANT, NULL, 0);
  else if (ppool_value_check_dbus (args, error))
    value = args;

  if (value == NULL)
    return NULL;

  members[0] = g_variant_new_uint64 (id);
  members[1] = g_variant_new_string (function);
  members[2] = g_variant_new_variant (value);
  members[3] = get_constants ()->no_options;

  return g_variant_new_tuple (members, G_N_ELEMENTS (members));
}

/* Fails only if the call itself can't be sent, never for the channel's sake. */
gboolean
ppool_channel_send_call (PPoolChannel  *self,
                         guint64        id,
                         const char    *function,
                         GVariant      *args,
                         GError       **error)
{
  g_autoptr (GError) local_error = NULL;
  GVariant *body;

  body = make_call_body (self, id, function, args, error);
  if (body == NULL)
    return FALSE;

  if (send_request (self, PPOOL_REQUEST_CALL, id, body, NULL, &local_error) ||
      ppool_channel_is_closed_error (local_error))
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
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->requests->len; i++)
    {
      const PPoolRequest *request = &g_array_index (self->requests, PPoolRequest, i);

      if (request->kind == PPOOL_REQUEST_CALL && request->id == id)
        {
          g_array_remove_index_fast (self->requests, i);
          break;
        }
    }
  g_mutex_unlock (&self->lock);
}

/* (nullable): NULL if values travel in messages alone. */
PPoolLender *
ppool_channel_get_lender (PPoolChannel *self)
{
  return self->lending != NULL ? ppool_channel_lending_get_lender (self->lending) : NULL;
}

void
ppool_channel_prepend_notes (PPoolChannel *self,
                             GByteArray   *frame)
{
  if (self->lending != NULL)
    ppool_channel_lending_prepend_notes (self->lending, frame);
}

/* Tells of a segment, whose descriptor it takes. */
static void
send_segment (PPoolChannel      *self,
              PPoolAnnouncement *announcement)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&announcement->fd, 1);
  g_autoptr (GError) error = NULL;

  if (!send_request (self, PPOOL_REQUEST_SEGMENT, 0,
                     g_variant_new ("(uth)", announcement->number, announcement->size, 0), fds,
                     &error) &&
      !ppool_channel_is_closed_error (error))
    ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, error);
}

/* Has the worker know the segments of the next frame. */
static void
send_announced (PPoolChannel *self)
{
  PPoolLender *lender = ppool_channel_get_lender (self);
  PPoolAnnouncement announcement;

  while (lender != NULL && ppool_lender_take_announcement (lender, &announcement))
    send_segment (self, &announcement);
}

/* Takes @frame, in which there are calls or notes. */
void
ppool_channel_send_frame (PPoolChannel *self,
                          GByteArray   *frame)
{
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (frame);
  g_autoptr (GError) error = NULL;
  GVariant *members[2];

  send_announced (self);

  members[0] = g_variant_new_uint32 (0);
  members[1] = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);

  if (!send_request (self, PPOOL_REQUEST_CALLS, 0,
                     g_variant_new_tuple (members, G_N_ELEMENTS (members)), NULL, &error) &&
      !ppool_channel_is_closed_error (error))
    ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, error);
}

void
ppool_channel_send_exit (PPoolChannel *self)
{
  g_autoptr (GError) error = NULL;

  if (!send_request (self, PPOOL_REQUEST_EXIT, 0, NULL, NULL, &error) &&
      !ppool_channel_is_closed_error (error))
    g_debug ("A worker can't be told to leave: %s", error->message);
}
