/* scratch.c: a place for files that is gone when the test is, however it ends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A test program makes one directory, in which it and all that it starts have
 * their temporary files. A program that ends well has removed what it made. For
 * one that doesn't, a shell waits at the other end of a pipe until nobody has the
 * first end any more, and removes the rest. It is not a child of the test, which
 * looks for children that are left. */

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define ENV_SCRATCH "PPOOL_TEST_SCRATCH"

static char *dir; /* (owned): for good */
static int owner; /* process */

const char *
scratch_get (void)
{
  return dir;
}

static void
list (GString    *report,
      const char *path)
{
  g_autoptr (GDir) children = g_dir_open (path, 0, NULL);
  const char *name;

  while (children != NULL && (name = g_dir_read_name (children)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      g_string_append_printf (report, " %s", child);
      list (report, child);
    }
}

/* For the end of a test. */
void
scratch_assert_empty (void)
{
  g_autoptr (GString) report = g_string_new (NULL);

  list (report, dir);
  if (report->len > 0)
    g_error ("Files are left:%s", report->str);
}

static G_NORETURN void
wait_and_remove (int         fd,
                 const char *path)
{
  int null = open ("/dev/null", O_RDWR);

  /* Not the standard descriptors of the test, whose end somebody waits for. */
  if (null < 0 || dup2 (fd, 0) < 0 || dup2 (null, 1) < 0 || dup2 (null, 2) < 0)
    _exit (EXIT_FAILURE);

  setsid ();
  execl ("/bin/sh", "sh", "-c", "read -r nothing; rm -rf -- \"$0\"", path, NULL);
  _exit (EXIT_FAILURE);
}

static void
start_remover (const char *path)
{
  int fds[2];
  int pid;

  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      if (fork () == 0)
        wait_and_remove (fds[0], path);
      _exit (EXIT_SUCCESS);
    }

  while (waitpid (pid, NULL, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  close (fds[0]);
}

/* What is left in it is the remover's. */
static void
remove_empty (void)
{
  if (getpid () == owner)
    g_rmdir (dir);
}

/* For the beginning of a program, when it has no threads yet and GLib has not been
 * asked for the directory. A program that is started by a test has its own inside
 * of that test's. */
void
scratch_init (void)
{
  const char *tmp_dir = g_getenv ("TMPDIR") != NULL ? g_getenv ("TMPDIR") : "/tmp";
  gboolean is_inside = g_strcmp0 (g_getenv (ENV_SCRATCH), tmp_dir) == 0;

  dir = g_mkdtemp (g_build_filename (tmp_dir, "ppool-XXXXXX", NULL));
  g_assert_nonnull (dir);
  if (!is_inside)
    start_remover (dir);

  owner = getpid ();
  atexit (remove_empty);
  g_setenv ("TMPDIR", dir, TRUE);
  g_setenv (ENV_SCRATCH, dir, TRUE);
}
