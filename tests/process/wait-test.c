/* wait-test.c: waiting for many futures
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "held.h"

#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WAITS  20000
#define N_ROUNDS 30
#define N_RACING 40

/* Ways to wait, each of which is to say the same. */

typedef struct
{
  GPtrArray *done;
  GError *error;
  gboolean is_over;
  gint64 usec;
} Outcome;

static void
outcome_clear (Outcome *self)
{
  g_clear_pointer (&self->done, g_ptr_array_unref);
  g_clear_error (&self->error);
  self->is_over = FALSE;
}

static void
waited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Outcome *outcome = user_data;

  g_assert_null (source);
  outcome->done = ppool_wait_futures_finish (result, &outcome->error);
  outcome->is_over = TRUE;
}

static gboolean
is_over (gpointer user_data)
{
  return ((Outcome *) user_data)->is_over;
}

typedef void (*WaitFunc) (Outcome          *outcome,
                          PPoolFuture     **futures,
                          gsize             n_futures,
                          PPoolReturnWhen   return_when,
                          int               timeout_msec,
                          GCancellable     *cancellable);

static void
wait_sync (Outcome          *outcome,
           PPoolFuture     **futures,
           gsize             n_futures,
           PPoolReturnWhen   return_when,
           int               timeout_msec,
           GCancellable     *cancellable)
{
  gint64 before = g_get_monotonic_time ();

  outcome->done = ppool_wait_futures (futures, n_futures, return_when, timeout_msec, cancellable,
                                      &outcome->error);
  outcome->usec = g_get_monotonic_time () - before;
}

static void
wait_async (Outcome          *outcome,
            PPoolFuture     **futures,
            gsize             n_futures,
            PPoolReturnWhen   return_when,
            int               timeout_msec,
            GCancellable     *cancellable)
{
  gint64 before = g_get_monotonic_time ();

  ppool_wait_futures_async (futures, n_futures, return_when, timeout_msec, cancellable, waited_cb,
                            outcome);
  g_assert_false (outcome->is_over);
  harness_iterate_until (is_over, outcome);
  outcome->usec = g_get_monotonic_time () - before;
}

static const WaitFunc wait_funcs[] = { wait_sync, wait_async };

/* The futures that are there have these numbers, in that order. */
static void
assert_done (Outcome      *outcome,
             PPoolFuture **futures,
             const char   *numbers)
{
  g_autoptr (GString) got = g_string_new (NULL);

  g_assert_no_error (outcome->error);
  g_assert_nonnull (outcome->done);
  for (guint i = 0; i < outcome->done->len; i++)
    {
      guint number = 0;

      while (futures[number] != outcome->done->pdata[i])
        number++;
      g_assert_true (ppool_future_is_done (futures[number]));
      g_string_append_printf (got, "%u", number);
    }
  g_assert_cmpstr (got->str, ==, numbers);
  outcome_clear (outcome);
}

/* In every way. */
static void
assert_wait (PPoolFuture     **futures,
             gsize             n_futures,
             PPoolReturnWhen   return_when,
             int               timeout_msec,
             const char       *numbers)
{
  for (guint i = 0; i < G_N_ELEMENTS (wait_funcs); i++)
    {
      Outcome outcome = { 0 };

      wait_funcs[i] (&outcome, futures, n_futures, return_when, timeout_msec, NULL);
      if (timeout_msec > 0)
        g_test_message ("%d ms: %" G_GINT64_FORMAT " µs", timeout_msec, outcome.usec);
      assert_done (&outcome, futures, numbers);
    }
}

static PPoolFuture *
submit_failure (PPoolExecutor *executor,
                int            code)
{
  return harness_submit (executor, "fail",
                         g_variant_new ("(sis)", "g-io-error-quark", code, "on purpose"));
}

static void
clear_futures (PPoolFuture **futures,
               gsize         n_futures)
{
  for (gsize i = 0; i < n_futures; i++)
    g_clear_object (&futures[i]);
}

