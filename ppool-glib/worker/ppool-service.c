/* ppool-service.c: what a pool asks of this worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-service-internal.h"

#include <string.h>
#include <unistd.h>

#include "ppool-protocol-private.h"
#include "ppool-value-private.h"

/* A service belongs to the thread that serves: it reads there, keeps what has
 * arrived in the order in which it was sent, and gives out call after call. Only
 * answers come from any thread. Who holds an unanswered call holds the service,
 * maybe long after it was closed; what is answered then is lost in silence. */

static void
free_arrival (gpointer data)
{
  PPoolArrival *self = data;

  g_clear_pointer (&self->frame, g_bytes_unref);
  g_clear_pointer (&self->args, g_variant_unref);
  g_free (self->function);
  g_free (self);
}

/* Takes @fd and @owner. */
PPoolService *
ppool_service_new (int              fd,
                   PPoolServiceFunc answered,
                   PPoolServiceFunc noted,
                   gpointer         owner,
                   GDestroyNotify   owner_unref)
{
  PPoolService *self = g_atomic_rc_box_new0 (PPoolService);

  self->answered = answered;
  self->noted = noted;
  self->owner = owner;
  self->owner_unref = owner_unref;
  self->thread = g_thread_self ();
  g_queue_init (&self->arrivals);
  g_mutex_init (&self->lock);
  self->wire = ppool_wire_new (fd);
  self->results = g_byte_array_new ();
  self->trim_due = -1;

  return self;
}

PPoolService *
ppool_service_ref (PPoolService *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_service (gpointer data)
{
  PPoolService *self = data;

  g_assert (self->wire == NULL);

  g_clear_pointer (&self->board, ppool_board_free);
  g_clear_pointer (&self->lender, ppool_lender_unref);
  g_clear_pointer (&self->borrower, ppool_borrower_unref);
  g_byte_array_unref (self->results);
  g_mutex_clear (&self->lock);
  self->owner_unref (self->owner);
}

void
ppool_service_unref (PPoolService *self)
{
  g_atomic_rc_box_release_full (self, free_service);
}

/* Ends the conversation. What waits unserved has no caller left, or came after
 * the pool said that nothing would. */
void
ppool_service_close (PPoolService *self)
{
  g_queue_clear_full (&self->arrivals, free_arrival);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->wire, ppool_wire_free);
  g_mutex_unlock (&self->lock);

  ppool_service_end_lending (self);
}

static gboolean
set_nonsense (GError     **error,
              const char  *what)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "The pool can't be understood: %s", what);
  return FALSE;
}

/* Receiving */

/* Takes @bytes, whose frame begins at @offset. */
static void
receive_frame (PPoolService *self,
               GBytes       *bytes,
               gsize         offset)
{
  PPoolArrival *arrival = g_new0 (PPoolArrival, 1);

  arrival->frame = bytes;
  ppool_frame_reader_init (&arrival->reader, bytes);
  arrival->reader.offset = offset;
  g_queue_push_tail (&self->arrivals, arrival);
}

static gboolean
receive_calls (PPoolService  *self,
               GDBusMessage  *message,
               GError       **error)
{
  g_autoptr (GVariant) frame = NULL;

  if (ppool_protocol_is_swapped (message))
    return set_nonsense (error, "a frame arrived in another byte order");

  frame = g_variant_get_child_value (g_dbus_message_get_body (message), 1);
  receive_frame (self, g_variant_get_data_as_bytes (frame), 0);

  return TRUE;
}

static void
receive_call (PPoolService      *self,
              GDBusMessage      *message,
              const PPoolTicket *ticket)
{
  PPoolArrival *arrival = g_new0 (PPoolArrival, 1);

  arrival->ticket = *ticket;
  arrival->packed = self->as_bytes;
  arrival->swapped = ppool_protocol_is_swapped (message);
  g_variant_get (g_dbus_message_get_body (message), "(tsva{sv})", &arrival->ticket.id,
                 &arrival->function, &arrival->args, NULL);
  g_queue_push_tail (&self->arrivals, arrival);
}

/* A board that can't be used is none: the pool is told so by our features. */
static void
adopt_board (PPoolService *self,
             GVariant     *options,
             const int    *fds,
             guint         n_fds)
{
  g_autoptr (GError) error = NULL;
  gint32 handle;

  if (self->board != NULL || !g_variant_lookup (options, "board", "h", &handle) || handle < 0 ||
      (guint) handle >= n_fds)
    return;

  self->board = ppool_board_new_from_fd (fds[handle], &error);
  if (self->board == NULL)
    g_debug ("No board: %s", error->message);
}

