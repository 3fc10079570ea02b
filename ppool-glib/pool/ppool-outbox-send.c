/* ppool-outbox-send.c: sending what was decided behind the pool's lock
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outbox-internal.h"

/* To a worker that takes frames no more than two batches of calls are on their
 * way, and the rest gathers meanwhile: so the first call of a burst leaves alone
 * and at once, and those behind it share a message.
 *
 * A call is in flight from the moment it is pushed until it is settled or taken
 * away; a send that fails for the channel's sake changes nothing.
 *
 * All fields but the constant ones are guarded by the pool's lock. */

void
ppool_outbox_mark_dirty (PPoolOutbox *self)
{
  if (ppool_lock_add_sender (self->lock, &self->sender))
    g_atomic_rc_box_acquire (self);
}

/* A call that can't be sent fails alone. */
static void
fail_call (PPoolOutbox         *self,
           const PPoolOutgoing *call,
           GError              *error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  g_autoptr (PPoolRecord) record = NULL;
  PPoolOutboxSlot *slot;

  g_prefix_error (&error, "The arguments of “%s”: ", ppool_record_get_function (call->record));
  failure = ppool_failure_new (error);

  g_mutex_lock (&self->lock->mutex);
  slot = ppool_outbox_find (self, call->id);
  if (slot != NULL)
    {
      record = ppool_outbox_empty_slot (self, slot);
      self->funcs->answered (self->owner, record, -1);
      self->funcs->refill (self->owner);
    }
  g_mutex_unlock (&self->lock->mutex);

  if (record != NULL)
    ppool_record_settle_failure (record, failure);
}

static void
send_call (PPoolOutbox         *self,
           PPoolChannel        *channel,
           const PPoolOutgoing *call)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (call->record);
  GError *error = NULL;

  if (args != NULL &&
      !ppool_channel_send_call (channel, call->id, ppool_record_get_function (call->record), args,
                                &error))
    fail_call (self, call, error);
}

/* A call whose arguments are large, and can't be lent, travels alone. */
static void
add_to_frame (PPoolOutbox          *self,
              PPoolChannel         *channel,
              GByteArray          **frame,
              const PPoolOutgoing  *call)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (call->record);
  PPoolLender *lender = ppool_channel_get_lender (channel);
  const char *function = ppool_record_get_function (call->record);
  GError *error = NULL;

  if (args == NULL)
    return;

  if ((*frame)->len > 0 &&
      (*frame)->len + ppool_frame_bound (function, args, lender) > PPOOL_FRAME_SIZE)
    {
      ppool_channel_send_frame (channel, *frame);
      *frame = g_byte_array_new ();
    }

  if (ppool_frame_append (*frame, PPOOL_ITEM_CALL, call->id, function, args, lender, &error))
    return;

  /* Nothing is lent on a channel that is closed. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    g_error_free (error);
  else
    fail_call (self, call, error);
}

/* Notes go first, so that what is given back can be used for the answers, and are made
 * last: to copy large arguments takes a while. */
static void
send_batch (PPoolOutbox  *self,
            PPoolChannel *channel,
            guint         n)
{
  GByteArray *frame = g_byte_array_new ();

  for (guint i = 0; i < n; i++)
    add_to_frame (self, channel, &frame, &self->outgoing[i]);
  ppool_channel_prepend_notes (channel, frame);

  if (frame->len > 0)
    ppool_channel_send_frame (channel, frame);
  else
    g_byte_array_unref (frame);
}

/* The batch that calls may leave with now, or PPOOL_OUTBOX_NO_BATCH. */
static guint
find_batch (PPoolOutbox *self)
{
  guint batch = 0;

  while (batch < PPOOL_OUTBOX_N_BATCHES && self->n_unanswered[batch] > 0)
    batch++;

  return batch;
}

