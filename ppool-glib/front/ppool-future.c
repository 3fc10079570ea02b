/* ppool-future.c: the result of a call, now or later
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-future-internal.h"

/**
 * PPoolFuture:
 *
 * The result of a call that may not have completed yet.
 *
 * Futures are returned by [method@PPool.Executor.submit]. When the call has
 * completed, its future has a value or an error, which can be read any number
 * of times:
 *
 * - blocking, with [method@PPool.Future.result], from a thread that may wait;
 * - from a main loop, with [method@PPool.Future.result_async], or
 *   [method@PPool.Future.add_done_callback] and [method@PPool.Future.propagate].
 *
 * Dropping a future doesn't cancel the call; see [method@PPool.Future.cancel].
 *
 * A future is a [iface@Gio.AsyncResult], whose source object is the executor
 * while that exists: it can be given to [method@PPool.Executor.call_finish].
 *
 * Only a call that no worker has taken can be cancelled. [method@PPool.Future.abort]
 * also ends a running call, together with its worker if the function does not return.
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread. Callbacks are called
 * in the main context that was the thread-default one where they were added,
 * never from within the function that adds them, and only while that context is
 * iterated. When a context is freed, its callbacks are released without being
 * called. [method@PPool.Future.result] needs no main context.
 *
 * Since: 1.0
 */

static void ppool_future_async_result_init (GAsyncResultIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (PPoolFuture, ppool_future, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_ASYNC_RESULT,
                                                      ppool_future_async_result_init))

/* Futures come from executors; a binding can make one of its own, which is good
 * for nothing. */
gboolean
ppool_future_is_usable (PPoolFuture *self)
{
  return PPOOL_IS_FUTURE (self) && self->record != NULL;
}

static GObject *
ppool_future_get_source_object (GAsyncResult *result)
{
  PPoolFuture *self = PPOOL_FUTURE (result);

  return ppool_future_is_usable (self) ? ppool_record_dup_source (self->record) : NULL;
}

static gpointer
ppool_future_get_user_data (GAsyncResult *result G_GNUC_UNUSED)
{
  return NULL;
}

static gboolean
ppool_future_is_tagged (GAsyncResult *result G_GNUC_UNUSED,
                        gpointer      tag G_GNUC_UNUSED)
{
  return FALSE;
}

static void
ppool_future_async_result_init (GAsyncResultIface *iface)
{
  iface->get_source_object = ppool_future_get_source_object;
  iface->get_user_data = ppool_future_get_user_data;
  iface->is_tagged = ppool_future_is_tagged;
}

static void
release (PPoolFuture *self)
{
  g_assert (g_queue_is_empty (&self->callbacks));

  g_mutex_clear (&self->lock);
  g_clear_object (&self->call);
  if (self->record != NULL)
    ppool_record_abandon (self->record);
  g_clear_pointer (&self->record, ppool_record_unref);
}

/* A forked copy of the process keeps what it has, as locks may be held for good. */
static void
ppool_future_finalize (GObject *object)
{
  PPoolFuture *self = PPOOL_FUTURE (object);

  if (self->record == NULL || ppool_outcome_check (&self->record->outcome, NULL))
    release (self);

  G_OBJECT_CLASS (ppool_future_parent_class)->finalize (object);
}

static void
ppool_future_class_init (PPoolFutureClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ppool_future_finalize;
}

static void
ppool_future_init (PPoolFuture *self)
{
  g_mutex_init (&self->lock);
}

/* Takes @record. */
PPoolFuture *
ppool_future_new (PPoolRecord *record,
                  PPoolCall   *call)
{
  PPoolFuture *self = g_object_new (PPOOL_TYPE_FUTURE, NULL);

  self->record = record;
  self->call = call != NULL ? g_object_ref (call) : NULL;

  return self;
}

/* (nullable): NULL for what is no future that an executor made. */
PPoolRecord *
ppool_future_get_record (PPoolFuture *self)
{
  return PPOOL_IS_FUTURE (self) ? self->record : NULL;
}

/**
 * ppool_future_cancel:
 * @self: a future
 *
 * Cancels the call if no worker has taken it yet.
 *
 * It returns at once. The future of a cancelled call has the error
 * `G_IO_ERROR_CANCELLED`, and its callbacks are called.
 *
 * **Threads**: may be called from any thread. No callback is called from within
 * it.
 *
 * Returns: `TRUE` if and only if the function will never run; `FALSE` if it is
 *   running or the call has completed
 *
 * Since: 1.0
 */
gboolean
ppool_future_cancel (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), FALSE);

  return ppool_record_cancel (self->record);
}

/**
 * ppool_future_abort:
 * @self: a future
 *
 * Ends the call, whether it waits or runs.
 *
 * A call that no worker has taken is cancelled, as by [method@PPool.Future.cancel]. The
 * function of a running call is asked to return, through the cancellable of
 * [method@PPool.Invocation.get_cancellable]. If it has not returned after
 * [property@PPool.Executor:abort-grace-msec], `SIGTERM` is sent to its worker, and after
 * the same time again `SIGKILL` to the worker and to the processes in its group, which
 * are those that the function has started. A worker that does not support such requests
 * is sent `SIGTERM` at once.
 *
 * If the function returns a value before a signal is sent, the future has this value. In all
 * other cases it has the error `G_IO_ERROR_CANCELLED` and
 * [method@PPool.Future.is_cancelled] is `TRUE`, once it is certain that the function
 * runs no more. Other calls are not affected, and the executor is not broken.
 *
 * **Threads**: may be called from any thread; it doesn't block. No callback is called
 * from within it.
 *
 * Since: 1.0
 */
