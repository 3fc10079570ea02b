/* ppool-launcher-plan.c: starting a worker process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-internal.h"

#include "ppool-error.h"
#include "ppool-spawned-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The descriptors of a worker, in the worker. */
#define CHANNEL_FD 3
#define PROGRAM_FD 4

/* What a start opens in this process for a moment. */
#define N_SPARE_FDS 8

struct _PPoolLaunchPlan
{
  char **argv;           /* (owned) (nullable) */
  char **env;            /* (owned) */
  char *cwd;             /* (owned) (nullable): where this process is */
  PPoolProgram *program; /* (owned) (nullable): executed instead of argv[0] */
  char *trouble;         /* (owned) (nullable): why it can't start anything */
  char *trampoline;      /* (owned): absolute */
  PPoolStderrMode stderr_mode;
  guint handshake_timeout_msec; /* 0 is no limit */
};

/* A program of the library's own: where it is installed, unless @variable of the
 * environment, which may be empty as one that is not set, names another. */
const char *
ppool_launcher_find_program (const char *variable,
                             const char *installed)
{
  const char *program = g_getenv (variable);

  return program != NULL && *program != '\0' ? program : installed;
}

/* Copies the settings, in the launcher's thread. Nobody changes the copy, so
 * that every thread may read it. */
PPoolLaunchPlan *
ppool_launcher_make_plan (PPoolLauncher *self)
{
  const char *trampoline = ppool_launcher_find_program ("PPOOL_LAUNCH_PROGRAM", PPOOL_LAUNCH_PATH);
  PPoolLaunchPlan *plan = g_atomic_rc_box_new0 (PPoolLaunchPlan);

  plan->argv = g_strdupv (self->argv);
  plan->env = g_strdupv (self->env);
  plan->cwd = g_strdup (self->cwd);
  plan->program = self->program != NULL ? ppool_program_ref (self->program) : NULL;
  plan->trouble = g_strdup (self->trouble);
  plan->stderr_mode = self->stderr_mode;
  plan->handshake_timeout_msec = self->handshake_timeout_msec;

  /* GLib takes its quick way only for a path. */
  plan->trampoline = g_canonicalize_filename (trampoline, NULL);

  return plan;
}

static void
clear (gpointer data)
{
  PPoolLaunchPlan *self = data;

  g_strfreev (self->argv);
  g_strfreev (self->env);
  g_free (self->cwd);
  g_clear_pointer (&self->program, ppool_program_unref);
  g_free (self->trouble);
  g_free (self->trampoline);
}

void
ppool_launch_plan_unref (PPoolLaunchPlan *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

PPoolStderrMode
ppool_launch_plan_get_stderr_mode (PPoolLaunchPlan *self)
{
  return self->stderr_mode;
}

/* Of one with a command. */
const char *
ppool_launch_plan_get_name (PPoolLaunchPlan *self)
{
  return self->argv[0];
}

guint
ppool_launch_plan_get_handshake_timeout_msec (PPoolLaunchPlan *self)
{
  return self->handshake_timeout_msec;
}

static gboolean
fail (PPoolLaunchPlan  *self,
      const char       *reason,
      GError          **error)
{
  g_autofree char *name = g_filename_display_name (self->argv[0]);

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
               "Can't start “%s” as a worker: %s", name, reason);
  return FALSE;
}

static gboolean
check_command (PPoolLaunchPlan  *self,
               GError          **error)
{
  const char *trouble = self->trouble;

  if (trouble == NULL && (self->argv == NULL || self->argv[0] == NULL))
    trouble = "Can't start a worker: the launcher has no command";
  else if (trouble == NULL && self->argv[0][0] == '\0')
    trouble = "Can't start a worker: the launcher's command is empty";

  if (trouble != NULL)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, trouble);

  return trouble == NULL;
}

static gboolean
check_cwd (PPoolLaunchPlan  *self,
           GError          **error)
{
  g_autofree char *name = NULL;
  g_autofree char *reason = NULL;
  struct stat st;
  int code = 0;

  if (self->cwd == NULL)
    return TRUE;

  if (stat (self->cwd, &st) != 0)
    code = errno;
  else if (!S_ISDIR (st.st_mode))
    code = ENOTDIR;
  else if (access (self->cwd, X_OK) != 0)
    code = errno;

  if (code == 0)
    return TRUE;

  name = g_filename_display_name (self->cwd);
  reason = g_strdup_printf ("its directory “%s”: %s", name, g_strerror (code));

  return fail (self, reason, error);
}

