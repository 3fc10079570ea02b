/* ppool-outbox.c: calls on their way to one worker, and those it has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outbox-private.h"

/* The order on the wire is the order of decisions: a decision appends to an
 * outbox while the gate's lock is held, and whoever leaves the gate sends what
 * is there, unless somebody is at it already, who then sends this as well. So
 * the sending happens on the thread that decided, without a detour, and nobody
 * sends while the lock is held.
 *
 * A call is in flight from the moment it is pushed until it is settled or taken
 * away; a send that fails for the channel's sake changes nothing.
 *
 * All fields but the constant ones are guarded by the gate's lock. */

struct _PPoolOutbox
{
  /* Constant. */
  PPoolGate *gate; /* (unowned): outlives this */
  PPoolOutboxFunc room;
  gpointer owner; /* (unowned): is called only while a call is in flight */

  PPoolChannel *channel; /* (owned) (nullable): NULL before and after its time */
  GPtrArray *in_flight;  /* (owned) (element-type PPoolRecord) */
  GQueue unsent;         /* (unowned) (element-type PPoolRecord): of those */
  gboolean exit_due;     /* behind what is unsent */
  gboolean flushing;     /* somebody is at it */
  gboolean is_dirty;
  PPoolOutbox *next_dirty; /* (owned) (nullable) */
};

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

static void
mark_dirty (PPoolOutbox *self)
{
  if (self->is_dirty)
    return;

  self->is_dirty = TRUE;
  self->next_dirty = self->gate->dirty;
  self->gate->dirty = g_atomic_rc_box_acquire (self);
}

/* Takes a call out of those in flight: (nullable). */
static PPoolRecord *
take (PPoolOutbox *self,
      guint64      id)
{
  for (guint i = 0; i < self->in_flight->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (self->in_flight, i);

      if (ppool_record_get_id (record) == id)
        {
          ppool_record_set_stage (record, PPOOL_RECORD_OUT);
          return g_ptr_array_steal_index_fast (self->in_flight, i);
        }
    }

  return NULL;
}

/* A call that can't be sent fails alone. */
static void
fail_call (PPoolOutbox *self,
           guint64      id,
           GError      *error)
{
  g_autoptr (PPoolFailure) failure = ppool_failure_new (error);
  g_autoptr (PPoolRecord) record = NULL;

  g_mutex_lock (&self->gate->lock);
  record = take (self, id);
  if (record != NULL)
    self->room (self->owner);
  g_mutex_unlock (&self->gate->lock);

  if (record != NULL)
    ppool_record_settle_failure (record, failure);
}

static void
send_call (PPoolOutbox  *self,
           PPoolChannel *channel,
           PPoolRecord  *record)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (record);
  const char *function = ppool_record_get_function (record);
  guint64 id = ppool_record_get_id (record);
  GError *error = NULL;

  if (args == NULL || ppool_channel_send_call (channel, id, function, args, &error))
    return;

  g_prefix_error (&error, "The arguments of “%s”: ", function);
  fail_call (self, id, error);
}

/* Enters with the lock held and leaves without it. */
static void
flush (PPoolOutbox *self)
{
  self->flushing = TRUE;

  while (self->channel != NULL && (!g_queue_is_empty (&self->unsent) || self->exit_due))
    {
      g_autoptr (PPoolChannel) channel = ppool_channel_ref (self->channel);
      GList *link = g_queue_pop_head_link (&self->unsent);
      g_autoptr (PPoolRecord) record = link != NULL ? ppool_record_ref (link->data) : NULL;

      if (record == NULL)
        self->exit_due = FALSE;
      g_mutex_unlock (&self->gate->lock);

      if (record != NULL)
        send_call (self, channel, record);
      else
        ppool_channel_send_exit (channel);

      g_mutex_lock (&self->gate->lock);
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

PPoolOutbox *
ppool_outbox_new (PPoolGate       *gate,
                  PPoolOutboxFunc  room,
                  gpointer         owner)
{
  PPoolOutbox *self = g_atomic_rc_box_new0 (PPoolOutbox);

  self->gate = gate;
  self->room = room;
  self->owner = owner;
  self->in_flight = g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);

  return self;
}

static void
free_outbox (gpointer data)
{
  PPoolOutbox *self = data;

  g_assert (self->in_flight->len == 0);
  g_assert (self->channel == NULL);

  g_ptr_array_unref (self->in_flight);
}

void
ppool_outbox_unref (PPoolOutbox *self)
{
  g_atomic_rc_box_release_full (self, free_outbox);
}

void
ppool_outbox_open (PPoolOutbox  *self,
                   PPoolChannel *channel)
{
  self->channel = ppool_channel_ref (channel);
}

void
ppool_outbox_close (PPoolOutbox *self)
{
  g_clear_pointer (&self->channel, ppool_channel_unref);
}

/* Gives the worker a call. */
void
ppool_outbox_push (PPoolOutbox *self,
                   PPoolRecord *record)
{
  g_ptr_array_add (self->in_flight, ppool_record_ref (record));
  g_queue_push_tail_link (&self->unsent, ppool_record_get_link (record));
  mark_dirty (self);
}

/* Tells the worker to leave, after everything that was pushed. */
void
ppool_outbox_push_exit (PPoolOutbox *self)
{
  self->exit_due = TRUE;
  mark_dirty (self);
}

/* The call that the worker runs: (nullable) (transfer none). */
PPoolRecord *
ppool_outbox_peek (PPoolOutbox *self)
{
  return self->in_flight->len > 0 ? g_ptr_array_index (self->in_flight, 0) : NULL;
}

/* Moves all calls to @records: whatever the worker says of them is too late. */
void
ppool_outbox_take_all (PPoolOutbox *self,
                       GPtrArray   *records)
{
  for (guint i = 0; i < self->in_flight->len; i++)
    ppool_record_set_stage (g_ptr_array_index (self->in_flight, i), PPOOL_RECORD_OUT);

  while (g_queue_pop_head_link (&self->unsent) != NULL)
    ;
  g_ptr_array_extend_and_steal (records, g_ptr_array_ref (self->in_flight));
}

/* Settles a call with what the worker answered, and has the next one sent
 * first. A call that was taken away meanwhile is none of its business. */
void
ppool_outbox_settle (PPoolOutbox  *self,
                     guint64       id,
                     GVariant     *value,
                     const GError *error)
{
  g_autoptr (PPoolRecord) record = NULL;
  g_autoptr (PPoolFailure) failure = NULL;

  ppool_gate_enter (self->gate);
  record = take (self, id);
  if (record != NULL)
    self->room (self->owner);
  ppool_gate_leave (self->gate);

  if (record == NULL)
    return;

  if (value != NULL)
    ppool_record_settle_value (record, value);
  else
    {
      failure = ppool_failure_new (g_error_copy (error));
      ppool_record_settle_failure (record, failure);
    }
}
