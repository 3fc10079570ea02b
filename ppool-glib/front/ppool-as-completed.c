/* ppool-as-completed.c: many futures, one by one as they are done
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-as-completed.h"

#include "ppool-group-private.h"
#include "ppool-reply-private.h"

/**
 * PPoolAsCompleted:
 *
 * Iterates over futures in the order in which they complete.
 *
 * The futures can belong to several executors. Each future is returned once,
 * even if it was given several times. A call that failed or was cancelled has
 * completed as well.
 *
 * ```c
 * g_autoptr (PPoolAsCompleted) completed = ppool_as_completed_new (futures, n_futures, -1);
 * PPoolFuture *future;
 *
 * while ((future = ppool_as_completed_next_future (completed, -1, &error)) != NULL)
 *   {
 *     use_result (future);
 *     g_object_unref (future);
 *   }
 * ```
 *
 * The iterator holds a reference to each future until it has returned it.
 * Dropping the iterator does not cancel any call.
 *
 * Use it to handle results as soon as they arrive. To wait until all calls have
 * completed, or until the first one has failed, use [func@PPool.wait_futures].
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread, also concurrently:
 * each future is returned to one caller. A main context is only needed for the
 * callbacks of [method@PPool.AsCompleted.next_future_async].
 *
 * Since: 1.0
 */

/* What a group has besides its futures; guarded by the group's lock. A future
 * that is done stands in the queue of what is ready until somebody asks, and
 * who asks stands in the other one until something is ready. */
typedef struct
{
  gsize n_left;     /* futures that are not done */
  gsize n_given_up; /* what was left when the time was up: nobody looks at members any more */
  GQueue ready;     /* (element-type PPoolGroupMember): in the order of their ends */
  GQueue readers;  /* (element-type Reader): in the order in which they came */
  guint n_sleeping; /* threads that wait */
} Iteration;

/* One who is told by a callback. What was given to a context that is freed goes to the
 * next one who asks. */
typedef struct
{
  PPoolReply reply;
  PPoolCompletion *completion; /* (unowned): holds this */

  /* With the group's lock. */
  GList link;               /* without data when it is in no queue */
  PPoolGroupMember *member; /* (nullable): what it was given */
  PPoolFuture *future;      /* (owned) (nullable): the future of that */
} Reader;

struct _PPoolAsCompleted
{
  GObject parent_instance;

  /* Constant. */
  PPoolGroup *group; /* (owned) */
  int timeout_msec;
  gint64 deadline; /* -1 is never */
};

G_DEFINE_FINAL_TYPE (PPoolAsCompleted, ppool_as_completed, G_TYPE_OBJECT)

static int
compare_members (gconstpointer a,
                 gconstpointer b,
                 gpointer      user_data G_GNUC_UNUSED)
{
  const PPoolGroupMember *member_a = a;
  const PPoolGroupMember *member_b = b;

  return (member_a->finished_time > member_b->finished_time) -
         (member_a->finished_time < member_b->finished_time);
}

/* With the lock. Returns FALSE if there is neither a future nor the end yet. */
static gboolean
take_ready (PPoolGroup        *group,
            PPoolGroupMember **member,
            PPoolFuture      **future)
{
  Iteration *iteration = group->data;
  GList *link = g_queue_pop_head_link (&iteration->ready);

  *member = link != NULL ? link->data : NULL;
  *future = link != NULL ? g_steal_pointer (&(*member)->future) : NULL;

  return link != NULL || iteration->n_left == 0 || iteration->n_given_up > 0;
}

/* Gives the first reader what it waits for. */
static PPoolCompletion *
serve_first (PPoolGroup *group)
{
  PPoolCompletion *completion = NULL;
  Iteration *iteration = group->data;
  Reader *reader;

  g_mutex_lock (&group->lock);
  reader = g_queue_peek_head (&iteration->readers);
  if (reader != NULL && take_ready (group, &reader->member, &reader->future))
    {
      g_queue_unlink (&iteration->readers, &reader->link);
      reader->link.data = NULL;
      completion = ppool_completion_ref (reader->completion);
    }
  g_mutex_unlock (&group->lock);

  return completion;
}

/* Without the lock, whenever something has become ready or all is over. */
static void
serve (PPoolGroup *group)
{
  PPoolCompletion *completion;

  while ((completion = serve_first (group)) != NULL)
    {
      ppool_completion_fire (completion);
      ppool_completion_unref (completion);
    }
}

