/* ppool-answers.c: what a worker answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-answers-private.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "ppool-cancels-private.h"
#include "ppool-protocol-private.h"
#include "ppool-value-private.h"

/* Results of calls that came in frames leave in frames. As long as the serving
 * thread has short calls to run, results are gathered: until there are enough,
 * or the first of them has waited long enough. A result that comes from another
 * thread, or after its handler has returned, takes the others with it and leaves
 * at once. So do results that a function keeps waiting which took longer than it
 * usually does: the watchdog sees to that.
 *
 * The board says that a call is done before anybody can read its answer.
 *
 * Large results are put where the pool can read them. What is given back of its own is
 * said in the next frame, and in one of its own if the serving thread has nothing to
 * send.
 *
 * Who holds an unanswered call holds these, maybe long after they were closed; what is
 * answered then is lost in silence. */

#define GATHER_USEC 200

struct _PPoolAnswers
{
  PPoolAnswersFunc answered;
  PPoolAnswersFunc noted;
  PPoolAnswersFunc watched;
  gpointer owner; /* (owned) */
  GDestroyNotify owner_unref;
  GThread *thread;       /* (unowned): the one that serves; only to be compared */
  PPoolCancels *cancels; /* (owned) */

  PPoolBoard *board;   /* (owned) (nullable); written before the first call */
  PPoolLoans *loans;   /* (owned) (nullable); likewise; NULL without segments */
  gboolean as_bytes;   /* values travel as bytes; likewise */
  gboolean has_frames; /* calls come together; likewise */

  /* The serving thread's. */
  gboolean gathering; /* answers may wait for further ones */
  gboolean is_lent;   /* what the call has that was loaded last */
  gboolean holding;   /* an answer waits until that is released */

  GMutex lock;         /* guards what follows, and writing to the wire */
  PPoolWire *wire;     /* (owned) (nullable); NULL once closed */
  PPoolLink *lane;     /* (owned) (nullable): where frames go; written before the first call */
  GByteArray *results; /* (owned): a message or a packet; empty until the first result */
  gsize frame_offset;  /* where the frame starts in it */
  int n_results;       /* atomic: the serving thread reads it without the lock */
  gint64 first_time;   /* when the first of them came */
  gsize n_lent;        /* how many bytes were lent with them */
  int has_notes;       /* atomic: of loans, for the next frame */
};

/* Takes @wire and @owner. @answered is called after each answer, @noted when
 * ppool_answers_have_notes() has become true, and @watched when a call wants to know whether
 * it is cancelled. */
PPoolAnswers *
ppool_answers_new (PPoolWire        *wire,
                   PPoolAnswersFunc  answered,
                   PPoolAnswersFunc  noted,
                   PPoolAnswersFunc  watched,
                   gpointer          owner,
                   GDestroyNotify    owner_unref)
{
  PPoolAnswers *self = g_atomic_rc_box_new0 (PPoolAnswers);

  self->answered = answered;
  self->noted = noted;
  self->watched = watched;
  self->owner = owner;
  self->owner_unref = owner_unref;
  self->thread = g_thread_self ();
  self->cancels = ppool_cancels_new ();
  g_mutex_init (&self->lock);
  self->wire = wire;
  self->results = g_byte_array_new ();

  return self;
}

PPoolAnswers *
ppool_answers_ref (PPoolAnswers *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_answers (gpointer data)
{
  PPoolAnswers *self = data;

  g_assert (self->wire == NULL);

  g_clear_pointer (&self->board, ppool_board_free);
  g_clear_pointer (&self->loans, ppool_loans_free);
  ppool_cancels_free (self->cancels);
  g_byte_array_unref (self->results);
  g_mutex_clear (&self->lock);
  self->owner_unref (self->owner);
}

void
ppool_answers_unref (PPoolAnswers *self)
{
  g_atomic_rc_box_release_full (self, free_answers);
}

/* In any thread. */
static void
returned_cb (gpointer owner)
{
  PPoolAnswers *self = owner;

  g_atomic_int_set (&self->has_notes, TRUE);
  self->noted (self->owner);
}

/* Frees the wire. What was borrowed stays as long as somebody has it. */
void
ppool_answers_close (PPoolAnswers *self)
{
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->wire, ppool_wire_free);
  g_clear_pointer (&self->lane, ppool_link_free);
  g_mutex_unlock (&self->lock);

  if (self->loans != NULL)
    ppool_loans_close (self->loans);
}

