/* ppool-outbox.c: calls on their way to one worker, and those it has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outbox-internal.h"

#define INVALID_STATE "it wrote an invalid state to its call board"

PPoolOutboxSlot *
ppool_outbox_get_slot (PPoolOutbox *self,
                       guint64      id)
{
  return &self->slots[ppool_board_get_place (id)];
}

/* (nullable): NULL if the call is not in flight. */
PPoolOutboxSlot *
ppool_outbox_find (PPoolOutbox *self,
                   guint64      id)
{
  PPoolOutboxSlot *slot = ppool_outbox_get_slot (self, id);

  return slot->record != NULL && ppool_record_get_id (slot->record) == id ? slot : NULL;
}

/* Takes a call out of those in flight: (transfer full). */
PPoolRecord *
ppool_outbox_empty_slot (PPoolOutbox     *self,
                         PPoolOutboxSlot *slot)
{
  g_queue_unlink (&self->in_flight, &slot->link);
  ppool_record_set_stage (slot->record, PPOOL_RECORD_OUT);

  if (slot->batch != PPOOL_OUTBOX_NO_BATCH && --self->n_unanswered[slot->batch] == 0 &&
      !g_queue_is_empty (&self->unsent))
    ppool_outbox_mark_dirty (self);

  return g_steal_pointer (&slot->record);
}

/* Ids rise, and each has its place to itself. */
static guint64
make_id (PPoolOutbox *self)
{
  g_assert (self->in_flight.length < G_N_ELEMENTS (self->slots));

  do
    self->last_id++;
  while (ppool_outbox_get_slot (self, self->last_id)->record != NULL);

  return self->last_id;
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
  g_queue_init (&self->in_flight);
  g_queue_init (&self->unsent);
  for (guint i = 0; i < G_N_ELEMENTS (self->slots); i++)
    self->slots[i].link.data = &self->slots[i];

  return self;
}

