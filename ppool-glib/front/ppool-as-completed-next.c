/* ppool-as-completed-next.c: asking for the next future that is done
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-as-completed-internal.h"

/* With the lock, when there is no answer. */
static gboolean
give_up_in_time (PPoolAsCompleted *self)
{
  PPoolArrivals *arrivals = self->group->data;

  if (self->deadline < 0 || g_get_monotonic_time () < self->deadline)
    return FALSE;

  arrivals->n_given_up = arrivals->n_left;
  g_cond_broadcast (&self->group->changed);

  return TRUE;
}

/* Without the lock, in the one thread that has given up. */
static GError *
end_early (PPoolAsCompleted *self)
{
  /* Nobody changes it any more. */
  gsize n_left = ((PPoolArrivals *) self->group->data)->n_given_up;

  ppool_group_close (self->group);
  ppool_arrivals_serve (self->group);

  return g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                      "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                      " futures were not done within %d ms",
                      n_left, self->group->n_members, self->timeout_msec);
}

/* In a thread of the program, which asks for the outcome. */
static PPoolFuture *
hand_out (PPoolFuture *future)
{
  ppool_record_release_inputs (ppool_future_get_record (future));

  return future;
}

/* One who asks, and blocks. */
typedef struct
{
  PPoolGroup *group; /* (unowned) */
  PPoolGroupMember *member;
  PPoolFuture *future; /* (owned) (nullable) */
} Next;

/* With the lock. */
static gboolean
has_next (gpointer data)
{
  Next *self = data;

  return ppool_arrivals_look (self->group, &self->member, &self->future);
}

static gboolean
wait_for_next (Next   *self,
               gint64  deadline)
{
  PPoolGroup *group = self->group;
  PPoolArrivals *arrivals = group->data;
  const PPoolWaiter waiter = {
    &group->lock, &group->changed, &arrivals->n_sleeping, has_next, self
  };

  return ppool_waiter_wait (&waiter, deadline, NULL) == PPOOL_WAITER_MET;
}

/* -1 is never, for each. */
static gint64
earlier (gint64 a,
         gint64 b)
{
  return a < 0 || (b >= 0 && b < a) ? b : a;
}

/**
 * ppool_as_completed_next_future:
 * @self: an iterator over futures
 * @timeout_msec: how long to wait this time, in milliseconds; 0 looks and doesn't
 *   wait, -1 is no limit
 * @error: return location for an error
 *
 * Waits for the next future whose call has completed.
 *
 * It fails with `G_IO_ERROR_TIMED_OUT` if no future was done within
 * @timeout_msec, and then the iterator is as it was. It fails with the same error
 * when the time given to [ctor@PPool.AsCompleted.new] is up, after all futures
 * that are done were given away, and that is the end: from then on it returns
 * `NULL` without an error. In a forked copy of the process it fails with
 * `PPOOL_ERROR_BROKEN`.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed.
 *
 * Returns: (transfer full) (nullable): a future that is done; or `NULL` without
 *   @error set at the end, or with @error set
 *
 * Since: 1.0
 */
PPoolFuture *
ppool_as_completed_next_future (PPoolAsCompleted  *self,
                                int                timeout_msec,
                                GError           **error)
{
  Next next = { .group = self->group };
  gboolean answered, gave_up = FALSE;
  gint64 deadline;

  g_return_val_if_fail (PPOOL_IS_AS_COMPLETED (self), NULL);
  g_return_val_if_fail (timeout_msec >= -1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!ppool_group_check (self->group, error))
    return NULL;

  deadline = earlier (self->deadline, ppool_waiter_deadline (timeout_msec));

  answered = wait_for_next (&next, deadline);
  if (!answered)
    {
      g_mutex_lock (&self->group->lock);
      answered = has_next (&next);
      if (!answered)
        gave_up = give_up_in_time (self);
      g_mutex_unlock (&self->group->lock);
    }

  if (gave_up)
    g_propagate_error (error, end_early (self));
  else if (!answered)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "No future was done within %d ms",
                 timeout_msec);

  return next.future != NULL ? hand_out (next.future) : NULL;
}

static void
tell (PPoolArrivalRequest *request,
      PPoolFuture         *future,
      GError              *error)
{
  g_autoptr (GTask) task =
    g_task_new (request->completed, NULL, request->callback, request->user_data);

  g_task_set_source_tag (task, ppool_as_completed_next_future_async);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, future, future != NULL ? g_object_unref : NULL);
}

