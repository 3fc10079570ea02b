/* executor-test.c: submitting calls, and what an executor says of itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <sys/resource.h>

static void
test_properties (Harness *harness)
{
  g_autoptr (PPoolLauncher) launcher = harness_track (harness_launcher ());
  g_autoptr (PPoolExecutor) executor =
      harness_track (g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers",
                                     G_MAXUINT, "grace-msec", 1234, NULL));
  g_autoptr (PPoolLauncher) got_launcher = NULL;
  PPoolExecutorState state;
  guint max_workers, grace_msec, n_workers, n_pending, n_running;

  g_object_get (executor, "launcher", &got_launcher, "max-workers", &max_workers, "grace-msec",
                &grace_msec, "state", &state, "n-workers", &n_workers, "n-pending", &n_pending,
                "n-running", &n_running, NULL);
  g_assert_true (got_launcher == launcher);
  g_assert_true (ppool_executor_get_launcher (executor) == launcher);
  g_assert_cmpuint (max_workers, ==, G_MAXUINT);
  g_assert_cmpuint (ppool_executor_get_max_workers (executor), ==, G_MAXUINT);
  g_assert_cmpuint (grace_msec, ==, 1234);
  g_assert_cmpuint (ppool_executor_get_grace_msec (executor), ==, 1234);
  g_assert_cmpint (state, ==, PPOOL_EXECUTOR_STATE_RUNNING);
  g_assert_cmpuint (n_workers, ==, 0);
  g_assert_cmpuint (n_pending, ==, 0);
  g_assert_cmpuint (n_running, ==, 0);
  g_assert_null (ppool_executor_get_error (executor));
}

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  (*(guint *) user_data)++;
}

static void
test_properties_notify (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint n_notified = 0;

  g_signal_connect (executor, "notify::max-workers", G_CALLBACK (count_notify_cb), &n_notified);
  g_signal_connect (executor, "notify::grace-msec", G_CALLBACK (count_notify_cb), &n_notified);
  ppool_executor_set_max_workers (executor, 1);
  g_assert_cmpuint (n_notified, ==, 0);
  ppool_executor_set_max_workers (executor, 3);
  g_assert_cmpuint (n_notified, ==, 1);
  ppool_executor_set_grace_msec (executor, 77);
  ppool_executor_set_grace_msec (executor, 77);
  g_assert_cmpuint (n_notified, ==, 2);
}

static void
test_submit (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  gint64 before = g_get_monotonic_time ();

  future = harness_submit (executor, "echo", g_variant_new ("(si)", "hello", 7));
  g_assert_cmpstr (ppool_future_get_function (future), ==, "echo");
  harness_assert_value (future, "('hello', 7)");
  /* As often as wished. */
  harness_assert_value (future, "('hello', 7)");

  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
  g_assert_cmpint (ppool_future_get_queued_time (future), >=, before);
  g_assert_cmpint (ppool_future_get_started_time (future), >=,
                   ppool_future_get_queued_time (future));
  g_assert_cmpint (ppool_future_get_finished_time (future), >=,
                   ppool_future_get_started_time (future));
  g_assert_cmpint (ppool_future_get_finished_time (future), <=, g_get_monotonic_time ());
}

static void
test_submit_args (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) none = harness_submit (executor, "type", NULL);
  g_autoptr (PPoolFuture) bare = harness_submit (executor, "type", g_variant_new_string ("bare"));
  g_autoptr (PPoolFuture) kept = NULL;
  g_autoptr (PPoolFuture) unhurt = NULL;
  g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new ("(u)", 7));
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  kept = harness_submit (executor, "type", args);
  harness_assert_value (none, "'()'");
  harness_assert_value (bare, "'s'");
  harness_assert_value (kept, "'(u)'");

  /* A floating value is consumed also when the call is refused. */
  g_cancellable_cancel (cancelled);
  g_assert_null (ppool_executor_submit (executor, "echo", g_variant_new ("(s)", "lost"), cancelled,
                                        NULL));
  unhurt = harness_submit (executor, "type", args);
  harness_assert_value (unhurt, "'(u)'");
}