static void
free_outbox (gpointer data)
{
  PPoolOutbox *self = data;

  g_assert (g_queue_is_empty (&self->in_flight));
  g_assert (self->channel == NULL);

  g_clear_pointer (&self->board, ppool_board_free);
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

/* What the worker can do. Takes @board: with one, calls may be sent ahead. */
void
ppool_outbox_set_abilities (PPoolOutbox *self,
                            PPoolBoard  *board,
                            gboolean     has_frames)
{
  self->board = board;
  self->has_frames = has_frames;
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
  guint64 id = make_id (self);
  PPoolOutboxSlot *slot = ppool_outbox_get_slot (self, id);

  ppool_record_set_id (record, id);
  if (self->board != NULL)
    ppool_board_offer (self->board, id);

  slot->record = ppool_record_ref (record);
  slot->batch = PPOOL_OUTBOX_NO_BATCH;
  g_queue_push_tail_link (&self->in_flight, &slot->link);
  g_queue_push_tail_link (&self->unsent, ppool_record_get_link (record));
  ppool_outbox_mark_dirty (self);
}

/* Tells the worker to leave, after everything that was pushed. */
void
ppool_outbox_push_exit (PPoolOutbox *self)
{
  self->exit_due = TRUE;
  ppool_outbox_mark_dirty (self);
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
  if (word == PPOOL_BOARD_INVALID)
    self->funcs->violated (self->owner, INVALID_STATE);
  else if (word == PPOOL_BOARD_WITHDRAWN && self->channel != NULL && !self->has_frames)
    ppool_channel_forget_call (self->channel, id);

  return word == PPOOL_BOARD_WITHDRAWN;
}

static PPoolRecord *
recall_slot (PPoolOutbox *self,
             PPoolOutboxSlot        *slot)
{
  return take_back (self, slot->record) ? ppool_outbox_empty_slot (self, slot) : NULL;
}

/* Takes @record back, or the first call that waits behind another and can be if
 * that is NULL, unless the worker has taken it: (nullable) (transfer full). The
 * one that is the worker's next goes last, or those behind it would overtake it. */
PPoolRecord *
ppool_outbox_recall (PPoolOutbox *self,
                     PPoolRecord *record)
{
  PPoolRecord *recalled = NULL;
  GList *head = self->in_flight.head;

  if (record != NULL)
    {
      PPoolOutboxSlot *slot = ppool_outbox_find (self, ppool_record_get_id (record));

      return slot != NULL && slot->record == record ? recall_slot (self, slot) : NULL;
    }

  for (GList *link = head != NULL ? head->next : NULL; link != NULL && recalled == NULL;)
    {
      GList *next = link->next;

      recalled = recall_slot (self, link->data);
      link = next;
    }

  return recalled != NULL || head == NULL ? recalled : recall_slot (self, head->data);
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

/* Since when the worker has run what it runs, by its own word, or 0. It takes its
 * calls in their order, so what is behind one that it hasn't taken tells nothing. */
gint64
ppool_outbox_get_since (PPoolOutbox *self)
{
  for (GList *link = self->in_flight.head; link != NULL && self->board != NULL; link = link->next)
    {
      const PPoolOutboxSlot *slot = link->data;
      PPoolBoardTimes times;
      PPoolBoardWord word =
        ppool_board_look (self->board, ppool_record_get_id (slot->record), &times);

      if (word != PPOOL_BOARD_DONE)
        return word == PPOOL_BOARD_TAKEN ? times.taken : 0;
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
  for (GList *link = self->in_flight.head; link != NULL; link = link->next)
    {
      PPoolRecord *record = ((PPoolOutboxSlot *) link->data)->record;
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
  GList *link;

  self->emptied = TRUE;
  while (g_queue_pop_head_link (&self->unsent) != NULL)
    ;

  while ((link = self->in_flight.head) != NULL)
    {
      PPoolOutboxSlot *slot = link->data;
      gint64 since;

      if (ppool_outbox_is_running (self, slot->record, &since))
        ppool_record_start (slot->record, pid, since);
      g_ptr_array_add (records, ppool_outbox_empty_slot (self, slot));
    }
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

/* A call that was answered, between gate and settling. */
typedef struct
{
  PPoolRecord *record; /* (owned) (nullable) */
  gint64 taken;
} Answered;

/* Within the gate. */
static gboolean
take_answered (PPoolOutbox       *self,
               const PPoolResult *result,
               Answered          *answered)
{
  PPoolOutboxSlot *slot = ppool_outbox_find (self, result->id);
  gint64 nsec;

  if (slot == NULL)
    {
      if (!self->emptied)
        self->funcs->violated (self->owner, "it answered a call that it was not given");
      return self->emptied;
    }

  if (!check_board (self, result->id, &answered->taken, &nsec))
    {
      self->funcs->violated (self->owner, INVALID_STATE);
      return FALSE;
    }

  answered->record = ppool_outbox_empty_slot (self, slot);
  self->funcs->answered (self->owner, answered->record, nsec);
  return TRUE;
}

static void
settle_answered (const Answered    *answered,
                 const PPoolResult *result,
                 guint              pid)
{
  g_autoptr (PPoolFailure) failure = NULL;

  if (result->error != NULL)
    failure = ppool_failure_new (g_error_copy (result->error));

  ppool_record_settle_result (answered->record, pid, answered->taken, result->value, failure);
}

/* Settles calls with what the worker, @pid, answered, and has the next ones sent
 * first. Those that were taken away meanwhile are none of its business. */
void
ppool_outbox_settle (PPoolOutbox       *self,
                     guint              pid,
                     const PPoolResult *results,
                     guint              n_results)
{
  g_autofree Answered *answered = g_new0 (Answered, n_results);
  gboolean good = TRUE;

  ppool_gate_enter (self->gate);
  for (guint i = 0; i < n_results && good; i++)
    good = take_answered (self, &results[i], &answered[i]);
  self->funcs->refill (self->owner);
  ppool_gate_leave (self->gate);

  for (guint i = 0; i < n_results; i++)
    if (answered[i].record != NULL)
      {
        settle_answered (&answered[i], &results[i], pid);
        ppool_record_unref (answered[i].record);
      }
}