/* A16: all of them, of several executors, each once. */
static void
test_all (Harness *harness)
{
  g_autoptr (PPoolExecutor) one = harness_executor (1);
  g_autoptr (PPoolExecutor) two = harness_executor (1);
  PPoolFuture *futures[] = {
    harness_submit (one, "echo", NULL),
    harness_submit (two, "echo", NULL),
    submit_failure (one, G_IO_ERROR_FAILED),
    harness_submit (two, "pid", NULL),
  };
  PPoolFuture *twice[] = { futures[3], futures[1], futures[3], futures[3], futures[1] };

  assert_wait (futures, 4, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, "0123");
  assert_wait (twice, 5, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, "01");
  assert_wait (twice, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, "0");
  clear_futures (futures, 4);
}

/* Duplicates of a future that is not done, too. */
static void
test_duplicates (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  Held held;
  Outcome outcome = { 0 };

  held_init (&held, harness, executor);
  ppool_wait_futures_async ((PPoolFuture *[]){ held.future, held.future, held.future }, 3,
                            PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL, waited_cb, &outcome);
  held_let_go (&held);
  harness_iterate_until (is_over, &outcome);
  assert_done (&outcome, &held.future, "0");
  held_clear (&held);
}

/* A16: an empty list returns at once. */
static void
test_empty (Harness *harness)
{
  for (guint i = PPOOL_RETURN_WHEN_FIRST_COMPLETED; i <= PPOOL_RETURN_WHEN_ALL_COMPLETED; i++)
    {
      assert_wait (NULL, 0, i, -1, "");
      assert_wait (NULL, 0, i, 0, "");
    }
}

/* A16: the first that is done; also if it is one before the call. */
static void
test_first_completed (Harness *harness)
{
  g_autoptr (PPoolExecutor) slow = harness_executor (1);
  g_autoptr (PPoolExecutor) quick = harness_executor (1);
  Held held;
  PPoolFuture *futures[3];

  held_init (&held, harness, slow);
  futures[0] = g_object_ref (held.future);
  futures[1] = harness_submit (slow, "echo", NULL);
  futures[2] = harness_submit (quick, "echo", NULL);
  assert_wait (futures, 3, PPOOL_RETURN_WHEN_FIRST_COMPLETED, -1, "2");
  held_let_go (&held);
  harness_assert_value (futures[1], "()");
  assert_wait (futures, 3, PPOOL_RETURN_WHEN_FIRST_COMPLETED, -1, "012");
  clear_futures (futures, 3);
  held_clear (&held);
}

/* A16: a value is no error and a cancelled future is none; what a function
 * returned is one, whatever it is. */
static void
test_first_error (Harness *harness)
{
  g_autoptr (PPoolExecutor) slow = harness_executor (1);
  g_autoptr (PPoolExecutor) quick = harness_executor (1);
  Held held;
  PPoolFuture *futures[4];

  held_init (&held, harness, slow);
  futures[0] = g_object_ref (held.future);
  futures[1] = harness_submit (slow, "echo", NULL);
  futures[2] = harness_submit (quick, "echo", NULL);
  g_assert_true (ppool_future_cancel (futures[1]));
  harness_assert_value (futures[2], "()");
  assert_wait (futures, 3, PPOOL_RETURN_WHEN_FIRST_ERROR, 20, "12");
  assert_wait (futures + 1, 2, PPOOL_RETURN_WHEN_FIRST_ERROR, -1, "01");

  futures[3] = submit_failure (quick, G_IO_ERROR_CANCELLED);
  assert_wait (futures, 4, PPOOL_RETURN_WHEN_FIRST_ERROR, -1, "123");
  assert_wait (futures, 4, PPOOL_RETURN_WHEN_FIRST_ERROR, -1, "123");
  clear_futures (futures, 4);
  held_clear (&held);
}

