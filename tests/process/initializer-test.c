/* initializer-test.c: what each worker runs before its first call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <signal.h>
#include <string.h>

#define N_WORKERS 3

/* A start may take this long, and no longer. */
#define SHORT_MSEC 1000

/* Takes @launcher. */
static PPoolExecutor *
make_executor_on (PPoolLauncher *launcher,
                  guint          max_workers,
                  const char    *initializer,
                  GVariant      *args)
{
  PPoolExecutor *executor =
      g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", harness_track (launcher), "max-workers",
                    max_workers, "initializer", initializer, "initializer-args", args, NULL);

  g_object_unref (launcher);

  return harness_track (executor);
}

static PPoolExecutor *
make_executor (guint       max_workers,
               const char *initializer,
               GVariant   *args)
{
  return make_executor_on (harness_launcher (), max_workers, initializer, args);
}

/* A5 */
static void
test_properties (Harness *harness)
{
  g_autoptr (PPoolExecutor) plain = harness_executor (1);
  g_autoptr (PPoolExecutor) executor =
      make_executor (1, "remember", g_variant_new ("(i)", 7));
  g_autofree char *initializer = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) number = NULL;

  g_assert_null (ppool_executor_get_initializer (plain));
  g_assert_null (ppool_executor_get_initializer_args (plain));

  g_object_get (executor, "initializer", &initializer, "initializer-args", &args, NULL);
  g_assert_cmpstr (initializer, ==, "remember");
  g_assert_cmpstr (ppool_executor_get_initializer (executor), ==, "remember");
  number = g_variant_get_child_value (args, 0);
  g_assert_cmpint (g_variant_get_int32 (number), ==, 7);
  g_assert_true (ppool_executor_get_initializer_args (executor) == args);
}

/* Its value is of no interest, and it is no call: it is not counted. */
static void
check_args (GVariant   *args,
            const char *expected)
{
  g_autoptr (PPoolExecutor) executor = make_executor (1, "remember", args);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "recall", NULL);

      harness_assert_value (future, expected);
    }
}

/* A5: once, before the first call, with its arguments, of whatever type. */
static void
test_args (Harness *harness)
{
  check_args (NULL, "(uint32 1, <()>)");
  check_args (g_variant_new ("()"), "(uint32 1, <()>)");
  check_args (g_variant_new ("(si)", "grün", 7), "(uint32 1, <('grün', 7)>)");
  check_args (g_variant_new_parsed ("@mi 7"), "(uint32 1, <@mi 7>)");
  check_args (g_variant_new_parsed ("[<@ay []>, <()>]"), "(uint32 1, <[<@ay []>, <()>]>)");
}

/* A5: in each worker. */
static void
test_each_worker (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "log");
  g_autoptr (PPoolExecutor) executor =
      make_executor (N_WORKERS, "append", g_variant_new ("(ss)", path, "initializer"));
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *log = NULL;
  PPoolFuture *futures[N_WORKERS];
  Visitor visitors[N_WORKERS];

  for (guint i = 0; i < N_WORKERS; i++)
    futures[i] = harness_submit_gate (executor, gate);
  for (guint i = 0; i < N_WORKERS; i++)
    visitors[i] = gate_wait (gate);
  for (guint i = 0; i < N_WORKERS; i++)
    gate_open (visitors[i], "");
  for (guint i = 0; i < N_WORKERS; i++)
    {
      harness_assert_value (futures[i], "''");
      g_object_unref (futures[i]);
    }

  harness_assert_works (executor);
  g_assert_true (g_file_get_contents (path, &log, NULL, NULL));
  g_assert_cmpstr (log, ==, "initializer\ninitializer\ninitializer\n");
}

