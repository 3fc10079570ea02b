/* ppool-channel-results.c: what a worker answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <string.h>

#include "ppool-frame-private.h"
#include "ppool-protocol-private.h"
#include "ppool-value-private.h"

void
ppool_channel_remove_request (PPoolChannel *self,
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

/* Receiving, in GDBus's I/O thread */

/* The error that a worker gave a call, or Initialize: @body belongs to @name. */
static GError *
make_error (const char *name,
            GVariant   *body)
{
  const char *text = "No message";
  const char *domain;
  int code;

  if (g_str_equal (name, PPOOL_PROTOCOL_ERROR_FUNCTION) && body != NULL &&
      g_variant_is_of_type (body, G_VARIANT_TYPE ("(ssi)")))
    {
      g_variant_get (body, "(&s&si)", &text, &domain, &code);
      return ppool_value_error_new (domain, code, text);
    }

  if (body != NULL && g_variant_is_container (body) && g_variant_n_children (body) > 0)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (body, 0);

      if (g_variant_is_of_type (child, G_VARIANT_TYPE_STRING))
        return ppool_value_error_new_by_name (name, g_variant_get_string (child, NULL));
    }

  return ppool_value_error_new_by_name (name, text);
}

static void
receive_info (PPoolChannel      *self,
              GDBusMessage      *message,
              PPoolChannelEvent *event)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GError) error = NULL;

  if (!ppool_protocol_has_body (message, "(a{sv})"))
    {
      ppool_channel_violate (self, "its answer to Initialize is not of the type “(a{sv})”");
      return;
    }

  info = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  self->as_bytes = ppool_protocol_has_feature (info, PPOOL_FEATURE_GVARIANT);
  self->has_frames = self->as_bytes && ppool_protocol_has_feature (info, PPOOL_FEATURE_FRAMES);
  if (self->has_frames && self->offers_segments && self->lending == NULL &&
      ppool_protocol_has_feature (info, PPOOL_FEATURE_SEGMENTS))
    ppool_channel_begin_lending (self);
  event->has_frames = self->has_frames;
  event->has_board = self->offers_board && ppool_protocol_has_feature (info, PPOOL_FEATURE_BOARD);
  if (self->needs_bytes && !self->as_bytes)
    event->error = error = g_error_new_literal (
      PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
      "the worker can't take arguments of a type that D-Bus does not have");

  else if (self->needs_segments && self->lending == NULL)
    event->error = error = g_error_new_literal (
      PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
      "the worker can't take arguments that are so large: it lacks the feature “segments”");

  event->value = info;
  ppool_channel_emit (self, event);
}

static GVariant *
take_value (PPoolChannel  *self,
            GDBusMessage  *message,
            GError       **error)
{
  g_autoptr (GVariant) packed = NULL;

  if (!ppool_protocol_has_body (message, "(v)"))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "it sent a result that is not of the type “(v)”");
      return NULL;
    }

  g_variant_get (g_dbus_message_get_body (message), "(v)", &packed);

  return self->as_bytes ?
           ppool_value_unpack (packed, ppool_protocol_is_swapped (message), error) :
           g_steal_pointer (&packed);
}

static void
receive_result (PPoolChannel *self,
                GDBusMessage *message,
                guint64       id)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  PPoolResult result = { .id = id };
  const PPoolChannelEvent event = {
    .type = PPOOL_CHANNEL_RESULTS,
    .results = &result,
    .n_results = 1,
  };

  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_ERROR)
    result.error = error = make_error (g_dbus_message_get_error_name (message),
                                       g_dbus_message_get_body (message));
  else
    result.value = value = take_value (self, message, &error);

  if (value == NULL && result.error == NULL)
    ppool_channel_violate (self, "%s", error->message);
  else
    ppool_channel_emit (self, &event);
}

static void
receive_reply (PPoolChannel *self,
               GDBusMessage *message)
{
  g_autoptr (GError) error = NULL;
  PPoolChannelEvent event = { .type = PPOOL_CHANNEL_INITIALIZED };
  PPoolRequest request;

  ppool_channel_remove_request (self, g_dbus_message_get_reply_serial (message), &request);

  if (request.serial == 0)
    ppool_channel_violate (self, "it answered a call that it was not given");
  else if (request.kind == PPOOL_REQUEST_CALL)
    receive_result (self, message, request.id);
  else if (request.kind == PPOOL_REQUEST_INITIALIZE &&
           g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_ERROR)
    {
      event.error = error = make_error (g_dbus_message_get_error_name (message),
                                        g_dbus_message_get_body (message));
      ppool_channel_emit (self, &event);
    }
  else if (request.kind == PPOOL_REQUEST_INITIALIZE)
    receive_info (self, message, &event);
}

