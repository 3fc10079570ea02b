/* ppool-executor.c: takes calls, returns futures
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-private.h"

#include "ppool-enum-types.h"
#include "ppool-executor-internal.h"
#include "ppool-executor-policy.h"

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
 * Before leaving `main()`, call [method@PPool.Executor.shutdown_sync]. If a
 * program exits without that, its workers are killed at once: calls that have
 * not completed are lost, and the workers don't flush their standard output or
 * run `atexit()` handlers.
 *
 * ## Functions that crash or hang
 *
 * A function can't crash or block the program. To have a crash fail its own call only, set
 * [property@PPool.Executor:crash-policy]; to limit how long calls run, set
 * [property@PPool.Executor:call-timeout-msec]; to end one, use [method@PPool.Future.abort].
 * [class@PPool.Call] has these and other options for single calls. See [When a function goes
 * wrong](errors.html#when-a-function-goes-wrong).
 *
 * ## Broken executors
 *
 * By default, a worker that exits or is killed unexpectedly breaks the executor:
 * every call that has not completed fails with `PPOOL_ERROR_BROKEN`, the other
 * workers are ended, and [method@PPool.Executor.get_error] returns the cause. To
 * continue, call [method@PPool.Executor.revive]. Don't resubmit all calls that
 * failed: the one that caused the crash is among them, see [Errors and broken
 * pools](errors.html#what-to-do-then). To have a crash fail one call only, set
 * [property@PPool.Executor:crash-policy].
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread; no main loop is
 * needed, and only the methods that say so block. Calls of one thread are sent
 * in the order in which it submitted them. Signals and `notify` are emitted in the
 * main context that was the thread-default one when the executor was created.
 *
 * In a copy of the process made by `fork()`, the executor is broken and its
 * futures have failed; every method that can fail does, with
 * `PPOOL_ERROR_BROKEN`. Dropping the executor there has no effect on the
 * original process. If an executor was used before the fork, a new one in the
 * copy starts no workers, and its first submit fails with `PPOOL_ERROR_BROKEN`.
 *
 * Since: 1.0
 */

typedef enum
{
  PROP_LAUNCHER = 1,
  PROP_MAX_WORKERS,
  PROP_MAX_TASKS_PER_WORKER,
  PROP_SPARE_WORKERS,
  PROP_INITIALIZER,
  PROP_INITIALIZER_ARGS,
  PROP_GRACE_MSEC,
  PROP_CRASH_POLICY,
  PROP_MAX_START_FAILURES,
  PROP_ABORT_GRACE_MSEC,
  PROP_CALL_TIMEOUT_MSEC,
  PROP_QUEUE_TIMEOUT_MSEC,
  PROP_CANCEL_RUNNING,
  PROP_STATE,
  PROP_N_WORKERS,
  PROP_N_PENDING,
  PROP_N_RUNNING,
} PPoolExecutorProperty;

static GParamSpec *props[PROP_N_RUNNING + 1];

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
                props[PROP_N_WORKERS]);
  notify_count (self, &self->told_counts.n_pending, counts.n_pending,
                props[PROP_N_PENDING]);
  notify_count (self, &self->told_counts.n_running, counts.n_running,
                props[PROP_N_RUNNING]);
}

/* Who listens does so in the context of the constructor: what is set in another
 * thread is told there. */
static void
tell_setting (PPoolExecutor         *self,
              PPoolExecutorProperty  property)
{
  if (ppool_notifier_is_at_home (self->notifier))
    {
      g_object_notify_by_pspec (G_OBJECT (self), props[property]);
      return;
    }

  g_atomic_int_or (&self->untold, 1u << property);
  ppool_notifier_poke (self->notifier, TRUE);
}

/* Tells what was set in other threads. */
static void
notify_settings (PPoolExecutor *self)
{
  guint untold = g_atomic_int_and (&self->untold, 0);

  for (guint i = 0; i < G_N_ELEMENTS (props); i++)
    if ((untold & (1u << i)) != 0)
      g_object_notify_by_pspec (G_OBJECT (self), props[i]);
}

