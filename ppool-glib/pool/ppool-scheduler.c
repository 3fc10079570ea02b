/* ppool-scheduler.c: which call goes to which worker, and when one starts
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-scheduler-private.h"

#include "ppool-estimate-private.h"

/* Policy and nothing else: no thread, no lock, no I/O. Whoever owns it calls in
 * with the pool's lock held, and what it decides it says through its functions,
 * which note it down and return.
 *
 * What is needed is seen anew from the queue and the seats after every event. Besides
 * its list, a seat counts what it has, so that nobody has to walk its calls.
 *
 * A worker that answers has to wait for its next call, unless it has that
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

#define N_STATES (PPOOL_SEAT_LEAVING + 1)

struct _PPoolScheduler
{
  const PPoolSchedulerFuncs *funcs;
  gpointer owner; /* (unowned): owns this */
  guint max_workers;
  guint max_tasks; /* of one worker; 0 is no limit */
  guint n_processors; /* that trivial calls need no more workers than; 0 is unknown */
  guint n_spare;   /* workers that are there before they are needed */
  gboolean closed;
  gboolean is_watched; /* somebody looks again soon */
  guint64 last_number;   /* of a call */
  GHashTable *estimates; /* (owned) (element-type utf8 PPoolEstimate): by function */

  GQueue pending;         /* (owned) (element-type PPoolRecord) */
  GQueue seats[N_STATES]; /* (unowned) (element-type PPoolSeat) by state */
};

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

static void
assign (PPoolScheduler *self,
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

static void
assign_idle (PPoolScheduler *self,
             PPoolSeat      *seat)
{
  move_seat (self, seat, PPOOL_SEAT_BUSY);
  assign (self, seat);
}

/* Calls for workers that are busy */

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
static void
assign_all (PPoolScheduler *self)
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
        assign (self, seat);
      else if (idle != NULL)
        assign_idle (self, idle);
      else
        return;
    }
}

/* Whether a call waits, in the queue or behind another one. */
static gboolean
has_waiting (PPoolScheduler *self)
{
  if (!g_queue_is_empty (&self->pending))
    return TRUE;

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    if (((PPoolSeat *) link->data)->n_calls > 1)
      return TRUE;

  return FALSE;
}

static void
forget_call (PPoolSeat   *seat,
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
static PPoolRecord *
recall (PPoolScheduler *self,
        PPoolSeat      *seat,
        PPoolRecord    *record)
{
  PPoolRecord *recalled = NULL;

  if (seat->takes_ahead && self->funcs->recall != NULL)
    recalled = self->funcs->recall (seat->process, record);

  if (recalled != NULL)
    {
      forget_call (seat, recalled);
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

static void
recall_from (PPoolScheduler *self,
             PPoolSeat      *seat)
{
  PPoolRecord *record;

  while (seat->n_calls > 0 && (record = recall (self, seat, NULL)) != NULL)
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
static void
recall_stuck (PPoolScheduler *self)
{
  gint64 now = g_get_monotonic_time ();

  for (GList *link = self->seats[PPOOL_SEAT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSeat *seat = link->data;
      PPoolRecord *record;

      if (seat->n_calls == 0 || !is_stuck (self, seat, now))
        continue;

      seat->is_stuck = TRUE;
      while (seat->n_calls > 1 && (record = recall (self, seat, NULL)) != NULL)
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
        record = recall (self, seat, NULL);
    }

  return record;
}

/* Nobody waits for long behind another while a worker is idle. */
static void
share_out (PPoolScheduler *self)
{
  PPoolRecord *record;

  while (g_queue_is_empty (&self->pending) &&
         !g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]) && (record = recall_any (self)) != NULL)
    {
      requeue (self, record);
      assign_idle (self, g_queue_peek_head (&self->seats[PPOOL_SEAT_IDLE]));
    }
}

/* After every event */

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
      g_queue_is_empty (&self->seats[PPOOL_SEAT_IDLE]) || !has_waiting (self))
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
    recall_stuck (self);
  assign_all (self);
  share_out (self);

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
      if (recall (self, seat, record) == NULL)
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
      recall_from (self, link->data);
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
  forget_call (seat, record);
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

  for (guint i = 0; i < N_STATES; i++)
    n += self->seats[i].length;

  return n;
}
