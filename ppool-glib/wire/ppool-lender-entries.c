/* ppool-lender-entries.c: the segments that the other side has registered
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lender-internal.h"

/* What is free may be so many times larger than what is to be stored. */
#define MAX_WASTE 4

void
ppool_lender_entry_free (gpointer data)
{
  PPoolLenderEntry *entry = data;

  ppool_segment_unref (entry->segment);
  g_free (entry);
}

/* The smallest that is large enough, and of these the one used last: (nullable). */
PPoolLenderEntry *
ppool_lender_find_free (PPoolLender *self,
                        gsize        size)
{
  PPoolLenderEntry *best = NULL;

  for (guint i = 0; i < self->entries->len; i++)
    {
      PPoolLenderEntry *entry = g_ptr_array_index (self->entries, i);
      gsize found = ppool_segment_get_size (entry->segment);
      gsize least = best != NULL ? ppool_segment_get_size (best->segment) : G_MAXSIZE;

      if (entry->n_loans == 0 && !entry->is_memory && entry->generation < G_MAXUINT32 &&
          found >= size && found / MAX_WASTE <= size &&
          (found < least || (found == least && entry->idle_since > best->idle_since)))
        best = entry;
    }

  return best;
}

PPoolLenderEntry *
ppool_lender_find_memory (PPoolLender  *self,
                          PPoolSegment *segment)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      PPoolLenderEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->segment == segment && entry->generation < G_MAXUINT32)
        return entry;
    }

  return NULL;
}

/* Takes an entry out, of which the other side is told: (transfer full). */
static PPoolLenderEntry *
forget (PPoolLender *self,
        guint        i)
{
  PPoolLenderEntry *entry = g_ptr_array_steal_index (self->entries, i);

  self->entries_bytes -= ppool_segment_get_size (entry->segment);
  g_array_append_val (self->forgotten, entry->number);

  return entry;
}

/* Forgets what nobody has, and nobody is likely to want. What goes is added to @old.
 * Returns: when there is more to do, or -1. */
gint64
ppool_lender_forget_old (PPoolLender *self,
                         gint64       now,
                         GPtrArray   *old)
{
  gint64 next = -1;

  for (guint i = self->entries->len; i-- > 0;)
    {
      const PPoolLenderEntry *entry = g_ptr_array_index (self->entries, i);
      gint64 due = entry->idle_since + PPOOL_SEGMENT_IDLE_USEC;

      if (entry->n_loans > 0)
        continue;

      if (ppool_segment_is_retired (entry->segment) || entry->generation == G_MAXUINT32 ||
          due <= now)
        g_ptr_array_add (old, forget (self, i));
      else
        next = next < 0 ? due : MIN (next, due);
    }

  return next;
}

static int
find_longest_idle (PPoolLender *self)
{
  const PPoolLenderEntry *longest = NULL;
  int found = -1;

  for (guint i = 0; i < self->entries->len; i++)
    {
      const PPoolLenderEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->n_loans == 0 && (longest == NULL || entry->idle_since < longest->idle_since))
        {
          longest = entry;
          found = (int) i;
        }
    }

  return found;
}

/* Tells whether one more segment may be kept, and forgets others for it. */
gboolean
ppool_lender_make_room (PPoolLender *self,
                        gsize        size,
                        GPtrArray   *old)
{
  gsize lent = 0;
  guint n_lent = 0;

  for (guint i = 0; i < self->entries->len; i++)
    {
      const PPoolLenderEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->n_loans > 0)
        {
          lent += ppool_segment_get_size (entry->segment);
          n_lent++;
        }
    }

  if (n_lent >= PPOOL_SEGMENT_MAX_KEPT || lent + size > PPOOL_SEGMENT_MAX_BYTES)
    return FALSE;

  while (self->entries->len >= PPOOL_SEGMENT_MAX_KEPT ||
         self->entries_bytes + size > PPOOL_SEGMENT_MAX_BYTES)
    g_ptr_array_add (old, forget (self, (guint) find_longest_idle (self)));

  return TRUE;
}

/* Registers a segment. Takes @fd over. Returns: (nullable): where it is kept. */
PPoolLenderEntry *
ppool_lender_announce (PPoolLender  *self,
                       PPoolSegment *segment,
                       int           fd,
                       gboolean      is_memory,
                       gboolean      is_kept,
                       guint32      *number)
{
  PPoolAnnouncement announcement = {
    .number = ++self->last_number,
    .size = ppool_segment_get_size (segment),
    .fd = fd,
  };
  PPoolLenderEntry *entry;

  *number = announcement.number;
  g_array_append_val (self->announcements, announcement);

  if (!is_kept)
    {
      g_array_append_val (self->forgotten, announcement.number);
      return NULL;
    }

  entry = g_new0 (PPoolLenderEntry, 1);
  entry->number = announcement.number;
  entry->segment = ppool_segment_ref (segment);
  entry->is_memory = is_memory;
  g_ptr_array_add (self->entries, entry);
  self->entries_bytes += announcement.size;

  return entry;
}
