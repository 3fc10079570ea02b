/* ppool-channel-receive.c: what a worker says
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include "ppool-value-private.h"

/* In GDBus's I/O thread, or for what is on a lane in the io thread, with the event lock held */

static gboolean
notes_cb (gpointer user_data)
{
  PPoolChannel *self = user_data;

  ppool_channel_lending_trim (self->lending);

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !self->violated)
    ppool_channel_emit (self, PPOOL_CHANNEL_NOTES, NULL);
  g_mutex_unlock (&self->event_lock);

  return G_SOURCE_CONTINUE;
}

static void
begin_lending (PPoolChannel *self)
{
  self->lending = ppool_channel_lending_new (self->io_context, notes_cb, ppool_channel_ref (self),
                                             (GDestroyNotify) ppool_channel_unref);
  self->loans = ppool_channel_lending_get_loans (self->lending);
}

/* What the worker says of itself. A lane that it does not know is ended. */
static void
adopt_info (PPoolChannel *self,
            GVariant     *info)
{
  self->as_bytes = ppool_protocol_has_feature (info, PPOOL_FEATURE_GVARIANT);
  self->has_frames = self->as_bytes && ppool_protocol_has_feature (info, PPOOL_FEATURE_FRAMES);
  if (self->has_frames && self->offer.segments && self->lending == NULL &&
      ppool_protocol_has_feature (info, PPOOL_FEATURE_SEGMENTS))
    begin_lending (self);
  if (self->lane != NULL && self->has_frames &&
      ppool_protocol_has_feature (info, PPOOL_FEATURE_LANE))
    ppool_lane_open (self->lane);
  else if (self->lane != NULL)
    ppool_lane_close (self->lane);
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
  adopt_info (self, info);
  event->has_frames = self->has_frames;
  event->has_cancel = ppool_protocol_has_feature (info, PPOOL_FEATURE_CANCEL);
  event->has_options = ppool_protocol_has_feature (info, PPOOL_FEATURE_CALL_OPTIONS);
  event->has_board =
    self->offer.board >= 0 && ppool_protocol_has_feature (info, PPOOL_FEATURE_BOARD);
  ppool_channel_offer_check (&self->offer, self->as_bytes, self->lending != NULL, &error);
  event->error = error;
  event->value = info;
  self->func (self, event, self->owner);
}

/* What is good of a message is delivered. */
static void
deliver (PPoolChannel *self,
         GArray       *results,
         const GError *error)
{
  const PPoolChannelEvent event = {
    .type = PPOOL_CHANNEL_RESULTS,
    .results = (const PPoolResult *) (gpointer) results->data,
    .n_results = results->len,
  };

  if (results->len > 0)
    self->func (self, &event, self->owner);
  if (error != NULL)
    ppool_channel_violate (self, "%s", error->message);
}

static void
receive_result (PPoolChannel *self,
                GDBusMessage *message,
                guint64       id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) results = ppool_channel_results_read (message, id, self->as_bytes, &error);

  deliver (self, results, error);
}

static void
receive_reply (PPoolChannel *self,
               GDBusMessage *message)
{
  g_autoptr (GError) error = NULL;
  PPoolChannelEvent event = { .type = PPOOL_CHANNEL_INITIALIZED };
  PPoolRequest request;

  ppool_channel_requests_take (self->requests, g_dbus_message_get_reply_serial (message), &request);

  if (request.serial == 0)
    ppool_channel_violate (self, "it answered a call that it was not given");
  else if (request.kind == PPOOL_REQUEST_CALL)
    receive_result (self, message, request.id);
  else if (request.kind == PPOOL_REQUEST_INITIALIZE &&
           g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_ERROR)
    {
      event.error = error = ppool_channel_results_get_error (message);
      self->func (self, &event, self->owner);
    }
  else if (request.kind == PPOOL_REQUEST_INITIALIZE)
    receive_info (self, message, &event);
}

static void
receive_signal (PPoolChannel *self,
                GDBusMessage *message)
{
  const char *member = g_dbus_message_get_member (message);
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GArray) results = NULL;
  g_autoptr (GError) error = NULL;

  if (!self->has_frames || ppool_channel_has_lane (self) || g_strcmp0 (member, "Results") != 0 ||
      g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_SIGNAL)
    ppool_channel_violate (self, "it sent the unexpected message “%.255s”",
                           member != NULL ? member : "?");
  else if (!ppool_protocol_has_body (message, "(uay)") || ppool_protocol_is_swapped (message))
    ppool_channel_violate (self, "it sent results that are not of the type “(uay)” in the byte "
                                 "order of this machine");
  else
    {
      packed = g_variant_get_child_value (g_dbus_message_get_body (message), 1);
      bytes = g_variant_get_data_as_bytes (packed);
      results = ppool_channel_results_read_frame (bytes, 0, self->lending, NULL, &error);
      deliver (self, results, error);
    }
}

/* Nothing else may carry a descriptor. */
static gboolean
is_segment (PPoolChannel *self,
            GDBusMessage *message)
{
  return self->lending != NULL && !ppool_channel_has_lane (self) &&
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

/* Does what a message of the worker says. */
void
ppool_channel_receive_message (PPoolChannel *self,
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

/* A lane */

/* Takes @packet. */
static void
receive_packet (PPoolChannel *self,
                PPoolPacket  *packet)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (packet->data, packet->size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) results =
    ppool_channel_results_read_frame (bytes, PPOOL_LINK_LANE_PREFIX_SIZE, self->lending,
                                      ppool_lane_get_link (self->lane), &error);

  deliver (self, results, error);
}

/* Once something was wrong, what comes is read for its end alone. */
void
ppool_channel_receive_packets (PPoolChannel *self)
{
  PPoolLink *link = ppool_lane_get_link (self->lane);
  g_autoptr (GError) error = NULL;
  PPoolPacket packet;
  gboolean more;
  gboolean at_end = !ppool_link_read (link, FALSE, &more, &error);

  while (error == NULL && ppool_link_next (link, &packet, &error))
    if (self->violated)
      g_free (packet.data);
    else
      receive_packet (self, &packet);

  if (error != NULL && !self->violated)
    ppool_channel_violate (self, "%s", error->message);
  else if (!self->violated && ppool_link_has_stray_fds (link))
    ppool_channel_violate (self, "it sent unexpected file descriptors");

  if (at_end || error != NULL)
    {
      ppool_lane_end (self->lane);
      ppool_channel_note_drained (self, &self->lane_drained);
    }
}
