/* death-test.c: workers that die, while they are in a call and while they are not
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "capture.h"
#include "control-group.h"
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A13: what each future, each later submit and the executor say. */
static void
check_death_in_call (const char *function,
                     GVariant   *args,
                     int         cause,
                     const char *how,
                     const char *more)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autofree char *pid = g_strdup_printf ("%u", harness_worker_pid (executor));
  g_autoptr (PPoolFuture) future = harness_submit (executor, function, args);
  g_autoptr (GError) pending_error = NULL;
  g_autoptr (PPoolFuture) pending =
      ppool_executor_submit (executor, "echo", NULL, NULL, &pending_error);

  g_test_message ("%s", function);
  harness_assert_broken (executor, future, cause, function, pid, how, more, NULL);
  g_assert_cmpuint (ppool_future_get_worker_pid (future), ==, atoi (pid));
  g_assert_cmpint (ppool_future_get_started_time (future), >, 0);
  /* It is refused if it comes too late. */
  if (pending != NULL)
    pending_error = harness_failure (harness_track (pending));
  g_assert_error (pending_error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);
}

static void
check_signal (int         signal_number,
              const char *name)
{
  check_death_in_call ("die", g_variant_new ("(is)", signal_number, "my last words"),
                       PPOOL_ERROR_WORKER_DIED, name, "my last words");
}

static void
test_signals (Harness *harness)
{
  check_signal (SIGKILL, "SIGKILL");
  check_signal (SIGTERM, "SIGTERM");
  check_signal (SIGABRT, "SIGABRT");
  check_signal (SIGBUS, "SIGBUS");
  check_signal (SIGSEGV, "SIGSEGV");
}

/* What is known of why, and what programs are told of it. */
static void
check_reason (int             signal_number,
              const char     *words,
              const char     *reason,
              PPoolDeathCause cause)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolDeath) death = NULL;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  future = harness_submit (executor, "die", g_variant_new ("(is)", signal_number, words));
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, reason, NULL);
  death = ppool_future_get_death (future);
  g_assert_cmpint (ppool_death_get_cause (death), ==, cause);
  g_assert_cmpstr (ppool_death_get_message (death), ==, error->message);
}

static void
test_reasons (Harness *harness)
{
  const char *outside = "(this program did not send the signal)";

  check_reason (SIGTERM, "", outside, PPOOL_DEATH_CAUSE_SIGNAL);
  check_reason (SIGKILL, "", outside, PPOOL_DEATH_CAUSE_KILLED);
  check_reason (SIGXCPU, "", "limit of processor time", PPOOL_DEATH_CAUSE_LIMIT);
  check_reason (SIGXFSZ, "", "limit of the size of files", PPOOL_DEATH_CAUSE_LIMIT);
  check_reason (SIGTRAP, "GLib-ERROR: a.c:1: failed to allocate 7 bytes", "for lack of memory",
                PPOOL_DEATH_CAUSE_OUT_OF_MEMORY);
  check_reason (SIGABRT, "what(): std::bad_alloc", "for lack of memory",
                PPOOL_DEATH_CAUSE_OUT_OF_MEMORY);
  check_reason (SIGSEGV, "a.c:1: no memory of that", "SIGSEGV", PPOOL_DEATH_CAUSE_SIGNAL);
}

