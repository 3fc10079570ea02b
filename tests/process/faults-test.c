/* faults-test.c: calls that die, hang and are ended, among many that do not
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fewer.h"
#include "harness.h"

#include <signal.h>
#include <string.h>

/* How long each step of the ladder is. */
#define GRACE_MSEC 20

static PPoolExecutor *
new_executor (guint max_workers)
{
  PPoolExecutor *executor = harness_executor (max_workers);

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_abort_grace_msec (executor, GRACE_MSEC);

  return executor;
}

static PPoolFuture *
submit_waiting (PPoolExecutor *executor,
                Gate          *gate,
                const char    *how,
                int            timeout_msec)
{
  const char *path = gate != NULL ? gate_get_path (gate) : "";

  return harness_submit_limited (executor, "until-cancelled",
                                 g_variant_new ("(ss)", path, how), timeout_msec);
}

static void
assert_aborted (PPoolFuture *future)
{
  g_autoptr (GError) error = harness_failure (future);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (ppool_future_is_cancelled (future));
}

/* Workers of other settings of features can't be asked to end a call. */
static gboolean
can_cancel (void)
{
  return g_getenv ("PPOOL_FEATURES") == NULL && g_getenv ("BAD_WORKER_FEATURES") == NULL;
}

/* For certain. */
static gboolean
has_board (void)
{
  const char *features = g_getenv ("PPOOL_FEATURES");

  return (features == NULL || strstr (features, "board") != NULL) &&
         g_getenv ("BAD_WORKER_FEATURES") == NULL;
}

/* Among many */

typedef enum
{
  GOOD,
  CRASHES,
  HANGS,
  ANSWERS, /* when its time is up */
  FAILS,   /* likewise */
  ABORTED,
  ABORTED_GOOD,
} Fate;

typedef struct
{
  Fate fate;
  int number;
  PPoolFuture *future; /* (owned) */
  int n_settled;
} Item;

static void
settled_cb (PPoolFuture *future,
            gpointer     user_data)
{
  Item *item = user_data;

  g_assert_true (ppool_future_is_done (future));
  g_assert_cmpint (++item->n_settled, ==, 1);
}

/* One in a hundred crashes, one in two hundred hangs, and as many are aborted. */
static Fate
choose_fate (void)
{
  int n = g_test_rand_int_range (0, 1200);

  if (n < 12)
    return CRASHES;
  if (n < 18)
    return HANGS + n % 3;
  if (n < 24)
    return ABORTED + n % 2;

  return GOOD;
}

static void
submit_item (PPoolExecutor *executor,
             Item          *item)
{
  const int signals[] = { SIGSEGV, SIGABRT, SIGKILL };
  const char *ways[] = { "hang", "value", "error" };

  switch (item->fate)
    {
    case GOOD:
    case ABORTED_GOOD:
      item->future = harness_submit (executor, "echo", g_variant_new ("i", item->number));
      break;
    case CRASHES:
      item->future =
        harness_submit (executor, "die", g_variant_new ("(is)", signals[item->number % 3], ""));
      break;
    case ABORTED:
      item->future = submit_waiting (executor, NULL, ways[item->number % 3], -1);
      break;
    case HANGS:
    case ANSWERS:
    case FAILS:
    default:
      item->future = submit_waiting (executor, NULL, ways[item->fate - HANGS], 30);
      break;
    }
  ppool_future_add_done_callback (item->future, settled_cb, item, NULL);
}

static void
check_item (Item *item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value =
    ppool_future_result (item->future, PATIENCE_SECONDS * 1000, &error);
  gboolean is_number = value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT32) &&
                       g_variant_get_int32 (value) == item->number;

  switch (item->fate)
    {
    case GOOD:
      g_assert_no_error (error);
      g_assert_true (is_number);
      break;
    case CRASHES:
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
      break;
    case ABORTED:
    case ABORTED_GOOD:
      g_assert_true (value == NULL || item->fate == ABORTED || is_number);
      g_assert_true (ppool_future_is_cancelled (item->future) == (value == NULL));
      if (value == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      break;
    case HANGS:
    case ANSWERS:
    case FAILS:
    default:
      /* A worker that can't be asked never answers. */
      if (value == NULL)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
      else
        g_assert_cmpint (item->fate, ==, ANSWERS);
      break;
    }
}

