/* ppool-outbox.c: calls on their way to one worker, and those it has
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

#define INVALID_STATE "it wrote an invalid state to its call board"

/* Each call that a worker has takes a place on its board. */
G_STATIC_ASSERT (PPOOL_SCHEDULER_MAX_CALLS <= PPOOL_BOARD_SIZE);

/* All that a worker has may leave at once, and be answered so. */
G_STATIC_ASSERT (PPOOL_FRAME_MAX_ITEMS >= PPOOL_BOARD_SIZE);

static void
mark_dirty (PPoolOutbox *self)
{
  if (ppool_lock_add_sender (self->lock, &self->sender))
    g_atomic_rc_box_acquire (self);
}

/* Takes a call out of those in flight: (transfer full). */
static PPoolRecord *
end_flight (PPoolOutbox *self,
            PPoolRecord *record)
{
  if (self->unsent == &record->link)
    self->unsent = record->link.next;
  g_queue_unlink (&self->in_flight, &record->link);
  record->stage = PPOOL_RECORD_OUT;
  self->places[PPOOL_BOARD_PLACE (record->id)] = NULL;

  if (record->batch != NO_BATCH && --self->n_unanswered[record->batch] == 0 && self->unsent != NULL)
    mark_dirty (self);

  return record;
}

/* Sending, without the lock */

/* A call that can't be sent fails alone. */
static void
fail_call (PPoolOutbox *self,
           const Item  *item,
           GError      *error)
{
  g_autoptr (PPoolFailure) failure = NULL;
  g_autoptr (PPoolRecord) record = NULL;

  g_prefix_error (&error, "The arguments of “%s”: ", item->record->outcome.spec->function);
  failure = ppool_failure_new (error);

  g_mutex_lock (&self->lock->mutex);
  record = ppool_outbox_find_call (self, item->id);
  if (record != NULL)
    {
      end_flight (self, record);
      ppool_scheduler_slot_answered (self->scheduler, self->slot, record, -1);
      ppool_scheduler_slot_refill (self->scheduler, self->slot);
    }
  g_mutex_unlock (&self->lock->mutex);

  if (record != NULL)
    ppool_outcome_settle_failure (&record->outcome, failure);
}

static void
send_call (PPoolOutbox  *self,
           PPoolChannel *channel,
           const Item   *item)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (item->record);
  GError *error = NULL;

  if (args != NULL &&
      !ppool_channel_send_call (channel, item->id, item->record->outcome.spec->function, args,
                                &item->options, &error))
    fail_call (self, item, error);
}

/* Most calls have the same options as the one before, and to make a dictionary takes long beside
 * all else: (nullable) (transfer none) */
static GVariant *
pack_options (PPoolOutbox            *self,
              const PPoolCallOptions *options)
{
  if (self->packed == NULL || self->packed_options.timeout_msec != options->timeout_msec ||
      self->packed_options.attempt != options->attempt)
    {
      GVariant *packed = ppool_protocol_pack_options (options);

      if (packed == NULL)
        return NULL;

      g_clear_pointer (&self->packed, g_variant_unref);
      self->packed = g_variant_ref_sink (packed);
      self->packed_options = *options;
    }

  return self->packed;
}

