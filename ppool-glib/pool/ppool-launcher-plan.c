/* ppool-launcher-plan.c: starting a worker process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-internal.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "ppool-spare-private.h"
#include "ppool-spawned-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a start opens in this process for a moment, and GLib aborts without. */
#define N_SPARE_FDS 8

struct _PPoolLaunchPlan
{
  char **argv;           /* (owned) (nullable) */
  char **env;            /* (owned) */
  char *cwd;             /* (owned) (nullable): where this process is */
  PPoolProgram *program; /* (owned) (nullable): executed instead of argv[0] */
  char *trouble;         /* (owned) (nullable): why it can't start anything */
  char *trampoline;      /* (owned): absolute */
  GArray *inherited;     /* (owned) (element-type int): descriptors of the caller's */
  PPoolStderrMode stderr_mode;
  guint handshake_timeout_msec; /* 0 is no limit */
};

/* A program of the library's own: where it is installed, unless @variable of the
 * environment has the path of another. Nothing is looked for in the directory that
 * this process happens to be in, and in a process with more privileges than who
 * started it, the environment has no say. */
const char *
ppool_launcher_find_program (const char *variable,
                             const char *installed)
{
  const char *program = secure_getenv (variable);

  return program != NULL && g_path_is_absolute (program) ? program : installed;
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
  plan->inherited = g_array_copy (self->inherited);
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
  g_array_unref (self->inherited);
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

/* Unlike g_find_program_in_path() this never finds what is in the directory of this
 * process, which an entry that is empty or relative stands for. */
static char *
search_path (const char *name)
{
  const char *path = g_getenv ("PATH");
  g_auto (GStrv) directories = g_strsplit (path != NULL ? path : "/bin:/usr/bin", ":", -1);

  for (gsize i = 0; directories[i] != NULL; i++)
    {
      g_autofree char *file = g_build_filename (directories[i], name, NULL);

      if (g_path_is_absolute (file) && g_file_test (file, G_FILE_TEST_IS_EXECUTABLE) &&
          !g_file_test (file, G_FILE_TEST_IS_DIR))
        return g_steal_pointer (&file);
    }

  return NULL;
}

/* The trampoline would find the same, but could tell it only on standard error
 * and by its exit status; and the PATH that GLib searches is the parent's. */
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
    found = search_path (name);
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

/* What the worker inherits. */
typedef struct
{
  char **env;      /* (owned) */
  GArray *sources; /* (owned) (element-type int): closed with this … */
  GArray *targets; /* (owned) (element-type int): … and what they are in the worker */
  int stderr_fd;   /* (owned); -1 for this process's */
} Estate;

static void
clear_estate (Estate *self)
{
  g_strfreev (self->env);
  for (guint i = 0; i < self->sources->len; i++)
    close (g_array_index (self->sources, int, i));
  g_array_unref (self->sources);
  g_array_unref (self->targets);
  if (self->stderr_fd >= 0)
    close (self->stderr_fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Estate, clear_estate)

static void
add_fd (Estate *self,
        int     source,
        int     target)
{
  g_array_append_val (self->sources, source);
  g_array_append_val (self->targets, target);
}

/* The first number that no descriptor has in a worker. */
static int
get_first_free_fd (PPoolLaunchPlan *self)
{
  return PPOOL_LAUNCHER_FIRST_FD + (int) self->inherited->len;
}

/* With posix_spawn(), GLib closes the descriptor that became standard error
 * under its old number last, when that number may already be a worker's. */
static gboolean
move_stderr_fd (PPoolLaunchPlan *self,
                Estate          *estate)
{
  int low = estate->stderr_fd;

  if (low < 0 || low >= get_first_free_fd (self))
    return TRUE;

  estate->stderr_fd = fcntl (low, F_DUPFD_CLOEXEC, get_first_free_fd (self));
  close (low);

  return estate->stderr_fd >= 0;
}

/* Has the worker have what stays ours as @target, and tells what went wrong as a code
 * of errno. */
static int
hand_over_copy (PPoolLaunchPlan *self,
                Estate          *estate,
                int              fd,
                int              target)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, get_first_free_fd (self));

  if (copy < 0)
    return errno;

  add_fd (estate, copy, target);

  return 0;
}

/* Collects all that the worker inherits, and tells what went wrong as a code of
 * errno. */
static int
hand_over (PPoolLaunchPlan *self,
           int              channel_fd,
           int              stderr_fd,
           Estate          *estate)
{
  g_autofree char *inode = NULL;
  struct stat st = { 0 };
  int code = 0;

  *estate = (Estate){
    .env = g_strdupv (self->env),
    .sources = g_array_new (FALSE, FALSE, sizeof (int)),
    .targets = g_array_new (FALSE, FALSE, sizeof (int)),
    .stderr_fd = stderr_fd,
  };
  add_fd (estate, channel_fd, PPOOL_LAUNCHER_CHANNEL_FD);
  if (fstat (channel_fd, &st) != 0)
    code = errno;
  inode = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) st.st_ino);

  estate->env = g_environ_setenv (estate->env, PPOOL_ENV_WORKER_FD,
                                  G_STRINGIFY (PPOOL_LAUNCHER_CHANNEL_FD), TRUE);
  estate->env = g_environ_setenv (estate->env, PPOOL_ENV_WORKER_SOCKET, inode, TRUE);

  if (!move_stderr_fd (self, estate))
    code = errno;

  if (code == 0 && self->program != NULL)
    code = hand_over_copy (self, estate, self->program->fd, PPOOL_LAUNCHER_PROGRAM_FD);

  for (guint i = 0; i < self->inherited->len && code == 0; i++)
    code = hand_over_copy (self, estate, g_array_index (self->inherited, int, i),
                           PPOOL_LAUNCHER_FIRST_FD + (int) i);

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

