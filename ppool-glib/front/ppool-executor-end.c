/* ppool-executor-end.c: shutting an executor down
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

#include <signal.h>

#include "ppool-completion-private.h"
#include "ppool-error.h"
#include "ppool-reply-private.h"

/**
 * ppool_executor_shutdown:
 * @self: an executor
 * @flags: how to handle calls that have not completed
 *
 * Starts the shutdown of the executor.
 *
 * No more calls are accepted. Calls that were accepted are completed, or
 * cancelled according to @flags, and then the workers exit. It can be called
 * again; flags accumulate.
 *
 * **Threads**: may be called from any thread, a done callback included; it never
 * blocks.
 *
 * Since: 1.0
 */
void
ppool_executor_shutdown (PPoolExecutor      *self,
                         PPoolShutdownFlags  flags)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL))
    ppool_pool_shutdown (self->pool, flags);
}

/**
 * ppool_executor_shutdown_sync:
 * @self: an executor
 * @flags: how to handle calls that have not completed
 * @cancellable: (nullable): stops the waiting, not the shutdown
 * @error: return location for an error
 *
 * Shuts the executor down and waits until its workers have exited.
 *
 * When it returns `TRUE`, every call has completed, every worker has exited,
 * and their file descriptors are closed. Done callbacks may not have been
 * called yet: they are called in their main contexts. Waiting for an executor
 * that is broken succeeds.
 *
 * It fails with `G_IO_ERROR_CANCELLED` if @cancellable was cancelled, and with
 * `PPOOL_ERROR_BROKEN` in a forked copy of the process.
 *
 * **Threads**: may be called from any thread, a done callback included, and
 * blocks it. A function that never returns keeps this from returning.
 *
 * Returns: `TRUE` on success, or `FALSE` with @error set
 *
 * Since: 1.0
 */
gboolean
ppool_executor_shutdown_sync (PPoolExecutor       *self,
                              PPoolShutdownFlags   flags,
                              GCancellable        *cancellable,
                              GError             **error)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!ppool_pool_check (self->pool, error))
    return FALSE;

  ppool_pool_shutdown (self->pool, flags);

  return ppool_pool_wait (self->pool, cancellable, error);
}

static void
free_reply (gpointer data)
{
  ppool_reply_clear (data);
  g_free (data);
}

static void
shutdown_due_cb (gpointer data)
{
  PPoolReply *reply = data;
  PPoolExecutor *self = reply->source_object;
  g_autoptr (GTask) task = ppool_reply_new_task (reply, TRUE, ppool_executor_shutdown_async);

  if (g_task_return_error_if_cancelled (task))
    return;

  ppool_pool_join (self->pool);
  g_task_return_boolean (task, TRUE);
}

static void
over_cb (gpointer data)
{
  ppool_completion_fire (data);
  ppool_completion_unref (data);
}

/**
 * ppool_executor_shutdown_async:
 * @self: an executor
 * @flags: how to handle calls that have not completed
 * @cancellable: (nullable): stops the waiting, not the shutdown
 * @callback: (nullable) (scope async): called when the shutdown is complete
 * @user_data: data for @callback
 *
 * Shuts the executor down asynchronously.
 *
 * **Threads**: may be called from any thread; @callback runs in the main context
 * that is the caller's thread-default one.
 *
 * Since: 1.0
 */
void
ppool_executor_shutdown_async (PPoolExecutor       *self,
                               PPoolShutdownFlags   flags,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  GError *error = NULL;
  PPoolReply *reply;

  g_return_if_fail (PPOOL_IS_EXECUTOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (!ppool_pool_check (self->pool, &error))
    {
      g_task_report_error (self, callback, user_data, ppool_executor_shutdown_async, error);
      return;
    }

  ppool_pool_shutdown (self->pool, flags);

  reply = g_new (PPoolReply, 1);
  ppool_reply_init (reply, self, cancellable, callback, user_data);
  completion = ppool_completion_new (shutdown_due_cb, reply, free_reply);
  ppool_completion_set_cancellable (completion, cancellable);
  ppool_pool_when_over (self->pool, over_cb, ppool_completion_ref (completion));
}

/**
 * ppool_executor_shutdown_finish:
 * @self: an executor
 * @result: the result passed to the callback
 * @error: return location for an error
 *
 * Finishes an operation started with [method@PPool.Executor.shutdown_async].
 *
 * It fails as [method@PPool.Executor.shutdown_sync] does.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` on success, or `FALSE` with @error set
 *
 * Since: 1.0
 */
gboolean
ppool_executor_shutdown_finish (PPoolExecutor  *self,
                                GAsyncResult   *result,
                                GError        **error)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * ppool_executor_terminate_workers:
 * @self: an executor
 *
 * Sends `SIGTERM` to every worker, idle or busy.
 *
 * Waiting calls are cancelled; running calls fail with `PPOOL_ERROR_BROKEN` and
 * a message that names this function. The executor accepts no more calls, and
 * its final state is `PPOOL_EXECUTOR_STATE_SHUT_DOWN`. A worker that has not
 * exited after [property@PPool.Executor:grace-msec] is killed.
 *
 * **Threads**: may be called from any thread; it never blocks.
 *
 * Since: 1.0
 */
void
ppool_executor_terminate_workers (PPoolExecutor *self)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL))
    ppool_pool_end_workers (self->pool, SIGTERM, G_STRFUNC);
}

/**
 * ppool_executor_kill_workers:
 * @self: an executor
 *
 * Sends `SIGKILL` to every worker.
 *
 * Otherwise it is like [method@PPool.Executor.terminate_workers].
 *
 * **Threads**: may be called from any thread; it never blocks.
 *
 * Since: 1.0
 */
void
ppool_executor_kill_workers (PPoolExecutor *self)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL))
    ppool_pool_end_workers (self->pool, SIGKILL, G_STRFUNC);
}
