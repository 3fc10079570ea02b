/* ppool-scheduler.c: which call goes to which worker, and when one starts
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-scheduler-internal.h"

/* Policy and nothing else: no thread, no lock, no I/O. Whoever owns it calls in
 * with the pool's lock held, and what it decides it says through its functions,
 * which note it down and return.
 *
 * What is needed is seen anew from the queue and the seats after every event. Besides
 * its list, a seat counts what it has, so that nobody has to walk its calls. */

PPoolScheduler *
ppool_scheduler_new (const PPoolSchedulerFuncs *funcs,
                     gpointer                   owner,
                     guint                      max_workers)
{
  PPoolScheduler *self = g_new0 (PPoolScheduler, 1);

  self->funcs = funcs;
  self->owner = owner;
  self->max_workers = max_workers;
  self->estimates = ppool_estimate_new_table ();

  return self;
}

void
ppool_scheduler_free (PPoolScheduler *self)
{
  g_assert (g_queue_is_empty (&self->pending));
  g_assert (ppool_scheduler_get_n_seats (self) == 0);

  g_hash_table_unref (self->estimates);
  g_free (self);
}

static void
move_seat (PPoolScheduler *self,
           PPoolSeat      *seat,
           PPoolSeatState  state)
{
  g_queue_unlink (&self->seats[seat->state], &seat->link);
  seat->state = state;
  g_queue_push_head_link (&self->seats[state], &seat->link);
}

static PPoolSeat *
first_seat (PPoolScheduler *self,
            PPoolSeatState  state)
{
  return g_queue_peek_head (&self->seats[state]);
}

static guint
n_staying (PPoolScheduler *self)
{
  return ppool_scheduler_get_n_seats (self) - self->seats[PPOOL_SEAT_LEAVING].length;
}

/* Whether the process has run as many calls as one may. */
gboolean
ppool_scheduler_is_spent (PPoolScheduler *self,
                          PPoolSeat      *seat)
{
  return self->max_tasks > 0 && seat->n_tasks >= self->max_tasks;
}

static void
retire_seat (PPoolScheduler *self,
             PPoolSeat      *seat)
{
  move_seat (self, seat, PPOOL_SEAT_LEAVING);
  self->funcs->retire (seat->process);
}

void
ppool_scheduler_assign (PPoolScheduler *self,
                        PPoolSeat      *seat)
{
  g_autoptr (PPoolRecord) record = ppool_scheduler_pop (self);
  PPoolRecordPlan *plan = ppool_record_get_plan (record);

  ppool_record_set_stage (record, PPOOL_RECORD_ASSIGNED);
  plan->seat = seat;
  plan->expected = ppool_estimate_get (plan->estimate);
  plan->is_trivial = ppool_estimate_is_trivial (plan->estimate);

  if (seat->n_calls++ == 0)
    seat->busy_since = g_get_monotonic_time ();
  seat->n_tasks++;
  seat->n_bytes += plan->size;
  seat->expected += plan->expected;
  seat->n_trivial += plan->is_trivial;
  self->funcs->assign (seat->process, record);
}

void
ppool_scheduler_assign_idle (PPoolScheduler *self,
                             PPoolSeat      *seat)
{
  move_seat (self, seat, PPOOL_SEAT_BUSY);
  ppool_scheduler_assign (self, seat);
}

/* Calls that wait, in the queue or behind others. */
static guint
n_waiting (PPoolScheduler *self)
{
  guint n = self->pending.length;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    n += MAX (((PPoolSeat *) link->data)->n_calls, 1) - 1;

  return n;
}

/* A seat without a call is idle, or was used for long enough. */
static void
settle_seat (PPoolScheduler *self,
             PPoolSeat      *seat)
{
  if (seat == NULL || seat->n_calls > 0 || seat->state == PPOOL_SEAT_LEAVING)
    return;

  if (ppool_scheduler_is_spent (self, seat))
    retire_seat (self, seat);
  else
    move_seat (self, seat, PPOOL_SEAT_IDLE);
}

static void
retire_unneeded (PPoolScheduler *self)
{
  PPoolSeat *seat;

  if (!self->closed || !g_queue_is_empty (&self->pending))
    return;

  while ((seat = first_seat (self, PPOOL_SEAT_IDLE)) != NULL ||
         (seat = first_seat (self, PPOOL_SEAT_STARTING)) != NULL)
    retire_seat (self, seat);
}

