/* victim.c: a program with a pool, for tests that do something to it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "common-functions.h"
#include "gate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static GVariant *
gate (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  const char *path;
  g_autofree char *answer = NULL;

  g_variant_get_child (args, 0, "&s", &path);
  answer = gate_pass (path);

  return g_variant_new_string ("the original");
}

/* Says something on standard error, and which of its standard descriptors are open. */
static GVariant *
say (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  guint n_open = 0;

  g_printerr ("A line of a worker.\n");
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    n_open += fcntl (fd, F_GETFD) != -1;

  return g_variant_new_uint32 (n_open);
}

static GVariant *
die (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  kill (getpid (), SIGKILL);

  return NULL;
}

static PPoolExecutor *
make_executor (guint max_workers)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  PPoolExecutor *executor = ppool_executor_new (launcher);

  ppool_executor_set_max_workers (executor, max_workers);

  return executor;
}

static PPoolFuture *
submit (PPoolExecutor *executor,
        const char    *function,
        const char    *path)
{
  g_autoptr (GError) error = NULL;
  PPoolFuture *future =
      ppool_executor_submit (executor, function, g_variant_new ("(s)", path), NULL, &error);

  g_assert_no_error (error);

  return future;
}

/* Never asks whether it is a worker itself, and notes each start in a file. One that
 * stays has something else to do after its call, as a graphical program has. */
static int
run_forgetful (const char *path,
               gboolean    stays)
{
  g_autoptr (PPoolExecutor) executor = make_executor (2);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

  g_assert_cmpint (write (fd, "started\n", strlen ("started\n")), ==, strlen ("started\n"));
  close (fd);

  value = ppool_executor_call_sync (executor, "echo", NULL, NULL, &error);
  if (value != NULL)
    return EXIT_SUCCESS;

  while (stays && ppool_worker_is_spawned ())
    pause ();

  g_printerr ("%s\n", error->message);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return 3;
}

/* Has every worker spin, and waits for its end. What comes to its standard input
 * has it leave a forked copy behind, which is at the gate as well, or leave. */
static int
run_spinning (guint       n_workers,
              const char *path)
{
  /* For good, which a leak checker sees here. */
  static PPoolExecutor *executor;
  static GPtrArray *futures;
  char c;

  executor = make_executor (n_workers);
  futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n_workers; i++)
    g_ptr_array_add (futures, submit (executor, "spin", path));

  while (read (STDIN_FILENO, &c, 1) == 1)
    {
      if (c == 'q')
        return EXIT_SUCCESS;
      if (fork () == 0)
        {
          g_free (gate_pass (path));
          _exit (0);
        }
    }

  while (TRUE)
    pause ();
}

static void
say_signal (int number)
{
  char c = number == SIGINT ? 'I' : number == SIGTSTP ? 'T' : 'H';

  if (write (STDOUT_FILENO, &c, 1) != 1)
    _exit (EXIT_FAILURE);
}

/* Says which signals come from its terminal, and what its worker says. */
static int
run_terminal (const char *path)
{
  struct sigaction action = { .sa_handler = say_signal, .sa_flags = SA_RESTART };
  g_autoptr (PPoolExecutor) executor = make_executor (1);

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTSTP, &action, NULL);
  sigaction (SIGHUP, &action, NULL);

  ppool_launcher_set_stderr_mode (ppool_executor_get_launcher (executor),
                                  PPOOL_STDERR_MODE_INHERIT);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PPoolFuture) future = submit (executor, "gate", path);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = ppool_future_result (future, -1, &error);

      g_assert_no_error (error);
      g_print ("%s\n", g_variant_get_string (value, NULL));
    }

  /* How it leaves is the worker's own matter. */
  return EXIT_SUCCESS;
}

/* Starts a worker, comes to the gate, and starts another one. */
static int
run_replaced (const char *path)
{
  g_autoptr (PPoolExecutor) executor = make_executor (2);
  g_autoptr (PPoolFuture) first = submit (executor, "gate", path);
  g_autoptr (PPoolFuture) second = NULL;
  g_autoptr (GVariant) first_value = NULL;
  g_autoptr (GVariant) second_value = NULL;
  g_autoptr (GError) error = NULL;

  g_free (gate_pass (path));
  second = submit (executor, "gate", path);
  first_value = ppool_future_result (first, -1, &error);
  g_assert_no_error (error);
  second_value = ppool_future_result (second, -1, &error);
  g_assert_no_error (error);
  g_print ("%s, %s", g_variant_get_string (first_value, NULL),
           g_variant_get_string (second_value, NULL));
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return EXIT_SUCCESS;
}

static void
close_standard (const char *mask)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if ((atoi (mask) & (1 << fd)) != 0)
      close (fd);
}

/* Has a fresh worker say something, and be lent what is large. */
static void
have_said (PPoolExecutor *executor)
{
  g_autofree guint8 *bytes = g_malloc0 (100 * 1000);
  GVariant *args =
      g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, 100 * 1000, sizeof *bytes);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_executor_call_sync (executor, "say", args, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_uint32 (value), ==, 3);
}

/* What a standard descriptor is, or NULL. What the library opens may be one for the moment
 * until it is lifted, and GLib's wake-ups are none of the library's. */