/* The trampoline would find the same, but could tell it only on standard error
 * and by its exit status; and the PATH that GSubprocessLauncher searches is the
 * parent's. */
static gboolean
find_program (PPoolLaunchPlan  *self,
              char            **path,
              GError          **error)
{
  const char *name = self->argv[0];
  g_autofree char *found = NULL;
  g_autofree char *seen = NULL;

  if (self->program != NULL)
    {
      *path = g_strdup (self->program->path);
      return TRUE;
    }

  if (strchr (name, G_DIR_SEPARATOR) == NULL)
    found = g_find_program_in_path (name);
  else
    found = g_strdup (name);

  if (found == NULL)
    return fail (self, "there is no such program in the PATH", error);

  /* The worker goes to its directory first. */
  if (self->cwd != NULL && !g_path_is_absolute (found))
    seen = g_build_filename (self->cwd, found, NULL);
  else
    seen = g_strdup (found);

  if (g_file_test (seen, G_FILE_TEST_IS_DIR))
    return fail (self, g_strerror (EISDIR), error);
  if (access (seen, X_OK) != 0)
    return fail (self, g_strerror (errno), error);

  *path = g_steal_pointer (&found);

  return TRUE;
}

/* GLib aborts, rather than fails, if it runs out of descriptors while it
 * starts a process. */
static int
check_descriptors (void)
{
  int spare[N_SPARE_FDS];
  int code = 0;
  int n = 0;

  while (n < N_SPARE_FDS && code == 0)
    {
      spare[n] = open ("/dev/null", O_RDWR | O_CLOEXEC);
      if (spare[n] >= 0)
        n++;
      else
        code = errno;
    }

  while (n > 0)
    close (spare[--n]);

  return code;
}

/* With posix_spawn(), GLib closes the descriptor that became standard error
 * under its old number last, when that number may already be a worker's. */
static gboolean
take_stderr_fd (GSubprocessLauncher *launcher,
                int                  fd)
{
  int high;

  if (fd > PROGRAM_FD)
    {
      g_subprocess_launcher_take_stderr_fd (launcher, fd);
      return TRUE;
    }

  high = fcntl (fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
  close (fd);
  if (high >= 0)
    g_subprocess_launcher_take_stderr_fd (launcher, high);

  return high >= 0;
}

/* Gives the launcher all that the worker inherits, and tells what went wrong
 * as a code of errno. */
static int
hand_over (PPoolLaunchPlan     *self,
           GSubprocessLauncher *launcher,
           int                  channel_fd,
           int                  stderr_fd)
{
  g_autofree char *inode = NULL;
  struct stat st = { 0 };
  int program_fd;
  int code = 0;

  if (fstat (channel_fd, &st) != 0)
    code = errno;
  inode = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) st.st_ino);

  g_subprocess_launcher_set_environ (launcher, self->env);
  g_subprocess_launcher_setenv (launcher, PPOOL_ENV_WORKER_FD, G_STRINGIFY (CHANNEL_FD), TRUE);
  g_subprocess_launcher_setenv (launcher, PPOOL_ENV_WORKER_SOCKET, inode, TRUE);

  g_subprocess_launcher_take_fd (launcher, channel_fd, CHANNEL_FD);
  if (stderr_fd >= 0 && !take_stderr_fd (launcher, stderr_fd))
    code = errno;

  if (self->program != NULL)
    {
      program_fd = fcntl (self->program->fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
      if (program_fd >= 0)
        g_subprocess_launcher_take_fd (launcher, program_fd, PROGRAM_FD);
      else
        code = errno;
    }

  return code;
}

static void
add_argv (GPtrArray          *command,
          const char * const *argv)
{
  for (; *argv != NULL; argv++)
    g_ptr_array_add (command, g_strdup (*argv));
  g_ptr_array_add (command, NULL);
}

