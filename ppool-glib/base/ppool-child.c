/* ppool-child.c: a child process, until its exit
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-child-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* GSubprocess watches its child in a thread that GLib makes once for a process and
 * that a forked copy of it lacks, and a watch of GLib needs that thread or a handler
 * for SIGCHLD where the kernel has no descriptors of processes or a filter of system
 * calls refuses them. So the exit is watched for here, in the context of whoever
 * started the child, with nothing of the process that could be missing: by a
 * descriptor of the process, or by asking from time to time.
 *
 * The child is reaped nowhere else, so that its number is its own until then.
 * Everything belongs to the thread that iterates the context. */

/* How often to ask where there is no descriptor: soon, then more rarely. */
#define FIRST_PAUSE_MSEC 5
#define LAST_PAUSE_MSEC  100

struct _PPoolChild
{
  GPid pid;
  int fd;          /* (owned); -1 without */
  gpointer fd_tag; /* (nullable); NULL while it is not polled */
  guint pause_msec;
  GSource *source; /* (owned) (nullable); NULL once it has exited */
  PPoolChildFunc func;
  PPoolChildGroupFunc ends_group; /* (nullable) */
  gpointer data;
};

typedef struct
{
  GSource parent;
  PPoolChild *child; /* (unowned); it destroys the source first */
} ChildSource;

static void
clear (PPoolChild *self)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_clear_pointer (&self->source, g_source_unref);
    }
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  self->fd_tag = NULL;
}

/* A debugger may have the exit first, for as long as it likes. */
static void
ask_later (PPoolChild *self)
{
  if (self->fd_tag != NULL)
    g_source_remove_unix_fd (self->source, g_steal_pointer (&self->fd_tag));

  g_source_set_ready_time (self->source, g_get_monotonic_time () +
                                           self->pause_msec * G_TIME_SPAN_MILLISECOND);
  self->pause_msec = MIN (2 * self->pause_msec, LAST_PAUSE_MSEC);
}

/* Ends what the child leaves behind, while its number is still its own. */
static void
end_group (PPoolChild *self)
{
  siginfo_t info = { 0 };

  if (self->ends_group == NULL)
    return;

  if (waitid (P_PID, (id_t) self->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == self->pid && self->ends_group (self->data))
    kill (-self->pid, SIGKILL);
}

static gboolean
dispatch (GSource     *source,
          GSourceFunc  callback G_GNUC_UNUSED,
          gpointer     user_data G_GNUC_UNUSED)
{
  PPoolChild *self = ((ChildSource *) source)->child;
  int status = 0;
  pid_t found;

  end_group (self);
  do
    found = waitpid (self->pid, &status, WNOHANG);
  while (found < 0 && errno == EINTR);

  if (found == 0)
    {
      ask_later (self);
      return G_SOURCE_CONTINUE;
    }

  clear (self);
  self->func (found > 0 ? status : 0, found < 0, self->data);

  return G_SOURCE_REMOVE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

/* Has @func called once in @context, when the child has exited and is reaped. It may
 * free the child. */
PPoolChild *
ppool_child_new (GPid            pid,
                 GMainContext   *context,
                 PPoolChildFunc  func,
                 gpointer        data)
{
  PPoolChild *self = g_new0 (PPoolChild, 1);

  self->pid = pid;
  self->pause_msec = FIRST_PAUSE_MSEC;
  self->func = func;
  self->data = data;
  self->fd = (int) syscall (SYS_pidfd_open, pid, 0);

  self->source = g_source_new (&source_funcs, sizeof (ChildSource));
  ((ChildSource *) self->source)->child = self;
  g_source_set_static_name (self->source, "[ppool] child");
  if (self->fd >= 0)
    self->fd_tag = g_source_add_unix_fd (self->source, self->fd, G_IO_IN);
  else
    g_source_set_ready_time (self->source, 0);
  g_source_attach (self->source, context);

  return self;
}

/* A child that has not exited is reaped by nobody then. */
void
ppool_child_free (PPoolChild *self)
{
  clear (self);
  g_free (self);
}

GPid
ppool_child_get_pid (PPoolChild *self)
{
  return self->pid;
}

/* Asked with the same data, when the child has exited and is not reaped yet. */
void
ppool_child_set_group_func (PPoolChild          *self,
                            PPoolChildGroupFunc  func)
{
  self->ends_group = func;
}

/* A descriptor still means this child when a reaper of the program's has let its
 * number become another process's. Returns: whether there is such a process */
static gboolean
send_signal (PPoolChild *self,
             int         number)
{
  if (self->source == NULL)
    return FALSE;

  if (self->fd >= 0 && syscall (SYS_pidfd_send_signal, self->fd, number, NULL, 0) == 0)
    return TRUE;
  if (self->fd >= 0 && errno == ESRCH)
    return FALSE;

  return kill (self->pid, number) == 0;
}

/* Does nothing to a child that has exited. */
void
ppool_child_send_signal (PPoolChild *self,
                         int         number)
{
  send_signal (self, number);
}

/* Signals also the processes that the child has started, if they are in its group. A child
 * that leads no group has none. */
void
ppool_child_signal_group (PPoolChild *self,
                          int         number)
{
  if (getpgid (self->pid) != self->pid)
    send_signal (self, number);
  else if (send_signal (self, 0))
    kill (-self->pid, number);
}
