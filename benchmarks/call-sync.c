/* call-sync.c: one call at a time, beside bare GDBus and a bare socket
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Three peers answer the same question in turns: a pool of one worker through
 * ppool_executor_call_sync(); the object of a peer connection that was made as
 * the pool makes its own, through g_dbus_connection_call_sync(); and a process
 * that sends back the 128 bytes it is sent over a socketpair, the least that
 * two processes can do. Ratios within one run are what counts: the absolute
 * times drift with the machine. */

#include <locale.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <ppool-glib/ppool-glib.h>

#define PEER_FD     3
#define OBJECT_PATH "/org/ppool/Benchmark"
#define INTERFACE   "org.ppool.Benchmark"
#define RAW_SIZE    128

static int n_rounds = 9;
static int n_calls = 2000;
static char *mode;

/* The other side of the pool. */

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

/* The other side of the GDBus connection. */

static void
method_call_cb (GDBusConnection       *connection,
                const char            *sender,
                const char            *object_path,
                const char            *interface_name,
                const char            *method_name,
                GVariant              *parameters,
                GDBusMethodInvocation *invocation,
                gpointer               user_data)
{
  g_dbus_method_invocation_return_value (invocation, parameters);
}

static GDBusConnection *
connect_fd (int                    fd,
            GDBusConnectionFlags   flags,
            GError               **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = NULL;

  if (socket == NULL)
    return NULL;

  if (flags & G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER)
    guid = g_dbus_generate_guid ();
  stream = g_socket_connection_factory_create_connection (socket);
  return g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                     flags | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                     NULL, NULL, error);
}

