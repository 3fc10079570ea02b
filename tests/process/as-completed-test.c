/* as-completed-test.c: many futures, one by one as they are done
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "held.h"

#include <signal.h>

#define N_HELD    4
#define N_ROUNDS  30
#define N_RACING  60
#define N_THREADS 4

static PPoolAsCompleted *
iterate (PPoolFuture **futures,
         gsize         n_futures,
         int           timeout_msec)
{
  return harness_track (ppool_as_completed_new (futures, n_futures, timeout_msec));
}

static void
assert_next (PPoolAsCompleted *completed,
             PPoolFuture      *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolFuture) future = ppool_as_completed_next_future (completed, -1, &error);

  g_assert_no_error (error);
  g_assert_true (future == expected);
  g_assert_true (future == NULL || ppool_future_is_done (future));
}

/* It is so for good. */
static void
assert_end (PPoolAsCompleted *completed)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ppool_as_completed_next_future (completed, i == 0 ? -1 : 0, &error));
      g_assert_no_error (error);
    }
}

static void
assert_timed_out (PPoolAsCompleted *completed,
                  int               timeout_msec,
                  const char       *message)
{
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();

  g_assert_null (ppool_as_completed_next_future (completed, timeout_msec, &error));
  g_test_message ("Waited %" G_GINT64_FORMAT " µs", g_get_monotonic_time () - before);
  harness_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, message, NULL);
}

/* One executor for all but the last, and one for that. */
typedef struct
{
  PPoolExecutor *executors[2];
  Held held[N_HELD];
  PPoolFuture *futures[N_HELD];
} Several;

static void
several_init (Several *self,
              Harness *harness)
{
  self->executors[0] = harness_executor (N_HELD - 1);
  self->executors[1] = harness_executor (1);
  for (guint i = 0; i < N_HELD; i++)
    {
      held_init (&self->held[i], harness, self->executors[i == N_HELD - 1]);
      self->futures[i] = self->held[i].future;
    }
}

static void
several_clear (Several *self)
{
  for (guint i = 0; i < N_HELD; i++)
    held_clear (&self->held[i]);
  for (guint i = 0; i < G_N_ELEMENTS (self->executors); i++)
    g_clear_object (&self->executors[i]);
}

/* A16: in the order in which they are done, those first that were done before;
 * each once, of several executors. */
static void
test_order (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  PPoolFuture *many[2 * N_HELD];
  Several several;

  several_init (&several, harness);
  for (guint i = 0; i < G_N_ELEMENTS (many); i++)
    many[i] = several.futures[i % N_HELD];
  held_let_go (&several.held[3]);
  held_let_go (&several.held[1]);
  completed = iterate (many, G_N_ELEMENTS (many), -1);
  held_let_go (&several.held[2]);
  held_let_go (&several.held[0]);
  assert_next (completed, several.futures[3]);
  assert_next (completed, several.futures[1]);
  assert_next (completed, several.futures[2]);
  assert_next (completed, several.futures[0]);
  assert_end (completed);
  several_clear (&several);
}

static gpointer
let_go_thread (gpointer user_data)
{
  Several *several = user_data;

  for (guint i = N_HELD; i > 0; i--)
    held_let_go (&several->held[i - 1]);

  return NULL;
}

/* Whoever waits is woken by each. */
static void
test_blocking (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Several several;
  GThread *thread;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  thread = g_thread_new ("gate keeper", let_go_thread, &several);
  for (guint i = N_HELD; i > 0; i--)
    assert_next (completed, several.futures[i - 1]);
  assert_end (completed);
  g_thread_join (thread);
  several_clear (&several);
}

static void
test_empty (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) none = iterate (NULL, 0, -1);
  g_autoptr (PPoolAsCompleted) late = iterate (NULL, 0, 0);
  g_autoptr (PPoolAsCompleted) unmade = harness_track (g_object_new (PPOOL_TYPE_AS_COMPLETED,
                                                                     NULL));

  assert_end (none);
  assert_end (late);
  assert_end (unmade);
}

/* A16: cancelled and failed futures are done. */
static void
test_outcomes (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolAsCompleted) completed = NULL;
  PPoolFuture *futures[3];
  Held held;

  held_init (&held, harness, executor);
  futures[0] = held.future;
  futures[1] = harness_submit (executor, "fail",
                               g_variant_new ("(sis)", "g-io-error-quark", G_IO_ERROR_BUSY, ""));
  futures[2] = harness_submit (executor, "echo", NULL);
  completed = iterate (futures, 3, -1);
  g_assert_true (ppool_future_cancel (futures[2]));
  assert_next (completed, futures[2]);
  held_let_go (&held);
  assert_next (completed, futures[0]);
  assert_next (completed, futures[1]);
  assert_end (completed);
  g_object_unref (futures[1]);
  g_object_unref (futures[2]);
  held_clear (&held);
}