/* A call whose arguments are large, and can't be lent, travels alone. */
static void
add_to_frame (PPoolOutbox   *self,
              PPoolChannel  *channel,
              PPoolLender   *lender,
              GByteArray   **frame,
              const Item    *item)
{
  g_autoptr (GVariant) args = ppool_record_ref_args (item->record);
  GVariant *options = pack_options (self, &item->options);
  const char *function = item->record->outcome.spec->function;
  GError *error = NULL;
  guint length;

  if (args == NULL)
    return;

  if ((*frame)->len > 0 &&
      (*frame)->len + ppool_frame_bound (function, args, lender) > PPOOL_FRAME_SIZE)
    {
      ppool_channel_send_frame (channel, *frame);
      *frame = g_byte_array_new ();
    }

  length = (*frame)->len;
  if ((options == NULL ||
       ppool_frame_append (*frame, PPOOL_ITEM_OPTIONS, item->id, "", options, NULL, &error)) &&
      ppool_frame_append (*frame, PPOOL_ITEM_CALL, item->id, function, args, lender, &error))
    return;

  g_byte_array_set_size (*frame, length);
  /* Nothing is lent on a channel that is closed. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    g_error_free (error);
  else
    fail_call (self, item, error);
}

/* Notes go first, so that what is given back can be used for the answers, and are made
 * last: to copy large arguments takes a while. */
static void
send_batch (PPoolOutbox  *self,
            PPoolChannel *channel,
            guint         n)
{
  GByteArray *frame = g_byte_array_new ();
  PPoolLoans *loans = ppool_channel_get_loans (channel);

  for (guint i = 0; i < n; i++)
    add_to_frame (self, channel, loans != NULL ? loans->lender : NULL, &frame, &self->items[i]);
  if (loans != NULL)
    ppool_loans_prepend_notes (loans, frame);

  if (frame->len > 0)
    ppool_channel_send_frame (channel, frame);
  else
    g_byte_array_unref (frame);
}

/* The batch that calls may leave with now, or NO_BATCH. */
static guint
find_batch (PPoolOutbox *self)
{
  guint batch = 0;

  while (batch < N_BATCHES && self->n_unanswered[batch] > 0)
    batch++;

  return batch;
}

/* What a worker is told that wants to know. */
static PPoolCallOptions
get_options (PPoolOutbox       *self,
             const PPoolRecord *record)
{
  PPoolCallOptions options = PPOOL_CALL_OPTIONS_NONE;

  if (self->has_options || !self->has_frames)
    options = (PPoolCallOptions) { record->extra->timeout_msec, record->extra->n_deaths + 1 };

  return options;
}

/* Takes what can be sent now. Without frames, a message is a call. */
static guint
take_items (PPoolOutbox *self)
{
  guint batch = NO_BATCH;
  guint most = 1;
  guint n = 0;

  if (self->has_frames)
    {
      batch = find_batch (self);
      most = batch != NO_BATCH ? G_N_ELEMENTS (self->items) : 0;
    }

  for (; n < most && self->unsent != NULL; self->unsent = self->unsent->next)
    {
      PPoolRecord *record = ppool_record_ref (self->unsent->data);

      record->stage = PPOOL_RECORD_SENT;
      record->batch = batch;
      self->items[n++] = (Item) { record, record->id, get_options (self, record) };
    }

  if (batch != NO_BATCH)
    self->n_unanswered[batch] = n;

  return n;
}

/* Without the lock: a call that was answered meanwhile may end with its record. */
static void
drop_items (PPoolOutbox *self,
            guint        n)
{
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&self->items[i].record, ppool_record_unref);
}

/* A call may have been taken back before it was on its way. */
static void
forget_items (PPoolOutbox  *self,
              PPoolChannel *channel,
              guint         n)
{
  for (guint i = 0; i < n && !self->has_frames; i++)
    if (ppool_outbox_find_call (self, self->items[i].id) == NULL)
      ppool_channel_forget_call (channel, self->items[i].id);
}

/* What one turn sends, in this order. */
typedef struct
{
  guint n_calls;
  gboolean notes; /* or without calls */
  guint64 cancel_id; /* or 0 */
  gboolean exit;
} Turn;

static gboolean
begin_turn (PPoolOutbox *self,
            Turn        *turn)
{
  turn->n_calls = take_items (self);
  turn->notes = turn->n_calls == 0 && self->notes_due;
  turn->exit = self->exit_due && turn->n_calls == 0 && self->unsent == NULL;

  turn->cancel_id = self->cancel_id;

  self->cancel_id = 0;
  self->notes_due = FALSE;
  if (turn->exit)
    self->exit_due = FALSE;

  return turn->n_calls > 0 || turn->notes || turn->cancel_id != 0 || turn->exit;
}

static void
send_turn (PPoolOutbox  *self,
           PPoolChannel *channel,
           const Turn   *turn)
{
  if (turn->n_calls > 0 && !self->has_frames)
    send_call (self, channel, &self->items[0]);
  else if (turn->n_calls > 0 || turn->notes)
    send_batch (self, channel, turn->n_calls);

  if (turn->cancel_id != 0)
    ppool_channel_send_cancel (channel, turn->cancel_id);
  if (turn->exit)
    ppool_channel_send_exit (channel);
}

/* What was pushed is sent, by this thread or by the one that is at it. Enters with the lock
 * held and leaves without it. */
