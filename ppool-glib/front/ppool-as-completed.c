/* ppool-as-completed.c: many futures, one by one as they are done
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-as-completed-internal.h"

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
gboolean
ppool_arrivals_look (PPoolGroup        *group,
                     PPoolGroupMember **member,
                     PPoolFuture      **future)
{
  PPoolArrivals *arrivals = group->data;
  GList *link = g_queue_pop_head_link (&arrivals->ready);

  *member = link != NULL ? link->data : NULL;
  *future = link != NULL ? g_steal_pointer (&(*member)->future) : NULL;

  return link != NULL || arrivals->n_left == 0 || arrivals->n_given_up > 0;
}

/* Gives the first request what it waits for. */
static PPoolCompletion *
serve_first (PPoolGroup *group)
{
  PPoolCompletion *completion = NULL;
  PPoolArrivals *arrivals = group->data;
  PPoolArrivalRequest *request;

  g_mutex_lock (&group->lock);
  request = g_queue_peek_head (&arrivals->requests);
  if (request != NULL && ppool_arrivals_look (group, &request->member, &request->future))
    {
      g_queue_unlink (&arrivals->requests, &request->link);
      request->link.data = NULL;
      completion = ppool_completion_ref (request->completion);
    }
  g_mutex_unlock (&group->lock);

  return completion;
}

/* Without the lock, whenever something has become ready or all is over. */
void
ppool_arrivals_serve (PPoolGroup *group)
{
  PPoolCompletion *completion;

  while ((completion = serve_first (group)) != NULL)
    {
      ppool_completion_fire (completion);
      ppool_completion_unref (completion);
    }
}

/* With the lock. Who settles first need not tell first, if it is several threads. */
void
ppool_arrivals_add (PPoolGroup       *group,
                    PPoolGroupMember *member)
{
  PPoolArrivals *arrivals = group->data;
  GList *before = arrivals->ready.tail;

  while (before != NULL && compare_members (before->data, member, NULL) > 0)
    before = before->prev;
  g_queue_insert_after_link (&arrivals->ready, before, &member->link);

  if (arrivals->n_sleeping > 0)
    g_cond_broadcast (&group->changed);
}

static void
arrived (PPoolGroup       *group,
         PPoolGroupMember *member,
         PPoolRecord      *record G_GNUC_UNUSED)
{
  PPoolArrivals *arrivals = group->data;

  g_mutex_lock (&group->lock);
  arrivals->n_left--;
  if (arrivals->n_given_up == 0)
    ppool_arrivals_add (group, member);
  g_mutex_unlock (&group->lock);

  ppool_arrivals_serve (group);
}

static PPoolGroup *
make_group (PPoolFuture **futures,
            gsize         n_futures)
{
  PPoolArrivals *arrivals = g_new0 (PPoolArrivals, 1);
  PPoolGroup *group = ppool_group_new (futures, n_futures, arrived, arrivals, g_free);

  for (gsize i = 0; i < group->n_members; i++)
    if (group->members[i].finished_time > 0)
      g_queue_push_tail_link (&arrivals->ready, &group->members[i].link);
  arrivals->n_left = group->n_members - arrivals->ready.length;
  g_queue_sort (&arrivals->ready, compare_members, NULL);

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
 * @n_futures: how many; 0 is allowed
 * @timeout_msec: how long the whole may take from now on, in milliseconds; -1 is
 *   no limit
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
