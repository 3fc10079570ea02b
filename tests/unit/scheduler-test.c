/* scheduler-test.c: which call goes to which worker, on workers that are none
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-scheduler-private.h"

typedef struct _PPoolProcess FakeProcess;

struct _PPoolProcess
{
  PPoolSlot slot;
  PPoolRecord *record; /* (owned) (nullable): the call that it was given */
  gboolean is_retired;
  PPoolWorkerExitReason retire_reason;
};

typedef struct
{
  PPoolSettings settings;
  PPoolScheduler *scheduler;
  GPtrArray *processes; /* (element-type FakeProcess): in the order of their start */
  GPtrArray *records;   /* (element-type PPoolRecord): in the order of their submission */
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
  g_assert_null (process->record);
  g_assert_false (process->is_retired);
  process->record = record;
  record->stage = PPOOL_RECORD_SENT;
}

static PPoolRecord *
recall (PPoolProcess *process,
        PPoolRecord  *record)
{
  g_assert_true (process->record == record);
  process->record = NULL;

  return record;
}

static void
retire (PPoolProcess          *process,
        PPoolWorkerExitReason  reason)
{
  g_assert_null (process->record);
  g_assert_false (process->is_retired);
  process->is_retired = TRUE;
  process->retire_reason = reason;
}

static const PPoolSchedulerFuncs funcs = {
  .start = start,
  .assign = assign,
  .retire = retire,
  .recall = recall,
};

static void
ignore_owner (gpointer owner)
{
}

static const PPoolRecordOwner record_owner = { .unref = ignore_owner };

static PPoolRecord *
push (Fixture *fixture)
{
  g_autoptr (PPoolCallSpec) spec = ppool_call_spec_new ("function");
  PPoolRecord *record = ppool_record_new (spec, NULL, &record_owner, fixture);

  g_ptr_array_add (fixture->records, record);
  ppool_scheduler_push (fixture->scheduler, record);

  return record;
}

static FakeProcess *
get_process (Fixture *fixture,
             guint    i)
{
  g_assert_cmpuint (i, <, fixture->processes->len);

  return fixture->processes->pdata[i];
}

static PPoolRecord *
get_record (Fixture *fixture,
            guint    i)
{
  return fixture->records->pdata[i];
}

static void
become_ready (Fixture *fixture,
              guint    i)
{
  FakeProcess *process = get_process (fixture, i);

  g_clear_pointer (&process->record, ppool_record_unref);
  ppool_scheduler_slot_ready (fixture->scheduler, &process->slot);
}

static void
leave (Fixture *fixture,
       guint    i)
{
  ppool_scheduler_remove_slot (fixture->scheduler, &get_process (fixture, i)->slot);
}

static void
free_process (gpointer data)
{
  FakeProcess *process = data;

  g_clear_pointer (&process->record, ppool_record_unref);
  g_free (process);
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
  fixture->processes = g_ptr_array_new_with_free_func (free_process);
  fixture->records = g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);
}

/* Empties the queue and has all that stay leave. */
static void
tear_down (Fixture       *fixture,
           gconstpointer  max_workers)
{
  PPoolRecord *record;

  set_max (fixture, 0);
  while ((record = ppool_scheduler_pop (fixture->scheduler)) != NULL)
    ppool_record_unref (record);
  for (guint i = 0; i < fixture->processes->len; i++)
    if (get_process (fixture, i)->slot.link.data != NULL)
      leave (fixture, i);
  ppool_scheduler_free (fixture->scheduler);
  g_ptr_array_unref (fixture->processes);
  g_ptr_array_unref (fixture->records);
}

static void
forget (Fixture *fixture,
        guint    i)
{
  leave (fixture, i);
  get_process (fixture, i)->slot.link.data = NULL;
}

static void
assert_runs (Fixture *fixture,
             guint    process,
             guint    record)
{
  g_assert_true (get_process (fixture, process)->record == get_record (fixture, record));
}

static void
assert_idle (Fixture *fixture,
             guint    process)
{
  g_assert_null (get_process (fixture, process)->record);
}

