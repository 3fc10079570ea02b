/* ppool-launch.c: what every worker process runs first
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A pool starts its workers with posix_spawn(), which is quick however large
 * the parent is, but hands on every descriptor that is not close-on-exec, the
 * signal mask, and what signals do. This program, small and on libc alone,
 * gives the worker a clean start and a session of its own, ties its life to
 * the parent's, and then becomes the worker. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_KEPT 1024

/* What a shell says of a program that it can't execute. */
#define STATUS_USAGE     2
#define STATUS_FAILED    126
#define STATUS_NOT_FOUND 127

typedef struct
{
  int kept[MAX_KEPT]; /* sorted, without the standard ones */
  int n_kept;
  int exec_fd;         /* -1 without */
  const char *program; /* NULL: argv[0], searched for as a shell does */
  const char *directory;
  const char *library; /* version of the one that runs this; NULL: not said */
  pid_t parent;
  char **argv;
} Settings;

static _Noreturn void __attribute__ ((format (printf, 2, 3)))
fail (int         status,
      const char *format,
      ...)
{
  char text[PATH_MAX + 256];
  va_list args;

  va_start (args, format);
  (void) vsnprintf (text, sizeof text, format, args);
  va_end (args);

  /* In one piece, since workers share their standard error. */
  (void) dprintf (STDERR_FILENO, "ppool-launch: %s\n", text);
  _exit (status);
}

static int
parse_number (const char *option,
              const char *text)
{
  char *end = NULL;
  long number;

  errno = 0;
  number = strtol (text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > INT_MAX)
    fail (STATUS_USAGE, "'%s' is no number for %s", text, option);

  return (int) number;
}

static void
keep (Settings *self,
      int       fd)
{
  int i;

  if (fcntl (fd, F_GETFD) == -1)
    fail (STATUS_FAILED, "descriptor %d: %s", fd, strerror (errno));
  if (fd <= STDERR_FILENO)
    return;
  if (self->n_kept == MAX_KEPT)
    fail (STATUS_USAGE, "more than %d descriptors to keep", MAX_KEPT);

  for (i = self->n_kept; i > 0 && self->kept[i - 1] > fd; i--)
    self->kept[i] = self->kept[i - 1];
  self->kept[i] = fd;
  self->n_kept++;
}

/* The value of @option if @argument is that option, else NULL. */
static const char *
value_of (const char *argument,
          const char *option)
{
  size_t length = strlen (option);

  return strncmp (argument, option, length) == 0 ? argument + length : NULL;
}

/* A program that runs on while everything is updated finds another version of this. */
static _Noreturn void
fail_unknown (const Settings *self,
              const char     *argument)
{
  if (self->library == NULL || strcmp (self->library, PPOOL_VERSION_TEXT) == 0)
    fail (STATUS_USAGE, "unknown option '%s'", argument);

  fail (STATUS_USAGE, "unknown option '%s': this is of PPool-GLib %s, and the program that starts "
        "workers with it uses %s; start that program again after an update", argument,
        PPOOL_VERSION_TEXT, self->library);
}

static void
parse_option (Settings   *self,
              const char *argument)
{
  const char *value;

  if ((value = value_of (argument, "--parent=")) != NULL)
    self->parent = parse_number ("--parent", value);
  else if ((value = value_of (argument, "--keep=")) != NULL)
    keep (self, parse_number ("--keep", value));
  else if ((value = value_of (argument, "--exec-fd=")) != NULL)
    self->exec_fd = parse_number ("--exec-fd", value);
  else if ((value = value_of (argument, "--program=")) != NULL)
    self->program = value;
  else if ((value = value_of (argument, "--chdir=")) != NULL)
    self->directory = value;
  else if ((value = value_of (argument, "--library=")) != NULL)
    self->library = value;
  else
    fail_unknown (self, argument);
}

static void
parse (Settings  *self,
       char     **argv)
{
  int i;

  for (i = 1; argv[i] != NULL && strcmp (argv[i], "--") != 0; i++)
    parse_option (self, argv[i]);

  if (argv[i] == NULL || argv[i + 1] == NULL || self->parent == 0)
    fail (STATUS_USAGE, "programs that use PPool-GLib run this to start their workers; "
                        "it is not meant to be run by hand");

  if (self->exec_fd >= 0)
    keep (self, self->exec_fd);
  self->argv = &argv[i + 1];
}

/* An ignored signal stays ignored across exec, and a blocked one blocked: the
 * thread that starts workers blocks all. */