static void
clear_result (gpointer data)
{
  PPoolResult *result = data;

  g_clear_pointer (&result->value, g_variant_unref);
  g_clear_error (&result->error);
}

static PPoolBorrower *
get_borrower (PPoolChannel *self)
{
  return self->lending != NULL ? ppool_channel_lending_get_borrower (self->lending) : NULL;
}

/* A result that there is no memory for fails its call and nothing else. */
static gboolean
read_item (PPoolChannel      *self,
           PPoolFrameReader  *reader,
           const PPoolItem   *item,
           PPoolResult       *result,
           GError           **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) value = NULL;

  if (item->kind != PPOOL_ITEM_VALUE && item->kind != PPOOL_ITEM_ERROR)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "received a frame with an item that is not a result");
      return FALSE;
    }

  value = ppool_frame_reader_load (reader, item, get_borrower (self), &local_error);
  if (value == NULL && !g_error_matches (local_error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  result->id = item->id;
  if (value == NULL)
    result->error = g_steal_pointer (&local_error);
  else if (item->kind == PPOOL_ITEM_ERROR)
    result->error = make_error (item->name, value);
  else
    result->value = g_steal_pointer (&value);

  return TRUE;
}

/* What is good of a frame is delivered: it was written completely. */
static void
receive_frame (PPoolChannel *self,
               GVariant     *packed)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (packed);
  g_autoptr (GArray) results = g_array_new (FALSE, TRUE, sizeof (PPoolResult));
  g_autoptr (GError) error = NULL;
  PPoolChannelEvent event = { .type = PPOOL_CHANNEL_RESULTS };
  PPoolFrameReader reader;
  PPoolItem item;

  g_array_set_clear_func (results, clear_result);
  ppool_frame_reader_init (&reader, bytes);

  while (error == NULL && ppool_frame_reader_next (&reader, &item, &error))
    {
      PPoolResult result = { 0 };

      if (self->lending != NULL && item.kind >= PPOOL_ITEM_RELEASE)
        ppool_channel_lending_receive_note (self->lending, &item, &error);
      else if (read_item (self, &reader, &item, &result, &error))
        g_array_append_val (results, result);
    }

  event.results = (const PPoolResult *) (gpointer) results->data;
  event.n_results = results->len;
  if (results->len > 0)
    ppool_channel_emit (self, &event);
  if (error != NULL)
    ppool_channel_violate (self, "%s", error->message);
}

static void
receive_signal (PPoolChannel *self,
                GDBusMessage *message)
{
  const char *member = g_dbus_message_get_member (message);
  g_autoptr (GVariant) packed = NULL;

  if (!self->has_frames || g_strcmp0 (member, "Results") != 0 ||
      g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_SIGNAL)
    ppool_channel_violate (self, "it sent the unexpected message “%.255s”",
                           member != NULL ? member : "?");
  else if (!ppool_protocol_has_body (message, "(uay)") || ppool_protocol_is_swapped (message))
    ppool_channel_violate (self, "it sent results that are not of the type “(uay)” in the byte "
                                 "order of this machine");
  else
    {
      packed = g_variant_get_child_value (g_dbus_message_get_body (message), 1);
      receive_frame (self, packed);
    }
}

/* Nothing else may carry a descriptor. */
static gboolean
is_segment (PPoolChannel *self,
            GDBusMessage *message)
{
  return self->lending != NULL &&
         g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_SIGNAL &&
         g_strcmp0 (g_dbus_message_get_member (message), "Segment") == 0;
}

static void
receive_segment (PPoolChannel *self,
                 GDBusMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (!ppool_channel_lending_receive_segment (self->lending, message, &error))
    ppool_channel_violate_with (self, error);
}

void
ppool_channel_receive_in_pool (PPoolChannel *self,
                               GDBusMessage *message)
{
  GDBusMessageType type = g_dbus_message_get_message_type (message);

  if (is_segment (self, message))
    receive_segment (self, message);
  else if (g_dbus_message_get_num_unix_fds (message) > 0)
    ppool_channel_violate (self, "it sent unexpected file descriptors");
  else if (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR)
    receive_reply (self, message);
  else
    receive_signal (self, message);
}
