/* ppool-executor-calls.c: submitting and calling
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

#include "ppool-call-private.h"
#include "ppool-error.h"
#include "ppool-future-private.h"

static PPoolRecord *
submit_record (PPoolExecutor  *self,
               PPoolCallSpec  *spec,
               GVariant       *args,
               GCancellable   *cancellable,
               GError        **error)
{
  g_autoptr (PPoolRecord) record = ppool_pool_make_record (self->pool, spec, args, error);

  if (record == NULL)
    return NULL;

  if (ppool_record_connect_cancellable (record, cancellable, error) &&
      ppool_pool_submit (self->pool, record, error))
    return g_steal_pointer (&record);

  ppool_record_release_inputs (record);
  return NULL;
}

/**
 * ppool_executor_prestart:
 * @self: an executor
 * @n_workers: the number of workers, or 0 for the maximum
 * @error: return location for an error
 *
 * Starts workers in advance.
 *
 * Without this, workers are started when calls are waiting. Workers that exist
 * already count towards @n_workers, and there are never more than
 * [property@PPool.Executor:max-workers]. If a worker can't be started, the effect
 * is the same as with a worker that is started for a call, see
 * [property@PPool.Executor:crash-policy].
 *
 * This does not wait until the workers are ready, which
 * [signal@PPool.Executor::worker-started] reports: calls can be submitted at once.
 *
 * It fails as [method@PPool.Executor.submit] does.
 *
 * **Threads**: may be called from any thread; it doesn't block.
 *
 * Returns: `TRUE`, or `FALSE` with @error set
 *
 * Since: 1.0
 */
gboolean
ppool_executor_prestart (PPoolExecutor  *self,
                         guint           n_workers,
                         GError        **error)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return ppool_pool_prestart (self->pool, n_workers != 0 ? n_workers : G_MAXUINT, error);
}

/**
 * ppool_executor_submit:
 * @self: an executor
 * @function: the name of a function of the workers
 * @args: (nullable): its arguments, any type of value; consumed if floating.
 *   `NULL` is the empty tuple
 * @cancellable: (nullable): cancels the call if no worker has taken it yet, and also aborts it
 *   while it runs if [property@PPool.Executor:cancel-running] is set
 * @error: return location for an error
 *
 * Submits a call.
 *
 * It fails with `PPOOL_ERROR_SHUT_DOWN` after the executor was shut down, with
 * `PPOOL_ERROR_BROKEN` if it is broken or if this is a forked copy of its
 * process, with `PPOOL_ERROR_SYSTEM_LIMIT` if this is its first call and the
 * limits of this process are too low for
 * [property@PPool.Executor:max-workers], with `PPOOL_ERROR_LAUNCH` in a process
 * that was started as a worker but does not run a [class@PPool.Worker], with
 * `PPOOL_ERROR_INVALID_ARGS` if @function, or
 * [property@PPool.Executor:initializer], is empty or not valid UTF-8, with
 * `PPOOL_ERROR_TOO_LARGE` if it is longer than 65535 bytes, and with
 * `G_IO_ERROR_CANCELLED` if @cancellable is cancelled already. Later errors are
 * reported by the future.
 *
 * If the future is dropped before its call has completed, @args and
 * @cancellable may be released in a thread of the library.
 *
 * **Threads**: may be called from any thread; it doesn't block.
 *
 * Returns: (transfer full): the future, or `NULL` with @error set
 *
 * Since: 1.0
 */
PPoolFuture *
ppool_executor_submit (PPoolExecutor  *self,
                       const char     *function,
                       GVariant       *args,
                       GCancellable   *cancellable,
                       GError        **error)
{
  g_autoptr (PPoolCallSpec) spec = NULL;
  PPoolRecord *record;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  spec = ppool_call_spec_ref_plain (function);
  record = submit_record (self, spec, args, cancellable, error);

  return record != NULL ? ppool_future_new (record, NULL) : NULL;
}

/**
 * ppool_executor_submit_call:
 * @self: an executor
 * @call: what to run
 * @cancellable: (nullable): cancels the call if no worker has taken it yet, and also aborts it
 *   while it runs if [property@PPool.Executor:cancel-running] is set
 * @error: return location for an error
 *
 * Submits a call with options.
 *
 * It fails as [method@PPool.Executor.submit] does. @call is copied and may be
 * changed and submitted again afterwards.
 *
 * **Threads**: may be called from any thread; it doesn't block.
 *
 * Returns: (transfer full): the future, or `NULL` with @error set
 *
 * Since: 1.0
 */