static void
reset_signals (void)
{
  static const int of_terminal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };
  struct sigaction action = { .sa_handler = SIG_IGN };
  sigset_t none;
  int number, i;

  /* What the terminal sent before the process had a session of its own is blocked still,
   * and to ignore it is to forget it. */
  for (i = 0; i < (int) (sizeof of_terminal / sizeof *of_terminal); i++)
    (void) sigaction (of_terminal[i], &action, NULL);

  action.sa_handler = SIG_DFL;
  for (number = 1; number < NSIG; number++)
    (void) sigaction (number, &action, NULL);

  sigemptyset (&none);
  (void) sigprocmask (SIG_SETMASK, &none, NULL);
}

/* The watchdog of a worker sees the parent's end of the channel close. This
 * serves workers that have none, and parents that were forked, where the copy
 * keeps that end open. */
static void
tie_to_parent (pid_t parent)
{
  pid_t now;

  (void) prctl (PR_SET_PDEATHSIG, SIGKILL);

  /* It may have died before the line above. 0 is a parent outside of this
   * process's namespace, of which nothing can be said. */
  now = getppid ();
  if (now != parent && now != 0)
    _exit (STATUS_FAILED);
}

/* A parent may have closed its standard descriptors; what the worker opens
 * first must not become its standard output. */
static void
fill_standard_descriptors (void)
{
  int fd;

  for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) == -1)
      (void) open ("/dev/null", O_RDWR);
}

static int
close_range_between (int first,
                     int last)
{
#ifdef SYS_close_range
  if (first > last)
    return 0;
  return (int) syscall (SYS_close_range, (unsigned int) first, (unsigned int) last, 0);
#else
  errno = ENOSYS;
  return -1;
#endif
}

static int
is_kept (const Settings *self,
         int             fd)
{
  int i;

  for (i = 0; i < self->n_kept; i++)
    if (self->kept[i] == fd)
      return 1;

  return fd <= STDERR_FILENO;
}

/* For kernels before 5.9 and for sandboxes that don't know the call. */
static void
close_one_by_one (const Settings *self)
{
  DIR *directory = opendir ("/proc/self/fd");
  struct dirent *entry;
  int fd;

  if (directory == NULL)
    fail (STATUS_FAILED, "cannot read '/proc/self/fd': %s", strerror (errno));

  while ((entry = readdir (directory)) != NULL)
    {
      fd = atoi (entry->d_name);
      if (!is_kept (self, fd) && fd != dirfd (directory))
        (void) close (fd);
    }

  (void) closedir (directory);
}

static void
close_others (const Settings *self)
{
  int first = STDERR_FILENO + 1;
  int i;

  for (i = 0; i < self->n_kept; i++)
    {
      if (close_range_between (first, self->kept[i] - 1) != 0)
        break;
      first = self->kept[i] + 1;
    }

  if (i < self->n_kept || close_range_between (first, INT_MAX) != 0)
    close_one_by_one (self);
}

static int
is_program_at (int         fd,
               const char *path)
{
  struct stat by_fd, by_path;

  return path != NULL &&
         fstat (fd, &by_fd) == 0 && stat (path, &by_path) == 0 &&
         by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

static _Noreturn void
become_worker (const Settings *self)
{
  const char *program = self->program != NULL ? self->program : self->argv[0];
  int code;

  /* What is executed by descriptor is called after its number in the list of
   * processes, so that is for a program which was replaced or removed. */
  if (self->exec_fd >= 0 && !is_program_at (self->exec_fd, self->program))
    {
      (void) fcntl (self->exec_fd, F_SETFD, FD_CLOEXEC);
      fexecve (self->exec_fd, self->argv, environ);
    }
  else
    {
      if (self->exec_fd >= 0)
        (void) close (self->exec_fd);
      execvp (program, self->argv);
    }

  code = errno;
  fail (code == ENOENT || code == ENOTDIR ? STATUS_NOT_FOUND : STATUS_FAILED,
        "cannot execute '%s': %s", program, strerror (code));
}

int
main (int    argc,
      char **argv)
{
  Settings settings = { .exec_fd = -1 };

  (void) argc;

  parse (&settings, argv);
  tie_to_parent (settings.parent);

  (void) setsid ();
  reset_signals ();
  fill_standard_descriptors ();
  close_others (&settings);

  if (settings.directory != NULL && chdir (settings.directory) != 0)
    fail (STATUS_FAILED, "cannot enter '%s': %s", settings.directory, strerror (errno));

  become_worker (&settings);
}
