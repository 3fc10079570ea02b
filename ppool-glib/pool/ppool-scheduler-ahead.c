/* ppool-scheduler-ahead.c: calls for workers that are busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-scheduler-internal.h"

/* A worker that answers has to wait for its next call, unless it has that
 * already. So workers that are busy are sent a little more, of functions that
 * were measured and are short, as far as it can be taken back: a worker that is
 * idle gets it then, and so does the queue when a call turns out to be long.
 *
 * To wake a worker takes longer than to run a few very short calls. So those go to
 * one that runs already also while others are idle. And as many workers as there are
 * processors do trivial ones faster than the pool can send them: more of them would
 * only be in each other's way. */

/* How much work a worker may have altogether when more is sent ahead. */
#define AHEAD_NSEC (250 * 1000)

/* How much it may have when more is sent although another worker is idle. */
#define NEAR_NSEC (50 * 1000)

/* How large the arguments of all its calls may be then, in bytes. */
#define AHEAD_BYTES ((gsize) 1024 * 1024)

/* When a worker that was thought to be done soon counts as stuck. */
#define STUCK_USEC 2000

/* When one counts as stuck that was given calls and has taken none of them: it was
 * stopped, or its main loop does something else. */
#define UNTAKEN_USEC (50 * 1000)

static gboolean
has_room (PPoolScheduler *self,
          PPoolSeat      *seat,
          PPoolRecord    *record,
          gint64          bound)
{
  return seat->takes_ahead && !seat->is_stuck && seat->n_calls < PPOOL_SCHEDULER_MAX_CALLS &&
         seat->expected + ppool_estimate_get (ppool_record_get_plan (record)->estimate) <= bound &&
         seat->n_bytes + ppool_record_get_plan (record)->size <= AHEAD_BYTES &&
         (self->max_tasks == 0 || seat->n_tasks < self->max_tasks);
}

/* The worker that has the least to do, if it has room: (nullable). @limit is when
 * the next one has less. */
static PPoolSeat *
find_room (PPoolScheduler *self,
           PPoolRecord    *record,
           gint64          bound,
           gint64         *limit)
{
  PPoolSeat *best = NULL;

  *limit = bound;
  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSeat *seat = link->data;

      if (!has_room (self, seat, record, bound))
        continue;

      if (best == NULL || seat->expected < best->expected)
        {
          if (best != NULL)
            *limit = best->expected;
          best = seat;
        }
      else
        *limit = MIN (*limit, seat->expected);
    }

  return best;
}

/* Whether as many workers do short work as are of use for trivial calls. */
static gboolean
is_crowded (PPoolScheduler *self)
{
  guint n = 0;

  if (self->n_processors == 0 || self->seats[PPOOL_SEAT_BUSY].length < self->n_processors)
    return FALSE;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL && n < self->n_processors;
       link = link->next)
    {
      PPoolSeat *seat = link->data;

      n += seat->takes_ahead && !seat->is_stuck && seat->expected <= AHEAD_NSEC;
    }

  return n >= self->n_processors;
}

/* The idle worker that gets @record if no other has room: (nullable). */
static PPoolSeat *
find_idle (PPoolScheduler *self,
           PPoolRecord    *record)
{
  PPoolSeat *idle = g_queue_peek_head (&self->seats[PPOOL_SEAT_IDLE]);

  if (idle != NULL && ppool_estimate_is_trivial (ppool_record_get_plan (record)->estimate) &&
      is_crowded (self))
    return NULL;

  return idle;
}

/* Of the idle workers, the one that was busy last is given work first: its memory
 * is the warmest. */
void
ppool_scheduler_assign_all (PPoolScheduler *self)
{
  PPoolSeat *seat = NULL;
  gint64 limit = 0;

  while (!g_queue_is_empty (&self->pending))
    {
      PPoolRecord *record = g_queue_peek_head (&self->pending);
      PPoolSeat *idle = find_idle (self, record);
      gint64 bound = idle != NULL ? NEAR_NSEC : AHEAD_NSEC;

      if (seat == NULL || seat->expected > limit || !has_room (self, seat, record, bound))
        seat = ppool_estimate_get (ppool_record_get_plan (record)->estimate) <= bound ?
                 find_room (self, record, bound, &limit) :
                 NULL;

      if (seat != NULL)
        ppool_scheduler_assign (self, seat);
      else if (idle != NULL)
        ppool_scheduler_assign_idle (self, idle);
      else
        return;
    }
}