static void
test_submit_call (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolCall) call = harness_track (ppool_call_new ("echo", g_variant_new ("(i)", 5)));
  g_autoptr (PPoolFuture) first = NULL;
  g_autoptr (PPoolFuture) second = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (ppool_call_get_function (call), ==, "echo");
  g_assert_null (ppool_call_get_result_type (call));
  ppool_call_set_result_type (call, G_VARIANT_TYPE ("(i)"));

  first = harness_track (ppool_executor_submit_call (executor, call, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (ppool_future_get_call (first) == call);

  /* What becomes of the call object is no matter of the calls made with it. */
  ppool_call_set_result_type (call, NULL);
  second = harness_track (ppool_executor_submit_call (executor, call, NULL, &error));
  g_assert_no_error (error);
  harness_assert_value (first, "(5,)");
  harness_assert_value (second, "(5,)");
}

static void
test_result_type (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolCall) call = harness_track (ppool_call_new ("echo", g_variant_new ("(i)", 5)));
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolFuture) general = NULL;

  ppool_call_set_result_type (call, G_VARIANT_TYPE ("as"));
  future = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "echo", "as", "(i)", NULL);

  ppool_call_set_result_type (call, G_VARIANT_TYPE_TUPLE);
  general = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  harness_assert_value (general, "(5,)");
}

static void
test_call_sync (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value =
      ppool_executor_call_sync (executor, "add", harness_pair (2, 3), NULL, &error);
  g_autoptr (GVariant) none = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, 5);
  g_assert_false (g_variant_is_floating (value));

  none = ppool_executor_call_sync (executor, "nothing", NULL, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED);
}

typedef struct
{
  GMainContext *context;
  GVariant *value;
  GError *error;
  gboolean done;
} Answer;

static void
called_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answer *answer = user_data;

  g_assert_true (PPOOL_IS_EXECUTOR (source));
  g_assert_true (g_main_context_is_owner (answer->context));
  answer->value = ppool_executor_call_finish (PPOOL_EXECUTOR (source), result, &answer->error);
  answer->done = TRUE;
}

static gboolean
is_answered (gpointer user_data)
{
  return ((Answer *) user_data)->done;
}

static void
check_call_async (PPoolExecutor *executor)
{
  Answer good = { .context = g_main_context_ref_thread_default () };
  Answer bad = { .context = good.context };

  ppool_executor_call_async (executor, "add", harness_pair (2, 3), NULL, called_cb, &good);
  ppool_executor_call_async (executor, "nothing", NULL, NULL, called_cb, &bad);
  ppool_executor_call_async (executor, "echo", NULL, NULL, NULL, NULL);
  g_assert_false (good.done);
  harness_iterate_until (is_answered, &good);
  harness_iterate_until (is_answered, &bad);

  g_assert_no_error (good.error);
  g_assert_cmpint (g_variant_get_int64 (good.value), ==, 5);
  g_assert_null (bad.value);
  g_assert_error (bad.error, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED);
  g_variant_unref (good.value);
  g_error_free (bad.error);
  g_main_context_unref (good.context);
}

static void
test_call_async (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  check_call_async (executor);
}

static gpointer
call_async_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  check_call_async (user_data);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_call_async_thread (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  g_thread_join (g_thread_new ("caller", call_async_thread, executor));
}

/* A broken or shut-down pool answers as any other. */
static void
test_call_async_refused (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  Answer answer = { .context = g_main_context_default () };

  harness_shut_down (executor);
  ppool_executor_call_async (executor, "echo", NULL, NULL, called_cb, &answer);
  g_assert_false (answer.done);
  harness_iterate_until (is_answered, &answer);
  g_assert_error (answer.error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
  g_error_free (answer.error);
}

static void
test_call_finish_future (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "add", harness_pair (1, 1));
  g_autoptr (GVariant) waited G_GNUC_UNUSED = harness_result (future);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value =
      ppool_executor_call_finish (executor, G_ASYNC_RESULT (future), &error);

  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, 2);
}

/* A3: three calls, one after the other, take one worker of four. */
static void
test_workers_on_demand (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (4);
  guint pid;

  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  pid = harness_worker_pid (executor);
  for (int i = 0; i < 20; i++)
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 1);
  g_assert_cmpuint (leftovers_count_children (), ==, 1);
}

/* All of them are busy at the same time, and no more than there may be. */
static void
test_workers_parallel (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (3);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolFuture *futures[5];
  Visitor visitors[3];

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = harness_submit_gate (executor, gate);
  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    visitors[i] = gate_wait (gate);

  g_assert_false (gate_has_visitor (gate));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 3);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 3);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 2);
  g_assert_cmpint (visitors[0].pid, !=, visitors[1].pid);
  g_assert_cmpint (visitors[1].pid, !=, visitors[2].pid);
  for (guint i = 0; i < 3; i++)
    g_assert_true (ppool_future_is_running (futures[i]));
  g_assert_cmpint (ppool_future_get_state (futures[3]), ==, PPOOL_FUTURE_STATE_PENDING);

  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    gate_open (visitors[i], "early");
  for (guint i = 3; i < G_N_ELEMENTS (futures); i++)
    gate_open (gate_wait (gate), "late");
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      harness_assert_value (futures[i], i < 3 ? "'early'" : "'late'");
      g_object_unref (futures[i]);
    }
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
}