static gboolean
is_told (gpointer user_data)
{
  return ((Item *) user_data)->n_settled == 1;
}

/* Returns: how many good calls were done a second. */
static double
run_items (guint    n,
           gboolean with_faults)
{
  g_autoptr (PPoolExecutor) executor = new_executor (4);
  g_autofree Item *items = g_new0 (Item, n);
  gint64 start = g_get_monotonic_time ();
  gint64 end = start;
  guint n_good = 0;

  for (guint i = 0; i < n; i++)
    {
      items[i].number = (int) i;
      items[i].fate = with_faults ? choose_fate () : GOOD;
      submit_item (executor, &items[i]);
    }
  for (guint i = 0; i < n; i++)
    {
      if (items[i].fate == ABORTED || items[i].fate == ABORTED_GOOD)
        ppool_future_abort (items[i].future);
      check_item (&items[i]);
      if (items[i].fate == GOOD)
        {
          n_good++;
          end = MAX (end, ppool_future_get_finished_time (items[i].future));
        }
    }

  harness_assert_running (executor);
  for (guint i = 0; i < n; i++)
    {
      harness_iterate_until (is_told, &items[i]);
      g_object_unref (items[i].future);
    }
  harness_shut_down (executor);

  return (double) n_good * G_USEC_PER_SEC / (double) MAX (end - start, 1);
}

static void
test_soak (Harness *harness)
{
  guint n = g_test_slow () ? 10000 : fewer (200);
  double without = run_items (n, FALSE);
  double with = run_items (n, TRUE);

  g_test_message ("%u calls: %.0f good ones a second, %.0f without faults", n, with, without);
}

/* Aborts */

static gpointer
abort_thread (gpointer user_data)
{
  ppool_future_abort (user_data);

  return NULL;
}

static void
test_two_threads (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  guint n = g_test_slow () ? 1000 : fewer (20);

  for (guint i = 0; i < n; i++)
    {
      const char *ways[] = { "value", "error", "now" };
      g_autoptr (PPoolFuture) future = submit_waiting (executor, NULL, ways[i % 3], -1);
      GThread *threads[2];
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      for (guint j = 0; i % 2 == 0 && j < i * 20; j++)
        ppool_future_is_done (future);
      for (guint j = 0; j < 2; j++)
        threads[j] = g_thread_new ("abort", abort_thread, future);
      for (guint j = 0; j < 2; j++)
        g_thread_join (threads[j]);

      value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);
      g_assert_true (ppool_future_is_cancelled (future) == (value == NULL));
      if (value == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  harness_assert_running (executor);
}

/* A worker that answers is as good as before. */
static void
check_answer (Harness    *harness,
              const char *how,
              gboolean    by_timeout)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;
  guint pid;

  ppool_executor_set_abort_grace_msec (executor, PATIENCE_SECONDS * 1000);
  pid = harness_worker_pid (executor);
  future = submit_waiting (executor, gate, how, by_timeout ? 1 : -1);
  visitor = gate_wait (gate);
  g_free (gate_read (visitor));
  gate_open (visitor, NULL);
  if (!by_timeout)
    ppool_future_abort (future);

  if (g_str_equal (how, "value"))
    {
      harness_assert_value (future, "'value'");
      g_assert_false (ppool_future_is_cancelled (future));
    }
  else if (by_timeout)
    {
      g_autoptr (GError) error = harness_failure (future);

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
    }
  else
    assert_aborted (future);
  if (!g_str_equal (how, "die"))
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
  harness_assert_running (executor);
}