/* What programs are told of one that was a call's, whatever becomes of the pool: each field. */
static void
check_facts (const char       *function,
             GVariant         *args,
             PPoolDeathCause   cause,
             int               signal_number,
             int               exit_status,
             PPoolCrashPolicy  policy)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolCall) call = ppool_call_new (function, args);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolDeath) death = NULL;
  g_autofree char *label = g_strdup_printf ("“%s” (tree.tiff)", function);

  g_test_message ("%s: %d", function, (int) cause);
  ppool_executor_set_crash_policy (executor, policy);
  ppool_call_set_label (call, "tree.tiff");
  future = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  error = harness_failure (future);
  death = harness_track (ppool_future_get_death (future));

  g_assert_cmpint (ppool_death_get_cause (death), ==, cause);
  g_assert_cmpint (ppool_death_get_signal_number (death), ==, signal_number);
  g_assert_cmpint (ppool_death_get_exit_status (death), ==, exit_status);
  g_assert_cmpstr (ppool_death_get_function (death), ==, function);
  g_assert_cmpuint (ppool_death_get_worker_pid (death), !=, 0);
  g_assert_cmpuint (ppool_death_get_worker_pid (death), ==,
                    ppool_future_get_worker_pid (future));
  harness_assert_error (error, PPOOL_ERROR,
                        policy == PPOOL_CRASH_POLICY_BREAK ? PPOOL_ERROR_BROKEN :
                                                             PPOOL_ERROR_WORKER_DIED,
                        label, NULL);
  g_assert_true (g_str_has_suffix (error->message, ppool_death_get_message (death)));
  g_assert_cmpint (ppool_executor_get_state (executor), ==,
                   policy == PPOOL_CRASH_POLICY_BREAK ? PPOOL_EXECUTOR_STATE_BROKEN :
                                                        PPOOL_EXECUTOR_STATE_RUNNING);
}

static void
check_facts_of_all (PPoolCrashPolicy policy)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before;

  check_facts ("die", g_variant_new ("(is)", SIGSEGV, ""), PPOOL_DEATH_CAUSE_SIGNAL, SIGSEGV, -1,
               policy);
  check_facts ("die", g_variant_new ("(is)", SIGKILL, ""), PPOOL_DEATH_CAUSE_KILLED, SIGKILL, -1,
               policy);
  check_facts ("_exit", g_variant_new ("(i)", 0), PPOOL_DEATH_CAUSE_EXIT, 0, 0, policy);
  check_facts ("_exit", g_variant_new ("(i)", 3), PPOOL_DEATH_CAUSE_EXIT, 0, 3, policy);

  harness_allow_warnings ();
  g_assert_cmpint (sigaction (SIGCHLD, &ignore, &before), ==, 0);
  check_facts ("_exit", g_variant_new ("(i)", 3), PPOOL_DEATH_CAUSE_UNKNOWN, 0, -1, policy);
  g_assert_cmpint (sigaction (SIGCHLD, &before, NULL), ==, 0);
}

static void
test_facts (Harness *harness)
{
  check_facts_of_all (PPOOL_CRASH_POLICY_REPLACE);
  check_facts_of_all (PPOOL_CRASH_POLICY_BREAK);
}

/* One that says what is not valid, or nothing any more, is killed for it. */
static void
test_facts_of_channel (Harness *harness)
{
  static const char *const steps[] = { "garbage", "close" };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor_on (
        harness_raw_launcher ("init", "call", steps[i], "hang", NULL), 1);
      g_autoptr (PPoolFuture) future = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (PPoolDeath) death = NULL;

      harness_allow_warnings ();
      ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
      future = harness_submit (executor, "function", NULL);
      error = harness_failure (future);
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
      death = harness_track (ppool_future_get_death (future));
      g_assert_cmpint (ppool_death_get_cause (death), ==,
                       i == 0 ? PPOOL_DEATH_CAUSE_PROTOCOL : PPOOL_DEATH_CAUSE_CLOSED);
      g_assert_cmpint (ppool_death_get_signal_number (death), ==, 0);
      g_assert_cmpint (ppool_death_get_exit_status (death), ==, -1);
      harness_shut_down (executor);
    }
}