static void
let_go_rest (Several *several)
{
  for (guint i = 0; i < N_HELD; i++)
    if (!several->held[i].is_free)
      held_let_go (&several->held[i]);
}

/* The time of one read: the iterator is as it was. */
static void
test_timeout_of_read (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Several several;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  assert_timed_out (completed, 0, "0 ms");
  assert_timed_out (completed, 30, "30 ms");
  held_let_go (&several.held[2]);
  assert_next (completed, several.futures[2]);
  assert_timed_out (completed, 0, "0 ms");
  let_go_rest (&several);
  assert_next (completed, several.futures[0]);
  assert_next (completed, several.futures[1]);
  assert_next (completed, several.futures[3]);
  assert_end (completed);
  several_clear (&several);
}

/* A16: the time of the whole runs from creation; what is done comes before the
 * error, and the end behind it. */
static void
test_timeout (Harness *harness)
{
  const int times[] = { 0, 60 };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autoptr (PPoolAsCompleted) completed = NULL;
      g_autofree char *message = g_strdup_printf ("2 of 4 futures were not done within %d ms",
                                                  times[i]);
      gint64 before;
      Several several;

      several_init (&several, harness);
      held_let_go (&several.held[1]);
      held_let_go (&several.held[0]);
      before = g_get_monotonic_time ();
      completed = iterate (several.futures, N_HELD, times[i]);
      assert_next (completed, several.futures[1]);
      assert_next (completed, several.futures[0]);
      assert_timed_out (completed, i == 0 ? 0 : -1, message);
      g_assert_cmpint (g_get_monotonic_time () - before, >=, times[i] * 1000);
      assert_end (completed);
      g_assert_finalize_object (g_steal_pointer (&completed));
      let_go_rest (&several);
      several_clear (&several);
    }
}

typedef struct
{
  PPoolFuture *future;
  GError *error;
  guint n_over;
} Answer;

static void
next_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Answer *answer = user_data;

  answer->future = ppool_as_completed_next_future_finish (PPOOL_AS_COMPLETED (source), result,
                                                          &answer->error);
  answer->n_over++;
}

static gboolean
is_answered (gpointer user_data)
{
  return ((Answer *) user_data)->n_over > 0;
}

static void
assert_answer (Answer      *answer,
               PPoolFuture *expected)
{
  harness_iterate_until (is_answered, answer);
  g_assert_cmpuint (answer->n_over, ==, 1);
  g_assert_no_error (answer->error);
  g_assert_true (answer->future == expected);
  g_clear_object (&answer->future);
  answer->n_over = 0;
}

static void
assert_refusal (Answer *answer,
                int     code)
{
  harness_iterate_until (is_answered, answer);
  g_assert_cmpuint (answer->n_over, ==, 1);
  g_assert_error (answer->error, G_IO_ERROR, code);
  g_assert_null (answer->future);
  g_clear_error (&answer->error);
  answer->n_over = 0;
}

static void
test_async (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Answer answer = { 0 };
  Several several;

  several_init (&several, harness);
  held_let_go (&several.held[2]);
  completed = iterate (several.futures, N_HELD, -1);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
  g_assert_cmpuint (answer.n_over, ==, 0);
  assert_answer (&answer, several.futures[2]);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
  held_let_go (&several.held[0]);
  assert_answer (&answer, several.futures[0]);
  held_let_go (&several.held[3]);
  held_let_go (&several.held[1]);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
  assert_answer (&answer, several.futures[3]);
  assert_next (completed, several.futures[1]);
  for (guint i = 0; i < 3; i++)
    {
      ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
      assert_answer (&answer, NULL);
    }
  several_clear (&several);
}

/* Who asks first is answered first, and who is too many gets the end. */
static void
test_async_overlapping (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Answer answers[N_HELD + 2] = { 0 };
  Several several;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    ppool_as_completed_next_future_async (completed, NULL, next_cb, &answers[i]);
  for (guint i = 0; i < N_HELD; i++)
    held_let_go (&several.held[i]);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_answer (&answers[i], i < N_HELD ? several.futures[i] : NULL);
  several_clear (&several);
}