static void
notify_state (PPoolExecutor      *self,
              PPoolExecutorState  state)
{
  gboolean changed = self->told_state != state;

  self->told_state = state;
  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/* The state and what was set in another thread don't wait for the counts. The state was
 * looked at before, and is told after, what has happened to workers: so all of these have
 * exited when the executor tells that it is shut down. */
static void
notify_changes (GObject  *object,
                gboolean  all)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);
  PPoolExecutorState state = ppool_pool_get_state (self->pool);

  notify_settings (self);

  if (ppool_executor_tell_worker (self))
    ppool_notifier_poke (self->notifier, TRUE);
  else
    notify_state (self, state);

  if (all)
    notify_counts (self);
}

/* What there is for calls that go wrong. */
static void
get_policy (PPoolExecutor         *self,
            PPoolExecutorProperty  property,
            GValue                *value)
{
  switch (property)
    {
    case PROP_GRACE_MSEC:
      g_value_set_uint (value, ppool_executor_get_grace_msec (self));
      break;
    case PROP_CRASH_POLICY:
      g_value_set_enum (value, (int) ppool_executor_get_crash_policy (self));
      break;
    case PROP_MAX_START_FAILURES:
      g_value_set_uint (value, ppool_executor_get_max_start_failures (self));
      break;
    case PROP_ABORT_GRACE_MSEC:
      g_value_set_uint (value, ppool_executor_get_abort_grace_msec (self));
      break;
    case PROP_CALL_TIMEOUT_MSEC:
      g_value_set_int (value, ppool_executor_get_call_timeout_msec (self));
      break;
    case PROP_QUEUE_TIMEOUT_MSEC:
      g_value_set_int (value, ppool_executor_get_queue_timeout_msec (self));
      break;
    case PROP_CANCEL_RUNNING:
      g_value_set_boolean (value, ppool_executor_get_cancel_running (self));
      break;
    case PROP_LAUNCHER:
    case PROP_MAX_WORKERS:
    case PROP_MAX_TASKS_PER_WORKER:
    case PROP_SPARE_WORKERS:
    case PROP_INITIALIZER:
    case PROP_INITIALIZER_ARGS:
    case PROP_STATE:
    case PROP_N_WORKERS:
    case PROP_N_PENDING:
    case PROP_N_RUNNING:
    default:
      g_assert_not_reached ();
    }
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
    case PROP_LAUNCHER:
      g_value_set_object (value, ppool_executor_get_launcher (self));
      break;
    case PROP_MAX_WORKERS:
      g_value_set_uint (value, ppool_executor_get_max_workers (self));
      break;
    case PROP_MAX_TASKS_PER_WORKER:
      g_value_set_uint (value, ppool_executor_get_max_tasks_per_worker (self));
      break;
    case PROP_SPARE_WORKERS:
      g_value_set_uint (value, ppool_executor_get_spare_workers (self));
      break;
    case PROP_INITIALIZER:
      g_value_set_string (value, ppool_executor_get_initializer (self));
      break;
    case PROP_INITIALIZER_ARGS:
      g_value_set_variant (value, ppool_executor_get_initializer_args (self));
      break;
    case PROP_GRACE_MSEC:
    case PROP_CRASH_POLICY:
    case PROP_MAX_START_FAILURES:
    case PROP_ABORT_GRACE_MSEC:
    case PROP_CALL_TIMEOUT_MSEC:
    case PROP_QUEUE_TIMEOUT_MSEC:
    case PROP_CANCEL_RUNNING:
      get_policy (self, (PPoolExecutorProperty) property_id, value);
      break;
    case PROP_STATE:
      g_value_set_enum (value, (int) ppool_executor_get_state (self));
      break;
    case PROP_N_WORKERS:
      g_value_set_uint (value, ppool_executor_get_n_workers (self));
      break;
    case PROP_N_PENDING:
      g_value_set_uint (value, ppool_executor_get_n_pending (self));
      break;
    case PROP_N_RUNNING:
      g_value_set_uint (value, ppool_executor_get_n_running (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
set_policy (PPoolExecutor         *self,
            PPoolExecutorProperty  property,
            const GValue          *value)
{
  switch (property)
    {
    case PROP_GRACE_MSEC:
      ppool_executor_set_grace_msec (self, g_value_get_uint (value));
      break;
    case PROP_CRASH_POLICY:
      ppool_executor_set_crash_policy (self, (PPoolCrashPolicy) g_value_get_enum (value));
      break;
    case PROP_MAX_START_FAILURES:
      ppool_executor_set_max_start_failures (self, g_value_get_uint (value));
      break;
    case PROP_ABORT_GRACE_MSEC:
      ppool_executor_set_abort_grace_msec (self, g_value_get_uint (value));
      break;
    case PROP_CALL_TIMEOUT_MSEC:
      ppool_executor_set_call_timeout_msec (self, g_value_get_int (value));
      break;
    case PROP_QUEUE_TIMEOUT_MSEC:
      ppool_executor_set_queue_timeout_msec (self, g_value_get_int (value));
      break;
    case PROP_CANCEL_RUNNING:
      ppool_executor_set_cancel_running (self, g_value_get_boolean (value));
      break;
    case PROP_LAUNCHER:
    case PROP_MAX_WORKERS:
    case PROP_MAX_TASKS_PER_WORKER:
    case PROP_SPARE_WORKERS:
    case PROP_INITIALIZER:
    case PROP_INITIALIZER_ARGS:
    case PROP_STATE:
    case PROP_N_WORKERS:
    case PROP_N_PENDING:
    case PROP_N_RUNNING:
    default:
      g_assert_not_reached ();
    }
}

static void
ppool_executor_set_property (GObject      *object,
                             guint         property_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);
  gpointer pointer;

  switch ((PPoolExecutorProperty) property_id)
    {
    case PROP_LAUNCHER:
      pointer = g_value_get_object (value) != NULL ? g_value_dup_object (value) :
                                                     (gpointer) ppool_launcher_new_self ();
      ppool_pool_change_setting (self->pool, PPOOL_SETTING (launcher, &pointer));
      break;
    case PROP_MAX_WORKERS:
      ppool_executor_set_max_workers (self, g_value_get_uint (value));
      break;
    case PROP_MAX_TASKS_PER_WORKER:
      ppool_executor_set_max_tasks_per_worker (self, g_value_get_uint (value));
      break;
    case PROP_SPARE_WORKERS:
      ppool_executor_set_spare_workers (self, g_value_get_uint (value));
      break;
    case PROP_INITIALIZER:
      pointer = g_value_dup_string (value);
      ppool_pool_change_setting (self->pool, PPOOL_SETTING (initializer, &pointer));
      break;
    case PROP_INITIALIZER_ARGS:
      pointer = g_value_dup_variant (value);
      ppool_pool_change_setting (self->pool, PPOOL_SETTING (initializer_args, &pointer));
      break;
    case PROP_GRACE_MSEC:
    case PROP_CRASH_POLICY:
    case PROP_MAX_START_FAILURES:
    case PROP_ABORT_GRACE_MSEC:
    case PROP_CALL_TIMEOUT_MSEC:
    case PROP_QUEUE_TIMEOUT_MSEC:
    case PROP_CANCEL_RUNNING:
      set_policy (self, (PPoolExecutorProperty) property_id, value);
      break;
    case PROP_STATE:
    case PROP_N_WORKERS:
    case PROP_N_PENDING:
    case PROP_N_RUNNING:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
release (PPoolExecutor *self)
{
  ppool_notifier_end (self->notifier);
  ppool_notifier_unref (self->notifier);
  g_hash_table_unref (self->statuses);
  ppool_pool_drop (self->pool);
}

/* Nothing is released in dispose(): a binding may still call methods then. A
 * forked copy of the process keeps what it has, as locks may be held for good. */
static void
ppool_executor_finalize (GObject *object)
{
  PPoolExecutor *self = PPOOL_EXECUTOR (object);

  if (ppool_pool_check (self->pool, NULL))
    release (self);

  G_OBJECT_CLASS (ppool_executor_parent_class)->finalize (object);
}

static void
make_policy_properties (void)
{
  /**
   * PPoolExecutor:crash-policy:
   *
   * The effect that the death of a worker has on the executor.
   *
   * By default, the executor is broken, and all its calls fail. With
   * `PPOOL_CRASH_POLICY_REPLACE`, only the call that the worker ran fails, with
   * `PPOOL_ERROR_WORKER_DIED`, or it runs again if its
   * [property@PPool.Call:max-retries] allows that. Calls that the worker had not
   * taken run in other workers.
   *
   * A worker that can't be started, or that ends before it has taken a call,
   * counts as a failed start: see [property@PPool.Executor:max-start-failures].
   *
   * A change applies to workers that die afterwards.
   *
   * Since: 1.0
   */
  props[PROP_CRASH_POLICY] =
    g_param_spec_enum ("crash-policy", NULL, NULL, PPOOL_TYPE_CRASH_POLICY,
                       PPOOL_CRASH_POLICY_BREAK,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:max-start-failures:
   *
   * The number of consecutive failed starts after which the executor is broken,
   * if its [property@PPool.Executor:crash-policy] is
   * `PPOOL_CRASH_POLICY_REPLACE`.
   *
   * A start fails if no process can be started, if the initializer fails, or if the
   * worker ends before it has taken a call. The next start is tried after 100 ms; the
   * delay doubles with each failure, up to 10 s. When a worker has answered a call, the
   * count starts again. Workers that were started together count as one.
   *
   * The default is 5, and 0 is no limit. With `PPOOL_CRASH_POLICY_BREAK` the first failure
   * breaks the executor.
   *
   * Since: 1.0
   */
  props[PROP_MAX_START_FAILURES] =
    g_param_spec_uint ("max-start-failures", NULL, NULL, 0, G_MAXUINT,
                       PPOOL_SETTINGS_DEFAULT_MAX_START_FAILURES,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:abort-grace-msec:
   *
   * The time between the steps that end a running call, in milliseconds.
   *
   * A running call is ended when it is aborted with [method@PPool.Future.abort] or exceeds
   * its [property@PPool.Call:timeout-msec]. First, its function is asked to return,
   * through the cancellable of [method@PPool.Invocation.get_cancellable]. If it has not
   * returned after this time, `SIGTERM` is sent to the worker, and after the same time
   * again `SIGKILL`.
   *
   * The default is 1000; with 0, `SIGKILL` is sent at once.
   *
   * Since: 1.0
   */
  props[PROP_ABORT_GRACE_MSEC] =
    g_param_spec_uint ("abort-grace-msec", NULL, NULL, 0, G_MAXUINT,
                       PPOOL_SETTINGS_DEFAULT_ABORT_GRACE_MSEC,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:call-timeout-msec:
   *
   * The time that a call without a [property@PPool.Call:timeout-msec] of its own may run,
   * in milliseconds, or -1 for no limit.
   *
   * The default is -1. With 0, calls are ended as soon as a worker has taken them. The time does
   * not include the start of a worker and its [property@PPool.Executor:initializer], for which
   * a call still waits; [property@PPool.Executor:queue-timeout-msec] limits that.
   *
   * A change applies to calls that are submitted afterwards.
   *
   * Since: 1.0
   */
  props[PROP_CALL_TIMEOUT_MSEC] =
    g_param_spec_int ("call-timeout-msec", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:queue-timeout-msec:
   *
   * The time that a call without a [property@PPool.Call:queue-timeout-msec] of its own
   * may wait for a worker, in milliseconds, or -1 for no limit.
   *
   * The default is -1. With 0, calls fail unless a worker takes them at once.
   *
   * A change applies to calls that are submitted afterwards.
   *
   * Since: 1.0
   */
  props[PROP_QUEUE_TIMEOUT_MSEC] =
    g_param_spec_int ("queue-timeout-msec", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:cancel-running:
   *
   * Whether the cancellable of a call also ends the call while it runs.
   *
   * By default, a cancellable cancels a call only until a worker has taken it. If this
   * property is `TRUE`, it also aborts a running call; see [method@PPool.Future.abort]. The
   * same applies to the running calls of a map and [method@PPool.Map.cancel].
   *
   * The default is `FALSE`.
   *
   * Since: 1.0
   */
  props[PROP_CANCEL_RUNNING] =
    g_param_spec_boolean ("cancel-running", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
}

static void
ppool_executor_class_init (PPoolExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_executor_get_property;
  object_class->set_property = ppool_executor_set_property;
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
  props[PROP_LAUNCHER] =
    g_param_spec_object ("launcher", NULL, NULL, PPOOL_TYPE_LAUNCHER,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:max-workers:
   *
   * The maximum number of workers at a time; 0, the default, is the number of
   * processors available to this process, or fewer if the limits on file
   * descriptors and processes require it.
   *
   * If these limits don't allow the number that was set, the first submit fails
   * with `PPOOL_ERROR_SYSTEM_LIMIT`. The executor is not broken in this case: set
   * a smaller number and submit again.
   *
   * If it is set to a smaller number, surplus workers exit when they are idle.
   *
   * Since: 1.0
   */
  props[PROP_MAX_WORKERS] =
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
  props[PROP_MAX_TASKS_PER_WORKER] =
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
  props[PROP_SPARE_WORKERS] =
    g_param_spec_uint ("spare-workers", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:initializer:
   *
   * The name of a function that each worker runs before its first call, or
   * `NULL`.
   *
   * If the name is empty, not valid UTF-8, or longer than 65535 bytes, the first
   * submit fails, and no worker is started.
   *
   * The function may take any amount of time: no timeout of calls applies, so calls wait for
   * ever if it hangs, unless they have a [property@PPool.Call:queue-timeout-msec]. If it fails,
   * its error is logged at level MESSAGE, and the executor is broken with the cause
   * `PPOOL_ERROR_INITIALIZER`. With `PPOOL_CRASH_POLICY_REPLACE` another worker is tried first,
   * see [property@PPool.Executor:max-start-failures].
   *
   * This property is construct-only:
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
  props[PROP_INITIALIZER] =
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
  props[PROP_INITIALIZER_ARGS] =
    g_param_spec_variant ("initializer-args", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolExecutor:grace-msec:
   *
   * The time that a worker has to exit after being asked to, in milliseconds.
   * After this time it is sent `SIGTERM`, and after the same time again
   * `SIGKILL`.
   *
   * The default is 5000, and 0 is no limit. A change applies to workers that
   * start afterwards. It is not a limit for running calls.
   *
   * Since: 1.0
   */
  props[PROP_GRACE_MSEC] =
    g_param_spec_uint ("grace-msec", NULL, NULL, 0, G_MAXUINT,
                       PPOOL_SETTINGS_DEFAULT_GRACE_MSEC,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  make_policy_properties ();

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
  props[PROP_STATE] =
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
  props[PROP_N_WORKERS] =
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
  props[PROP_N_PENDING] =
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
  props[PROP_N_RUNNING] =
    g_param_spec_uint ("n-running", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props),
                                     props);

  ppool_executor_add_worker_signals (klass);
}

static void
ppool_executor_init (PPoolExecutor *self)
{
  self->notifier = ppool_notifier_new (G_OBJECT (self), NOTIFY_INTERVAL_MSEC, notify_changes);
  self->statuses = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->pool = ppool_pool_new (G_OBJECT (self), self->notifier,
                               ppool_executor_get_worker_signals ());
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

  return ppool_pool_get_settings (self->pool).launcher;
}

/**
 * ppool_executor_get_max_workers:
 * @self: an executor
 *
 * Gets [property@PPool.Executor:max-workers] as it was set.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of workers, or 0 for the number of processors within the
 *   limits of the system
 *
 * Since: 1.0
 */
guint
ppool_executor_get_max_workers (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).max_workers;
}

/**
 * ppool_executor_set_max_workers:
 * @self: an executor
 * @max_workers: a number of workers, or 0 for the number of processors within the
 *   limits of the system
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

  if (ppool_pool_set_max_workers (self->pool, max_workers))
    tell_setting (self, PROP_MAX_WORKERS);
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
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).spare_workers;
}

/**
 * ppool_executor_set_spare_workers:
 * @self: an executor
 * @spare_workers: a number of workers
 *
 * Sets [property@PPool.Executor:spare-workers].
 *
 * A smaller number does not end idle workers.
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

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (spare_workers, &spare_workers)))
    tell_setting (self, PROP_SPARE_WORKERS);
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
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).max_tasks_per_worker;
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

  if (ppool_pool_change_setting (self->pool,
                                 PPOOL_SETTING (max_tasks_per_worker, &max_tasks_per_worker)))
    tell_setting (self, PROP_MAX_TASKS_PER_WORKER);
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

  return ppool_pool_get_settings (self->pool).initializer;
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

  return ppool_pool_get_settings (self->pool).initializer_args;
}

/**
 * ppool_executor_get_grace_msec:
 * @self: an executor
 *
 * Gets the time that a worker has to exit after being asked to.
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
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).grace_msec;
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

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (grace_msec, &grace_msec)))
    tell_setting (self, PROP_GRACE_MSEC);
}

/**
 * ppool_executor_get_crash_policy:
 * @self: an executor
 *
 * Gets the effect that the death of a worker has on the executor.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the policy
 *
 * Since: 1.0
 */
PPoolCrashPolicy
ppool_executor_get_crash_policy (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), PPOOL_CRASH_POLICY_BREAK);

  return ppool_pool_get_settings (self->pool).crash_policy;
}

/**
 * ppool_executor_set_crash_policy:
 * @self: an executor
 * @crash_policy: a policy
 *
 * Sets [property@PPool.Executor:crash-policy].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_crash_policy (PPoolExecutor    *self,
                                 PPoolCrashPolicy  crash_policy)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (crash_policy, &crash_policy)))
    tell_setting (self, PROP_CRASH_POLICY);
}

/**
 * ppool_executor_get_max_start_failures:
 * @self: an executor
 *
 * Gets the number of consecutive failed starts after which the executor is
 * broken.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number, or 0 for no limit
 *
 * Since: 1.0
 */
guint
ppool_executor_get_max_start_failures (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).max_start_failures;
}

/**
 * ppool_executor_set_max_start_failures:
 * @self: an executor
 * @max_start_failures: a number, or 0 for no limit
 *
 * Sets [property@PPool.Executor:max-start-failures].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_max_start_failures (PPoolExecutor *self,
                                       guint          max_start_failures)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_change_setting (self->pool,
                                 PPOOL_SETTING (max_start_failures, &max_start_failures)))
    tell_setting (self, PROP_MAX_START_FAILURES);
}

/**
 * ppool_executor_get_abort_grace_msec:
 * @self: an executor
 *
 * Gets the time between the steps that end a running call.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds
 *
 * Since: 1.0
 */
guint
ppool_executor_get_abort_grace_msec (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), 0);

  return ppool_pool_get_settings (self->pool).abort_grace_msec;
}

/**
 * ppool_executor_set_abort_grace_msec:
 * @self: an executor
 * @abort_grace_msec: a time in milliseconds
 *
 * Sets [property@PPool.Executor:abort-grace-msec].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_abort_grace_msec (PPoolExecutor *self,
                                     guint          abort_grace_msec)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (abort_grace_msec, &abort_grace_msec)))
    tell_setting (self, PROP_ABORT_GRACE_MSEC);
}

/**
 * ppool_executor_get_call_timeout_msec:
 * @self: an executor
 *
 * Gets the time that a call without a limit of its own may run.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or -1 for no limit
 *
 * Since: 1.0
 */
int
ppool_executor_get_call_timeout_msec (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), -1);

  return ppool_pool_get_settings (self->pool).call_timeout_msec;
}

/**
 * ppool_executor_set_call_timeout_msec:
 * @self: an executor
 * @call_timeout_msec: a time in milliseconds, or -1 for no limit
 *
 * Sets [property@PPool.Executor:call-timeout-msec].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_call_timeout_msec (PPoolExecutor *self,
                                      int            call_timeout_msec)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));
  g_return_if_fail (call_timeout_msec >= -1);

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (call_timeout_msec, &call_timeout_msec)))
    tell_setting (self, PROP_CALL_TIMEOUT_MSEC);
}

/**
 * ppool_executor_get_queue_timeout_msec:
 * @self: an executor
 *
 * Gets the time that a call without a limit of its own may wait for a worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or -1 for no limit
 *
 * Since: 1.0
 */
int
ppool_executor_get_queue_timeout_msec (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), -1);

  return ppool_pool_get_settings (self->pool).queue_timeout_msec;
}

/**
 * ppool_executor_set_queue_timeout_msec:
 * @self: an executor
 * @queue_timeout_msec: a time in milliseconds, or -1 for no limit
 *
 * Sets [property@PPool.Executor:queue-timeout-msec].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_queue_timeout_msec (PPoolExecutor *self,
                                       int            queue_timeout_msec)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));
  g_return_if_fail (queue_timeout_msec >= -1);

  if (ppool_pool_change_setting (self->pool,
                                 PPOOL_SETTING (queue_timeout_msec, &queue_timeout_msec)))
    tell_setting (self, PROP_QUEUE_TIMEOUT_MSEC);
}

/**
 * ppool_executor_get_cancel_running:
 * @self: an executor
 *
 * Gets whether the cancellable of a call also ends the call while it runs.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` if running calls are aborted
 *
 * Since: 1.0
 */
gboolean
ppool_executor_get_cancel_running (PPoolExecutor *self)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), FALSE);

  return ppool_pool_get_settings (self->pool).cancel_running;
}

