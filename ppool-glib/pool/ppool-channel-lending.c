/* ppool-channel-lending.c: values that are lent over a channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "ppool-protocol-private.h"

/* Where both sides know segments, large values are lent in them. A frame that leaves
 * anyway takes along what there is to say of loans. Otherwise the channel is told a
 * little later, in GDBus's I/O thread: values are dropped in any thread, and under
 * any lock, so nothing is sent from there. */

/* How long that may wait for a frame. */
#define NOTES_USEC 1000

struct _PPoolChannelLending
{
  PPoolLoans *loans; /* (owned): hold this until they are closed */

  GMutex lock;     /* guards what follows */
  GSource *source; /* (owned) (nullable): of notes, in the I/O thread; NULL once closed */
  gint64 due;      /* when it is ready, or -1 */
};

/* Has the channel told at @due that there are notes. In any thread. */
static void
set_due (PPoolChannelLending *self,
         gint64               due)
{
  g_mutex_lock (&self->lock);
  if (self->source != NULL && (self->due < 0 || due < self->due))
    {
      self->due = due;
      g_source_set_ready_time (self->source, due);
    }
  g_mutex_unlock (&self->lock);
}

/* In any thread. */
static void
returned_cb (gpointer owner)
{
  set_due (owner, g_get_monotonic_time () + NOTES_USEC);
}

static gboolean
dispatch_notes (GSource     *source G_GNUC_UNUSED,
                GSourceFunc  callback,
                gpointer     user_data)
{
  return callback (user_data);
}

static GSourceFuncs notes_funcs = { .dispatch = dispatch_notes };

static PPoolChannelLending *
lending_ref (PPoolChannelLending *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_lending (PPoolChannelLending *self)
{
  g_assert (self->source == NULL);

  ppool_loans_free (self->loans);
  g_mutex_clear (&self->lock);
}

void
ppool_channel_lending_unref (PPoolChannelLending *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear_lending);
}

/* @has_notes is called in @io_context, until this is closed, and calls
 * ppool_channel_lending_trim(). */
PPoolChannelLending *
ppool_channel_lending_new (GMainContext   *io_context,
                           GSourceFunc     has_notes,
                           gpointer        owner,
                           GDestroyNotify  owner_unref)
{
  PPoolChannelLending *self = g_atomic_rc_box_new0 (PPoolChannelLending);

  g_mutex_init (&self->lock);
  self->loans = ppool_loans_new (returned_cb, lending_ref (self), (GBoxedCopyFunc) lending_ref,
                                 (GDestroyNotify) ppool_channel_lending_unref);
  self->due = -1;
  self->source = g_source_new (&notes_funcs, sizeof (GSource));
  g_source_set_static_name (self->source, "[ppool] notes");
  g_source_set_callback (self->source, has_notes, owner, owner_unref);
  g_source_attach (self->source, io_context);

  return self;
}

/* There are no more notes, see ppool_loans_close(). */
void
ppool_channel_lending_close (PPoolChannelLending *self)
{
  g_autoptr (GSource) source = NULL;

  g_mutex_lock (&self->lock);
  source = g_steal_pointer (&self->source);
  g_mutex_unlock (&self->lock);

  if (source == NULL)
    return;

  g_source_destroy (source);
  ppool_loans_close (self->loans);
}

PPoolLoans *
ppool_channel_lending_get_loans (PPoolChannelLending *self)
{
  return self->loans;
}

/* Forgets what is idle, and looks again when there may be more of that. In GDBus's I/O
 * thread. */
void
ppool_channel_lending_trim (PPoolChannelLending *self)
{
  gint64 next;

  g_mutex_lock (&self->lock);
  self->due = -1;
  if (self->source != NULL)
    g_source_set_ready_time (self->source, -1);
  g_mutex_unlock (&self->lock);

  next = ppool_lender_trim (self->loans->lender, g_get_monotonic_time ());
  if (next >= 0)
    set_due (self, next);
}

/* Receiving, in events of the channel */

gboolean
ppool_channel_lending_receive_segment (PPoolChannelLending  *self,
                                       GDBusMessage         *message,
                                       GError              **error)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);
  guint32 number;
  guint64 size;
  gint32 handle = -1;

  if (ppool_protocol_has_body (message, "(uth)") && !ppool_protocol_is_swapped (message))
    g_variant_get (g_dbus_message_get_body (message), "(uth)", &number, &size, &handle);

  /* The header still tells that it had one. */
  if (handle == 0 && fds == NULL && g_dbus_message_get_num_unix_fds (message) == 1)
    return ppool_borrower_register_lost (self->loans->borrower, number, error);

  if (handle != 0 || fds == NULL || g_unix_fd_list_get_length (fds) != 1)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "received a segment that is not “(uth)” with one descriptor");
      return FALSE;
    }

  return ppool_borrower_register (self->loans->borrower, number, size,
                                  g_unix_fd_list_peek_fds (fds, NULL)[0], error);
}

/* A segment whose descriptor has come on a lane. */
static gboolean
receive_segment_item (PPoolChannelLending  *self,
                      const PPoolItem      *item,
                      PPoolLink            *link,
                      GError              **error)
{
  guint32 number = PPOOL_ITEM_NUMBER (item->id);
  gboolean success;
  int fd;

  if (!ppool_link_take_fds (link, &fd, 1, error))
    return FALSE;
  if (fd < 0)
    return ppool_borrower_register_lost (self->loans->borrower, number, error);

  success = ppool_borrower_register (self->loans->borrower, number,
                                     ppool_item_get_segment_size (item), fd, error);
  close (fd);

  return success;
}

/* What a worker says in a frame, or on a lane, of what is lent. */
gboolean
ppool_channel_lending_receive_item (PPoolChannelLending  *self,
                                    const PPoolItem      *item,
                                    PPoolLink            *link,
                                    GError              **error)
{
  if (item->kind == PPOOL_ITEM_SEGMENT)
    return receive_segment_item (self, item, link, error);

  if (!ppool_loans_receive_note (self->loans, item, error))
    return FALSE;

  if (item->kind != PPOOL_ITEM_FORGET)
    set_due (self, g_get_monotonic_time () + PPOOL_SEGMENT_IDLE_USEC);
  return TRUE;
}
