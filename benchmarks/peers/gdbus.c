/* gdbus.c: calls over a peer connection of GDBus, with nothing around
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include "bench.h"
#include "peers.h"
#include "processes.h"

#define OBJECT_PATH "/org/ppool/Benchmark"
#define INTERFACE   "org.ppool.Benchmark"

static GDBusConnection *
connect_fd (int                  fd,
            GDBusConnectionFlags flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = NULL;
  GDBusConnection *connection;

  bench_check (error);
  if (flags & G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER)
    guid = g_dbus_generate_guid ();
  stream = g_socket_connection_factory_create_connection (socket);
  connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                           flags | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                           NULL, NULL, &error);
  bench_check (error);

  return connection;
}

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

void
peer_gdbus_serve (void)
{
  static const GDBusInterfaceVTable vtable = { .method_call = method_call_cb };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GDBusNodeInfo) node = NULL;
  g_autoptr (GError) error = NULL;

  node = g_dbus_node_info_new_for_xml ("<node><interface name='" INTERFACE "'>"
                                       "<method name='Echo'>"
                                       "<arg type='x' direction='in'/>"
                                       "<arg type='x' direction='out'/>"
                                       "</method></interface></node>", &error);
  bench_check (error);
  connection = connect_fd (PEER_FD, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT);
  g_dbus_connection_register_object (connection, OBJECT_PATH, node->interfaces[0], &vtable,
                                     NULL, NULL, &error);
  bench_check (error);
  g_signal_connect_swapped (connection, "closed", G_CALLBACK (g_main_loop_quit), loop);
  g_dbus_connection_start_message_processing (connection);
  g_main_loop_run (loop);
}

static GDBusConnection *
start (GSubprocess **process)
{
  GDBusConnection *connection;
  int fd;

  *process = processes_start ("gdbus-serve", &fd);
  connection = connect_fd (fd, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS);
  g_dbus_connection_start_message_processing (connection);

  return connection;
}

static void
end (GDBusConnection *connection,
     GSubprocess     *process)
{
  g_dbus_connection_close_sync (connection, NULL, NULL);
  g_object_unref (connection);
  processes_end (process);
}

static void
call (GDBusConnection *connection,
      gint64           number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value G_GNUC_UNUSED =
    g_dbus_connection_call_sync (connection, NULL, OBJECT_PATH, INTERFACE, "Echo",
                                 g_variant_new ("(x)", number), G_VARIANT_TYPE ("(x)"),
                                 G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

  bench_check (error);
}

/* One call at a time. */
void
peer_gdbus_call (void)
{
  GSubprocess *process;
  GDBusConnection *connection = start (&process);
  gint64 n = bench_get ("calls", 2000);
  double begin = 0;

  for (gint64 i = -n / 10; i < n; i++)
    {
      if (i == 0)
        begin = bench_now ();
      call (connection, i);
    }

  bench_put ("usec", (bench_now () - begin) / (double) n);
  end (connection, process);
}

/* From nothing to the first answer. */
void
peer_gdbus_start (void)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  gint64 n = bench_get ("starts", 20);

  for (gint64 i = -1; i < n; i++)
    {
      double begin = bench_now ();
      GSubprocess *process;
      GDBusConnection *connection = start (&process);
      double time;

      call (connection, i);
      time = bench_now () - begin;
      if (i >= 0)
        g_array_append_val (times, time);
      end (connection, process);
    }

  bench_put ("ms", bench_percentile (times, 50) / 1e3);
}
