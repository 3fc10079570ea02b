/* probe.c: uses an executor once, wherever it is, and tells what came of it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* probe RESULTS [WHEN:EVENT]...: writes a line a step to the file RESULTS. Events come before there
 * is an executor (start), before its first call, or after it. probe.py and probe.js are the same
 * program. */

#include <ppool-glib/ppool-glib.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE (1024 * 1024)
#define LIMIT_MSEC 20000

static int results = -1;
static PPoolLauncher *launcher;
static char **arguments;
static gsize arguments_size;

static GVariant *
echo (PPoolInvocation *invocation, GVariant *args, gpointer data, GError **error)
{
  return g_variant_ref (args);
}

static void tell (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
tell (const char *format, ...)
{
  g_autofree char *line = NULL;
  va_list args;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  g_strdelimit (line, "\n", ' ');
  dprintf (results, "%s\n", line);
}

static void
close_standard (void)
{
  for (int fd = 0; fd < 3; fd++)
    close (fd);
}

static void
lose_directory (void)
{
  g_autofree char *dir = g_dir_make_tmp ("probe-XXXXXX", NULL);

  if (chdir (dir) < 0 || rmdir (dir) < 0)
    tell ("event: %s", g_strerror (errno));
}

static void
lose_program (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  if (unlink (path) < 0)
    tell ("event: %s", g_strerror (errno));
}

static void
lose_privileges (void)
{
  if (setgid (65534) < 0 || setuid (65534) < 0)
    tell ("event: %s", g_strerror (errno));
}

/* One end of a connection to this process itself. */
static gpointer
connect_end (gpointer data)
{
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GSocket) socket = g_socket_new_from_fd (ABS (GPOINTER_TO_INT (data)), NULL);
  g_autoptr (GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  gboolean is_server = GPOINTER_TO_INT (data) > 0;
  GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT;
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection;

  if (is_server)
    flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS;
  connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), is_server ? guid : NULL, flags,
                                           NULL, NULL, &error);
  if (connection == NULL)
    tell ("event: %s", error->message);

  return connection;
}

static void
use_gdbus (void)
{
  g_autoptr (GDBusConnection) server = NULL;
  g_autoptr (GDBusConnection) client = NULL;
  GThread *thread;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    return;

  thread = g_thread_new ("server", connect_end, GINT_TO_POINTER (fds[0]));
  client = connect_end (GINT_TO_POINTER (-fds[1]));
  server = g_thread_join (thread);
}

static void
use_subprocess (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error,
                                                         "true", NULL);

  if (subprocess == NULL || !g_subprocess_wait (subprocess, NULL, &error))
    tell ("event: %s", error->message);
}

/* The copy goes on, and the original only waits for it. */
/* Whether no other thread is at work. */
static gboolean
is_at_rest (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  gboolean rests = TRUE;

  while (dir != NULL && rests && (task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "stat", NULL);
      g_autofree char *stat = NULL;
      const char *end = NULL;

      if (atoi (task) != gettid () && g_file_get_contents (path, &stat, NULL, NULL))
        end = strrchr (stat, ')');
      rests = end == NULL || end[2] == 'S';
    }

  return rests;
}

/* What a thread of GLib's holds at the fork would be held in the copy for ever. */
static void
go_on_in_copy (void)
{
  gint64 limit = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;
  int status;
  pid_t pid;

  for (guint n_rests = 0; n_rests < 3 && g_get_monotonic_time () < limit;)
    n_rests = is_at_rest () ? n_rests + 1 : 0;
  pid = fork ();

  if (pid == 0)
    return;
  if (pid < 0 || waitpid (pid, &status, 0) != pid)
    _exit (9);
  _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
}

static gpointer
reap (gpointer data)
{
  for (;;)
    {
      if (waitpid (-1, NULL, 0) < 0 && errno == ECHILD)
        g_poll (NULL, 0, 1);
    }
  return NULL;
}

static void
reap_all (void)
{
  g_thread_unref (g_thread_new ("reaper", reap, NULL));
}

static void
ignore_children (void)
{
  signal (SIGCHLD, SIG_IGN);
}

/* As setproctitle() does it: the arguments are overwritten where they are. */
static void
rename_process (void)
{
  memset (arguments[0], 0, arguments_size);
  strcpy (arguments[0], "renamed");
  prctl (PR_SET_NAME, "renamed");
}

/* Somebody stops this program while a worker starts, for longer than that may take. */
static void
be_stopped (void)
{
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  const char *argv[] = { "sh", "-c", "sleep 0.02; kill -STOP $0; sleep 1; kill -CONT $0",
                         pid, NULL };
  g_autoptr (GError) error = NULL;

  ppool_launcher_set_handshake_timeout_msec (launcher, 500);
  if (!g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &error))
    tell ("event: %s", error->message);
}

static const struct
{
  const char *name;
  void (*run) (void);
} events[] = {
  { "close-standard", close_standard },
  { "lose-directory", lose_directory },
  { "lose-program", lose_program },
  { "lose-privileges", lose_privileges },
  { "use-gdbus", use_gdbus },
  { "use-subprocess", use_subprocess },
  { "go-on-in-copy", go_on_in_copy },
  { "reap-all", reap_all },
  { "ignore-children", ignore_children },
  { "rename-process", rename_process },
  { "be-stopped", be_stopped },
};

static void
run_events (char **args, const char *when)
{
  for (guint i = 0; args[i] != NULL; i++)
    {
      if (g_str_has_prefix (args[i], when))
        {
          for (guint j = 0; j < G_N_ELEMENTS (events); j++)
            {
              if (g_str_equal (args[i] + strlen (when), events[j].name))
                events[j].run ();
            }
        }
    }
}

static void
call (PPoolExecutor *executor, const char *step, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  GVariant *args = g_variant_new_take_string (g_strnfill (size, 'x'));

  future = ppool_executor_submit (executor, "echo", args, NULL, &error);
  if (future != NULL)
    value = ppool_future_result (future, LIMIT_MSEC, &error);
  if (value != NULL)
    tell ("%s: %" G_GSIZE_FORMAT, step, strlen (g_variant_get_string (value, NULL)));
  else
    tell ("%s: error %s", step, error->message);
}

int
main (int argc, char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolExecutor) fresh = NULL;
  g_auto (GStrv) events_of = NULL;
  const char *size;
  g_autoptr (GError) error = NULL;

  ppool_worker_add_function (worker, "echo", echo, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  results = fcntl (open (argv[1], O_WRONLY | O_APPEND | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
  arguments = argv;
  arguments_size = argv[argc - 1] + strlen (argv[argc - 1]) - argv[0];
  events_of = g_strdupv (argv + 2);
  size = g_getenv ("PROBE_LARGE");
  run_events (events_of, "start:");
  launcher = ppool_launcher_new_self ();
  executor = ppool_executor_new (launcher);
  ppool_executor_set_max_workers (executor, 2);
  run_events (events_of, "before:");
  call (executor, "first", 42);
  call (executor, "large", size != NULL ? g_ascii_strtoull (size, NULL, 10) : LARGE);
  run_events (events_of, "after:");
  call (executor, "again", 43);
  fresh = ppool_executor_new (launcher);
  call (fresh, "fresh", 44);
  if (ppool_executor_shutdown_sync (fresh, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, &error))
    tell ("end: ok");
  else
    tell ("end: error %s", error->message);
  g_clear_object (&launcher);
  return 0;
}
