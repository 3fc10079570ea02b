/* ppool-channel-state.c: what a channel tells its owner
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <sys/socket.h>

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

  g_clear_pointer (&self->lane, ppool_lane_free);
  g_clear_pointer (&self->lending, ppool_channel_lending_unref);
  g_clear_pointer (&self->io_context, g_main_context_unref);
  g_clear_pointer (&self->requests, ppool_channel_requests_free);
  g_clear_object (&self->socket);
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
ppool_channel_emit (PPoolChannel          *self,
                    PPoolChannelEventType  type,
                    const GError          *error)
{
  const PPoolChannelEvent event = { .type = type, .error = error };

  self->func (self, &event, self->owner);
}

/* With the event lock held. */
void
ppool_channel_violate_with (PPoolChannel *self,
                            const GError *error)
{
  self->violated = TRUE;
  ppool_channel_emit (self, PPOOL_CHANNEL_VIOLATION, error);
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

gboolean
ppool_channel_has_lane (PPoolChannel *self)
{
  return self->lane != NULL && ppool_lane_is_open (self->lane);
}

/* Ends the stream in both directions. What the peer had sent still arrives,
 * then DRAINED. */
void
ppool_channel_shut (PPoolChannel *self)
{
  if (self->socket != NULL && !g_socket_is_closed (self->socket))
    shutdown (g_socket_get_fd (self->socket), SHUT_RDWR);
  if (self->lane != NULL)
    ppool_lane_shut (self->lane);
}

/* With the event lock held: one of the sockets is @drained, and the other one is to be. */
void
ppool_channel_note_drained (PPoolChannel *self,
                            gboolean     *drained)
{
  if (self->ended)
    return;

  *drained = TRUE;
  ppool_channel_shut (self);
  if (self->connection_drained && (self->lane_drained || !ppool_channel_has_lane (self)))
    ppool_channel_emit (self, PPOOL_CHANNEL_DRAINED, NULL);
}
