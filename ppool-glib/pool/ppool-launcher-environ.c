/* ppool-launcher-environ.c: the environment of workers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-launcher-internal.h"

/**
 * ppool_launcher_set_environ:
 * @self: a launcher
 * @env: (nullable) (array zero-terminated=1) (element-type filename): strings of
 *   the form `NAME=value`, or `NULL` for the current environment of this process
 *
 * Replaces the environment of the workers.
 *
 * The initial environment is a copy of that of this process at the time when
 * the launcher is created.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_set_environ (PPoolLauncher      *self,
                            const char * const *env)
{
  g_auto (GStrv) before = NULL;

  g_return_if_fail (PPOOL_IS_LAUNCHER (self));

  before = g_steal_pointer (&self->env);
  self->env = env != NULL ? g_strdupv ((char **) env) : g_get_environ ();
}

/**
 * ppool_launcher_setenv:
 * @self: a launcher
 * @variable: (type filename): the name of a variable, without `=`
 * @value: (type filename): its value
 * @overwrite: whether to replace an existing value
 *
 * Sets a variable in the environment of the workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_setenv (PPoolLauncher *self,
                       const char    *variable,
                       const char    *value,
                       gboolean       overwrite)
{
  g_return_if_fail (PPOOL_IS_LAUNCHER (self));
  g_return_if_fail (variable != NULL && variable[0] != '\0' && strchr (variable, '=') == NULL);
  g_return_if_fail (value != NULL);

  self->env = g_environ_setenv (self->env, variable, value, overwrite);
}

/**
 * ppool_launcher_unsetenv:
 * @self: a launcher
 * @variable: (type filename): the name of a variable, without `=`
 *
 * Removes a variable from the environment of the workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Since: 1.0
 */
void
ppool_launcher_unsetenv (PPoolLauncher *self,
                         const char    *variable)
{
  g_return_if_fail (PPOOL_IS_LAUNCHER (self));
  g_return_if_fail (variable != NULL && variable[0] != '\0' && strchr (variable, '=') == NULL);

  self->env = g_environ_unsetenv (self->env, variable);
}

/**
 * ppool_launcher_getenv:
 * @self: a launcher
 * @variable: (type filename): the name of a variable
 *
 * Gets the value of a variable in the environment of the workers.
 *
 * **Threads**: only in the thread that uses the launcher.
 *
 * Returns: (transfer none) (nullable) (type filename): the value, or `NULL` if
 *   the variable is not set
 *
 * Since: 1.0
 */
const char *
ppool_launcher_getenv (PPoolLauncher *self,
                       const char    *variable)
{
  g_return_val_if_fail (PPOOL_IS_LAUNCHER (self), NULL);
  g_return_val_if_fail (variable != NULL, NULL);

  return g_environ_getenv (self->env, variable);
}
