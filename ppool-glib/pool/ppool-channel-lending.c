/* ppool-channel-lending.c: values that are lent over a channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <gio/gunixfdlist.h>

#include "ppool-protocol-private.h"

/* Where both sides know segments, large values are lent in them. What was borrowed
 * is to be given back, and what is idle to be forgotten; frames say so. A frame that
 * leaves anyway takes along what there is to say. Otherwise the owner is told a
 * little later, in GDBus's I/O thread: values are dropped in any thread, and under
 * any lock, so nothing is sent from there. */

/* How long that may wait for a frame. */
#define NOTES_USEC 1000

/* Has the owner told at @due that there are notes. In any thread. */
static void
set_notes_due (PPoolChannel *self,
               gint64        due)
{
  g_mutex_lock (&self->lock);
  if (self->notes_source != NULL && (self->notes_due < 0 || due < self->notes_due))
    {
      self->notes_due = due;
      g_source_set_ready_time (self->notes_source, due);
    }
  g_mutex_unlock (&self->lock);
}

/* In any thread. */
static void
returned_cb (gpointer owner)
{
  set_notes_due (owner, g_get_monotonic_time () + NOTES_USEC);
}

static gboolean
notes_cb (gpointer user_data)
{
  PPoolChannel *self = user_data;
  gint64 next;

  g_mutex_lock (&self->lock);
  self->notes_due = -1;
  if (self->notes_source != NULL)
    g_source_set_ready_time (self->notes_source, -1);
  g_mutex_unlock (&self->lock);

  next = ppool_lender_trim (self->lender, g_get_monotonic_time ());
  if (next >= 0)
    set_notes_due (self, next);

  g_mutex_lock (&self->event_lock);
  if (!self->ended && !self->violated)
    ppool_channel_emit_type (self, PPOOL_CHANNEL_NOTES, NULL);
  g_mutex_unlock (&self->event_lock);

  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_notes (GSource     *source G_GNUC_UNUSED,
                GSourceFunc  callback,
                gpointer     user_data)
{
  return callback (user_data);
}

static GSourceFuncs notes_funcs = { .dispatch = dispatch_notes };

/* To be called before the first frame. */
void
ppool_channel_begin_lending (PPoolChannel *self)
{
  self->lender = ppool_lender_new ();
  self->borrower = ppool_borrower_new (returned_cb, ppool_channel_ref (self),
                                       (GBoxedCopyFunc) ppool_channel_ref,
                                       (GDestroyNotify) ppool_channel_unref);

  g_mutex_lock (&self->lock);
  self->notes_due = -1;
  self->notes_source = g_source_new (&notes_funcs, sizeof (GSource));
  g_source_set_static_name (self->notes_source, "[ppool] notes");
  g_source_set_callback (self->notes_source, notes_cb, ppool_channel_ref (self),
                         (GDestroyNotify) ppool_channel_unref);
  g_source_attach (self->notes_source, self->io_context);
  g_mutex_unlock (&self->lock);
}

/* No segment of this side is lent or filled again. What was borrowed stays as long as
 * somebody has it. */
void
ppool_channel_end_lending (PPoolChannel *self)
{
  g_autoptr (GSource) source = NULL;

  g_mutex_lock (&self->lock);
  source = g_steal_pointer (&self->notes_source);
  g_mutex_unlock (&self->lock);

  if (source == NULL)
    return;

  g_source_destroy (source);
  ppool_lender_close (self->lender);
  ppool_borrower_close (self->borrower);
}

/* Sending */

/* (nullable): NULL if values travel in messages alone. */
PPoolLender *
ppool_channel_get_lender (PPoolChannel *self)
{
  return self->lender;
}

/* Begins a frame with what there is to say of loans. Each note takes a multiple of
 * eight. */
void
ppool_channel_prepend_notes (PPoolChannel *self,
                             GByteArray   *frame)
{
  g_autoptr (GByteArray) notes = NULL;

  if (self->lender == NULL)
    return;

  notes = g_byte_array_new ();
  ppool_frame_append_returned (notes, self->borrower);
  ppool_frame_append_forgotten (notes, self->lender);
  if (notes->len > 0)
    g_byte_array_prepend (frame, notes->data, notes->len);
}

/* Has the worker know the segments of the next frame. */
void
ppool_channel_send_announced (PPoolChannel *self)
{
  PPoolAnnouncement announcement;

  while (self->lender != NULL && ppool_lender_take_announcement (self->lender, &announcement))
    ppool_channel_send_segment (self, &announcement);
}

/* Receiving, in GDBus's I/O thread */

/* Nothing else may carry a descriptor. */
gboolean
ppool_channel_is_segment (PPoolChannel *self,
                          GDBusMessage *message)
{
  return self->borrower != NULL &&
         g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_SIGNAL &&
         g_strcmp0 (g_dbus_message_get_member (message), "Segment") == 0;
}

void
ppool_channel_receive_segment (PPoolChannel *self,
                               GDBusMessage *message)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);
  g_autoptr (GError) error = NULL;
  guint32 number;
  guint64 size;
  gint32 handle = -1;

  if (ppool_protocol_has_body (message, "(uth)") && !ppool_protocol_is_swapped (message))
    g_variant_get (g_dbus_message_get_body (message), "(uth)", &number, &size, &handle);

  if (handle != 0 || fds == NULL || g_unix_fd_list_get_length (fds) != 1)
    {
      ppool_channel_violate (self, "a segment arrived that is not “(uth)” with one descriptor");
      return;
    }

  if (!ppool_borrower_register (self->borrower, number, size,
                                g_unix_fd_list_peek_fds (fds, NULL)[0], &error))
    {
      self->violated = TRUE;
      ppool_channel_emit_type (self, PPOOL_CHANNEL_VIOLATION, error);
    }
}

gboolean
ppool_channel_receive_note (PPoolChannel     *self,
                            const PPoolItem  *item,
                            GError          **error)
{
  guint32 number = PPOOL_ITEM_NUMBER (item->id);

  if (item->kind == PPOOL_ITEM_FORGET)
    return ppool_borrower_forget (self->borrower, number, error);

  if (!ppool_lender_take_back (self->lender, number, PPOOL_ITEM_GENERATION (item->id), error))
    return FALSE;

  set_notes_due (self, g_get_monotonic_time () + PPOOL_SEGMENT_IDLE_USEC);
  return TRUE;
}
