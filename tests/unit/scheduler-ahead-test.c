/* scheduler-ahead-test.c: what is given to workers that are busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-scheduler-private.h"

/* A6, with workers that are none. The first call that a worker has is the one
 * that it has taken, so the others can be taken back. */

#define SHORT_NSEC (30 * 1000)
#define TINY_NSEC (5 * 1000)
#define TRIVIAL_NSEC 1000
#define HALF_NSEC (100 * 1000)
#define LONG_NSEC (10 * 1000 * 1000)

typedef struct _PPoolProcess FakeProcess;

struct _PPoolProcess
{
  PPoolSlot slot;
  gint64 running_since; /* 0 unless a test says that it is long ago */
  GQueue calls; /* (element-type PPoolRecord): in the order in which they came */
};

typedef struct
{
  PPoolSettings settings;
  PPoolScheduler *scheduler;
  GPtrArray *processes; /* (element-type FakeProcess) */
  GPtrArray *records;   /* (element-type PPoolRecord) */
  guint n_watched;
} Fixture;

static void
start (gpointer owner)
{
  Fixture *fixture = owner;
  FakeProcess *process = g_new0 (FakeProcess, 1);

  g_ptr_array_add (fixture->processes, process);
  ppool_scheduler_add_slot (fixture->scheduler, &process->slot, process);
}

static void
assign (PPoolProcess *process,
        PPoolRecord  *record)
{
  g_queue_push_tail (&process->calls, record);
  record->stage = PPOOL_RECORD_SENT;
}

static void
retire (PPoolProcess          *process,
        PPoolWorkerExitReason  reason G_GNUC_UNUSED)
{
  g_assert_true (g_queue_is_empty (&process->calls));
}

static PPoolRecord *
recall (PPoolProcess *process,
        PPoolRecord  *record)
{
  for (guint i = 1; i < process->calls.length; i++)
    if (record == NULL || g_queue_peek_nth (&process->calls, i) == record)
      {
        PPoolRecord *recalled = g_queue_pop_nth (&process->calls, i);

        recalled->stage = PPOOL_RECORD_OUT;
        return recalled;
      }

  return NULL;
}

static gint64
get_since (PPoolProcess *process)
{
  return process->running_since;
}

static void
watch (gpointer owner)
{
  Fixture *fixture = owner;

  fixture->n_watched++;
}

static const PPoolSchedulerFuncs funcs = {
  .start = start,
  .assign = assign,
  .retire = retire,
  .recall = recall,
  .get_since = get_since,
  .watch = watch,
};

static void
ignore_owner (gpointer owner)
{
}

static const PPoolRecordOwner record_owner = { .unref = ignore_owner };

static PPoolRecord *
push_with (Fixture    *fixture,
           const char *function,
           GVariant   *args)
{
  g_autoptr (PPoolCallSpec) spec = ppool_call_spec_new (function);
  PPoolRecord *record = ppool_record_new (spec, args, &record_owner, fixture);

  g_ptr_array_add (fixture->records, record);
  ppool_scheduler_push (fixture->scheduler, record);

  return record;
}

static PPoolRecord *
push (Fixture    *fixture,
      const char *function)
{
  return push_with (fixture, function, NULL);
}

static FakeProcess *
get_process (Fixture *fixture,
             guint    i)
{
  g_assert_cmpuint (i, <, fixture->processes->len);

  return fixture->processes->pdata[i];
}

static void
become_ready (Fixture *fixture,
              guint    i,
              gboolean takes_ahead)
{
  FakeProcess *process = get_process (fixture, i);

  process->slot.takes_ahead = takes_ahead;
  ppool_scheduler_slot_ready (fixture->scheduler, &process->slot);
}

static void
answer (Fixture *fixture,
        guint    i,
        gint64   nsec)
{
  FakeProcess *process = get_process (fixture, i);
  g_autoptr (PPoolRecord) record = g_queue_pop_head (&process->calls);

  g_assert_nonnull (record);
  record->stage = PPOOL_RECORD_OUT;
  ppool_scheduler_slot_answered (fixture->scheduler, &process->slot, record, nsec);
  ppool_scheduler_slot_refill (fixture->scheduler, &process->slot);
}

static void
assert_calls (Fixture *fixture,
              guint    i,
              guint    n)
{
  g_assert_cmpuint (get_process (fixture, i)->calls.length, ==, n);
}

