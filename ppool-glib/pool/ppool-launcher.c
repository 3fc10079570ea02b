/* ppool-launcher.c: how workers are started
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-internal.h"

#include "ppool-enum-types.h"

#define DEFAULT_HANDSHAKE_TIMEOUT_MSEC 30000

#define WRITABLE (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY)

/**
 * PPoolLauncher:
 *
 * Describes how the workers of an executor are started: their program,
 * arguments, environment, directory and standard error.
 *
 * There are three kinds of launchers:
 *
 * - [ctor@PPool.Launcher.new] takes a command. The program uses
 *   [class@PPool.Worker], or implements the worker protocol itself.
 * - [ctor@PPool.Launcher.new_self] starts this program again. The program calls
 *   [func@PPool.Worker.is_spawned] to find out whether it is a worker.
 * - [ctor@PPool.Launcher.new_module] loads a module of functions into the
 *   installed program `ppool-worker`.
 *
 * ```c
 * g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
 * g_autoptr (PPoolExecutor) executor = NULL;
 *
 * ppool_launcher_setenv (launcher, "LC_ALL", "C.UTF-8", TRUE);
 * executor = ppool_executor_new (launcher);
 * ```
 *
 * Creating a launcher never fails. If the program can't be started, the first
 * call fails with `PPOOL_ERROR_BROKEN`, and its message contains the cause,
 * `PPOOL_ERROR_LAUNCH`.
 *
 * Workers are fresh processes. They start with an empty signal mask, default
 * dispositions and a session of their own, so that Ctrl-C at a terminal reaches
 * only the parent; their standard input is `/dev/null`, their standard output
 * is that of the parent, and they inherit no other file descriptors than those of
 * [method@PPool.Launcher.inherit_fd].
 *
 * Workers are started through the installed program `ppool-launch`. If that is
 * missing, they are started without it, which takes longer the more memory this
 * process uses. To use a build that is not installed, set
 * `PPOOL_LAUNCH_PROGRAM` and `PPOOL_WORKER_PROGRAM` in the environment to the
 * absolute paths of `ppool-launch` and `ppool-worker`.
 *
 * This class is final.
 *
 * **Threads**: a launcher belongs to one thread at a time. Configure it before
 * the first submit: an executor copies the settings when the first call is
 * submitted, and later changes have no effect on it. Several executors may share
 * a launcher.
 *
 * Since: 1.0
 */

typedef enum
{
  PROP_ARGV = 1,
  PROP_CWD,
  PROP_STDERR_MODE,
  PROP_HANDSHAKE_TIMEOUT_MSEC,
} PPoolLauncherProperty;

static GParamSpec *props[PROP_HANDSHAKE_TIMEOUT_MSEC + 1];

G_DEFINE_FINAL_TYPE (PPoolLauncher, ppool_launcher, G_TYPE_OBJECT)

static void
ppool_launcher_finalize (GObject *object)
{
  PPoolLauncher *self = PPOOL_LAUNCHER (object);

  g_strfreev (self->argv);
  g_strfreev (self->env);
  g_free (self->cwd);
  g_clear_pointer (&self->program, ppool_program_unref);
  g_free (self->trouble);
  g_array_unref (self->inherited);

  G_OBJECT_CLASS (ppool_launcher_parent_class)->finalize (object);
}

