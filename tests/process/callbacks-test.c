/* callbacks-test.c: done callbacks of futures
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"
#include "memory.h"

#include <signal.h>

typedef struct
{
  GMainContext *context;
  PPoolFuture *future;
  GString *log;
  guint n_done;
} Callbacks;

static gboolean
had_callbacks (gpointer user_data)
{
  return ((Callbacks *) user_data)->n_done == 0;
}

typedef struct
{
  Callbacks *callbacks;
  char letter;
} Callback;

static void
done_cb (PPoolFuture *future,
         gpointer     user_data)
{
  Callback *callback = user_data;

  g_assert_true (ppool_future_is_done (future));
  g_assert_true (g_main_context_is_owner (callback->callbacks->context));
  g_string_append_c (callback->callbacks->log, callback->letter);
}

static void
destroy_cb (gpointer user_data)
{
  Callback *callback = user_data;

  g_string_append_c (callback->callbacks->log, g_ascii_tolower (callback->letter));
  callback->callbacks->n_done--;
  g_free (callback);
}

/* Leaves a capital letter in the log when it is called and a small one when its
 * data is destroyed. */
static guint
add_callback (Callbacks   *callbacks,
              PPoolFuture *future,
              char         letter)
{
  Callback *callback = g_new (Callback, 1);
  guint id;

  *callback = (Callback){ callbacks, letter };
  callbacks->n_done++;
  id = ppool_future_add_done_callback (future, done_cb, callback, destroy_cb);
  g_assert_cmpuint (id, !=, 0);

  return id;
}

static void
assert_log (Callbacks  *callbacks,
            const char *expected)
{
  harness_iterate_until (had_callbacks, callbacks);
  while (g_main_context_iteration (callbacks->context, FALSE))
    ;
  g_assert_cmpstr (callbacks->log->str, ==, expected);
  g_string_truncate (callbacks->log, 0);
}

static void
callbacks_init (Callbacks *callbacks)
{
  *callbacks = (Callbacks){ g_main_context_default (), NULL, g_string_new (NULL), 0 };
}

/* A9: in order, once, not inside any function, and also when it is late. */
static void
test_callbacks (Harness *harness)
{
  Busy busy;
  Callbacks callbacks;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  add_callback (&callbacks, busy.future, 'A');
  add_callback (&callbacks, busy.future, 'B');
  add_callback (&callbacks, busy.future, 'C');
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  g_assert_cmpstr (callbacks.log->str, ==, "");
  assert_log (&callbacks, "AaBbCc");

  add_callback (&callbacks, busy.future, 'D');
  add_callback (&callbacks, busy.future, 'E');
  g_assert_cmpstr (callbacks.log->str, ==, "");
  assert_log (&callbacks, "DdEe");
  g_string_free (callbacks.log, TRUE);
  busy_clear (&busy);
}

static void
test_callbacks_removed (Harness *harness)
{
  Busy busy;
  Callbacks callbacks;
  guint a, b, c;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  a = add_callback (&callbacks, busy.future, 'A');
  b = add_callback (&callbacks, busy.future, 'B');
  c = add_callback (&callbacks, busy.future, 'C');
  g_assert_true (a != b && b != c && a != c);
  ppool_future_remove_done_callback (busy.future, b);
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  ppool_future_remove_done_callback (busy.future, c);
  assert_log (&callbacks, "bcAa");
  g_string_free (callbacks.log, TRUE);
  busy_clear (&busy);
}

static void
count_cb (PPoolFuture *future G_GNUC_UNUSED,
          gpointer     user_data)
{
  ++*(guint *) user_data;
}

static void
add_and_remove (PPoolFuture *future,
                guint        n)
{
  guint n_called = 0;

  for (guint i = 0; i < n; i++)
    ppool_future_remove_done_callback (
      future, ppool_future_add_done_callback (future, count_cb, &n_called, NULL));
  g_assert_cmpuint (n_called, ==, 0);
}

