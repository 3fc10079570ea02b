/* outcome-test.c: a call settles once, and all who wait are told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-record-private.h"

#include "ppool-error.h"

#define N_WAITERS 4
#define N_THREADS 4
#define N_ROUNDS 500

typedef struct
{
  PPoolRecord *record; /* (owned) */
  PPoolOutcomeWaiter waiters[N_WAITERS];
  guint n_told;
  gboolean adds_more; /* the first one adds the last one */
} Fixture;

static Fixture *current;

static void
ignore_record (gpointer     owner,
               PPoolRecord *record)
{
}

static void
unref_owner (gpointer owner)
{
}

static const PPoolRecordOwner owner_funcs = {
  .refresh = ignore_record,
  .settled = ignore_record,
  .unref = unref_owner,
};

static PPoolRecord *
new_record (void)
{
  g_autoptr (PPoolCallSpec) spec = ppool_call_spec_new ("function");

  return ppool_record_new (spec, NULL, &owner_funcs, NULL);
}

static void
told_cb (PPoolOutcome *outcome,
         gpointer      data)
{
  PPoolOutcomeWaiter *waiter = data;

  g_assert_true (waiter == &current->waiters[current->n_told]);
  g_assert_false (waiter->is_waiting);
  if (current->n_told++ == 0 && current->adds_more)
    g_assert_true (ppool_outcome_add_waiter (outcome, &current->waiters[N_WAITERS - 1]));
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  fixture->record = new_record ();
  for (guint i = 0; i < N_WAITERS; i++)
    {
      fixture->waiters[i].func = told_cb;
      fixture->waiters[i].data = &fixture->waiters[i];
    }
  current = fixture;
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  ppool_record_unref (fixture->record);
}

static PPoolFailure *
make_failure (void)
{
  return ppool_failure_new (g_error_new_literal (PPOOL_ERROR, PPOOL_ERROR_BROKEN, "broken"));
}

static void
assert_value (PPoolRecord *record,
              gint32       expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_record_propagate (record, &error);

  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (value), ==, expected);
}

/* The first outcome is the one, whatever comes later. */
static void
test_once (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_int32 (1));
  g_autoptr (GVariant) other = g_variant_ref_sink (g_variant_new_int32 (2));
  g_autoptr (PPoolFailure) failure = make_failure ();
  PPoolHistory before, after;

  g_assert_true (ppool_outcome_add_waiter (&fixture->record->outcome, &fixture->waiters[0]));
  g_assert_true (ppool_outcome_settle_result (&fixture->record->outcome, 0, 0, value, NULL));
  ppool_record_get_history (fixture->record, &before);

  g_assert_false (ppool_outcome_settle_result (&fixture->record->outcome, 0, 0, other, NULL));
  g_assert_false (ppool_outcome_settle_failure (&fixture->record->outcome, failure));
  g_assert_false (ppool_outcome_settle_cancelled (&fixture->record->outcome));
  ppool_outcome_start (&fixture->record->outcome, 7, 0);

  ppool_record_get_history (fixture->record, &after);
  g_assert_cmpint (ppool_record_get_state (fixture->record), ==, PPOOL_FUTURE_STATE_FINISHED);
  g_assert_cmpint (after.finished_time, ==, before.finished_time);
  g_assert_cmpuint (after.worker_pid, ==, 0);
  g_assert_cmpuint (fixture->n_told, ==, 1);
  assert_value (fixture->record, 1);
}

/* In the order of their arrival, and nobody who was taken back. */
static void
test_waiters (Fixture       *fixture,
              gconstpointer  data)
{
  for (guint i = 0; i < N_WAITERS; i++)
    g_assert_true (ppool_outcome_add_waiter (&fixture->record->outcome, &fixture->waiters[i]));
  g_assert_true (
    ppool_outcome_remove_waiter (&fixture->record->outcome, &fixture->waiters[N_WAITERS - 1]));
  g_assert_false (
    ppool_outcome_remove_waiter (&fixture->record->outcome, &fixture->waiters[N_WAITERS - 1]));

  g_assert_true (ppool_outcome_settle_cancelled (&fixture->record->outcome));
  g_assert_cmpuint (fixture->n_told, ==, N_WAITERS - 1);
  g_assert_false (ppool_outcome_add_waiter (&fixture->record->outcome, &fixture->waiters[0]));
  g_assert_false (ppool_outcome_remove_waiter (&fixture->record->outcome, &fixture->waiters[0]));
}

/* One that arrives while the others are told is told as well. */
static void
test_late_waiter (Fixture       *fixture,
                  gconstpointer  data)
{
  fixture->adds_more = TRUE;
  for (guint i = 0; i < N_WAITERS - 1; i++)
    g_assert_true (ppool_outcome_add_waiter (&fixture->record->outcome, &fixture->waiters[i]));

  g_assert_true (ppool_outcome_settle_cancelled (&fixture->record->outcome));
  g_assert_cmpuint (fixture->n_told, ==, N_WAITERS);
}

typedef struct
{
  PPoolRecord *record; /* (unowned) */
  int n_ready;         /* (atomic) */
  int n_settled;       /* (atomic) */
  int n_told;          /* (atomic) */
} Race;

static void
raced_cb (PPoolOutcome *outcome,
          gpointer      data)
{
  Race *race = data;

  g_atomic_int_inc (&race->n_told);
}

static gpointer
settle_thread (gpointer user_data)
{
  Race *race = user_data;
  g_autoptr (PPoolFailure) failure = make_failure ();
  g_autoptr (GError) error = NULL;
  PPoolOutcomeWaiter waiter = { .func = raced_cb, .data = race };
  gboolean added = ppool_outcome_add_waiter (&race->record->outcome, &waiter);

  g_atomic_int_inc (&race->n_ready);
  while (g_atomic_int_get (&race->n_ready) < N_THREADS)
    g_thread_yield ();

  g_atomic_int_add (&race->n_settled,
                    ppool_outcome_settle_failure (&race->record->outcome, failure));
  error = ppool_outcome_get_error (&race->record->outcome);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);

  /* The one who settled may be telling still, and needs the waiter. */
  while (added && g_atomic_int_get (&race->n_told) < N_THREADS)
    g_thread_yield ();

  return NULL;
}

static void
test_race (void)
{
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      g_autoptr (PPoolRecord) record = new_record ();
      Race race = { .record = record };
      GThread *threads[N_THREADS];

      for (guint i = 0; i < N_THREADS; i++)
        threads[i] = g_thread_new ("settler", settle_thread, &race);
      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (threads[i]);
      g_assert_cmpint (race.n_settled, ==, 1);
      g_assert_cmpint (race.n_told, ==, N_THREADS);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/outcome/once", Fixture, NULL, set_up, test_once, tear_down);
  g_test_add ("/outcome/waiters", Fixture, NULL, set_up, test_waiters, tear_down);
  g_test_add ("/outcome/late-waiter", Fixture, NULL, set_up, test_late_waiter, tear_down);
  g_test_add_func ("/outcome/race", test_race);

  return g_test_run ();
}
