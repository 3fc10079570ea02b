/* ppool-executor-state.c: what an executor tells of itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

/**
 * ppool_executor_get_state:
 * @self: an executor
 *
 * Gets the state of the executor.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
PPoolExecutorState
ppool_executor_get_state (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), PPOOL_EXECUTOR_STATE_SHUT_DOWN);

  return ppool_pool_get_state (self->pool);
}

/**
 * ppool_executor_get_n_workers:
 * @self: an executor
 *
 * Gets the number of workers, including those that are starting or exiting.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of workers
 *
 * Since: 1.0
 */
guint
ppool_executor_get_n_workers (PPoolExecutor *self)
{
  PPoolCounts counts;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_counts (self->pool, &counts);
  return counts.n_workers;
}

/**
 * ppool_executor_get_n_pending:
 * @self: an executor
 *
 * Gets the number of calls that no worker has taken yet.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of calls
 *
 * Since: 1.0
 */
guint
ppool_executor_get_n_pending (PPoolExecutor *self)
{
  PPoolCounts counts;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_counts (self->pool, &counts);
  return counts.n_pending;
}

/**
 * ppool_executor_get_n_running:
 * @self: an executor
 *
 * Gets the number of calls that workers are running.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of calls
 *
 * Since: 1.0
 */
guint
ppool_executor_get_n_running (PPoolExecutor *self)
{
  PPoolCounts counts;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_counts (self->pool, &counts);
  return counts.n_running;
}

/**
 * ppool_executor_get_error:
 * @self: an executor
 *
 * Gets the error that broke the executor.
 *
 * The code tells the cause: `PPOOL_ERROR_WORKER_DIED`, `PPOOL_ERROR_LAUNCH`,
 * `PPOOL_ERROR_INITIALIZER` or `PPOOL_ERROR_PROTOCOL`. The message names the
 * worker, how it ended and the function that it ran, and contains the end of
 * its standard error output.
 *
 * `PPOOL_ERROR_SYSTEM_LIMIT` is not a cause: the first submit fails with it,
 * and the executor is not broken.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): a copy of the error, or `NULL` if the executor is
 *   not broken
 *
 * Since: 1.0
 */
GError *
ppool_executor_get_error (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);

  return ppool_pool_get_error (self->pool);
}