static void
ppool_launcher_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  PPoolLauncher *self = PPOOL_LAUNCHER (object);

  switch ((PPoolLauncherProperty) prop_id)
    {
    case PROP_ARGV:
      g_value_set_boxed (value, ppool_launcher_get_argv (self));
      break;

    case PROP_CWD:
      g_value_set_string (value, ppool_launcher_get_cwd (self));
      break;

    case PROP_STDERR_MODE:
      g_value_set_enum (value, ppool_launcher_get_stderr_mode (self));
      break;

    case PROP_HANDSHAKE_TIMEOUT_MSEC:
      g_value_set_uint (value, ppool_launcher_get_handshake_timeout_msec (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
ppool_launcher_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  PPoolLauncher *self = PPOOL_LAUNCHER (object);

  switch ((PPoolLauncherProperty) prop_id)
    {
    case PROP_ARGV:
      self->argv = g_value_dup_boxed (value);
      break;

    case PROP_CWD:
      ppool_launcher_set_cwd (self, g_value_get_string (value));
      break;

    case PROP_STDERR_MODE:
      ppool_launcher_set_stderr_mode (self, g_value_get_enum (value));
      break;

    case PROP_HANDSHAKE_TIMEOUT_MSEC:
      ppool_launcher_set_handshake_timeout_msec (self, g_value_get_uint (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
install_properties (GObjectClass *object_class)
{
  /**
   * PPoolLauncher:argv: (getter get_argv)
   *
   * The program of the workers and its arguments.
   *
   * A program without a `/` is searched for in the `PATH` of this process;
   * empty and relative entries are skipped. A relative path with a `/` starts
   * from the directory of the workers.
   *
   * Since: 1.0
   */
  props[PROP_ARGV] =
    g_param_spec_boxed ("argv", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolLauncher:cwd: (type filename) (getter get_cwd) (setter set_cwd)
   *
   * The working directory of workers, or `NULL` for that of this process.
   *
   * Since: 1.0
   */
  props[PROP_CWD] = g_param_spec_string ("cwd", NULL, NULL, NULL, WRITABLE);

  /**
   * PPoolLauncher:stderr-mode: (getter get_stderr_mode) (setter set_stderr_mode)
   *
   * The handling of the standard error of workers.
   *
   * The default is `PPOOL_STDERR_MODE_TEE`.
   *
   * Since: 1.0
   */
  props[PROP_STDERR_MODE] =
    g_param_spec_enum ("stderr-mode", NULL, NULL, PPOOL_TYPE_STDERR_MODE,
                       PPOOL_STDERR_MODE_TEE, WRITABLE);

  /**
   * PPoolLauncher:handshake-timeout-msec: (getter get_handshake_timeout_msec)
   *   (setter set_handshake_timeout_msec)
   *
   * The time that a new worker has to become ready, in milliseconds, or 0 for no
   * limit.
   *
   * The default is 30000.
   *
   * Since: 1.0
   */
  props[PROP_HANDSHAKE_TIMEOUT_MSEC] =
    g_param_spec_uint ("handshake-timeout-msec", NULL, NULL, 0, G_MAXUINT,
                       DEFAULT_HANDSHAKE_TIMEOUT_MSEC, WRITABLE);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
ppool_launcher_class_init (PPoolLauncherClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = ppool_launcher_finalize;
  object_class->get_property = ppool_launcher_get_property;
  object_class->set_property = ppool_launcher_set_property;

  install_properties (object_class);
}

static void
ppool_launcher_init (PPoolLauncher *self)
{
  self->env = g_get_environ ();
  self->inherited = g_array_new (FALSE, FALSE, sizeof (int));
  self->stderr_mode = PPOOL_STDERR_MODE_TEE;
  self->handshake_timeout_msec = DEFAULT_HANDSHAKE_TIMEOUT_MSEC;
}

/**
 * ppool_launcher_new:
 * @argv: (array zero-terminated=1) (element-type filename): the program and its
 *   arguments
 *
 * Creates a launcher that runs a command.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new launcher
 *
 * Since: 1.0
 */
PPoolLauncher *
ppool_launcher_new (const char * const *argv)
{
  return g_object_new (PPOOL_TYPE_LAUNCHER, "argv", argv, NULL);
}

/**
 * ppool_launcher_new_self:
 *
 * Creates a launcher that starts this program again, with the same arguments.
 *
 * This also works for a script in Python or JavaScript, whose interpreter
 * starts again with the same script. The program has to call
 * [func@PPool.Worker.is_spawned] before anything else, and
 * [method@PPool.Worker.run] if that returns `TRUE`.
 *
 * Workers run the executable that this process runs, also after an upgrade has
 * replaced or removed its file. A script is read again, from the path that this
 * process was given: if that is relative, neither this process nor the workers,
 * by [method@PPool.Launcher.set_cwd], may have changed to another directory.
 *
 * The arguments are those with which this process was started, even if it has
 * changed them since. If it changed its title, as `setproctitle()` does, before the
 * library was loaded, they are lost, and calls fail with the cause
 * `PPOOL_ERROR_LAUNCH`.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new launcher
 *
 * Since: 1.0
 */
PPoolLauncher *
ppool_launcher_new_self (void)
{
  g_autoptr (PPoolProgram) program = NULL;
  g_autoptr (GError) error = NULL;
  PPoolLauncher *self;

  program = ppool_program_new_self (&error);
  self = g_object_new (PPOOL_TYPE_LAUNCHER, "argv", program != NULL ? program->argv : NULL, NULL);
  self->program = g_steal_pointer (&program);
  if (error != NULL)
    self->trouble = g_strdup (error->message);

  return self;
}

/**
 * ppool_launcher_new_module:
 * @path: (type filename): the path of a module
 *
 * Creates a launcher that loads a module of functions into the installed
 * program `ppool-worker`.
 *
 * The module is a shared library that exports `gboolean ppool_module_init
 * (PPoolWorker *worker, GError **error)`, which adds its functions. A relative
 * @path is relative to the current directory of this process.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new launcher
 *
 * Since: 1.0
 */
PPoolLauncher *
ppool_launcher_new_module (const char *path)
{
  g_autofree char *module = NULL;
  const char *argv[3] = { NULL, };

  g_return_val_if_fail (path != NULL, NULL);

  module = g_canonicalize_filename (path, NULL);
  argv[0] = ppool_launcher_find_program ("PPOOL_WORKER_PROGRAM", PPOOL_WORKER_PATH);
  argv[1] = module;

  return ppool_launcher_new (argv);
}

/**
 * ppool_launcher_get_argv:
 * @self: a launcher
 *
 * Gets the program of the workers and its arguments.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1)
 *   (element-type filename): the command, or `NULL` if there is none
 *
 * Since: 1.0
 */
const char * const *
ppool_launcher_get_argv (PPoolLauncher *self)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), NULL);

  return (const char * const *) self->argv;
}

/**
 * ppool_launcher_get_cwd:
 * @self: a launcher
 *
 * Gets the working directory of workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: (transfer none) (nullable) (type filename): the directory, or `NULL`
 *   for that of this process
 *
 * Since: 1.0
 */
const char *
ppool_launcher_get_cwd (PPoolLauncher *self)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), NULL);

  return self->cwd;
}

/**
 * ppool_launcher_set_cwd:
 * @self: a launcher
 * @cwd: (nullable) (type filename): a directory, or `NULL` for that of this
 *   process
 *
 * Sets the working directory of workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_set_cwd (PPoolLauncher *self,
                        const char    *cwd)
{
  g_autofree char *copy = g_strdup (cwd);

  g_return_if_fail (PPOOL_IS_LAUNCHER (self));

  if (g_strcmp0 (self->cwd, copy) == 0)
    return;

  g_free (self->cwd);
  self->cwd = g_steal_pointer (&copy);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CWD]);
}

/**
 * ppool_launcher_inherit_fd:
 * @self: a launcher
 * @fd: a descriptor of this process
 *
 * Makes each worker inherit a file descriptor, such as a pipe, a socket or an open
 * file.
 *
 * The descriptor remains the property of the caller. It must stay open as long as
 * workers may be started, which is until the executors of this launcher have shut
 * down; without it, starting a worker fails. It may be close-on-exec in this
 * process. In workers it is not, so a worker that starts processes sets that
 * itself.
 *
 * The position in an open file is shared by this process and all workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: the number of the descriptor in workers
 *
 * Since: 1.0
 */
int
ppool_launcher_inherit_fd (PPoolLauncher *self,
                           int            fd)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), -1);
  g_return_val_if_fail (fd >= 0, -1);

  g_array_append_val (self->inherited, fd);

  return PPOOL_LAUNCHER_FIRST_FD + (int) self->inherited->len - 1;
}

