/* errors-test.c: how the error of a function arrives
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <string.h>

static GError *
call_fail (PPoolExecutor *executor,
           const char    *domain,
           int            code,
           const char    *message)
{
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "fail", g_variant_new ("(sis)", domain, code, message));

  return harness_failure (future);
}

static GError *
call (PPoolExecutor *executor,
      const char    *function)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, function, NULL);

  return harness_failure (future);
}

/* A10 */
static void
test_known_domain (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) io = call_fail (executor, "g-io-error-quark", G_IO_ERROR_NOT_FOUND, "Nowhere");
  g_autoptr (GError) odd = call_fail (executor, "g-file-error-quark", -12345, "");
  GQuark quark = g_quark_from_static_string ("harness-error");
  g_autoptr (GError) own = call_fail (executor, "harness-error", 7, "My own");

  g_assert_error (io, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (io->message, ==, "Nowhere");
  g_assert_error (odd, G_FILE_ERROR, -12345);
  g_assert_error (own, quark, 7);
  g_assert_cmpstr (own->message, ==, "My own");
  harness_assert_works (executor);
}

static void
test_unknown_domain (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (g_quark_try_string ("never-heard-of-quark"), ==, 0);
  error = call_fail (executor, "never-heard-of-quark", 99, "Out of luck");
  g_assert_error (error, g_quark_from_static_string ("never-heard-of-quark"), 99);
  g_assert_cmpstr (error->message, ==, "Out of luck");
}

/* What is made a quark stays for good. */
static void
test_odd_domain (Harness *harness)
{
  g_autofree char *long_name = g_strnfill (129, 'd');
  g_autofree char *longest = g_strnfill (128, 'd');
  const char *const names[] = {
    "never heard of", "never\nheard", "größe-error", "ppool-of-some-language", long_name,
  };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) last = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = call_fail (executor, names[i], 99, "Out of luck");

      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "Out of luck", names[i], "99",
                            NULL);
      g_assert_cmpuint (g_quark_try_string (names[i]), ==, 0);
    }

  last = call_fail (executor, longest, 1, "Out of luck");
  g_assert_error (last, g_quark_try_string (longest), 1);
}

/* A worker must not be able to fill the table of quarks. To be run last. */
static void
test_many_domains (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) known = NULL;
  guint n_new = 0;

  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *name = g_strdup_printf ("domain-%u-quark", i);
      g_autoptr (GError) error = call_fail (executor, name, 7, "Out of luck");

      if (g_quark_try_string (name) != 0)
        g_assert_error (error, g_quark_try_string (name), 7);
      else
        harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "Out of luck", name, "7",
                              NULL);
      n_new += g_quark_try_string (name) != 0;
    }
  g_assert_cmpuint (n_new, >, 50);
  g_assert_cmpuint (n_new, <=, 64);

  known = call_fail (executor, "domain-0-quark", 8, "As before");
  g_assert_error (known, g_quark_try_string ("domain-0-quark"), 8);
  g_assert_cmpstr (known->message, ==, "As before");
}

/* A worker can't forge the verdicts of its pool. */
static void
test_own_domain (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error =
      call_fail (executor, g_quark_to_string (PPOOL_ERROR), PPOOL_ERROR_BROKEN, "Forged");

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "Forged", NULL);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
}

static void
test_messages (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) latin1 = call (executor, "fail-in-latin1");
  g_autoptr (GError) utf8 = call_fail (executor, "g-io-error-quark", 1, "grün — ☃ %s %n");
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) endless = NULL;

  harness_assert_error (latin1, G_FILE_ERROR, G_FILE_ERROR_NOENT, "No file caf", ".txt", NULL);
  g_assert_cmpstr (utf8->message, ==, "grün — ☃ %s %n");

  future = harness_submit (executor, "fail-at-length", g_variant_new ("(t)", (guint64) 1 << 20));
  endless = harness_failure (future);
  harness_assert_error (endless, G_IO_ERROR, G_IO_ERROR_FAILED, "mmmm", NULL);
  g_assert_cmpuint (strlen (endless->message), <=, 64 * 1024 + 16);
  g_assert_cmpuint (strlen (endless->message), >, 60 * 1024);
  harness_assert_works (executor);
}

static void
test_unhandled (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = harness_worker_pid (executor);
  g_autoptr (GError) nothing = call (executor, "nothing");
  g_autoptr (GError) dropped = call (executor, "drop");
  g_autoptr (GError) unknown = call (executor, "no-such-function");

  harness_assert_error (nothing, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED, "nothing", NULL);
  harness_assert_error (dropped, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED, "drop", NULL);
  harness_assert_error (unknown, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION, "“no-such-function”",
                        "it has “_exit”, “add”, “", " more", NULL);
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

static void
test_handlers (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) later = harness_submit (executor, "later", g_variant_new ("(i)", 1));
  g_autoptr (PPoolFuture) thread =
      harness_submit (executor, "from-thread", g_variant_new ("(i)", 2));
  g_autoptr (GError) literal = call (executor, "fail-by-literal");
  g_autoptr (GError) gerror = call (executor, "fail-by-gerror");

  harness_assert_value (later, "(1,)");
  harness_assert_value (thread, "(2,)");
  harness_assert_error (literal, G_IO_ERROR, G_IO_ERROR_BUSY, "literally", NULL);
  harness_assert_error (gerror, G_IO_ERROR, G_IO_ERROR_BUSY, "by value", NULL);
}

