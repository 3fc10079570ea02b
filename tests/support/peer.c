/* peer.c: plays the pool for one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "peer.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define OBJECT_PATH "/org/ppool/Worker1"
#define INTERFACE "org.ppool.Worker1"

static GSubprocess *
spawn (const char * const *argv,
       GSubprocessFlags    flags,
       int                 fd)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (flags);
  g_autofree char *inode = NULL;
  g_autoptr (GError) error = NULL;
  GSubprocess *process;
  struct stat st;

  g_assert_no_errno (fstat (fd, &st));
  inode = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) st.st_ino);
  g_subprocess_launcher_setenv (launcher, "PPOOL_WORKER_FD", "3", TRUE);
  g_subprocess_launcher_setenv (launcher, "PPOOL_WORKER_SOCKET", inode, TRUE);
  g_subprocess_launcher_take_fd (launcher, fd, 3);

  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);

  return process;
}

static Peer *
start (const char * const *argv,
       GSubprocessFlags    flags)
{
  Peer *self = g_new0 (Peer, 1);
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  self->before = leftovers_new ();
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  self->process = spawn (argv, flags, fds[1]);

  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  g_socket_set_timeout (socket, PEER_PATIENCE_MSEC / 1000);
  self->stream = G_IO_STREAM (g_socket_connection_factory_create_connection (socket));

  return self;
}

Peer *
peer_new_unconnected (const char * const *argv)
{
  return start (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
}

static gboolean
out_of_patience_cb (gpointer user_data)
{
  g_error ("Waited too long for %s", (const char *) user_data);

  return G_SOURCE_REMOVE;
}

static guint
be_patient (const char *event)
{
  return g_timeout_add (PEER_PATIENCE_MSEC, out_of_patience_cb, (gpointer) event);
}

/* Ends the conversation from this side, without a word. */
void
peer_hang_up (Peer *self)
{
  g_autoptr (GError) error = NULL;

  if (self->connection != NULL)
    g_dbus_connection_close_sync (self->connection, NULL, &error);
  else
    g_io_stream_close (self->stream, NULL, &error);
  g_assert_no_error (error);

  g_clear_object (&self->connection);
  g_clear_object (&self->stream);
}

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  gboolean *ended = user_data;
  g_autoptr (GError) error = NULL;

  g_subprocess_wait_finish (G_SUBPROCESS (source), result, &error);
  g_assert_no_error (error);
  *ended = TRUE;
}

/* Waits for the end of the worker, however it comes to it, and checks that
 * nothing is left. Returns: the status as waitpid() has it */
int
peer_free (Peer *self)
{
  guint timeout = be_patient ("the end of a worker");
  gboolean ended = FALSE;
  int status;

  g_subprocess_wait_async (self->process, NULL, ended_cb, &ended);
  while (!ended)
    g_main_context_iteration (NULL, TRUE);
  status = g_subprocess_get_status (self->process);

  g_clear_object (&self->connection);
  g_clear_object (&self->stream);
  g_clear_object (&self->process);
  while (self->before != NULL && !leftovers_is_clean (self->before))
    g_main_context_iteration (NULL, FALSE);

  g_source_remove (timeout);
  g_clear_pointer (&self->before, leftovers_free);
  g_free (self);

  return status;
}

/* The orderly end. */
void
peer_exit (Peer *self)
{
  g_autoptr (Reply) reply = peer_send (self, "Exit", NULL);

  reply_wait (reply);
  g_assert_no_error (reply->error);
  g_assert_cmpint (peer_free (self), ==, 0);
}

static void
reply_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Reply *self = user_data;

  self->message =
    g_dbus_connection_send_message_with_reply_finish (G_DBUS_CONNECTION (source), result,
                                                      &self->error);
  self->position = ++self->peer->n_replies;
}

Reply *
peer_send (Peer       *self,
           const char *member,
           GVariant   *body)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, member);
  Reply *reply = g_new0 (Reply, 1);

  reply->peer = self;
  if (body != NULL)
    g_dbus_message_set_body (message, body);
  g_dbus_connection_send_message_with_reply (self->connection, message,
                                             G_DBUS_SEND_MESSAGE_FLAGS_NONE, G_MAXINT, NULL,
                                             NULL, reply_cb, reply);

  return reply;
}