static int
serve_gdbus (void)
{
  static const GDBusInterfaceVTable vtable = { .method_call = method_call_cb };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GDBusNodeInfo) node = NULL;
  g_autoptr (GError) error = NULL;

  node = g_dbus_node_info_new_for_xml ("<node><interface name='" INTERFACE "'>"
                                       "<method name='Echo'>"
                                       "<arg type='x' direction='in'/><arg type='x' direction='out'/>"
                                       "</method></interface></node>", &error);
  g_assert_no_error (error);
  connection = connect_fd (PEER_FD, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, &error);
  g_assert_no_error (error);

  g_dbus_connection_register_object (connection, OBJECT_PATH, node->interfaces[0], &vtable,
                                     NULL, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect_swapped (connection, "closed", G_CALLBACK (g_main_loop_quit), loop);
  g_dbus_connection_start_message_processing (connection);
  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

/* The other side of the bare socket. */

static int
serve_raw (void)
{
  char buffer[RAW_SIZE];

  while (recv (PEER_FD, buffer, sizeof buffer, MSG_WAITALL) == sizeof buffer &&
         send (PEER_FD, buffer, sizeof buffer, MSG_NOSIGNAL) == sizeof buffer)
    ;
  return EXIT_SUCCESS;
}

/* This side. */

typedef struct
{
  PPoolExecutor *executor;     /* (owned) */
  GDBusConnection *connection; /* (owned) */
  int raw_fd;
} Peers;

static void
call_pool (Peers  *peers,
           gint64  n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_executor_call_sync (peers->executor, "echo",
                                                        g_variant_new ("(x)", n), NULL, &error);
  gint64 answer;

  g_assert_no_error (error);
  g_variant_get (value, "(x)", &answer);
  g_assert_cmpint (answer, ==, n);
}

static void
call_gdbus (Peers  *peers,
            gint64  n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = g_dbus_connection_call_sync (peers->connection, NULL, OBJECT_PATH,
                                                           INTERFACE, "Echo",
                                                           g_variant_new ("(x)", n),
                                                           G_VARIANT_TYPE ("(x)"),
                                                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  gint64 answer;

  g_assert_no_error (error);
  g_variant_get (value, "(x)", &answer);
  g_assert_cmpint (answer, ==, n);
}

static void
call_raw (Peers  *peers,
          gint64  n)
{
  gint64 buffer[RAW_SIZE / sizeof (gint64)] = { n };

  g_assert_cmpint (send (peers->raw_fd, buffer, sizeof buffer, MSG_NOSIGNAL), ==, sizeof buffer);
  g_assert_cmpint (recv (peers->raw_fd, buffer, sizeof buffer, MSG_WAITALL), ==, sizeof buffer);
  g_assert_cmpint (buffer[0], ==, n);
}

typedef struct
{
  const char *name;
  void (*call) (Peers  *peers,
                gint64  n);
} Series;

static const Series all_series[] = {
  { "ppool_executor_call_sync", call_pool },
  { "g_dbus_connection_call_sync", call_gdbus },
  { "socketpair", call_raw },
};

#define N_SERIES   G_N_ELEMENTS (all_series)
#define TURN_CALLS 50
#define MAX_ROUNDS 1000

static int
start_peer (const char *program,
            const char *peer_mode)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  g_subprocess_launcher_take_fd (launcher, fds[1], PEER_FD);
  process = g_subprocess_launcher_spawn (launcher, &error, program, "--mode", peer_mode, NULL);
  g_assert_no_error (error);
  return fds[0];
}

/* Adds the time of one turn, in µs. */
static void
take_turn (const Series *series,
           Peers        *peers,
           double       *time)
{
  gint64 start = g_get_monotonic_time ();

  for (int i = 0; i < TURN_CALLS; i++)
    series->call (peers, i);

  *time += (double) (g_get_monotonic_time () - start);
}

/* The peers take short turns, so that whatever else the machine does falls on
 * all of them, and each begins as often as the others. */
static void
run_round (Peers  *peers,
           double  times[N_SERIES])
{
  int n_turns = (n_calls + TURN_CALLS - 1) / TURN_CALLS;

  for (gsize i = 0; i < N_SERIES; i++)
    times[i] = 0;

  for (int turn = 0; turn < n_turns; turn++)
    for (gsize i = 0; i < N_SERIES; i++)
      {
        gsize which = (turn + i) % N_SERIES;

        take_turn (&all_series[which], peers, &times[which]);
      }

  for (gsize i = 0; i < N_SERIES; i++)
    times[i] /= n_turns * TURN_CALLS;
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median (double *values)
{
  qsort (values, n_rounds, sizeof *values, compare_doubles);
  return n_rounds % 2 != 0 ? values[n_rounds / 2]
                           : (values[n_rounds / 2 - 1] + values[n_rounds / 2]) / 2;
}

static void
print_series (const char *what,
              const char *name,
              double     *values,
              const char *unit)
{
  g_autofree char *label = g_strconcat (what, name, NULL);
  double middle = median (values);

  g_print ("  %-38s %8.2f %-2s  (%.2f … %.2f)\n", label, middle, unit,
           values[0], values[n_rounds - 1]);
}

static void
print_results (double times[MAX_ROUNDS][N_SERIES])
{
  double values[MAX_ROUNDS];

  for (gsize i = 0; i < N_SERIES; i++)
    {
      for (int round = 0; round < n_rounds; round++)
        values[round] = times[round][i];
      print_series ("", all_series[i].name, values, "µs");
    }

  /* A ratio is taken within its round, where the machine was the same. */
  for (gsize i = 1; i < N_SERIES; i++)
    {
      for (int round = 0; round < n_rounds; round++)
        values[round] = times[round][0] / times[round][i];
      print_series ("ratio to ", all_series[i].name, values, "");
    }
}

static int
run_rounds (const char *program)
{
  static double times[MAX_ROUNDS][N_SERIES];
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  g_autoptr (GError) error = NULL;
  Peers peers;

  peers.executor = ppool_executor_new (launcher);
  ppool_executor_set_max_workers (peers.executor, 1);
  peers.connection = connect_fd (start_peer (program, "gdbus-peer"),
                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS, &error);
  g_assert_no_error (error);
  g_dbus_connection_start_message_processing (peers.connection);
  peers.raw_fd = start_peer (program, "raw-peer");

  /* The first round only warms up. */
  run_round (&peers, times[0]);
  for (int round = 0; round < n_rounds; round++)
    run_round (&peers, times[round]);

  print_results (times);

  ppool_executor_shutdown_sync (peers.executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
  g_object_unref (peers.executor);
  g_dbus_connection_close_sync (peers.connection, NULL, NULL);
  g_object_unref (peers.connection);
  close (peers.raw_fd);
  return EXIT_SUCCESS;
}

/* Affinity is inherited by threads and processes, so it is set before there
 * are any. */
static void
pin (void)
{
  cpu_set_t available;
  cpu_set_t one;
  int cpu = 0;

  g_assert_no_errno (sched_getaffinity (0, sizeof available, &available));
  while (!CPU_ISSET (cpu, &available))
    cpu++;
  CPU_ZERO (&one);
  CPU_SET (cpu, &one);
  g_assert_no_errno (sched_setaffinity (0, sizeof one, &one));
}

static int
run_all (const char *program)
{
  const char * const modes[] = { "unpinned", "pinned" };
  g_autofree char *rounds = g_strdup_printf ("%d", n_rounds);
  g_autofree char *calls = g_strdup_printf ("%d", n_calls);

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (GSubprocess) process = NULL;
      g_autoptr (GError) error = NULL;

      g_print ("%s, %d rounds of %d calls, median (least … most):\n", modes[i], n_rounds, n_calls);
      process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, program, "--mode", modes[i],
                                  "--rounds", rounds, "--calls", calls, NULL);
      if (process == NULL || !g_subprocess_wait_check (process, NULL, &error))
        {
          g_printerr ("call-sync: %s\n", error->message);
          return EXIT_FAILURE;
        }
    }

  return EXIT_SUCCESS;
}

int
main (int    argc,
      char **argv)
{
  const GOptionEntry entries[] = {
    { "rounds", 0, 0, G_OPTION_ARG_INT, &n_rounds, "Measure each N times", "N" },
    { "calls", 0, 0, G_OPTION_ARG_INT, &n_calls, "Make N calls in a round", "N" },
    { "mode", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &mode, NULL, NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (PPoolWorker) worker = NULL;
  g_autoptr (GError) error = NULL;

  if (ppool_worker_is_spawned ())
    {
      worker = ppool_worker_new ();
      ppool_worker_add_function (worker, "echo", echo, NULL, NULL);
      return ppool_worker_run (worker, NULL);
    }

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) ||
      n_rounds < 1 || n_rounds > MAX_ROUNDS || n_calls < 1)
    {
      g_printerr ("call-sync: %s\n", error != NULL ? error->message : "a number is out of range");
      return EXIT_FAILURE;
    }

  if (mode == NULL)
    return run_all (argv[0]);
  if (g_str_equal (mode, "gdbus-peer"))
    return serve_gdbus ();
  if (g_str_equal (mode, "raw-peer"))
    return serve_raw ();
  if (g_str_equal (mode, "pinned"))
    pin ();
  return run_rounds (argv[0]);
}