/* Has the first worker measure a function. */
static void
teach (Fixture    *fixture,
       const char *function,
       gint64      nsec)
{
  push (fixture, function);
  if (get_process (fixture, 0)->slot.state == PPOOL_SLOT_STARTING)
    become_ready (fixture, 0, TRUE);
  answer (fixture, 0, nsec);
}

static void
set_max (Fixture *fixture,
         guint    max_workers)
{
  fixture->settings.max_workers = max_workers;
  ppool_scheduler_settings_changed (fixture->scheduler);
}

static void
set_up (Fixture       *fixture,
        gconstpointer  max_workers)
{
  fixture->settings.max_workers = GPOINTER_TO_UINT (max_workers);
  fixture->scheduler = ppool_scheduler_new (&funcs, fixture, &fixture->settings);
  ppool_scheduler_open (fixture->scheduler);
  fixture->processes = g_ptr_array_new_with_free_func (g_free);
  fixture->records = g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  max_workers)
{
  PPoolRecord *record;

  set_max (fixture, 0);
  while ((record = ppool_scheduler_pop (fixture->scheduler)) != NULL)
    ppool_record_unref (record);
  for (guint i = 0; i < fixture->processes->len; i++)
    {
      FakeProcess *process = get_process (fixture, i);

      g_queue_clear_full (&process->calls, (GDestroyNotify) ppool_record_unref);
      ppool_scheduler_remove_slot (fixture->scheduler, &process->slot);
    }
  ppool_scheduler_free (fixture->scheduler);
  g_ptr_array_unref (fixture->processes);
  g_ptr_array_unref (fixture->records);
}

static void
test_unmeasured (Fixture       *fixture,
                 gconstpointer  max_workers)
{
  for (guint i = 0; i < 3; i++)
    push (fixture, "unknown");
  become_ready (fixture, 0, TRUE);
  assert_calls (fixture, 0, 1);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 2);
}

static void
test_bound (Fixture       *fixture,
            gconstpointer  max_workers)
{
  teach (fixture, "half", HALF_NSEC);
  for (guint i = 0; i < 5; i++)
    push (fixture, "half");
  assert_calls (fixture, 0, 2);
  g_assert_cmpuint (ppool_scheduler_get_n_running (fixture->scheduler), ==, 1);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 4);
  answer (fixture, 0, HALF_NSEC);
  assert_calls (fixture, 0, 2);

  /* One that turns out long is not sent ahead any more. */
  answer (fixture, 0, LONG_NSEC);
  assert_calls (fixture, 0, 1);
}

/* Arguments that are large don't gather in a worker. */
static void
test_large (Fixture       *fixture,
            gconstpointer  max_workers)
{
  g_autofree char *text = g_strnfill (400 * 1024, 'x');
  g_autoptr (GVariant) large = g_variant_ref_sink (g_variant_new_string (text));

  teach (fixture, "short", SHORT_NSEC);
  for (guint i = 0; i < 4; i++)
    push_with (fixture, "short", large);
  assert_calls (fixture, 0, 2);
  answer (fixture, 0, SHORT_NSEC);
  assert_calls (fixture, 0, 2);
  answer (fixture, 0, SHORT_NSEC);
  answer (fixture, 0, SHORT_NSEC);
  assert_calls (fixture, 0, 1);
  push (fixture, "short");
  assert_calls (fixture, 0, 2);
}

static void
test_without_board (Fixture       *fixture,
                    gconstpointer  max_workers)
{
  teach (fixture, "short", SHORT_NSEC);
  become_ready (fixture, 0, FALSE);
  for (guint i = 0; i < 3; i++)
    push (fixture, "short");
  assert_calls (fixture, 0, 1);
}

static void
test_behind_long (Fixture       *fixture,
                  gconstpointer  max_workers)
{
  teach (fixture, "short", SHORT_NSEC);
  push (fixture, "unknown");
  push (fixture, "short");
  assert_calls (fixture, 0, 1);
}

/* A3: a call that waits behind another keeps no worker from starting, and is
 * shared out when that is ready. */
