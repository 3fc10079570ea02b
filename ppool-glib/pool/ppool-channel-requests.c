/* ppool-channel-requests.c: messages to a worker, and which of them are unanswered
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <string.h>

struct _PPoolChannelRequests
{
  GMutex lock;                 /* guards what follows */
  GDBusConnection *connection; /* (owned) (nullable); NULL once closed */
  GArray *unanswered;          /* (owned) (element-type PPoolRequest) */
  guint32 last_serial;
};

typedef struct
{
  GVariant *path;
  GVariant *interface;
  GVariant *members[PPOOL_REQUEST_CANCEL + 1]; /* by kind */
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
                                              "Segment", "Cancel" };

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

PPoolChannelRequests *
ppool_channel_requests_new (GDBusConnection *connection)
{
  PPoolChannelRequests *self = g_new0 (PPoolChannelRequests, 1);

  g_mutex_init (&self->lock);
  g_set_object (&self->connection, connection);
  self->unanswered = g_array_new (FALSE, FALSE, sizeof (PPoolRequest));

  return self;
}

void
ppool_channel_requests_free (PPoolChannelRequests *self)
{
  g_assert (self->connection == NULL);

  g_array_unref (self->unanswered);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static GDBusConnection *
ref_connection (PPoolChannelRequests *self)
{
  GDBusConnection *connection;

  g_mutex_lock (&self->lock);
  connection = self->connection != NULL ? g_object_ref (self->connection) : NULL;
  g_mutex_unlock (&self->lock);

  return connection;
}

/* Nothing is sent any more. */
void
ppool_channel_requests_close (PPoolChannelRequests *self)
{
  g_autoptr (GDBusConnection) connection = NULL;

  g_mutex_lock (&self->lock);
  connection = g_steal_pointer (&self->connection);
  g_mutex_unlock (&self->lock);
}

/* Not every connection does. */
gboolean
ppool_channel_requests_pass_descriptors (PPoolChannelRequests *self)
{
  g_autoptr (GDBusConnection) connection = ref_connection (self);

  return connection != NULL && (g_dbus_connection_get_capabilities (connection) &
                                G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) != 0;
}

/* The body of a call, whose arguments are in @value as the worker takes them. */
GVariant *
ppool_channel_requests_make_call (guint64     id,
                                  const char *function,
                                  GVariant   *value,
                                  const PPoolCallOptions *options)
{
  GVariant *dictionary = ppool_protocol_pack_options (options);
  GVariant *members[] = {
    g_variant_new_uint64 (id),
    g_variant_new_string (function),
    g_variant_new_variant (value),
    dictionary != NULL ? dictionary : get_constants ()->no_options,
  };

  return g_variant_new_tuple (members, G_N_ELEMENTS (members));
}

/* Serials are our own, so that a request is known before its answer can be. What is sent
 * on a connection that has closed is lost in silence. */
gboolean
ppool_channel_requests_send (PPoolChannelRequests  *self,
                             PPoolRequestKind       kind,
                             guint64                id,
                             GVariant              *body,
                             GUnixFDList           *fds,
                             GError               **error)
{
  g_autoptr (GDBusMessage) message = make_request (kind, body, fds);
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) local_error = NULL;
  PPoolRequest request = { .kind = kind, .id = id };

  g_mutex_lock (&self->lock);
  if (self->connection != NULL)
    {
      connection = g_object_ref (self->connection);
      if (++self->last_serial == 0)
        self->last_serial = 1;
      request.serial = self->last_serial;
      if (kind < PPOOL_REQUEST_CALLS)
        g_array_append_val (self->unanswered, request);
    }
  g_mutex_unlock (&self->lock);

  if (connection == NULL)
    return TRUE;

  g_dbus_message_set_serial (message, request.serial);
  if (g_dbus_connection_send_message (connection, message,
                                      G_DBUS_SEND_MESSAGE_FLAGS_PRESERVE_SERIAL, NULL,
                                      &local_error))
    return TRUE;

  ppool_channel_requests_take (self, request.serial, &request);
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Takes what is answered by @serial; its serial is 0 if nothing is. */
void
ppool_channel_requests_take (PPoolChannelRequests *self,
                             guint32               serial,
                             PPoolRequest         *taken)
{
  memset (taken, 0, sizeof *taken);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->unanswered->len; i++)
    if (g_array_index (self->unanswered, PPoolRequest, i).serial == serial)
      {
        *taken = g_array_index (self->unanswered, PPoolRequest, i);
        g_array_remove_index_fast (self->unanswered, i);
        break;
      }
  g_mutex_unlock (&self->lock);
}

/* No answer comes to a call that was taken back. */
void
ppool_channel_requests_forget_call (PPoolChannelRequests *self,
                                    guint64               id)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->unanswered->len; i++)
    {
      const PPoolRequest *request = &g_array_index (self->unanswered, PPoolRequest, i);

      if (request->kind == PPOOL_REQUEST_CALL && request->id == id)
        {
          g_array_remove_index_fast (self->unanswered, i);
          break;
        }
    }
  g_mutex_unlock (&self->lock);
}