/* One that this program ends for its call is no accident, whichever signal it needs. */
static void
test_facts_of_ended (Harness *harness)
{
  static const char *const ways[] = { "", "stubborn" };

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (Gate) gate = gate_new (harness->dir);
      g_autoptr (PPoolExecutor) executor = harness_executor (1);
      GVariant *args = g_variant_new ("(ss)", gate_get_path (gate), ways[i / 2]);
      g_autoptr (PPoolFuture) future = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (PPoolDeath) death = NULL;
      Visitor visitor;

      ppool_executor_set_abort_grace_msec (executor, 50);
      future = harness_submit_limited (executor, "hang", args, i % 2 == 0 ? 300 : -1);
      visitor = gate_wait (gate);
      if (i % 2 != 0)
        ppool_future_abort (future);
      error = harness_failure (future);
      death = harness_track (ppool_future_get_death (future));
      g_assert_cmpint (ppool_death_get_cause (death), ==, PPOOL_DEATH_CAUSE_ENDED);
      g_assert_cmpint (ppool_death_get_signal_number (death), ==,
                       i / 2 == 0 ? SIGTERM : SIGKILL);
      g_assert_cmpint (ppool_death_get_run_time (death), >=,
                       i % 2 == 0 ? 300 * G_TIME_SPAN_MILLISECOND : 0);
      gate_expect_death (visitor);
      harness_assert_running (executor);
    }
}

/* What it wrote in another call is none of this one's, and how long it ran is told. */
static void
test_facts_of_one_call (Harness *harness)
{
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolFuture) before = NULL;
  g_autoptr (PPoolFuture) silent = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) silent_error = NULL;
  g_autoptr (PPoolDeath) death = NULL;
  g_autoptr (PPoolDeath) silent_death = NULL;
  Capture capture;

  /* What was not read when the next call begins counts as that one's. */
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_TEE);
  executor = harness_executor_on (launcher, 1);
  capture_init (&capture);
  before = harness_submit (executor, "stderr", g_variant_new ("(us)", 0u, "words of another call"));
  g_free (capture_read (&capture, "words of another call"));
  g_free (capture_clear (&capture));
  harness_assert_value (before, "()");
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  silent = harness_submit (executor, "linger", g_variant_new ("(ui)", 200000u, SIGSEGV));
  silent_error = harness_failure (silent);
  harness_assert_error (silent_error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "“linger” for 0.",
                        NULL);
  g_assert_null (strstr (silent_error->message, "words of another call"));
  silent_death = harness_track (ppool_future_get_death (silent));
  g_assert_cmpstr (ppool_death_get_stderr_tail (silent_death), ==, NULL);
  g_assert_cmpint (ppool_death_get_run_time (silent_death), >=, 200000);

  future = harness_submit (executor, "die", g_variant_new ("(is)", SIGSEGV, "last words"));
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "last words", NULL);
  death = harness_track (ppool_future_get_death (future));
  g_assert_true (g_str_has_prefix (ppool_death_get_stderr_tail (death), "last words"));
}

/* The kernel counts whom it has killed for lack of memory. */
static void
test_out_of_memory (Harness *harness)
{
  const guint64 mib = 1024 * 1024;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (ControlGroup) group = control_group_new ("memory");
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolDeath) death = NULL;

  if (group == NULL ||
      !control_group_set (group, "memory.max", "memory.limit_in_bytes", 160 * mib) ||
      !control_group_join (group))
    {
      g_test_skip ("no control group can be made here");
      return;
    }

  /* Without swap space, where it would be used. */
  if (!control_group_set (group, "memory.swap.max", "memory.memsw.limit_in_bytes", 160 * mib))
    g_test_message ("Swap space has no limit");
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  future = harness_submit (executor, "exhaust", g_variant_new_uint64 (512 * mib));
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "SIGKILL",
                        "(the system ran out of memory)", NULL);
  death = harness_track (ppool_future_get_death (future));
  g_assert_cmpint (ppool_death_get_cause (death), ==, PPOOL_DEATH_CAUSE_OUT_OF_MEMORY);
  harness_assert_running (executor);
  harness_shut_down (executor);
}

static void
remove_files (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_assert_no_errno (unlink (file));
    }
}

/* Where to look for it is told, wherever the system puts it. */
static void
test_core_dump (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *pattern = NULL;

  if (!g_file_get_contents ("/proc/sys/kernel/core_pattern", &pattern, NULL, NULL) ||
      *pattern == '/')
    {
      g_test_skip ("Core dumps go to a place of the system's");
      return;
    }

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  future = harness_submit (executor, "dump-core", g_variant_new_string (harness->dir));
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "SIGQUIT", NULL);
  if (strstr (error->message, "it left a core") == NULL)
    g_test_skip ("The system makes no core dumps");
  remove_files (harness->dir);
}

