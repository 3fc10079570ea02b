/* worker-test.c: tests a worker from the pool's end of its channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-worker.h"

#include "peer.h"
#include "worker-functions.h"

#include <signal.h>
#include <sys/wait.h>

#define FUNCTION_ERROR "org.ppool.Error.Function"
#define UNKNOWN_FUNCTION "org.ppool.Error.UnknownFunction"
#define UNHANDLED "org.ppool.Error.Unhandled"

#define unit() (g_variant_new_tuple (NULL, 0))

static char *program; /* (owned): this one */

static Peer *
new_peer (const char *mode)
{
  const char *argv[] = { program, mode, NULL };

  return peer_new (argv);
}

/* Functions */

static void
test_function_value (void)
{
  Peer *peer = new_peer ("plain");

  expect_value (peer_call (peer, "echo", unit ()), "()");
  expect_value (peer_call (peer, "echo", g_variant_new ("(sms)", "a", NULL)),
                "('a', @ms nothing)");
  expect_value (peer_call (peer, "floating", unit ()), "(@ms nothing, 7)");
  expect_value (peer_call (peer, "answer-itself", unit ()), "'itself'");

  peer_exit (peer);
}

/* What a pool without features says. */
static void
test_function_plain_value (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) greeting = NULL;
  g_autoptr (Reply) reply = NULL;

  greeting = peer_send (peer, "Initialize", g_variant_new ("(a{sv})", NULL));
  reply_wait (greeting);
  g_assert_no_error (greeting->error);

  reply = peer_send (peer, "Call", g_variant_new ("(tsva{sv})", (guint64) 1, "echo",
                                                  g_variant_new_string ("plain"), NULL));
  reply_wait (reply);
  g_assert_no_error (reply->error);
  expect_value (g_variant_ref (g_dbus_message_get_body (reply->message)), "(<'plain'>,)");

  peer_exit (peer);
}

static void
test_function_error (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) reply = peer_send_call (peer, "fail", unit ());

  reply_expect_error (reply, FUNCTION_ERROR, "not here");
  expect_value (g_variant_ref (g_dbus_message_get_body (reply->message)),
                "('not here', 'g-io-error-quark', 1)");
  peer_call_failing (peer, "fail-like-a-pool", unit (), FUNCTION_ERROR, "a forgery");

  peer_exit (peer);
}

static void
test_function_error_wins (void)
{
  Peer *peer = new_peer ("plain");

  peer_call_failing (peer, "fail-with-value", unit (), FUNCTION_ERROR, "and yet");
  expect_value (peer_call (peer, "get-freed", unit ()), "int64 1");

  peer_exit (peer);
}

static void
test_function_nothing (void)
{
  Peer *peer = new_peer ("plain");

  peer_call_failing (peer, "nothing", unit (), UNHANDLED, "“nothing”");
  expect_value (peer_call (peer, "echo", unit ()), "()");

  peer_exit (peer);
}

static void
test_function_replaced (void)
{
  Peer *peer = new_peer ("plain");

  expect_value (peer_call (peer, "replace-itself", unit ()), "int64 1");
  expect_value (peer_call (peer, "replace-itself", unit ()), "int64 3");

  peer_exit (peer);
}

static void
test_function_sigpipe (void)
{
  Peer *peer = new_peer ("plain");

  expect_value (peer_call (peer, "ignores-sigpipe", unit ()), "true");

  peer_exit (peer);
}

/* Handlers */

static void
test_handler_answers (void)
{
  Peer *peer = new_peer ("plain");

  expect_value (peer_call (peer, "answer-nothing", unit ()), "()");
  expect_value (peer_call (peer, "answer-later", unit ()), "'later'");
  expect_value (peer_call (peer, "answer-from-thread", unit ()), "'thread'");
  peer_call_failing (peer, "answer-error", unit (), FUNCTION_ERROR, "it exists");

  peer_exit (peer);
}

static void
test_handler_drops (void)
{
  Peer *peer = new_peer ("plain");

  peer_call_failing (peer, "drop", unit (), UNHANDLED, "“drop”");
  peer_call_failing (peer, "drop-from-thread", unit (), UNHANDLED, "“drop-from-thread”");
  expect_value (peer_call (peer, "echo", unit ()), "()");

  peer_exit (peer);
}

static void
test_handler_second_answer (void)
{
  Peer *peer = new_peer ("plain");

  expect_value (peer_call (peer, "answer-twice", unit ()), "'first'");
  expect_value (peer_call (peer, "get-freed", unit ()), "int64 1");

  peer_exit (peer);
}

/* The signal */

static void
test_signal_unconnected (void)
{
  Peer *peer = new_peer ("plain");

  peer_call_failing (peer, "taken", unit (), UNKNOWN_FUNCTION, "“taken”");

  peer_exit (peer);
}

static void
test_signal_taken (void)
{
  Peer *peer = new_peer ("signal");

  expect_value (peer_call (peer, "taken", unit ()), "'first'");
  expect_value (peer_call (peer, "taken-later", unit ()), "'later'");
  peer_call_failing (peer, "taken-and-dropped", unit (), UNHANDLED, "“taken-and-dropped”");
  expect_value (peer_call (peer, "echo", unit ()), "()");

  peer_exit (peer);
}

