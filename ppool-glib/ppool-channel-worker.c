/* ppool-channel-worker.c: the worker's end of a channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"
#include "ppool-channel-worker-private.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "ppool-value-private.h"

/* Whether the call is still the worker's to run. To be asked just before. */
gboolean
ppool_channel_take (PPoolChannel      *self,
                    const PPoolTicket *ticket)
{
  return self->board == NULL || ticket->initializes || ppool_board_take (self->board, ticket->id);
}

static gboolean
send_reply (PPoolChannel       *self,
            const PPoolTicket  *ticket,
            const char         *error_name,
            GVariant           *body,
            GError            **error)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new ();
  g_autoptr (GDBusConnection) connection = ppool_channel_ref_connection (self);

  g_assert (self->side == PPOOL_CHANNEL_SIDE_WORKER);

  if (self->board != NULL && ticket->id != 0)
    ppool_board_finish (self->board, ticket->id);

  g_dbus_message_set_message_type (message, error_name == NULL ?
                                              G_DBUS_MESSAGE_TYPE_METHOD_RETURN :
                                              G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_reply_serial (message, ticket->serial);
  if (error_name != NULL)
    g_dbus_message_set_error_name (message, error_name);
  g_dbus_message_set_body (message, body);

  return connection == NULL ||
         g_dbus_connection_send_message (connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                         NULL, error);
}

static void
send_error_reply (PPoolChannel      *self,
                  const PPoolTicket *ticket,
                  const char        *name,
                  GVariant          *body)
{
  g_autoptr (GError) error = NULL;

  if (!send_reply (self, ticket, name, body, &error) && !ppool_channel_is_closed_error (error))
    g_warning ("An error can't be sent to the pool: %s", error->message);
}

void
ppool_channel_return_info (PPoolChannel      *self,
                           const PPoolTicket *ticket)
{
  g_autoptr (GError) error = NULL;
  GVariantBuilder info;

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  ppool_channel_add_abilities (&info, self->board != NULL, FALSE);
  g_variant_builder_add (&info, "{sv}", "pid", g_variant_new_uint32 ((guint32) getpid ()));

  if (!send_reply (self, ticket, NULL, g_variant_new ("(a{sv})", &info), &error) &&
      !ppool_channel_is_closed_error (error))
    g_warning ("The pool can't be answered: %s", error->message);
}

/* A value that can't be sent fails its call and nothing else. */
void
ppool_channel_return_value (PPoolChannel      *self,
                            const PPoolTicket *ticket,
                            GVariant          *value)
{
  g_autoptr (GError) error = NULL;
  GVariant *sent = NULL;

  if (ticket->initializes)
    {
      g_variant_unref (g_variant_ref_sink (value));
      ppool_channel_return_info (self, ticket);
      return;
    }

  if (self->as_bytes)
    sent = ppool_value_pack (value, &error);
  else if (ppool_value_check_dbus (value, &error))
    sent = value;

  if (sent != NULL && (send_reply (self, ticket, NULL, g_variant_new ("(v)", sent), &error) ||
                       ppool_channel_is_closed_error (error)))
    return;

  ppool_channel_return_failure (self, ticket,
                                g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE) ?
                                  PPOOL_ERROR_TOO_LARGE :
                                  PPOOL_ERROR_INVALID_ARGS,
                                error->message);
}

void
ppool_channel_return_error (PPoolChannel      *self,
                            const PPoolTicket *ticket,
                            const GError      *error)
{
  g_autofree char *message = ppool_value_clean_message (error->message);
  g_autofree char *domain = ppool_value_clean_message (g_quark_to_string (error->domain));

  send_error_reply (self, ticket, PPOOL_CHANNEL_ERROR_FUNCTION,
                    g_variant_new ("(ssi)", message, domain, error->code));
}

void
ppool_channel_return_failure (PPoolChannel      *self,
                              const PPoolTicket *ticket,
                              PPoolError         code,
                              const char        *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);

  send_error_reply (self, ticket, ppool_value_error_name (code), g_variant_new ("(s)", clean));
}

