/* ppool-service-lending.c: values that are lent between a pool and this worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-service-internal.h"

#include <gio/gunixfdlist.h>

#include "ppool-protocol-private.h"
#include "ppool-value-private.h"

/* Large arguments are read where the pool has put them, and large results put where
 * the pool can read them. What is given back is said in the next frame, and in one of
 * its own if the serving thread has nothing to send. What the pool says wrongly of
 * loans is passed over: a worker trusts its pool. */

/* In any thread. */
static void
returned_cb (gpointer owner)
{
  PPoolService *self = owner;

  g_atomic_int_set (&self->has_notes, TRUE);
  self->noted (self->owner);
}

/* To be called before the first call; later it does nothing. */
void
ppool_service_begin_lending (PPoolService *self)
{
  if (self->lender != NULL)
    return;

  self->lender = ppool_lender_new ();
  self->borrower = ppool_borrower_new (returned_cb, ppool_service_ref (self),
                                       (GBoxedCopyFunc) ppool_service_ref,
                                       (GDestroyNotify) ppool_service_unref);
}

/* What was borrowed stays as long as somebody has it. */
void
ppool_service_end_lending (PPoolService *self)
{
  if (self->lender == NULL)
    return;

  ppool_lender_close (self->lender);
  ppool_borrower_close (self->borrower);
}

/* Receiving */

void
ppool_service_receive_segment (PPoolService *self,
                               GDBusMessage *message,
                               const int    *fds,
                               guint         n_fds)
{
  g_autoptr (GError) error = NULL;
  guint32 number;
  guint64 size;
  gint32 handle;

  g_variant_get (g_dbus_message_get_body (message), "(uth)", &number, &size, &handle);
  if (handle >= 0 && (guint) handle < n_fds &&
      !ppool_borrower_register (self->borrower, number, size, fds[handle], &error))
    g_debug ("What the pool lends can't be read: %s", error->message);
}

/* Makes the arguments of an initializer, which are in a segment of their own: the name,
 * which descriptor has them, where they are, their size and their type. The pool doesn't
 * write there any more. */
GVariant *
ppool_service_read_segment (GVariant   *large,
                            const int  *fds,
                            guint       n_fds,
                            GError    **error)
{
  g_autoptr (PPoolSegment) segment = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  const char *type;
  guint64 offset, size;
  gint32 handle;

  g_variant_get (large, "(&shtt&s)", NULL, &handle, &offset, &size, &type);
  if (handle < 0 || (guint) handle >= n_fds || offset % 8 != 0 || size > G_MAXUINT64 - offset ||
      !g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "the arguments of the initializer are in no segment");
      return NULL;
    }

  segment = ppool_segment_new_from_fd (fds[handle], offset + size, error);
  if (segment == NULL)
    return NULL;

  bytes = g_bytes_new_with_free_func (ppool_segment_get_data (segment) + offset, (gsize) size,
                                      (GDestroyNotify) ppool_segment_unref,
                                      ppool_segment_ref (segment));
  value = ppool_value_new_checked (G_VARIANT_TYPE (type), bytes);
  if (value == NULL)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                         "the arguments of the initializer arrived as bytes that are no value");

  return g_steal_pointer (&value);
}

/* Returns: FALSE if the item is no note. */
gboolean
ppool_service_receive_note (PPoolService    *self,
                            const PPoolItem *item)
{
  guint32 number = PPOOL_ITEM_NUMBER (item->id);

  if (self->borrower == NULL || item->kind < PPOOL_ITEM_RELEASE)
    return FALSE;

  if (item->kind == PPOOL_ITEM_FORGET)
    ppool_borrower_forget (self->borrower, number, NULL);
  else
    ppool_lender_take_back (self->lender, number, PPOOL_ITEM_GENERATION (item->id), NULL);

  if (self->trim_due < 0)
    self->trim_due = g_get_monotonic_time () + PPOOL_SEGMENT_IDLE_USEC;

  return TRUE;
}

/* Sending */

/* Whether there is something to say of loans. */
gboolean
ppool_service_has_notes (PPoolService *self)
{
  return g_atomic_int_get (&self->has_notes);
}

/* Appends it to the results. */
void
ppool_service_append_notes (PPoolService *self)
{
  if (!g_atomic_int_compare_and_exchange (&self->has_notes, TRUE, FALSE))
    return;

  ppool_frame_append_returned (self->results, self->borrower);
  ppool_frame_append_forgotten (self->results, self->lender);
}

static void
write_segment (PPoolService      *self,
               PPoolAnnouncement *announcement)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_signal (PPOOL_PROTOCOL_PATH, PPOOL_PROTOCOL_INTERFACE, "Segment");
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&announcement->fd, 1);
  g_autofree guint8 *blob = NULL;
  gsize size;

  g_dbus_message_set_serial (message, ppool_wire_next_serial (self->wire));
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_body (message,
                           g_variant_new ("(uth)", announcement->number, announcement->size, 0));
  g_dbus_message_set_unix_fd_list (message, fds);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  ppool_wire_write_with_fd (self->wire, blob, size, announcement->fd);
}

/* Has the pool know the segments of the next frame. */
void
ppool_service_write_announced (PPoolService *self)
{
  PPoolAnnouncement announcement;

  while (self->lender != NULL && ppool_lender_take_announcement (self->lender, &announcement))
    write_segment (self, &announcement);
}

/* Lets go of segments that have been idle for too long, if it is time to. Returns:
 * when to look again, or -1. */
gint64
ppool_service_tidy (PPoolService *self,
                    gint64        now)
{
  if (self->trim_due < 0 || now < self->trim_due)
    return self->trim_due;

  self->trim_due = ppool_lender_trim (self->lender, now);
  g_atomic_int_set (&self->has_notes, TRUE);
  ppool_service_flush (self);

  return self->trim_due;
}