/* That of an attempt is told, and not of the ones before. */
static void
test_run_time (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolCall) call = ppool_call_new ("die", g_variant_new ("(is)", SIGSEGV, "words"));
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolDeath) death = NULL;
  gint64 total, rest;

  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_call_set_max_retries (call, 1);
  future = harness_track (ppool_executor_submit_call (executor, call, NULL, NULL));
  error = harness_failure (future);
  death = ppool_future_get_death (future);
  total = ppool_future_get_finished_time (future) - ppool_future_get_queued_time (future);
  g_assert_cmpint (ppool_death_get_run_time (death), >, 0);
  rest = ppool_future_get_finished_time (future) - ppool_future_get_started_time (future);
  g_assert_cmpint (ppool_death_get_run_time (death), <, total);
  g_assert_cmpint (rest, <, total);
}

static void
test_exits (Harness *harness)
{
  check_death_in_call ("exit", g_variant_new ("(i)", 3), PPOOL_ERROR_WORKER_DIED, "status 3", NULL);
  check_death_in_call ("exit", g_variant_new ("(i)", 0), PPOOL_ERROR_WORKER_DIED, "status 0", NULL);
  check_death_in_call ("_exit", g_variant_new ("(i)", 0), PPOOL_ERROR_WORKER_DIED, "status 0",
                       NULL);
  check_death_in_call ("_exit", g_variant_new ("(i)", 255), PPOOL_ERROR_WORKER_DIED, "status 255",
                       NULL);
}

/* The beginning and the end of what it has written are told, and no more than that. */
static void
test_stderr_tail (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GString) words = g_string_new ("The fault is here.\n");
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolDeath) death = NULL;
  g_autoptr (GError) error = NULL;

  while (words->len < 10000)
    g_string_append (words, "Much is said.\n");
  g_string_append (words, "grün and over");
  future = harness_submit (executor, "die", g_variant_new ("(is)", SIGKILL, words->str));
  error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN,
                        "ended with:\nThe fault is here.\nMuch is said.\n", " bytes left out …]\n",
                        "Much is said.\ngrün and over", NULL);
  g_assert_cmpuint (strlen (error->message), <, 6 * 1024);
  g_assert_cmpuint (strlen (error->message), >, 3 * 1024);
  death = ppool_future_get_death (future);
  g_assert_cmpstr (ppool_death_get_stderr_tail (death), ==, words->str);
}

/* All of it, as what is left in the pipe is read before the verdict. */
static void
test_stderr_at_once (Harness *harness)
{
  g_autoptr (GString) words = g_string_new (NULL);

  while (words->len < 60 * 1000)
    g_string_append (words, "A line that says nothing.\n");
  g_string_append (words, "The very end.");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (1);
      g_autoptr (PPoolFuture) future =
          harness_submit (executor, "die", g_variant_new ("(is)", SIGKILL, words->str));
      g_autoptr (GError) error = harness_failure (future);

      harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, "The very end.", NULL);
    }
}

static void
test_idle (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  guint pid = harness_worker_pid (executor);
  g_autofree char *pid_text = g_strdup_printf ("%u", pid);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  kill (pid, SIGKILL);
  harness_wait_for_process (pid, PATIENCE_SECONDS * 1000);
  while ((error = ppool_executor_get_error (executor)) == NULL)
    g_thread_yield ();
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, pid_text, "SIGKILL", NULL);
  g_clear_error (&error);
  future = ppool_executor_submit (executor, "echo", NULL, NULL, &error);
  g_assert_null (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN, pid_text, "SIGKILL", NULL);
}

static gpointer
submit_thread (gpointer user_data)
{
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  while ((future = ppool_executor_submit (user_data, "echo", NULL, NULL, &error)) != NULL)
    {
      g_autoptr (GError) failure = NULL;
      g_autoptr (GVariant) value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &failure);

      if (value == NULL)
        g_assert_error (failure, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
      g_clear_object (&future);
    }
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);

  return NULL;
}