/* With the lock. Who settles first need not tell first, if it is several threads. */
static void
add_ready (PPoolGroup       *group,
           PPoolGroupMember *member)
{
  Iteration *iteration = group->data;
  GList *before = iteration->ready.tail;

  while (before != NULL && compare_members (before->data, member, NULL) > 0)
    before = before->prev;
  g_queue_insert_after_link (&iteration->ready, before, &member->link);

  if (iteration->n_sleeping > 0)
    g_cond_broadcast (&group->changed);
}

static void
member_done (PPoolGroup       *group,
             PPoolGroupMember *member,
             PPoolOutcome     *outcome G_GNUC_UNUSED)
{
  Iteration *iteration = group->data;

  g_mutex_lock (&group->lock);
  iteration->n_left--;
  if (iteration->n_given_up == 0)
    add_ready (group, member);
  g_mutex_unlock (&group->lock);

  serve (group);
}

static PPoolGroup *
make_group (PPoolFuture **futures,
            gsize         n_futures)
{
  Iteration *iteration = g_new0 (Iteration, 1);
  PPoolGroup *group = ppool_group_new (futures, n_futures, member_done, iteration, g_free);

  for (gsize i = 0; i < group->n_members; i++)
    if (group->members[i].finished_time > 0)
      g_queue_push_tail_link (&iteration->ready, &group->members[i].link);
  iteration->n_left = group->n_members - iteration->ready.length;
  g_queue_sort (&iteration->ready, compare_members, NULL);

  if (ppool_group_check (group, NULL))
    ppool_group_watch (group);

  return group;
}

/* A forked copy of the process keeps what it has, as locks may be held for good. */
static void
ppool_as_completed_finalize (GObject *object)
{
  PPoolAsCompleted *self = PPOOL_AS_COMPLETED (object);

  if (ppool_group_check (self->group, NULL))
    {
      ppool_group_close (self->group);
      ppool_group_unref (self->group);
    }

  G_OBJECT_CLASS (ppool_as_completed_parent_class)->finalize (object);
}

static void
ppool_as_completed_class_init (PPoolAsCompletedClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ppool_as_completed_finalize;
}

static void
ppool_as_completed_init (PPoolAsCompleted *self)
{
  /* A binding can make one without futures, which is at its end. */
  self->group = make_group (NULL, 0);
  self->deadline = -1;
}

/**
 * ppool_as_completed_new:
 * @futures: (array length=n_futures): futures, of any executors
 * @n_futures: the number of futures; 0 is allowed
 * @timeout_msec: the maximum time for the whole iteration from now on, in
 *   milliseconds; -1 is no limit
 *
 * Creates an iterator over futures in the order in which they complete.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): the iterator
 *
 * Since: 1.0
 */
PPoolAsCompleted *
ppool_as_completed_new (PPoolFuture **futures,
                        gsize         n_futures,
                        int           timeout_msec)
{
  PPoolAsCompleted *self;

  for (gsize i = 0; i < n_futures; i++)
    g_return_val_if_fail (ppool_future_get_record (futures[i]) != NULL, NULL);
  g_return_val_if_fail (timeout_msec >= -1, NULL);

  self = g_object_new (PPOOL_TYPE_AS_COMPLETED, NULL);
  self->timeout_msec = timeout_msec;
  self->deadline = ppool_waiter_deadline (timeout_msec);
  ppool_group_unref (self->group);
  self->group = make_group (futures, n_futures);

  return self;
}

/* Blocking */

/* With the lock, when there is no answer. */
static gboolean
give_up_in_time (PPoolAsCompleted *self)
{
  Iteration *iteration = self->group->data;

  if (self->deadline < 0 || g_get_monotonic_time () < self->deadline)
    return FALSE;

  iteration->n_given_up = iteration->n_left;
  g_cond_broadcast (&self->group->changed);

  return TRUE;
}

/* Without the lock, in the one thread that has given up. */
static GError *
end_early (PPoolAsCompleted *self)
{
  /* Nobody changes it any more. */
  gsize n_left = ((Iteration *) self->group->data)->n_given_up;

  ppool_group_close (self->group);
  serve (self->group);

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

  return take_ready (self->group, &self->member, &self->future);
}

