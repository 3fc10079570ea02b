/* ppool-worker.c: a program's life as a worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-worker.h"

#include "ppool-error.h"
#include "ppool-invocation-private.h"
#include "ppool-spawned-private.h"
#include "ppool-worker-internal.h"

#include <signal.h>
#include <stdlib.h>

/**
 * PPoolWorker:
 *
 * Runs the calls that an executor sends to this process.
 *
 * A program creates a worker, adds functions to it and, if it was started by a
 * pool, runs it. With [ctor@PPool.Launcher.new_self] the same program is both
 * sides:
 *
 * ```c
 * static GVariant *
 * square (PPoolInvocation  *invocation,
 *         GVariant         *args,
 *         gpointer          user_data,
 *         GError          **error)
 * {
 *   gint64 x;
 *
 *   if (!g_variant_is_of_type (args, G_VARIANT_TYPE_INT64))
 *     {
 *       g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
 *                            "Expected an int64");
 *       return NULL;
 *     }
 *
 *   x = g_variant_get_int64 (args);
 *
 *   return g_variant_new_int64 (x * x);
 * }
 *
 * int
 * main (void)
 * {
 *   g_autoptr (PPoolWorker) worker = ppool_worker_new ();
 *
 *   ppool_worker_add_function (worker, "square", square, NULL, NULL);
 *
 *   if (ppool_worker_is_spawned ())
 *     return ppool_worker_run (worker, NULL);
 *
 *   …
 * }
 * ```
 *
 * ## Functions, handlers and the signal
 *
 * A function, added with [method@PPool.Worker.add_function], returns the value
 * of the call or sets an error. A handler, added with
 * [method@PPool.Worker.add_handler], answers through its
 * [class@PPool.Invocation], at once or later. Calls of other names are passed
 * to the signal [signal@PPool.Worker::handle-call].
 *
 * A call that is answered with neither a value nor an error fails with
 * `PPOOL_ERROR_UNHANDLED`; a call of an unknown name fails with
 * `PPOOL_ERROR_UNKNOWN_FUNCTION`.
 *
 * ## The life of a worker process
 *
 * A worker serves one call at a time, in the thread that called
 * [method@PPool.Worker.run], and runs a main loop there. It exits when its pool
 * asks it to, after the running call. When its parent has exited it exits at
 * once, even if a function is still running.
 *
 * `SIGPIPE` is ignored in a worker. Other signals do what they do by default
 * unless the program says otherwise.
 *
 * This class is final.
 *
 * **Threads**: a worker belongs to the thread that runs it. Functions, handlers
 * and the signal run in that thread, and nothing may be added from another
 * while the worker runs.
 *
 * Since: 1.0
 */

/* In the error of a call of an unknown function: names, and characters of each. */
#define MAX_NAMES_TOLD 12
#define MAX_NAME_TOLD 64

/* What was added for one name. It is counted, since a function may replace
 * itself while it runs. */
typedef struct
{
  PPoolFunction function; /* (nullable): either this */
  PPoolHandler handler;   /* (nullable): or that */
  gpointer user_data;     /* (owned) */
  GDestroyNotify user_data_destroy;
} Entry;

struct _PPoolWorker
{
  GObject parent_instance;

  GHashTable *entries; /* (owned) (element-type utf8 Entry) */
};

enum
{
  HANDLE_CALL,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PPoolWorker, ppool_worker, G_TYPE_OBJECT)

static void
entry_clear (gpointer data)
{
  Entry *self = data;

  if (self->user_data_destroy != NULL)
    self->user_data_destroy (self->user_data);
}