/* It dies between two calls, or in one: all that is seen of it is an error. */
static void
test_between_calls (Harness *harness)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (2);
      guint pid = harness_worker_pid (executor);
      GThread *thread = g_thread_new ("submitter", submit_thread, executor);

      for (guint n = 0; n < 10 * i; n++)
        g_thread_yield ();
      kill (pid, SIGKILL);
      g_thread_join (thread);
    }
}

/* A13: each future owns its copy of the error. */
static void
test_copies (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) first =
      harness_submit (executor, "gate", g_variant_new ("(s)", gate_get_path (gate)));
  Visitor visitor = gate_wait (gate);
  g_autoptr (PPoolFuture) second = harness_submit (executor, "echo", NULL);
  g_autoptr (GError) of_first = NULL;
  g_autoptr (GError) of_second = NULL;
  g_autoptr (GError) again = NULL;

  kill (visitor.pid, SIGKILL);
  of_first = harness_failure (first);
  of_second = harness_failure (second);
  close (visitor.fd);
  g_assert_true (of_first != of_second);
  g_assert_cmpstr (of_first->message, ==, of_second->message);
  g_prefix_error (&of_first, "changed: ");
  again = ppool_future_get_error (first);
  g_assert_cmpstr (again->message, ==, of_second->message);
}

/* One death ends them all, also workers that are busy in C. */
static void
test_others (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (4);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolFuture *futures[4];
  Visitor visitors[4];

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      GVariant *args = g_variant_new ("(s)", gate_get_path (gate));

      futures[i] = harness_submit (executor, i < 2 ? "gate" : "spin", args);
      visitors[i] = gate_wait (gate);
    }
  kill (visitors[1].pid, SIGKILL);

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_autofree char *pid = g_strdup_printf ("%d", visitors[1].pid);

      harness_assert_broken (executor, futures[i], PPOOL_ERROR_WORKER_DIED, pid, "SIGKILL", NULL);
      g_object_unref (futures[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    gate_expect_death (visitors[i]);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
}

/* They are reaped also when nobody asks for it and all do as they please. */
static void
test_deaf_others (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("gate:%s", gate_get_path (gate));
  PPoolExecutor *executor =
      harness_executor_on (harness_raw_launcher ("deaf", "init", "call", step, "hang", NULL), 2);
  g_autoptr (PPoolFuture) first = NULL;
  g_autoptr (PPoolFuture) second = NULL;
  g_autoptr (GError) error = NULL;
  Visitor victim, survivor;

  ppool_executor_set_grace_msec (executor, 50);
  first = harness_submit (executor, "one", NULL);
  second = harness_submit (executor, "two", NULL);
  victim = gate_wait (gate);
  survivor = gate_wait (gate);
  kill (victim.pid, SIGKILL);
  error = harness_failure (second);
  g_object_unref (executor);
  gate_expect_death (victim);
  gate_expect_death (survivor);
}

static void
test_channel (Harness *harness)
{
  check_death_in_call ("shut-channel", NULL, PPOOL_ERROR_WORKER_DIED, "channel", NULL);
}

static void
test_closed (Harness *harness)
{
  for (int reuse = FALSE; reuse <= TRUE; reuse++)
    check_death_in_call ("close-all", g_variant_new_boolean (reuse), PPOOL_ERROR_WORKER_DIED,
                         "status 1", "The channel to the pool was closed in this process");
}

/* It looks alive by its channel and its standard error, which its child has. */
static void
test_heir (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *pid = g_strdup_printf ("%u", harness_worker_pid (executor));
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "die-with-heir", g_variant_new ("(s)", gate_get_path (gate)));
  Visitor heir = gate_wait (gate);
  gint64 before = g_get_monotonic_time ();
  g_autoptr (PPoolDeath) death = NULL;
  gint64 run_end;

  harness_assert_broken (executor, future, PPOOL_ERROR_WORKER_DIED, "die-with-heir", pid, "SIGKILL",
                         NULL);
  g_assert_cmpint (g_get_monotonic_time () - before, <, 5 * G_USEC_PER_SEC);
  /* It was waited for what the channel might still bring, which is no part of that. */
  death = ppool_future_get_death (future);
  run_end = ppool_future_get_started_time (future) + ppool_death_get_run_time (death);
  g_assert_cmpint (g_get_monotonic_time () - run_end, >=, 150 * G_TIME_SPAN_MILLISECOND);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 1);
  gate_open (heir, "");
  harness_reap_orphan (-1);
}