/* The error comes while somebody waits. */
static void
test_first_error_late (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  PPoolFuture *futures[3];
  Outcome outcome = { 0 };
  Held slow, other;

  held_init (&slow, harness, executor);
  held_init (&other, harness, executor);
  futures[0] = slow.future;
  futures[1] = other.future;
  futures[2] = submit_failure (executor, G_IO_ERROR_FAILED);
  ppool_wait_futures_async (futures, 3, PPOOL_RETURN_WHEN_FIRST_ERROR, -1, NULL, waited_cb,
                            &outcome);
  held_let_go (&other);
  harness_iterate_until (is_over, &outcome);
  assert_done (&outcome, futures, "12");
  g_clear_object (&futures[2]);
  held_clear (&slow);
  held_clear (&other);
}

/* A16: the time is up: those that are done, and no error. */
static void
test_timeout (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  Held held;
  PPoolFuture *futures[2];

  held_init (&held, harness, executor);
  futures[0] = held.future;
  futures[1] = harness_submit (executor, "echo", NULL);
  harness_assert_value (futures[1], "()");
  assert_wait (futures, 2, PPOOL_RETURN_WHEN_ALL_COMPLETED, 0, "1");
  assert_wait (futures, 2, PPOOL_RETURN_WHEN_ALL_COMPLETED, 30, "1");
  assert_wait (futures, 1, PPOOL_RETURN_WHEN_FIRST_COMPLETED, 0, "");
  assert_wait (futures, 1, PPOOL_RETURN_WHEN_FIRST_COMPLETED, 30, "");
  assert_wait (futures, 2, PPOOL_RETURN_WHEN_FIRST_ERROR, 30, "1");
  g_clear_object (&futures[1]);
  held_clear (&held);
}

static gpointer
cancel_thread (gpointer user_data)
{
  g_cancellable_cancel (user_data);

  return NULL;
}

/* The cancellable stops the waiting, and nothing else. */
static void
test_cancellable (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  Held held;

  held_init (&held, harness, executor);
  for (guint i = 0; i < G_N_ELEMENTS (wait_funcs); i++)
    for (guint early = 0; early < 2; early++)
      {
        g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
        GThread *thread = g_thread_new ("canceller", cancel_thread, cancellable);
        Outcome outcome = { 0 };

        if (early)
          g_thread_join (g_steal_pointer (&thread));
        wait_funcs[i] (&outcome, &held.future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1,
                       cancellable);
        g_assert_null (outcome.done);
        harness_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "futures", NULL);
        g_assert_true (ppool_future_is_running (held.future));
        outcome_clear (&outcome);
        if (thread != NULL)
          g_thread_join (thread);
      }
  held_let_go (&held);

  /* There is nothing to stop. */
  for (guint i = 0; i < G_N_ELEMENTS (wait_funcs); i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Outcome outcome = { 0 };

      g_cancellable_cancel (cancellable);
      wait_funcs[i] (&outcome, &held.future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, cancellable);
      assert_done (&outcome, &held.future, "0");
    }
  held_clear (&held);
}

static void
wait_when_cancelled_cb (GCancellable *cancellable,
                        gpointer      user_data)
{
  Held *held = user_data;
  Outcome outcome = { 0 };

  wait_sync (&outcome, &held->future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, cancellable);
  g_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  outcome_clear (&outcome);
}

/* To wait in the very handler of the cancellable doesn't hang. */
static void
test_cancellable_handler (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Held held;

  held_init (&held, harness, executor);
  g_signal_connect (cancellable, "cancelled", G_CALLBACK (wait_when_cancelled_cb), &held);
  g_cancellable_cancel (cancellable);
  held_clear (&held);
}