static void
test_signal_refused (void)
{
  Peer *peer = new_peer ("signal");

  peer_call_failing (peer, "refused", unit (), UNHANDLED, "“refused”");
  expect_value (peer_call (peer, "answered-and-refused", unit ()), "'first'");

  peer_exit (peer);
}

/* One at a time */

/* Waits until the worker has read what was sent before. */
static void
await_read (Peer *peer)
{
  g_autoptr (Reply) reply = peer_send_initialize (peer);

  reply_wait (reply);
  g_assert_no_error (reply->error);
}

static void
test_order_held (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) held = peer_send_call (peer, "hold", unit ());
  g_autofree char *line = peer_read_line (peer);
  g_autoptr (Reply) second = peer_send_call (peer, "is-alone", unit ());
  g_autoptr (Reply) third = peer_send_call (peer, "echo", unit ());

  g_assert_cmpstr (line, ==, "holding");
  await_read (peer);
  g_assert_cmpuint (second->position, ==, 0);

  g_subprocess_send_signal (peer->process, SIGUSR1);
  reply_expect_value (held, "'released'");
  reply_expect_value (second, "true");
  reply_expect_value (third, "()");
  g_assert_cmpuint (held->position, <, second->position);
  g_assert_cmpuint (second->position, <, third->position);

  peer_exit (peer);
}

static void
test_order_nested (gconstpointer name)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) nesting = peer_send_call (peer, name, unit ());
  g_autofree char *line = peer_read_line (peer);
  g_autoptr (Reply) second = peer_send_call (peer, "is-alone", unit ());

  g_assert_cmpstr (line, ==, "nesting");
  g_assert_true (g_dbus_connection_flush_sync (peer->connection, NULL, NULL));

  g_subprocess_send_signal (peer->process, SIGUSR1);
  reply_wait (nesting);
  reply_expect_value (second, "true");

  peer_exit (peer);
}

static void
test_order_many (void)
{
  Peer *peer = new_peer ("plain");
  Reply *replies[500];

  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    replies[i] = peer_send_call (peer, i % 3 == 0 ? "answer-from-thread" : "is-alone", unit ());
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      reply_expect_value (replies[i], i % 3 == 0 ? "'thread'" : "true");
      if (i > 0)
        g_assert_cmpuint (replies[i - 1]->position, <, replies[i]->position);
    }
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    reply_free (replies[i]);

  peer_exit (peer);
}

/* Leaving */

static void
test_exit_idle (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) reply = peer_send (peer, "Exit", NULL);
  g_autofree char *line = peer_read_line (peer);

  reply_wait (reply);
  g_assert_cmpstr (line, ==, "left");
  g_assert_cmpint (peer_free (peer), ==, 0);
}

static void
test_exit_busy (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) held = peer_send_call (peer, "hold", unit ());
  g_autofree char *line = peer_read_line (peer);
  g_autoptr (Reply) second = peer_send_call (peer, "echo", unit ());
  g_autoptr (Reply) reply = peer_send (peer, "Exit", NULL);

  g_assert_cmpstr (line, ==, "holding");
  await_read (peer);
  g_subprocess_send_signal (peer->process, SIGUSR1);

  reply_expect_value (held, "'released'");
  reply_expect_value (second, "()");
  reply_wait (reply);
  g_assert_cmpint (peer_free (peer), ==, 0);
}

static void
test_exit_large_result (void)
{
  const guint32 size = 32 * 1024 * 1024;
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) large = peer_send_call (peer, "produce", g_variant_new_uint32 (size));
  g_autoptr (Reply) reply = peer_send (peer, "Exit", NULL);
  g_autoptr (GVariant) value = reply_get_value (large);

  g_assert_cmpuint (g_variant_get_size (value), ==, size);
  reply_wait (reply);
  g_assert_cmpint (peer_free (peer), ==, 0);
}

static void
test_hang_up_idle (void)
{
  Peer *peer = new_peer ("plain");

  peer_hang_up (peer);
  g_assert_cmpint (peer_free (peer), ==, 0);
}

static void
test_hang_up_held (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) held = peer_send_call (peer, "hold", unit ());
  g_autofree char *line = peer_read_line (peer);

  g_assert_cmpstr (line, ==, "holding");
  peer_hang_up (peer);
  g_assert_cmpint (peer_free (peer), ==, 0);
  reply_wait (held);
  g_assert_nonnull (held->error);
}

static void
test_hang_up_busy (void)
{
  Peer *peer = new_peer ("plain");
  g_autoptr (Reply) spinning = peer_send_call (peer, "spin", unit ());
  g_autofree char *line = peer_read_line (peer);

  g_assert_cmpstr (line, ==, "spinning");
  peer_hang_up (peer);
  g_assert_cmpint (peer_free (peer), ==, 0);
  reply_wait (spinning);
  g_assert_nonnull (spinning->error);
}