/* The same when the heir's parent was asked to leave. */
static void
test_heir_of_idle (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autofree char *step = g_strdup_printf ("fork:%s", gate_get_path (gate));
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("init", step, "serve", NULL), 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);
  g_autoptr (GVariant) value G_GNUC_UNUSED = harness_result (future);
  Visitor heir = gate_wait (gate);

  harness_shut_down (executor);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  gate_open (heir, "");
  harness_reap_orphan (-1);
}

/* A program that has the kernel reap its children can't say how they ended. */
static void
test_unknown_status (Harness *harness)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before;

  harness_allow_warnings ();
  g_assert_cmpint (sigaction (SIGCHLD, &ignore, &before), ==, 0);
  check_death_in_call ("exit", g_variant_new ("(i)", 3), PPOOL_ERROR_WORKER_DIED,
                       "unknown status (this program ignores SIGCHLD)", NULL);
  g_assert_cmpint (sigaction (SIGCHLD, &before, NULL), ==, 0);
}

/* Nor can one that waits for all children, if it is the first to see one end. */
static void
check_reaper (const char *how)
{
  g_autofree char *program = harness_program ("victim");
  g_autoptr (GSubprocess) victim = NULL;
  g_autofree char *output = NULL;
  g_auto (GStrv) messages = NULL;
  g_autoptr (GError) error = NULL;

  victim = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program, "reaper", how, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (victim, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (victim));

  messages = g_strsplit (g_strchomp (output), "\n", -1);
  g_assert_cmpuint (g_strv_length (messages), ==, 20);
  for (guint i = 0; messages[i] != NULL; i++)
    if (strstr (messages[i], "was killed by SIGKILL") == NULL)
      {
        g_test_message ("%s", messages[i]);
        g_assert_nonnull (strstr (messages[i], "exited with an unknown status ("));
        g_assert_nonnull (strstr (messages[i], "something else in this program waited for it"));
      }
}

static void
test_reaper (Harness *harness)
{
  check_reaper ("thread");
  check_reaper ("handler");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A13 */
  harness_add ("/death/in-call/signals", test_signals);
  harness_add ("/death/in-call/exits", test_exits);
  harness_add ("/death/in-call/reasons", test_reasons);
  harness_add ("/death/in-call/facts", test_facts);
  harness_add ("/death/in-call/facts/channel", test_facts_of_channel);
  harness_add ("/death/in-call/facts/ended", test_facts_of_ended);
  harness_add ("/death/in-call/facts/one-call", test_facts_of_one_call);
  harness_add ("/death/in-call/out-of-memory", test_out_of_memory);
  harness_add ("/death/in-call/core-dump", test_core_dump);
  harness_add ("/death/in-call/run-time", test_run_time);
  harness_add ("/death/in-call/unknown-status", test_unknown_status);
  harness_add ("/death/in-call/reaper", test_reaper);
  harness_add ("/death/in-call/channel", test_channel);
  harness_add ("/death/in-call/closed", test_closed);
  /* A13, A26 */
  harness_add ("/death/stderr/tail", test_stderr_tail);
  harness_add ("/death/stderr/at-once", test_stderr_at_once);
  /* A13 */
  harness_add ("/death/idle", test_idle);
  harness_add ("/death/between-calls", test_between_calls);
  harness_add ("/death/copies", test_copies);
  harness_add ("/death/others/terminated", test_others);
  harness_add ("/death/others/deaf", test_deaf_others);
  /* A13, A26 */
  harness_add ("/death/heir/in-call", test_heir);
  harness_add ("/death/heir/idle", test_heir_of_idle);

  return g_test_run ();
}