static void
test_share_out (Fixture       *fixture,
                gconstpointer  max_workers)
{
  teach (fixture, "short", SHORT_NSEC);
  for (guint i = 0; i < 3; i++)
    push (fixture, "short");
  assert_calls (fixture, 0, 3);
  g_assert_cmpuint (fixture->processes->len, ==, 2);

  become_ready (fixture, 1, TRUE);
  assert_calls (fixture, 0, 2);
  assert_calls (fixture, 1, 1);
  g_assert_true (g_queue_peek_head (&get_process (fixture, 1)->calls) ==
                 fixture->records->pdata[2]);

  answer (fixture, 1, SHORT_NSEC);
  assert_calls (fixture, 0, 1);
  assert_calls (fixture, 1, 1);
}

/* To wake another worker takes longer than a few very short calls. But somebody
 * looks whether they are. */
static void
test_near (Fixture       *fixture,
           gconstpointer  max_workers)
{
  FakeProcess *process;

  teach (fixture, "tiny", TINY_NSEC);
  push (fixture, "unknown");
  push (fixture, "unknown");
  become_ready (fixture, 1, TRUE);
  answer (fixture, 1, LONG_NSEC);
  answer (fixture, 0, LONG_NSEC);
  g_assert_cmpuint (fixture->n_watched, ==, 0);

  for (guint i = 0; i < 4; i++)
    push (fixture, "tiny");
  assert_calls (fixture, 0, 4);
  assert_calls (fixture, 1, 0);
  g_assert_cmpuint (fixture->n_watched, ==, 1);

  /* As long as all goes well they stay. */
  ppool_scheduler_look_again (fixture->scheduler);
  assert_calls (fixture, 0, 4);
  g_assert_cmpuint (fixture->n_watched, ==, 2);

  process = get_process (fixture, 0);
  process->slot.busy_since -= G_TIME_SPAN_SECOND;
  process->running_since = 1;
  ppool_scheduler_look_again (fixture->scheduler);
  assert_calls (fixture, 0, 1);
  assert_calls (fixture, 1, 3);
  g_assert_cmpuint (fixture->n_watched, ==, 2);

  /* More of them than that are shared. */
  for (guint i = 0; i < 20; i++)
    push (fixture, "tiny");
  assert_calls (fixture, 0, 1);
  answer (fixture, 0, TINY_NSEC);
  g_assert_cmpuint (get_process (fixture, 0)->calls.length, >, 0);
}

static guint
count_used (Fixture *fixture)
{
  guint n = 0;

  for (guint i = 0; i < fixture->processes->len; i++)
    n += get_process (fixture, i)->calls.length > 0;

  return n;
}

/* Whoever has a call has been at it for long. */
static void
let_stick (Fixture *fixture)
{
  for (guint i = 0; i < fixture->processes->len; i++)
    {
      FakeProcess *process = get_process (fixture, i);

      process->slot.busy_since -= G_TIME_SPAN_SECOND;
      process->running_since = 1;
    }
  ppool_scheduler_look_again (fixture->scheduler);
}

static void
push_many (Fixture    *fixture,
           const char *function,
           guint       n)
{
  for (guint i = 0; i < n; i++)
    push (fixture, function);
}

/* Four workers on two processors, all idle. */
static void
start_four (Fixture    *fixture,
            const char *function,
            gint64      nsec)
{
  ppool_scheduler_set_n_processors (fixture->scheduler, 2);
  for (guint i = 0; i < 4; i++)
    push (fixture, "unknown");
  for (guint i = 0; i < 4; i++)
    become_ready (fixture, i, TRUE);
  for (guint i = 0; i < 4; i++)
    answer (fixture, i, LONG_NSEC);
  push (fixture, function);
  for (guint i = 0; i < 4; i++)
    if (get_process (fixture, i)->calls.length > 0)
      answer (fixture, i, nsec);
}

/* As many workers as there are processors do them, however many wait, unless those
 * turn out to be busy with something else. */
static void
test_crowded (Fixture       *fixture,
              gconstpointer  max_workers)
{
  start_four (fixture, "trivial", TRIVIAL_NSEC);
  push_many (fixture, "trivial", 1000);
  g_assert_cmpuint (count_used (fixture), ==, 2);
  g_assert_cmpuint (fixture->n_watched, >, 0);

  let_stick (fixture);
  g_assert_cmpuint (count_used (fixture), ==, 4);
}