static void
entry_unref (gpointer data)
{
  g_rc_box_release_full (data, entry_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Entry, entry_unref)

static void
run_function (Entry           *entry,
              PPoolInvocation *invocation,
              GVariant        *args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  value = entry->function (invocation, args, entry->user_data, &error);
  ppool_invocation_set_over (invocation);
  if (value != NULL)
    g_variant_take_ref (value);

  if (error != NULL)
    ppool_invocation_return_gerror (invocation, error);
  else if (value != NULL)
    ppool_invocation_return_value (invocation, value);
  else
    ppool_invocation_fail (invocation, PPOOL_ERROR_UNHANDLED,
                           "Function “%s” returned neither a value nor an error",
                           ppool_invocation_get_function (invocation));
}

static int
compare_names (gconstpointer a,
               gconstpointer b,
               gpointer      user_data G_GNUC_UNUSED)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

/* What the caller may have meant. */
static char *
describe_functions (PPoolWorker *self)
{
  guint n_names;
  g_autofree char **names = (char **) g_hash_table_get_keys_as_array (self->entries, &n_names);
  g_autoptr (GString) text = g_string_new (NULL);

  if (n_names == 0)
    return g_strdup ("none was added to it");

  g_qsort_with_data (names, (int) n_names, sizeof *names, compare_names, NULL);
  g_string_append (text, "it has ");
  for (guint i = 0; i < MIN (n_names, MAX_NAMES_TOLD); i++)
    {
      long n_told = MIN (g_utf8_strlen (names[i], -1), MAX_NAME_TOLD);
      const char *end = g_utf8_offset_to_pointer (names[i], n_told);

      g_string_append_printf (text, "%s“%.*s%s”", i > 0 ? ", " : "", (int) (end - names[i]),
                              names[i], *end == '\0' ? "" : "…");
    }
  if (n_names > MAX_NAMES_TOLD)
    g_string_append_printf (text, " and %u more", n_names - MAX_NAMES_TOLD);

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
fail_unknown (PPoolWorker     *self,
              PPoolInvocation *invocation)
{
  g_autofree char *functions = describe_functions (self);

  ppool_invocation_fail (invocation, PPOOL_ERROR_UNKNOWN_FUNCTION,
                         "The worker has no function “%s”; %s",
                         ppool_invocation_get_function (invocation), functions);
}

static void
emit_handle_call (PPoolWorker     *self,
                  PPoolInvocation *invocation)
{
  gboolean handled = FALSE;

  if (!g_signal_has_handler_pending (self, signals[HANDLE_CALL], 0, FALSE))
    {
      fail_unknown (self, invocation);
      return;
    }

  g_signal_emit (self, signals[HANDLE_CALL], 0, invocation, &handled);
  if (!handled)
    ppool_invocation_fail (invocation, PPOOL_ERROR_UNHANDLED,
                           "No handler of the worker took the call of “%s”",
                           ppool_invocation_get_function (invocation));
}

static void
serve_call (PPoolInvocation *invocation,
            gpointer         user_data)
{
  PPoolWorker *self = user_data;
  const char *name = ppool_invocation_get_function (invocation);
  /* Whoever answers before it returns may still be reading them. */
  g_autoptr (GVariant) args = g_variant_ref (ppool_invocation_get_args (invocation));
  g_autoptr (Entry) entry = g_hash_table_lookup (self->entries, name);

  if (entry == NULL)
    {
      emit_handle_call (self, invocation);
      return;
    }

  g_rc_box_acquire (entry);
  if (entry->function != NULL)
    run_function (entry, invocation, args);
  else
    entry->handler (invocation, entry->user_data);
}

static void
ppool_worker_dispose (GObject *object)
{
  PPoolWorker *self = PPOOL_WORKER (object);

  g_hash_table_remove_all (self->entries);

  G_OBJECT_CLASS (ppool_worker_parent_class)->dispose (object);
}

static void
ppool_worker_finalize (GObject *object)
{
  PPoolWorker *self = PPOOL_WORKER (object);

  g_hash_table_unref (self->entries);

  G_OBJECT_CLASS (ppool_worker_parent_class)->finalize (object);
}

static void
ppool_worker_class_init (PPoolWorkerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = ppool_worker_dispose;
  object_class->finalize = ppool_worker_finalize;

  /**
   * PPoolWorker::handle-call:
   * @self: the worker
   * @invocation: the call
   *
   * Emitted for a call of a name for which no function or handler was added.
   *
   * The first handler that returns `TRUE` takes the call and answers it through
   * @invocation, at once or later, as a [callback@PPool.Handler] does.
   *
   * If no handler is connected, the call fails with
   * `PPOOL_ERROR_UNKNOWN_FUNCTION`; if every handler returned `FALSE`, with
   * `PPOOL_ERROR_UNHANDLED`. In languages other than C, an exception in a
   * handler counts as `FALSE`.
   *
   * **Threads**: it is emitted in the thread that called
   * [method@PPool.Worker.run], one call at a time.
   *
   * Returns: `TRUE` to take the call
   *
   * Since: 1.0
   */
  signals[HANDLE_CALL] =
    g_signal_new ("handle-call", PPOOL_TYPE_WORKER, G_SIGNAL_RUN_LAST, 0,
                  g_signal_accumulator_true_handled, NULL, NULL,
                  G_TYPE_BOOLEAN, 1, PPOOL_TYPE_INVOCATION);
}

static void
ppool_worker_init (PPoolWorker *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_unref);

  /* For ppool-worker, which lists the names and sees the public header alone. */
  g_object_set_data (G_OBJECT (self), "ppool-functions", self->entries);
}

/**
 * ppool_worker_is_spawned:
 *
 * Checks whether this process was started as a worker of a pool.
 *
 * A program that is both sides of a pool calls this before it creates an
 * executor, and calls [method@PPool.Worker.run] if it returns `TRUE`.
 * Otherwise, the executor fails with an error.
 *
 * The return value never changes, except that it is `FALSE` in a process that a
 * worker has forked.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` in a worker process
 *
 * Since: 1.0
 */
gboolean
ppool_worker_is_spawned (void)
{
  return ppool_spawned_by_pool ();
}

/**
 * ppool_worker_new:
 *
 * Creates a worker without functions.
 *
 * It can be created in any process, also in that of the executor.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new worker
 *
 * Since: 1.0
 */
PPoolWorker *
ppool_worker_new (void)
{
  return g_object_new (PPOOL_TYPE_WORKER, NULL);
}

static void
add_entry (PPoolWorker    *self,
           const char     *name,
           PPoolFunction   function,
           PPoolHandler    handler,
           gpointer        user_data,
           GDestroyNotify  user_data_destroy)
{
  Entry *entry = g_rc_box_new (Entry);

  entry->function = function;
  entry->handler = handler;
  entry->user_data = user_data;
  entry->user_data_destroy = user_data_destroy;

  g_hash_table_replace (self->entries, g_strdup (name), entry);
}

/**
 * ppool_worker_add_function:
 * @self: a worker
 * @name: the name of the function
 * @func: (scope notified) (closure user_data) (destroy user_data_destroy): a
 *   function that returns the value of the call or sets an error
 * @user_data: data for @func
 * @user_data_destroy: (nullable): frees @user_data
 *
 * Adds a function that can be called by its name.
 *
 * A function or handler that was added for @name before is replaced.
 * @user_data_destroy runs once, when @func is replaced or the worker is
 * disposed of, but never while @func runs.
 *
 * **Threads**: call it in the thread that runs the worker, or before that.
 *
 * Since: 1.0
 */
void
ppool_worker_add_function (PPoolWorker    *self,
                           const char     *name,
                           PPoolFunction   func,
                           gpointer        user_data,
                           GDestroyNotify  user_data_destroy)
{
  g_return_if_fail (PPOOL_IS_WORKER (self));
  g_return_if_fail (name != NULL);
  g_return_if_fail (func != NULL);

  add_entry (self, name, func, NULL, user_data, user_data_destroy);
}

/**
 * ppool_worker_add_handler:
 * @self: a worker
 * @name: the name of the function
 * @func: (scope notified) (closure user_data) (destroy user_data_destroy): a
 *   function that answers through the invocation that it is given
 * @user_data: data for @func
 * @user_data_destroy: (nullable): frees @user_data
 *
 * Adds a handler, which may answer calls later.
 *
 * A function or handler that was added for @name before is replaced.
 * @user_data_destroy runs once, when @func is replaced or the worker is
 * disposed of, but never while @func runs.
 *
 * In languages other than C, a handler that raises an exception has not
 * answered, and the call waits until the language releases the invocation.
 * Python keeps it in `sys.last_traceback`, so answer with an error instead.
 *
 * **Threads**: call it in the thread that runs the worker, or before that.
 *
 * Since: 1.0
 */
void
ppool_worker_add_handler (PPoolWorker    *self,
                          const char     *name,
                          PPoolHandler    func,
                          gpointer        user_data,
                          GDestroyNotify  user_data_destroy)
{
  g_return_if_fail (PPOOL_IS_WORKER (self));
  g_return_if_fail (name != NULL);
  g_return_if_fail (func != NULL);

  add_entry (self, name, NULL, func, user_data, user_data_destroy);
}

static gboolean
run_in_context (PPoolWorker   *self,
                GMainContext  *context,
                GError       **error)
{
  int fd = ppool_spawned_take_fd ();

  if (fd < 0)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                           "A worker has run in this process already");
      return FALSE;
    }

  /* What it means to write to a pool that is gone, the channel knows. */
  signal (SIGPIPE, SIG_IGN);

  return ppool_worker_serve_channel (fd, context, serve_call, self, error);
}

