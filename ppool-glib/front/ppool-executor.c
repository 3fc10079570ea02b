/* ppool-executor.c: takes calls, returns futures
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

#include "ppool-enum-types.h"

/**
 * PPoolExecutor:
 *
 * Runs named functions in worker processes and returns a future for each call.
 *
 * Workers are started on demand, as described by a [class@PPool.Launcher], up
 * to [property@PPool.Executor:max-workers]. Each worker runs one call at a
 * time.
 *
 * ```c
 * g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
 * g_autoptr (PPoolExecutor) executor = ppool_executor_new (launcher);
 * g_autoptr (PPoolFuture) future =
 *   ppool_executor_submit (executor, "double", g_variant_new_int32 (21), NULL, &error);
 * g_autoptr (GVariant) value = ppool_future_result (future, -1, &error);
 * ```
 *
 * Use an executor for work that is heavy or may crash. Don't use one for work
 * that takes microseconds, where a thread or no thread at all is faster, or for
 * one long-lived service, for which [class@Gio.Subprocess] is sufficient.
 *
 * ## The end
 *
 * [method@PPool.Executor.shutdown] stops an executor and lets the calls that
 * were submitted complete; dropping the last reference does the same. Neither
 * waits; [method@PPool.Executor.shutdown_sync] does.
 *
 * Before leaving `main()`, call [method@PPool.Executor.shutdown_sync]. A
 * program that exits earlier takes its workers with it at once: calls that have
 * not completed are lost, and workers are killed without flushing their
 * standard output or running `atexit()` handlers.
 *
 * ## Broken executors
 *
 * A worker that exits or is killed unexpectedly breaks the executor for good:
 * every call that has not completed fails with `PPOOL_ERROR_BROKEN`, the other
 * workers are ended, and [method@PPool.Executor.get_error] returns the cause. To
 * go on, create a new executor. Don't resubmit all calls that failed: the one
 * that caused the crash is among them, see
 * [Errors and broken pools](errors.html#what-to-do-then). To have a crash fail
 * one call only, use several executors with one worker each.
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread; no main loop is
 * needed, and only the methods that say so block. Calls of one thread are sent
 * in the order in which it submitted them. `notify` is emitted in the main
 * context that was the thread-default one when the executor was created.
 *
 * In a copy of the process made by `fork()`, every operation fails, with
 * `PPOOL_ERROR_BROKEN` where there is an error: the executor is broken there
 * and its futures have failed. Dropping it there has no effect on the process
 * that it belongs to. A new executor in such a copy starts no workers, and its
 * first call is refused with `PPOOL_ERROR_BROKEN`.
 *
 * Since: 1.0
 */

GParamSpec *ppool_executor_props[PPOOL_EXECUTOR_PROP_N_RUNNING + 1];

G_DEFINE_FINAL_TYPE (PPoolExecutor, ppool_executor, G_TYPE_OBJECT)

/* How often the counts are told of at most. */
#define NOTIFY_INTERVAL_MSEC 100

static void
notify_count (PPoolExecutor *self,
              guint         *told,
              guint          count,
              GParamSpec    *pspec)
{
  gboolean changed = *told != count;

  *told = count;
  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), pspec);
}

static void
notify_counts (PPoolExecutor *self)
{
  PPoolCounts counts;

  ppool_pool_get_counts (self->pool, &counts);

  notify_count (self, &self->told_counts.n_workers, counts.n_workers,
                ppool_executor_props[PPOOL_EXECUTOR_PROP_N_WORKERS]);
  notify_count (self, &self->told_counts.n_pending, counts.n_pending,
                ppool_executor_props[PPOOL_EXECUTOR_PROP_N_PENDING]);
  notify_count (self, &self->told_counts.n_running, counts.n_running,
                ppool_executor_props[PPOOL_EXECUTOR_PROP_N_RUNNING]);
}

/* The state and what was set in another thread don't wait for the counts. */
static void
notify_changes (GObject  *object,
                gboolean  all)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);
  PPoolExecutorState state = ppool_pool_get_state (self->pool);
  gboolean changed = self->told_state != state;

  ppool_executor_notify_settings (self);

  self->told_state = state;
  if (changed)
    g_object_notify_by_pspec (object, ppool_executor_props[PPOOL_EXECUTOR_PROP_STATE]);

  if (all)
    notify_counts (self);
}