/* A1: 0 is as many as there are processors for this process. */
static void
test_workers_default (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (0);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = g_get_num_processors ();

  for (guint i = 0; i <= n; i++)
    g_ptr_array_add (futures, harness_submit_gate (executor, gate));
  for (guint i = 0; i <= n; i++)
    {
      /* The one too many comes when another has left. */
      Visitor visitor = gate_wait (gate);

      if (i == 0)
        g_assert_cmpuint (ppool_executor_get_n_workers (executor), <=, n);
      gate_open (visitor, "");
    }
  for (guint i = 0; i < futures->len; i++)
    harness_assert_value (futures->pdata[i], "''");
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), <=, n);
}

static void
assert_too_many (guint max_workers)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (max_workers);
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "RLIMIT_NOFILE", NULL);
  ppool_executor_set_max_workers (executor, 2);
  harness_assert_works (executor);
}

/* A2: told by the first call, before there are workers, and no end. */
static void
test_workers_too_many (Harness *harness)
{
  struct rlimit before, lower;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &before));
  lower = before;
  lower.rlim_cur = 200;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &lower));
  assert_too_many (G_MAXUINT);
  assert_too_many (200);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
}

static gboolean
was_notified (gpointer user_data)
{
  return *(guint *) user_data > 0;
}

static gpointer
state_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  PPoolExecutor *executor;
  guint n_notified = 0;

  g_main_context_push_thread_default (context);
  executor = harness_executor (1);
  g_signal_connect (executor, "notify::state", G_CALLBACK (count_notify_cb), &n_notified);
  harness_assert_works (executor);
  harness_shut_down (executor);
  g_assert_cmpuint (n_notified, ==, 0);
  harness_iterate_until (was_notified, &n_notified);
  g_object_unref (executor);
  g_main_context_pop_thread_default (context);

  return NULL;
}

/* A29: `state` is announced where the executor was made, and nowhere else. */
static void
test_notify_state (Harness *harness)
{
  g_thread_join (g_thread_new ("maker", state_thread, NULL));
}

static void
done_cb (PPoolFuture *future,
         gpointer     user_data)
{
  *(gboolean *) user_data = TRUE;
}

static gboolean
is_done (gpointer user_data)
{
  return *(gboolean *) user_data;
}

/* Ten times a second at most, however many calls there are. */
static void
test_notify_counts (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolFuture) last = NULL;
  gint64 start = g_get_monotonic_time ();
  guint n_notified = 0;
  gboolean done = FALSE;

  g_signal_connect (executor, "notify::n-pending", G_CALLBACK (count_notify_cb), &n_notified);
  for (guint i = 0; i < 2000; i++)
    g_object_unref (harness_submit (executor, "echo", NULL));
  last = harness_submit (executor, "echo", NULL);
  ppool_future_add_done_callback (last, done_cb, &done, NULL);
  harness_iterate_until (is_done, &done);
  g_assert_cmpuint (n_notified, >, 0);
  g_assert_cmpuint (n_notified, <=, (g_get_monotonic_time () - start) / (100 * 1000) + 2);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A1, A29 */
  harness_add ("/executor/properties/values", test_properties);
  harness_add ("/executor/properties/notify", test_properties_notify);
  harness_add ("/executor/notify/state", test_notify_state);
  harness_add ("/executor/notify/counts", test_notify_counts);
  /* A8, A12 */
  harness_add ("/executor/submit/echo", test_submit);
  harness_add ("/executor/submit/args", test_submit_args);
  harness_add ("/executor/submit/call", test_submit_call);
  harness_add ("/executor/submit/result-type", test_result_type);
  harness_add ("/executor/call/sync", test_call_sync);
  harness_add ("/executor/call/async", test_call_async);
  harness_add ("/executor/call/async-in-thread", test_call_async_thread);
  harness_add ("/executor/call/async-refused", test_call_async_refused);
  harness_add ("/executor/call/finish-with-future", test_call_finish_future);
  /* A1, A3 */
  harness_add ("/executor/workers/on-demand", test_workers_on_demand);
  harness_add ("/executor/workers/parallel", test_workers_parallel);
  harness_add ("/executor/workers/default", test_workers_default);
  harness_add ("/executor/workers/too-many", test_workers_too_many);

  return g_test_run ();
}