/* One call alone can be stuck as well. */
static void
test_crowded_by_one (Fixture       *fixture,
                     gconstpointer  max_workers)
{
  g_autofree char *text = g_strnfill (900 * 1024, 'x');
  g_autoptr (GVariant) large = g_variant_ref_sink (g_variant_new_string (text));

  guint n_watched;

  start_four (fixture, "trivial", TRIVIAL_NSEC);
  ppool_scheduler_set_n_processors (fixture->scheduler, 1);
  ppool_scheduler_look_again (fixture->scheduler);
  n_watched = fixture->n_watched;
  push_with (fixture, "trivial", large);
  push_with (fixture, "trivial", large);
  g_assert_cmpuint (count_used (fixture), ==, 1);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 1);
  g_assert_cmpuint (fixture->n_watched, >, n_watched);

  let_stick (fixture);
  g_assert_cmpuint (count_used (fixture), ==, 2);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 0);
}

/* One call that took long by chance does not make others of its kind long. */
static void
test_crowded_by_chance (Fixture       *fixture,
                        gconstpointer  max_workers)
{
  start_four (fixture, "trivial", TRIVIAL_NSEC);
  push (fixture, "trivial");
  for (guint i = 0; i < 4; i++)
    if (get_process (fixture, i)->calls.length > 0)
      answer (fixture, i, LONG_NSEC);

  push_many (fixture, "trivial", 1000);
  g_assert_cmpuint (count_used (fixture), ==, 2);
}

/* Longer calls may wait for something, and then more at a time are of use. */
static void
test_not_crowded (Fixture       *fixture,
                  gconstpointer  max_workers)
{
  start_four (fixture, "short", SHORT_NSEC);
  push_many (fixture, "short", 100);
  g_assert_cmpuint (count_used (fixture), ==, 4);
}

/* One call that took long doesn't make its function long, some do. */
static void
test_growth (Fixture       *fixture,
             gconstpointer  max_workers)
{
  teach (fixture, "tiny", TINY_NSEC);
  teach (fixture, "tiny", LONG_NSEC);
  push (fixture, "tiny");
  push (fixture, "tiny");
  assert_calls (fixture, 0, 2);
  answer (fixture, 0, LONG_NSEC);
  answer (fixture, 0, LONG_NSEC);
  push (fixture, "tiny");
  push (fixture, "tiny");
  assert_calls (fixture, 0, 1);
}

/* What is stuck behind a long call goes to whoever is free next, before what
 * was submitted later. */
static void
test_stuck (Fixture       *fixture,
            gconstpointer  max_workers)
{
  FakeProcess *process;

  teach (fixture, "short", SHORT_NSEC);
  push (fixture, "short");
  push (fixture, "unknown");
  become_ready (fixture, 1, TRUE);
  push (fixture, "short");
  push (fixture, "unknown");
  assert_calls (fixture, 0, 2);
  assert_calls (fixture, 1, 1);

  process = get_process (fixture, 0);
  process->slot.busy_since -= G_TIME_SPAN_SECOND;
  process->running_since = 1;
  answer (fixture, 1, LONG_NSEC);
  assert_calls (fixture, 0, 1);
  assert_calls (fixture, 1, 1);
  g_assert_true (g_queue_peek_head (&get_process (fixture, 1)->calls) ==
                 fixture->records->pdata[3]);

  /* And nothing more is sent behind the long one. */
  push (fixture, "short");
  assert_calls (fixture, 0, 1);
}

/* Neither does anything wait at a worker that takes nothing. */
static void
test_untaken (Fixture       *fixture,
              gconstpointer  max_workers)
{
  FakeProcess *process;

  teach (fixture, "short", SHORT_NSEC);
  push (fixture, "short");
  push (fixture, "unknown");
  become_ready (fixture, 1, TRUE);
  push (fixture, "short");
  push (fixture, "unknown");
  assert_calls (fixture, 0, 2);

  process = get_process (fixture, 0);
  process->slot.busy_since -= G_TIME_SPAN_SECOND;
  process->running_since = 0;
  answer (fixture, 1, LONG_NSEC);
  assert_calls (fixture, 0, 1);
  assert_calls (fixture, 1, 1);
}

