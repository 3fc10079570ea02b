/* ppool-memory.c: memory that is filled in place
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-memory-private.h"

#include "ppool-arena-private.h"
#include "ppool-error.h"
#include "ppool-fork-private.h"
#include "ppool-resources-private.h"

/* What a PPoolBuffer fills, and what the values made of it lie in: a segment that
 * can be lent as it is, or, if it is small, memory as any other. A value is known by
 * its address: what is published is in a tree of the whole process, until the last
 * reference is gone.
 *
 * The segment is then kept for the next of about its size, since both this process
 * and those that it was lent to have it mapped; but only while there is somebody
 * who lends, and not for long. A segment that isn't kept is retired, so that who
 * lent it forgets it too.
 *
 * In a copy of the process that fork() made, segments are shared with the original:
 * none is filled again there. */

struct _PPoolMemory
{
  guint8 *data;          /* (owned) without a segment, else a part of that */
  gsize size;
  PPoolSegment *segment; /* (owned) (nullable) */
  pid_t published_in;    /* under the lock; 0 if it isn't */
  pid_t pid;
};

static struct
{
  PPoolForkLock lock; /* guards what follows */
  GTree *published; /* (owned) (nullable) (element-type PPoolMemory PPoolMemory) */
  PPoolArena arena;
  guint n_holders;
  /* In a copy: what the original had, which is no leak. */
  GTree *forgotten;
  PPoolArena forgotten_arena;
} kept;

/* What the original had is not found in a copy, nor filled again. */
static void
forget_kept (void)
{
  kept.forgotten = g_steal_pointer (&kept.published);
  kept.forgotten_arena = kept.arena;
  kept.arena = (PPoolArena) { G_QUEUE_INIT, 0 };
  kept.n_holders = 0;
}

static void
lock_kept (void)
{
  ppool_fork_lock (&kept.lock, forget_kept);
}

static int
compare_addresses (gconstpointer a,
                   gconstpointer b,
                   gpointer      user_data G_GNUC_UNUSED)
{
  const PPoolMemory *first = a;
  const PPoolMemory *second = b;

  return (first->data > second->data) - (first->data < second->data);
}

static int
compare_with_address (gconstpointer key,
                      gconstpointer data)
{
  const PPoolMemory *self = key;
  const guint8 *address = data;

  if (address < self->data)
    return -1;

  return address >= self->data + self->size;
}

/* Returns: (nullable) (transfer full) */
static PPoolSegment *
take_kept (gsize size)
{
  PPoolSegment *segment = NULL;
  PPoolIdle *idle;

  lock_kept ();
  idle = ppool_arena_take (&kept.arena, size);
  ppool_fork_unlock (&kept.lock);

  if (idle != NULL)
    segment = idle->segment;
  g_free (idle);

  return segment;
}

static void
retire (gpointer data)
{
  PPoolIdle *idle = data;

  ppool_segment_retire (idle->segment);
  ppool_segment_unref (idle->segment);
  g_free (idle);
}

/* With the lock held. Returns: when there is more to take, or -1 */
static gint64
take_old (gint64   now,
          GSList **old)
{
  gint64 next;
  PPoolIdle *idle;

  while ((idle = ppool_arena_take_old (&kept.arena, now, &next)) != NULL)
    *old = g_slist_prepend (*old, idle);

  return next;
}

/* Keeps a segment for the next; takes it over. */
static void
keep (PPoolSegment *segment,
      pid_t         pid)
{
  gsize size = ppool_segment_get_size (segment);
  PPoolIdle *idle = g_new0 (PPoolIdle, 1);
  GSList *old = NULL;

  idle->segment = segment;

  lock_kept ();
  if (kept.n_holders > 0 && pid == ppool_fork_get_pid () && size <= PPOOL_SEGMENT_MAX_BYTES &&
      !ppool_segment_is_retired (segment))
    {
      PPoolIdle *other;

      take_old (g_get_monotonic_time (), &old);
      while ((other = ppool_arena_take_any (&kept.arena, 1, size)) != NULL)
        old = g_slist_prepend (old, other);
      ppool_arena_add (&kept.arena, idle);
    }
  else
    old = g_slist_prepend (old, idle);
  ppool_fork_unlock (&kept.lock);

  g_slist_free_full (old, retire);
}

/* Makes a segment, if there is no room for it in place of those that are kept. */
PPoolSegment *
ppool_memory_new_segment (gsize    size,
                          GError **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolSegment *segment = ppool_segment_new (size, &local_error);

  if (segment != NULL)
    return segment;

  ppool_memory_trim (G_MAXINT64);

  return ppool_segment_new (size, error);
}

