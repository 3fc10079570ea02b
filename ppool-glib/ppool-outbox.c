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
  const PPoolOutboxFuncs *funcs;
  gpointer owner; /* (unowned): is called only while a call is in flight */

  PPoolChannel *channel; /* (owned) (nullable): NULL before and after its time */
  PPoolBoard *board;     /* (owned) (nullable): NULL if the worker has none */
  guint64 last_id;       /* ids of calls are this connection's own */
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
          return g_ptr_array_steal_index (self->in_flight, i);
        }
    }

  return NULL;
}

/* A place of the board can be any call's that has none in flight. */
static guint64
make_id (PPoolOutbox *self)
{
  gboolean taken;

  do
    {
      self->last_id++;
      taken = FALSE;
      for (guint i = 0; i < self->in_flight->len && !taken; i++)
        taken = ppool_board_shares (self->last_id, ppool_record_get_id (g_ptr_array_index (
                                                     self->in_flight, i)));
    }
  while (taken);

  return self->last_id;
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
    self->funcs->answered (self->owner, record, -1);
  g_mutex_unlock (&self->gate->lock);

  if (record != NULL)
    ppool_record_settle_failure (record, failure);
}

static void
send_call (PPoolOutbox  *self,
           PPoolChannel *channel,
           PPoolRecord  *record,
           guint64       id)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (record);
  const char *function = ppool_record_get_function (record);
  GError *error = NULL;

  if (args == NULL || ppool_channel_send_call (channel, id, function, args, &error))
    return;

  g_prefix_error (&error, "The arguments of “%s”: ", function);
  fail_call (self, id, error);
}