static void
send_cb (gpointer owner)
{
  g_autoptr (PPoolOutbox) self = owner;
  g_autoptr (PPoolChannel) channel = NULL;
  gboolean is_mine = !self->flushing;
  Turn turn;

  while (is_mine && self->channel != NULL && begin_turn (self, &turn))
    {
      self->flushing = TRUE;
      if (channel == NULL)
        channel = ppool_channel_ref (self->channel);
      g_mutex_unlock (&self->lock->mutex);

      send_turn (self, channel, &turn);
      drop_items (self, turn.n_calls);

      g_mutex_lock (&self->lock->mutex);
      forget_items (self, channel, turn.n_calls);
    }

  if (is_mine)
    self->flushing = FALSE;
  g_mutex_unlock (&self->lock->mutex);
}

/* With the lock held, for the owner */

/* Ids rise, and each has its place to itself. */
static guint64
make_id (PPoolOutbox *self)
{
  g_assert (self->in_flight.length < G_N_ELEMENTS (self->places));

  do
    self->last_id++;
  while (self->places[PPOOL_BOARD_PLACE (self->last_id)] != NULL);

  return self->last_id;
}

PPoolOutbox *
ppool_outbox_new (PPoolLock      *lock,
                  PPoolScheduler *scheduler,
                  PPoolSlot      *slot)
{
  PPoolOutbox *self = g_atomic_rc_box_new0 (PPoolOutbox);

  self->lock = lock;
  self->sender = (PPoolSender){ .send = send_cb, .owner = self };
  self->scheduler = scheduler;
  self->slot = slot;
  g_queue_init (&self->in_flight);

  return self;
}

static void
free_outbox (gpointer data)
{
  PPoolOutbox *self = data;

  g_assert (g_queue_is_empty (&self->in_flight));
  g_assert (self->channel == NULL);

  g_clear_pointer (&self->board, ppool_board_free);
  g_clear_pointer (&self->packed, g_variant_unref);
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
                            gboolean     has_frames,
                            gboolean     has_cancel,
                            gboolean     has_options)
{
  self->board = board;
  self->has_frames = has_frames;
  self->has_cancel = has_cancel;
  self->has_options = has_options;
}

void
ppool_outbox_close (PPoolOutbox *self)
{
  g_clear_pointer (&self->channel, ppool_channel_unref);
}