static gboolean
run (PPoolWorker  *self,
     GError      **error)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  gboolean success;

  if (!ppool_spawned_by_pool ())
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                           "This process was not started by a pool, so there is "
                           "nobody whose calls it could serve");
      return FALSE;
    }

  if (!ppool_spawned_check_trust (error))
    return FALSE;

  if (!g_main_context_acquire (context))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                           "Another thread runs the main context in which the "
                           "worker is to serve");
      return FALSE;
    }

  success = run_in_context (self, context, error);
  g_main_context_release (context);

  return success;
}

/**
 * ppool_worker_run:
 * @self: a worker
 * @error: return location for an error
 *
 * Serves the calls of the pool that started this process, until the pool asks
 * the worker to exit.
 *
 * It runs a main loop on the thread-default main context of the calling thread,
 * in which the functions of the worker run. The exit status, which `main()`
 * returns, is 0 when the pool asked the worker to exit, after the running call
 * was answered, or when the pool has exited. If a function is still running
 * when the pool exits, the process ends without returning from this method.
 *
 * On failure it is 1, with @error set and one line on the standard error of the
 * process, which the pool reports. It fails with `PPOOL_ERROR_LAUNCH` in a
 * process that no pool started, or when it was called before: see
 * [func@PPool.Worker.is_spawned]; and in one that has more privileges than the
 * process that started it, unless the pool has the same effective user and
 * group. It also fails when the connection to the pool can't be made, and with
 * `PPOOL_ERROR_PROTOCOL` when the pool sends an invalid message.
 *
 * `SIGPIPE` is ignored from then on. The environment variables that describe the
 * pool are removed, so no other thread of the program may read the environment at
 * that time.
 *
 * **Threads**: may be called from any thread, once in a process.
 *
 * Returns: the exit status for the process
 *
 * Since: 1.0
 */
int
ppool_worker_run (PPoolWorker  *self,
                  GError      **error)
{
  g_autoptr (PPoolWorker) alive = NULL;
  g_autoptr (GError) local_error = NULL;
  const char *program = g_get_prgname ();

  g_return_val_if_fail (PPOOL_IS_WORKER (self), EXIT_FAILURE);
  g_return_val_if_fail (error == NULL || *error == NULL, EXIT_FAILURE);

  alive = g_object_ref (self);
  if (run (self, &local_error))
    return EXIT_SUCCESS;

  g_printerr ("%s: %s\n", program != NULL ? program : "worker", local_error->message);
  g_propagate_error (error, g_steal_pointer (&local_error));

  return EXIT_FAILURE;
}
