/* ppool-wait.c: waiting for many futures
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-wait.h"

#include "ppool-group-private.h"
#include "ppool-reply-private.h"

/* What a group has besides its futures; guarded by the group's lock but for
 * what is constant. It wakes who waits once, and not for every future. */
typedef struct
{
  PPoolReturnWhen return_when; /* constant */
  gsize n_left;                /* futures that are not done */
  gboolean has_failed;         /* one of them, if that matters */
  gboolean is_met;             /* what is waited for has come about */
  PPoolCompletion *completion; /* (owned) (nullable): to be fired then */
} Wait;

static void
free_wait (gpointer data)
{
  Wait *wait = data;

  g_clear_pointer (&wait->completion, ppool_completion_unref);
  g_free (wait);
}

static gboolean
is_met (PPoolGroup *group)
{
  Wait *wait = group->data;

  return wait->n_left == 0 || wait->has_failed ||
         (wait->return_when == PPOOL_RETURN_WHEN_FIRST_COMPLETED &&
          wait->n_left < group->n_members);
}

static gboolean
is_failure (Wait         *wait,
            PPoolOutcome *outcome)
{
  return wait->return_when == PPOOL_RETURN_WHEN_FIRST_ERROR && ppool_outcome_has_failed (outcome);
}

static void
member_done (PPoolGroup       *group,
             PPoolGroupMember *member G_GNUC_UNUSED,
             PPoolOutcome     *outcome)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  Wait *wait = group->data;
  gboolean has_failed = is_failure (wait, outcome);

  g_mutex_lock (&group->lock);
  wait->n_left--;
  wait->has_failed |= has_failed;
  if (!wait->is_met && is_met (group))
    {
      wait->is_met = TRUE;
      completion = g_steal_pointer (&wait->completion);
      g_cond_broadcast (&group->changed);
    }
  g_mutex_unlock (&group->lock);

  if (completion != NULL)
    ppool_completion_fire (completion);
}

static gboolean
are_usable (PPoolFuture **futures,
            gsize         n_futures)
{
  for (gsize i = 0; i < n_futures; i++)
    if (ppool_future_get_record (futures[i]) == NULL)
      return FALSE;

  return TRUE;
}

static PPoolGroup *
look_at_futures (PPoolFuture     **futures,
                 gsize             n_futures,
                 PPoolReturnWhen   return_when,
                 GError          **error)
{
  Wait *wait = g_new0 (Wait, 1);
  PPoolGroup *group = ppool_group_new (futures, n_futures, member_done, wait, free_wait);

  wait->return_when = return_when;
  wait->n_left = group->n_members;
  if (!ppool_group_check (group, error))
    {
      ppool_group_close (group);
      ppool_group_unref (group);
      return NULL;
    }

  for (gsize i = 0; i < group->n_members; i++)
    if (group->members[i].finished_time > 0)
      {
        wait->n_left--;
        wait->has_failed |=
          is_failure (wait, &ppool_future_get_record (group->members[i].future)->outcome);
      }
  wait->is_met = is_met (group);

  return group;
}

/* Takes the futures that are done, and drops the others. */
static GPtrArray *
take_done (PPoolGroup *group)
{
  GPtrArray *done = g_ptr_array_new_with_free_func (g_object_unref);

  for (gsize i = 0; i < group->n_members; i++)
    {
      PPoolGroupMember *member = &group->members[i];
      PPoolRecord *record = ppool_future_get_record (member->future);

      if (!ppool_outcome_is_done (&record->outcome))
        continue;

      ppool_record_release_inputs (record);
      g_ptr_array_add (done, g_steal_pointer (&member->future));
    }
  ppool_group_close (group);

  return done;
}

static gboolean
has_come_about (gpointer data)
{
  return ((const Wait *) data)->is_met;
}

/* Returns: FALSE if it was cancelled. */
static gboolean
block (PPoolGroup   *group,
       int           timeout_msec,
       GCancellable *cancellable)
{
  const PPoolWaiter waiter = { &group->lock, &group->changed, NULL, has_come_about, group->data };
  gint64 deadline = ppool_waiter_deadline (timeout_msec);

  /* Nobody need be told of more than there is. */
  if (!((Wait *) group->data)->is_met && timeout_msec != 0)
    ppool_group_watch (group);

  return ppool_waiter_wait (&waiter, deadline, cancellable) != PPOOL_WAITER_CANCELLED;
}

/**
 * ppool_wait_futures:
 * @futures: (array length=n_futures): futures, of any executors
 * @n_futures: the number of futures; 0 is allowed
 * @return_when: the condition to wait for
 * @timeout_msec: the maximum time to wait, in milliseconds; 0 doesn't wait, -1
 *   is no limit
 * @cancellable: (nullable): stops the waiting, not the calls
 * @error: return location for an error
 *
 * Waits for several futures.
 *
 * It returns when the condition @return_when is met, when there is nothing to
 * wait for, or when the time is up, which is not an error. It returns the
 * futures whose calls have completed, each once and in the order in which they
 * were given. A call that failed or was cancelled has completed as well; use
 * [method@PPool.Future.propagate] or [method@PPool.Future.get_error] to get its
 * outcome.
 *
 * To get many futures one by one as their calls complete, use
 * [class@PPool.AsCompleted]: it looks at each of them once, whereas this
 * function looks at all of them each time.
 *
 * It fails with `G_IO_ERROR_CANCELLED` if @cancellable was cancelled first, and
 * with `PPOOL_ERROR_BROKEN` in a forked copy of the process.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed.
 *
 * Returns: (transfer container) (element-type PPoolFuture): the futures whose
 *   calls have completed, to which the array has references, or `NULL` with
 *   @error set
 *
 * Since: 1.0
 */