static void
add_and_call (PPoolFuture *future,
              guint        n)
{
  guint n_called = 0;

  for (guint i = 1; i <= n; i++)
    {
      guint id = ppool_future_add_done_callback (future, count_cb, &n_called, NULL);

      if (i % 100 == 0)
        while (n_called < i)
          g_main_context_iteration (NULL, TRUE);
      /* It was called, or never will be. */
      if (i % 100 == 0)
        ppool_future_remove_done_callback (future, id);
    }
}

/* A future that lives long, and to which listeners come and go, keeps nothing of them. */
static void
test_callbacks_forgotten (Harness *harness)
{
  Memory before;
  Busy busy;

  busy_init (&busy, harness);
  add_and_remove (busy.future, 100);
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  add_and_call (busy.future, 100);

  before = memory_measure ();
  add_and_remove (busy.future, 50000);
  add_and_call (busy.future, 50000);
  memory_assert_flat (&before, 64 * 1024, 4 * 1024 * 1024);
  busy_clear (&busy);
}

/* Taken back in another order than they came. */
static void
test_callbacks_many (Harness *harness)
{
  enum { N = 20000 };
  g_autofree guint *ids = g_new (guint, N);
  guint n_called = 0;
  Busy busy;

  busy_init (&busy, harness);
  for (guint i = 0; i < N; i++)
    ids[i] = ppool_future_add_done_callback (busy.future, count_cb, &n_called, NULL);
  for (guint i = 0; i < N / 2; i++)
    ppool_future_remove_done_callback (busy.future, ids[i % 2 == 0 ? i : N - i]);
  ppool_future_remove_done_callback (busy.future, ids[0]);

  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  while (n_called < N / 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (g_main_context_iteration (NULL, FALSE) && n_called > N / 2);
  busy_clear (&busy);
}

static void
test_callbacks_cancelled (Harness *harness)
{
  Busy busy;
  Callbacks callbacks;
  g_autoptr (PPoolFuture) next = NULL;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  next = harness_submit (busy.executor, "echo", NULL);
  add_callback (&callbacks, next, 'A');
  g_assert_true (ppool_future_cancel (next));
  g_assert_cmpstr (callbacks.log->str, ==, "");
  assert_log (&callbacks, "Aa");
  gate_open (busy.visitor, "");
  g_string_free (callbacks.log, TRUE);
  busy_clear (&busy);
}

static void
test_callbacks_broken (Harness *harness)
{
  Busy busy;
  Callbacks callbacks;
  g_autoptr (PPoolFuture) next = NULL;
  g_autoptr (GError) error = NULL;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  next = harness_submit (busy.executor, "echo", NULL);
  add_callback (&callbacks, busy.future, 'A');
  add_callback (&callbacks, next, 'B');
  kill (busy.visitor.pid, SIGKILL);
  error = harness_failure (next);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  harness_iterate_until (had_callbacks, &callbacks);
  g_assert_cmpuint (callbacks.log->len, ==, 4);
  gate_expect_death (busy.visitor);
  g_string_free (callbacks.log, TRUE);
  busy_clear (&busy);
}

static gpointer
callbacks_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Callbacks callbacks;

  g_main_context_push_thread_default (context);
  callbacks_init (&callbacks);
  callbacks.context = context;
  add_callback (&callbacks, user_data, 'A');
  add_callback (&callbacks, user_data, 'B');
  assert_log (&callbacks, "AaBb");
  g_string_free (callbacks.log, TRUE);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_callbacks_context (Harness *harness)
{
  Busy busy;
  GThread *threads[3];

  busy_init (&busy, harness);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("adder", callbacks_thread, busy.future);
  gate_open (busy.visitor, "");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  busy_clear (&busy);
}

/* Nobody iterates that context: everything is released nevertheless. */
static void
test_callbacks_never (Harness *harness)
{
  GMainContext *context = g_main_context_new ();
  Busy busy;
  Callbacks callbacks;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  g_main_context_push_thread_default (context);
  add_callback (&callbacks, busy.future, 'A');
  g_main_context_pop_thread_default (context);
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  busy_clear (&busy);
  g_main_context_unref (context);
  g_assert_cmpstr (callbacks.log->str, ==, "a");
  g_string_free (callbacks.log, TRUE);
}

/* What waits with a task holds that context no more than a callback does. */
static void
test_callbacks_never_async (Harness *harness)
{
  GMainContext *context = g_main_context_new ();
  Busy busy;
  Callbacks callbacks;

  callbacks_init (&callbacks);
  busy_init (&busy, harness);
  g_main_context_push_thread_default (context);
  add_callback (&callbacks, busy.future, 'A');
  ppool_future_result_async (busy.future, NULL, NULL, NULL);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL, NULL);
  g_main_context_pop_thread_default (context);
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  busy_clear (&busy);
  g_main_context_unref (context);
  g_assert_cmpstr (callbacks.log->str, ==, "a");
  g_string_free (callbacks.log, TRUE);
}