/* A16: cancelled is done. */
static void
test_cancelled_future (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  PPoolFuture *futures[2];
  Outcome outcome = { 0 };
  Held held;

  held_init (&held, harness, executor);
  futures[0] = harness_submit (executor, "echo", NULL);
  futures[1] = harness_submit (executor, "echo", NULL);
  ppool_wait_futures_async (futures, 2, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL, waited_cb,
                            &outcome);
  g_assert_true (ppool_future_cancel (futures[1]));
  g_assert_true (ppool_future_cancel (futures[0]));
  harness_iterate_until (is_over, &outcome);
  assert_done (&outcome, futures, "01");
  clear_futures (futures, 2);
  held_clear (&held);
}

/* A13: everything fails at once, and is done. */
static void
test_broken (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolExecutor) other = harness_executor (1);
  PPoolFuture *futures[20];
  Outcome outcome = { 0 }, first = { 0 };
  Held held, sound;

  held_init (&sound, harness, other);
  held_init (&held, harness, executor);
  futures[0] = g_object_ref (sound.future);
  futures[1] = g_object_ref (held.future);
  for (guint i = 2; i < G_N_ELEMENTS (futures); i++)
    futures[i] = harness_submit_gate (executor, held.gate);
  ppool_wait_futures_async (futures + 1, G_N_ELEMENTS (futures) - 1,
                            PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL, waited_cb, &outcome);
  ppool_wait_futures_async (futures, G_N_ELEMENTS (futures), PPOOL_RETURN_WHEN_FIRST_ERROR, -1,
                            NULL, waited_cb, &first);
  kill (held.visitor.pid, SIGKILL);
  harness_iterate_until (is_over, &outcome);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.done->len, ==, G_N_ELEMENTS (futures) - 1);
  harness_iterate_until (is_over, &first);
  g_assert_no_error (first.error);
  g_assert_cmpuint (first.done->len, >=, 1);
  for (guint i = 0; i < first.done->len; i++)
    g_assert_true (first.done->pdata[i] != sound.future);
  outcome_clear (&outcome);
  outcome_clear (&first);
  clear_futures (futures, G_N_ELEMENTS (futures));
  held_clear (&held);
  held_clear (&sound);
}

static void
own_context_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_assert_true (g_main_context_is_owner (g_main_context_get_thread_default ()));
  waited_cb (source, result, user_data);
}

static gpointer
context_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Outcome outcome = { 0 };

  g_main_context_push_thread_default (context);
  ppool_wait_futures_async (user_data, 2, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL,
                            own_context_cb, &outcome);
  harness_iterate_until (is_over, &outcome);
  assert_done (&outcome, user_data, "01");
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_context (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  PPoolFuture *futures[2];
  GThread *threads[3];
  Held one, two;

  held_init (&one, harness, executor);
  held_init (&two, harness, executor);
  futures[0] = one.future;
  futures[1] = two.future;
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("waiter", context_thread, futures);
  held_let_go (&two);
  held_let_go (&one);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  held_clear (&one);
  held_clear (&two);
}

static void
never_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_assert_null (result);
}

/* Nobody iterates that context: the futures are let go of when it is freed,
 * before they are done and afterwards. */
static void
test_context_freed (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GMainContext *before = g_main_context_new ();
  GMainContext *after = g_main_context_new ();
  GMainContext *contexts[] = { before, after };
  Held held;

  held_init (&held, harness, executor);
  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      g_main_context_push_thread_default (contexts[i]);
      ppool_wait_futures_async (&held.future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL,
                                never_cb, NULL);
      ppool_wait_futures_async (&held.future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, 100000,
                                cancellable, never_cb, NULL);
      g_main_context_pop_thread_default (contexts[i]);
    }
  g_main_context_unref (before);
  held_let_go (&held);
  g_main_context_unref (after);
  g_assert_finalize_object (g_steal_pointer (&held.future));
  held_clear (&held);
}

/* What a caller gave is not held by a future that was waited for. */
static void
test_inputs (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GCancellable *cancellable = g_cancellable_new ();
  g_autoptr (PPoolFuture) future = harness_track (
      ppool_executor_submit (executor, "echo", NULL, cancellable, NULL));

  assert_wait (&future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, "0");
  g_assert_finalize_object (cancellable);
}

