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
 * What is needed is seen anew from the queue and the slots after every event. Besides
 * its list, a slot counts what it has, so that nobody has to walk its calls.
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

#define N_STATES (PPOOL_SLOT_LEAVING + 1)

struct _PPoolScheduler
{
  const PPoolSchedulerFuncs *funcs;
  gpointer owner; /* (unowned): owns this */
  const PPoolSettings *settings; /* (unowned): the pool's, with the same lock */
  guint default_max;  /* of workers, where no number is set */
  guint n_processors; /* that trivial calls need no more workers than; 0 is unknown */
  gboolean opened; /* workers can be started; there are neither these nor calls before */
  gboolean closed;
  gboolean is_watched; /* somebody looks again soon */
  guint max_starting;  /* workers at a time */
  guint n_unfit;       /* slots */
  guint64 last_number;   /* of a call */
  GHashTable *estimates; /* (owned) (element-type utf8 PPoolEstimate): by function */

  GQueue pending;         /* (owned) (element-type PPoolRecord) */
  GQueue slots[N_STATES]; /* (unowned) (element-type PPoolSlot) by state */
};

PPoolScheduler *
ppool_scheduler_new (const PPoolSchedulerFuncs *funcs,
                     gpointer                   owner,
                     const PPoolSettings       *settings)
{
  PPoolScheduler *self = g_new0 (PPoolScheduler, 1);

  self->funcs = funcs;
  self->owner = owner;
  self->settings = settings;
  self->estimates = ppool_estimate_new_table ();
  self->max_starting = G_MAXUINT;

  return self;
}

void
ppool_scheduler_free (PPoolScheduler *self)
{
  g_assert (g_queue_is_empty (&self->pending));
  g_assert (ppool_scheduler_get_n_slots (self) == 0);

  g_hash_table_unref (self->estimates);
  g_free (self);
}

static void
move_slot (PPoolScheduler *self,
           PPoolSlot      *slot,
           PPoolSlotState  state)
{
  g_queue_unlink (&self->slots[slot->state], &slot->link);
  slot->state = state;
  g_queue_push_head_link (&self->slots[state], &slot->link);
}

static PPoolSlot *
first_slot (PPoolScheduler *self,
            PPoolSlotState  state)
{
  return g_queue_peek_head (&self->slots[state]);
}

static guint
n_staying (PPoolScheduler *self)
{
  return ppool_scheduler_get_n_slots (self) - self->slots[PPOOL_SLOT_LEAVING].length;
}

static guint
get_max (PPoolScheduler *self)
{
  return self->settings->max_workers > 0 ? self->settings->max_workers : self->default_max;
}

/* Whether the process has run as many calls as one may. */
static gboolean
is_spent (PPoolScheduler *self,
          PPoolSlot      *slot)
{
  guint max_tasks = self->settings->max_tasks_per_worker;

  return max_tasks > 0 && slot->n_tasks >= max_tasks;
}

static void
retire_slot (PPoolScheduler        *self,
             PPoolSlot             *slot,
             PPoolWorkerExitReason  reason)
{
  move_slot (self, slot, PPOOL_SLOT_LEAVING);
  self->funcs->retire (slot->process, reason);
}

/* How long a call takes that is about to be assigned, by what is known now. */
static PPoolRecord *
estimate (PPoolRecord *record)
{
  record->expected = (guint32) ppool_estimate_get (record->estimate);
  record->is_trivial = ppool_estimate_is_trivial (record->estimate) != FALSE;

  return record;
}

/* The first call of the queue, which was estimated. */
static void
assign (PPoolScheduler *self,
        PPoolSlot      *slot)
{
  PPoolRecord *record = ppool_scheduler_pop (self);

  record->stage = PPOOL_RECORD_ASSIGNED;
  ppool_slot_add (slot, record);
  self->funcs->assign (slot->process, record);
}

static void
assign_idle (PPoolScheduler *self,
             PPoolSlot      *slot)
{
  move_slot (self, slot, PPOOL_SLOT_BUSY);
  assign (self, slot);
}

/* Calls for workers that are busy */