/* It stops the waiting, and no future is lost by it. */
static void
test_async_cancellable (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  g_autoptr (GCancellable) cancellable = harness_track (g_cancellable_new ());
  Answer first = { 0 }, second = { 0 };
  Several several;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  ppool_as_completed_next_future_async (completed, cancellable, next_cb, &first);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &second);
  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (first.n_over, ==, 0);
  assert_refusal (&first, G_IO_ERROR_CANCELLED);
  held_let_go (&several.held[0]);
  assert_answer (&second, several.futures[0]);
  ppool_as_completed_next_future_async (completed, cancellable, next_cb, &first);
  assert_refusal (&first, G_IO_ERROR_CANCELLED);

  /* What is there goes to who asks, cancelled or not. */
  g_clear_object (&completed);
  held_let_go (&several.held[1]);
  completed = iterate (several.futures + 1, N_HELD - 1, -1);
  ppool_as_completed_next_future_async (completed, cancellable, next_cb, &first);
  assert_answer (&first, several.futures[1]);
  let_go_rest (&several);
  assert_next (completed, several.futures[2]);
  assert_next (completed, several.futures[3]);
  assert_end (completed);
  several_clear (&several);
}

static void
test_async_timeout (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  Answer answers[3] = { 0 };
  Several several;
  guint n_refused = 0;

  several_init (&several, harness);
  held_let_go (&several.held[0]);
  completed = iterate (several.futures, N_HELD, 30);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answers[0]);
  assert_answer (&answers[0], several.futures[0]);

  /* One is told why, for all it is the end. */
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    ppool_as_completed_next_future_async (completed, NULL, next_cb, &answers[i]);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      harness_iterate_until (is_answered, &answers[i]);
      g_assert_null (answers[i].future);
      if (answers[i].error != NULL)
        g_assert_error (answers[i].error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      n_refused += answers[i].error != NULL;
      g_clear_error (&answers[i].error);
    }
  g_assert_cmpuint (n_refused, ==, 1);
  assert_end (completed);
  several_clear (&several);
}

static void
never_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_assert_null (result);
}

/* What was given to a context that is freed goes to the next one who asks. */
static void
test_async_context_freed (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  GMainContext *context = g_main_context_new ();
  Answer answer = { 0 };
  Several several;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  g_main_context_push_thread_default (context);
  ppool_as_completed_next_future_async (completed, NULL, never_cb, NULL);
  ppool_as_completed_next_future_async (completed, NULL, never_cb, NULL);
  g_main_context_pop_thread_default (context);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
  held_let_go (&several.held[1]);
  held_let_go (&several.held[3]);
  g_main_context_unref (context);
  assert_answer (&answer, several.futures[1]);
  ppool_as_completed_next_future_async (completed, NULL, next_cb, &answer);
  assert_answer (&answer, several.futures[3]);
  several_clear (&several);
}

typedef struct
{
  PPoolAsCompleted *completed;
  GHashTable *seen;
  guint n;
  gboolean is_over;
} Consumer;

static void
consume (Consumer    *consumer,
         PPoolFuture *future)
{
  g_assert_true (ppool_future_is_done (future));
  g_assert_true (g_hash_table_add (consumer->seen, future));
  g_object_unref (future);
}

static gpointer
consumer_thread (gpointer user_data)
{
  Consumer *consumer = user_data;
  g_autoptr (GError) error = NULL;
  PPoolFuture *future;

  while ((future = ppool_as_completed_next_future (consumer->completed, -1, &error)) != NULL)
    consume (consumer, future);
  g_assert_no_error (error);

  return NULL;
}

static void
consume_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  PPoolAsCompleted *completed = PPOOL_AS_COMPLETED (source);
  Consumer *consumer = user_data;
  g_autoptr (GError) error = NULL;
  PPoolFuture *future = ppool_as_completed_next_future_finish (completed, result, &error);

  g_assert_no_error (error);
  consumer->is_over = future == NULL;
  if (future == NULL)
    return;

  consume (consumer, future);
  ppool_as_completed_next_future_async (completed, NULL, consume_cb, consumer);
}

static gboolean
is_consumed (gpointer user_data)
{
  return ((Consumer *) user_data)->is_over;
}

/* Futures of two executors get done while the iterator begins to wait; threads
 * and callbacks share them. */
static void
check_race (PPoolExecutor **executors,
            guint           n_threads)
{
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (PPoolAsCompleted) completed = NULL;
  GThread *threads[N_THREADS];
  Consumer consumers[N_THREADS + 1];
  guint n = 0;

  for (guint i = 0; i < N_RACING; i++)
    g_ptr_array_add (futures, harness_submit (executors[i % 2], "echo", NULL));
  completed = iterate ((PPoolFuture **) futures->pdata, futures->len, -1);
  for (guint i = 0; i <= n_threads; i++)
    consumers[i] = (Consumer){ .completed = completed, .seen = g_hash_table_new (NULL, NULL) };
  for (guint i = 0; i < n_threads; i++)
    threads[i] = g_thread_new ("consumer", consumer_thread, &consumers[i]);
  ppool_as_completed_next_future_async (completed, NULL, consume_cb, &consumers[n_threads]);
  harness_iterate_until (is_consumed, &consumers[n_threads]);
  for (guint i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i <= n_threads; i++)
    {
      n += g_hash_table_size (consumers[i].seen);
      g_hash_table_unref (consumers[i].seen);
    }
  g_assert_cmpuint (n, ==, N_RACING);
}

