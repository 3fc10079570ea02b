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
 * idle gets it then, and so does the queue when a call turns out to be long. */

/* How much work a worker may have altogether when more is sent ahead. */
#define AHEAD_NSEC (250 * 1000)

/* How large the arguments of all its calls may be then, in bytes. */
#define AHEAD_BYTES ((gsize) 1024 * 1024)

/* How long a function takes that was never measured. */
#define LONG_NSEC (G_TIME_SPAN_SECOND * 1000)

/* When a worker that was thought to be done soon counts as stuck. */
#define STUCK_USEC 2000

/* How many calls a worker may have; fewer than a board has places. */
#define MAX_CALLS 240

/* How many functions are remembered; names come from callers. */
#define MAX_ESTIMATES 1024

typedef struct
{
  gint64 nsec; /* how long it takes, about */
} Estimate;

GHashTable *
ppool_scheduler_new_estimates (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/* What is known of a function: (nullable) if there are too many. */
gpointer
ppool_scheduler_estimate (PPoolScheduler *self,
                          const char     *function)
{
  Estimate *estimate = g_hash_table_lookup (self->estimates, function);

  if (estimate == NULL && g_hash_table_size (self->estimates) < MAX_ESTIMATES)
    {
      estimate = g_new0 (Estimate, 1);
      estimate->nsec = LONG_NSEC;
      g_hash_table_insert (self->estimates, g_strdup (function), estimate);
    }

  return estimate;
}

void
ppool_scheduler_measure (PPoolRecord *record,
                         gint64       nsec)
{
  Estimate *estimate = ppool_record_get_plan (record)->estimate;

  if (estimate == NULL || nsec < 0)
    return;

  /* A function counts as long until it was measured, and as long as its worst
   * time at once: it has to prove that it is short again. */
  nsec = MIN (nsec, LONG_NSEC);
  if (estimate->nsec == LONG_NSEC || nsec > estimate->nsec * 8)
    estimate->nsec = nsec;
  else
    estimate->nsec += (nsec - estimate->nsec) / 8;
}

gint64
ppool_scheduler_expect (PPoolRecord *record)
{
  const Estimate *estimate = ppool_record_get_plan (record)->estimate;

  return estimate != NULL ? estimate->nsec : LONG_NSEC;
}

static gboolean
has_room_ahead (PPoolScheduler *self,
                PPoolSeat      *seat,
                PPoolRecord    *record)
{
  return seat->takes_ahead && !seat->is_stuck && seat->n_calls < MAX_CALLS &&
         seat->expected + ppool_scheduler_expect (record) <= AHEAD_NSEC &&
         seat->n_bytes + ppool_record_get_plan (record)->size <= AHEAD_BYTES &&
         (self->max_tasks == 0 || seat->n_tasks < self->max_tasks);
}

/* The worker that has the least to do, if it has room: (nullable). @limit is when
 * the next one has less. */
static PPoolSeat *
find_room_ahead (PPoolScheduler *self,
                 PPoolRecord    *record,
                 gint64         *limit)
{
  PPoolSeat *best = NULL;

  *limit = AHEAD_NSEC;
  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSeat *seat = link->data;

      if (!has_room_ahead (self, seat, record))
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

/* A little work is given to workers that are busy, so that they need not wait
 * for the next call. */
void
ppool_scheduler_assign_ahead (PPoolScheduler *self)
{
  PPoolSeat *seat = NULL;
  gint64 limit = 0;

  while (!g_queue_is_empty (&self->pending))
    {
      PPoolRecord *record = g_queue_peek_head (&self->pending);

      if (ppool_scheduler_expect (record) > AHEAD_NSEC)
        return;

      if (seat == NULL || seat->expected > limit || !has_room_ahead (self, seat, record))
        seat = find_room_ahead (self, record, &limit);
      if (seat == NULL)
        return;

      ppool_scheduler_assign (self, seat);
    }
}

void
ppool_scheduler_forget_call (PPoolSeat   *seat,
                             PPoolRecord *record)
{
  PPoolRecordPlan *plan = ppool_record_get_plan (record);

  seat->n_calls--;
  seat->n_bytes -= plan->size;
  seat->expected -= plan->expected;
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

  return since != 0 && now - since >= STUCK_USEC;
}

/* What was sent ahead and turns out to wait behind a long call goes back to the
 * head of the queue, before those that came after it. */
void
ppool_scheduler_recall_stuck (PPoolScheduler *self)
{
  gint64 now = 0;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSeat *seat = link->data;
      PPoolRecord *record;

      if (seat->n_calls < 2)
        continue;

      now = now != 0 ? now : g_get_monotonic_time ();
      if (!is_stuck (self, seat, now))
        continue;

      seat->is_stuck = TRUE;
      while (seat->n_calls > 1 && (record = ppool_scheduler_recall (self, seat, NULL)) != NULL)
        requeue (self, record);
    }
}

static PPoolRecord *
recall_any (PPoolScheduler *self)
{
  PPoolRecord *record = NULL;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL && record == NULL;
       link = link->next)
    {
      PPoolSeat *seat = link->data;

      if (seat->n_calls > 1)
        record = ppool_scheduler_recall (self, seat, NULL);
    }

  return record;
}

/* Nobody waits behind another while a worker is idle. */
void
ppool_scheduler_share_out (PPoolScheduler *self)
{
  PPoolRecord *record;

  while (g_queue_is_empty (&self->pending) &&
         !g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]) && (record = recall_any (self)) != NULL)
    {
      requeue (self, record);
      ppool_scheduler_assign_idle (self);
    }
}