/* Takes what can be sent now. Without frames, a message is a call. */
static guint
take_outgoing (PPoolOutbox *self)
{
  guint batch = PPOOL_OUTBOX_NO_BATCH;
  guint most = 1;
  guint n = 0;
  GList *link;

  if (self->has_frames)
    {
      batch = find_batch (self);
      most = batch != PPOOL_OUTBOX_NO_BATCH ? G_N_ELEMENTS (self->outgoing) : 0;
    }

  while (n < most && (link = g_queue_pop_head_link (&self->unsent)) != NULL)
    {
      PPoolOutgoing *call = &self->outgoing[n++];

      call->record = ppool_record_ref (link->data);
      call->id = ppool_record_get_id (call->record);
      ppool_record_set_stage (call->record, PPOOL_RECORD_SENT);
      ppool_outbox_get_slot (self, call->id)->batch = batch;
    }

  if (batch != PPOOL_OUTBOX_NO_BATCH)
    self->n_unanswered[batch] = n;

  return n;
}

/* Without the lock: a call that was answered meanwhile may end with its record. */
static void
drop_outgoing (PPoolOutbox *self,
               guint        n)
{
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&self->outgoing[i].record, ppool_record_unref);
}

/* A call may have been taken back before it was on its way. */
static void
forget_outgoing (PPoolOutbox  *self,
                 PPoolChannel *channel,
                 guint         n)
{
  for (guint i = 0; i < n && !self->has_frames; i++)
    if (ppool_outbox_find (self, self->outgoing[i].id) == NULL)
      ppool_channel_forget_call (channel, self->outgoing[i].id);
}

/* What one turn sends, in this order. */
typedef struct
{
  guint n_calls;
  gboolean notes; /* or without calls */
  gboolean exit;
} Turn;

static gboolean
begin_turn (PPoolOutbox *self,
            Turn        *turn)
{
  turn->n_calls = take_outgoing (self);
  turn->notes = turn->n_calls == 0 && self->notes_due;
  turn->exit = self->exit_due && turn->n_calls == 0 && g_queue_is_empty (&self->unsent);

  self->notes_due = FALSE;
  if (turn->exit)
    self->exit_due = FALSE;

  return turn->n_calls > 0 || turn->notes || turn->exit;
}

static void
send_turn (PPoolOutbox  *self,
           PPoolChannel *channel,
           const Turn   *turn)
{
  if (turn->n_calls > 0 && !self->has_frames)
    send_call (self, channel, &self->outgoing[0]);
  else if (turn->n_calls > 0 || turn->notes)
    send_batch (self, channel, turn->n_calls);

  if (turn->exit)
    ppool_channel_send_exit (channel);
}

/* Enters with the lock held and leaves without it. */
static void
flush (PPoolOutbox *self)
{
  g_autoptr (PPoolChannel) channel = NULL;
  Turn turn;

  self->flushing = TRUE;

  while (self->channel != NULL && begin_turn (self, &turn))
    {
      if (channel == NULL)
        channel = ppool_channel_ref (self->channel);
      g_mutex_unlock (&self->lock->mutex);

      send_turn (self, channel, &turn);
      drop_outgoing (self, turn.n_calls);

      g_mutex_lock (&self->lock->mutex);
      forget_outgoing (self, channel, turn.n_calls);
    }

  self->flushing = FALSE;
  g_mutex_unlock (&self->lock->mutex);
}

/* What was pushed is sent, by this thread or by the one that is at it. */
void
ppool_outbox_send (gpointer owner)
{
  g_autoptr (PPoolOutbox) self = owner;

  if (self->flushing)
    g_mutex_unlock (&self->lock->mutex);
  else
    flush (self);
}

/* Has the channel's notes sent, with calls or without. */
void
ppool_outbox_send_notes (PPoolOutbox *self)
{
  ppool_lock_enter (self->lock);
  if (self->channel != NULL)
    {
      self->notes_due = TRUE;
      ppool_outbox_mark_dirty (self);
    }
  ppool_lock_leave (self->lock);
}