/* Whether a call waits, in the queue or behind another one. */
gboolean
ppool_scheduler_has_waiting (PPoolScheduler *self)
{
  if (!g_queue_is_empty (&self->pending))
    return TRUE;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    if (((PPoolSeat *) link->data)->n_calls > 1)
      return TRUE;

  return FALSE;
}

void
ppool_scheduler_forget_call (PPoolSeat   *seat,
                             PPoolRecord *record)
{
  PPoolRecordPlan *plan = ppool_record_get_plan (record);

  seat->n_calls--;
  seat->n_bytes -= plan->size;
  seat->expected -= plan->expected;
  seat->n_trivial -= plan->is_trivial;
  plan->seat = NULL;
}

/* Takes a call back that its worker has not taken: (nullable). */
PPoolRecord *
ppool_scheduler_recall (PPoolScheduler *self,
                        PPoolSeat      *seat,
                        PPoolRecord    *record)
{
  PPoolRecord *recalled = NULL;

  if (seat->takes_ahead && self->funcs->recall != NULL)
    recalled = self->funcs->recall (seat->process, record);

  if (recalled != NULL)
    {
      ppool_scheduler_forget_call (seat, recalled);
      seat->n_tasks--;
    }

  return recalled;
}

/* Back to the queue, in the order of submission: before all but those that were
 * taken back as well. */
static void
requeue (PPoolScheduler *self,
         PPoolRecord    *record)
{
  guint64 number = ppool_record_get_plan (record)->number;
  GList *before = self->pending.head;

  while (before != NULL && ppool_record_get_plan (before->data)->number < number)
    before = before->next;

  ppool_record_set_stage (record, PPOOL_RECORD_QUEUED);
  g_queue_insert_before_link (&self->pending, before, ppool_record_get_link (record));
}

void
ppool_scheduler_recall_from (PPoolScheduler *self,
                             PPoolSeat      *seat)
{
  PPoolRecord *record;

  while (seat->n_calls > 0 && (record = ppool_scheduler_recall (self, seat, NULL)) != NULL)
    requeue (self, record);
}

/* It counts since when the worker has run its call and not since when it was
 * given: the calls may not have reached it yet. */
static gboolean
is_stuck (PPoolScheduler *self,
          PPoolSeat      *seat,
          gint64          now)
{
  gint64 since = seat->busy_since;

  if (now - since >= STUCK_USEC && self->funcs->running_since != NULL)
    since = self->funcs->running_since (seat->process);

  if (since == 0)
    return now - seat->busy_since >= UNTAKEN_USEC;

  return now - since >= STUCK_USEC;
}

/* What was sent ahead and turns out to wait behind a long call goes back to the
 * head of the queue, before those that came after it. */
void
ppool_scheduler_recall_stuck (PPoolScheduler *self)
{
  gint64 now = g_get_monotonic_time ();

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSeat *seat = link->data;
      PPoolRecord *record;

      if (seat->n_calls == 0 || !is_stuck (self, seat, now))
        continue;

      seat->is_stuck = TRUE;
      while (seat->n_calls > 1 && (record = ppool_scheduler_recall (self, seat, NULL)) != NULL)
        requeue (self, record);
    }
}

static PPoolRecord *
recall_any (PPoolScheduler *self)
{
  gboolean crowded = is_crowded (self);
  PPoolRecord *record = NULL;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL && record == NULL;
       link = link->next)
    {
      PPoolSeat *seat = link->data;

      if (seat->n_calls > 1 && seat->expected > NEAR_NSEC &&
          !(crowded && seat->n_trivial == seat->n_calls))
        record = ppool_scheduler_recall (self, seat, NULL);
    }

  return record;
}

/* Nobody waits for long behind another while a worker is idle. */
void
ppool_scheduler_share_out (PPoolScheduler *self)
{
  PPoolRecord *record;

  while (g_queue_is_empty (&self->pending) &&
         !g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]) && (record = recall_any (self)) != NULL)
    {
      requeue (self, record);
      ppool_scheduler_assign_idle (self, g_queue_peek_head (&self->seats[PPOOL_SEAT_IDLE]));
    }
}
