/* ppool-completion.c: brings callbacks to the contexts that asked
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-completion-private.h"

#include "ppool-fork-private.h"

/* Each main context that waits for something has one queue with one source. A
 * completion is made in the context that asks (waiting), fired from any thread
 * (due), and called in its context (over); or it is dropped before that. From
 * the time it is made until it is over the queue holds it and its data, so
 * fire-and-forget works, and the data ends where it was given.
 *
 * Nothing here holds a context. When one is freed, its source is destroyed, and
 * with it goes what still waited there: nobody could be called any more.
 *
 * Queue locks are taken before a context's own (g_source_set_ready_time()), and
 * destroy notifies of sources run without the context's lock, so the two don't
 * meet the other way round. */

/* How long the application's loop is kept from its other sources. */
#define SLICE_USEC 2000

typedef enum
{
  WAITING,
  DUE,
  OVER,
} State;

typedef struct
{
  GMainContext *context; /* (unowned): for the registry only */
  pid_t pid;
  GMutex lock;           /* guards what follows */
  GSource *source;       /* (owned) (nullable); NULL once the context is gone */
  GQueue waiting;        /* (owned) (element-type PPoolCompletion) */
  GQueue due;            /* (owned) (element-type PPoolCompletion) */
} Queue;

struct _PPoolCompletion
{
  Queue *queue; /* (owned) */
  PPoolCompletionFunc func;
  gpointer data; /* (owned) */
  GDestroyNotify destroy;

  /* With the queue's lock, until it is over. */
  State state;
  GList link;         /* in the queue's list of that state */
  GSource *cancelled; /* (owned) (nullable): in the same context */
  GSource *deadline;  /* (owned) (nullable): in the same context */
};

typedef struct
{
  GSource source;
  Queue *queue; /* (unowned): the source's callback data has the reference */
} QueueSource;

static PPoolForkLock registry_lock;
static GHashTable *registry; /* (owned) (element-type GMainContext Queue) */

/* In a forked copy nobody can tell what a thread of the original was doing to a queue, so
 * nothing that is in it is touched there. */
static gboolean
is_foreign (Queue *queue)
{
  return queue->pid != ppool_fork_get_pid ();
}

static void
free_queue (gpointer data)
{
  Queue *queue = data;

  g_assert (queue->source == NULL);
  g_mutex_clear (&queue->lock);
}

static void
unref_queue (Queue *queue)
{
  g_atomic_rc_box_release_full (queue, free_queue);
}

static void
free_completion (gpointer data)
{
  PPoolCompletion *self = data;

  g_assert (self->state == OVER);
  unref_queue (self->queue);
}

PPoolCompletion *
ppool_completion_ref (PPoolCompletion *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
ppool_completion_unref (PPoolCompletion *self)
{
  g_atomic_rc_box_release_full (self, free_completion);
}

static void
end_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* With a completion that is in no list any more. */
static void
end_completion (PPoolCompletion *self,
                gboolean         call)
{
  g_clear_pointer (&self->cancelled, end_source);
  g_clear_pointer (&self->deadline, end_source);
  if (call)
    self->func (self->data);
  if (self->destroy != NULL)
    self->destroy (self->data);
  ppool_completion_unref (self);
}

static PPoolCompletion *
take_first (Queue  *queue,
            GQueue *list)
{
  PPoolCompletion *completion = NULL;
  GList *link;

  g_mutex_lock (&queue->lock);
  link = g_queue_pop_head_link (list);
  if (link != NULL)
    {
      completion = link->data;
      completion->state = OVER;
    }
  else if (queue->source != NULL && list == &queue->due)
    g_source_set_ready_time (queue->source, -1);
  g_mutex_unlock (&queue->lock);

  return completion;
}

static gboolean
dispatch_queue (GSource     *source,
                GSourceFunc  callback G_GNUC_UNUSED,
                gpointer     user_data G_GNUC_UNUSED)
{
  Queue *queue = ((QueueSource *) source)->queue;
  gint64 end = g_get_monotonic_time () + SLICE_USEC;
  PPoolCompletion *completion;

  if (is_foreign (queue))
    return G_SOURCE_REMOVE;

  g_atomic_rc_box_acquire (queue);
  do
    {
      completion = take_first (queue, &queue->due);
      if (completion != NULL)
        end_completion (completion, TRUE);
    }
  while (completion != NULL && g_get_monotonic_time () < end);

  unref_queue (queue);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs queue_source_funcs = { .dispatch = dispatch_queue };

static void
forget_registry (void)
{
  registry = NULL;
}

static void
context_gone (gpointer data)
{
  Queue *queue = data;
  PPoolCompletion *completion;
  GSource *source;

  if (is_foreign (queue))
    return;

  ppool_fork_lock (&registry_lock, forget_registry);
  g_hash_table_remove (registry, queue->context);
  ppool_fork_unlock (&registry_lock);

  g_mutex_lock (&queue->lock);
  source = g_steal_pointer (&queue->source);
  g_mutex_unlock (&queue->lock);

  while ((completion = take_first (queue, &queue->due)) != NULL ||
         (completion = take_first (queue, &queue->waiting)) != NULL)
    end_completion (completion, FALSE);

  g_source_unref (source);
  unref_queue (queue);
}

static Queue *
make_queue (GMainContext *context)
{
  Queue *queue = g_atomic_rc_box_new0 (Queue);

  queue->context = context;
  queue->pid = ppool_fork_get_pid ();
  g_mutex_init (&queue->lock);

  queue->source = g_source_new (&queue_source_funcs, sizeof (QueueSource));
  ((QueueSource *) queue->source)->queue = queue;
  g_source_set_static_name (queue->source, "[ppool] completions");
  /* A callback may run a loop of its own and wait for another one. */
  g_source_set_can_recurse (queue->source, TRUE);
  g_source_set_callback (queue->source, NULL, g_atomic_rc_box_acquire (queue), context_gone);

  return queue;
}

/* The caller's reference to the context keeps it from going meanwhile. */
static Queue *
ref_queue_of (GMainContext *context)
{
  Queue *queue;
  gboolean is_new = FALSE;

  ppool_fork_lock (&registry_lock, forget_registry);
  if (registry == NULL)
    registry = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) unref_queue);
  queue = g_hash_table_lookup (registry, context);
  if (queue == NULL)
    {
      queue = make_queue (context);
      g_hash_table_insert (registry, context, queue);
      is_new = TRUE;
    }
  g_atomic_rc_box_acquire (queue);
  ppool_fork_unlock (&registry_lock);

  if (is_new)
    g_source_attach (queue->source, context);

  return queue;
}