/* It may take as long as it likes, which is not so for the rest of the start. */
static void
test_slow (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) cancelled = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitor;

  ppool_launcher_set_handshake_timeout_msec (launcher, SHORT_MSEC);
  executor = make_executor_on (launcher, 1, "gate", g_variant_new ("(s)", gate_get_path (gate)));
  future = harness_submit (executor, "type", NULL);
  cancelled = harness_submit (executor, "type", NULL);
  visitor = gate_wait (gate);

  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_PENDING);
  g_assert_true (ppool_future_cancel (cancelled));
  g_assert_null (ppool_future_result (future, SHORT_MSEC, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  gate_open (visitor, "");
  harness_assert_value (future, "'()'");
}

/* A worker without the library gets what plain D-Bus has. */
static void
test_minimal_worker (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      make_executor_on (harness_raw_launcher ("init", "serve", NULL), 1, "anything",
                        g_variant_new ("(s)", "plain"));
  g_autoptr (PPoolExecutor) refused =
      make_executor_on (harness_raw_launcher ("init", "serve", NULL), 1, "anything",
                        g_variant_new_parsed ("@mi 7"));
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", g_variant_new ("(i)", 7));
  g_autoptr (PPoolFuture) never = harness_submit (refused, "echo", NULL);

  harness_assert_value (future, "(7,)");
  harness_assert_broken (refused, never, PPOOL_ERROR_INITIALIZER, "anything",
                         "a type that D-Bus does not have", NULL);
}

/* What was logged, in the manager's thread. */
static GAsyncQueue *messages; /* (element-type utf8) */

static void
log_cb (const char     *domain,
        GLogLevelFlags  level,
        const char     *message,
        gpointer        user_data)
{
  g_async_queue_push (messages, g_strdup (message));
}

/* A5: it is logged, the pool is broken, and every error has its message. */
static void
check_failure (const char *initializer,
               GVariant   *args,
               const char *reason,
               const char *more)
{
  guint handler = g_log_set_handler ("PPool", G_LOG_LEVEL_MESSAGE, log_cb, NULL);
  g_autoptr (PPoolExecutor) executor = make_executor (2, initializer, args);
  PPoolFuture *futures[5];
  g_autofree char *message = NULL;

  g_test_message ("%s", initializer);
  messages = g_async_queue_new_full (g_free);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      futures[i] = ppool_executor_submit (executor, "recall", NULL, NULL, NULL);
      if (futures[i] != NULL)
        harness_track (futures[i]);
    }

  for (guint i = 0; i < G_N_ELEMENTS (futures) && futures[i] != NULL; i++)
    {
      harness_assert_broken (executor, futures[i], PPOOL_ERROR_INITIALIZER, initializer, reason,
                             more, NULL);
      g_assert_cmpint (ppool_future_get_state (futures[i]), ==, PPOOL_FUTURE_STATE_FINISHED);
      g_object_unref (futures[i]);
    }

  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  message = g_async_queue_try_pop (messages);
  g_assert_nonnull (message);
  g_assert_nonnull (strstr (message, initializer));
  g_assert_nonnull (strstr (message, reason));
  g_log_remove_handler ("PPool", handler);
  g_clear_pointer (&messages, g_async_queue_unref);
}

static void
test_fails (Harness *harness)
{
  check_failure ("fail", g_variant_new ("(sis)", "g-io-error-quark", G_IO_ERROR_BUSY, "no licence"),
                 "no licence", NULL);
  check_failure ("no-such-function", NULL, "no-such-function", NULL);
  check_failure ("nothing", NULL, "neither a value nor an error", NULL);
  check_failure ("drop", NULL, "dropped", NULL);
}

/* The bytes are 1, 2, and so on. */
static GVariant *
make_bytes (gsize size)
{
  g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (size, NULL);
  guint8 *data = ppool_buffer_get_data (buffer, NULL);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i + 1);

  return ppool_buffer_to_variant (buffer, G_VARIANT_TYPE_BYTESTRING, NULL);
}

static void
check_large (GVariant *args,
             guint     n_workers)
{
  g_autoptr (GVariant) held = g_variant_take_ref (args);
  g_autoptr (GVariant) normal = g_variant_get_normal_form (held);
  g_autofree char *checksum =
    g_compute_checksum_for_data (G_CHECKSUM_MD5, g_variant_get_data (normal),
                                 g_variant_get_size (normal));
  g_autofree char *expected =
    g_strdup_printf ("('%s', '%s')", g_variant_get_type_string (held), checksum);
  g_autoptr (PPoolExecutor) executor = make_executor (2, "remember", held);

  /* In each of the workers, and in those that take their place. */
  ppool_executor_set_max_tasks_per_worker (executor, 1);
  for (guint i = 0; i < n_workers; i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "checksum", NULL);

      harness_assert_value (future, expected);
    }
}

