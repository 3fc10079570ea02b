/* ppool-outbox-send.c: the pool's lock, and sending what was decided behind it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outbox-internal.h"

/* The order on the wire is the order of decisions: a decision appends to an
 * outbox while the gate's lock is held, and whoever leaves the gate sends what
 * is there, unless somebody is at it already, who then sends this as well. So
 * the sending happens on the thread that decided, without a detour, and nobody
 * sends while the lock is held.
 *
 * To a worker that takes frames no more than two batches of calls are on their
 * way, and the rest gathers meanwhile: so the first call of a burst leaves alone
 * and at once, and those behind it share a message.
 *
 * A call is in flight from the moment it is pushed until it is settled or taken
 * away; a send that fails for the channel's sake changes nothing.
 *
 * All fields but the constant ones are guarded by the gate's lock. */

void
ppool_gate_init (PPoolGate *self)
{
  g_mutex_init (&self->lock);
  self->dirty = NULL;
}

void
ppool_gate_clear (PPoolGate *self)
{
  g_assert (self->dirty == NULL);
  g_mutex_clear (&self->lock);
}

void
ppool_gate_enter (PPoolGate *self)
{
  g_mutex_lock (&self->lock);
}

void
ppool_outbox_mark_dirty (PPoolOutbox *self)
{
  if (self->is_dirty)
    return;

  self->is_dirty = TRUE;
  self->next_dirty = self->gate->dirty;
  self->gate->dirty = g_atomic_rc_box_acquire (self);
}

/* A call that can't be sent fails alone. */
static void
fail_call (PPoolOutbox    *self,
           const PPoolOutgoing *call,
           GError         *error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  g_autoptr (PPoolRecord) record = NULL;
  PPoolOutboxSlot *slot;

  g_prefix_error (&error, "The arguments of “%s”: ", ppool_record_get_function (call->record));
  failure = ppool_failure_new (error);

  g_mutex_lock (&self->gate->lock);
  slot = ppool_outbox_find (self, call->id);
  if (slot != NULL)
    {
      record = ppool_outbox_empty_slot (self, slot);
      self->funcs->answered (self->owner, record, -1);
      self->funcs->refill (self->owner);
    }
  g_mutex_unlock (&self->gate->lock);

  if (record != NULL)
    ppool_record_settle_failure (record, failure);
}

static void
send_call (PPoolOutbox    *self,
           PPoolChannel   *channel,
           const PPoolOutgoing *call)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (call->record);
  GError *error = NULL;

  if (args != NULL &&
      !ppool_channel_send_call (channel, call->id, ppool_record_get_function (call->record), args,
                                &error))
    fail_call (self, call, error);
}

/* A call whose arguments are large travels alone. */
static void
add_to_frame (PPoolOutbox     *self,
              PPoolChannel    *channel,
              GByteArray     **frame,
              const PPoolOutgoing  *call)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (call->record);
  GError *error = NULL;

  if (args == NULL)
    return;

  if ((*frame)->len > 0 && (*frame)->len + g_variant_get_size (args) > PPOOL_FRAME_SIZE)
    {
      ppool_channel_send_frame (channel, *frame);
      *frame = g_byte_array_new ();
    }

  if (!ppool_frame_append (*frame, PPOOL_ITEM_CALL, call->id,
                           ppool_record_get_function (call->record), args, NULL, &error))
    fail_call (self, call, error);
}

static void
send_batch (PPoolOutbox  *self,
            PPoolChannel *channel,
            guint         n)
{
  GByteArray *frame = g_byte_array_new ();

  for (guint i = 0; i < n; i++)
    add_to_frame (self, channel, &frame, &self->outgoing[i]);

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
  guint batch = self->has_frames ? find_batch (self) : PPOOL_OUTBOX_NO_BATCH;
  guint most = !self->has_frames ? 1 : batch != PPOOL_OUTBOX_NO_BATCH ? G_N_ELEMENTS (self->outgoing) : 0;
  guint n = 0;
  GList *link;

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

/* A call may have been taken back before it was on its way. */
static void
put_away_outgoing (PPoolOutbox  *self,
                   PPoolChannel *channel,
                   guint         n)
{
  for (guint i = 0; i < n; i++)
    {
      if (!self->has_frames && ppool_outbox_find (self, self->outgoing[i].id) == NULL)
        ppool_channel_forget_call (channel, self->outgoing[i].id);
      g_clear_pointer (&self->outgoing[i].record, ppool_record_unref);
    }
}

/* Enters with the lock held and leaves without it. */
static void
flush (PPoolOutbox *self)
{
  g_autoptr (PPoolChannel) channel = NULL;
  guint n;

  self->flushing = TRUE;

  while (self->channel != NULL &&
         ((n = take_outgoing (self)) > 0 || (self->exit_due && g_queue_is_empty (&self->unsent))))
    {
      if (n == 0)
        self->exit_due = FALSE;
      if (channel == NULL)
        channel = ppool_channel_ref (self->channel);
      g_mutex_unlock (&self->gate->lock);

      if (n == 0)
        ppool_channel_send_exit (channel);
      else if (self->has_frames)
        send_batch (self, channel, n);
      else
        send_call (self, channel, &self->outgoing[0]);

      g_mutex_lock (&self->gate->lock);
      put_away_outgoing (self, channel, n);
    }

  self->flushing = FALSE;
  g_mutex_unlock (&self->gate->lock);
}

void
ppool_gate_leave (PPoolGate *self)
{
  PPoolOutbox *outbox;

  while ((outbox = self->dirty) != NULL)
    {
      self->dirty = g_steal_pointer (&outbox->next_dirty);
      outbox->is_dirty = FALSE;

      if (outbox->flushing)
        g_mutex_unlock (&self->lock);
      else
        flush (outbox);

      ppool_outbox_unref (outbox);
      g_mutex_lock (&self->lock);
    }

  g_mutex_unlock (&self->lock);
}