/* While a worker is idle, what waits is soon done by those that are not. */
static void
start_needed (PPoolScheduler *self)
{
  guint n_idle = self->seats[PPOOL_SEAT_IDLE].length;
  guint n_needed = n_idle == 0 ? n_waiting (self) : 0;

  if (!self->closed)
    n_needed += self->n_spare;

  while (ppool_scheduler_get_n_seats (self) < self->max_workers &&
         self->seats[PPOOL_SEAT_STARTING].length + n_idle < n_needed)
    self->funcs->start (self->owner);
}

/* Where workers are idle, nothing else may happen that shows that a call behind
 * others has to wait after all. */
static void
watch (PPoolScheduler *self)
{
  if (self->is_watched || self->funcs->watch == NULL ||
      g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]) || !ppool_scheduler_has_waiting (self))
    return;

  self->is_watched = TRUE;
  self->funcs->watch (self->owner);
}

static void
dispatch (PPoolScheduler *self)
{
  PPoolSeat *seat;

  while (n_staying (self) > self->max_workers &&
         (seat = first_seat (self, PPOOL_SEAT_IDLE)) != NULL)
    retire_seat (self, seat);

  /* What is stuck is of interest when somebody could run it. */
  if (!g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]))
    ppool_scheduler_recall_stuck (self);
  ppool_scheduler_assign_all (self);
  ppool_scheduler_share_out (self);

  start_needed (self);
  watch (self);
  retire_unneeded (self);

  if (self->funcs->changed != NULL)
    self->funcs->changed (self->owner);
}

void
ppool_scheduler_set_max (PPoolScheduler *self,
                         guint           max_workers)
{
  self->max_workers = max_workers;
  dispatch (self);
}

/* A worker that has done its share by the new count leaves. */
void
ppool_scheduler_set_max_tasks (PPoolScheduler *self,
                               guint           max_tasks)
{
  GList *next;

  self->max_tasks = max_tasks;

  for (GList *link = self->seats[PPOOL_SEAT_IDLE].head; link != NULL; link = next)
    {
      next = link->next;
      if (ppool_scheduler_is_spent (self, link->data))
        retire_seat (self, link->data);
    }
  dispatch (self);
}

/* How many workers can run at the same moment. */
void
ppool_scheduler_set_n_processors (PPoolScheduler *self,
                                  guint           n_processors)
{
  self->n_processors = n_processors;
}

/* Keeps workers ready for calls that are still to come. */
void
ppool_scheduler_set_n_spare (PPoolScheduler *self,
                             guint           n_spare)
{
  self->n_spare = n_spare;
  dispatch (self);
}

/* Has that many workers, as far as so many may be. */
void
ppool_scheduler_prestart (PPoolScheduler *self,
                          guint           n_workers)
{
  while (ppool_scheduler_get_n_seats (self) < MIN (n_workers, self->max_workers))
    self->funcs->start (self->owner);
  dispatch (self);
}

/* Queues a call, behind those that came before it. */
void
ppool_scheduler_push (PPoolScheduler *self,
                      PPoolRecord    *record)
{
  PPoolRecordPlan *plan = ppool_record_get_plan (record);

  g_assert (!self->closed);

  plan->estimate = ppool_estimate_find (self->estimates, ppool_record_get_function (record));
  plan->number = ++self->last_number;
  ppool_record_set_stage (record, PPOOL_RECORD_QUEUED);
  g_queue_push_tail_link (&self->pending, ppool_record_get_link (ppool_record_ref (record)));

  /* Where others wait already nothing has room, and maybe nothing can be started. */
  if (self->pending.length == 1 || ppool_scheduler_get_n_seats (self) < self->max_workers)
    dispatch (self);
  else if (self->funcs->changed != NULL)
    self->funcs->changed (self->owner);
}

/* Takes a call back that no worker has taken. */
gboolean
ppool_scheduler_withdraw (PPoolScheduler *self,
                          PPoolRecord    *record)
{
  PPoolRecordStage stage = ppool_record_get_stage (record);
  PPoolSeat *seat = NULL;

  if (stage == PPOOL_RECORD_QUEUED)
    g_queue_unlink (&self->pending, ppool_record_get_link (record));
  else if (stage == PPOOL_RECORD_ASSIGNED || stage == PPOOL_RECORD_SENT)
    {
      seat = ppool_record_get_plan (record)->seat;
      if (ppool_scheduler_recall (self, seat, record) == NULL)
        return FALSE;
    }
  else
    return FALSE;

  ppool_record_set_stage (record, PPOOL_RECORD_OUT);
  ppool_record_unref (record);
  settle_seat (self, seat);
  dispatch (self);

  return TRUE;
}

