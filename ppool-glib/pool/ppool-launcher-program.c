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
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* The arguments as they were when the library was loaded: what a parser of options
 * makes of main()'s does not change them, but a program that changes its title writes
 * over them. */
static struct
{
  char *text; /* (owned) (nullable): each argument ends with a zero */
  gsize length;
  int n; /* how many there were when the program began; -1 if not known */
} arguments = { NULL, 0, -1 };

/* glibc tells constructors what it tells main(), also those of a library that is
 * loaded later. */
__attribute__ ((constructor)) static void
keep_arguments (int    argc,
                char **argv)
{
#ifdef __GLIBC__
  arguments.n = argc;
#endif
  g_file_get_contents ("/proc/self/cmdline", &arguments.text, &arguments.length, NULL);
}

static const char *
get_base (const char *path)
{
  const char *slash = strrchr (path, G_DIR_SEPARATOR);

  return slash != NULL ? slash + 1 : path;
}

/* A new title that was there already is followed by zeros, each of which looks like
 * an argument. If there are as many as there were arguments, it is still no name of
 * the program, which the kernel has in another place, too. */
static gboolean
is_title (GPtrArray *argv)
{
  const char *path = (const char *) getauxval (AT_EXECFN);

  if (arguments.n >= 0 && argv->len != (guint) arguments.n)
    return TRUE;

  for (guint i = 1; i < argv->len; i++)
    if (*(const char *) argv->pdata[i] != '\0')
      return FALSE;

  return argv->len > 1 && path != NULL &&
         !g_str_equal (get_base (argv->pdata[0]), get_base (path));
}

static char **
read_argv (GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  const char *end = arguments.text + arguments.length;
  const char *argument, *trouble = NULL;

  for (argument = arguments.text; argument < end; argument += strlen (argument) + 1)
    g_ptr_array_add (argv, g_strdup (argument));

  if (arguments.text == NULL)
    trouble = "/proc/self/cmdline can't be read";
  else if (argv->len == 0)
    trouble = "it was started without any";
  else if (is_title (argv))
    trouble = "its title was changed before PPool-GLib was loaded; use a launcher with a command";

  if (trouble != NULL)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                   "The arguments of this program are not known: %s", trouble);
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
