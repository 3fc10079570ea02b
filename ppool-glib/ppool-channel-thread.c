/* ppool-channel-thread.c: GDBus's thread, without which there is no channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-private.h"

#include "ppool-fd-private.h"
#include "ppool-fork-private.h"
#include "ppool-spare-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* GDBus reads and writes all connections in one thread, which it makes for the first of
 * them. It ends the program if that can't be created; and in a forked copy of a process
 * that had it, it believes that it is there, and nothing is ever read or written.
 *
 * So before the first worker, one connection is made whose other end is closed already.
 * If that is noticed, the thread is there, and stays. This is done on a thread of its
 * own, since in a copy it may never come to an end: the one that vanished can have been
 * holding anything. */

/* How long to wait before asking whether there is anybody to wait for … */
#define DOUBT_MSEC 1000

/* … and how long at all, as somebody else's code can keep that thread busy. */
#define LAST_MSEC 30000

/* Whoever wakes up so late was stopped. */
#define LATE_MSEC 50

/* What a probe opens at most, GLib's own included. */
#define N_SPARE_FDS 8

/* The probe's, GDBus's, and two that may just have been joined. */
#define N_SPARE_THREADS 4

typedef struct
{
  GMainContext *context; /* (owned) */
  gboolean is_closed;    /* in the probe's thread */
  int given_up;          /* atomic */

  GMutex lock; /* guards what follows */
  GCond ended;
  gboolean has_ended;
  GError *error; /* (owned) (nullable) */
} Probe;

/* The process in which it is missing. */
static int lost_in = 0;

static void
free_probe (gpointer data)
{
  Probe *self = data;

  g_main_context_unref (self->context);
  g_cond_clear (&self->ended);
  g_mutex_clear (&self->lock);
  g_clear_error (&self->error);
}

static void
unref_probe (Probe *self)
{
  g_atomic_rc_box_release_full (self, free_probe);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Probe, unref_probe)

static void
closed_cb (GDBusConnection *connection G_GNUC_UNUSED,
           gboolean         remote_peer_vanished G_GNUC_UNUSED,
           GError          *error G_GNUC_UNUSED,
           gpointer         user_data)
{
  ((Probe *) user_data)->is_closed = TRUE;
}

static GSocket *
make_socket (GError **error)
{
  GSocket *socket;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || !ppool_fd_lift_pair (fds))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "cannot create a socket pair: %s",
                   g_strerror (errno));
      return NULL;
    }

  close (fds[1]);
  socket = g_socket_new_from_fd (fds[0], error);
  if (socket == NULL)
    close (fds[0]);

  return socket;
}

/* Returns when GDBus's thread has been seen, or nobody waits for that any more. */
static void
watch_thread (Probe   *self,
              GError **error)
{
  g_autoptr (GSocket) socket = make_socket (error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (GDBusConnection) connection = NULL;

  if (socket == NULL)
    return;

  stream = g_socket_connection_factory_create_connection (socket);
  connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL, G_DBUS_CONNECTION_FLAGS_NONE,
                                           NULL, NULL, error);
  if (connection != NULL)
    {
      gulong handler =
        g_signal_connect (connection, "closed", G_CALLBACK (closed_cb), self);

      while (!self->is_closed && !g_atomic_int_get (&self->given_up))
        g_main_context_iteration (self->context, TRUE);
      g_signal_handler_disconnect (connection, handler);
    }

  g_socket_close (socket, NULL);
}

static gpointer
run_probe (gpointer data)
{
  g_autoptr (Probe) self = data;
  g_autoptr (GError) error = NULL;

  g_main_context_push_thread_default (self->context);
  watch_thread (self, &error);
  g_main_context_pop_thread_default (self->context);

  g_mutex_lock (&self->lock);
  self->has_ended = TRUE;
  self->error = g_steal_pointer (&error);
  g_cond_broadcast (&self->ended);
  g_mutex_unlock (&self->lock);

  return NULL;
}

/* A program that was stopped meanwhile looks once more. */
static gboolean
wait_for (Probe  *self,
          gint64  msec)
{
  gint64 end = g_get_monotonic_time () + msec * G_TIME_SPAN_MILLISECOND;
  gboolean ended, late;

  g_mutex_lock (&self->lock);
  while (!self->has_ended && g_cond_wait_until (&self->ended, &self->lock, end))
    ;

  late = g_get_monotonic_time () - end > LATE_MSEC * G_TIME_SPAN_MILLISECOND;
  end = g_get_monotonic_time () + DOUBT_MSEC * G_TIME_SPAN_MILLISECOND;
  while (late && !self->has_ended && g_cond_wait_until (&self->ended, &self->lock, end))
    ;
  ended = self->has_ended;
  g_mutex_unlock (&self->lock);

  return ended;
}

/* Whether a thread of that name is here; it may be too busy to do anything. */
static gboolean
has_thread (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  gboolean found = FALSE;

  while (dir != NULL && !found && (task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "comm", NULL);
      g_autofree char *name = NULL;

      found = g_file_get_contents (path, &name, NULL, NULL) && g_str_equal (name, "gdbus\n");
    }

  return found;
}

static gboolean
fail (GError **error)
{
  if (g_atomic_int_get (&lost_in) == ppool_fork_get_pid ())
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                 "this process is a copy, made by fork(), of one that had used D-Bus before, and "
                 "the thread that GLib has for that is not copied; fork before the first use of "
                 "D-Bus, of settings, say, or execute a program");
  else
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                 "GLib's thread for D-Bus did nothing for %d seconds", LAST_MSEC / 1000);

  return FALSE;
}

static gboolean
run (GError **error)
{
  g_autoptr (Probe) self = g_atomic_rc_box_new0 (Probe);
  GThread *thread;
  gboolean ended;

  self->context = g_main_context_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->ended);

  thread = ppool_spare_new_thread ("ppool-probe", run_probe, g_atomic_rc_box_acquire (self), error);
  if (thread == NULL)
    {
      unref_probe (self);
      return FALSE;
    }

  ended = wait_for (self, DOUBT_MSEC);
  if (!ended && ppool_fork_is_copy () && !has_thread ())
    g_atomic_int_set (&lost_in, ppool_fork_get_pid ());
  else if (!ended)
    ended = wait_for (self, LAST_MSEC - DOUBT_MSEC);

  if (ended)
    {
      g_thread_join (thread);
      if (self->error == NULL)
        return TRUE;

      g_propagate_error (error, g_steal_pointer (&self->error));
      return FALSE;
    }

  g_thread_unref (thread);
  g_atomic_int_set (&self->given_up, TRUE);
  g_main_context_wakeup (self->context);

  return fail (error);
}

/* Makes sure that GDBus's thread is in this process. Blocks for a moment the first time,
 * and longer in a forked copy; to be called in a thread that may. */
gboolean
ppool_channel_check_thread (GError **error)
{
  int code;

  if (ppool_fork_get_threads_owner () == ppool_fork_get_pid ())
    return TRUE;

  if (g_atomic_int_get (&lost_in) == ppool_fork_get_pid ())
    return fail (error);

  code = ppool_spare_check_descriptors (N_SPARE_FDS);
  if (code != 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "no file descriptor can be opened (%s)",
                   g_strerror (code));
      return FALSE;
    }

  if (!ppool_spare_check_threads (N_SPARE_THREADS, error) || !run (error))
    return FALSE;

  ppool_fork_set_threads_owner ();

  return TRUE;
}