static void
test_answers (Harness *harness)
{
  const char *ways[] = { "value", "error", "die" };

  if (!can_cancel ())
    {
      g_test_skip ("These workers can't be asked");
      return;
    }

  for (guint i = 0; i < 2 * G_N_ELEMENTS (ways); i++)
    check_answer (harness, ways[i / 2], i % 2 != 0);
}

/* Has the pool believe that it is short, so that it is sent ahead. */
static void
teach (PPoolExecutor *executor)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (PPoolFuture) future = submit_waiting (executor, NULL, "now", -1);

      harness_assert_value (future, "'now'");
    }
}

/* Each of many that are with one worker, whatever it does of them just now. */
static void
test_sent_ahead (Harness *harness)
{
  enum { N = 12 };
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  guint n = g_test_slow () ? 500 : fewer (20);

  teach (executor);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

      for (guint j = 0; j < N; j++)
        g_ptr_array_add (futures,
                         submit_waiting (executor, NULL, j % 4 == 3 ? "value" : "now", -1));
      for (guint j = 0; j < i * 10; j++)
        ppool_future_is_done (g_ptr_array_index (futures, j % N));
      for (guint j = 0; j < N; j++)
        ppool_future_abort (g_ptr_array_index (futures, j));
      for (guint j = 0; j < N; j++)
        {
          g_autoptr (GError) error = NULL;
          PPoolFuture *future = g_ptr_array_index (futures, j);
          g_autoptr (GVariant) value =
            ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);

          g_assert_true (ppool_future_is_cancelled (future) == (value == NULL));
        }
    }
  harness_assert_running (executor);
}

/* Its worker dies of another call, and would have run it next: nobody runs it any more. */
static void
test_ahead_of_death (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) next_gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) next = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitor;

  teach (executor);
  future = submit_waiting (executor, gate, "error", -1);
  next = submit_waiting (executor, next_gate, "error", -1);
  visitor = gate_wait (gate);
  ppool_future_abort (next);
  kill (visitor.pid, SIGKILL);
  error = harness_failure (future);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
  assert_aborted (next);
  close (visitor.fd);
  harness_assert_running (executor);
}

/* Somebody else ends the worker while it is asked to end the call. */
static void
test_killed_meanwhile (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) next = NULL;
  Visitor visitor;

  ppool_executor_set_abort_grace_msec (executor, PATIENCE_SECONDS * 1000);
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_BREAK);
  future = harness_submit_limited (executor, "hang",
                                   g_variant_new ("(ss)", gate_get_path (gate), "stubborn"), -1);
  next = harness_submit (executor, "echo", g_variant_new ("i", 1));
  visitor = gate_wait (gate);
  ppool_future_abort (future);
  kill (visitor.pid, SIGKILL);
  assert_aborted (future);
  gate_expect_death (visitor);
  harness_assert_value (next, "1");
  harness_assert_running (executor);
}

static void
abort_cb (PPoolFuture *future,
          gpointer     user_data)
{
  ppool_future_abort (future);
  ppool_future_abort (user_data);
}

static gboolean
is_done (gpointer user_data)
{
  return ppool_future_is_done (user_data);
}

static void
test_in_callback (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  g_autoptr (PPoolFuture) hangs =
    harness_submit_limited (executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), ""), -1);
  Visitor visitor = gate_wait (gate);
  g_autoptr (PPoolFuture) first = harness_submit (executor, "echo", g_variant_new ("i", 1));

  ppool_future_add_done_callback (first, abort_cb, hangs, NULL);
  harness_iterate_until (is_done, hangs);
  assert_aborted (hangs);
  harness_assert_value (first, "1");
  gate_expect_death (visitor);
  harness_assert_running (executor);
}

/* Its caller has let go of it. */
static void
test_dropped_future (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future =
    harness_submit_limited (executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), ""), -1);
  Visitor visitor = gate_wait (gate);

  ppool_future_abort (future);
  g_clear_object (&future);
  gate_expect_death (visitor);
  harness_assert_running (executor);
}