/* 0 where that can't be known. */
static gsize
allocated_bytes (void)
{
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
  return mallinfo2 ().uordblks;
#endif
#endif
  return 0;
}

static void
result_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_assert_null (ppool_future_result_finish (PPOOL_FUTURE (source), result, NULL));
  *(gboolean *) user_data = TRUE;
}

static void
done_cb (PPoolFuture *future,
         gpointer     user_data)
{
  *(gboolean *) user_data = TRUE;
}

/* In each way in which somebody can wait and be stopped. */
static void
wait_in_vain (PPoolFuture *future,
              guint        n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      gboolean has_result = FALSE, is_done = FALSE;
      Outcome outcome = { 0 };

      g_object_unref (ppool_as_completed_new (&future, 1, -1));
      ppool_future_remove_done_callback (
          future, ppool_future_add_done_callback (future, done_cb, &is_done, NULL));
      if (i % 100 == 0)
        {
          wait_sync (&outcome, &future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, 1, NULL);
          assert_done (&outcome, &future, "");
        }
      ppool_wait_futures_async (&future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, cancellable,
                                waited_cb, &outcome);
      ppool_future_result_async (future, cancellable, result_cb, &has_result);
      g_cancellable_cancel (cancellable);
      while (!outcome.is_over || !has_result)
        g_main_context_iteration (NULL, TRUE);
      g_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_false (is_done);
      outcome_clear (&outcome);
    }
}

/* However often somebody waits for a future that is never done, nothing stays. */
static void
test_memory (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  gsize before, after;
  Held held;

  held_init (&held, harness, executor);
  wait_in_vain (held.future, N_WAITS / 10);
  before = allocated_bytes ();
  wait_in_vain (held.future, N_WAITS);
  after = allocated_bytes ();
  g_test_message ("%d waits: %zu bytes before, %zu after", N_WAITS, before, after);
  g_assert_cmpuint (after, <=, before + N_WAITS);
  held_clear (&held);
}

static gpointer
race_thread (gpointer user_data)
{
  GPtrArray *futures = user_data;
  PPoolFuture **all = (PPoolFuture **) futures->pdata;
  Outcome outcome = { 0 };
  guint n_done = 0;

  do
    {
      wait_sync (&outcome, all + n_done, futures->len - n_done, PPOOL_RETURN_WHEN_FIRST_COMPLETED,
                 -1, NULL);
      g_assert_no_error (outcome.error);
      g_assert_cmpuint (outcome.done->len, >, 0);
      outcome_clear (&outcome);
      while (n_done < futures->len && ppool_future_is_done (all[n_done]))
        n_done++;
    }
  while (n_done < futures->len);

  wait_sync (&outcome, all, futures->len, PPOOL_RETURN_WHEN_FIRST_ERROR, -1, NULL);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.done->len, ==, futures->len);
  outcome_clear (&outcome);

  return NULL;
}

/* Futures of two executors get done while several threads begin to wait. */
static void
test_race (Harness *harness)
{
  g_autoptr (PPoolExecutor) one = harness_executor (2);
  g_autoptr (PPoolExecutor) two = harness_executor (2);

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
      Outcome outcome = { 0 }, later = { 0 };
      GThread *threads[2];

      for (guint i = 0; i < N_RACING; i++)
        g_ptr_array_add (futures, harness_submit (i % 2 ? one : two, "echo", NULL));
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("waiter", race_thread, futures);
      ppool_wait_futures_async ((PPoolFuture **) futures->pdata, futures->len,
                                PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL, waited_cb, &later);
      wait_sync (&outcome, (PPoolFuture **) futures->pdata, futures->len,
                 PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL);
      g_assert_cmpuint (outcome.done->len, ==, futures->len);
      outcome_clear (&outcome);
      harness_iterate_until (is_over, &later);
      g_assert_cmpuint (later.done->len, ==, futures->len);
      outcome_clear (&later);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
    }
}

