/* ppool-executor-settings.c: what an executor is told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

/* Who listens does so in the context of the constructor: what is set in another
 * thread is told there. */
static void
tell_setting (PPoolExecutor         *self,
              PPoolExecutorProperty  property)
{
  if (ppool_notifier_is_at_home (self->notifier))
    {
      g_object_notify_by_pspec (G_OBJECT (self), ppool_executor_props[property]);
      return;
    }

  g_atomic_int_or (&self->untold, 1u << property);
  ppool_notifier_poke (self->notifier, TRUE);
}

/* Tells what was set in other threads. */
void
ppool_executor_notify_settings (PPoolExecutor *self)
{
  guint untold = g_atomic_int_and (&self->untold, 0);

  for (guint i = 0; i < G_N_ELEMENTS (ppool_executor_props); i++)
    if ((untold & (1u << i)) != 0)
      g_object_notify_by_pspec (G_OBJECT (self), ppool_executor_props[i]);
}

/**
 * ppool_executor_get_launcher:
 * @self: an executor
 *
 * Gets the launcher.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the launcher
 *
 * Since: 1.0
 */
PPoolLauncher *
ppool_executor_get_launcher (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);

  return self->launcher;
}

/**
 * ppool_executor_get_max_workers:
 * @self: an executor
 *
 * Gets [property@PPool.Executor:max-workers] as it was set.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of workers, or 0 for as many as there are processors and the
 *   limits of the system allow
 *
 * Since: 1.0
 */
guint
ppool_executor_get_max_workers (PPoolExecutor *self)
{
  PPoolSettings settings;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_settings (self->pool, &settings);
  return settings.max_workers;
}

/**
 * ppool_executor_set_max_workers:
 * @self: an executor
 * @max_workers: a number of workers, or 0 for as many as there are processors and
 *   the limits of the system allow
 *
 * Sets [property@PPool.Executor:max-workers].
 *
 * **Threads**: may be called from any thread. In the thread that created the
 * executor, `notify` is emitted at once; otherwise it is emitted in the main
 * context that was the thread-default one when the executor was created.
 *
 * Since: 1.0
 */
void
ppool_executor_set_max_workers (PPoolExecutor *self,
                                guint          max_workers)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL) && ppool_pool_set_max_workers (self->pool, max_workers))
    tell_setting (self, PPOOL_EXECUTOR_PROP_MAX_WORKERS);
}

/**
 * ppool_executor_get_grace_msec:
 * @self: an executor
 *
 * Gets the time that a worker has to exit after it was asked to.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or 0 for no limit
 *
 * Since: 1.0
 */
guint
ppool_executor_get_grace_msec (PPoolExecutor *self)
{
  PPoolSettings settings;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_settings (self->pool, &settings);
  return settings.grace_msec;
}

/**
 * ppool_executor_set_grace_msec:
 * @self: an executor
 * @grace_msec: a time in milliseconds, or 0 for no limit
 *
 * Sets [property@PPool.Executor:grace-msec].
 *
 * **Threads**: may be called from any thread. In the thread that created the
 * executor, `notify` is emitted at once; otherwise it is emitted in the main
 * context that was the thread-default one when the executor was created.
 *
 * Since: 1.0
 */
void
ppool_executor_set_grace_msec (PPoolExecutor *self,
                               guint          grace_msec)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL) && ppool_pool_set_grace_msec (self->pool, grace_msec))
    tell_setting (self, PPOOL_EXECUTOR_PROP_GRACE_MSEC);
}

/**
 * ppool_executor_get_max_tasks_per_worker:
 * @self: an executor
 *
 * Gets the number of calls after which a worker is replaced.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of calls, or 0 for no limit
 *
 * Since: 1.0
 */
guint
ppool_executor_get_max_tasks_per_worker (PPoolExecutor *self)
{
  PPoolSettings settings;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_settings (self->pool, &settings);
  return settings.max_tasks_per_worker;
}

/**
 * ppool_executor_set_max_tasks_per_worker:
 * @self: an executor
 * @max_tasks_per_worker: a number of calls, or 0 for no limit
 *
 * Sets [property@PPool.Executor:max-tasks-per-worker].
 *
 * **Threads**: may be called from any thread. In the thread that created the
 * executor, `notify` is emitted at once; otherwise it is emitted in the main
 * context that was the thread-default one when the executor was created.
 *
 * Since: 1.0
 */
void
ppool_executor_set_max_tasks_per_worker (PPoolExecutor *self,
                                         guint          max_tasks_per_worker)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL) &&
      ppool_pool_set_max_tasks_per_worker (self->pool, max_tasks_per_worker))
    tell_setting (self, PPOOL_EXECUTOR_PROP_MAX_TASKS_PER_WORKER);
}

/**
 * ppool_executor_get_spare_workers:
 * @self: an executor
 *
 * Gets the number of idle workers that are kept ready.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of workers
 *
 * Since: 1.0
 */
guint
ppool_executor_get_spare_workers (PPoolExecutor *self)
{
  PPoolSettings settings;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  ppool_pool_get_settings (self->pool, &settings);
  return settings.spare_workers;
}

/**
 * ppool_executor_set_spare_workers:
 * @self: an executor
 * @spare_workers: a number of workers
 *
 * Sets [property@PPool.Executor:spare-workers].
 *
 * After it is set to a smaller number, idle workers that exist stay.
 *
 * **Threads**: may be called from any thread. In the thread that created the
 * executor, `notify` is emitted at once; otherwise it is emitted in the main
 * context that was the thread-default one when the executor was created.
 *
 * Since: 1.0
 */
void
ppool_executor_set_spare_workers (PPoolExecutor *self,
                                  guint          spare_workers)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_check (self->pool, NULL) && ppool_pool_set_spare_workers (self->pool, spare_workers))
    tell_setting (self, PPOOL_EXECUTOR_PROP_SPARE_WORKERS);
}

/**
 * ppool_executor_get_initializer:
 * @self: an executor
 *
 * Gets the name of the function that each worker runs first.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the name, or `NULL`
 *
 * Since: 1.0
 */
const char *
ppool_executor_get_initializer (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);

  return self->initializer;
}

/**
 * ppool_executor_get_initializer_args:
 * @self: an executor
 *
 * Gets the arguments of the function that each worker runs first.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the arguments, or `NULL`
 *
 * Since: 1.0
 */
GVariant *
ppool_executor_get_initializer_args (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);

  return self->initializer_args;
}