/* Leaves the function NULL if there is none to run. */
static gboolean
read_initializer (PPoolService  *self,
                  PPoolArrival  *arrival,
                  GVariant      *options,
                  const int     *fds,
                  guint          n_fds,
                  GError       **error)
{
  g_autoptr (GVariant) large = NULL;

  if (self->borrower != NULL)
    large = g_variant_lookup_value (options, "initializer-segment", G_VARIANT_TYPE ("(shtts)"));
  if (large != NULL)
    {
      g_variant_get_child (large, 0, "s", &arrival->function);
      arrival->args = ppool_service_read_segment (large, fds, n_fds, error);
      return arrival->args != NULL;
    }

  if (!g_variant_lookup (options, "initializer", "s", &arrival->function))
    return TRUE;

  arrival->args = g_variant_lookup_value (options, "initializer-args-bytes", NULL);
  arrival->packed = arrival->args != NULL;
  if (arrival->args == NULL)
    arrival->args = g_variant_lookup_value (options, "initializer-args", NULL);
  if (arrival->args == NULL)
    arrival->args = ppool_value_ref_unit ();

  return TRUE;
}

static void
receive_initialize (PPoolService *self,
                    GDBusMessage *message,
                    PPoolTicket  *ticket,
                    const int    *fds,
                    guint         n_fds)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  g_autoptr (GError) error = NULL;
  PPoolArrival *arrival;

  self->as_bytes = ppool_protocol_has_feature (options, PPOOL_FEATURE_GVARIANT);
  self->has_frames =
    self->as_bytes && ppool_protocol_has_feature (options, PPOOL_FEATURE_FRAMES);
  if (ppool_protocol_has_feature (options, PPOOL_FEATURE_BOARD))
    adopt_board (self, options, fds, n_fds);
  if (self->has_frames && ppool_wire_passes_fds (self->wire) &&
      ppool_protocol_has_feature (options, PPOOL_FEATURE_SEGMENTS))
    ppool_service_begin_lending (self);

  ticket->initializes = TRUE;
  arrival = g_new0 (PPoolArrival, 1);
  arrival->ticket = *ticket;
  arrival->swapped = ppool_protocol_is_swapped (message);
  if (!read_initializer (self, arrival, options, fds, n_fds, &error))
    {
      free_arrival (arrival);
      ppool_service_return_failure (self, ticket, PPOOL_ERROR_INVALID_ARGS, error->message);
    }
  else if (arrival->function == NULL)
    {
      free_arrival (arrival);
      ppool_service_answer_info (self, ticket);
    }
  else
    g_queue_push_tail (&self->arrivals, arrival);
}

static void
receive_exit (PPoolService      *self,
              GDBusMessage      *message,
              const PPoolTicket *ticket)
{
  if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    ppool_service_answer_nothing (self, ticket);

  self->leaving = TRUE;
}

