/* leftovers.c: what this process has, and whether it got more
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* gcc says it in one way, clang in the other. */
#if defined (__SANITIZE_ADDRESS__)
# define HAVE_LEAK_CHECKER
#elif defined (__has_feature)
# if __has_feature (address_sanitizer)
#  define HAVE_LEAK_CHECKER
# endif
#endif

/* The kernel's flag of a task that is about to be gone. */
#define PF_EXITING 0x4

struct _Leftovers
{
  GHashTable *fds; /* (owned): number and what it is, as text */
  guint n_threads;
};

static GHashTable *
list_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  GHashTable *fds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      char *target = g_file_read_link (path, NULL);

      /* The directory that is being read is one of them. */
      if (target != NULL && !g_str_has_suffix (target, "/fd"))
        g_hash_table_insert (fds, g_strdup (name), target);
      else
        g_free (target);
    }

  return fds;
}

static gboolean
read_file (const char  *dir,
           const char  *name,
           const char  *file,
           char       **text)
{
  g_autofree char *path = g_build_filename (dir, name, file, NULL);

  return g_file_get_contents (path, text, NULL, NULL);
}

/* A thread that has been joined may be listed for a moment. */
static gboolean
is_exiting (const char *stat)
{
  const char *end = strrchr (stat, ')');
  unsigned flags = 0;

  /* “) STATE PARENT GROUP SESSION TERMINAL TERMINAL_GROUP FLAGS” */
  if (end != NULL)
    sscanf (end, ") %*c %*d %*d %*d %*d %*d %u", &flags);

  return (flags & PF_EXITING) != 0;
}

/* GLib keeps some threads for the rest of the process. */
static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *comm = NULL;
      g_autofree char *stat = NULL;

      if (read_file ("/proc/self/task", name, "comm", &comm) &&
          read_file ("/proc/self/task", name, "stat", &stat) && !is_exiting (stat))
        n += !g_str_has_prefix (comm, "gmain") && !g_str_has_prefix (comm, "gdbus") &&
             !g_str_has_prefix (comm, "pool-");
    }

  return n;
}

static gboolean
is_child (const char *stat)
{
  const char *end = strrchr (stat, ')');
  int parent = 0;

  /* “) STATE PARENT” */
  if (end != NULL)
    sscanf (end, ") %*c %d", &parent);

  return parent == getpid ();
}

/* A process that looks for leaks at its end has a child do it, which becomes ours if
 * that process is killed just then. A worker is never taken for one: it leads a session. */
static gboolean
reap_leak_checker (const char *stat)
{
#ifdef HAVE_LEAK_CHECKER
  const char *end = strrchr (stat, ')');
  int pid = atoi (stat);
  int session = pid;
  char state = 0;

  /* “) STATE PARENT GROUP SESSION” */
  if (end != NULL)
    sscanf (end, ") %c %*d %*d %d", &state, &session);

  return state == 'Z' && session != pid && session != getsid (0) &&
         waitpid (pid, NULL, WNOHANG) == pid;
#else
  return FALSE;
#endif
}

/* Asked of the kernel, which has it at hand. */
static gboolean
has_children (void)
{
  siginfo_t info;

  return waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* Counts them, and adds a line for each to @report. */
static guint
list_children (GString *report)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint n = 0;

  if (!has_children ())
    return 0;

  dir = g_dir_open ("/proc", 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *stat = NULL;

      if (g_ascii_isdigit (*name) && read_file ("/proc", name, "stat", &stat) && is_child (stat) &&
          !reap_leak_checker (stat))
        {
          g_string_append_printf (report, "child %s", stat);
          n++;
        }
    }

  return n;
}

guint
leftovers_count_children (void)
{
  g_autoptr (GString) report = g_string_new (NULL);

  return list_children (report);
}

/* Tells of any process whether it has not ended yet, reaped or not. */
gboolean
leftovers_is_running (int pid)
{
  g_autofree char *name = g_strdup_printf ("%d", pid);
  g_autofree char *stat = NULL;
  const char *end;

  if (!read_file ("/proc", name, "stat", &stat))
    return FALSE;

  /* “) STATE” */
  end = strrchr (stat, ')');

  return end != NULL && end[2] != 'Z' && end[2] != 'X';
}

static guint
list_new_descriptors (Leftovers *self,
                      GString   *report)
{
  g_autoptr (GHashTable) fds = list_descriptors ();
  GHashTableIter iter;
  gpointer fd, target;
  guint n = 0;

  g_hash_table_iter_init (&iter, fds);
  while (g_hash_table_iter_next (&iter, &fd, &target))
    if (!g_hash_table_contains (self->fds, fd))
      {
        g_string_append_printf (report, "descriptor %s: %s\n", (char *) fd, (char *) target);
        n++;
      }

  return n;
}

Leftovers *
leftovers_new (void)
{
  Leftovers *self = g_new0 (Leftovers, 1);

  self->fds = list_descriptors ();
  self->n_threads = count_threads ();

  return self;
}

void
leftovers_free (Leftovers *self)
{
  g_hash_table_unref (self->fds);
  g_free (self);
}

/* No child, and no more descriptors and threads than there were. */
gboolean
leftovers_is_clean (Leftovers *self)
{
  g_autoptr (GString) report = g_string_new (NULL);

  return list_children (report) == 0 && list_new_descriptors (self, report) == 0 &&
         count_threads () <= self->n_threads;
}

char *
leftovers_report (Leftovers *self)
{
  g_autoptr (GString) report = g_string_new (NULL);

  g_string_printf (report, "%u threads instead of %u\n", count_threads (), self->n_threads);
  list_children (report);
  list_new_descriptors (self, report);

  return g_string_free (g_steal_pointer (&report), FALSE);
}