/* What stands on its board must not keep it alive, nor anybody waiting. */
static void
test_spoilt_board (Harness *harness)
{
  const char *steps[] = { "scribble:0", "scribble:1", "scribble:85", "scribble:255",
                          "word:0", "word:4", "word:7", "word:2,99", "word:3,99" };

  if (!has_board ())
    {
      g_test_skip ("These workers have none");
      return;
    }

  for (guint i = 0; i < 2 * G_N_ELEMENTS (steps); i++)
    {
      gboolean by_timeout = i % 2 != 0;
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autofree char *gate_step = g_strconcat ("gate:", gate_get_path (gate), NULL);
      g_autoptr (PPoolExecutor) executor = harness_executor_on (
        harness_raw_launcher ("init:board", "call", "word:2", steps[i / 2], gate_step, NULL), 1);
      g_autoptr (PPoolFuture) future = NULL;
      g_autoptr (GError) error = NULL;
      Visitor visitor;

      ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
      ppool_executor_set_abort_grace_msec (executor, GRACE_MSEC);
      future = harness_submit_limited (executor, "function", NULL, by_timeout ? GRACE_MSEC : -1);
      visitor = gate_wait (gate);
      if (!by_timeout)
        ppool_future_abort (future);
      error = harness_failure (future);
      g_test_message ("%s: %s", steps[i / 2], error->message);
      if (by_timeout)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      gate_expect_death (visitor);
      g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
      harness_shut_down (executor);
    }
}

/* One that can't be asked is told by SIGTERM, and SIGKILL comes when its grace is over. */
static void
test_signals (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (Gate) term_gate = gate_new (harness->dir);
  g_autofree char *step = g_strconcat ("gate:", gate_get_path (gate), NULL);
  g_autofree char *term_step = g_strconcat ("take-term:", gate_get_path (term_gate), NULL);
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
    harness_raw_launcher ("deaf", "init", "call", step, term_step, NULL), 1);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_abort_grace_msec (executor, 10 * GRACE_MSEC);
  future = harness_submit (executor, "function", NULL);
  gate_open (gate_wait (gate), NULL);
  ppool_future_abort (future);
  visitor = gate_wait (term_gate);
  assert_aborted (future);
  gate_expect_death (visitor);
  harness_shut_down (executor);
}

static void
test_grandchild (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  g_autoptr (PPoolFuture) future =
    harness_submit_limited (executor, "hang",
                            g_variant_new ("(ss)", gate_get_path (gate), "grandchild"), -1);
  Visitor one = gate_wait (gate);
  Visitor other = gate_wait (gate);

  ppool_future_abort (future);
  assert_aborted (future);
  gate_expect_death (one);
  gate_expect_death (other);
  harness_reap_orphan (one.pid != (int) ppool_future_get_worker_pid (future) ? one.pid :
                                                                              other.pid);
  harness_assert_running (executor);
}

/* Limits */

/* It is over just when its time is. The worker lives if and only if there is a value; without a
 * board, one may still be on its way when the worker's end is decided, and how many are is a
 * matter of chance. */
static void
test_at_the_limit (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (1);
  guint n = g_test_slow () ? 10000 : fewer (30);
  guint n_values = 0;
  guint n_late = 0;

  ppool_executor_set_abort_grace_msec (executor, 0);
  for (guint i = 0; i < n; i++)
    {
      guint usec = (guint) g_test_rand_int_range (1000, 6000);
      g_autoptr (PPoolFuture) future =
        harness_submit_limited (executor, "linger", g_variant_new ("(ui)", usec, 0), 3);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value =
        ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);
      guint pid = harness_worker_pid (executor);

      n_values += value != NULL;
      if (value == NULL)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
      if (value == NULL)
        g_assert_cmpuint (pid, !=, ppool_future_get_worker_pid (future));
      n_late += value != NULL && pid != ppool_future_get_worker_pid (future);
    }
  g_test_message ("%u values of %u, %u at the last moment", n_values, n, n_late);
  if (has_board ())
    g_assert_cmpuint (n_late, ==, 0);
  harness_assert_running (executor);
}