/* A worker that is to end its call gives back what it was sent ahead, and gets nothing. */
static void
test_held (Fixture       *fixture,
           gconstpointer  max_workers)
{
  FakeProcess *process;

  teach (fixture, "short", SHORT_NSEC);
  for (guint i = 0; i < 3; i++)
    push (fixture, "short");
  assert_calls (fixture, 0, 3);

  process = get_process (fixture, 0);
  ppool_scheduler_slot_hold (fixture->scheduler, &process->slot, TRUE);
  assert_calls (fixture, 0, 1);
  push (fixture, "short");
  assert_calls (fixture, 0, 1);
  ppool_scheduler_slot_hold (fixture->scheduler, &process->slot, FALSE);
  assert_calls (fixture, 0, 4);
}

/* A21: what two workers give back is in the order in which it came. */
static void
test_order (Fixture       *fixture,
            gconstpointer  max_workers)
{
  PPoolRecord *ahead[4];

  teach (fixture, "short", SHORT_NSEC);
  push (fixture, "short");
  push (fixture, "short");
  become_ready (fixture, 1, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (ahead); i++)
    ahead[i] = push (fixture, "short");
  assert_calls (fixture, 0, 3);
  assert_calls (fixture, 1, 3);

  ppool_scheduler_recall_all (fixture->scheduler);
  for (guint i = 0; i < G_N_ELEMENTS (ahead); i++)
    {
      g_autoptr (PPoolRecord) record = ppool_scheduler_pop (fixture->scheduler);

      g_assert_true (record == ahead[i]);
    }
}

/* A7 */
static void
test_withdraw (Fixture       *fixture,
               gconstpointer  max_workers)
{
  PPoolRecord *taken;
  PPoolRecord *ahead;

  teach (fixture, "short", SHORT_NSEC);
  taken = push (fixture, "short");
  ahead = push (fixture, "short");
  assert_calls (fixture, 0, 2);
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, taken));
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, ahead));
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, ahead));
  assert_calls (fixture, 0, 1);
  answer (fixture, 0, SHORT_NSEC);
  g_assert_cmpint (get_process (fixture, 0)->slot.state, ==, PPOOL_SLOT_IDLE);
}

/* A14 */
static void
test_max_tasks (Fixture       *fixture,
                gconstpointer  max_workers)
{
  fixture->settings.max_tasks_per_worker = 3;
  ppool_scheduler_settings_changed (fixture->scheduler);
  teach (fixture, "short", SHORT_NSEC);
  for (guint i = 0; i < 5; i++)
    push (fixture, "short");
  assert_calls (fixture, 0, 2);
  answer (fixture, 0, SHORT_NSEC);
  assert_calls (fixture, 0, 1);
  answer (fixture, 0, SHORT_NSEC);
  g_assert_cmpint (get_process (fixture, 0)->slot.state, ==, PPOOL_SLOT_LEAVING);
}

static void
add (const char *path,
     guint       max_workers,
     void      (*func) (Fixture *fixture, gconstpointer max_workers))
{
  g_test_add (path, Fixture, GUINT_TO_POINTER (max_workers), set_up, func, tear_down);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add ("/scheduler-ahead/unmeasured", 1, test_unmeasured);
  add ("/scheduler-ahead/bound", 1, test_bound);
  add ("/scheduler-ahead/large", 1, test_large);
  add ("/scheduler-ahead/without-board", 1, test_without_board);
  add ("/scheduler-ahead/behind-long", 1, test_behind_long);
  add ("/scheduler-ahead/share-out", 2, test_share_out);
  add ("/scheduler-ahead/near", 2, test_near);
  add ("/scheduler-ahead/crowded", 4, test_crowded);
  add ("/scheduler-ahead/crowded-by-one", 4, test_crowded_by_one);
  add ("/scheduler-ahead/crowded-by-chance", 4, test_crowded_by_chance);
  add ("/scheduler-ahead/not-crowded", 4, test_not_crowded);
  add ("/scheduler-ahead/growth", 1, test_growth);
  add ("/scheduler-ahead/stuck", 2, test_stuck);
  add ("/scheduler-ahead/untaken", 2, test_untaken);
  add ("/scheduler-ahead/held", 1, test_held);
  add ("/scheduler-ahead/order", 2, test_order);
  add ("/scheduler-ahead/withdraw", 1, test_withdraw);
  add ("/scheduler-ahead/max-tasks", 1, test_max_tasks);

  return g_test_run ();
}