/**
 * ppool_executor_set_cancel_running:
 * @self: an executor
 * @cancel_running: `TRUE` to abort running calls
 *
 * Sets [property@PPool.Executor:cancel-running].
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_executor_set_cancel_running (PPoolExecutor *self,
                                   gboolean       cancel_running)
{
  g_return_if_fail (PPOOL_IS_EXECUTOR (self));

  cancel_running = cancel_running != FALSE;

  if (ppool_pool_change_setting (self->pool, PPOOL_SETTING (cancel_running, &cancel_running)))
    tell_setting (self, PROP_CANCEL_RUNNING);
}

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

/**
 * ppool_executor_revive:
 * @self: an executor
 * @error: return location for an error
 *
 * Makes a broken executor accept calls again.
 *
 * Its state is running afterwards, and [method@PPool.Executor.get_error] returns `NULL`.
 * Calls that have failed are not repeated. If the executor is running, nothing happens. When
 * what has broken it was mended, for example when a missing program was installed, workers
 * start again.
 *
 * It fails with `PPOOL_ERROR_SHUT_DOWN` after the executor was shut down, and with
 * `PPOOL_ERROR_BROKEN` in a forked copy of its process.
 *
 * **Threads**: may be called from any thread. It may block until the remaining workers
 * of the broken executor have exited.
 *
 * Returns: `TRUE`, or `FALSE` with @error set
 *
 * Since: 1.0
 */
gboolean
ppool_executor_revive (PPoolExecutor  *self,
                       GError        **error)
{
  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return ppool_pool_revive (self->pool, error);
}

/* For who submits calls itself. It is there as long as the executor. */
PPoolPool *
ppool_executor_get_pool (PPoolExecutor *self)
{
  return self->pool;
}
