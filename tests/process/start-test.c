/* start-test.c: how workers are started, and workers that do not start
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whatever is wrong with the start is told within this time. */
#define BOUND_USEC (5 * G_USEC_PER_SEC)

/* A23: takes @launcher. */
static void
check_no_start_for (PPoolLauncher *launcher,
                    int            cause,
                    const char    *reason,
                    const char    *more)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (launcher, 2);
  gint64 before = g_get_monotonic_time ();
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", NULL);

  harness_assert_broken (executor, future, cause, reason, more, NULL);
  g_assert_cmpint (g_get_monotonic_time () - before, <, BOUND_USEC);
  g_assert_cmpint (ppool_future_get_state (future), ==, PPOOL_FUTURE_STATE_FINISHED);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

static void
check_no_start (PPoolLauncher *launcher,
                const char    *reason,
                const char    *more)
{
  check_no_start_for (launcher, PPOOL_ERROR_LAUNCH, reason, more);
}

static PPoolLauncher *
make_launcher (const char *program)
{
  return ppool_launcher_new ((const char *[]){ program, NULL });
}

static void
test_not_executable (Harness *harness)
{
  g_autofree char *text = harness_path (harness, "text");
  g_autofree char *script = harness_path (harness, "script");

  g_assert_true (g_file_set_contents (text, "text", -1, NULL));
  g_assert_true (g_file_set_contents_full (script, "#!/no/such/interpreter\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  check_no_start (make_launcher ("/no/such/program"), "/no/such/program", NULL);
  check_no_start (make_launcher ("no-such-program-in-path"), "no-such-program-in-path", NULL);
  check_no_start (make_launcher (text), text, NULL);
  check_no_start (make_launcher (script), script, NULL);
  check_no_start (make_launcher (harness->dir), harness->dir, NULL);
}

static void
test_exits (Harness *harness)
{
  check_no_start (harness_raw_launcher ("stderr:no licence", "exit:0", NULL), "status 0",
                  "no licence");
  check_no_start (harness_raw_launcher ("stderr:no licence", "exit:3", NULL), "status 3",
                  "no licence");
  check_no_start (harness_raw_launcher ("auth", "exit:0", NULL), "status 0", NULL);
  check_no_start (harness_raw_launcher ("kill:9", NULL), "SIGKILL", NULL);
  check_no_start (make_launcher ("/bin/true"), "status 0", NULL);
}

static void
check_silence (PPoolLauncher *launcher)
{
  ppool_launcher_set_handshake_timeout_msec (launcher, 200);
  check_no_start (launcher, "200 ms", "handshake-timeout-msec");
}

static void
test_hangs (Harness *harness)
{
  check_silence (harness_raw_launcher ("hang", NULL));
  check_silence (harness_raw_launcher ("auth", "hang", NULL));
  check_silence (harness_raw_launcher ("deaf", "hang", NULL));
}

static void
test_closes (Harness *harness)
{
  check_no_start (harness_raw_launcher ("close", "hang", NULL), "channel", NULL);
  check_no_start (harness_raw_launcher ("auth", "close", "hang", NULL), "channel", NULL);
}

static void
check_nonsense (PPoolLauncher *launcher,
                const char    *reason,
                const char    *more)
{
  check_no_start_for (launcher, PPOOL_ERROR_PROTOCOL, reason, more);
}

/* In place of the authentication, it is as good as silence. */
static void
test_garbage (Harness *harness)
{
  harness_allow_warnings ();
  check_silence (harness_raw_launcher ("garbage", "hang", NULL));
  check_nonsense (harness_raw_launcher ("auth", "garbage", "hang", NULL), "D-Bus", NULL);
}

static void
test_bad_answers (Harness *harness)
{
  check_nonsense (harness_raw_launcher ("init-nonsense", "hang", NULL), "Initialize", NULL);
  check_nonsense (harness_raw_launcher ("init:0", "hang", NULL), "version", NULL);
  check_nonsense (harness_raw_launcher ("init:99", "hang", NULL), "version", "99");
  check_no_start (harness_raw_launcher ("init-error:not today", "hang", NULL), "not today", NULL);
}

/* What comes of an update while the program runs. */
static void
test_other_library (Harness *harness)
{
  PPoolLauncher *launcher = harness_raw_launcher ("init:99", "hang", NULL);

  ppool_launcher_setenv (launcher, "RAW_WORKER_LIBRARY", "PPool-GLib 99.1", TRUE);
  check_nonsense (launcher, "version 99 of the protocol", "it uses PPool-GLib 99.1");

  launcher = harness_raw_launcher ("init", "exit:3", NULL);
  ppool_launcher_setenv (launcher, "RAW_WORKER_LIBRARY", "PPool-GLib 99.1", TRUE);
  check_no_start_for (launcher, PPOOL_ERROR_WORKER_DIED, "status 3", "it uses PPool-GLib 99.1");
}

/* A trap for whoever counts: every worker fails, one after the other. */
static void
test_many_fail (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      harness_executor_on (harness_raw_launcher ("exit:3", NULL), 8);
  PPoolFuture *futures[50] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_autoptr (GError) error = NULL;

      futures[i] = ppool_executor_submit (executor, "echo", NULL, NULL, &error);
      if (futures[i] == NULL)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
    }
  for (guint i = 0; i < G_N_ELEMENTS (futures) && futures[i] != NULL; i++)
    {
      g_autoptr (GError) error = harness_failure (harness_track (futures[i]));

      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
      g_object_unref (futures[i]);
    }
}

/* Whoever is stopped for longer than a worker may take to start. */
#define LIMIT_MSEC 400

typedef struct
{
  int pid;
  gint64 since; /* 0 until it is seen that it is stopped */
} Stopped;

static gboolean
was_stopped_for_long (gpointer user_data)
{
  Stopped *self = user_data;
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", self->pid);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  if (self->since == 0 && strstr (text, ") T ") != NULL)
    self->since = g_get_monotonic_time ();

  return self->since != 0 &&
         g_get_monotonic_time () - self->since > 2 * LIMIT_MSEC * G_TIME_SPAN_MILLISECOND;
}