static void
ppool_executor_get_property (GObject    *object,
                             guint       property_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);

  switch ((PPoolExecutorProperty) property_id)
    {
    case PPOOL_EXECUTOR_PROP_LAUNCHER:
      g_value_set_object (value, ppool_executor_get_launcher (self));
      break;
    case PPOOL_EXECUTOR_PROP_MAX_WORKERS:
      g_value_set_uint (value, ppool_executor_get_max_workers (self));
      break;
    case PPOOL_EXECUTOR_PROP_MAX_TASKS_PER_WORKER:
      g_value_set_uint (value, ppool_executor_get_max_tasks_per_worker (self));
      break;
    case PPOOL_EXECUTOR_PROP_SPARE_WORKERS:
      g_value_set_uint (value, ppool_executor_get_spare_workers (self));
      break;
    case PPOOL_EXECUTOR_PROP_INITIALIZER:
      g_value_set_string (value, self->initializer);
      break;
    case PPOOL_EXECUTOR_PROP_INITIALIZER_ARGS:
      g_value_set_variant (value, self->initializer_args);
      break;
    case PPOOL_EXECUTOR_PROP_GRACE_MSEC:
      g_value_set_uint (value, ppool_executor_get_grace_msec (self));
      break;
    case PPOOL_EXECUTOR_PROP_STATE:
      g_value_set_enum (value, (int) ppool_executor_get_state (self));
      break;
    case PPOOL_EXECUTOR_PROP_N_WORKERS:
      g_value_set_uint (value, ppool_executor_get_n_workers (self));
      break;
    case PPOOL_EXECUTOR_PROP_N_PENDING:
      g_value_set_uint (value, ppool_executor_get_n_pending (self));
      break;
    case PPOOL_EXECUTOR_PROP_N_RUNNING:
      g_value_set_uint (value, ppool_executor_get_n_running (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_executor_set_property (GObject      *object,
                             guint         property_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);

  switch ((PPoolExecutorProperty) property_id)
    {
    case PPOOL_EXECUTOR_PROP_LAUNCHER:
      self->launcher = g_value_dup_object (value);
      if (self->launcher == NULL)
        self->launcher = ppool_launcher_new_self ();
      break;
    case PPOOL_EXECUTOR_PROP_MAX_WORKERS:
      ppool_executor_set_max_workers (self, g_value_get_uint (value));
      break;
    case PPOOL_EXECUTOR_PROP_MAX_TASKS_PER_WORKER:
      ppool_executor_set_max_tasks_per_worker (self, g_value_get_uint (value));
      break;
    case PPOOL_EXECUTOR_PROP_SPARE_WORKERS:
      ppool_executor_set_spare_workers (self, g_value_get_uint (value));
      break;
    case PPOOL_EXECUTOR_PROP_INITIALIZER:
      self->initializer = g_value_dup_string (value);
      break;
    case PPOOL_EXECUTOR_PROP_INITIALIZER_ARGS:
      self->initializer_args = g_value_dup_variant (value);
      break;
    case PPOOL_EXECUTOR_PROP_GRACE_MSEC:
      ppool_executor_set_grace_msec (self, g_value_get_uint (value));
      break;
    case PPOOL_EXECUTOR_PROP_STATE:
    case PPOOL_EXECUTOR_PROP_N_WORKERS:
    case PPOOL_EXECUTOR_PROP_N_PENDING:
    case PPOOL_EXECUTOR_PROP_N_RUNNING:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_executor_constructed (GObject *object)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);

  G_OBJECT_CLASS (ppool_executor_parent_class)->constructed (object);

  ppool_pool_set_initializer (self->pool, self->initializer, self->initializer_args);
}

static void
let_go (PPoolExecutor *self)
{
  ppool_notifier_end (self->notifier);
  ppool_notifier_unref (self->notifier);
  ppool_pool_drop (self->pool);
  g_object_unref (self->launcher);
  g_free (self->initializer);
  g_clear_pointer (&self->initializer_args, g_variant_unref);
}

/* Nothing is let go of in dispose(): a binding may still call methods then. A
 * forked copy of the process keeps what it has, as locks may be held for good. */
static void
ppool_executor_finalize (GObject *object)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);

  if (ppool_pool_check (self->pool, NULL))
    let_go (self);

  G_OBJECT_CLASS (ppool_executor_parent_class)->finalize (object);
}

