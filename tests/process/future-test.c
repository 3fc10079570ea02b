/* future-test.c: the life of a future, waiting for it, cancelling it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

static void
assert_unsettled (PPoolFuture *future)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ppool_future_is_done (future));
  g_assert_false (ppool_future_is_cancelled (future));
  g_assert_null (ppool_future_get_error (future));
  g_assert_null (ppool_future_propagate (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_null (ppool_future_result (future, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* A7 */
static void
test_states (Harness *harness)
{
  Busy busy;
  g_autoptr (PPoolFuture) next = NULL;

  busy_init (&busy, harness);
  next = harness_submit (busy.executor, "echo", NULL);

  g_assert_cmpint (ppool_future_get_state (busy.future), ==, PPOOL_FUTURE_STATE_RUNNING);
  g_assert_true (ppool_future_is_running (busy.future));
  g_assert_cmpuint (ppool_future_get_worker_pid (busy.future), ==, busy.visitor.pid);
  assert_unsettled (busy.future);
  g_assert_cmpint (ppool_future_get_state (next), ==, PPOOL_FUTURE_STATE_PENDING);
  g_assert_false (ppool_future_is_running (next));
  g_assert_cmpuint (ppool_future_get_worker_pid (next), ==, 0);
  assert_unsettled (next);

  gate_open (busy.visitor, "done");
  harness_assert_value (busy.future, "'done'");
  harness_assert_value (next, "()");
  g_assert_cmpint (ppool_future_get_state (next), ==, PPOOL_FUTURE_STATE_FINISHED);
  g_assert_false (ppool_future_is_running (busy.future));
  g_assert_null (ppool_future_get_error (busy.future));
  busy_clear (&busy);
}

static gpointer
wait_thread (gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_future_result (user_data, -1, &error);

  g_assert_no_error (error);

  return value;
}

static void
test_result_timeouts (Harness *harness)
{
  Busy busy;
  GThread *threads[4];
  g_autoptr (GError) error = NULL;
  gint64 before;

  busy_init (&busy, harness);
  before = g_get_monotonic_time ();
  g_assert_null (ppool_future_result (busy.future, 30, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 30 * 1000);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("waiter", wait_thread, busy.future);
  gate_open (busy.visitor, "for all");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr (GVariant) value = g_thread_join (threads[i]);
      g_autoptr (GVariant) propagated = ppool_future_propagate (busy.future, NULL);
      g_autoptr (GVariant) at_once = ppool_future_result (busy.future, 0, NULL);

      g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "for all");
      g_assert_true (g_variant_equal (value, propagated));
      g_assert_true (g_variant_equal (value, at_once));
    }
  busy_clear (&busy);
}

typedef struct
{
  GVariant *value;
  GError *error;
  gboolean done;
} Answer;

static void
result_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answer *answer = user_data;

  g_assert_true (PPOOL_IS_FUTURE (source));
  answer->value = ppool_future_result_finish (PPOOL_FUTURE (source), result, &answer->error);
  answer->done = TRUE;
}

static gboolean
is_answered (gpointer user_data)
{
  return ((Answer *) user_data)->done;
}

/* The cancellable ends the wait and not the call. */
static void
test_result_async (Harness *harness)
{
  Busy busy;
  Answer patient = { 0 }, impatient = { 0 }, late = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  busy_init (&busy, harness);
  ppool_future_result_async (busy.future, NULL, result_cb, &patient);
  ppool_future_result_async (busy.future, cancellable, result_cb, &impatient);
  ppool_future_result_async (busy.future, NULL, NULL, NULL);
  g_cancellable_cancel (cancellable);
  harness_iterate_until (is_answered, &impatient);
  g_assert_null (impatient.value);
  g_assert_error (impatient.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (patient.done);
  assert_unsettled (busy.future);

  gate_open (busy.visitor, "worth it");
  harness_iterate_until (is_answered, &patient);
  g_assert_no_error (patient.error);
  g_assert_cmpstr (g_variant_get_string (patient.value, NULL), ==, "worth it");

  ppool_future_result_async (busy.future, NULL, result_cb, &late);
  g_assert_false (late.done);
  harness_iterate_until (is_answered, &late);
  g_assert_true (g_variant_equal (late.value, patient.value));
  g_error_free (impatient.error);
  g_variant_unref (patient.value);
  g_variant_unref (late.value);
  busy_clear (&busy);
}

static void
test_async_result (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GObject) source = NULL;
  g_autoptr (GError) error = NULL;

  source = g_async_result_get_source_object (G_ASYNC_RESULT (future));
  g_assert_true (source == G_OBJECT (executor));
  g_clear_object (&source);
  value = harness_result (future);
  g_variant_unref (g_steal_pointer (&value));
  value = ppool_future_result_finish (future, G_ASYNC_RESULT (future), &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (value, G_VARIANT_TYPE_UNIT));

  /* The future does not keep its executor. */
  g_assert_finalize_object (g_steal_pointer (&executor));
  g_assert_null (g_async_result_get_source_object (G_ASYNC_RESULT (future)));
  harness_assert_value (future, "()");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A7, A8 */
  harness_add ("/future/states", test_states);
  harness_add ("/future/result/timeouts", test_result_timeouts);
  harness_add ("/future/result/async", test_result_async);
  harness_add ("/future/async-result", test_async_result);

  return g_test_run ();
}