/* Ordinary memory is as good if it is small, and also, but for a copy, if there are
 * no descriptors left. */
static gboolean
allocate (PPoolMemory  *self,
          GError      **error)
{
  g_autoptr (GError) local_error = NULL;

  if (self->size >= PPOOL_SEGMENT_THRESHOLD)
    {
      self->segment = take_kept (self->size);
      if (self->segment == NULL)
        self->segment = ppool_memory_new_segment (ppool_segment_round (self->size), &local_error);
    }

  if (self->segment != NULL)
    self->data = ppool_segment_get_data (self->segment);
  else if (self->size <= PPOOL_SEGMENT_MAX_BYTES &&
           (local_error == NULL || self->size <= ppool_resources_available_memory ("/")))
    self->data = g_try_malloc (MAX (self->size, 1));

  if (self->data != NULL)
    return TRUE;

  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                 "Failed to allocate %" G_GSIZE_FORMAT " bytes", self->size);
  return FALSE;
}

/* Makes memory to be filled. What it holds at first is not specified. */
PPoolMemory *
ppool_memory_new (gsize    size,
                  GError **error)
{
  g_autoptr (PPoolMemory) self = g_atomic_rc_box_new0 (PPoolMemory);

  self->size = size;
  self->pid = ppool_fork_get_pid ();

  return allocate (self, error) ? g_steal_pointer (&self) : NULL;
}

PPoolMemory *
ppool_memory_ref (PPoolMemory *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_memory (PPoolMemory *self)
{
  if (self->published_in == ppool_fork_get_pid ())
    {
      lock_kept ();
      g_tree_remove (kept.published, self);
      ppool_fork_unlock (&kept.lock);
    }

  if (self->segment != NULL)
    keep (g_steal_pointer (&self->segment), self->pid);
  else
    g_free (self->data);
}

/* May be called from any thread. */
void
ppool_memory_unref (PPoolMemory *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear_memory);
}

guint8 *
ppool_memory_get_data (PPoolMemory *self)
{
  return self->data;
}

gsize
ppool_memory_get_size (PPoolMemory *self)
{
  return self->size;
}

/* Returns: (transfer none) (nullable): what can be lent. */
PPoolSegment *
ppool_memory_get_segment (PPoolMemory *self)
{
  return self->segment;
}

/* To be called when no more is written there: it can be found from then on. */
void
ppool_memory_publish (PPoolMemory *self)
{
  if (self->segment == NULL)
    return;

  lock_kept ();
  if (self->published_in != ppool_fork_get_pid ())
    {
      if (kept.published == NULL)
        kept.published = g_tree_new_with_data (compare_addresses, NULL);
      g_tree_insert (kept.published, self, self);
      self->published_in = ppool_fork_get_pid ();
    }
  ppool_fork_unlock (&kept.lock);
}

/* Finds what @size bytes at @data, which somebody holds, are a part of: (nullable)
 * (transfer full). */
PPoolMemory *
ppool_memory_find (gconstpointer  data,
                   gsize          size,
                   guint64       *offset)
{
  PPoolMemory *self = NULL;

  lock_kept ();
  if (kept.published != NULL)
    self = g_tree_search (kept.published, compare_with_address, data);
  if (self != NULL && size <= self->size - (gsize) ((const guint8 *) data - self->data))
    ppool_memory_ref (self);
  else
    self = NULL;
  ppool_fork_unlock (&kept.lock);

  if (self != NULL)
    *offset = (guint64) ((const guint8 *) data - self->data);

  return self;
}

/* To be called by who lends, as nobody else has a use for what is kept. */
void
ppool_memory_hold (void)
{
  lock_kept ();
  kept.n_holders++;
  ppool_fork_unlock (&kept.lock);
}

void
ppool_memory_release (void)
{
  GSList *old = NULL;

  lock_kept ();
  /* One of the original's may end in a copy. */
  if (kept.n_holders > 0 && --kept.n_holders == 0)
    take_old (G_MAXINT64, &old);
  ppool_fork_unlock (&kept.lock);

  g_slist_free_full (old, retire);
}

/* Releases what has been kept for too long. Returns: when there is more to do, or
 * -1. */
gint64
ppool_memory_trim (gint64 now)
{
  GSList *old = NULL;
  gint64 next;

  lock_kept ();
  next = take_old (now, &old);
  ppool_fork_unlock (&kept.lock);

  g_slist_free_full (old, retire);

  return next;
}