/* Gives the worker, @pid, a call: (transfer full). */
void
ppool_outbox_push (PPoolOutbox *self,
                   PPoolRecord *record,
                   guint        pid)
{
  record->id = make_id (self);
  /* Who has no board takes a call as soon as it is sent. */
  if (self->board != NULL)
    ppool_board_offer (self->board, record->id);
  else
    ppool_outcome_start (&record->outcome, pid, 0);

  self->places[PPOOL_BOARD_PLACE (record->id)] = record;
  record->batch = NO_BATCH;
  g_queue_push_tail_link (&self->in_flight, &record->link);
  if (self->unsent == NULL)
    self->unsent = &record->link;
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
take_back (PPoolOutbox  *self,
           PPoolRecord  *record,
           const char  **violation)
{
  guint64 id = record->id;
  PPoolBoardWord word;

  if (record->stage == PPOOL_RECORD_ASSIGNED)
    return TRUE;

  if (self->board == NULL)
    return FALSE;

  word = ppool_board_withdraw (self->board, id);
  if (word == PPOOL_BOARD_INVALID)
    *violation = INVALID_STATE;
  else if (word == PPOOL_BOARD_WITHDRAWN && self->channel != NULL && !self->has_frames)
    ppool_channel_forget_call (self->channel, id);

  return word == PPOOL_BOARD_WITHDRAWN;
}

static PPoolRecord *
recall (PPoolOutbox  *self,
        PPoolRecord  *record,
        const char  **violation)
{
  return take_back (self, record, violation) ? end_flight (self, record) : NULL;
}

/* Takes @record back, or the first call that waits behind another and can be if
 * that is NULL, unless the worker has taken it: (nullable) (transfer full). The
 * one that is the worker's next goes last, or those behind it would overtake it.
 * What the worker did that can't be is left in @violation. */
PPoolRecord *
ppool_outbox_recall (PPoolOutbox  *self,
                     PPoolRecord  *record,
                     const char  **violation)
{
  PPoolRecord *recalled = NULL;
  GList *head = self->in_flight.head;

  if (record != NULL)
    return ppool_outbox_find_call (self, record->id) == record ?
             recall (self, record, violation) : NULL;

  for (GList *link = head != NULL ? head->next : NULL; link != NULL && recalled == NULL;)
    {
      GList *next = link->next;

      recalled = recall (self, link->data, violation);
      link = next;
    }

  return recalled != NULL || head == NULL ? recalled : recall (self, head->data, violation);
}

gboolean
ppool_outbox_can_cancel (PPoolOutbox *self)
{
  return self->has_cancel;
}

/* Asks the worker to end a call. */
void
ppool_outbox_push_cancel (PPoolOutbox *self,
                          PPoolRecord *record)
{
  if (!self->has_cancel)
    return;

  self->cancel_id = record->id;
  mark_dirty (self);
}

gboolean
ppool_outbox_is_empty (PPoolOutbox *self)
{
  return g_queue_is_empty (&self->in_flight);
}

/* Moves all calls to where they belong, by what worker @pid has made of them: whatever it
 * says of them from now on is too late. */
void
ppool_outbox_take_all (PPoolOutbox *self,
                       guint        pid,
                       GPtrArray   *untaken,
                       GPtrArray   *taken,
                       GPtrArray   *done)
{
  GList *link;

  self->emptied = TRUE;
  while ((link = self->in_flight.head) != NULL)
    {
      PPoolRecord *record = link->data;
      PPoolBoardTimes times = { 0 };
      PPoolBoardWord word = ppool_outbox_look_at (self, record, &times);
      GPtrArray *records = untaken;

      if (word == PPOOL_BOARD_TAKEN || word == PPOOL_BOARD_DONE)
        {
          ppool_outcome_start (&record->outcome, pid, times.taken);
          records = word == PPOOL_BOARD_DONE ? done : taken;
        }
      g_ptr_array_add (records, end_flight (self, record));
    }
}

/* Without the lock */

/* Has the channel's notes sent, with calls or without. */
void
ppool_outbox_send_notes (PPoolOutbox *self)
{
  ppool_lock_enter (self->lock);
  if (self->channel != NULL)
    {
      self->notes_due = TRUE;
      mark_dirty (self);
    }
  ppool_lock_leave (self->lock);
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

/* A call that was answered, between lock and settling. */
typedef struct
{
  PPoolRecord *record; /* (owned) (nullable) */
  PPoolRecordEnding ending;
  gint64 taken;
} Answered;

/* With the lock held. Returns: (nullable): what the worker did that can't be */
static const char *
take_answered (PPoolOutbox       *self,
               const PPoolResult *result,
               Answered          *answered)
{
  PPoolRecord *record = ppool_outbox_find_call (self, result->id);
  gint64 nsec;

  if (record == NULL)
    return self->emptied ? NULL : "it answered a call that it was not given";

  if (!check_board (self, result->id, &answered->taken, &nsec))
    return INVALID_STATE;

  answered->ending = record->ending;
  answered->record = end_flight (self, record);
  ppool_scheduler_slot_answered (self->scheduler, self->slot, answered->record, nsec);
  return NULL;
}

/* A call that was to end gives its value, or else has ended. */
static void
settle_answered (const Answered    *answered,
                 const PPoolResult *result,
                 guint              pid)
{
  PPoolRecord *record = answered->record;
  g_autoptr (PPoolFailure) failure = NULL;

  if (result->error != NULL && answered->ending != PPOOL_RECORD_NOT_ENDED)
    {
      ppool_outcome_start (&record->outcome, pid, answered->taken);
      ppool_record_settle_ended (record, answered->ending, result->error->message);
      return;
    }

  if (result->error != NULL)
    failure = ppool_failure_new (g_error_copy (result->error));

  ppool_outcome_settle_result (&record->outcome, pid, answered->taken, result->value, failure);
}

/* Settles calls with what the worker, @pid, answered, and has the next ones sent
 * first. Those that were taken away meanwhile are none of its business.
 * Returns: (nullable): what the worker did that can't be */
const char *
ppool_outbox_settle (PPoolOutbox       *self,
                     guint              pid,
                     const PPoolResult *results,
                     guint              n_results)
{
  g_autofree Answered *answered = g_new0 (Answered, n_results);
  const char *violation = NULL;

  ppool_lock_enter (self->lock);
  for (guint i = 0; i < n_results && violation == NULL; i++)
    violation = take_answered (self, &results[i], &answered[i]);
  ppool_scheduler_slot_refill (self->scheduler, self->slot);
  ppool_lock_leave (self->lock);

  for (guint i = 0; i < n_results; i++)
    if (answered[i].record != NULL)
      {
        settle_answered (&answered[i], &results[i], pid);
        ppool_record_unref (answered[i].record);
      }

  return violation;
}
