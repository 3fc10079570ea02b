/* verdict-test.c: what is said of a worker's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-verdict-private.h"

#include <signal.h>

/* How wait() has them. */
#define EXITED(status) ((status) << 8)
#define KILLED(signal) (signal)

static void
check (const PPoolVerdict *verdict,
       int                 code,
       const char         *message)
{
  g_autoptr (GError) error = ppool_verdict_to_error (verdict);

  g_assert_error (error, PPOOL_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_died (void)
{
  PPoolVerdict verdict = { .started = TRUE, .pid = 7, .ready = TRUE, .exited = TRUE };

  verdict.wait_status = KILLED (SIGSEGV);
  verdict.function = "sum";
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGSEGV (Segmentation fault) while it ran “sum”");

  verdict.label = "holiday.png";
  verdict.run_time = 2 * G_TIME_SPAN_SECOND;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGSEGV (Segmentation fault) while it ran “sum” (holiday.png) "
         "for 2.0 s");

  verdict.wait_status = KILLED (SIGKILL);
  verdict.was_out_of_memory = TRUE;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGKILL (Killed) while it ran “sum” (holiday.png) for 2.0 s "
         "(the system ran out of memory)");

  verdict.was_out_of_memory = FALSE;
  verdict.core = "it left a core dump, see “coredumpctl info 7”";
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGKILL (Killed) while it ran “sum” (holiday.png) for 2.0 s "
         "(this program did not send the signal); it left a core dump, see “coredumpctl info 7”");

  verdict.core = NULL;
  verdict.was_ended = TRUE;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGKILL (Killed) while it ran “sum” (holiday.png) for 2.0 s");

  verdict.was_ended = FALSE;
  verdict.wait_status = KILLED (SIGXCPU);
  verdict.label = NULL;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 was killed by SIGXCPU (CPU time limit exceeded) while it ran “sum” for 2.0 s "
         "(it was over its limit of processor time)");

  verdict.wait_status = EXITED (3);
  verdict.function = NULL;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 exited with status 3 while it ran nothing");

  verdict.exited = FALSE;
  verdict.stderr_tail = "last words\n";
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 closed its channel while it ran nothing; its standard error ended with:\n"
         "last words\n");
}

/* Of what is long, a message has the beginning and the end, in whole lines. */
static void
test_excerpt (void)
{
  g_autoptr (GString) tail = g_string_new ("the fault\n");
  g_autoptr (GString) letters = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  PPoolVerdict verdict = {
    .started = TRUE, .pid = 7, .ready = TRUE, .exited = TRUE, .function = "sum"
  };

  while (tail->len < 10000 - 7)
    g_string_append (tail, "a line\n");
  g_string_append (tail, "the end");
  verdict.stderr_tail = tail->str;
  error = ppool_verdict_to_error (&verdict);
  g_assert_nonnull (strstr (error->message, "standard error ended with:\nthe fault\na line\n"));
  g_assert_nonnull (strstr (error->message, "\na line\n[… 59"));
  g_assert_nonnull (strstr (error->message, " bytes left out …]\na line\n"));
  g_assert_true (g_str_has_suffix (error->message, "\na line\nthe end"));
  g_assert_cmpuint (strlen (error->message), <, 4096 + 200);
  g_clear_error (&error);

  verdict.function = NULL;
  error = ppool_verdict_to_error (&verdict);
  g_assert_nonnull (strstr (error->message, "standard error ended with:\na line\n"));
  g_assert_null (strstr (error->message, "left out"));
  g_assert_true (g_str_has_suffix (error->message, "\na line\nthe end"));
  g_clear_error (&error);

  /* One line is cut between letters. */
  while (letters->len < 10000)
    g_string_append (letters, "\342\202\254");
  verdict.function = "sum";
  verdict.stderr_tail = letters->str;
  error = ppool_verdict_to_error (&verdict);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, " bytes left out …]\n€"));
}

/* Somebody else may have reaped it. */
static void
test_unknown_status (void)
{
  PPoolVerdict verdict = {
    .started = TRUE, .pid = 7, .ready = TRUE, .exited = TRUE, .function = "sum"
  };

  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 exited with status 0 while it ran “sum”");

  verdict.status_is_lost = TRUE;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 exited with an unknown status (something else in this program waited for it) "
         "while it ran “sum”");

  verdict.children_are_ignored = TRUE;
  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 exited with an unknown status (this program ignores SIGCHLD) while it ran "
         "“sum”");

  verdict.ready = FALSE;
  verdict.function = NULL;
  check (&verdict, PPOOL_ERROR_LAUNCH,
         "Worker 7 exited with an unknown status (this program ignores SIGCHLD) before it was "
         "ready");
}

static void
test_misbehaved (void)
{
  g_autoptr (GError) cause = g_error_new (PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "it sent nonsense");
  PPoolVerdict verdict = {
    .started = TRUE, .pid = 7, .ready = TRUE, .function = "sum", .cause = cause
  };

  check (&verdict, PPOOL_ERROR_PROTOCOL,
         "Worker 7 misbehaved while it ran “sum”: it sent nonsense");
}

static void
test_other_library (void)
{
  PPoolVerdict verdict = {
    .started = TRUE, .pid = 7, .ready = TRUE, .exited = TRUE, .wait_status = EXITED (3),
    .library = "PPool-GLib 99.1", .stderr_tail = "last words\n"
  };

  check (&verdict, PPOOL_ERROR_WORKER_DIED,
         "Worker 7 exited with status 3 while it ran nothing; it uses PPool-GLib 99.1 and this "
         "program PPool-GLib " PPOOL_VERSION_TEXT ": start this program again after an update; "
         "its standard error ended with:\nlast words\n");
}

static void
test_did_not_start (void)
{
  g_autoptr (GError) cause = g_error_new (PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "no such file");
  PPoolVerdict verdict = { .exited = TRUE, .cause = cause };

  check (&verdict, PPOOL_ERROR_LAUNCH, "A worker could not be started: no such file");

  verdict.started = TRUE;
  verdict.pid = 7;
  verdict.cause = NULL;
  verdict.wait_status = EXITED (127);
  check (&verdict, PPOOL_ERROR_LAUNCH,
         "Worker 7 exited with status 127 before it was ready (its program was not found)");

  /* So short that nobody knows its number. */
  verdict.pid = 0;
  verdict.wait_status = EXITED (0);
  check (&verdict, PPOOL_ERROR_LAUNCH, "A worker exited with status 0 before it was ready "
         "(does it run its PPoolWorker?)");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/verdict/died", test_died);
  g_test_add_func ("/verdict/excerpt", test_excerpt);
  g_test_add_func ("/verdict/unknown-status", test_unknown_status);
  g_test_add_func ("/verdict/misbehaved", test_misbehaved);
  g_test_add_func ("/verdict/other-library", test_other_library);
  g_test_add_func ("/verdict/did-not-start", test_did_not_start);

  return g_test_run ();
}