/* Running */

static void
test_run_hang_up_in_handshake (void)
{
  const char *argv[] = { program, "plain", NULL };
  Peer *peer = peer_new_unconnected (argv);
  int status;

  peer_hang_up (peer);
  status = peer_free (peer);
  g_assert_true (WIFEXITED (status));
}

static void
test_run_mode (gconstpointer mode)
{
  Peer *peer = new_peer (mode);

  expect_value (peer_call (peer, "answer-from-thread", unit ()), "'thread'");
  expect_value (peer_call (peer, "echo", unit ()), "()");

  peer_exit (peer);
}

static void
test_run_by_hand (void)
{
  if (g_test_subprocess ())
    {
      PPoolWorker *worker = ppool_worker_new ();
      g_autoptr (GError) error = NULL;

      g_assert_false (ppool_worker_is_spawned ());
      g_assert_cmpint (ppool_worker_run (worker, &error), ==, 1);
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
      g_assert_finalize_object (worker);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*not started by a pool*");
  g_test_trap_assert_stderr_unmatched ("*\n*\n*");
}

/* As a language may do that lets programs make any object. */
static void
test_stray_invocation (void)
{
  PPoolInvocation *invocation = g_object_new (PPOOL_TYPE_INVOCATION, NULL);

  g_assert_null (ppool_invocation_get_function (invocation));
  g_assert_null (ppool_invocation_get_args (invocation));
  g_assert_finalize_object (invocation);
}

static GVariant *
function (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  return NULL;
}

static void
handler (PPoolInvocation *invocation,
         gpointer         user_data)
{
}

static void
count_cb (gpointer data)
{
  guint *n = data;

  (*n)++;
}

static void
test_unused (void)
{
  PPoolWorker *worker = ppool_worker_new ();
  guint n_destroyed = 0;

  ppool_worker_add_function (worker, "a", function, &n_destroyed, count_cb);
  ppool_worker_add_handler (worker, "a", handler, &n_destroyed, count_cb);
  g_assert_cmpuint (n_destroyed, ==, 1);
  ppool_worker_add_handler (worker, "b", handler, &n_destroyed, count_cb);

  g_assert_finalize_object (worker);
  g_assert_cmpuint (n_destroyed, ==, 3);
}

int
main (int    argc,
      char **argv)
{
  const char *warm_up[] = { argv[0], "plain", NULL };

  if (ppool_worker_is_spawned ())
    return worker_functions_run (argv[1]);

  g_test_init (&argc, &argv, NULL);
  program = g_canonicalize_filename (argv[0], NULL);
  if (!g_test_subprocess ())
    peer_warm_up (warm_up);

  g_test_add_func ("/worker/unused", test_unused);
  g_test_add_func ("/worker/stray-invocation", test_stray_invocation);
  g_test_add_func ("/worker/function/value", test_function_value);
  g_test_add_func ("/worker/function/plain-value", test_function_plain_value);
  g_test_add_func ("/worker/function/error", test_function_error);
  g_test_add_func ("/worker/function/error-wins", test_function_error_wins);
  g_test_add_func ("/worker/function/nothing", test_function_nothing);
  g_test_add_func ("/worker/function/replaced", test_function_replaced);
  g_test_add_func ("/worker/function/sigpipe", test_function_sigpipe);
  g_test_add_func ("/worker/handler/answers", test_handler_answers);
  g_test_add_func ("/worker/handler/drops", test_handler_drops);
  g_test_add_func ("/worker/handler/second-answer", test_handler_second_answer);
  g_test_add_func ("/worker/signal/unconnected", test_signal_unconnected);
  g_test_add_func ("/worker/signal/taken", test_signal_taken);
  g_test_add_func ("/worker/signal/refused", test_signal_refused);
  g_test_add_func ("/worker/order/held", test_order_held);
  g_test_add_data_func ("/worker/order/nested", "nest", test_order_nested);
  g_test_add_data_func ("/worker/order/nested-after-answer", "nest-after-answer",
                        test_order_nested);
  g_test_add_func ("/worker/order/many", test_order_many);
  g_test_add_func ("/worker/exit/idle", test_exit_idle);
  g_test_add_func ("/worker/exit/busy", test_exit_busy);
  g_test_add_func ("/worker/exit/large-result", test_exit_large_result);
  g_test_add_func ("/worker/hang-up/idle", test_hang_up_idle);
  g_test_add_func ("/worker/hang-up/held", test_hang_up_held);
  g_test_add_func ("/worker/hang-up/busy", test_hang_up_busy);
  g_test_add_func ("/worker/hang-up/in-handshake", test_run_hang_up_in_handshake);
  g_test_add_data_func ("/worker/run/again", "again", test_run_mode);
  g_test_add_data_func ("/worker/run/thread-context", "thread-context", test_run_mode);
  g_test_add_data_func ("/worker/run/owned-context", "owned-context", test_run_mode);
  g_test_add_func ("/worker/run/by-hand", test_run_by_hand);

  return g_test_run ();
}
