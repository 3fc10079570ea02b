/* ppool-service-answers.c: what a worker answers
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

/* Results of calls that came in frames leave in frames. As long as the serving
 * thread has short calls to run, results are gathered: until there are enough,
 * or the first of them has waited long enough. A result that comes from another
 * thread, or after its handler has returned, takes the others with it and leaves
 * at once. So do results that a function keeps waiting which took longer than it
 * usually does: the watchdog sees to that.
 *
 * The board says that a call is done before anybody can read its answer. */

#define GATHER_USEC 200

static void
append_results_header (PPoolService *self)
{
  ppool_wire_begin_signal (self->results, PPOOL_PROTOCOL_PATH, PPOOL_PROTOCOL_INTERFACE,
                           "Results");
  self->frame_offset = self->results->len;
}

/* With the lock held. What one large value took is given back. */
static void
flush_locked (PPoolService *self)
{
  if (self->n_results == 0 && !ppool_service_has_notes (self))
    return;

  if (self->results->len == 0)
    append_results_header (self);
  ppool_service_append_notes (self);

  if (self->wire != NULL && self->results->len > self->frame_offset)
    {
      ppool_service_write_announced (self);
      ppool_wire_finish_signal (self->results, self->frame_offset,
                                ppool_wire_next_serial (self->wire));
      ppool_wire_write (self->wire, self->results->data, self->results->len);
    }

  g_atomic_int_set (&self->n_results, 0);
  self->n_lent = 0;
  if (self->results->len > 2 * PPOOL_FRAME_SIZE)
    {
      g_byte_array_unref (self->results);
      self->results = g_byte_array_new ();
    }
  else
    g_byte_array_set_size (self->results, (guint) self->frame_offset);
}

