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

#include "ppool-value-private.h"

static void
remove_request (PPoolChannel *self,
                guint32       serial,
                PPoolRequest *removed)
{
  memset (removed, 0, sizeof *removed);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->requests->len; i++)
    if (g_array_index (self->requests, PPoolRequest, i).serial == serial)
      {
        *removed = g_array_index (self->requests, PPoolRequest, i);
        g_array_remove_index_fast (self->requests, i);
        break;
      }
  g_mutex_unlock (&self->lock);
}

typedef struct
{
  GVariant *path;
  GVariant *interface;
  GVariant *members[PPOOL_REQUEST_EXIT + 1]; /* by kind */
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
      static const char * const members[] = { "Initialize", "Call", "Exit" };

      constants.path = g_variant_ref_sink (g_variant_new_object_path (PPOOL_CHANNEL_OBJECT_PATH));
      constants.interface = g_variant_ref_sink (g_variant_new_string (PPOOL_CHANNEL_INTERFACE));
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
      g_array_append_val (self->requests, request);
    }
  g_mutex_unlock (&self->lock);

  if (connection == NULL)
    return TRUE;

  g_dbus_message_set_serial (message, request.serial);
  if (g_dbus_connection_send_message (connection, message,
                                      G_DBUS_SEND_MESSAGE_FLAGS_PRESERVE_SERIAL, NULL, error))
    return TRUE;

  remove_request (self, request.serial, &request);
  return FALSE;
}

/* What the worker can take is not known yet: arguments go as they are where
 * D-Bus has their type, and as bytes where only a worker with that feature can
 * take them. */
static gboolean
add_initializer (PPoolChannel     *self,
                 GVariantBuilder  *options,
                 const char       *initializer,
                 GVariant         *args,
                 GError          **error)
{
  GVariant *bytes;

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

/* (nullable): not every connection carries descriptors. */
static GUnixFDList *
list_board (PPoolChannel *self,
            int           board_fd)
{
  g_autoptr (GDBusConnection) connection = ppool_channel_ref_connection (self);
  g_autoptr (GUnixFDList) fds = NULL;

  if (board_fd < 0 || connection == NULL ||
      (g_dbus_connection_get_capabilities (connection) &
       G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) == 0)
    return NULL;

  fds = g_unix_fd_list_new ();

  return g_unix_fd_list_append (fds, board_fd, NULL) == 0 ? g_steal_pointer (&fds) : NULL;
}

/* What can't be sent is reported as if the worker had refused it. */
void
ppool_channel_send_initialize (PPoolChannel *self,
                               const char   *initializer,
                               GVariant     *initializer_args,
                               int           board_fd)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder options;

  g_assert (self->side == PPOOL_CHANNEL_SIDE_POOL);

  fds = list_board (self, board_fd);
  self->offers_board = fds != NULL;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  ppool_channel_add_abilities (&options, self->offers_board);
  if (self->offers_board)
    g_variant_builder_add (&options, "{sv}", "board", g_variant_new_handle (0));

  if (initializer != NULL &&
      !add_initializer (self, &options, initializer, initializer_args, &error))
    {
      g_variant_builder_clear (&options);
      ppool_channel_emit_type (self, PPOOL_CHANNEL_INITIALIZED, error);
      return;
    }

  if (!send_request (self, PPOOL_REQUEST_INITIALIZE, 0,
                     g_variant_new ("(a{sv})", &options), fds, &error) &&
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

  g_assert (self->side == PPOOL_CHANNEL_SIDE_POOL);

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

void
ppool_channel_send_exit (PPoolChannel *self)
{
  g_autoptr (GError) error = NULL;

  g_assert (self->side == PPOOL_CHANNEL_SIDE_POOL);

  if (!send_request (self, PPOOL_REQUEST_EXIT, 0, NULL, NULL, &error) &&
      !ppool_channel_is_closed_error (error))
    g_debug ("A worker can't be told to leave: %s", error->message);
}

/* Receiving, in GDBus's I/O thread */

static GError *
take_error (GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);
  const char *name = g_dbus_message_get_error_name (message);
  const char *text = g_dbus_message_get_arg0 (message);

  if (g_str_equal (name, PPOOL_CHANNEL_ERROR_FUNCTION) && ppool_channel_has_body (message, "(ssi)"))
    {
      const char *domain;
      int code;

      g_variant_get (body, "(&s&si)", &text, &domain, &code);
      return ppool_value_error_new (domain, code, text);
    }

  return ppool_value_error_new_by_name (name, text != NULL ? text : "No message");
}

static void
receive_info (PPoolChannel      *self,
              GDBusMessage      *message,
              PPoolChannelEvent *event)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GError) error = NULL;

  if (!ppool_channel_has_body (message, "(a{sv})"))
    {
      ppool_channel_violate (self, "its answer to Initialize is not “(a{sv})”");
      return;
    }

  info = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  self->as_bytes = ppool_channel_has_feature (info, PPOOL_FEATURE_GVARIANT);
  event->has_board = self->offers_board && ppool_channel_has_feature (info, PPOOL_FEATURE_BOARD);
  if (self->needs_bytes && !self->as_bytes)
    event->error = error = g_error_new_literal (
      PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
      "the worker can't take arguments of a type that plain D-Bus has not");

  event->type = PPOOL_CHANNEL_INITIALIZED;
  event->value = info;
  ppool_channel_emit (self, event);
}