/* A3 */
static void
test_on_demand (Fixture       *fixture,
                gconstpointer  max_workers)
{
  g_assert_cmpuint (fixture->processes->len, ==, 0);
  push (fixture);
  g_assert_cmpuint (fixture->processes->len, ==, 1);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 1);
  assert_idle (fixture, 0);

  become_ready (fixture, 0);
  assert_runs (fixture, 0, 0);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 0);
  g_assert_cmpuint (ppool_scheduler_get_n_running (fixture->scheduler), ==, 1);
  become_ready (fixture, 0);

  /* One that idles is enough. */
  for (guint i = 1; i < 4; i++)
    {
      push (fixture);
      assert_runs (fixture, 0, i);
      become_ready (fixture, 0);
    }
  g_assert_cmpuint (fixture->processes->len, ==, 1);
  g_assert_cmpuint (ppool_scheduler_get_n_running (fixture->scheduler), ==, 0);
}

static void
test_maximum (Fixture       *fixture,
              gconstpointer  max_workers)
{
  for (guint i = 0; i < 10; i++)
    {
      push (fixture);
      g_assert_cmpuint (fixture->processes->len, ==, MIN (i + 1, 3));
    }
  for (guint i = 0; i < 3; i++)
    become_ready (fixture, i);
  g_assert_cmpuint (fixture->processes->len, ==, 3);
  g_assert_cmpuint (ppool_scheduler_get_n_running (fixture->scheduler), ==, 3);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 7);

  set_max (fixture, 5);
  g_assert_cmpuint (fixture->processes->len, ==, 5);
  g_assert_cmpuint (ppool_scheduler_get_n_slots (fixture->scheduler), ==, 5);
}

/* First in, first out, whoever becomes ready when. */
static void
test_order (Fixture       *fixture,
            gconstpointer  max_workers)
{
  static const guint ready[] = { 2, 0, 0, 1, 2, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (ready); i++)
    push (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (ready); i++)
    {
      become_ready (fixture, ready[i]);
      assert_runs (fixture, ready[i], i);
    }
}

/* A worker that is being started is counted on. */
static void
test_enough_starting (Fixture       *fixture,
                      gconstpointer  max_workers)
{
  push (fixture);
  become_ready (fixture, 0);
  push (fixture);
  g_assert_cmpuint (fixture->processes->len, ==, 2);

  /* The second call is taken by the first worker meanwhile. */
  become_ready (fixture, 0);
  assert_runs (fixture, 0, 1);
  push (fixture);
  g_assert_cmpuint (fixture->processes->len, ==, 2);
  push (fixture);
  g_assert_cmpuint (fixture->processes->len, ==, 3);
}

static void
test_withdraw (Fixture       *fixture,
               gconstpointer  max_workers)
{
  for (guint i = 0; i < 5; i++)
    push (fixture);
  become_ready (fixture, 0);
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 0)));
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 1)));
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 1)));
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 4)));
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 2);
  become_ready (fixture, 1);
  assert_runs (fixture, 1, 2);
  become_ready (fixture, 2);
  assert_runs (fixture, 2, 3);
  become_ready (fixture, 0);
  assert_idle (fixture, 0);
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 0)));
}

/* A17: workers leave when there is nothing left to do. */
static void
test_close (Fixture       *fixture,
            gconstpointer  max_workers)
{
  for (guint i = 0; i < 4; i++)
    push (fixture);
  become_ready (fixture, 0);
  become_ready (fixture, 1);
  ppool_scheduler_close (fixture->scheduler);
  for (guint i = 0; i < 3; i++)
    g_assert_false (get_process (fixture, i)->is_retired);

  become_ready (fixture, 0);
  assert_runs (fixture, 0, 2);
  become_ready (fixture, 1);
  assert_runs (fixture, 1, 3);
  /* The queue is empty: nobody needs the one that is still being started. */
  become_ready (fixture, 0);
  g_assert_true (get_process (fixture, 0)->is_retired);
  g_assert_true (get_process (fixture, 2)->is_retired);
  g_assert_false (get_process (fixture, 1)->is_retired);
  become_ready (fixture, 1);
  g_assert_true (get_process (fixture, 1)->is_retired);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (get_process (fixture, i)->retire_reason, ==,
                     PPOOL_WORKER_EXIT_REASON_SHUTDOWN);

  /* What a leaving one still says is no news. */
  become_ready (fixture, 2);
  g_assert_cmpuint (ppool_scheduler_get_n_slots (fixture->scheduler), ==, 3);
  for (guint i = 0; i < 3; i++)
    forget (fixture, i);
  g_assert_cmpuint (ppool_scheduler_get_n_slots (fixture->scheduler), ==, 0);
  g_assert_cmpuint (fixture->processes->len, ==, 3);
}

