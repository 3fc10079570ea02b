/* primes.c: the example of Python's ProcessPoolExecutor
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <ppool-glib/ppool-glib.h>

static const gint64 primes[] = {
  112272535095293, 112582705942171, 112272535095293,
  115280095190773, 115797848077099, 1099726899285419,
};

/* In a worker: takes (x), gives b. */
static GVariant *
is_prime (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  gboolean prime;
  gint64 n;

  g_variant_get (args, "(x)", &n);

  prime = n == 2 || (n > 2 && n % 2 != 0);
  for (gint64 i = 3; prime && i <= n / i; i += 2)
    prime = n % i != 0;

  return g_variant_new_boolean (prime);
}

int
main (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  ppool_worker_add_function (worker, "is-prime", is_prime, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  launcher = ppool_launcher_new_self ();
  executor = ppool_executor_new (launcher);

  for (gsize i = 0; i < G_N_ELEMENTS (primes) && error == NULL; i++)
    {
      PPoolFuture *future = ppool_executor_submit (executor, "is-prime",
                                                   g_variant_new ("(x)", primes[i]), NULL, &error);
      if (future != NULL)
        g_ptr_array_add (futures, future);
    }

  for (gsize i = 0; i < futures->len && error == NULL; i++)
    {
      g_autoptr (GVariant) value = ppool_future_result (futures->pdata[i], -1, &error);

      if (value != NULL)
        printf ("%" G_GINT64_FORMAT " is prime: %s\n",
                primes[i], g_variant_get_boolean (value) ? "true" : "false");
    }

  if (error != NULL)
    g_printerr ("primes: %s\n", error->message);
  return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