/* What the worker said meanwhile was in time. */
static void
test_program_was_stopped (Harness *harness)
{
  g_autofree char *program = harness_program ("victim");
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (GSubprocess) victim = NULL;
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  Stopped stopped = { 0 };
  Visitor worker;

  victim = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_PIPE, &error, program, "stopped",
                             G_STRINGIFY (LIMIT_MSEC), gate_get_path (gate), NULL);
  g_assert_no_error (error);
  worker = gate_wait (gate);
  stopped.pid = atoi (g_subprocess_get_identifier (victim));
  kill (stopped.pid, SIGSTOP);
  gate_open (worker, "");
  harness_iterate_until (was_stopped_for_long, &stopped);
  kill (stopped.pid, SIGCONT);

  g_subprocess_communicate_utf8 (victim, NULL, NULL, NULL, &output, &error);
  g_assert_no_error (error);
  g_test_message ("%s", output);
  g_assert_true (g_subprocess_get_successful (victim));
}

static char *
run_logged (const char *domains)
{
  g_autofree char *program = harness_program ("victim");
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                 G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GSubprocess) victim = NULL;
  g_autoptr (GError) error = NULL;
  char *output = NULL;

  g_subprocess_launcher_setenv (launcher, "G_MESSAGES_DEBUG", domains, TRUE);
  victim = g_subprocess_launcher_spawn (launcher, &error, program, "logged", NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (victim, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (victim));

  return output;
}

/* What becomes of each worker, a line each, for who looks for a fault. */
static void
test_log (Harness *harness)
{
  const char *lines[] = {
    "Worker [0-9]+: started: .*victim",
    "Worker [0-9]+: ready after [0-9.]+ ms, with the features: gvariant",
    "Worker [0-9]+: asked to leave: it has run max-tasks-per-worker calls",
    "Worker [0-9]+: exited with status 0",
    "Worker [0-9]+: killed by signal 9",
    "Verdict: Worker [0-9]+ was killed by SIGKILL .* while it ran .*die",
  };
  g_autofree char *output = run_logged ("PPool");
  g_autofree char *silence = run_logged ("");

  g_test_message ("%s", output);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *pattern = g_strconcat ("PPool-DEBUG: [^\n]*", lines[i], NULL);

      g_test_message ("%s", pattern);
      g_assert_true (g_regex_match_simple (pattern, output, 0, 0));
    }
  g_assert_cmpstr (silence, ==, "");
}

static GVariant *
describe (PPoolExecutor *executor)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "describe", NULL);

  return harness_result (future);
}

static gint32
lookup_int (GVariant   *description,
            const char *key)
{
  gint32 value;

  g_assert_true (g_variant_lookup (description, key, "i", &value));

  return value;
}

static guint64
lookup_mask (GVariant   *description,
             const char *key)
{
  guint64 value;

  g_assert_true (g_variant_lookup (description, key, "t", &value));

  return value;
}

static gpointer
describe_with_signals_blocked (gpointer user_data)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, NULL);

  return describe (user_data);
}

/* A4, A27: also when the first call comes from a thread that blocks every signal
 * and this program ignores some. */
static void
test_signals (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GVariant) description = NULL;
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before[2];
  guint64 ignored;
  int pid;

  sigaction (SIGUSR1, &ignore, &before[0]);
  sigaction (SIGINT, &ignore, &before[1]);
  description =
      g_thread_join (g_thread_new ("blocked", describe_with_signals_blocked, executor));
  sigaction (SIGUSR1, &before[0], NULL);
  sigaction (SIGINT, &before[1], NULL);

  pid = lookup_int (description, "pid");
  g_assert_cmpint (lookup_int (description, "ppid"), ==, getpid ());
  g_assert_cmpint (lookup_int (description, "session"), ==, pid);
  g_assert_cmpint (lookup_int (description, "group"), ==, pid);
  g_assert_cmphex (lookup_mask (description, "SigBlk"), ==, 0);
  /* A worker ignores SIGPIPE, as it writes to a socket. What lies above the
   * standard signals belongs to the C library. */
  ignored = lookup_mask (description, "SigIgn") & ((1ull << SIGSYS) - 1);
  g_assert_cmphex (ignored, ==, 1ull << (SIGPIPE - 1));

  harness_assert_works (executor);
  kill (pid, SIGTERM);
  harness_wait_for_process (pid, PATIENCE_SECONDS * 1000);
}