typedef struct
{
  GMainContext *context;
  guint n_ended;
} Bare;

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Bare *bare = user_data;

  g_assert_true (g_source_get_context (g_main_current_source ()) == bare->context);
  bare->n_ended++;
}

static gboolean
wake_cb (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Who iterates the context need not have made it the thread-default one. */
static void
test_callbacks_bare_context (Harness *harness)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSource) tick = g_timeout_source_new (10);
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  Bare bare = { context, 0 };
  Busy busy;
  Visitor visitor;

  busy_init (&busy, harness);
  ppool_executor_set_max_workers (busy.executor, 2);
  g_source_set_callback (tick, wake_cb, NULL, NULL);
  g_source_attach (tick, context);
  g_main_context_push_thread_default (context);
  ppool_executor_call_async (busy.executor, "gate",
                             g_variant_new ("(s)", gate_get_path (busy.gate)),
                             cancellable, ended_cb, &bare);
  ppool_future_result_async (busy.future, cancellable, ended_cb, &bare);
  ppool_executor_shutdown_async (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE, cancellable,
                                 ended_cb, &bare);
  g_main_context_pop_thread_default (context);
  visitor = gate_wait (busy.gate);
  g_cancellable_cancel (cancellable);
  while (bare.n_ended < 3 && g_get_monotonic_time () < end)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (bare.n_ended, ==, 3);
  g_source_destroy (tick);
  gate_open (visitor, "");
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  busy_clear (&busy);
}

static void
drop_last_cb (PPoolFuture *future,
              gpointer     user_data)
{
  Callbacks *callbacks = user_data;

  g_assert_true (future == callbacks->future);
  g_clear_object (&callbacks->future);
  callbacks->n_done--;
}

static void
test_callbacks_last_reference (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  Callbacks callbacks;

  callbacks_init (&callbacks);
  callbacks.n_done = 1;
  callbacks.future = harness_submit (executor, "echo", NULL);
  ppool_future_add_done_callback (callbacks.future, drop_last_cb, &callbacks, NULL);
  harness_iterate_until (had_callbacks, &callbacks);
  g_assert_null (callbacks.future);
  g_string_free (callbacks.log, TRUE);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A9 */
  harness_add ("/callbacks/order", test_callbacks);
  harness_add ("/callbacks/removed", test_callbacks_removed);
  harness_add ("/callbacks/forgotten", test_callbacks_forgotten);
  harness_add ("/callbacks/many", test_callbacks_many);
  harness_add ("/callbacks/cancelled", test_callbacks_cancelled);
  harness_add ("/callbacks/broken", test_callbacks_broken);
  harness_add ("/callbacks/context", test_callbacks_context);
  harness_add ("/callbacks/never-iterated", test_callbacks_never);
  harness_add ("/callbacks/never-iterated-async", test_callbacks_never_async);
  harness_add ("/callbacks/bare-context", test_callbacks_bare_context);
  harness_add ("/callbacks/last-reference", test_callbacks_last_reference);

  return g_test_run ();
}