static gboolean
has_room (PPoolScheduler *self,
          PPoolSlot      *slot,
          PPoolRecord    *record,
          gint64          bound)
{
  return slot->takes_ahead && !slot->is_stuck && !slot->is_held &&
         slot->n_calls < PPOOL_SCHEDULER_MAX_CALLS &&
         slot->expected + record->expected <= bound &&
         slot->n_bytes + record->size <= AHEAD_BYTES &&
         !is_spent (self, slot);
}

/* The worker that has the least to do, if it has room: (nullable). @limit is when
 * the next one has less. */
static PPoolSlot *
find_room (PPoolScheduler *self,
           PPoolRecord    *record,
           gint64          bound,
           gint64         *limit)
{
  PPoolSlot *best = NULL;

  *limit = bound;
  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSlot *slot = link->data;

      if (!has_room (self, slot, record, bound))
        continue;

      if (best == NULL || slot->expected < best->expected)
        {
          if (best != NULL)
            *limit = best->expected;
          best = slot;
        }
      else
        *limit = MIN (*limit, slot->expected);
    }

  return best;
}

/* Whether as many workers do short work as are of use for trivial calls. */
static gboolean
is_crowded (PPoolScheduler *self)
{
  guint n = 0;

  if (self->n_processors == 0 || self->slots[PPOOL_SLOT_BUSY].length < self->n_processors)
    return FALSE;

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL && n < self->n_processors;
       link = link->next)
    {
      PPoolSlot *slot = link->data;

      n += slot->takes_ahead && !slot->is_stuck && slot->expected <= AHEAD_NSEC;
    }

  return n >= self->n_processors;
}

/* The idle worker that gets @record if no other has room: (nullable). */
static PPoolSlot *
find_idle (PPoolScheduler *self,
           PPoolRecord    *record)
{
  PPoolSlot *idle = g_queue_peek_head (&self->slots[PPOOL_SLOT_IDLE]);

  if (idle != NULL && record->is_trivial && is_crowded (self))
    return NULL;

  return idle;
}

/* Of the idle workers, the one that was busy last is given work first: its memory
 * is the warmest. */
static void
assign_all (PPoolScheduler *self)
{
  PPoolSlot *slot = NULL;
  gint64 limit = 0;

  while (!g_queue_is_empty (&self->pending))
    {
      PPoolRecord *record = estimate (g_queue_peek_head (&self->pending));
      PPoolSlot *idle = find_idle (self, record);
      gint64 bound = idle != NULL ? NEAR_NSEC : AHEAD_NSEC;

      if (slot == NULL || slot->expected > limit || !has_room (self, slot, record, bound))
        slot = record->expected <= bound ? find_room (self, record, bound, &limit) : NULL;

      if (slot != NULL)
        assign (self, slot);
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

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL; link = link->next)
    if (((PPoolSlot *) link->data)->n_calls > 1)
      return TRUE;

  return FALSE;
}

/* Takes a call back that its worker has not taken: (nullable). What is not even on its way
 * can be taken from any. */
static PPoolRecord *
recall (PPoolScheduler *self,
        PPoolSlot      *slot,
        PPoolRecord    *record)
{
  PPoolRecord *recalled = NULL;

  if ((slot->takes_ahead || (record != NULL && record->stage == PPOOL_RECORD_ASSIGNED)) &&
      self->funcs->recall != NULL)
    recalled = self->funcs->recall (slot->process, record);

  if (recalled != NULL)
    {
      ppool_slot_remove (slot, recalled);
      slot->n_tasks--;
    }

  return recalled;
}

/* Back to the queue, in the order of submission: before all but those that were
 * taken back as well. */
static void
requeue (PPoolScheduler *self,
         PPoolRecord    *record)
{
  GList *before = self->pending.head;

  while (before != NULL && ((PPoolRecord *) before->data)->number < record->number)
    before = before->next;

  record->stage = PPOOL_RECORD_QUEUED;
  g_queue_insert_before_link (&self->pending, before, &record->link);
}

static void
recall_from (PPoolScheduler *self,
             PPoolSlot      *slot)
{
  PPoolRecord *record;

  while (slot->n_calls > 0 && (record = recall (self, slot, NULL)) != NULL)
    requeue (self, record);
}

/* It counts since when the worker has run its call and not since when it was
 * given: the calls may not have reached it yet. */