/* Sends what was gathered. */
void
ppool_service_flush (PPoolService *self)
{
  g_mutex_lock (&self->lock);
  flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Sends what was gathered and should have been sent by now. */
void
ppool_service_flush_late (PPoolService *self)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  if (now - self->first_time >= GATHER_USEC)
    flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Whether some were gathered. */
gboolean
ppool_service_has_results (PPoolService *self)
{
  return g_atomic_int_get (&self->n_results) > 0;
}

/* For the answers of functions that are known to be short, while they run. */
void
ppool_service_set_gathering (PPoolService *self,
                             gboolean      gathering)
{
  self->gathering = gathering;
}

/* With the lock held. */
static gboolean
may_wait (PPoolService *self,
          gint64        now)
{
  if (g_thread_self () != self->thread)
    return FALSE;

  return self->holding ||
         (self->gathering &&
          self->n_results < PPOOL_FRAME_MAX_ITEMS &&
          self->results->len - self->frame_offset < PPOOL_FRAME_SIZE &&
          self->n_lent < PPOOL_FRAME_MAX_LENT &&
          now - self->first_time < GATHER_USEC);
}

/* The function is over. If its arguments were lent, its answer waits until they are let
 * go of: so the pool has them back when it has the answer, and can fill them again. */
void
ppool_service_hold (PPoolService *self)
{
  self->holding = self->is_lent;
}

/* They are. */
void
ppool_service_let_go (PPoolService *self)
{
  if (!self->holding)
    return;

  self->holding = FALSE;
  g_mutex_lock (&self->lock);
  if (!may_wait (self, g_get_monotonic_time ()))
    flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* A result that would make the frame too large begins a new one. */
static gboolean
append_result (PPoolService   *self,
               PPoolItemKind   kind,
               guint64         id,
               const char     *name,
               GVariant       *value,
               gint64          now,
               GError        **error)
{
  gsize size = ppool_frame_bound (name, value, self->lender);
  gboolean success;
  gsize old_size;

  g_mutex_lock (&self->lock);
  if (self->n_results > 0 && self->results->len - self->frame_offset + size > PPOOL_FRAME_SIZE)
    flush_locked (self);
  if (self->results->len == 0)
    append_results_header (self);

  old_size = self->results->len;
  success = ppool_frame_append (self->results, kind, id, name, value, self->lender, error);
  if (success)
    {
      if (self->results->len - old_size < g_variant_get_size (value))
        self->n_lent += g_variant_get_size (value);
      if (g_atomic_int_add (&self->n_results, 1) == 0)
        self->first_time = now;
      if (!may_wait (self, now))
        flush_locked (self);
    }
  g_mutex_unlock (&self->lock);

  return success;
}

/* One message that is no frame. What was gathered is older. */
static gboolean
send_reply (PPoolService       *self,
            const PPoolTicket  *ticket,
            const char         *error_name,
            GVariant           *body,
            GError            **error)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new ();
  g_autofree guint8 *blob = NULL;
  gboolean success = TRUE;
  gsize size;

  g_dbus_message_set_message_type (message, error_name == NULL ?
                                              G_DBUS_MESSAGE_TYPE_METHOD_RETURN :
                                              G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_reply_serial (message, ticket->serial);
  if (error_name != NULL)
    g_dbus_message_set_error_name (message, error_name);
  if (body != NULL)
    g_dbus_message_set_body (message, body);

  g_mutex_lock (&self->lock);
  flush_locked (self);
  if (self->wire != NULL)
    {
      g_dbus_message_set_serial (message, ppool_wire_next_serial (self->wire));
      blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, error);
      success = blob != NULL;
      if (success)
        ppool_wire_write (self->wire, blob, size);
    }
  g_mutex_unlock (&self->lock);

  return success;
}

/* Returns: the time, at which the board says that the call is done */
static gint64
finish (PPoolService      *self,
        const PPoolTicket *ticket)
{
  gint64 now = g_get_monotonic_time ();

  if (self->board != NULL && !ticket->initializes)
    ppool_board_finish (self->board, ticket->id, now);

  return now;
}

static void
answer_error (PPoolService      *self,
              const PPoolTicket *ticket,
              const char        *name,
              GVariant          *body)
{
  g_autoptr (GVariant) owned_body = g_variant_ref_sink (body);
  g_autoptr (GError) error = NULL;
  gint64 now = finish (self, ticket);

  if (!(ticket->serial == 0 ?
          append_result (self, PPOOL_ITEM_ERROR, ticket->id, name, owned_body, now, &error) :
          send_reply (self, ticket, name, owned_body, &error)))
    g_warning ("An error can't be sent to the pool: %s", error->message);
}

void
ppool_service_refuse (PPoolService      *self,
                      const PPoolTicket *ticket)
{
  g_autoptr (GError) error = NULL;

  if (!send_reply (self, ticket, "org.freedesktop.DBus.Error.UnknownMethod",
                   g_variant_new ("(s)", "No such method or other arguments"), &error))
    g_warning ("The pool can't be answered: %s", error->message);
}

void
ppool_service_answer_nothing (PPoolService      *self,
                              const PPoolTicket *ticket)
{
  send_reply (self, ticket, NULL, NULL, NULL);
}

void
ppool_service_answer_info (PPoolService      *self,
                           const PPoolTicket *ticket)
{
  g_autoptr (GError) error = NULL;
  GVariantBuilder info;

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  ppool_protocol_add_abilities (&info, self->board != NULL, self->has_frames,
                                self->borrower != NULL);
  g_variant_builder_add (&info, "{sv}", "pid", g_variant_new_uint32 ((guint32) getpid ()));

  if (!send_reply (self, ticket, NULL, g_variant_new ("(a{sv})", &info), &error))
    g_warning ("The pool can't be answered: %s", error->message);
}

static gboolean
answer_value (PPoolService       *self,
              const PPoolTicket  *ticket,
              GVariant           *value,
              GError            **error)
{
  gint64 now = finish (self, ticket);
  GVariant *sent = NULL;

  if (ticket->serial == 0)
    return append_result (self, PPOOL_ITEM_VALUE, ticket->id, "", value, now, error);

  if (self->as_bytes)
    sent = ppool_value_pack (value, error);
  else if (ppool_value_check_dbus (value, error))
    sent = value;

  return sent != NULL && send_reply (self, ticket, NULL, g_variant_new ("(v)", sent), error);
}

static PPoolError
code_of (const GError *error)
{
  gboolean no_room = g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE) ||
                     g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);

  return no_room ? PPOOL_ERROR_TOO_LARGE : PPOOL_ERROR_INVALID_ARGS;
}

/* A value that can't be sent fails its call and nothing else. */
void
ppool_service_return_value (PPoolService      *self,
                            const PPoolTicket *ticket,
                            GVariant          *value)
{
  g_autoptr (GError) error = NULL;

  if (ticket->initializes)
    ppool_service_answer_info (self, ticket);
  else if (!answer_value (self, ticket, value, &error))
    ppool_service_return_failure (self, ticket, code_of (error), error->message);
}

void
ppool_service_return_error (PPoolService      *self,
                            const PPoolTicket *ticket,
                            const GError      *error)
{
  g_autofree char *message = ppool_value_clean_message (error->message);
  g_autofree char *domain = ppool_value_clean_message (g_quark_to_string (error->domain));

  answer_error (self, ticket, PPOOL_PROTOCOL_ERROR_FUNCTION,
                g_variant_new ("(ssi)", message, domain, error->code));
}

void
ppool_service_return_failure (PPoolService      *self,
                              const PPoolTicket *ticket,
                              PPoolError         code,
                              const char        *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);

  answer_error (self, ticket, ppool_value_error_name (code), g_variant_new ("(s)", clean));
}

/* To be called once an answer was given and its call let go of. */
void
ppool_service_note_answer (PPoolService *self)
{
  self->answered (self->owner);
}
