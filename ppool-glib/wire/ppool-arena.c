/* ppool-arena.c: segments that nothing uses at present
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-arena-private.h"

/* A segment that is mapped already is cheaper to fill than a new one. So a few are kept, for
 * a while: the process keeps those of buffers, and each lender those that the other side of its
 * connection has mapped as well, which are of no use to another connection. Whoever has an arena
 * has a lock that guards it. Nothing is released here. */

/* A segment may be so many times larger than what is to be stored. */
#define MAX_WASTE 4

void
ppool_arena_add (PPoolArena *self,
                 PPoolIdle  *idle)
{
  idle->since = g_get_monotonic_time ();
  g_queue_push_tail (&self->idle, idle);
  self->n_bytes += ppool_segment_get_size (idle->segment);
}

static PPoolIdle *
take_link (PPoolArena *self,
           GList      *link)
{
  PPoolIdle *idle = link->data;

  g_queue_delete_link (&self->idle, link);
  self->n_bytes -= ppool_segment_get_size (idle->segment);

  return idle;
}

PPoolIdle *
ppool_arena_remove (PPoolArena *self,
                    PPoolIdle  *idle)
{
  return take_link (self, g_queue_find (&self->idle, idle));
}

/* Returns: (nullable): the smallest that is large enough, and of these the latest */
PPoolIdle *
ppool_arena_take (PPoolArena *self,
                  gsize       size)
{
  GList *best = NULL;
  gsize least = G_MAXSIZE;

  for (GList *link = self->idle.head; link != NULL; link = link->next)
    {
      const PPoolIdle *idle = link->data;
      gsize found = ppool_segment_get_size (idle->segment);

      if (!idle->is_fixed && found >= size && found / MAX_WASTE <= size && found <= least)
        {
          best = link;
          least = found;
        }
    }

  return best != NULL ? take_link (self, best) : NULL;
}

/* Returns: (nullable): the first that has been there for too long, or that is retired; if there
 * is none, @next is when there may be one, or -1 */
PPoolIdle *
ppool_arena_take_old (PPoolArena *self,
                      gint64      now,
                      gint64     *next)
{
  const PPoolIdle *oldest = g_queue_peek_head (&self->idle);

  for (GList *link = self->idle.head; link != NULL; link = link->next)
    {
      const PPoolIdle *idle = link->data;

      if (idle->since + PPOOL_SEGMENT_IDLE_USEC <= now || ppool_segment_is_retired (idle->segment))
        return take_link (self, link);
    }

  *next = oldest != NULL ? oldest->since + PPOOL_SEGMENT_IDLE_USEC : -1;
  return NULL;
}

/* Returns: (nullable): the one that has been there longest, if there are too many for so many
 * others to be kept beside them */
PPoolIdle *
ppool_arena_take_any (PPoolArena *self,
                      guint       n_others,
                      gsize       others_bytes)
{
  if (self->idle.head == NULL ||
      (self->idle.length + n_others <= PPOOL_SEGMENT_MAX_KEPT &&
       self->n_bytes + others_bytes <= PPOOL_SEGMENT_MAX_BYTES))
    return NULL;

  return take_link (self, self->idle.head);
}