static void
receive_result (PPoolChannel      *self,
                GDBusMessage      *message,
                PPoolChannelEvent *event)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GError) error = NULL;

  if (!ppool_channel_has_body (message, "(v)"))
    {
      ppool_channel_violate (self, "a result arrived that is not “(v)”");
      return;
    }

  g_variant_get (g_dbus_message_get_body (message), "(v)", &packed);
  if (self->as_bytes)
    value = ppool_value_unpack (packed, ppool_channel_is_swapped (message), &error);
  else
    value = g_steal_pointer (&packed);

  if (value == NULL)
    {
      ppool_channel_violate (self, "%s", error->message);
      return;
    }

  event->type = PPOOL_CHANNEL_RESULT;
  event->value = value;
  ppool_channel_emit (self, event);
}

static void
receive_reply (PPoolChannel *self,
               GDBusMessage *message)
{
  g_autoptr (GError) error = NULL;
  PPoolChannelEvent event = { 0 };
  PPoolRequest request;

  remove_request (self, g_dbus_message_get_reply_serial (message), &request);
  event.id = request.id;

  if (request.serial == 0)
    ppool_channel_violate (self, "it answered a call that it was not given");
  else if (request.kind == PPOOL_REQUEST_EXIT)
    return;
  else if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_ERROR)
    {
      error = take_error (message);
      event.type = request.kind == PPOOL_REQUEST_CALL ? PPOOL_CHANNEL_RESULT :
                                                  PPOOL_CHANNEL_INITIALIZED;
      event.error = error;
      ppool_channel_emit (self, &event);
    }
  else if (request.kind == PPOOL_REQUEST_INITIALIZE)
    receive_info (self, message, &event);
  else
    receive_result (self, message, &event);
}

void
ppool_channel_receive_in_pool (PPoolChannel *self,
                               GDBusMessage *message)
{
  GDBusMessageType type = g_dbus_message_get_message_type (message);

  if (g_dbus_message_get_num_unix_fds (message) > 0)
    ppool_channel_violate (self, "it sent descriptors that nobody asked for");
  else if (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR)
    receive_reply (self, message);
  else
    ppool_channel_violate (self, "it sent the message “%.255s” that nobody asked for",
             g_dbus_message_get_member (message) != NULL ? g_dbus_message_get_member (message) :
                                                           "?");
}