static gpointer
iterate_thread (gpointer user_data)
{
  GMainContext *context = g_main_context_default ();

  if (!g_main_context_acquire (context))
    g_error ("Somebody has the default context");
  while (!g_atomic_int_get ((int *) user_data))
    g_main_context_iteration (context, TRUE);
  g_main_context_release (context);

  return NULL;
}

static void
count_waits_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (GPtrArray) done = ppool_wait_futures_finish (result, NULL);

  g_assert_nonnull (done);
  g_atomic_int_inc ((int *) user_data);
}

/* A callback that comes while the call that asks for it has not returned. */
static void
test_race_context (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);
  GThread *thread;
  int stop = FALSE, n = 0;
  Held held;

  harness_assert_value (future, "()");
  held_init (&held, harness, executor);
  thread = g_thread_new ("iterator", iterate_thread, &stop);
  for (guint i = 0; i < N_WAITS / 10; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      ppool_wait_futures_async ((PPoolFuture *[]){ held.future, future }, 2,
                                i % 2 ? PPOOL_RETURN_WHEN_ALL_COMPLETED
                                      : PPOOL_RETURN_WHEN_FIRST_COMPLETED,
                                0, cancellable, count_waits_cb, &n);
    }
  while (g_atomic_int_get (&n) < N_WAITS / 10)
    g_thread_yield ();
  g_atomic_int_set (&stop, TRUE);
  g_main_context_wakeup (NULL);
  g_thread_join (thread);
  held_clear (&held);
}

static void
wait_in_copy (PPoolFuture      *future,
              PPoolAsCompleted *completed)
{
  g_autofree char *expected = g_strdup_printf ("belong to process %d", getppid ());
  g_autofree char *foreign = g_strdup_printf ("belongs to process %d", getppid ());
  g_autoptr (PPoolAsCompleted) late = ppool_as_completed_new (&future, 1, -1);
  GError *error = NULL;

  g_assert_null (ppool_wait_futures (&future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL,
                                     &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, foreign, NULL);
  g_clear_error (&error);
  g_assert_null (ppool_as_completed_next_future (completed, -1, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, expected, NULL);
  g_clear_error (&error);
  g_assert_null (ppool_as_completed_next_future (late, -1, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, foreign, NULL);
  g_clear_error (&error);
  g_object_unref (completed);
}

/* A25: a forked copy can't wait, and doesn't hang. */
static void
test_forked_copy (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Held held;
  int pid, status;

  held_init (&held, harness, executor);
  completed = harness_track (ppool_as_completed_new (&held.future, 1, -1));
  pid = fork ();
  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      wait_in_copy (held.future, completed);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  held_clear (&held);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A16 */
  harness_add ("/wait/all", test_all);
  harness_add ("/wait/duplicates", test_duplicates);
  harness_add ("/wait/empty", test_empty);
  harness_add ("/wait/first-completed", test_first_completed);
  harness_add ("/wait/first-error", test_first_error);
  harness_add ("/wait/first-error/late", test_first_error_late);
  harness_add ("/wait/timeout", test_timeout);
  harness_add ("/wait/cancellable", test_cancellable);
  harness_add ("/wait/cancellable/handler", test_cancellable_handler);
  harness_add ("/wait/cancelled-future", test_cancelled_future);
  harness_add ("/wait/broken", test_broken);
  harness_add ("/wait/context", test_context);
  harness_add ("/wait/context/freed", test_context_freed);
  harness_add ("/wait/inputs", test_inputs);
  harness_add ("/wait/memory", test_memory);
  harness_add ("/wait/race", test_race);
  harness_add ("/wait/race/context", test_race_context);
  harness_add ("/wait/forked-copy", test_forked_copy);

  return g_test_run ();
}