/* With the lock. */
static void
leave_queue (PPoolArrivals       *arrivals,
             PPoolArrivalRequest *request)
{
  if (request->link.data != NULL)
    g_queue_unlink (&arrivals->requests, &request->link);
  request->link.data = NULL;
}

static void
request_due_cb (gpointer data)
{
  PPoolArrivalRequest *request = data;
  PPoolAsCompleted *self = request->completed;
  GMainContext *context = g_source_get_context (g_main_current_source ());
  gboolean answered, gave_up = FALSE;
  PPoolFuture *future;
  GError *error = NULL;

  g_mutex_lock (&self->group->lock);
  leave_queue (self->group->data, request);
  future = g_steal_pointer (&request->future);
  answered = future != NULL || ppool_arrivals_look (self->group, &request->member, &future);
  if (!answered && !g_cancellable_is_cancelled (request->cancellable))
    gave_up = give_up_in_time (self);
  g_mutex_unlock (&self->group->lock);

  if (gave_up)
    error = end_early (self);
  else if (!answered)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                         "Waiting for the next future was cancelled");

  g_main_context_push_thread_default (context);
  tell (request, future != NULL ? hand_out (future) : NULL, error);
  g_main_context_pop_thread_default (context);
}

static void
free_request (gpointer data)
{
  PPoolArrivalRequest *request = data;
  PPoolGroup *group = request->completed->group;
  PPoolArrivals *arrivals = group->data;

  /* If its main context was freed, it has not been told. */
  g_mutex_lock (&group->lock);
  leave_queue (arrivals, request);
  if (request->future != NULL && arrivals->n_given_up == 0)
    {
      request->member->future = g_steal_pointer (&request->future);
      ppool_arrivals_add (group, request->member);
    }
  g_mutex_unlock (&group->lock);
  ppool_arrivals_serve (group);

  g_clear_object (&request->future);
  g_clear_object (&request->cancellable);
  g_object_unref (request->completed);
  g_free (request);
}

/**
 * ppool_as_completed_next_future_async:
 * @self: an iterator over futures
 * @cancellable: (nullable): stops the waiting, not the iterator
 * @callback: (nullable) (scope async): is called when there is a future
 * @user_data: data for @callback
 *
 * Waits asynchronously for the next future whose call has completed.
 *
 * [method@PPool.AsCompleted.next_future_finish] gets the future. It can be
 * called again before an earlier wait has ended: each wait gets a different
 * future.
 *
 * **Threads**: may be called from any thread; @callback runs in the main
 * context that is the caller's thread-default one. If that context is freed,
 * another caller gets the future.
 *
 * Since: 1.0
 */
void
ppool_as_completed_next_future_async (PPoolAsCompleted    *self,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  GError *error = NULL;
  PPoolArrivals *arrivals;
  PPoolArrivalRequest *request;

  g_return_if_fail (PPOOL_IS_AS_COMPLETED (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (!ppool_group_check (self->group, &error))
    {
      g_task_report_error (self, callback, user_data, ppool_as_completed_next_future_async, error);
      return;
    }

  request = g_new0 (PPoolArrivalRequest, 1);
  request->completed = g_object_ref (self);
  request->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  request->callback = callback;
  request->user_data = user_data;
  completion = ppool_completion_new (request_due_cb, request, free_request);
  request->completion = completion;

  arrivals = self->group->data;
  g_mutex_lock (&self->group->lock);
  request->link.data = request;
  g_queue_push_tail_link (&arrivals->requests, &request->link);
  g_mutex_unlock (&self->group->lock);

  ppool_arrivals_serve (self->group);
  ppool_completion_set_cancellable (completion, cancellable);
  ppool_completion_set_deadline (completion, self->deadline);
}

/**
 * ppool_as_completed_next_future_finish:
 * @self: an iterator over futures
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Gets the future that [method@PPool.AsCompleted.next_future_async] waited for.
 *
 * It fails as [method@PPool.AsCompleted.next_future] does when the iterator's
 * own time is up, and with `G_IO_ERROR_CANCELLED` if the wait was cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): a future that is done; or `NULL` without
 *   @error set at the end, or with @error set
 *
 * Since: 1.0
 */
PPoolFuture *
ppool_as_completed_next_future_finish (PPoolAsCompleted  *self,
                                       GAsyncResult      *result,
                                       GError           **error)
{
  g_return_val_if_fail (PPOOL_IS_AS_COMPLETED (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