/**
 * ppool_launcher_get_stderr_mode:
 * @self: a launcher
 *
 * Gets the handling of the standard error of workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: the mode
 *
 * Since: 1.0
 */
PPoolStderrMode
ppool_launcher_get_stderr_mode (PPoolLauncher *self)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), PPOOL_STDERR_MODE_TEE);

  return self->stderr_mode;
}

/**
 * ppool_launcher_set_stderr_mode:
 * @self: a launcher
 * @stderr_mode: the mode
 *
 * Sets the handling of the standard error of workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_set_stderr_mode (PPoolLauncher   *self,
                                PPoolStderrMode  stderr_mode)
{
  g_return_if_fail (PPOOL_IS_LAUNCHER (self));

  if (self->stderr_mode == stderr_mode)
    return;

  self->stderr_mode = stderr_mode;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STDERR_MODE]);
}

/**
 * ppool_launcher_get_handshake_timeout_msec:
 * @self: a launcher
 *
 * Gets the time that a new worker has to become ready.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: the time in milliseconds, or 0 for no limit
 *
 * Since: 1.0
 */
guint
ppool_launcher_get_handshake_timeout_msec (PPoolLauncher *self)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), 0);

  return self->handshake_timeout_msec;
}

/**
 * ppool_launcher_set_handshake_timeout_msec:
 * @self: a launcher
 * @handshake_timeout_msec: the time in milliseconds, or 0 for no limit
 *
 * Sets the time that a new worker has to become ready.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_set_handshake_timeout_msec (PPoolLauncher *self,
                                           guint          handshake_timeout_msec)
{
  g_return_if_fail (PPOOL_IS_LAUNCHER (self));

  if (self->handshake_timeout_msec == handshake_timeout_msec)
    return;

  self->handshake_timeout_msec = handshake_timeout_msec;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HANDSHAKE_TIMEOUT_MSEC]);
}