void
ppool_future_abort (PPoolFuture *self)
{
  g_return_if_fail (ppool_future_is_usable (self));

  ppool_record_abort (self->record);
}

/**
 * ppool_future_is_cancelled:
 * @self: a future
 *
 * Checks whether the call was cancelled before it ran, or aborted.
 *
 * This distinguishes a cancelled call from a function that returned the error
 * `G_IO_ERROR_CANCELLED`.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` if the call was cancelled
 *
 * Since: 1.0
 */
gboolean
ppool_future_is_cancelled (PPoolFuture *self)
{
  return ppool_future_get_state (self) == PPOOL_FUTURE_STATE_CANCELLED;
}

/**
 * ppool_future_is_running:
 * @self: a future
 *
 * Checks whether a worker has taken the call and has not returned a result yet.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` if the call is running
 *
 * Since: 1.0
 */
gboolean
ppool_future_is_running (PPoolFuture *self)
{
  return ppool_future_get_state (self) == PPOOL_FUTURE_STATE_RUNNING;
}

/**
 * ppool_future_is_done:
 * @self: a future
 *
 * Checks whether the call has completed: with a value, with an error, or by
 * being cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` if the call has completed
 *
 * Since: 1.0
 */
gboolean
ppool_future_is_done (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), FALSE);

  return ppool_outcome_is_done (&self->record->outcome);
}

/**
 * ppool_future_get_state:
 * @self: a future
 *
 * Gets the state of the call.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
PPoolFutureState
ppool_future_get_state (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), PPOOL_FUTURE_STATE_PENDING);

  return ppool_record_get_state (self->record);
}

/**
 * ppool_future_get_function:
 * @self: a future
 *
 * Gets the name of the function that was called.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the name
 *
 * Since: 1.0
 */
const char *
ppool_future_get_function (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);

  return self->record->outcome.spec->function;
}

/**
 * ppool_future_get_call:
 * @self: a future
 *
 * Gets the call that was submitted with [method@PPool.Executor.submit_call].
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the call, or `NULL` if the future came
 *   from [method@PPool.Executor.submit]
 *
 * Since: 1.0
 */
PPoolCall *
ppool_future_get_call (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);

  return self->call;
}

/**
 * ppool_future_get_death:
 * @self: a future
 *
 * Gets the death of the worker that ran the call.
 *
 * It has the facts of the error message in a form for programs. After several attempts,
 * it is the death of the last worker. If the executor is broken, only the call whose worker
 * broke it has one. Calls that fail because of [method@PPool.Executor.terminate_workers] or
 * [method@PPool.Executor.kill_workers] have none.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): the death, or `NULL` if the call has a value, has not
 *   completed, or did not end with the death of its worker
 *
 * Since: 1.0
 */
PPoolDeath *
ppool_future_get_death (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);

  return ppool_outcome_ref_death (&self->record->outcome);
}

/**
 * ppool_future_get_n_attempts:
 * @self: a future
 *
 * Gets the number of workers that have taken the call.
 *
 * It is more than one if workers died while they ran the call, and
 * [property@PPool.Call:max-retries] allowed further attempts. As long as the call is
 * running, an attempt that is about to begin counts.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number, 0 as long as no worker has taken the call
 *
 * Since: 1.0
 */
guint
ppool_future_get_n_attempts (PPoolFuture *self)
{
  PPoolHistory history;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);

  ppool_record_get_history (self->record, &history);
  return history.n_attempts;
}

/**
 * ppool_future_get_worker_pid:
 * @self: a future
 *
 * Gets the process ID of the worker that took the call.
 *
 * If several workers have taken it, this is the last one.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the process ID, or 0 if no worker has taken the call
 *
 * Since: 1.0
 */
guint
ppool_future_get_worker_pid (PPoolFuture *self)
{
  PPoolHistory history;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);

  ppool_record_get_history (self->record, &history);
  return history.worker_pid;
}

/**
 * ppool_future_get_queued_time:
 * @self: a future
 *
 * Gets the time at which the call was submitted.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the monotonic time in microseconds, as of
 *   [func@GLib.get_monotonic_time]
 *
 * Since: 1.0
 */
gint64
ppool_future_get_queued_time (PPoolFuture *self)
{
  PPoolHistory history;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);

  ppool_outcome_get_history (&self->record->outcome, &history);
  return history.queued_time;
}

/**
 * ppool_future_get_started_time:
 * @self: a future
 *
 * Gets the time at which a worker took the call.
 *
 * If several workers have taken it, this is the time of the last one.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the monotonic time in microseconds, or 0 if no worker has taken
 *   the call
 *
 * Since: 1.0
 */
gint64
ppool_future_get_started_time (PPoolFuture *self)
{
  PPoolHistory history;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);

  ppool_record_get_history (self->record, &history);
  return history.started_time;
}

/**
 * ppool_future_get_finished_time:
 * @self: a future
 *
 * Gets the time at which the call completed.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the monotonic time in microseconds, or 0 if the call has not
 *   completed
 *
 * Since: 1.0
 */
gint64
ppool_future_get_finished_time (PPoolFuture *self)
{
  PPoolHistory history;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);

  ppool_outcome_get_history (&self->record->outcome, &history);
  return history.finished_time;
}