static void
test_close_unused (Fixture       *fixture,
                   gconstpointer  max_workers)
{
  ppool_scheduler_close (fixture->scheduler);
  g_assert_cmpuint (fixture->processes->len, ==, 0);
}

/* The last call is withdrawn when all the others have been answered. */
static void
test_close_withdraw (Fixture       *fixture,
                     gconstpointer  max_workers)
{
  push (fixture);
  ppool_scheduler_close (fixture->scheduler);
  g_assert_false (get_process (fixture, 0)->is_retired);
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, get_record (fixture, 0)));
  g_assert_true (get_process (fixture, 0)->is_retired);
}

/* A slot that becomes free while calls wait is taken. */
static void
test_replacement (Fixture       *fixture,
                  gconstpointer  max_workers)
{
  for (guint i = 0; i < 5; i++)
    push (fixture);
  for (guint i = 0; i < 3; i++)
    become_ready (fixture, i);
  forget (fixture, 1);
  g_assert_cmpuint (fixture->processes->len, ==, 4);
  become_ready (fixture, 3);
  assert_runs (fixture, 3, 3);

  /* But not for nothing. */
  become_ready (fixture, 0);
  become_ready (fixture, 0);
  forget (fixture, 0);
  g_assert_cmpuint (fixture->processes->len, ==, 4);
}

/* A worker that something is wrong with, whatever it was at. */
static void
test_evicted (Fixture       *fixture,
              gconstpointer  max_workers)
{
  for (guint i = 0; i < 3; i++)
    push (fixture);
  become_ready (fixture, 0);
  become_ready (fixture, 1);
  become_ready (fixture, 1);
  assert_runs (fixture, 1, 2);
  for (guint i = 0; i < 3; i++)
    ppool_scheduler_evict_slot (fixture->scheduler, &get_process (fixture, i)->slot);
  g_assert_cmpuint (ppool_scheduler_get_n_running (fixture->scheduler), ==, 0);
  g_assert_cmpuint (ppool_scheduler_get_n_slots (fixture->scheduler), ==, 3);

  become_ready (fixture, 2);
  push (fixture);
  g_assert_cmpuint (ppool_scheduler_get_n_pending (fixture->scheduler), ==, 1);
  forget (fixture, 0);
  g_assert_cmpuint (fixture->processes->len, ==, 4);
  become_ready (fixture, 3);
  assert_runs (fixture, 3, 3);
}

static void
test_fewer (Fixture       *fixture,
            gconstpointer  max_workers)
{
  for (guint i = 0; i < 3; i++)
    push (fixture);
  for (guint i = 0; i < 3; i++)
    become_ready (fixture, i);
  become_ready (fixture, 0);
  set_max (fixture, 1);
  g_assert_true (get_process (fixture, 0)->is_retired);
  g_assert_false (get_process (fixture, 1)->is_retired);
  become_ready (fixture, 1);
  g_assert_true (get_process (fixture, 1)->is_retired);
  g_assert_cmpint (get_process (fixture, 1)->retire_reason, ==, PPOOL_WORKER_EXIT_REASON_SURPLUS);
  become_ready (fixture, 2);
  g_assert_false (get_process (fixture, 2)->is_retired);
}

static void
add (const char *path,
     void      (*func) (Fixture *fixture, gconstpointer max_workers))
{
  g_test_add (path, Fixture, GUINT_TO_POINTER (3), set_up, func, tear_down);
}

