/* ppool-group.c: many futures, waited for at once
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-group-private.h"

#include "ppool-fork-private.h"

/* A group waits for the calls of its futures and tells its owner of each that
 * is done, in the thread that settles it. Its owner is one of the two public
 * ways to wait for many futures.
 *
 * The group's memory is held by its owner and by every record that has yet to
 * tell it something, so what is told late finds it. Objects are another matter:
 * they may only be released where code of the program may run. So the owner
 * closes the group before it drops it, which takes the group back from the
 * records that are not settled, and drops the futures; what is left then is
 * plain memory. */

static gint64
get_finished_time (PPoolOutcome *outcome)
{
  PPoolHistory history;

  ppool_outcome_get_history (outcome, &history);

  return history.finished_time;
}

static void
settled_cb (PPoolOutcome *outcome,
            gpointer      data)
{
  PPoolGroupMember *member = data;
  PPoolGroup *self = member->group;

  member->finished_time = get_finished_time (outcome);
  self->func (self, member, outcome);
  ppool_group_unref (self);
}

static void
add_member (PPoolGroup  *self,
            PPoolFuture *future)
{
  PPoolGroupMember *member = &self->members[self->n_members++];
  PPoolOutcome *outcome = &ppool_future_get_record (future)->outcome;

  member->future = g_object_ref (future);
  member->link.data = member;
  member->group = self;
  member->waiter.func = settled_cb;
  member->waiter.data = member;

  /* A copied process has copied locks, held for ever by threads that it lacks. */
  if (self->foreign != NULL || !ppool_outcome_check (outcome, &self->foreign))
    return;

  member->finished_time = get_finished_time (outcome);
}

/* Looks which of @futures are done, and waits for none yet. @data is destroyed
 * in any thread. */
PPoolGroup *
ppool_group_new (PPoolFuture    **futures,
                 gsize            n_futures,
                 PPoolGroupFunc   func,
                 gpointer         data,
                 GDestroyNotify   destroy)
{
  PPoolGroup *self = g_atomic_rc_box_new0 (PPoolGroup);
  g_autoptr (GHashTable) known = g_hash_table_new (NULL, NULL);

  self->members = g_new0 (PPoolGroupMember, n_futures);
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  self->pid = ppool_fork_get_pid ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);

  for (gsize i = 0; i < n_futures; i++)
    if (g_hash_table_add (known, futures[i]))
      add_member (self, futures[i]);

  return self;
}

PPoolGroup *
ppool_group_ref (PPoolGroup *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_group (gpointer data)
{
  PPoolGroup *self = data;

  self->destroy (self->data);
  g_free (self->members);
  g_clear_error (&self->foreign);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
}

void
ppool_group_unref (PPoolGroup *self)
{
  g_atomic_rc_box_release_full (self, free_group);
}

/* Fails in a copy of the process to which the futures belong. */
gboolean
ppool_group_check (PPoolGroup  *self,
                   GError     **error)
{
  if (self->foreign != NULL)
    g_propagate_error (error, g_error_copy (self->foreign));
  else
    return ppool_fork_check (self->pid, "The futures belong", error);

  return FALSE;
}

/* Has the owner told of every member that was not done before. To be called
 * once; some may be told of inside. */
void
ppool_group_watch (PPoolGroup *self)
{
  for (gsize i = 0; i < self->n_members; i++)
    {
      PPoolGroupMember *member = &self->members[i];
      PPoolOutcome *outcome = &ppool_future_get_record (member->future)->outcome;

      if (member->finished_time > 0)
        continue;

      ppool_group_ref (self);
      if (!ppool_outcome_add_waiter (outcome, &member->waiter))
        settled_cb (outcome, member);
    }
}

/* Stops waiting and drops the futures that were not taken: to be called in a
 * thread of the program, without a lock, when nobody else uses the members. */
void
ppool_group_close (PPoolGroup *self)
{
  gboolean is_ours = ppool_group_check (self, NULL);

  for (gsize i = 0; i < self->n_members; i++)
    {
      PPoolGroupMember *member = &self->members[i];

      if (member->future == NULL)
        continue;

      if (is_ours &&
          ppool_outcome_remove_waiter (&ppool_future_get_record (member->future)->outcome,
                                       &member->waiter))
        ppool_group_unref (self);
      g_clear_object (&member->future);
    }
}