/* From SIGTERM on there is no value, or there would be one and no worker. */
static void
test_too_late (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor = new_executor (1);

  if (!has_board ())
    {
      g_test_skip ("These workers don't learn of it");
      return;
    }

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit_limited (executor, "until-terminated",
                                g_variant_new_string (gate_get_path (gate)), i == 0 ? -1 : 20);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      close (gate_wait (gate).fd);
      if (i == 0)
        ppool_future_abort (future);
      value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);
      g_assert_null (value);
      if (i == 0)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
      g_assert_cmpuint (harness_worker_pid (executor), !=, ppool_future_get_worker_pid (future));
    }
  harness_assert_running (executor);
}

/* It dies just when its time is up. */
static void
test_death_at_the_limit (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  guint n = g_test_slow () ? 2000 : fewer (20);
  guint n_deaths = 0;

  ppool_executor_set_abort_grace_msec (executor, 0);
  for (guint i = 0; i < n; i++)
    {
      guint usec = (guint) g_test_rand_int_range (100, 4000);
      g_autoptr (PPoolFuture) future =
        harness_submit_limited (executor, "linger", g_variant_new ("(ui)", usec, SIGSEGV), 3);
      g_autoptr (GError) error = harness_failure (future);

      g_assert_cmpuint (error->domain, ==, PPOOL_ERROR);
      g_assert_true (error->code == PPOOL_ERROR_TIMED_OUT ||
                     error->code == PPOOL_ERROR_WORKER_DIED);
      n_deaths += error->code == PPOOL_ERROR_WORKER_DIED;
    }
  g_test_message ("%u deaths of %u", n_deaths, n);
  harness_assert_running (executor);
}

/* Nothing is kept for a limit that was not reached. */

static int n_freed;

static void
freed_cb (gpointer data)
{
  g_atomic_int_inc (&n_freed);
}

static void
test_limits_let_go (Harness *harness)
{
  static const char bytes[] = "many";
  int n = (int) fewer (1000);
  g_autoptr (PPoolExecutor) executor = new_executor (2);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  n_freed = 0;
  ppool_executor_set_queue_timeout_msec (executor, G_MAXINT);
  ppool_executor_set_call_timeout_msec (executor, G_MAXINT);
  for (int i = 0; i < n; i++)
    g_ptr_array_add (futures,
                     harness_submit (executor, "echo",
                                     g_variant_new_from_data (G_VARIANT_TYPE_STRING, bytes,
                                                              sizeof bytes, TRUE, freed_cb,
                                                              NULL)));
  for (int i = 0; i < n; i++)
    {
      harness_assert_value (g_ptr_array_index (futures, i), "'many'");
      ppool_future_abort (g_ptr_array_index (futures, i));
    }
  g_ptr_array_set_size (futures, 0);
  harness_shut_down (executor);
  g_assert_cmpint (g_atomic_int_get (&n_freed), ==, n);
}

/* While a worker is being replaced */

static void
test_end_while_replacing (Harness *harness)
{
  guint n = g_test_slow () ? 100 : fewer (12);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (PPoolExecutor) executor = new_executor (2);
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
      guint n_good = 0;

      for (guint j = 0; j < 8; j++)
        g_ptr_array_add (futures, j % 2 == 0 ?
                           harness_submit (executor, "die", g_variant_new ("(is)", SIGSEGV, "")) :
                           harness_submit (executor, "echo", NULL));
      for (guint j = 0; j < 2 * (i % 4); j += 2)
        g_clear_error (&(GError *){ harness_failure (g_ptr_array_index (futures, j)) });

      if (i % 3 == 0)
        ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
      else if (i % 3 == 1)
        g_clear_object (&executor);
      else
        ppool_executor_terminate_workers (executor);

      for (guint j = 0; j < futures->len; j++)
        {
          g_autoptr (GVariant) value =
            ppool_future_result (g_ptr_array_index (futures, j), PATIENCE_SECONDS * 1000, NULL);

          g_assert_true (ppool_future_is_done (g_ptr_array_index (futures, j)));
          n_good += value != NULL;
        }
      if (i % 3 != 2)
        g_assert_cmpuint (n_good, ==, 4);
      if (executor != NULL)
        harness_shut_down (executor);
    }
}

