/* ppool-outbox-look.c: what a worker has made of its calls
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-outbox-internal.h"

/* With the lock held. A board says what a worker has taken and done; without one it has taken
 * all that it was sent. */

/* (nullable): NULL if the call is not in flight. */
PPoolRecord *
ppool_outbox_find_call (PPoolOutbox *self,
                        guint64      id)
{
  PPoolRecord *record = self->places[PPOOL_BOARD_PLACE (id)];

  return record != NULL && record->id == id ? record : NULL;
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
    word = ppool_board_look (self->board, record->id, &times);
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
      const PPoolRecord *record = link->data;
      PPoolBoardTimes times;
      PPoolBoardWord word = ppool_board_look (self->board, record->id, &times);

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
      PPoolRecord *record = link->data;
      PPoolBoardWord word = PPOOL_BOARD_TAKEN;

      if (self->board != NULL)
        word = ppool_board_look (self->board, record->id, NULL);
      if (word == PPOOL_BOARD_TAKEN)
        return record;
      if (word == PPOOL_BOARD_DONE)
        done = record;
    }

  *is_done = done != NULL;
  return done;
}

/* What the worker has made of a call. Without a board it has taken all that it was sent. */
PPoolBoardWord
ppool_outbox_look_at (PPoolOutbox     *self,
                      PPoolRecord     *record,
                      PPoolBoardTimes *times)
{
  PPoolBoardWord word;

  if (self->board == NULL)
    return record->stage == PPOOL_RECORD_SENT ? PPOOL_BOARD_TAKEN : PPOOL_BOARD_OFFERED;

  /* A worker that has spoilt its board must not run for ever. */
  word = ppool_board_look (self->board, record->id, times);
  return word == PPOOL_BOARD_INVALID ? PPOOL_BOARD_TAKEN : word;
}

/* Whether a call was not answered, and is not about to be. */
gboolean
ppool_outbox_still_runs (PPoolOutbox *self,
                         PPoolRecord *record)
{
  return ppool_outbox_find_call (self, record->id) == record &&
         ppool_outbox_look_at (self, record, NULL) == PPOOL_BOARD_TAKEN;
}

/* Has the worker answer a call no more. Returns: FALSE if it was answered already, or is about
 * to be. */
gboolean
ppool_outbox_revoke (PPoolOutbox *self,
                     PPoolRecord *record)
{
  return ppool_outbox_still_runs (self, record) &&
         (self->board == NULL || ppool_board_revoke (self->board, record->id));
}

/* The first call that was to end, and still runs: (nullable) (transfer none). */
PPoolRecord *
ppool_outbox_find_ending (PPoolOutbox *self)
{
  for (GList *link = self->in_flight.head; link != NULL; link = link->next)
    {
      PPoolRecord *record = link->data;

      if (record->ending != PPOOL_RECORD_NOT_ENDED &&
          ppool_outbox_look_at (self, record, NULL) == PPOOL_BOARD_TAKEN)
        return record;
    }

  return NULL;
}

/* When the worker took a call. It writes the time just after it has taken it, so what was not
 * written yet, or can't be, is when that was seen. */
static gint64
find_taken_time (PPoolOutbox *self,
                 PPoolRecord *record,
                 gint64       taken,
                 gint64       now)
{
  if (self->board == NULL)
    return record->extra->pushed_time;
  if (taken >= record->extra->pushed_time)
    return taken;
  if (record->extra->seen_time == 0)
    ppool_record_need_extra (record)->seen_time = now;

  return record->extra->seen_time;
}

/* A call that has run for longer than it may: (nullable) (transfer none). If there is none,
 * @due is when there may be one, or 0. */
PPoolRecord *
ppool_outbox_find_overdue (PPoolOutbox *self,
                           gint64       now,
                           gint64      *due)
{
  *due = 0;
  for (GList *link = self->in_flight.head; link != NULL; link = link->next)
    {
      PPoolRecord *record = link->data;
      PPoolBoardTimes times = { 0 };
      PPoolBoardWord word;
      gint64 limit = now;

      if (record->extra->timeout_msec < 0 || record->ending != PPOOL_RECORD_NOT_ENDED)
        continue;

      word = ppool_outbox_look_at (self, record, &times);
      if (word != PPOOL_BOARD_TAKEN && word != PPOOL_BOARD_OFFERED)
        continue;

      if (word == PPOOL_BOARD_TAKEN)
        limit = find_taken_time (self, record, times.taken, now);
      limit += record->extra->timeout_msec * G_TIME_SPAN_MILLISECOND;
      if (limit <= now && word == PPOOL_BOARD_TAKEN)
        return record;
      *due = *due == 0 ? limit : MIN (*due, limit);
    }

  return NULL;
}
