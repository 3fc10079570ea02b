/* ppool-launcher-program.c: the program that this process runs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-internal.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel's copy has the arguments as they were given, whatever a parser of
 * options has made of main()'s. */
static char **
read_argv (GError **error)
{
  g_autoptr (GPtrArray) argv = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) local_error = NULL;
  const char *argument;
  gsize length = 0;

  if (!g_file_get_contents ("/proc/self/cmdline", &text, &length, &local_error))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                   "The arguments of this program are not known: %s", local_error->message);
      return NULL;
    }

  argv = g_ptr_array_new_with_free_func (g_free);
  for (argument = text; argument < text + length; argument += strlen (argument) + 1)
    g_ptr_array_add (argv, g_strdup (argument));

  if (argv->len == 0)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                           "The arguments of this program are not known: it was started without any");
      return NULL;
    }

  g_ptr_array_add (argv, NULL);

  return (char **) g_ptr_array_free (g_steal_pointer (&argv), FALSE);
}

/* Under valgrind, /proc/self/exe can be read as a link but opens valgrind. After
 * an upgrade has replaced the program, it opens the one that still runs, but
 * the link names a file that is gone. */
static int
open_executable (char   **path,
                 GError **error)
{
  g_autofree char *target = g_file_read_link ("/proc/self/exe", NULL);
  int code, fd = -1;

  if (target != NULL && !g_str_has_suffix (target, " (deleted)"))
    fd = ppool_fd_lift (open (target, O_PATH | O_CLOEXEC));

  if (fd >= 0)
    {
      *path = g_steal_pointer (&target);
      return fd;
    }

  fd = ppool_fd_lift (open ("/proc/self/exe", O_PATH | O_CLOEXEC));
  code = errno;
  if (fd < 0)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                 "The executable of this program can't be opened: %s", g_strerror (code));

  return fd;
}

PPoolProgram *
ppool_program_new_self (GError **error)
{
  g_auto (GStrv) argv = NULL;
  g_autofree char *path = NULL;
  PPoolProgram *self;
  int fd;

  argv = read_argv (error);
  if (argv == NULL)
    return NULL;

  fd = open_executable (&path, error);
  if (fd < 0)
    return NULL;

  self = g_atomic_rc_box_new0 (PPoolProgram);
  self->argv = g_steal_pointer (&argv);
  self->path = g_steal_pointer (&path);
  self->fd = fd;

  return self;
}

PPoolProgram *
ppool_program_ref (PPoolProgram *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  PPoolProgram *self = data;

  g_strfreev (self->argv);
  g_free (self->path);
  close (self->fd);
}

void
ppool_program_unref (PPoolProgram *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

/* Whether the path still leads to the executable. */
gboolean
ppool_program_is_there (PPoolProgram *self)
{
  struct stat by_fd, by_path;

  return self->path != NULL &&
         fstat (self->fd, &by_fd) == 0 && stat (self->path, &by_path) == 0 &&
         by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}