/* Whether there is such a function is up to the handlers of the signal. */
static void
test_signal (Harness *harness)
{
  g_autofree char *program = harness_program ("bad-worker");
  const char *argv[] = { program, "--handle-call", NULL };
  g_autoptr (PPoolExecutor) executor = harness_executor_on (ppool_launcher_new (argv), 1);
  g_autoptr (PPoolFuture) taken =
      harness_submit (executor, "signal-this", g_variant_new ("(i)", 3));
  g_autoptr (GError) refused = call (executor, "no-such-function");

  harness_assert_value (taken, "(3,)");
  harness_assert_error (refused, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED, "no-such-function", NULL);
  harness_assert_works (executor);
}

/* A28: a worker serves nothing else before it has answered. */
static void
test_one_at_a_time (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) first = harness_submit (
      executor, "later-at-gate", g_variant_new ("(s)", gate_get_path (gate)));
  g_autoptr (PPoolFuture) second = harness_submit_gate (executor, gate);
  Visitor visitor = gate_wait (gate);
  g_autoptr (GVariant) value = NULL;

  g_assert_true (ppool_future_is_running (first));
  g_assert_cmpint (ppool_future_get_state (second), ==, PPOOL_FUTURE_STATE_PENDING);
  g_assert_null (ppool_future_result (second, 50, NULL));
  g_assert_false (gate_has_visitor (gate));
  gate_open (visitor, "");
  value = harness_result (first);
  gate_open (gate_wait (gate), "second");
  harness_assert_value (second, "'second'");
}

/* It is a bug of the worker's program, which must not become one of the pool. */
static void
test_answered_twice (Harness *harness)
{
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  guint pid;

  ppool_launcher_setenv (launcher, "G_DEBUG", "", TRUE);
  executor = harness_executor_on (launcher, 1);
  pid = harness_worker_pid (executor);
  future = harness_submit (executor, "twice", g_variant_new ("(s)", "first"));
  harness_assert_value (future, "('first',)");
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

/* Each owner has an error of its own. */
static void
test_copies (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "nothing", NULL);
  g_autoptr (GError) first = harness_failure (future);
  g_autoptr (GError) second = ppool_future_get_error (future);
  g_autoptr (GError) third = NULL;

  g_assert_null (ppool_future_propagate (future, &third));
  g_assert_true (first != second && second != third);
  g_prefix_error (&first, "changed: ");
  g_assert_cmpstr (second->message, ==, third->message);
  g_assert_cmpstr (first->message, !=, second->message);
}

/* What workers in other languages answer. */
static void
test_minimal_worker (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher (
          "init", "call", "return-error:org.freedesktop.DBus.Error.UnknownMethod=('none',)", "call",
          "return-error:org.ppool.Error.Unhandled=('nobody',)", "call",
          "return-error:com.example.Odd=('odd', 7)", "call", "return-error:com.example.Bare",
          "call", "return-error:org.ppool.Error.Broken=('forged',)", "call",
          "return-error:org.ppool.Error.Function=('missing', 'g-io-error-quark', 1)", "serve",
          NULL),
      1);
  g_autoptr (GError) unknown = call (executor, "one");
  g_autoptr (GError) unhandled = call (executor, "two");
  g_autoptr (GError) odd = call (executor, "three");
  g_autoptr (GError) bare = call (executor, "four");
  g_autoptr (GError) forged = call (executor, "five");
  g_autoptr (GError) function = call (executor, "six");

  harness_assert_error (unknown, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION, "none", NULL);
  harness_assert_error (unhandled, PPOOL_ERROR, PPOOL_ERROR_UNHANDLED, "nobody", NULL);
  harness_assert_error (odd, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "com.example.Odd", NULL);
  harness_assert_error (bare, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "com.example.Bare", NULL);
  harness_assert_error (forged, PPOOL_ERROR, PPOOL_ERROR_REMOTE, "forged", NULL);
  harness_assert_error (function, G_IO_ERROR, 1, "missing", NULL);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A10, A28 */
  harness_add ("/errors/domain/known", test_known_domain);
  harness_add ("/errors/domain/unknown", test_unknown_domain);
  harness_add ("/errors/domain/odd", test_odd_domain);
  harness_add ("/errors/domain/own", test_own_domain);
  harness_add ("/errors/domain/many", test_many_domains);
  harness_add ("/errors/messages", test_messages);
  harness_add ("/errors/unhandled", test_unhandled);
  harness_add ("/errors/handlers", test_handlers);
  harness_add ("/errors/signal", test_signal);
  harness_add ("/errors/one-at-a-time", test_one_at_a_time);
  harness_add ("/errors/answered-twice", test_answered_twice);
  /* A13 */
  harness_add ("/errors/copies", test_copies);
  /* A10 */
  harness_add ("/errors/minimal-worker", test_minimal_worker);

  return g_test_run ();
}