static gboolean
is_stuck (PPoolScheduler *self,
          PPoolSlot      *slot,
          gint64          now)
{
  gint64 since = slot->busy_since;

  if (now - since >= STUCK_USEC && self->funcs->get_since != NULL)
    since = self->funcs->get_since (slot->process);

  if (since == 0)
    return now - slot->busy_since >= UNTAKEN_USEC;

  return now - since >= STUCK_USEC;
}

/* What was sent ahead and turns out to wait behind a long call goes back to the
 * head of the queue, before those that came after it. */
static void
recall_stuck (PPoolScheduler *self)
{
  gint64 now = g_get_monotonic_time ();

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL; link = link->next)
    {
      PPoolSlot *slot = link->data;
      PPoolRecord *record;

      if (slot->n_calls == 0 || !is_stuck (self, slot, now))
        continue;

      slot->is_stuck = TRUE;
      while (slot->n_calls > 1 && (record = recall (self, slot, NULL)) != NULL)
        requeue (self, record);
    }
}

static PPoolRecord *
recall_any (PPoolScheduler *self)
{
  gboolean crowded = is_crowded (self);
  PPoolRecord *record = NULL;

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL && record == NULL;
       link = link->next)
    {
      PPoolSlot *slot = link->data;

      if (slot->n_calls > 1 && slot->expected > NEAR_NSEC &&
          !(crowded && slot->n_trivial == slot->n_calls))
        record = recall (self, slot, NULL);
    }

  return record;
}

/* Nobody waits for long behind another while a worker is idle. */
static void
share_out (PPoolScheduler *self)
{
  PPoolRecord *record;

  while (g_queue_is_empty (&self->pending) &&
         !g_queue_is_empty (&self->slots[PPOOL_SLOT_IDLE]) && (record = recall_any (self)) != NULL)
    {
      requeue (self, estimate (record));
      assign_idle (self, g_queue_peek_head (&self->slots[PPOOL_SLOT_IDLE]));
    }
}

/* After every event */

/* Calls that wait, in the queue or behind others. */
static guint
n_waiting (PPoolScheduler *self)
{
  guint n = self->pending.length;

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL; link = link->next)
    n += MAX (((PPoolSlot *) link->data)->n_calls, 1) - 1;

  return n;
}

/* A slot without a call is idle, or was used for long enough. */
static void
settle_slot (PPoolScheduler *self,
             PPoolSlot      *slot)
{
  if (slot == NULL || slot->n_calls > 0 || slot->state == PPOOL_SLOT_LEAVING)
    return;

  if (slot->is_unfit)
    move_slot (self, slot, PPOOL_SLOT_LEAVING);
  else if (is_spent (self, slot))
    retire_slot (self, slot, PPOOL_WORKER_EXIT_REASON_TASKS);
  else
    move_slot (self, slot, PPOOL_SLOT_IDLE);
}

static void
retire_unneeded (PPoolScheduler *self)
{
  PPoolSlot *slot;

  if (!self->closed || !g_queue_is_empty (&self->pending))
    return;

  while ((slot = first_slot (self, PPOOL_SLOT_IDLE)) != NULL ||
         (slot = first_slot (self, PPOOL_SLOT_STARTING)) != NULL)
    retire_slot (self, slot, PPOOL_WORKER_EXIT_REASON_SHUTDOWN);
}

/* One that is not fit for anything, and may take its time to be gone, takes nobody's
 * place. */
static gboolean
may_start (PPoolScheduler *self)
{
  return ppool_scheduler_get_n_workers (self) < get_max (self) &&
         self->slots[PPOOL_SLOT_STARTING].length < self->max_starting;
}

/* While a worker is idle, what waits is soon done by those that are not. */
static void
start_needed (PPoolScheduler *self)
{
  guint n_idle = self->slots[PPOOL_SLOT_IDLE].length;
  guint n_needed = n_idle == 0 ? n_waiting (self) : 0;

  if (self->opened && !self->closed)
    n_needed += self->settings->spare_workers;

  while (may_start (self) && self->slots[PPOOL_SLOT_STARTING].length + n_idle < n_needed)
    self->funcs->start (self->owner);
}

/* Where workers are idle, nothing else may happen that shows that a call behind
 * others has to wait after all. */