/* Revival */

typedef struct
{
  PPoolExecutor *executor;
  int is_over;
} Revival;

static gpointer
revive_thread (gpointer user_data)
{
  Revival *revival = user_data;

  while (!g_atomic_int_get (&revival->is_over))
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) reason G_GNUC_UNUSED = ppool_executor_get_error (revival->executor);

      if (!ppool_executor_revive (revival->executor, &error))
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
      g_thread_yield ();
    }

  return NULL;
}

static gpointer
use_thread (gpointer user_data)
{
  Revival *revival = user_data;

  for (guint i = 0; !g_atomic_int_get (&revival->is_over); i++)
    {
      g_autoptr (PPoolFuture) future =
        ppool_executor_submit (revival->executor, i % 4 == 0 ? "die" : "echo",
                               g_variant_new ("(is)", SIGKILL, ""), NULL, NULL);
      g_autoptr (GVariant) value = NULL;

      if (future == NULL)
        continue;

      value = ppool_future_result (future, PATIENCE_SECONDS * 1000, NULL);
      g_assert_true (ppool_future_is_done (future));
    }

  return NULL;
}

static void
test_revival (Harness *harness)
{
  guint n = g_test_slow () ? 100 : fewer (3);

  for (guint i = 0; i < n; i++)
    {
      Revival revival = { harness_executor (2), FALSE };
      GThread *threads[4];

      ppool_executor_set_spare_workers (revival.executor, i % 2);
      threads[0] = g_thread_new ("revive", revive_thread, &revival);
      threads[1] = g_thread_new ("revive", revive_thread, &revival);
      threads[2] = g_thread_new ("use", use_thread, &revival);
      threads[3] = g_thread_new ("use", use_thread, &revival);

      for (guint j = 0; j < 5; j++)
        {
          g_autoptr (PPoolFuture) future =
            ppool_executor_submit (revival.executor, "echo", NULL, NULL, NULL);
          g_autoptr (GVariant) value = NULL;

          if (future != NULL)
            value = ppool_future_result (future, PATIENCE_SECONDS * 1000, NULL);
        }
      harness_shut_down (revival.executor);
      g_atomic_int_set (&revival.is_over, TRUE);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);
      g_assert_cmpuint (ppool_executor_get_n_workers (revival.executor), ==, 0);
      g_object_unref (revival.executor);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/faults/soak", test_soak);
  harness_add ("/faults/abort/two-threads", test_two_threads);
  harness_add ("/faults/abort/answers", test_answers);
  harness_add ("/faults/abort/sent-ahead", test_sent_ahead);
  harness_add ("/faults/abort/ahead-of-death", test_ahead_of_death);
  harness_add ("/faults/abort/killed-meanwhile", test_killed_meanwhile);
  harness_add ("/faults/abort/in-callback", test_in_callback);
  harness_add ("/faults/abort/dropped", test_dropped_future);
  harness_add ("/faults/abort/spoilt-board", test_spoilt_board);
  harness_add ("/faults/abort/signals", test_signals);
  harness_add ("/faults/abort/grandchild", test_grandchild);
  harness_add ("/faults/limit/value", test_at_the_limit);
  harness_add ("/faults/limit/too-late", test_too_late);
  harness_add ("/faults/limit/death", test_death_at_the_limit);
  harness_add ("/faults/limit/let-go", test_limits_let_go);
  harness_add ("/faults/end-while-replacing", test_end_while_replacing);
  harness_add ("/faults/revival", test_revival);

  return g_test_run ();
}