/* What the pool can take; to be called before the first call. */
void
ppool_answers_set_features (PPoolAnswers *self,
                            gboolean      as_bytes,
                            gboolean      has_frames)
{
  self->as_bytes = as_bytes;
  self->has_frames = has_frames;
}

/* Takes @board; likewise. */
void
ppool_answers_take_board (PPoolAnswers *self,
                          PPoolBoard   *board)
{
  self->board = board;
}

/* Likewise; later it does nothing but return what there is. */
PPoolLoans *
ppool_answers_begin_lending (PPoolAnswers *self)
{
  if (self->loans == NULL)
    self->loans = ppool_loans_new (returned_cb, ppool_answers_ref (self),
                                   (GBoxedCopyFunc) ppool_answers_ref,
                                   (GDestroyNotify) ppool_answers_unref);

  return self->loans;
}

/* Sending */

/* Whether there is something to say of loans. */
gboolean
ppool_answers_have_notes (PPoolAnswers *self)
{
  return g_atomic_int_get (&self->has_notes);
}

/* A packet is a frame behind its size. */
static void
begin_packet (GByteArray *packet)
{
  static const guint8 room[PPOOL_LINK_LANE_PREFIX_SIZE] = { 0 };

  g_byte_array_append (packet, room, sizeof room);
}

static void
finish_packet (GByteArray *packet)
{
  ppool_link_make_lane_prefix (packet->data, packet->len - PPOOL_LINK_LANE_PREFIX_SIZE);
}

/* With the lock held. */
static void
write_segment_packet (PPoolAnswers      *self,
                      PPoolAnnouncement *announcement)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();

  begin_packet (packet);
  ppool_frame_append_segment (packet, announcement->number, announcement->size);
  finish_packet (packet);
  ppool_link_write (self->lane, packet->data, packet->len, announcement->fd);
  close (announcement->fd);
}

/* With the lock held. */
static void
write_segment_message (PPoolAnswers      *self,
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
  ppool_link_write (ppool_wire_get_link (self->wire), blob, size, announcement->fd);
}

/* Has the pool know the segments of the next frame. With the lock held. */
static void
write_announced (PPoolAnswers *self)
{
  PPoolAnnouncement announcement;

  while (self->loans != NULL && ppool_lender_take_announcement (self->loans->lender, &announcement))
    if (self->lane != NULL)
      write_segment_packet (self, &announcement);
    else
      write_segment_message (self, &announcement);
}

static void
append_results_header (PPoolAnswers *self)
{
  if (self->lane != NULL)
    begin_packet (self->results);
  else
    ppool_wire_begin_signal (self->results, PPOOL_PROTOCOL_PATH, PPOOL_PROTOCOL_INTERFACE,
                             "Results");
  self->frame_offset = self->results->len;
}

/* With the lock held. */
static void
write_results (PPoolAnswers *self)
{
  PPoolLink *link = self->lane;

  write_announced (self);
  if (link != NULL)
    finish_packet (self->results);
  else
    {
      link = ppool_wire_get_link (self->wire);
      ppool_wire_finish_signal (self->results, self->frame_offset,
                                ppool_wire_next_serial (self->wire));
    }
  ppool_link_write (link, self->results->data, self->results->len, -1);
}

