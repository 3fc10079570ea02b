/* ppool-future-wait.c: waiting for a future, and being told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-future-internal.h"

#include "ppool-reply-private.h"
#include "ppool-watch-private.h"

/**
 * ppool_future_result:
 * @self: a future
 * @timeout_msec: the maximum time to wait, in milliseconds; 0 doesn't wait, -1
 *   is no limit
 * @error: return location for an error
 *
 * Waits until the call has completed and gets its value.
 *
 * It fails with the error that the function set, or with the error that
 * prevented it from running, see [error@PPool.Error]; with
 * `G_IO_ERROR_CANCELLED` if the call was cancelled; or with
 * `G_IO_ERROR_TIMED_OUT` if it did not complete in time, in which case the
 * future is not changed.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_future_result (PPoolFuture  *self,
                     int           timeout_msec,
                     GError      **error)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);
  g_return_val_if_fail (timeout_msec >= -1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!ppool_outcome_wait (&self->record->outcome, timeout_msec, NULL, error))
    return NULL;

  return ppool_record_propagate (self->record, error);
}

/* Fires @completion when the call is done, or now if it is. */
void
ppool_future_fire_when_done (PPoolFuture     *self,
                             PPoolCompletion *completion)
{
  g_autoptr (PPoolWatch) watch = ppool_watch_new (self->record);

  ppool_watch_start (watch, completion);
}

/* A wait whose end is told to a callback. */
typedef struct
{
  PPoolReply reply;
  PPoolWatch *watch; /* (owned) */
} ResultWait;

static void
free_result_wait (gpointer data)
{
  ResultWait *wait = data;

  ppool_watch_stop (wait->watch);
  ppool_watch_unref (wait->watch);
  ppool_reply_clear (&wait->reply);
  g_free (wait);
}