/* Makes a completion in the thread-default context of the caller. @destroy ends
 * @data in that context, or where the completion is dropped. */
PPoolCompletion *
ppool_completion_new (PPoolCompletionFunc func,
                      gpointer            data,
                      GDestroyNotify      destroy)
{
  PPoolCompletion *self = g_atomic_rc_box_new0 (PPoolCompletion);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  self->queue = ref_queue_of (context);
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  self->link.data = self;

  g_mutex_lock (&self->queue->lock);
  g_queue_push_tail_link (&self->queue->waiting, &ppool_completion_ref (self)->link);
  g_mutex_unlock (&self->queue->lock);

  return self;
}

/* Brings the completion to its context; the second time does nothing. */
void
ppool_completion_fire (PPoolCompletion *self)
{
  Queue *queue = self->queue;

  if (is_foreign (queue))
    return;

  g_mutex_lock (&queue->lock);
  if (self->state == WAITING)
    {
      gboolean was_empty = g_queue_is_empty (&queue->due);

      g_queue_unlink (&queue->waiting, &self->link);
      g_queue_push_tail_link (&queue->due, &self->link);
      self->state = DUE;
      if (was_empty && queue->source != NULL)
        g_source_set_ready_time (queue->source, 0);
    }
  g_mutex_unlock (&queue->lock);
}

static gboolean
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      user_data)
{
  ppool_completion_fire (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
deadline_cb (gpointer user_data)
{
  ppool_completion_fire (user_data);
  return G_SOURCE_REMOVE;
}

/* Another thread may iterate the context, and end the completion meanwhile. */
static void
attach_source (PPoolCompletion  *self,
               GSource         **place,
               GSource          *source)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_mutex_lock (&self->queue->lock);
  if (self->state != OVER)
    {
      g_source_attach (source, context);
      *place = g_source_ref (source);
    }
  g_mutex_unlock (&self->queue->lock);
}

/* Has @cancellable fire the completion as well. To be called once, where the
 * completion was made. */
void
ppool_completion_set_cancellable (PPoolCompletion *self,
                                  GCancellable    *cancellable)
{
  g_autoptr (GSource) source = NULL;

  if (cancellable == NULL)
    return;

  source = g_cancellable_source_new (cancellable);
  g_source_set_static_name (source, "[ppool] cancelled completion");
  g_source_set_callback (source, G_SOURCE_FUNC (cancelled_cb),
                         ppool_completion_ref (self), (GDestroyNotify) ppool_completion_unref);
  attach_source (self, &self->cancelled, source);
}

/* Has a time fire the completion as well, in monotonic microseconds; -1 is
 * never. To be called once, where the completion was made. */
void
ppool_completion_set_deadline (PPoolCompletion *self,
                               gint64           deadline)
{
  g_autoptr (GSource) source = NULL;

  if (deadline < 0)
    return;

  source = g_timeout_source_new (0);
  g_source_set_ready_time (source, deadline);
  g_source_set_static_name (source, "[ppool] completion's deadline");
  g_source_set_callback (source, deadline_cb, ppool_completion_ref (self),
                         (GDestroyNotify) ppool_completion_unref);
  attach_source (self, &self->deadline, source);
}

/* Ends the completion without calling it, unless that is over. */
void
ppool_completion_drop (PPoolCompletion *self)
{
  Queue *queue = self->queue;
  gboolean dropped;

  if (is_foreign (queue))
    return;

  g_mutex_lock (&queue->lock);
  dropped = self->state != OVER;
  if (dropped)
    g_queue_unlink (self->state == DUE ? &queue->due : &queue->waiting, &self->link);
  self->state = OVER;
  g_mutex_unlock (&queue->lock);

  if (dropped)
    end_completion (self, FALSE);
}