/* With the lock held. What one large value took is given back. */
static void
flush_locked (PPoolAnswers *self)
{
  if (self->n_results == 0 && !ppool_answers_have_notes (self))
    return;

  if (self->results->len == 0)
    append_results_header (self);
  if (g_atomic_int_compare_and_exchange (&self->has_notes, TRUE, FALSE))
    ppool_loans_append_notes (self->loans, self->results);

  if (self->wire != NULL && self->results->len > self->frame_offset)
    write_results (self);

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

/* Takes @lane; to be called before the first call. A pool that initializes once more may
 * have had results in messages. */
void
ppool_answers_take_lane (PPoolAnswers *self,
                         PPoolLink    *lane)
{
  g_mutex_lock (&self->lock);
  flush_locked (self);
  g_byte_array_set_size (self->results, 0);
  self->lane = lane;
  g_mutex_unlock (&self->lock);
}

/* Sends what was gathered. */
void
ppool_answers_flush (PPoolAnswers *self)
{
  g_mutex_lock (&self->lock);
  flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Sends what was gathered and should have been sent by now. */
void
ppool_answers_flush_late (PPoolAnswers *self)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  if (now - self->first_time >= GATHER_USEC)
    flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Whether some were gathered. */
gboolean
ppool_answers_have_results (PPoolAnswers *self)
{
  return g_atomic_int_get (&self->n_results) > 0;
}

/* For the answers of functions that are known to be short, while they run. */
void
ppool_answers_set_gathering (PPoolAnswers *self,
                             gboolean      gathering)
{
  self->gathering = gathering;
}

/* Whether what the call has that was given out last is lent, for ppool_answers_hold(). */
void
ppool_answers_set_lent (PPoolAnswers *self,
                        gboolean      is_lent)
{
  self->is_lent = is_lent;
}

/* With the lock held. */
static gboolean
may_wait (PPoolAnswers *self,
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
ppool_answers_hold (PPoolAnswers *self)
{
  self->holding = self->is_lent;
}

/* They are. */
void
ppool_answers_release (PPoolAnswers *self)
{
  if (!self->holding)
    return;

  self->holding = FALSE;
  g_mutex_lock (&self->lock);
  if (!may_wait (self, g_get_monotonic_time ()))
    flush_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Forgets segments that have been idle for too long, and says so. Returns: when to look
 * again, or -1. */
gint64
ppool_answers_trim (PPoolAnswers *self,
                    gint64        now)
{
  gint64 next = ppool_lender_trim (self->loans->lender, now);

  g_atomic_int_set (&self->has_notes, TRUE);
  ppool_answers_flush (self);

  return next;
}

/* (nullable) */
static PPoolLender *
get_lender (PPoolAnswers *self)
{
  return self->loans != NULL ? self->loans->lender : NULL;
}

/* A result that would make the frame too large begins a new one. */
static gboolean
append_result (PPoolAnswers   *self,
               PPoolItemKind   kind,
               guint64         id,
               const char     *name,
               GVariant       *value,
               gint64          now,
               GError        **error)
{
  gsize size = ppool_frame_bound (name, value, get_lender (self));
  gboolean success;
  gsize old_size;

  g_mutex_lock (&self->lock);
  if (self->n_results > 0 && self->results->len - self->frame_offset + size > PPOOL_FRAME_SIZE)
    flush_locked (self);
  if (self->results->len == 0)
    append_results_header (self);

  old_size = self->results->len;
  success = ppool_frame_append (self->results, kind, id, name, value, get_lender (self), error);
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
send_reply (PPoolAnswers       *self,
            const PPoolCallId  *call_id,
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
  g_dbus_message_set_reply_serial (message, call_id->serial);
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
        ppool_link_write (ppool_wire_get_link (self->wire), blob, size, -1);
    }
  g_mutex_unlock (&self->lock);

  return success;
}

/* Returns: the time, at which the board says that the call is done; or 0 if the pool ends
 * this process for the call's sake, and takes no answer any more */
static gint64
finish (PPoolAnswers      *self,
        const PPoolCallId *call_id)
{
  gint64 now = g_get_monotonic_time ();

  if (self->board != NULL && !call_id->initializes &&
      !ppool_board_finish (self->board, call_id->id, now))
    return 0;

  return now;
}

static void
answer_error (PPoolAnswers      *self,
              const PPoolCallId *call_id,
              const char        *name,
              GVariant          *body)
{
  g_autoptr (GVariant) owned_body = g_variant_ref_sink (body);
  g_autoptr (GError) error = NULL;
  gint64 now = finish (self, call_id);

  if (now == 0)
    return;

  if (!(call_id->serial == 0 ?
          append_result (self, PPOOL_ITEM_ERROR, call_id->id, name, owned_body, now, &error) :
          send_reply (self, call_id, name, owned_body, &error)))
    g_warning ("An error can't be sent to the pool: %s", error->message);
}

void
ppool_answers_refuse (PPoolAnswers      *self,
                      const PPoolCallId *call_id)
{
  g_autoptr (GError) error = NULL;

  if (!send_reply (self, call_id, "org.freedesktop.DBus.Error.UnknownMethod",
                   g_variant_new ("(s)", "No such method or other arguments"), &error))
    g_warning ("The pool can't be answered: %s", error->message);
}

void
ppool_answers_return_nothing (PPoolAnswers      *self,
                              const PPoolCallId *call_id)
{
  send_reply (self, call_id, NULL, NULL, NULL);
}

void
ppool_answers_return_info (PPoolAnswers      *self,
                           const PPoolCallId *call_id)
{
  g_autoptr (GError) error = NULL;
  GVariantBuilder info;

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  ppool_protocol_add_abilities (&info, self->board != NULL, self->has_frames,
                                self->loans != NULL, self->lane != NULL);
  g_variant_builder_add (&info, "{sv}", "pid", g_variant_new_uint32 ((guint32) getpid ()));

  if (!send_reply (self, call_id, NULL, g_variant_new ("(a{sv})", &info), &error))
    g_warning ("The pool can't be answered: %s", error->message);
}

static gboolean
answer_value (PPoolAnswers       *self,
              const PPoolCallId  *call_id,
              GVariant           *value,
              GError            **error)
{
  gint64 now = finish (self, call_id);
  GVariant *sent = NULL;

  if (now == 0)
    return TRUE;
  if (call_id->serial == 0)
    return append_result (self, PPOOL_ITEM_VALUE, call_id->id, "", value, now, error);

  if (self->as_bytes)
    sent = ppool_value_pack (value, error);
  else if (ppool_value_check_dbus (value, error))
    sent = value;

  return sent != NULL && send_reply (self, call_id, NULL, g_variant_new ("(v)", sent), error);
}

/* What the pool is told of a value that can't be sent or received. */
PPoolError
ppool_answers_code_of (const GError *error)
{
  gboolean no_room = g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE) ||
                     g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);

  return no_room ? PPOOL_ERROR_TOO_LARGE : PPOOL_ERROR_INVALID_ARGS;
}

/* A value that can't be sent fails its call and nothing else. */
void
ppool_answers_return_value (PPoolAnswers      *self,
                            const PPoolCallId *call_id,
                            GVariant          *value)
{
  g_autoptr (GError) error = NULL;

  if (call_id->initializes)
    ppool_answers_return_info (self, call_id);
  else if (!answer_value (self, call_id, value, &error))
    ppool_answers_return_failure (self, call_id, ppool_answers_code_of (error), error->message);
}

void
ppool_answers_return_error (PPoolAnswers      *self,
                            const PPoolCallId *call_id,
                            const GError      *error)
{
  g_autofree char *message = ppool_value_clean_message (error->message);
  g_autofree char *domain = ppool_value_clean_message (g_quark_to_string (error->domain));

  answer_error (self, call_id, PPOOL_PROTOCOL_ERROR_FUNCTION,
                g_variant_new ("(ssi)", message, domain, error->code));
}

void
ppool_answers_return_failure (PPoolAnswers      *self,
                              const PPoolCallId *call_id,
                              PPoolError         code,
                              const char        *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);

  answer_error (self, call_id, ppool_value_error_name (code), g_variant_new ("(s)", clean));
}

/* To be called once an answer was given and its call released. */
void
ppool_answers_note_answer (PPoolAnswers *self)
{
  self->answered (self->owner);
}

/* Cancelling */

/* Has @cancellable told when the pool cancels the call, until ppool_answers_unwatch().
 * Returns: whether it has done so */
gboolean
ppool_answers_watch (PPoolAnswers      *self,
                     const PPoolCallId *call_id,
                     GCancellable      *cancellable)
{
  if (call_id->initializes)
    return FALSE;

  if (ppool_cancels_watch (self->cancels, call_id->id, cancellable))
    return TRUE;

  self->watched (self->owner);

  return FALSE;
}

/* To be called before ppool_answers_note_answer(). */
void
ppool_answers_unwatch (PPoolAnswers      *self,
                       const PPoolCallId *call_id)
{
  if (!call_id->initializes)
    ppool_cancels_unwatch (self->cancels, call_id->id);
}

/* The pool has cancelled a call that was given out. Runs handlers of its cancellable. */
void
ppool_answers_cancel (PPoolAnswers *self,
                      guint64       id)
{
  ppool_cancels_cancel (self->cancels, id);
}