static gboolean
wait_for_next (Next   *self,
               gint64  deadline)
{
  PPoolGroup *group = self->group;
  Iteration *iteration = group->data;
  const PPoolWaiter waiter = {
    &group->lock, &group->changed, &iteration->n_sleeping, has_next, self
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
 * @timeout_msec: the maximum time to wait for this future, in milliseconds; 0
 *   doesn't wait, -1 is no limit
 * @error: return location for an error
 *
 * Waits for the next future whose call has completed.
 *
 * It fails with `G_IO_ERROR_TIMED_OUT` if no call completes within @timeout_msec;
 * the iterator is not changed by that. When the time given to
 * [ctor@PPool.AsCompleted.new] is up, it returns the futures whose calls have
 * completed until then, fails once with the same error, and from then on returns
 * `NULL` without an error. In a forked copy of the process it fails with
 * `PPOOL_ERROR_BROKEN`.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed.
 *
 * Returns: (transfer full) (nullable): a future whose call has completed; or
 *   `NULL` without @error set at the end, or with @error set
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

/* Not blocking */

static void
tell (Reader     *reader,
      PPoolFuture *future,
      GError      *error)
{
  g_autoptr (GTask) task =
    ppool_reply_new_task (&reader->reply, FALSE, ppool_as_completed_next_future_async);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, future, future != NULL ? g_object_unref : NULL);
}

/* With the lock. */
static void
leave_queue (Iteration *iteration,
             Reader  *reader)
{
  if (reader->link.data != NULL)
    g_queue_unlink (&iteration->readers, &reader->link);
  reader->link.data = NULL;
}

static void
reader_due_cb (gpointer data)
{
  Reader *reader = data;
  PPoolAsCompleted *self = reader->reply.source_object;
  gboolean answered, gave_up = FALSE;
  PPoolFuture *future;
  GError *error = NULL;

  g_mutex_lock (&self->group->lock);
  leave_queue (self->group->data, reader);
  future = g_steal_pointer (&reader->future);
  answered = future != NULL || take_ready (self->group, &reader->member, &future);
  if (!answered && !g_cancellable_is_cancelled (reader->reply.cancellable))
    gave_up = give_up_in_time (self);
  g_mutex_unlock (&self->group->lock);

  if (gave_up)
    error = end_early (self);
  else if (!answered)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                         "Waiting for the next future was cancelled");

  tell (reader, future != NULL ? hand_out (future) : NULL, error);
}

static void
free_reader (gpointer data)
{
  Reader *reader = data;
  PPoolAsCompleted *self = reader->reply.source_object;
  PPoolGroup *group = self->group;
  Iteration *iteration = group->data;

  /* If its main context was freed, it has not been told. */
  g_mutex_lock (&group->lock);
  leave_queue (iteration, reader);
  if (reader->future != NULL && iteration->n_given_up == 0)
    {
      reader->member->future = g_steal_pointer (&reader->future);
      add_ready (group, reader->member);
    }
  g_mutex_unlock (&group->lock);
  serve (group);

  g_clear_object (&reader->future);
  ppool_reply_clear (&reader->reply);
  g_free (reader);
}

/**
 * ppool_as_completed_next_future_async:
 * @self: an iterator over futures
 * @cancellable: (nullable): stops the waiting, not the iterator
 * @callback: (nullable) (scope async): called when the next call has completed
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
  Iteration *iteration;
  Reader *reader;

  g_return_if_fail (PPOOL_IS_AS_COMPLETED (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (!ppool_group_check (self->group, &error))
    {
      g_task_report_error (self, callback, user_data, ppool_as_completed_next_future_async, error);
      return;
    }

  reader = g_new0 (Reader, 1);
  ppool_reply_init (&reader->reply, self, cancellable, callback, user_data);
  completion = ppool_completion_new (reader_due_cb, reader, free_reader);
  reader->completion = completion;

  iteration = self->group->data;
  g_mutex_lock (&self->group->lock);
  reader->link.data = reader;
  g_queue_push_tail_link (&iteration->readers, &reader->link);
  g_mutex_unlock (&self->group->lock);

  serve (self->group);
  ppool_completion_set_cancellable (completion, cancellable);
  ppool_completion_set_deadline (completion, self->deadline);
}

/**
 * ppool_as_completed_next_future_finish:
 * @self: an iterator over futures
 * @result: the result passed to the callback
 * @error: return location for an error
 *
 * Gets the future that [method@PPool.AsCompleted.next_future_async] waited for.
 *
 * It fails as [method@PPool.AsCompleted.next_future] does when the iterator's
 * own time is up, and with `G_IO_ERROR_CANCELLED` if the wait was cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): a future whose call has completed; or
 *   `NULL` without @error set at the end, or with @error set
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