PPoolFuture *
ppool_executor_submit_call (PPoolExecutor  *self,
                            PPoolCall      *call,
                            GCancellable   *cancellable,
                            GError        **error)
{
  PPoolRecord *record;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (PPOOL_IS_CALL (call), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  record = submit_record (self, ppool_call_get_spec (call), ppool_call_get_args (call),
                          cancellable, error);

  return record != NULL ? ppool_future_new (record, call) : NULL;
}

/* A call whose end is told to a callback. */
typedef struct
{
  PPoolExecutor *executor; /* (owned) */
  PPoolFuture *future;     /* (owned) */
  GAsyncReadyCallback callback;
  gpointer user_data;
} AsyncCall;

static void
call_due_cb (gpointer data)
{
  AsyncCall *call = data;
  GMainContext *context = g_source_get_context (g_main_current_source ());

  if (ppool_future_is_done (call->future))
    {
      call->callback (G_OBJECT (call->executor), G_ASYNC_RESULT (call->future), call->user_data);
      return;
    }

  /* Who cancels a call that runs doesn't want to wait for it. The task comes in
   * the thread-default context, which who iterates need not have made it. */
  g_main_context_push_thread_default (context);
  g_task_report_new_error (call->executor, call->callback, call->user_data,
                           ppool_executor_call_async, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                           "Waiting for the call of “%s” was cancelled",
                           ppool_future_get_function (call->future));
  g_main_context_pop_thread_default (context);
}

static void
free_async_call (gpointer data)
{
  AsyncCall *call = data;

  g_object_unref (call->future);
  g_object_unref (call->executor);
  g_free (call);
}

/**
 * ppool_executor_call_async:
 * @self: an executor
 * @function: the name of a function of the workers
 * @args: (nullable): its arguments, any type of value; consumed if floating.
 *   `NULL` is the empty tuple
 * @cancellable: (nullable): ends the waiting, and the call if no worker has taken it yet or
 *   [property@PPool.Executor:cancel-running] is set
 * @callback: (nullable) (scope async): called when the call has completed
 * @user_data: data for @callback
 *
 * Calls a function without blocking.
 *
 * [method@PPool.Executor.call_finish] gets the value. If @cancellable is
 * cancelled while the function is running, the function continues, unless
 * [property@PPool.Executor:cancel-running] is set, and its result is dropped. The executor is
 * kept alive until @callback has run.
 *
 * **Threads**: may be called from any thread; @callback runs in the main context
 * that is the caller's thread-default one.
 *
 * Since: 1.0
 */
void
ppool_executor_call_async (PPoolExecutor       *self,
                           const char          *function,
                           GVariant            *args,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  g_autoptr (PPoolFuture) future = NULL;
  GError *error = NULL;
  AsyncCall *call;

  g_return_if_fail (PPOOL_IS_EXECUTOR (self));
  g_return_if_fail (function != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  future = ppool_executor_submit (self, function, args, cancellable, &error);

  if (callback == NULL)
    {
      g_clear_error (&error);
      return;
    }

  if (future == NULL)
    {
      g_task_report_error (self, callback, user_data, ppool_executor_call_async, error);
      return;
    }

  call = g_new0 (AsyncCall, 1);
  call->executor = g_object_ref (self);
  call->future = g_object_ref (future);
  call->callback = callback;
  call->user_data = user_data;
  completion = ppool_completion_new (call_due_cb, call, free_async_call);
  ppool_completion_set_cancellable (completion, cancellable);
  ppool_future_fire_when_done (future, completion);
}

/**
 * ppool_executor_call_finish:
 * @self: an executor
 * @result: the result passed to the callback, or a [class@PPool.Future]
 * @error: return location for an error
 *
 * Gets the value of a call.
 *
 * It fails as [method@PPool.Executor.submit] and [method@PPool.Future.result] do.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_executor_call_finish (PPoolExecutor  *self,
                            GAsyncResult   *result,
                            GError        **error)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (PPOOL_IS_FUTURE (result))
    return ppool_future_propagate (PPOOL_FUTURE (result), error);

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * ppool_executor_call_sync:
 * @self: an executor
 * @function: the name of a function of the workers
 * @args: (nullable): its arguments, any type of value; consumed if floating.
 *   `NULL` is the empty tuple
 * @cancellable: (nullable): ends the waiting, and the call if no worker has taken it yet or
 *   [property@PPool.Executor:cancel-running] is set
 * @error: return location for an error
 *
 * Calls a function and waits for its value.
 *
 * It fails as [method@PPool.Executor.submit] and [method@PPool.Future.result] do.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_executor_call_sync (PPoolExecutor  *self,
                          const char     *function,
                          GVariant       *args,
                          GCancellable   *cancellable,
                          GError        **error)
{
  g_autoptr (PPoolCallSpec) spec = NULL;
  g_autoptr (PPoolRecord) record = NULL;
  GVariant *value = NULL;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  spec = ppool_call_spec_ref_plain (function);
  record = submit_record (self, spec, args, cancellable, error);
  if (record == NULL)
    return NULL;

  if (ppool_outcome_wait (&record->outcome, -1, cancellable, error))
    value = ppool_record_propagate (record, error);
  ppool_record_abandon (record);

  return value;
}
