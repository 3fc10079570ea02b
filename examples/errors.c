/* errors.c: what can go wrong, and what to do then
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <locale.h>
#include <stdlib.h>

#include <ppool-glib/ppool-glib.h>

/* In a worker: takes (xx), gives x. */
static GVariant *
divide (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  gint64 dividend, divisor;

  g_variant_get (args, "(xx)", &dividend, &divisor);
  if (divisor == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Division by zero");
      return NULL;
    }

  return g_variant_new_int64 (dividend / divisor);
}

/* In a worker: what comes of a bug. */
static GVariant *
crash (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  g_printerr ("crash: this can't be\n");
  abort ();
}

static PPoolExecutor *
make_executor (void)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();

  /* What workers say is in the message of a crash. */
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);

  return ppool_executor_new (launcher);
}

static void
show (const char *what,
      GVariant   *value,
      GError     *error)
{
  if (value != NULL)
    g_print ("%s: %" G_GINT64_FORMAT "\n", what, g_variant_get_int64 (value));
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    g_print ("%s: the function failed: %s\n", what, error->message);
  else if (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION))
    g_print ("%s: there is no such function\n", what);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_print ("%s: not done yet\n", what);
  else if (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN))
    g_print ("%s: %s\n", what, error->message);
  else
    g_print ("%s: %s (%s, code %d)\n", what, error->message,
             g_quark_to_string (error->domain), error->code);
}

static void
call (PPoolExecutor *executor,
      const char    *function,
      GVariant      *args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_executor_call_sync (executor, function, args, NULL, &error);

  show (function, value, error);
}

/* A wait that ran out is no end: the call goes on, and can be waited for again. */
static void
wait_twice (PPoolExecutor *executor)
{
  static const int limits_msec[] = { 0, -1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolFuture) future =
      ppool_executor_submit (executor, "divide",
                             g_variant_new ("(xx)", G_GINT64_CONSTANT (42), G_GINT64_CONSTANT (6)),
                             NULL, &error);

  if (future == NULL)
    {
      show ("submit", NULL, error);
      return;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (limits_msec); i++)
    {
      g_autoptr (GError) wait_error = NULL;
      g_autoptr (GVariant) value = ppool_future_result (future, limits_msec[i], &wait_error);

      show ("wait", value, wait_error);
    }
}

int
main (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolExecutor) executor = NULL;

  setlocale (LC_ALL, "");
  ppool_worker_add_function (worker, "divide", divide, NULL, NULL);
  ppool_worker_add_function (worker, "crash", crash, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  executor = make_executor ();
  wait_twice (executor);
  call (executor, "divide", g_variant_new_parsed ("(@x 1, @x 0)"));
  call (executor, "multiply", g_variant_new_parsed ("(@x 1, @x 2)"));

  /* After a crash an executor takes no more calls, until it is revived. */
  call (executor, "crash", NULL);
  call (executor, "divide", g_variant_new_parsed ("(@x 1, @x 1)"));
  if (ppool_executor_revive (executor, NULL))
    call (executor, "divide", g_variant_new_parsed ("(@x 1, @x 1)"));

  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);
  return EXIT_SUCCESS;
}