static GSubprocess *
spawn_through (PPoolLaunchPlan      *self,
               GSubprocessLauncher  *launcher,
               const char           *program,
               GError              **error)
{
  g_autoptr (GPtrArray) command = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (command, g_strdup (self->trampoline));
  g_ptr_array_add (command, g_strdup ("--library=" PPOOL_VERSION_TEXT));
  g_ptr_array_add (command, g_strdup_printf ("--parent=%d", (int) getpid ()));
  g_ptr_array_add (command, g_strdup ("--keep=" G_STRINGIFY (CHANNEL_FD)));
  if (self->program != NULL)
    g_ptr_array_add (command, g_strdup ("--exec-fd=" G_STRINGIFY (PROGRAM_FD)));
  if (program != NULL)
    g_ptr_array_add (command, g_strconcat ("--program=", program, NULL));
  if (self->cwd != NULL)
    g_ptr_array_add (command, g_strconcat ("--chdir=", self->cwd, NULL));
  g_ptr_array_add (command, g_strdup ("--"));
  add_argv (command, (const char * const *) self->argv);

  return g_subprocess_launcher_spawnv (launcher, (const char * const *) command->pdata, error);
}

/* This process may have closed some, and what the worker opens first must not become
 * its standard output. */
static void
fill_standard_descriptors (void)
{
  int fd, flags, null;

  for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    {
      flags = fcntl (fd, F_GETFD);
      if (flags != -1 && (flags & FD_CLOEXEC) == 0)
        continue;

      null = open ("/dev/null", O_RDWR);
      if (null > fd)
        {
          dup2 (null, fd);
          close (null);
        }
    }
}

/* Runs between fork() and exec(). An ignored signal stays ignored across exec, and
 * a handler of this program's must not run in the copy. */
static void
child_setup (gpointer user_data)
{
  static const int of_terminal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };
  struct sigaction action = { .sa_handler = SIG_IGN };
  sigset_t none;

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != GPOINTER_TO_INT (user_data))
    _exit (126);

  /* What the terminal sent before is blocked still, and forgotten when it is ignored. */
  setsid ();
  for (gsize i = 0; i < G_N_ELEMENTS (of_terminal); i++)
    sigaction (of_terminal[i], &action, NULL);

  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; number++)
    sigaction (number, &action, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);

  fill_standard_descriptors ();
}

/* Where the trampoline is missing: GLib forks then, which takes the longer the
 * more memory this process has. */
static GSubprocess *
spawn_directly (PPoolLaunchPlan      *self,
                GSubprocessLauncher  *launcher,
                const char           *program,
                GError              **error)
{
  g_autoptr (GPtrArray) command = g_ptr_array_new_with_free_func (g_free);

  if (self->program != NULL && !ppool_program_is_there (self->program))
    program = "/proc/self/fd/" G_STRINGIFY (PROGRAM_FD);

  g_subprocess_launcher_set_flags (launcher, G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_set_child_setup (launcher, child_setup, GINT_TO_POINTER (getpid ()), NULL);
  if (self->cwd != NULL)
    g_subprocess_launcher_set_cwd (launcher, self->cwd);

  g_ptr_array_add (command, g_strdup (program));
  add_argv (command, (const char * const *) self->argv + 1);

  return g_subprocess_launcher_spawnv (launcher, (const char * const *) command->pdata, error);
}

static GSubprocess *
spawn (PPoolLaunchPlan      *self,
       GSubprocessLauncher  *launcher,
       const char           *program,
       GError              **error)
{
  g_autoptr (GError) local_error = NULL;
  GSubprocess *subprocess;

  if (access (self->trampoline, X_OK) == 0)
    {
      subprocess = spawn_through (self, launcher, program, &local_error);
    }
  else
    {
      g_debug ("%s: %s; workers are started without it", self->trampoline, g_strerror (errno));
      subprocess = spawn_directly (self, launcher, program, &local_error);
    }

  if (subprocess == NULL)
    fail (self, local_error->message, error);

  return subprocess;
}

/* Starts a worker that has @channel_fd and, unless it is -1, @stderr_fd as its
 * standard error. Both are consumed, also on failure.
 *
 * The worker is killed when the calling thread ends. */
GSubprocess *
ppool_launch_plan_spawn (PPoolLaunchPlan  *self,
                         int               channel_fd,
                         int               stderr_fd,
                         GError          **error)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autofree char *program = NULL;
  int code;

  g_assert (channel_fd >= 0);

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_INHERIT_FDS);
  code = hand_over (self, launcher, channel_fd, stderr_fd);

  if (!check_command (self, error) ||
      !check_cwd (self, error) ||
      !find_program (self, &program, error))
    return NULL;

  if (code == 0)
    code = check_descriptors ();
  if (code != 0)
    {
      fail (self, g_strerror (code), error);
      return NULL;
    }

  return spawn (self, launcher, program, error);
}