/* What needs descriptors takes them out of @fds and leaves -1. */
static gboolean
receive_request (PPoolService  *self,
                 GDBusMessage  *message,
                 int           *fds,
                 guint          n_fds,
                 GError       **error)
{
  const char *member = g_dbus_message_get_member (message);
  PPoolTicket ticket = { .serial = g_dbus_message_get_serial (message) };

  if (g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return TRUE;

  if (self->has_frames && g_str_equal (member, "Calls") && ppool_protocol_has_body (message, "(uay)"))
    return receive_calls (self, message, error);

  if (self->borrower != NULL && g_str_equal (member, "Segment") && ppool_protocol_has_body (message, "(uth)"))
    ppool_service_receive_segment (self, message, fds, n_fds);
  else if (g_str_equal (member, "Call") && ppool_protocol_has_body (message, "(tsva{sv})"))
    receive_call (self, message, &ticket);
  else if (g_str_equal (member, "Initialize") && ppool_protocol_has_body (message, "(a{sv})"))
    receive_initialize (self, message, &ticket, fds, n_fds);
  else if (g_str_equal (member, "Exit"))
    receive_exit (self, message, &ticket);
  else if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    ppool_service_refuse (self, &ticket);

  return TRUE;
}

/* Any message but those that there are many of. */
static gboolean
receive_message (PPoolService            *self,
                 const PPoolWireMessage  *bytes,
                 GError                 **error)
{
  g_autoptr (GDBusMessage) message = NULL;
  g_autoptr (GError) local_error = NULL;
  int fds[PPOOL_WIRE_MAX_FDS];
  gboolean success = FALSE;
  guint n_fds;

  message = g_dbus_message_new_from_blob (bytes->data, bytes->size,
                                          G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, &local_error);
  if (message == NULL)
    return set_nonsense (error, local_error->message);

  n_fds = g_dbus_message_get_num_unix_fds (message);
  if (!ppool_wire_take_fds (self->wire, fds, n_fds, &local_error))
    return set_nonsense (error, local_error->message);

  success = receive_request (self, message, fds, n_fds, error);
  for (guint i = 0; i < n_fds; i++)
    if (fds[i] >= 0)
      close (fds[i]);

  return success;
}

static gboolean
receive_bytes (PPoolService      *self,
               PPoolWireMessage  *message,
               GError           **error)
{
  gboolean success = TRUE;
  gsize offset;

  if (self->has_frames && ppool_wire_find_frame (message, "Calls", &offset))
    {
      receive_frame (self, g_bytes_new_take (message->data, message->size), offset);
      return TRUE;
    }

  success = receive_message (self, message, error);
  g_free (message->data);

  return success;
}

/* Takes in what was read. */
static gboolean
receive_messages (PPoolService  *self,
                  GError       **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolWireMessage message;

  while (ppool_wire_next (self->wire, &message, &local_error))
    if (!receive_bytes (self, &message, error))
      return FALSE;

  return local_error == NULL || set_nonsense (error, local_error->message);
}

/* Waits until the pool knows who this is, with no bound. */
gboolean
ppool_service_connect (PPoolService  *self,
                       GError       **error)
{
  return ppool_wire_authenticate (self->wire, error) && receive_messages (self, error);
}

/* Reads once, without waiting, and serves all requests but calls; @more says
 * that there may be more to be read. Returns: FALSE if the pool is gone, or with
 * @error set if it can't be understood. */
gboolean
ppool_service_receive (PPoolService  *self,
                       gboolean      *more,
                       GError       **error)
{
  g_autoptr (GError) local_error = NULL;

  if (ppool_wire_read (self->wire, more, &local_error))
    return receive_messages (self, error);

  return local_error != NULL && set_nonsense (error, local_error->message);
}

/* Giving out */

static gboolean
is_exhausted (const PPoolArrival *arrival)
{
  if (arrival->frame != NULL)
    return arrival->reader.offset >= g_bytes_get_size (arrival->frame);

  return arrival->is_begun;
}

static PPoolArrival *
peek_arrival (PPoolService *self)
{
  PPoolArrival *arrival;

  while ((arrival = g_queue_peek_head (&self->arrivals)) != NULL && is_exhausted (arrival))
    free_arrival (g_queue_pop_head (&self->arrivals));

  return arrival;
}

/* Whether there are calls that were not given out. */
gboolean
ppool_service_has_calls (PPoolService *self)
{
  return peek_arrival (self) != NULL;
}

/* Whether the pool wants this worker to leave when it has no call left. */
gboolean
ppool_service_is_leaving (PPoolService *self)
{
  return self->leaving;
}

/* Reads the next item, and does what a note asks for. */
static gboolean
read_item (PPoolService  *self,
           PPoolArrival  *arrival,
           GError       **error)
{
  g_autoptr (GError) local_error = NULL;

  if (!ppool_frame_reader_next (&arrival->reader, &arrival->item, &local_error))
    return set_nonsense (error, local_error->message);
  if (arrival->item.kind != PPOOL_ITEM_CALL &&
      !ppool_service_receive_note (self, &arrival->item))
    return set_nonsense (error, "received a frame with an item that is not a call");

  return TRUE;
}

/* Gives out the next call; @function lives until its arguments are loaded or the
 * next call is asked for. Returns: FALSE if there is none, or with @error set if
 * there is something else. */
gboolean
ppool_service_next (PPoolService  *self,
                    PPoolTicket   *ticket,
                    const char   **function,
                    GError       **error)
{
  PPoolArrival *arrival;

  while ((arrival = peek_arrival (self)) != NULL)
    {
      if (arrival->frame == NULL)
        {
          arrival->is_begun = TRUE;
          *ticket = arrival->ticket;
          *function = arrival->function;
          return TRUE;
        }

      if (!read_item (self, arrival, error))
        return FALSE;

      if (arrival->item.kind == PPOOL_ITEM_CALL)
        {
          *ticket = (PPoolTicket) { .id = arrival->item.id };
          *function = arrival->item.name;
          return TRUE;
        }
    }

  return FALSE;
}

/* Whether the call that was given out last is still the worker's to run. To be asked
 * just before. */
gboolean
ppool_service_take (PPoolService      *self,
                    const PPoolTicket *ticket,
                    gint64             now)
{
  const PPoolArrival *arrival;

  if (self->board == NULL || ticket->initializes ||
      ppool_board_take (self->board, ticket->id, now))
    return TRUE;

  arrival = g_queue_peek_head (&self->arrivals);
  if (arrival->frame != NULL)
    ppool_frame_reader_skip (&arrival->item, self->borrower, NULL);

  return FALSE;
}

static GVariant *
load_args (PPoolService  *self,
           PPoolArrival  *arrival,
           GError       **error)
{
  if (arrival->frame != NULL)
    return ppool_frame_reader_load (&arrival->reader, &arrival->item, self->borrower, error);
  if (arrival->packed)
    return ppool_value_unpack (arrival->args, arrival->swapped, error);

  return g_steal_pointer (&arrival->args);
}

/* Makes the arguments of the call that was given out last, and lets go of what
 * they came in. Returns: (nullable) (transfer full): NULL if they are none, which
 * is answered then */
GVariant *
ppool_service_load (PPoolService *self)
{
  PPoolArrival *arrival = g_queue_peek_head (&self->arrivals);
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GError) error = NULL;
  PPoolTicket ticket = arrival->ticket;

  if (arrival->frame != NULL)
    ticket.id = arrival->item.id;
  self->is_lent = arrival->frame != NULL && arrival->item.is_lent;

  args = load_args (self, arrival, &error);
  peek_arrival (self);
  if (args == NULL)
    ppool_service_return_failure (self, &ticket, PPOOL_ERROR_INVALID_ARGS, error->message);

  return g_steal_pointer (&args);
}