GPtrArray *
ppool_wait_futures (PPoolFuture      **futures,
                    gsize              n_futures,
                    PPoolReturnWhen    return_when,
                    int                timeout_msec,
                    GCancellable      *cancellable,
                    GError           **error)
{
  g_autoptr (PPoolGroup) group = NULL;

  g_return_val_if_fail (are_usable (futures, n_futures), NULL);
  g_return_val_if_fail (timeout_msec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  group = look_at_futures (futures, n_futures, return_when, error);
  if (group == NULL)
    return NULL;

  if (block (group, timeout_msec, cancellable))
    return take_done (group);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                       "Waiting for futures was cancelled");
  ppool_group_close (group);

  return NULL;
}

/* A wait whose end is told to a callback. */
typedef struct
{
  PPoolReply reply;
  PPoolGroup *group; /* (owned) */
} AsyncWait;

static void
wait_due_cb (gpointer data)
{
  AsyncWait *async = data;
  g_autoptr (GTask) task = ppool_reply_new_task (&async->reply, FALSE, ppool_wait_futures_async);
  gboolean met;

  g_mutex_lock (&async->group->lock);
  met = ((Wait *) async->group->data)->is_met;
  g_mutex_unlock (&async->group->lock);

  if (!met && g_cancellable_is_cancelled (async->reply.cancellable))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                             "Waiting for futures was cancelled");
  else
    g_task_return_pointer (task, take_done (async->group), (GDestroyNotify) g_ptr_array_unref);
}

static void
free_async_wait (gpointer data)
{
  AsyncWait *async = data;

  ppool_group_close (async->group);
  ppool_group_unref (async->group);
  ppool_reply_clear (&async->reply);
  g_free (async);
}

/* Nothing fires the completion before all futures are watched. */
static void
fire_when_met (PPoolGroup      *group,
               PPoolCompletion *completion)
{
  Wait *wait = group->data;
  gboolean met;

  g_mutex_lock (&group->lock);
  met = wait->is_met;
  if (!met)
    wait->completion = ppool_completion_ref (completion);
  g_mutex_unlock (&group->lock);

  if (met)
    ppool_completion_fire (completion);
}

/**
 * ppool_wait_futures_async:
 * @futures: (array length=n_futures): futures, of any executors
 * @n_futures: the number of futures; 0 is allowed
 * @return_when: the condition to wait for
 * @timeout_msec: the maximum time to wait, in milliseconds; 0 doesn't wait, -1
 *   is no limit
 * @cancellable: (nullable): stops the waiting, not the calls
 * @callback: (nullable) (scope async): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits asynchronously for several futures.
 *
 * [func@PPool.wait_futures_finish] gets those whose calls have completed; see
 * [func@PPool.wait_futures]. The futures are kept alive until @callback has
 * run.
 *
 * **Threads**: may be called from any thread; @callback runs in the main
 * context that is the caller's thread-default one. If that context is freed,
 * the futures are released and @callback is not called.
 *
 * Since: 1.0
 */
void
ppool_wait_futures_async (PPoolFuture         **futures,
                          gsize                 n_futures,
                          PPoolReturnWhen       return_when,
                          int                   timeout_msec,
                          GCancellable         *cancellable,
                          GAsyncReadyCallback   callback,
                          gpointer              user_data)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  g_autoptr (PPoolGroup) group = NULL;
  GError *error = NULL;
  AsyncWait *async;

  g_return_if_fail (are_usable (futures, n_futures));
  g_return_if_fail (timeout_msec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  group = look_at_futures (futures, n_futures, return_when, &error);
  if (group == NULL)
    {
      g_task_report_error (NULL, callback, user_data, ppool_wait_futures_async, error);
      return;
    }

  if (!((Wait *) group->data)->is_met && timeout_msec != 0)
    ppool_group_watch (group);

  async = g_new0 (AsyncWait, 1);
  ppool_reply_init (&async->reply, NULL, cancellable, callback, user_data);
  async->group = ppool_group_ref (group);
  completion = ppool_completion_new (wait_due_cb, async, free_async_wait);
  fire_when_met (group, completion);
  ppool_completion_set_cancellable (completion, cancellable);
  ppool_completion_set_deadline (completion, ppool_waiter_deadline (timeout_msec));
}

/**
 * ppool_wait_futures_finish:
 * @result: the result passed to the callback
 * @error: return location for an error
 *
 * Gets the futures whose calls completed during
 * [func@PPool.wait_futures_async].
 *
 * It fails as [func@PPool.wait_futures] does.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer container) (element-type PPoolFuture): the futures whose
 *   calls have completed, to which the array has references, or `NULL` with
 *   @error set
 *
 * Since: 1.0
 */
GPtrArray *
ppool_wait_futures_finish (GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, ppool_wait_futures_async), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