/* Takes the first call of the queue, for whatever end: (nullable). */
PPoolRecord *
ppool_scheduler_pop (PPoolScheduler *self)
{
  GList *link = g_queue_pop_head_link (&self->pending);

  if (link == NULL)
    return NULL;

  ppool_record_set_stage (link->data, PPOOL_RECORD_OUT);
  return link->data;
}

/* Some time has gone by in which nothing may have happened. */
void
ppool_scheduler_look_again (PPoolScheduler *self)
{
  self->is_watched = FALSE;
  dispatch (self);
}

/* Takes all calls back that no worker has taken. They are in the queue then, for
 * whoever empties it. */
void
ppool_scheduler_recall_all (PPoolScheduler *self)
{
  GList *next;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = next)
    {
      next = link->next;
      ppool_scheduler_recall_from (self, link->data);
      settle_seat (self, link->data);
    }
}

/* No call comes any more: workers leave when the queue is empty. */
void
ppool_scheduler_close (PPoolScheduler *self)
{
  self->closed = TRUE;
  dispatch (self);
}

/* A process that was asked for is being started. */
void
ppool_scheduler_add_seat (PPoolScheduler *self,
                          PPoolSeat      *seat,
                          gpointer        process)
{
  seat->process = process;
  seat->state = PPOOL_SEAT_STARTING;
  seat->link.data = seat;
  g_queue_push_head_link (&self->seats[seat->state], &seat->link);
}

/* A process has started, and its initializer has run. */
void
ppool_scheduler_seat_ready (PPoolScheduler *self,
                            PPoolSeat      *seat)
{
  seat->n_calls = 0;
  seat->n_bytes = 0;
  seat->expected = 0;
  seat->n_trivial = 0;
  seat->is_stuck = FALSE;
  settle_seat (self, seat);
  dispatch (self);
}

/* A process has answered @record, which took @nsec nanoseconds, or -1 if that
 * is not known. When that was all, it can be given others. */
void
ppool_scheduler_seat_answered (PPoolScheduler *self,
                               PPoolSeat      *seat,
                               PPoolRecord    *record,
                               gint64          nsec)
{
  ppool_estimate_measure (ppool_record_get_plan (record)->estimate, nsec);
  ppool_scheduler_forget_call (seat, record);
}

/* What a process had to say has been told. */
void
ppool_scheduler_seat_refill (PPoolScheduler *self,
                             PPoolSeat      *seat)
{
  seat->is_stuck = FALSE;
  seat->busy_since = seat->n_calls > 0 ? g_get_monotonic_time () : 0;
  settle_seat (self, seat);
  dispatch (self);
}

/* A process is to be given no call any more, and what it has it keeps. */
void
ppool_scheduler_seat_unfit (PPoolScheduler *self,
                            PPoolSeat      *seat)
{
  seat->takes_ahead = FALSE;
  if (seat->n_calls == 0)
    move_seat (self, seat, PPOOL_SEAT_LEAVING);
}

/* A process is to be given no call any more, and what it had was taken from it. */
void
ppool_scheduler_evict_seat (PPoolScheduler *self,
                            PPoolSeat      *seat)
{
  seat->n_calls = 0;
  seat->n_bytes = 0;
  seat->expected = 0;
  seat->n_trivial = 0;
  ppool_scheduler_seat_unfit (self, seat);
}

void
ppool_scheduler_remove_seat (PPoolScheduler *self,
                             PPoolSeat      *seat)
{
  g_queue_unlink (&self->seats[seat->state], &seat->link);
  dispatch (self);
}

guint
ppool_scheduler_get_n_pending (PPoolScheduler *self)
{
  return n_waiting (self);
}

/* Of the calls that a worker has, it runs one. */
guint
ppool_scheduler_get_n_running (PPoolScheduler *self)
{
  return self->seats[PPOOL_SEAT_BUSY].length;
}

guint
ppool_scheduler_get_n_seats (PPoolScheduler *self)
{
  guint n = 0;

  for (guint i = 0; i < PPOOL_SEAT_N_STATES; i++)
    n += self->seats[i].length;

  return n;
}