static gboolean
is_in_flight (PPoolOutbox *self,
              guint64      id)
{
  for (guint i = 0; i < self->in_flight->len; i++)
    if (ppool_record_get_id (g_ptr_array_index (self->in_flight, i)) == id)
      return TRUE;

  return FALSE;
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

      guint64 id = 0;

      if (record != NULL)
        {
          id = ppool_record_get_id (record);
          ppool_record_set_stage (record, PPOOL_RECORD_SENT);
        }
      else
        self->exit_due = FALSE;
      g_mutex_unlock (&self->gate->lock);

      if (record != NULL)
        send_call (self, channel, record, id);
      else
        ppool_channel_send_exit (channel);

      g_mutex_lock (&self->gate->lock);

      /* It may have been taken back before it was on its way. */
      if (record != NULL && !is_in_flight (self, id))
        ppool_channel_forget_call (channel, id);
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
ppool_outbox_new (PPoolGate              *gate,
                  const PPoolOutboxFuncs *funcs,
                  gpointer                owner)
{
  PPoolOutbox *self = g_atomic_rc_box_new0 (PPoolOutbox);

  self->gate = gate;
  self->funcs = funcs;
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

  g_clear_pointer (&self->board, ppool_board_free);
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

/* Takes @board: calls may be sent ahead from now on. */
void
ppool_outbox_set_board (PPoolOutbox *self,
                        PPoolBoard  *board)
{
  self->board = board;
}

gboolean
ppool_outbox_has_board (PPoolOutbox *self)
{
  return self->board != NULL;
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
  ppool_record_set_id (record, make_id (self));
  if (self->board != NULL)
    ppool_board_offer (self->board, ppool_record_get_id (record));

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

static gboolean
take_back (PPoolOutbox *self,
           PPoolRecord *record)
{
  guint64 id = ppool_record_get_id (record);
  PPoolBoardWord word;

  if (ppool_record_get_stage (record) == PPOOL_RECORD_ASSIGNED)
    {
      g_queue_unlink (&self->unsent, ppool_record_get_link (record));
      return TRUE;
    }

  if (self->board == NULL)
    return FALSE;

  word = ppool_board_withdraw (self->board, id);
  if (word == PPOOL_BOARD_SCRIBBLED)
    self->funcs->violated (self->owner);
  else if (word == PPOOL_BOARD_WITHDRAWN && self->channel != NULL)
    ppool_channel_forget_call (self->channel, id);

  return word == PPOOL_BOARD_WITHDRAWN;
}

/* Takes @record back, or the first call that waits behind another and can be if
 * that is NULL, unless the worker has taken it: (nullable) (transfer full). The
 * one that is the worker's next goes last, or those behind it would overtake it. */
PPoolRecord *
ppool_outbox_recall (PPoolOutbox *self,
                     PPoolRecord *record)
{
  guint n = self->in_flight->len;

  for (guint i = 1; i <= n; i++)
    {
      PPoolRecord *candidate = g_ptr_array_index (self->in_flight, i % n);

      if ((record == NULL || record == candidate) && take_back (self, candidate))
        {
          ppool_record_set_stage (candidate, PPOOL_RECORD_OUT);
          return g_ptr_array_steal_index (self->in_flight, i % n);
        }
    }

  return NULL;
}

/* Tells whether the worker has taken a call, and since when, or 0. */
gboolean
ppool_outbox_is_running (PPoolOutbox *self,
                         PPoolRecord *record,
                         gint64      *since)
{
  PPoolBoardTimes times = { 0 };
  PPoolBoardWord word = PPOOL_BOARD_TAKEN;

  if (self->board != NULL)
    word = ppool_board_look (self->board, ppool_record_get_id (record), &times);
  *since = times.taken;

  return word == PPOOL_BOARD_TAKEN || word == PPOOL_BOARD_DONE;
}

/* Since when the worker has run what it runs, by its own word, or 0. */
gint64
ppool_outbox_get_since (PPoolOutbox *self)
{
  for (guint i = 0; i < self->in_flight->len && self->board != NULL; i++)
    {
      guint64 id = ppool_record_get_id (g_ptr_array_index (self->in_flight, i));
      PPoolBoardTimes times;

      if (ppool_board_look (self->board, id, &times) == PPOOL_BOARD_TAKEN)
        return times.taken;
    }

  return 0;
}

/* The call that the worker runs, or if it runs none, one that it has answered
 * although the answer never came: (nullable) (transfer none). */
PPoolRecord *
ppool_outbox_peek (PPoolOutbox *self,
                   gboolean    *is_done)
{
  PPoolRecord *done = NULL;

  *is_done = FALSE;
  for (guint i = 0; i < self->in_flight->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (self->in_flight, i);
      PPoolBoardWord word = PPOOL_BOARD_TAKEN;

      if (self->board != NULL)
        word = ppool_board_look (self->board, ppool_record_get_id (record), NULL);
      if (word == PPOOL_BOARD_TAKEN)
        return record;
      if (word == PPOOL_BOARD_DONE)
        done = record;
    }

  *is_done = done != NULL;
  return done;
}

/* Moves all calls to @records: whatever the worker, @pid, says of them is too
 * late. */
void
ppool_outbox_take_all (PPoolOutbox *self,
                       guint        pid,
                       GPtrArray   *records)
{
  for (guint i = 0; i < self->in_flight->len; i++)
    {
      PPoolRecord *record = g_ptr_array_index (self->in_flight, i);
      gint64 since;

      if (ppool_outbox_is_running (self, record, &since))
        ppool_record_start (record, pid, since);
      ppool_record_set_stage (record, PPOOL_RECORD_OUT);
    }

  while (g_queue_pop_head_link (&self->unsent) != NULL)
    ;
  g_ptr_array_extend_and_steal (records, g_ptr_array_ref (self->in_flight));
}

/* What the board says of a call that was answered. Times are the worker's word,
 * good for nothing but a guess. */
static gboolean
check_board (PPoolOutbox *self,
             guint64      id,
             gint64      *taken,
             gint64      *nsec)
{
  PPoolBoardTimes times = { 0 };

  *taken = 0;
  *nsec = -1;
  if (self->board == NULL)
    return TRUE;

  if (ppool_board_look (self->board, id, &times) != PPOOL_BOARD_DONE)
    return FALSE;

  *taken = times.taken;
  if (times.taken > 0 && times.done >= times.taken)
    *nsec = (times.done - times.taken) * 1000;

  return TRUE;
}

/* Settles a call with what the worker answered, and has the next one sent
 * first. A call that was taken away meanwhile is none of its business. */
void
ppool_outbox_settle (PPoolOutbox  *self,
                     guint64       id,
                     guint         pid,
                     GVariant     *value,
                     const GError *error)
{
  g_autoptr (PPoolRecord) record = NULL;
  g_autoptr (PPoolFailure) failure = NULL;
  gint64 taken = 0;
  gint64 nsec = -1;

  ppool_gate_enter (self->gate);
  if (!check_board (self, id, &taken, &nsec) && is_in_flight (self, id))
    self->funcs->violated (self->owner);
  else
    record = take (self, id);
  if (record != NULL)
    self->funcs->answered (self->owner, record, nsec);
  ppool_gate_leave (self->gate);

  if (record == NULL)
    return;

  ppool_record_start (record, pid, taken);
  if (value != NULL)
    ppool_record_settle_value (record, value);
  else
    {
      failure = ppool_failure_new (g_error_copy (error));
      ppool_record_settle_failure (record, failure);
    }
}
