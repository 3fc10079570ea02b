/* ppool-exit.c: the process of a worker, and how it ends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-exit-private.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

gboolean
ppool_exit_is_reaped (const PPoolExit *self)
{
  return self->state == PPOOL_EXIT_REAPED || self->state == PPOOL_EXIT_KILLED_REAPED;
}

/* Unless it has ended. */
void
ppool_exit_signal (PPoolExit *self,
                   int        number)
{
  if (self->child == NULL || ppool_exit_is_reaped (self))
    return;

  g_debug ("Worker %d: sent signal %d (%s)", (int) ppool_child_get_pid (self->child), number,
           g_strsignal (number));
  if (self->with_group)
    ppool_child_signal_group (self->child, number);
  else
    ppool_child_send_signal (self->child, number);
}

/* Ends it for what it did. */
void
ppool_exit_kill (PPoolExit *self)
{
  self->with_group = TRUE;
  if (self->state == PPOOL_EXIT_RUNNING)
    self->state = PPOOL_EXIT_KILLED;
  ppool_exit_signal (self, SIGKILL);
}

/* The kernel reaps them then, and nobody gets to know their status. */
static gboolean
children_are_ignored (void)
{
  struct sigaction action;

  return sigaction (SIGCHLD, NULL, &action) == 0 &&
         (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0);
}

static void
log_exit (const PPoolExit *self)
{
  int pid = self->child != NULL ? (int) ppool_child_get_pid (self->child) : 0;

  if (self->status_is_lost)
    g_debug ("Worker %d: exited, and was reaped by somebody else", pid);
  else if (WIFSIGNALED (self->wait_status))
    g_debug ("Worker %d: killed by signal %d (%s)", pid, WTERMSIG (self->wait_status),
             g_strsignal (WTERMSIG (self->wait_status)));
  else
    g_debug ("Worker %d: exited with status %d", pid, WEXITSTATUS (self->wait_status));
}

/* It is reaped, be it by somebody else. */
void
ppool_exit_note (PPoolExit *self,
                 int        wait_status,
                 gboolean   is_lost)
{
  self->state =
    self->state == PPOOL_EXIT_KILLED ? PPOOL_EXIT_KILLED_REAPED : PPOOL_EXIT_REAPED;
  self->time = g_get_monotonic_time ();
  self->wait_status = wait_status;
  self->status_is_lost = is_lost;
  self->children_are_ignored = is_lost && children_are_ignored ();
  log_exit (self);
}

/* When it exited, or now if it has not: what it leaves behind may keep its channel open. */
gint64
ppool_exit_get_time (const PPoolExit *self)
{
  return self->time != 0 ? self->time : g_get_monotonic_time ();
}

/* With SIGKILL, which the pool has not sent. */
gboolean
ppool_exit_was_killed (const PPoolExit *self)
{
  return self->state == PPOOL_EXIT_REAPED && !self->status_is_lost &&
         WIFSIGNALED (self->wait_status) && WTERMSIG (self->wait_status) == SIGKILL;
}

/* Where its core dump is, in words: (transfer full) (nullable): NULL if there is none */
char *
ppool_exit_dup_core (const PPoolExit *self)
{
  g_autofree char *pattern = NULL;

  if (self->state != PPOOL_EXIT_REAPED || self->status_is_lost ||
      !WIFSIGNALED (self->wait_status) || !WCOREDUMP (self->wait_status) ||
      !g_file_get_contents ("/proc/sys/kernel/core_pattern", &pattern, NULL, NULL))
    return NULL;

  g_strstrip (pattern);
  if (*pattern != '|')
    return g_strdup_printf ("it left a core file, whose name is “%s”, see core(5)", pattern);
  if (strstr (pattern, "systemd-coredump") != NULL)
    return g_strdup_printf ("it left a core dump, see “coredumpctl info %d”",
                            (int) ppool_child_get_pid (self->child));

  return g_strdup_printf ("it left a core dump to “%s”", pattern + 1);
}

void
ppool_exit_tell (const PPoolExit *self,
                 PPoolVerdict    *verdict)
{
  verdict->exited = self->state == PPOOL_EXIT_REAPED;
  verdict->wait_status = self->wait_status;
  verdict->status_is_lost = self->status_is_lost;
  verdict->children_are_ignored = self->children_are_ignored;
}