static void
watch (PPoolScheduler *self)
{
  if (self->is_watched || self->funcs->watch == NULL ||
      g_queue_is_empty (&self->slots[PPOOL_SLOT_IDLE]) || !has_waiting (self))
    return;

  self->is_watched = TRUE;
  self->funcs->watch (self->owner);
}

static void
dispatch (PPoolScheduler *self)
{
  PPoolSlot *slot;

  while (n_staying (self) > get_max (self) &&
         (slot = first_slot (self, PPOOL_SLOT_IDLE)) != NULL)
    retire_slot (self, slot, PPOOL_WORKER_EXIT_REASON_SURPLUS);

  /* What is stuck is of interest when somebody could run it. */
  if (!g_queue_is_empty (&self->slots[PPOOL_SLOT_IDLE]))
    recall_stuck (self);
  assign_all (self);
  share_out (self);

  start_needed (self);
  watch (self);
  retire_unneeded (self);

  if (self->funcs->changed != NULL)
    self->funcs->changed (self->owner);
}

/* How many workers there may be where no number is set. */
void
ppool_scheduler_set_default_max (PPoolScheduler *self,
                                 guint           max_workers)
{
  self->default_max = max_workers;
  dispatch (self);
}

/* A worker that has done its share by a new count leaves. */
void
ppool_scheduler_settings_changed (PPoolScheduler *self)
{
  GList *next;

  if (!self->opened)
    return;

  for (GList *link = self->slots[PPOOL_SLOT_IDLE].head; link != NULL; link = next)
    {
      next = link->next;
      if (is_spent (self, link->data))
        retire_slot (self, link->data, PPOOL_WORKER_EXIT_REASON_TASKS);
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

/* From now on workers can be started, and are kept ready for calls that are still to come. */
void
ppool_scheduler_open (PPoolScheduler *self)
{
  self->opened = TRUE;
  dispatch (self);
}

/* Until it is opened again no worker can be started, and there is none. */
void
ppool_scheduler_reset (PPoolScheduler *self)
{
  g_assert (ppool_scheduler_get_n_slots (self) == 0);

  self->opened = FALSE;
  self->is_watched = FALSE;
}

/* Has that many workers, as far as so many may be. */
void
ppool_scheduler_prestart (PPoolScheduler *self,
                          guint           n_workers)
{
  while (ppool_scheduler_get_n_workers (self) < n_workers && may_start (self))
    self->funcs->start (self->owner);
  dispatch (self);
}

/* Queues a call, behind those that came before it. */
void
ppool_scheduler_push (PPoolScheduler *self,
                      PPoolRecord    *record)
{
  g_assert (!self->closed);

  record->estimate = ppool_estimate_find (self->estimates, record->outcome.spec->function);
  record->number = ++self->last_number;
  record->stage = PPOOL_RECORD_QUEUED;
  g_queue_push_tail_link (&self->pending, &ppool_record_ref (record)->link);

  /* Where others wait already nothing has room, and maybe nothing can be started. */
  if (self->pending.length == 1 || may_start (self))
    dispatch (self);
  else if (self->funcs->changed != NULL)
    self->funcs->changed (self->owner);
}

/* Takes a call back that no worker has taken. */
gboolean
ppool_scheduler_withdraw (PPoolScheduler *self,
                          PPoolRecord    *record)
{
  PPoolRecordStage stage = record->stage;
  PPoolSlot *slot = NULL;

  if (stage == PPOOL_RECORD_QUEUED)
    g_queue_unlink (&self->pending, &record->link);
  else if (stage == PPOOL_RECORD_ASSIGNED || stage == PPOOL_RECORD_SENT)
    {
      slot = record->slot;
      if (recall (self, slot, record) == NULL)
        return FALSE;
    }
  else
    return FALSE;

  record->stage = PPOOL_RECORD_OUT;
  ppool_record_unref (record);
  settle_slot (self, slot);
  dispatch (self);

  return TRUE;
}

/* Takes the first call of the queue, for whatever end: (nullable). */
PPoolRecord *
ppool_scheduler_pop (PPoolScheduler *self)
{
  GList *link = g_queue_pop_head_link (&self->pending);
  PPoolRecord *record = link != NULL ? link->data : NULL;

  if (record != NULL)
    record->stage = PPOOL_RECORD_OUT;

  return record;
}

/* Calls go back to where they were in the queue. */
void
ppool_scheduler_put_back (PPoolScheduler *self,
                          GPtrArray      *records)
{
  for (guint i = 0; i < records->len; i++)
    {
      PPoolRecord *record = ppool_record_ref (g_ptr_array_index (records, i));

      record->slot = NULL;
      requeue (self, record);
    }
  dispatch (self);
}

/* How many workers may start at the same time. */
void
ppool_scheduler_limit_starts (PPoolScheduler *self,
                              guint           max_starting)
{
  self->max_starting = max_starting;
  dispatch (self);
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

  for (GList *link = self->slots[PPOOL_SLOT_BUSY].head; link != NULL; link = next)
    {
      next = link->next;
      recall_from (self, link->data);
      settle_slot (self, link->data);
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
ppool_scheduler_add_slot (PPoolScheduler *self,
                          PPoolSlot      *slot,
                          PPoolProcess   *process)
{
  slot->process = process;
  slot->state = PPOOL_SLOT_STARTING;
  slot->link.data = slot;
  g_queue_push_head_link (&self->slots[slot->state], &slot->link);
}

/* A process has started, and its initializer has run. */
void
ppool_scheduler_slot_ready (PPoolScheduler *self,
                            PPoolSlot      *slot)
{
  ppool_slot_empty (slot);
  slot->is_stuck = FALSE;
  settle_slot (self, slot);
  dispatch (self);
}

/* Whether what the process says of its calls is of interest. */
static gboolean
is_in_use (const PPoolSlot *slot)
{
  return !slot->is_unfit && (slot->state == PPOOL_SLOT_IDLE || slot->state == PPOOL_SLOT_BUSY);
}

/* A process has answered @record, which took @nsec nanoseconds, or -1 if that
 * is not known. When that was all, it can be given others. */
void
ppool_scheduler_slot_answered (PPoolScheduler *self,
                               PPoolSlot      *slot,
                               PPoolRecord    *record,
                               gint64          nsec)
{
  if (!is_in_use (slot))
    return;

  ppool_estimate_measure (record->estimate, nsec);
  ppool_slot_remove (slot, record);
}

/* What a process had to say has been told. */
void
ppool_scheduler_slot_refill (PPoolScheduler *self,
                             PPoolSlot      *slot)
{
  if (!is_in_use (slot))
    return;

  slot->is_stuck = FALSE;
  slot->busy_since = slot->n_calls > 0 ? g_get_monotonic_time () : 0;
  settle_slot (self, slot);
  dispatch (self);
}

/* A process is given no call for a while, and what it has not taken it loses. */
void
ppool_scheduler_slot_hold (PPoolScheduler *self,
                           PPoolSlot      *slot,
                           gboolean        held)
{
  slot->is_held = held;
  if (held)
    recall_from (self, slot);
  dispatch (self);
}

/* A process is to be given no call any more, and what it has it keeps. */
void
ppool_scheduler_slot_unfit (PPoolScheduler *self,
                            PPoolSlot      *slot)
{
  slot->takes_ahead = FALSE;
  self->n_unfit += !slot->is_unfit;
  slot->is_unfit = TRUE;
  if (slot->n_calls == 0)
    move_slot (self, slot, PPOOL_SLOT_LEAVING);
}

/* A process is to be given no call any more, and what it had was taken from it. */
void
ppool_scheduler_evict_slot (PPoolScheduler *self,
                            PPoolSlot      *slot)
{
  ppool_slot_empty (slot);
  ppool_scheduler_slot_unfit (self, slot);
}

void
ppool_scheduler_remove_slot (PPoolScheduler *self,
                             PPoolSlot      *slot)
{
  g_queue_unlink (&self->slots[slot->state], &slot->link);
  self->n_unfit -= slot->is_unfit;
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
  return self->slots[PPOOL_SLOT_BUSY].length;
}

/* That can be of use still. */
guint
ppool_scheduler_get_n_workers (PPoolScheduler *self)
{
  return ppool_scheduler_get_n_slots (self) - self->n_unfit;
}

guint
ppool_scheduler_get_n_slots (PPoolScheduler *self)
{
  guint n = 0;

  for (guint i = 0; i < N_STATES; i++)
    n += self->slots[i].length;

  return n;
}
