/* hello.c: one function, one call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include <ppool-glib/ppool-glib.h>

/* In a worker: takes s, gives s. */
static GVariant *
greet (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  return g_variant_new_take_string (g_strdup_printf ("Hello, %s, from process %d!",
                                                     g_variant_get_string (args, NULL),
                                                     (int) getpid ()));
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GVariant) greeting = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");

  /* Workers are this same program. */
  ppool_worker_add_function (worker, "greet", greet, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  launcher = ppool_launcher_new_self ();
  executor = ppool_executor_new (launcher);
  greeting = ppool_executor_call_sync (executor, "greet",
                                       g_variant_new_string (argc > 1 ? argv[1] : "world"),
                                       NULL, &error);
  if (greeting != NULL)
    g_print ("%s\n", g_variant_get_string (greeting, NULL));
  else
    g_printerr ("hello: %s\n", error->message);

  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
  return greeting != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