/* A5: of any size, more than a message has room for. */
static void
test_large (Harness *harness)
{
  const gsize size = 65 * 1024 * 1024;
  g_autofree char *text = g_strnfill (2 * 1024 * 1024, 'x');
  g_autoptr (GVariant) bytes = make_bytes (1024 * 1024);
  char *zeros = g_malloc0 (size);

  check_large (make_bytes (2 * 1024 * 1024), 3);
  check_large (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, zeros, size, TRUE,
                                        g_free, zeros),
               1);
  check_large (g_variant_new ("(sms)", text, text), 2);
  check_large (g_variant_new ("(sb@ay)", "x", TRUE, bytes), 1);
}

/* D-Bus has room for some, and others need a worker that knows segments. */
static void
test_large_for_others (Harness *harness)
{
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (GVariant) args = make_bytes (2 * 1024 * 1024);
  g_autoptr (PPoolExecutor) executor =
    make_executor_on (harness_raw_launcher ("init", "serve", NULL), 1, "anything", args);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", g_variant_new ("(i)", 7));
  g_autoptr (PPoolExecutor) refused = NULL;
  g_autoptr (PPoolFuture) never = NULL;

  harness_assert_value (future, "(7,)");

  ppool_launcher_setenv (launcher, "PPOOL_FEATURES", "gvariant,board", TRUE);
  refused = make_executor_on (launcher, 1, "remember", args);
  never = harness_submit (refused, "recall", NULL);
  harness_assert_broken (refused, never, PPOOL_ERROR_INITIALIZER, "remember", "segments", NULL);
}

/* A13: dead before it was ready, and still the initializer's fault. */
static void
test_dies (Harness *harness)
{
  check_failure ("exit", g_variant_new ("(i)", 3), "status 3", NULL);
  check_failure ("die", g_variant_new ("(is)", SIGKILL, "my last words"), "SIGKILL",
                 "my last words");
  check_failure ("shut-channel", NULL, "before its initializer", NULL);
}

/* A28: one that answers later runs in the worker's main loop. */
static void
test_handler (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor =
      make_executor (1, "later-at-gate", g_variant_new ("(s)", gate_get_path (gate)));
  g_autoptr (PPoolFuture) future = harness_submit (executor, "type", NULL);
  Visitor visitor = gate_wait (gate);

  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_PENDING);
  gate_open (visitor, "");
  harness_assert_value (future, "'()'");
}

/* A17: nothing is left to do, so nobody waits for it. */
static void
test_shut_down_meanwhile (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolExecutor) executor =
      make_executor (1, "gate", g_variant_new ("(s)", gate_get_path (gate)));
  g_autoptr (PPoolFuture) future = harness_submit (executor, "recall", NULL);
  Visitor visitor = gate_wait (gate);

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  g_assert_true (ppool_future_is_cancelled (future));
  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  gate_expect_death (visitor);
}

/* A17: the worker connects when it is to leave already, and doesn't listen. */
static void
test_shut_down_before (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  g_autoptr (PPoolExecutor) executor =
      make_executor_on (harness_raw_launcher ("deaf", step, "auth", "hang", NULL), 1, "anything",
                        NULL);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;

  ppool_executor_set_grace_msec (executor, 200);
  future = harness_submit (executor, "recall", NULL);
  visitor = gate_wait (gate);
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
  gate_open (visitor, "");
  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A5 */
  harness_add ("/executor/initializer/properties", test_properties);
  harness_add ("/executor/initializer/args", test_args);
  harness_add ("/executor/initializer/each-worker", test_each_worker);
  harness_add ("/executor/initializer/slow", test_slow);
  harness_add ("/executor/initializer/minimal-worker", test_minimal_worker);
  harness_add ("/executor/initializer/large", test_large);
  harness_add ("/executor/initializer/large-for-others", test_large_for_others);
  harness_add ("/executor/initializer/fails", test_fails);
  harness_add ("/executor/initializer/dies", test_dies);
  harness_add ("/executor/initializer/handler", test_handler);
  harness_add ("/executor/initializer/shut-down-meanwhile", test_shut_down_meanwhile);
  harness_add ("/executor/initializer/shut-down-before", test_shut_down_before);

  return g_test_run ();
}