Reply *
peer_send_initialize (Peer *self)
{
  const char *features[] = { "gvariant" };
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "version", g_variant_new_uint32 (1));
  g_variant_builder_add (&options, "{sv}", "features", g_variant_new_strv (features, 1));

  return peer_send (self, "Initialize", g_variant_new ("(a{sv})", &options));
}

Reply *
peer_send_call (Peer       *self,
                const char *function,
                GVariant   *args)
{
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (args));
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (boxed);

  return peer_send (self, "Call",
                    g_variant_new ("(tsva{sv})", ++self->last_id, function,
                                   g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes,
                                                             TRUE),
                                   NULL));
}

Peer *
peer_new (const char * const *argv)
{
  return peer_new_with_flags (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
}

Peer *
peer_new_with_flags (const char * const *argv,
                     GSubprocessFlags    flags)
{
  Peer *self = start (argv, flags);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (Reply) initialized = NULL;
  g_autoptr (GError) error = NULL;

  self->connection =
    g_dbus_connection_new_sync (self->stream, guid,
                                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                  G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
                                NULL, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_timeout (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->stream)), 0);

  initialized = peer_send_initialize (self);
  reply_wait (initialized);
  g_assert_no_error (initialized->error);
  g_assert_cmpstr (g_dbus_message_get_signature (initialized->message), ==, "a{sv}");

  return self;
}

/* GLib starts threads of its own, with descriptors, when they are first needed,
 * and keeps them. */
void
peer_warm_up (const char * const *argv)
{
  Peer *self = peer_new (argv);

  g_clear_pointer (&self->before, leftovers_free);
  peer_exit (self);
}

/* Blocks until the worker has written a line to its standard output. */
char *
peer_read_line (Peer *self)
{
  GInputStream *pipe = g_subprocess_get_stdout_pipe (self->process);
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  char c = '\0';

  while (g_input_stream_read (pipe, &c, 1, NULL, &error) == 1 && c != '\n')
    g_string_append_c (line, c);
  g_assert_no_error (error);

  return g_string_free (g_steal_pointer (&line), FALSE);
}

void
reply_wait (Reply *self)
{
  guint timeout = be_patient ("a reply");

  while (self->position == 0)
    g_main_context_iteration (NULL, TRUE);

  g_source_remove (timeout);
}

void
reply_free (Reply *self)
{
  g_assert_cmpuint (self->position, >, 0);

  g_clear_object (&self->message);
  g_clear_error (&self->error);
  g_free (self);
}

GVariant *
reply_get_value (Reply *self)
{
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GBytes) bytes = NULL;

  reply_wait (self);
  g_assert_no_error (self->error);
  g_assert_cmpstr (g_dbus_message_get_error_name (self->message), ==, NULL);
  g_assert_cmpstr (g_dbus_message_get_signature (self->message), ==, "v");

  g_variant_get (g_dbus_message_get_body (self->message), "(v)", &packed);
  g_assert_cmpstr (g_variant_get_type_string (packed), ==, "ay");
  bytes = g_variant_get_data_as_bytes (packed);
  boxed = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, bytes, FALSE));

  return g_variant_get_variant (boxed);
}

void
expect_value (GVariant   *value,
              const char *text)
{
  g_autofree char *printed = g_variant_print (value, TRUE);

  g_assert_cmpstr (printed, ==, text);
  g_variant_unref (value);
}

void
reply_expect_value (Reply      *self,
                    const char *text)
{
  expect_value (reply_get_value (self), text);
}

void
reply_expect_error (Reply      *self,
                    const char *name,
                    const char *message_part)
{
  g_autofree char *message = NULL;

  reply_wait (self);
  g_assert_no_error (self->error);
  g_assert_cmpstr (g_dbus_message_get_error_name (self->message), ==, name);
  g_variant_get_child (g_dbus_message_get_body (self->message), 0, "s", &message);
  if (strstr (message, message_part) == NULL)
    g_error ("“%s” is not in “%s”", message_part, message);
}

GVariant *
peer_call (Peer       *self,
           const char *function,
           GVariant   *args)
{
  g_autoptr (Reply) reply = peer_send_call (self, function, args);

  return reply_get_value (reply);
}

void
peer_call_failing (Peer       *self,
                   const char *function,
                   GVariant   *args,
                   const char *error_name,
                   const char *message_part)
{
  g_autoptr (Reply) reply = peer_send_call (self, function, args);

  reply_expect_error (reply, error_name, message_part);
}
