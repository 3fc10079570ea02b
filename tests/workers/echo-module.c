/* echo-module.c: a module for ppool-worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "common-functions.h"

#include <gmodule.h>

G_MODULE_EXPORT gboolean ppool_module_init (PPoolWorker  *worker,
                                            GError      **error);

static void
handle (PPoolInvocation *invocation,
        gpointer         user_data)
{
  ppool_invocation_return_value (invocation, ppool_invocation_get_args (invocation));
}

static gboolean
handle_call_cb (PPoolWorker     *worker,
                PPoolInvocation *invocation,
                gpointer         user_data)
{
  return FALSE;
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

  if (g_strcmp0 (mode, "empty") == 0)
    return TRUE;

  if (g_strcmp0 (mode, "any") == 0)
    g_signal_connect (worker, "handle-call", G_CALLBACK (handle_call_cb), NULL);
  if (g_strcmp0 (mode, "many") == 0)
    {
      ppool_worker_add_function (worker, "größer", common_echo, NULL, NULL);
      ppool_worker_add_handler (worker, "again", handle, NULL, NULL);
    }

  ppool_worker_add_function (worker, "echo", common_echo, NULL, NULL);

  return g_strcmp0 (mode, "fail-silently") != 0;
}