/* Receiving, in GDBus's I/O thread */

static void
receive_call (PPoolChannel      *self,
              GDBusMessage      *message,
              PPoolChannelEvent *event)
{
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GError) error = NULL;

  g_variant_get (g_dbus_message_get_body (message), "(t&sva{sv})", &event->id, &event->function,
                 &packed, NULL);

  event->ticket.id = event->id;
  if (self->as_bytes)
    args = ppool_value_unpack (packed, ppool_channel_is_swapped (message), &error);
  else
    args = g_steal_pointer (&packed);

  if (args == NULL)
    {
      if (ppool_channel_take (self, &event->ticket))
        ppool_channel_return_failure (self, &event->ticket, PPOOL_ERROR_INVALID_ARGS,
                                      error->message);
      return;
    }

  event->type = PPOOL_CHANNEL_CALL;
  event->value = args;
  ppool_channel_emit (self, event);
}

/* A board that can't be used is none: the pool is told so by our features. */
static void
adopt_board (PPoolChannel *self,
             GDBusMessage *message,
             GVariant     *options)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);
  g_autoptr (GError) error = NULL;
  gint32 handle;
  int fd;

  if (self->board != NULL || fds == NULL || !g_variant_lookup (options, "board", "h", &handle))
    return;

  fd = g_unix_fd_list_get (fds, handle, &error);
  if (fd >= 0)
    {
      self->board = ppool_board_new_from_fd (fd, &error);
      close (fd);
    }
  if (self->board == NULL)
    g_debug ("No board: %s", error->message);
}

static void
receive_initialize (PPoolChannel      *self,
                    GDBusMessage      *message,
                    PPoolChannelEvent *event)
{
  g_autoptr (GVariant) options =
    g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GError) error = NULL;

  self->as_bytes = ppool_channel_has_feature (options, PPOOL_FEATURE_GVARIANT);
  adopt_board (self, message, options);

  packed = g_variant_lookup_value (options, "initializer-args-bytes", NULL);
  if (packed != NULL)
    args = ppool_value_unpack (packed, ppool_channel_is_swapped (message), &error);
  else
    args = g_variant_lookup_value (options, "initializer-args", NULL);

  if (error != NULL)
    {
      ppool_channel_return_failure (self, &event->ticket, PPOOL_ERROR_INVALID_ARGS,
                                    error->message);
      return;
    }

  if (args == NULL)
    args = g_variant_ref_sink (g_variant_new_tuple (NULL, 0));
  g_variant_lookup (options, "initializer", "&s", &event->function);

  event->type = PPOOL_CHANNEL_INITIALIZE;
  event->ticket.initializes = TRUE;
  event->value = args;
  ppool_channel_emit (self, event);
}

void
ppool_channel_receive_in_worker (PPoolChannel *self,
                                 GDBusMessage *message)
{
  const char *member = g_dbus_message_get_member (message);
  PPoolChannelEvent event = { 0 };

  if (g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return;

  event.ticket.serial = g_dbus_message_get_serial (message);

  if (g_strcmp0 (member, "Call") == 0 && ppool_channel_has_body (message, "(tsva{sv})"))
    receive_call (self, message, &event);
  else if (g_strcmp0 (member, "Initialize") == 0 && ppool_channel_has_body (message, "(a{sv})"))
    {
      receive_initialize (self, message, &event);
    }
  else if (g_strcmp0 (member, "Exit") == 0)
    {
      if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
        send_reply (self, &event.ticket, NULL, NULL, NULL);
      event.type = PPOOL_CHANNEL_EXIT;
      ppool_channel_emit (self, &event);
    }
  else
    send_error_reply (self, &event.ticket, "org.freedesktop.DBus.Error.UnknownMethod",
                      g_variant_new ("(s)", "No such method or other arguments"));
}