static void
test_race (Harness *harness)
{
  g_autoptr (PPoolExecutor) one = harness_executor (2);
  g_autoptr (PPoolExecutor) two = harness_executor (2);

  for (guint round = 0; round < N_ROUNDS; round++)
    check_race ((PPoolExecutor *[]){ one, two }, round % (N_THREADS + 1));
}

/* Nothing else holds a future that was given away. */
static void
test_let_go (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  GCancellable *cancellable = g_cancellable_new ();
  Several several;
  PPoolFuture *future;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  held_let_go (&several.held[2]);
  g_clear_object (&several.held[2].future);
  future = ppool_as_completed_next_future (completed, -1, NULL);
  g_assert_true (future == several.futures[2]);
  g_assert_finalize_object (future);

  future = ppool_executor_submit (several.executors[0], "echo", NULL, cancellable, NULL);
  g_clear_object (&completed);
  completed = iterate (&future, 1, -1);
  assert_next (completed, future);
  g_assert_finalize_object (cancellable);
  g_object_unref (future);
  several_clear (&several);
}

/* In the middle: with what is ready and what is not. The calls go on. */
static void
test_drop (Harness *harness)
{
  PPoolAsCompleted *completed;
  Several several;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  held_let_go (&several.held[0]);
  held_let_go (&several.held[1]);
  assert_next (completed, several.futures[0]);
  g_assert_finalize_object (completed);
  held_let_go (&several.held[2]);
  g_assert_true (ppool_future_is_running (several.futures[3]));
  held_let_go (&several.held[3]);
  several_clear (&several);
}

/* The iterator is dropped while calls end in another thread. */
static void
test_drop_race (Harness *harness)
{
  g_autoptr (PPoolExecutor) one = harness_executor (2);
  g_autoptr (PPoolExecutor) two = harness_executor (2);

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
      PPoolAsCompleted *completed;

      for (guint i = 0; i < N_RACING; i++)
        g_ptr_array_add (futures, harness_submit (i % 2 ? one : two, "echo", NULL));
      completed = iterate ((PPoolFuture **) futures->pdata, futures->len, -1);
      for (guint i = 0; i < round; i++)
        g_object_unref (ppool_as_completed_next_future (completed, -1, NULL));
      g_assert_finalize_object (completed);
    }
}

/* A13 */
static void
test_broken (Harness *harness)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  PPoolFuture *future;
  Several several;
  guint n = 0;

  several_init (&several, harness);
  completed = iterate (several.futures, N_HELD, -1);
  kill (several.held[1].visitor.pid, SIGKILL);
  while (n < N_HELD - 1 &&
         (future = ppool_as_completed_next_future (completed, -1, NULL)) != NULL)
    {
      g_autoptr (GError) error = ppool_future_get_error (future);

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
      g_object_unref (future);
      n++;
    }
  assert_timed_out (completed, 0, "0 ms");
  held_let_go (&several.held[N_HELD - 1]);
  assert_next (completed, several.futures[N_HELD - 1]);
  assert_end (completed);
  several_clear (&several);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A16 */
  harness_add ("/as-completed/order", test_order);
  harness_add ("/as-completed/blocking", test_blocking);
  harness_add ("/as-completed/empty", test_empty);
  harness_add ("/as-completed/outcomes", test_outcomes);
  harness_add ("/as-completed/timeout", test_timeout);
  harness_add ("/as-completed/timeout/of-read", test_timeout_of_read);
  harness_add ("/as-completed/async", test_async);
  harness_add ("/as-completed/async/overlapping", test_async_overlapping);
  harness_add ("/as-completed/async/cancellable", test_async_cancellable);
  harness_add ("/as-completed/async/timeout", test_async_timeout);
  harness_add ("/as-completed/async/context-freed", test_async_context_freed);
  harness_add ("/as-completed/race", test_race);
  harness_add ("/as-completed/let-go", test_let_go);
  harness_add ("/as-completed/drop", test_drop);
  harness_add ("/as-completed/drop/race", test_drop_race);
  harness_add ("/as-completed/broken", test_broken);

  return g_test_run ();
}