static char *
dup_target (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  gint64 deadline = g_get_monotonic_time () + 2 * G_TIME_SPAN_SECOND;
  char *target;

  while ((target = g_file_read_link (path, NULL)) != NULL &&
         !g_str_has_prefix (target, "anon_inode:") && g_get_monotonic_time () < deadline)
    {
      g_free (target);
      g_thread_yield ();
    }

  if (target != NULL && g_str_has_prefix (target, "anon_inode:"))
    g_clear_pointer (&target, g_free);

  return target;
}

/* Closes standard descriptors, as daemons do, before its first worker or after that,
 * and says which of them are something of the library's then. */
static int
run_daemon (const char *mask,
            gboolean    later)
{
  int output = fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  g_autoptr (PPoolExecutor) executor = NULL;

  if (!later)
    close_standard (mask);

  executor = make_executor (2);
  ppool_executor_set_max_tasks_per_worker (executor, 1);
  have_said (executor);
  if (later)
    close_standard (mask);
  ppool_executor_prestart (executor, 2, NULL);

  for (guint i = 0; i < 4; i++)
    {
      have_said (executor);
      for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        {
          g_autofree char *target = (atoi (mask) & (1 << fd)) != 0 ? dup_target (fd) : NULL;

          if (target != NULL)
            dprintf (output, "%d is %s\n", fd, target);
        }
    }

  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
  dprintf (output, "done\n");

  return EXIT_SUCCESS;
}

static gpointer
reap_all (gpointer user_data)
{
  while (TRUE)
    if (waitpid (-1, NULL, 0) < 0)
      g_thread_yield ();

  return NULL;
}

static void
reap_in_handler (int number)
{
  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
}

/* Waits for every child, also those of the library, and says what workers died of. */
static int
run_reaper (const char *how)
{
  /* GLib's own word on it. */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR);

  if (g_str_equal (how, "handler"))
    signal (SIGCHLD, reap_in_handler);
  else
    g_thread_unref (g_thread_new ("reaper", reap_all, NULL));

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (PPoolExecutor) executor = make_executor (1);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = ppool_executor_call_sync (executor, "die", NULL, NULL, &error);

      g_assert_null (value);
      g_print ("%s\n", error->message);
      ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
    }

  /* With no look back at the thread. */
  fflush (stdout);
  _exit (EXIT_SUCCESS);
}

/* Uses up a worker, and has another one die. */
static int
run_logged (void)
{
  g_autoptr (PPoolExecutor) executor = make_executor (1);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) nothing = NULL;
  g_autoptr (GError) error = NULL;

  ppool_executor_set_max_tasks_per_worker (executor, 1);
  value = ppool_executor_call_sync (executor, "say", NULL, NULL, &error);
  g_assert_no_error (error);
  nothing = ppool_executor_call_sync (executor, "die", NULL, NULL, &error);
  g_assert_null (nothing);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return EXIT_SUCCESS;
}

/* Has a worker that comes to the gate before it says anything. */
static int
run_stopped (const char *limit,
             const char *path)
{
  g_autoptr (PPoolExecutor) executor = make_executor (1);
  PPoolLauncher *launcher = ppool_executor_get_launcher (executor);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  ppool_launcher_set_handshake_timeout_msec (launcher, (guint) atoi (limit));
  ppool_launcher_setenv (launcher, "VICTIM_GATE", path, TRUE);
  value = ppool_executor_call_sync (executor, "say", NULL, NULL, &error);
  g_assert_no_error (error);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return EXIT_SUCCESS;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = NULL;

  if (argc == 3 && g_str_has_prefix (argv[1], "forgetful"))
    return run_forgetful (argv[2], g_str_equal (argv[1], "forgetful-stays"));

  worker = ppool_worker_new ();
  ppool_worker_add_function (worker, "spin", common_spin, NULL, NULL);
  ppool_worker_add_function (worker, "gate", gate, NULL, NULL);
  ppool_worker_add_function (worker, "say", say, NULL, NULL);
  ppool_worker_add_function (worker, "die", die, NULL, NULL);
  if (ppool_worker_is_spawned ())
    {
      if (g_getenv ("VICTIM_GATE") != NULL)
        g_free (gate_pass (g_getenv ("VICTIM_GATE")));
      return ppool_worker_run (worker, NULL);
    }

  if (argc == 4 && g_str_equal (argv[1], "spinning"))
    return run_spinning (atoi (argv[2]), argv[3]);
  if (argc == 3 && g_str_equal (argv[1], "replaced"))
    return run_replaced (argv[2]);
  if (argc == 3 && g_str_equal (argv[1], "terminal"))
    return run_terminal (argv[2]);

  if (argc == 4 && g_str_equal (argv[1], "daemon"))
    return run_daemon (argv[2], g_str_equal (argv[3], "later"));

  if (argc == 3 && g_str_equal (argv[1], "reaper"))
    return run_reaper (argv[2]);

  if (argc == 4 && g_str_equal (argv[1], "stopped"))
    return run_stopped (argv[2], argv[3]);

  if (argc == 2 && g_str_equal (argv[1], "logged"))
    return run_logged ();

  g_printerr ("usage: victim forgetful|forgetful-stays LOG | spinning N GATE | replaced GATE | "
              "terminal GATE | "
              "daemon MASK first|later | reaper thread|handler | "
              "stopped MSEC GATE | logged\n");

  return EXIT_FAILURE;
}
