/* echo-module.c: a module for ppool-worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gmodule.h>
#include <ppool-glib.h>

G_MODULE_EXPORT gboolean ppool_module_init (PPoolWorker  *worker,
                                            GError      **error);

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

gboolean
ppool_module_init (PPoolWorker  *worker,
                   GError      **error)
{
  const char *mode = g_getenv ("ECHO_MODULE");

  if (g_strcmp0 (mode, "fail") == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "no echo here");
      return FALSE;
    }

  ppool_worker_add_function (worker, "echo", echo, NULL, NULL);

  return g_strcmp0 (mode, "fail-silently") != 0;
}