/* What comes back keeps its place, in whatever order it comes. */
static void
test_put_back (Fixture       *fixture,
               gconstpointer  max_workers)
{
  g_autoptr (GPtrArray) records =
    g_ptr_array_new_with_free_func ((GDestroyNotify) ppool_record_unref);

  for (guint i = 0; i < 3; i++)
    push (fixture);
  for (guint i = 0; i < 3; i++)
    become_ready (fixture, i);
  for (guint i = 3; i < 6; i++)
    push (fixture);
  for (guint i = 0; i < 3; i++)
    {
      FakeProcess *process = get_process (fixture, 2 - i);

      ppool_scheduler_evict_slot (fixture->scheduler, &process->slot);
      g_ptr_array_add (records, g_steal_pointer (&process->record));
    }
  ppool_scheduler_put_back (fixture->scheduler, records);

  for (guint i = 3; i < 6; i++)
    {
      guint n = 0;

      become_ready (fixture, i);
      while (n < 3 && get_process (fixture, i)->record != get_record (fixture, n))
        n++;
      g_assert_cmpuint (n, ==, i - 3);
    }
}

/* No more workers start at a time, whatever waits. */
static void
test_limit_starts (Fixture       *fixture,
                   gconstpointer  max_workers)
{
  ppool_scheduler_limit_starts (fixture->scheduler, 0);
  for (guint i = 0; i < 5; i++)
    push (fixture);
  g_assert_cmpuint (fixture->processes->len, ==, 0);

  ppool_scheduler_limit_starts (fixture->scheduler, 1);
  g_assert_cmpuint (fixture->processes->len, ==, 1);
  become_ready (fixture, 0);
  g_assert_cmpuint (fixture->processes->len, ==, 2);
  ppool_scheduler_limit_starts (fixture->scheduler, G_MAXUINT);
  g_assert_cmpuint (fixture->processes->len, ==, 3);
}

/* What is not sent can be taken back from any worker, also from one that is good for nothing,
 * which gets no other then. */
static void
test_withdraw_unsent (Fixture       *fixture,
                      gconstpointer  max_workers)
{
  PPoolRecord *record = push (fixture);
  FakeProcess *process;

  become_ready (fixture, 0);
  process = get_process (fixture, 0);
  g_assert_false (ppool_scheduler_withdraw (fixture->scheduler, record));
  record->stage = PPOOL_RECORD_ASSIGNED;
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, record));

  record = push (fixture);
  g_assert_true (process->record == record);
  ppool_scheduler_slot_unfit (fixture->scheduler, &process->slot);
  record->stage = PPOOL_RECORD_ASSIGNED;
  g_assert_true (ppool_scheduler_withdraw (fixture->scheduler, record));
  push (fixture);
  g_assert_null (process->record);
}

/* Its owner may come to have none of what workers need. */
static void
test_reset (Fixture       *fixture,
            gconstpointer  max_workers)
{
  fixture->settings.spare_workers = 1;
  ppool_scheduler_reset (fixture->scheduler);
  ppool_scheduler_limit_starts (fixture->scheduler, G_MAXUINT);
  set_max (fixture, 2);
  g_assert_cmpuint (fixture->processes->len, ==, 0);
  ppool_scheduler_open (fixture->scheduler);
  g_assert_cmpuint (fixture->processes->len, ==, 1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add ("/scheduler/on-demand", test_on_demand);
  add ("/scheduler/maximum", test_maximum);
  add ("/scheduler/order", test_order);
  add ("/scheduler/enough-starting", test_enough_starting);
  add ("/scheduler/withdraw", test_withdraw);
  add ("/scheduler/close", test_close);
  add ("/scheduler/close-unused", test_close_unused);
  add ("/scheduler/close-withdraw", test_close_withdraw);
  add ("/scheduler/replacement", test_replacement);
  add ("/scheduler/evicted", test_evicted);
  add ("/scheduler/fewer", test_fewer);
  add ("/scheduler/put-back", test_put_back);
  add ("/scheduler/limit-starts", test_limit_starts);
  add ("/scheduler/withdraw-unsent", test_withdraw_unsent);
  add ("/scheduler/reset", test_reset);

  return g_test_run ();
}
