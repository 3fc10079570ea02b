/* io-thread.c: gets hold of GDBus's own thread
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "io-thread.h"

#include <sys/socket.h>

static GDBusMessage *
filter_cb (GDBusConnection *connection,
           GDBusMessage    *message,
           gboolean         incoming,
           gpointer         user_data)
{
  IoThread *self = user_data;

  if (!incoming)
    return message;

  if (self->func != NULL)
    self->func (self->data, NULL);

  g_mutex_lock (&self->lock);
  self->is_held = TRUE;
  g_cond_broadcast (&self->cond);
  while (!self->is_let_go)
    g_cond_wait (&self->cond, &self->lock);
  self->is_held = FALSE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  g_object_unref (message);

  return NULL;
}

static gpointer
connect_thread (gpointer user_data)
{
  return g_dbus_connection_new_sync (user_data, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                                     NULL, NULL, NULL);
}

static GIOStream *
make_stream (int fd)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, NULL);

  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

void
io_thread_init (IoThread *self)
{
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GIOStream) client = NULL;
  g_autoptr (GIOStream) server = NULL;
  GThread *thread;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  client = make_stream (fds[0]);
  server = make_stream (fds[1]);

  *self = (IoThread){ { NULL } };
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  thread = g_thread_new ("client", connect_thread, client);
  self->ends[1] = g_dbus_connection_new_sync (
      server, guid,
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
      NULL, NULL, NULL);
  self->ends[0] = g_thread_join (thread);
  g_dbus_connection_add_filter (self->ends[1], filter_cb, self, NULL);
}

void
io_thread_clear (IoThread *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->ends); i++)
    {
      g_dbus_connection_close_sync (self->ends[i], NULL, NULL);
      g_object_unref (self->ends[i]);
    }
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

/* Nothing is read or written by GDBus when this has returned. */
void
io_thread_hold (IoThread *self)
{
  self->is_let_go = FALSE;
  g_dbus_connection_emit_signal (self->ends[0], NULL, "/", "org.example.Hold", "Hold", NULL, NULL);
  g_mutex_lock (&self->lock);
  while (!self->is_held)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}

void
io_thread_let_go (IoThread *self)
{
  g_mutex_lock (&self->lock);
  self->is_let_go = TRUE;
  g_cond_broadcast (&self->cond);
  while (self->is_held)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}

void
io_thread_run (IoThread *self,
               GFunc     func,
               gpointer  data)
{
  self->func = func;
  self->data = data;
  io_thread_hold (self);
  io_thread_let_go (self);
  self->func = NULL;
}