static void
ppool_executor_class_init (PPoolExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_executor_get_property;
  object_class->set_property = ppool_executor_set_property;
  object_class->constructed = ppool_executor_constructed;
  object_class->finalize = ppool_executor_finalize;

  /**
   * PPoolExecutor:launcher:
   *
   * The launcher that describes how workers are started.
   *
   * `NULL` at construction is the same as a launcher from
   * [ctor@PPool.Launcher.new_self]. The settings of the launcher are copied when
   * the first call is submitted.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_LAUNCHER] =
    g_param_spec_object ("launcher", NULL, NULL, PPOOL_TYPE_LAUNCHER,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:max-workers:
   *
   * The maximum number of workers at a time; 0, the default, is the number of
   * processors available to this process, or less if the limits of file
   * descriptors and processes don't allow as many.
   *
   * A number that is set and that these limits don't allow is refused by the first
   * submit, with `PPOOL_ERROR_SYSTEM_LIMIT`. The executor is not broken then: set
   * a smaller number and submit again.
   *
   * After it is set to a smaller number, surplus workers exit when they are
   * idle.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_MAX_WORKERS] =
    g_param_spec_uint ("max-workers", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:max-tasks-per-worker:
   *
   * The number of calls after which a worker is replaced by a new one; 0, the
   * default, is no limit.
   *
   * Use it for functions that leak. The worker is asked to exit when it has
   * answered the last of its calls, and a new one starts if calls are waiting.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_MAX_TASKS_PER_WORKER] =
    g_param_spec_uint ("max-tasks-per-worker", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:spare-workers:
   *
   * The number of idle workers that are kept ready for later calls; 0, the
   * default, is none.
   *
   * A call that is given to a spare worker doesn't wait for a process to start.
   * Spare workers count towards [property@PPool.Executor:max-workers]. The
   * first one starts with the first call, or with
   * [method@PPool.Executor.prestart].
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_SPARE_WORKERS] =
    g_param_spec_uint ("spare-workers", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:initializer:
   *
   * The name of a function that each worker runs before its first call, or
   * `NULL`.
   *
   * A name that is empty, not valid UTF-8, or longer than 65535 bytes is refused by
   * the first submit; no worker starts then.
   *
   * It may take any amount of time. If it fails, its error is logged at level
   * MESSAGE, and the executor is broken with the cause
   * `PPOOL_ERROR_INITIALIZER`.
   *
   * It is a construct-only property:
   *
   * ```c
   * g_autoptr (PPoolExecutor) executor =
   *   g_object_new (PPOOL_TYPE_EXECUTOR,
   *                 "launcher", launcher,
   *                 "initializer", "load-model",
   *                 "initializer-args", g_variant_new_string ("model.bin"),
   *                 NULL);
   * ```
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_INITIALIZER] =
    g_param_spec_string ("initializer", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:initializer-args:
   *
   * The arguments of [property@PPool.Executor:initializer]: any type of value,
   * or `NULL` for the empty tuple.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_INITIALIZER_ARGS] =
    g_param_spec_variant ("initializer-args", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:grace-msec:
   *
   * The time that a worker has to exit after it was asked to, in milliseconds.
   * After this time it is sent `SIGTERM`, and after the same time again
   * `SIGKILL`.
   *
   * The default is 5000, and 0 is no limit. A change applies to workers that
   * start afterwards. It is not a limit for running calls.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_GRACE_MSEC] =
    g_param_spec_uint ("grace-msec", NULL, NULL, 0, G_MAXUINT,
                       PPOOL_SETTINGS_DEFAULT_GRACE_MSEC,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:state:
   *
   * The state of the executor.
   *
   * **Threads**: `notify` is emitted in the main context that was the
   * thread-default one when the executor was created.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, PPOOL_TYPE_EXECUTOR_STATE,
                       PPOOL_EXECUTOR_STATE_RUNNING, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:n-workers:
   *
   * The number of workers, including those that are starting or exiting.
   *
   * **Threads**: `notify` is emitted in the main context that was the
   * thread-default one when the executor was created, every 100 ms at most; the
   * value is always exact.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_N_WORKERS] =
    g_param_spec_uint ("n-workers", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:n-pending:
   *
   * The number of calls that no worker has taken yet.
   *
   * **Threads**: `notify` is emitted in the main context that was the
   * thread-default one when the executor was created, every 100 ms at most; the
   * value is always exact.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_N_PENDING] =
    g_param_spec_uint ("n-pending", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:n-running:
   *
   * The number of calls that workers are running.
   *
   * A call that was sent to a worker in advance, and that the worker has not
   * taken yet, is pending.
   *
   * **Threads**: `notify` is emitted in the main context that was the
   * thread-default one when the executor was created, every 100 ms at most; the
   * value is always exact.
   *
   * Since: 1.0
   */
  ppool_executor_props[PPOOL_EXECUTOR_PROP_N_RUNNING] =
    g_param_spec_uint ("n-running", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (ppool_executor_props),
                                     ppool_executor_props);
}

static void
ppool_executor_init (PPoolExecutor *self)
{
  self->notifier = ppool_notifier_new (G_OBJECT (self), NOTIFY_INTERVAL_MSEC, notify_changes);
  self->pool = ppool_pool_new (G_OBJECT (self), self->notifier);
}

/**
 * ppool_executor_new:
 * @launcher: (nullable): a launcher, or `NULL` to start this program again, as
 *   with [ctor@PPool.Launcher.new_self]
 *
 * Creates an executor.
 *
 * No worker is started yet, so this can't fail: an error in the launcher is
 * reported by the first call.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new executor
 *
 * Since: 1.0
 */
PPoolExecutor *
ppool_executor_new (PPoolLauncher *launcher)
{
  g_return_val_if_fail (launcher == NULL || PPOOL_IS_LAUNCHER (launcher), NULL);

  return g_object_new (PPOOL_TYPE_EXECUTOR,
                       "launcher", launcher,
                       NULL);
}