static void
result_due_cb (gpointer data)
{
  ResultWait *wait = data;
  PPoolFuture *self = wait->reply.source_object;
  g_autoptr (GTask) task = ppool_reply_new_task (&wait->reply, TRUE, ppool_future_result_async);
  GError *error = NULL;
  GVariant *value;

  if (g_task_return_error_if_cancelled (task))
    return;

  value = ppool_record_propagate (self->record, &error);
  if (value != NULL)
    g_task_return_pointer (task, value, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

/**
 * ppool_future_result_async:
 * @self: a future
 * @cancellable: (nullable): stops the waiting, not the call
 * @callback: (nullable) (scope async): called when the call has completed
 * @user_data: data for @callback
 *
 * Waits asynchronously until the call has completed.
 *
 * [method@PPool.Future.result_finish] gets the value.
 *
 * **Threads**: may be called from any thread; @callback runs in the main context
 * that is the caller's thread-default one.
 *
 * Since: 1.0
 */
void
ppool_future_result_async (PPoolFuture         *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  GError *error = NULL;
  ResultWait *wait;

  g_return_if_fail (ppool_future_is_usable (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (!ppool_outcome_check (&self->record->outcome, &error))
    {
      g_task_report_error (self, callback, user_data, ppool_future_result_async, error);
      return;
    }

  wait = g_new0 (ResultWait, 1);
  ppool_reply_init (&wait->reply, self, cancellable, callback, user_data);
  wait->watch = ppool_watch_new (self->record);
  completion = ppool_completion_new (result_due_cb, wait, free_result_wait);
  ppool_watch_start (wait->watch, completion);
  ppool_completion_set_cancellable (completion, cancellable);
}

/**
 * ppool_future_result_finish:
 * @self: a future
 * @result: the result passed to the callback, or a future
 * @error: return location for an error
 *
 * Gets the value that [method@PPool.Future.result_async] waited for.
 *
 * It fails as [method@PPool.Future.result] does, and with
 * `G_IO_ERROR_CANCELLED` if the wait was cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_future_result_finish (PPoolFuture   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (PPOOL_IS_FUTURE (result))
    return ppool_future_propagate (PPOOL_FUTURE (result), error);

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * ppool_future_propagate:
 * @self: a future
 * @error: return location for an error
 *
 * Gets the value of a call that has completed, without waiting.
 *
 * It fails as [method@PPool.Future.result] does, and with `G_IO_ERROR_PENDING`
 * if the call has not completed.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_future_propagate (PPoolFuture  *self,
                        GError      **error)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return ppool_record_propagate (self->record, error);
}

/**
 * ppool_future_get_error:
 * @self: a future
 *
 * Gets the error of a call that failed or was cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): a copy of the error, or `NULL` if the
 *   call succeeded or has not completed
 *
 * Since: 1.0
 */
GError *
ppool_future_get_error (PPoolFuture *self)
{
  g_return_val_if_fail (ppool_future_is_usable (self), NULL);

  return ppool_outcome_get_error (&self->record->outcome);
}

/* What a completion holds until it is over; its future knows it as long. */
typedef struct
{
  PPoolFuture *future; /* (owned) */
  PPoolWatch *watch;   /* (owned) */
  PPoolFutureFunc func;
  gpointer user_data;
  GDestroyNotify user_data_destroy;
  PPoolCompletion *completion; /* (unowned): holds this */

  guint id;
  GList link; /* with the future's lock; in its callbacks, in the order of ids */
} DoneClosure;

static void
done_due_cb (gpointer data)
{
  DoneClosure *closure = data;

  ppool_record_release_inputs (closure->future->record);
  closure->func (closure->future, closure->user_data);
}

static void
free_done_closure (gpointer data)
{
  DoneClosure *closure = data;
  PPoolFuture *future = closure->future;

  /* In a forked copy of the process, the lock may be held for good. */
  if (ppool_outcome_check (&future->record->outcome, NULL))
    {
      g_mutex_lock (&future->lock);
      g_queue_unlink (&future->callbacks, &closure->link);
      g_mutex_unlock (&future->lock);
    }

  ppool_watch_stop (closure->watch);
  ppool_watch_unref (closure->watch);
  if (closure->user_data_destroy != NULL)
    closure->user_data_destroy (closure->user_data);
  g_object_unref (closure->future);
  g_free (closure);
}

/**
 * ppool_future_add_done_callback:
 * @self: a future
 * @func: (scope notified) (closure user_data) (destroy user_data_destroy):
 *   called when the call has completed
 * @user_data: data for @func
 * @user_data_destroy: (nullable): frees @user_data
 *
 * Adds a function that is called when the call completes, fails or is
 * cancelled.
 *
 * If the call has completed already, @func is called from the main context as
 * well, not from within this method. Callbacks of one context are called in the
 * order in which they were added. They keep the future alive.
 *
 * **Threads**: may be called from any thread; @func and @user_data_destroy run
 * in the main context that is the caller's thread-default one. If that context
 * is freed first, @func is never called, and @user_data_destroy is called where
 * the context is freed.
 *
 * Returns: an ID for [method@PPool.Future.remove_done_callback]; 0 only in a
 *   forked copy of the process, where @user_data is freed and @func is never
 *   called
 *
 * Since: 1.0
 */
guint
ppool_future_add_done_callback (PPoolFuture     *self,
                                PPoolFutureFunc  func,
                                gpointer         user_data,
                                GDestroyNotify   user_data_destroy)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  DoneClosure *closure;
  guint id;

  g_return_val_if_fail (ppool_future_is_usable (self), 0);
  g_return_val_if_fail (func != NULL, 0);

  if (!ppool_outcome_check (&self->record->outcome, NULL))
    {
      if (user_data_destroy != NULL)
        user_data_destroy (user_data);
      return 0;
    }

  closure = g_new0 (DoneClosure, 1);
  closure->future = g_object_ref (self);
  closure->watch = ppool_watch_new (self->record);
  closure->func = func;
  closure->user_data = user_data;
  closure->user_data_destroy = user_data_destroy;
  closure->link.data = closure;
  completion = ppool_completion_new (done_due_cb, closure, free_done_closure);
  closure->completion = completion;

  g_mutex_lock (&self->lock);
  id = closure->id = ++self->last_id;
  g_queue_push_tail_link (&self->callbacks, &closure->link);
  g_mutex_unlock (&self->lock);

  /* It may be over before this returns, if another thread iterates the context. */
  ppool_watch_start (closure->watch, completion);

  return id;
}

/* With the lock. (nullable): NULL if the callback was called or taken back. Who has many
 * takes back the oldest or the latest more often than another. */
static PPoolCompletion *
ref_completion (PPoolFuture *self,
                guint        id)
{
  GList *oldest = self->callbacks.head;
  GList *latest = self->callbacks.tail;

  for (; oldest != NULL; oldest = oldest->next, latest = latest->prev)
    {
      DoneClosure *first = oldest->data;
      DoneClosure *last = latest->data;

      if (first->id == id || last->id == id)
        return ppool_completion_ref (first->id == id ? first->completion : last->completion);
      if (first->id >= last->id)
        return NULL;
    }

  return NULL;
}

/**
 * ppool_future_remove_done_callback:
 * @self: a future
 * @id: an ID returned by [method@PPool.Future.add_done_callback]
 *
 * Removes a callback that has not been called.
 *
 * If it has been called or removed already, nothing happens. Otherwise, its data is
 * freed.
 *
 * **Threads**: may be called from any thread. In a thread other than the
 * callback's, the callback may be running at the same time.
 *
 * Since: 1.0
 */
void
ppool_future_remove_done_callback (PPoolFuture *self,
                                   guint        id)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  gboolean was_added;

  g_return_if_fail (ppool_future_is_usable (self));

  if (!ppool_outcome_check (&self->record->outcome, NULL))
    return;

  g_mutex_lock (&self->lock);
  was_added = id > 0 && id <= self->last_id;
  completion = ref_completion (self, id);
  g_mutex_unlock (&self->lock);

  g_return_if_fail (was_added);

  if (completion != NULL)
    ppool_completion_drop (completion);
}