/* Returns 0 on failure. */
static GPid
execute (const Estate          *estate,
         GPtrArray             *command,
         const char            *cwd,
         GSpawnFlags            flags,
         GSpawnChildSetupFunc   setup,
         GError               **error)
{
  GPid pid = 0;

  if (!g_spawn_async_with_pipes_and_fds (cwd, (const char * const *) command->pdata,
                                         (const char * const *) estate->env,
                                         flags | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                                         setup, GINT_TO_POINTER (getpid ()),
                                         -1, -1, estate->stderr_fd,
                                         (const int *) (gpointer) estate->sources->data,
                                         (const int *) (gpointer) estate->targets->data,
                                         estate->sources->len,
                                         &pid, NULL, NULL, NULL, error))
    return 0;

  return pid;
}

static GPid
spawn_through (PPoolLaunchPlan  *self,
               const Estate     *estate,
               const char       *program,
               GError          **error)
{
  g_autoptr (GPtrArray) command = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (command, g_strdup (self->trampoline));
  g_ptr_array_add (command, g_strdup ("--library=" PPOOL_VERSION_TEXT));
  g_ptr_array_add (command, g_strdup_printf ("--parent=%d", (int) getpid ()));
  g_ptr_array_add (command, g_strdup ("--keep=" G_STRINGIFY (PPOOL_LAUNCHER_CHANNEL_FD)));
  if (self->program != NULL)
    g_ptr_array_add (command, g_strdup ("--exec-fd=" G_STRINGIFY (PPOOL_LAUNCHER_PROGRAM_FD)));
  for (int fd = PPOOL_LAUNCHER_FIRST_FD; fd < get_first_free_fd (self); fd++)
    g_ptr_array_add (command, g_strdup_printf ("--keep=%d", fd));
  if (program != NULL)
    g_ptr_array_add (command, g_strconcat ("--program=", program, NULL));
  if (self->cwd != NULL)
    g_ptr_array_add (command, g_strconcat ("--chdir=", self->cwd, NULL));
  g_ptr_array_add (command, g_strdup ("--"));
  add_argv (command, (const char * const *) self->argv);

  /* The trampoline closes what isn't to be inherited, so that GLib has no need to
   * fork for that. */
  return execute (estate, command, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, error);
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
static GPid
spawn_directly (PPoolLaunchPlan  *self,
                const Estate     *estate,
                const char       *program,
                GError          **error)
{
  g_autoptr (GPtrArray) command = g_ptr_array_new_with_free_func (g_free);

  if (self->program != NULL && !ppool_program_is_there (self->program))
    program = "/proc/self/fd/" G_STRINGIFY (PPOOL_LAUNCHER_PROGRAM_FD);

  g_ptr_array_add (command, g_strdup (program));
  add_argv (command, (const char * const *) self->argv + 1);

  return execute (estate, command, self->cwd, G_SPAWN_DEFAULT, child_setup, error);
}

static GPid
spawn (PPoolLaunchPlan  *self,
       const Estate     *estate,
       const char       *program,
       GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolFdStandard standard;
  GPid pid;

  /* GLib can't bear that the pipe in which it is told of a failed start is one of them. */
  if (!ppool_fd_occupy_standard (&standard))
    {
      fail (self, g_strerror (errno), error);
      return 0;
    }

  if (access (self->trampoline, X_OK) == 0)
    {
      pid = spawn_through (self, estate, program, &local_error);
    }
  else
    {
      g_debug ("%s: %s; workers are started without it", self->trampoline, g_strerror (errno));
      pid = spawn_directly (self, estate, program, &local_error);
    }
  ppool_fd_release_standard (&standard);

  if (pid == 0)
    fail (self, local_error->message, error);

  return pid;
}

/* Starts a worker that has @channel_fd and, unless it is -1, @stderr_fd as its
 * standard error. Both are consumed, also on failure, for which 0 is returned. The
 * caller has to reap the worker.
 *
 * The worker is killed when the calling thread ends. */
GPid
ppool_launch_plan_spawn (PPoolLaunchPlan  *self,
                         int               channel_fd,
                         int               stderr_fd,
                         GError          **error)
{
  g_auto (Estate) estate = { 0 };
  g_autofree char *program = NULL;
  int code;

  g_assert (channel_fd >= 0);

  code = hand_over (self, channel_fd, stderr_fd, &estate);

  if (!check_command (self, error) ||
      !check_cwd (self, error) ||
      !find_program (self, &program, error))
    return 0;

  if (code == 0)
    code = ppool_spare_check_descriptors (N_SPARE_FDS);
  if (code != 0)
    {
      fail (self, g_strerror (code), error);
      return 0;
    }

  return spawn (self, &estate, program, error);
}
