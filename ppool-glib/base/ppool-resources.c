/* ppool-resources.c: what this system lets the process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ppool-error.h"

/* What one worker takes of this process: its two sockets, the pipe of its standard
 * error, and what watches for its exit. */
#define DESCRIPTORS_OF_WORKER 4

/* What a start takes beyond that for a moment, and GLib once. */
#define DESCRIPTORS_BESIDE 16

/* Threads count as processes. A worker has two at least, its main one and the
 * watchdog; what it runs may want more, for which only the default leaves room.
 * This process starts some for the pool and for GLib. */
#define PROCESSES_OF_WORKER       2
#define PROCESSES_OF_USUAL_WORKER 4
#define PROCESSES_BESIDE          4

/* One limit, and what workers take of it. */
typedef struct
{
  const char *what;
  const char *name;
  guint64 limit; /* PPOOL_RESOURCES_NO_LIMIT without */
  guint64 used;
  guint per_worker;
  guint per_usual_worker;
  guint beside;
} Limit;

typedef struct
{
  Limit descriptors;
  Limit user;  /* processes of all programs of the user */
  Limit group; /* processes of a control group */
  char *file;  /* (owned) (nullable): names the limit of the group */
} Limits;

static guint64
read_rlimit (int resource)
{
  struct rlimit limit;

  if (getrlimit (resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return PPOOL_RESOURCES_NO_LIMIT;

  return MIN ((guint64) limit.rlim_cur, PPOOL_RESOURCES_NO_LIMIT);
}

/* Where there is no descriptor to count them with, that is the answer. */
static gboolean
count_descriptors (guint64  *n,
                   GError  **error)
{
  DIR *dir = opendir ("/proc/self/fd");
  int code = errno;
  const struct dirent *entry;

  *n = 0;
  while (dir != NULL && (entry = readdir (dir)) != NULL)
    if (g_ascii_isdigit (entry->d_name[0]) && atoi (entry->d_name) != dirfd (dir))
      (*n)++;

  if (dir != NULL)
    closedir (dir);
  else if (code == EMFILE)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                 "Can't start a worker: all file descriptors of this process are in use, and "
                 "RLIMIT_NOFILE is %" G_GUINT64_FORMAT "; raise the limit or close some",
                 read_rlimit (RLIMIT_NOFILE));
  else if (code == ENFILE)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                         "Can't start a worker: all file descriptors of the system are in use; "
                         "raise fs.file-max or close some");

  return dir != NULL || (code != EMFILE && code != ENFILE);
}

static guint64
get_need (const Limit *limit,
          guint64      n_workers,
          guint        per_worker)
{
  return n_workers * per_worker + limit->beside;
}

/* Fails where not even a descriptor is left. */
static gboolean
read_limits (Limits  *self,
             guint    n_workers,
             GError **error)
{
  const Limit descriptors = {
    .what = "file descriptors",
    .name = "RLIMIT_NOFILE",
    .limit = read_rlimit (RLIMIT_NOFILE),
    .per_worker = DESCRIPTORS_OF_WORKER,
    .per_usual_worker = DESCRIPTORS_OF_WORKER,
    .beside = DESCRIPTORS_BESIDE,
  };
  const Limit processes = {
    .what = "processes and threads",
    .name = "RLIMIT_NPROC",
    .limit = ppool_resources_is_superuser () ? PPOOL_RESOURCES_NO_LIMIT
                                                 : read_rlimit (RLIMIT_NPROC),
    .per_worker = PROCESSES_OF_WORKER,
    .per_usual_worker = PROCESSES_OF_USUAL_WORKER,
    .beside = PROCESSES_BESIDE,
  };
  guint64 need = get_need (&processes, n_workers, PROCESSES_OF_USUAL_WORKER);

  self->descriptors = descriptors;
  if (!count_descriptors (&self->descriptors.used, error))
    return FALSE;

  self->user = processes;
  if (processes.limit != PPOOL_RESOURCES_NO_LIMIT)
    self->user.used = ppool_resources_count_processes ("/", getuid (),
                                                       processes.limit -
                                                         MIN (need, processes.limit));

  self->group = processes;
  self->file = ppool_resources_read_pids ("/", &self->group.limit, &self->group.used);
  self->group.name = self->file;

  return TRUE;
}

static gboolean
check (const Limit  *limit,
       guint         n_workers,
       GError      **error)
{
  guint64 need = get_need (limit, n_workers, limit->per_worker);

  if (limit->used + need <= limit->limit)
    return TRUE;

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
               "%u %s about %" G_GUINT64_FORMAT " more %s, but %s is %" G_GUINT64_FORMAT " and "
               "%" G_GUINT64_FORMAT " are in use; raise the limit%s",
               n_workers, n_workers == 1 ? "worker needs" : "workers need", need, limit->what,
               limit->name, limit->limit, limit->used,
               n_workers == 1 ? "" : " or lower max-workers");
  return FALSE;
}

static gboolean
check_all (const Limits  *limits,
           guint          n_workers,
           GError       **error)
{
  return check (&limits->descriptors, n_workers, error) &&
         check (&limits->user, n_workers, error) &&
         check (&limits->group, n_workers, error);
}

/* How many workers of @n_workers there is room for. */
static guint
get_room (const Limit *limit,
          guint        n_workers)
{
  guint64 used = limit->used + limit->beside;
  guint64 room = limit->limit > used ? (limit->limit - used) / limit->per_usual_worker : 0;

  return (guint) MIN (room, n_workers);
}

/* Fails if this system does not let the process have that many workers more. */
gboolean
ppool_resources_check_workers (guint    n_workers,
                               GError **error)
{
  g_autofree char *file = NULL;
  Limits limits = { 0, };

  if (!read_limits (&limits, n_workers, error))
    return FALSE;
  file = limits.file;

  return check_all (&limits, n_workers, error);
}

/* As many of @n_workers as this system lets the process have, or 0 with an error
 * if it is not even one. */
guint
ppool_resources_fit_workers (guint    n_workers,
                             GError **error)
{
  g_autofree char *file = NULL;
  Limits limits = { 0, };

  if (!read_limits (&limits, n_workers, error))
    return 0;
  file = limits.file;

  n_workers = get_room (&limits.descriptors, n_workers);
  n_workers = get_room (&limits.user, n_workers);
  n_workers = MAX (get_room (&limits.group, n_workers), 1);

  return check_all (&limits, n_workers, error) ? n_workers : 0;
}