/* Nothing of this program's descriptors is open in a worker, which has two sockets: the channel
 * and its lane. */
static void
test_descriptors (Harness *harness)
{
  g_autofree char *path = harness_path (harness, "open");
  int fd = open (path, O_WRONLY | O_CREAT, 0600); /* Without close-on-exec. */
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GVariant) descriptors = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  const char *name, *target, *channel;
  guint n_lanes = 0;

  description = describe (executor);
  descriptors = g_variant_lookup_value (description, "descriptors", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (descriptors, "3", "&s", &channel));
  g_assert_true (g_str_has_prefix (channel, "socket:"));
  g_variant_get (descriptors, "a{sv}", &iter);
  while (g_variant_iter_loop (iter, "{&sv}", &name, NULL))
    {
      g_variant_lookup (descriptors, name, "&s", &target);
      g_test_message ("%s: %s", name, target);
      g_assert_cmpstr (target, !=, path);
      if (g_str_equal (name, "0"))
        g_assert_cmpstr (target, ==, "/dev/null");
      else if (g_str_equal (name, "2"))
        g_assert_true (g_str_has_prefix (target, "pipe:"));
      else if (!g_str_equal (name, "1") && g_str_has_prefix (target, "socket:"))
        n_lanes += g_str_equal (target, channel) ? 0 : 1;
      else if (!g_str_equal (name, "1"))
        g_assert_true (g_str_has_prefix (target, "anon_inode:"));
    }
  g_assert_cmpuint (n_lanes, ==, 1);
  close (fd);
}

static void
test_environment (Harness *harness)
{
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GVariant) description = NULL;
  g_auto (GStrv) env = NULL;
  g_autofree char *cwd = NULL;

  g_setenv ("HARNESS_GONE", "here", TRUE);
  ppool_launcher_setenv (launcher, "HARNESS_SET", "grün", TRUE);
  ppool_launcher_unsetenv (launcher, "HARNESS_GONE");
  ppool_launcher_set_cwd (launcher, "/usr");
  executor = harness_executor_on (launcher, 1);
  description = describe (executor);

  g_assert_true (g_variant_lookup (description, "environ", "^aay", &env));
  g_assert_true (g_variant_lookup (description, "cwd", "s", &cwd));
  g_assert_cmpstr (g_environ_getenv (env, "HARNESS_SET"), ==, "grün");
  g_assert_null (g_environ_getenv (env, "HARNESS_GONE"));
  g_assert_null (g_environ_getenv (env, "PPOOL_WORKER_FD"));
  g_assert_null (g_environ_getenv (env, "PPOOL_WORKER_SOCKET"));
  g_assert_cmpstr (cwd, ==, "/usr");
  g_unsetenv ("HARNESS_GONE");
}

static void
test_arguments (Harness *harness)
{
  g_autofree char *program = harness_program ("bad-worker");
  const char *argv[] = { program, "", "two words", "--", "grün\xff", NULL };
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GVariant) description = NULL;
  g_auto (GStrv) got = NULL;

  g_assert_true (g_strv_equal (ppool_launcher_get_argv (launcher), argv));
  executor = harness_executor_on (launcher, 1);
  description = describe (executor);
  g_assert_true (g_variant_lookup (description, "argv", "^aay", &got));
  g_assert_cmpstr (got[2], ==, "two words");
  g_assert_cmpuint (g_strv_length (got), ==, 5);
}

static gpointer
pid_thread (gpointer user_data)
{
  return GUINT_TO_POINTER (harness_worker_pid (user_data));
}

/* The worker hears of its parent's death by thread, so it matters which one has
 * started it. */
static void
test_thread_ends (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = GPOINTER_TO_UINT (g_thread_join (g_thread_new ("first", pid_thread, executor)));

  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A23 */
  harness_add ("/start/fails/not-executable", test_not_executable);
  harness_add ("/start/fails/exits", test_exits);
  harness_add ("/start/fails/hangs", test_hangs);
  harness_add ("/start/fails/closes-channel", test_closes);
  harness_add ("/start/fails/garbage", test_garbage);
  harness_add ("/start/fails/bad-answers", test_bad_answers);
  harness_add ("/start/fails/other-library", test_other_library);
  harness_add ("/start/fails/many", test_many_fail);
  harness_add ("/start/program-was-stopped", test_program_was_stopped);
  harness_add ("/start/log", test_log);
  harness_add ("/start/signals", test_signals);
  /* A4 */
  harness_add ("/start/descriptors", test_descriptors);
  harness_add ("/start/environment", test_environment);
  harness_add ("/start/arguments", test_arguments);
  harness_add ("/start/thread-ends", test_thread_ends);

  return g_test_run ();
}
