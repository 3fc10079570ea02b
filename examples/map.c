/* map.c: one function over many inputs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Halve a number if it is even, else treble it and add one: how many steps is it to 1?
 * Prints the numbers that take more steps than all below them. */

#include <stdlib.h>

#include <ppool-glib/ppool-glib.h>

#define N_NUMBERS 10000

/* In a worker: takes t, gives u. */
static GVariant *
count_steps (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  guint n_steps = 0;

  for (guint64 n = g_variant_get_uint64 (args); n != 1; n_steps++)
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;

  return g_variant_new_uint32 (n_steps);
}

static GVariant *
numbers (void)
{
  guint64 *all = g_new (guint64, N_NUMBERS);

  for (guint i = 0; i < N_NUMBERS; i++)
    all[i] = i + 1;

  return g_variant_new_from_data (G_VARIANT_TYPE ("at"), all, N_NUMBERS * sizeof *all,
                                  TRUE, g_free, all);
}

/* The results come in the order of the inputs, whichever worker is done first. */
static void
print_records (PPoolMap  *map,
               GError   **error)
{
  guint most = 0;
  GVariant *value;

  for (guint n = 1; (value = ppool_map_next_value (map, -1, error)) != NULL; n++)
    {
      guint n_steps = g_variant_get_uint32 (value);

      if (n == 1 || n_steps > most)
        g_print ("%u takes %u steps\n", n, n_steps);
      most = MAX (most, n_steps);
      g_variant_unref (value);
    }
}

int
main (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (GError) error = NULL;

  ppool_worker_add_function (worker, "count-steps", count_steps, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  launcher = ppool_launcher_new_self ();
  executor = ppool_executor_new (launcher);
  map = ppool_executor_map (executor, "count-steps", numbers (), &error);
  if (map != NULL)
    print_records (map, &error);
  if (error != NULL)
    g_printerr ("map: %s\n", error->message);

  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
  return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
