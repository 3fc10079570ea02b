/* ppool-lender.c: values lent to the other side in shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lender-private.h"

#include <unistd.h>

#include "ppool-arena-private.h"
#include "ppool-error.h"
#include "ppool-memory-private.h"
#include "ppool-resources-private.h"
#include "ppool-value-private.h"

/* One direction of one connection, at the side that fills. Each loan is a segment's
 * number and a generation, of which no two are the same, and ends when the other
 * side gives it back.
 *
 * A few segments stay registered at the other side, to be filled again. A value that
 * finds none of them free has one made for it; if there are too many already, it
 * travels inline or, if it is large, in one that is forgotten as soon as it was
 * sent. Memory that a program has filled in place is lent as it is, any number
 * of times at once.
 *
 * One thread at a time lends and sends. Values are given back on any thread, and the
 * memory of a program may go with them; so nothing is released under the lock. */

/* From here a new segment is cheaper than a message, in bytes. */
#define ONE_SHOT_SIZE ((gsize) 1024 * 1024)

/* A segment that the other side has registered. */
typedef struct
{
  PPoolIdle idle;     /* is fixed if it is memory of a program */
  guint32 number;
  guint32 generation; /* of the last loan */
  guint n_loans;
} Entry;

typedef struct
{
  guint64 key;
  Entry *entry;        /* (unowned) (nullable): NULL if forgotten at once */
  PPoolMemory *memory; /* (owned) (nullable) */
  guint64 length;
} Loan;

struct _PPoolLender
{
  GMutex lock;           /* guards what follows */
  GPtrArray *lent;       /* (owned) (element-type Entry): what the other side has */
  gsize lent_sizes;
  PPoolArena arena;      /* (owned) (element-type Entry): what it has given back */
  GHashTable *loans;     /* (owned) (nullable) (element-type Loan); NULL once closed */
  guint64 lent_bytes;
  GArray *announcements; /* (owned) (element-type PPoolAnnouncement) */
  GArray *forgotten;     /* (owned) (element-type guint32) */
  guint32 last_number;
};

/* What the other side has registered; with the lock held */

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  ppool_segment_unref (entry->idle.segment);
  g_free (entry);
}

/* Returns: (nullable): the entry of a segment, out of the arena if it was there */
static Entry *
take_memory (PPoolLender  *self,
             PPoolSegment *segment)
{
  for (guint i = 0; i < self->lent->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->lent, i);

      if (entry->idle.segment == segment && entry->generation < G_MAXUINT32)
        return entry;
    }

  for (GList *link = self->arena.idle.head; link != NULL; link = link->next)
    {
      PPoolIdle *idle = link->data;

      if (idle->segment == segment)
        return (Entry *) ppool_arena_remove (&self->arena, idle);
    }

  return NULL;
}

/* Forgets an entry that nothing uses; the other side is told of that. It is added to @old. */
static void
forget (PPoolLender *self,
        Entry       *entry,
        GPtrArray   *old)
{
  g_array_append_val (self->forgotten, entry->number);
  g_ptr_array_add (old, entry);
}

/* Forgets what nobody is likely to want. Returns: when there is more to do, or -1 */
static gint64
forget_old (PPoolLender *self,
            gint64       now,
            GPtrArray   *old)
{
  gint64 next;
  PPoolIdle *idle;

  while ((idle = ppool_arena_take_old (&self->arena, now, &next)) != NULL)
    forget (self, (Entry *) idle, old);

  return next;
}

/* Tells whether one more segment may be kept, and forgets others for it. */
static gboolean
make_room (PPoolLender *self,
           gsize        size,
           GPtrArray   *old)
{
  PPoolIdle *idle;

  if (self->lent->len >= PPOOL_SEGMENT_MAX_KEPT ||
      self->lent_sizes + size > PPOOL_SEGMENT_MAX_BYTES)
    return FALSE;

  while ((idle = ppool_arena_take_any (&self->arena, self->lent->len + 1,
                                       self->lent_sizes + size)) != NULL)
    forget (self, (Entry *) idle, old);

  return TRUE;
}

/* Registers a segment for a loan. Takes @fd over. Returns: (nullable): where it is kept. */
static Entry *
announce (PPoolLender  *self,
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
  Entry *entry;

  *number = announcement.number;
  g_array_append_val (self->announcements, announcement);

  if (!is_kept)
    {
      g_array_append_val (self->forgotten, announcement.number);
      return NULL;
    }

  entry = g_new0 (Entry, 1);
  entry->number = announcement.number;
  entry->idle.segment = ppool_segment_ref (segment);
  entry->idle.is_fixed = is_memory;

  return entry;
}

/* Loans */

static guint64
key_of (guint32 number,
        guint32 generation)
{
  return (guint64) number << 32 | generation;
}

static void
loan_free (gpointer data)
{
  Loan *loan = data;

  g_clear_pointer (&loan->memory, ppool_memory_unref);
  g_free (loan);
}

static void
announcement_clear (gpointer data)
{
  PPoolAnnouncement *announcement = data;

  if (announcement->fd >= 0)
    close (announcement->fd);
}

PPoolLender *
ppool_lender_new (void)
{
  PPoolLender *self = g_atomic_rc_box_new0 (PPoolLender);

  g_mutex_init (&self->lock);
  self->lent = g_ptr_array_new ();
  self->loans = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, loan_free);
  self->forgotten = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->announcements = g_array_new (FALSE, FALSE, sizeof (PPoolAnnouncement));
  g_array_set_clear_func (self->announcements, announcement_clear);
  ppool_memory_hold ();

  return self;
}

/* Ends every loan, as nobody is there any more to give them back. What the other side
 * has mapped, it can read still; none of these segments is filled again. */
void
ppool_lender_close (PPoolLender *self)
{
  g_autoptr (GPtrArray) lent = NULL;
  g_autoptr (GHashTable) loans = NULL;
  PPoolArena arena;

  g_mutex_lock (&self->lock);
  lent = self->lent;
  self->lent = g_ptr_array_new ();
  self->lent_sizes = 0;
  arena = self->arena;
  self->arena = (PPoolArena) { G_QUEUE_INIT, 0 };
  loans = g_steal_pointer (&self->loans);
  self->lent_bytes = 0;
  g_array_set_size (self->announcements, 0);
  g_array_set_size (self->forgotten, 0);
  g_mutex_unlock (&self->lock);

  g_ptr_array_set_free_func (lent, entry_free);
  g_queue_clear_full (&arena.idle, entry_free);
  if (loans != NULL)
    ppool_memory_release ();
}

static void
clear_lender (PPoolLender *self)
{
  ppool_lender_close (self);
  g_ptr_array_unref (self->lent);
  g_array_unref (self->announcements);
  g_array_unref (self->forgotten);
  g_mutex_clear (&self->lock);
}

void
ppool_lender_unref (PPoolLender *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear_lender);
}

/* With the lock held. */
static void
begin (PPoolLender *self,
       Entry       *entry,
       PPoolMemory *memory,
       PPoolLoan   *loan)
{
  Loan *kept = g_new0 (Loan, 1);

  if (entry != NULL)
    {
      if (entry->n_loans++ == 0)
        {
          g_ptr_array_add (self->lent, entry);
          self->lent_sizes += ppool_segment_get_size (entry->idle.segment);
        }
      loan->number = entry->number;
      loan->generation = ++entry->generation;
    }
  else
    loan->generation = 1;

  kept->key = key_of (loan->number, loan->generation);
  kept->entry = entry;
  kept->memory = memory != NULL ? ppool_memory_ref (memory) : NULL;
  kept->length = loan->length;
  g_hash_table_add (self->loans, kept);
  self->lent_bytes += kept->length;
}

/* Lends what a program has filled, as it is. Returns: FALSE if it can't be. */
static gboolean
lend_memory (PPoolLender *self,
             PPoolMemory *memory,
             PPoolLoan   *loan)
{
  PPoolSegment *segment = ppool_memory_get_segment (memory);
  gsize size = ppool_segment_get_size (segment);
  g_autoptr (GPtrArray) old = g_ptr_array_new_with_free_func (entry_free);
  gboolean done = FALSE;
  Entry *entry = NULL;
  int fd = -1;

  g_mutex_lock (&self->lock);
  if (self->loans != NULL)
    {
      entry = take_memory (self, segment);
      if (entry == NULL && (fd = ppool_segment_dup_fd (segment, NULL)) >= 0)
        entry = announce (self, segment, fd, TRUE, make_room (self, size, old), &loan->number);
      done = entry != NULL || fd >= 0;
      if (done)
        begin (self, entry, memory, loan);
    }
  g_mutex_unlock (&self->lock);

  return done;
}

/* Makes a segment for @size bytes. Returns: (nullable) (transfer full): NULL without
 * error if a message does as well. */
static PPoolSegment *
make_segment (gsize      size,
              gboolean   is_kept,
              GError   **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolSegment *segment;

  if (!is_kept && size < ONE_SHOT_SIZE)
    return NULL;

  segment = ppool_memory_new_segment (is_kept ? ppool_segment_round (size) : size, &local_error);
  if (segment != NULL)
    ppool_segment_populate (segment, size);
  else if (size > PPOOL_VALUE_MAX_SIZE || size > ppool_resources_available_memory ("/"))
    g_propagate_error (error, g_steal_pointer (&local_error));

  return segment;
}

static gboolean
set_closed (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection is closed");
  return FALSE;
}

/* Registers a new segment for a loan. Returns: FALSE once closed. */
static gboolean
begin_new (PPoolLender  *self,
           PPoolSegment *segment,
           gboolean      is_kept,
           PPoolLoan    *loan)
{
  gboolean open;

  g_mutex_lock (&self->lock);
  open = self->loans != NULL;
  if (open)
    {
      int fd = ppool_segment_steal_fd (segment);

      begin (self, announce (self, segment, fd, FALSE, is_kept, &loan->number), NULL, loan);
    }
  g_mutex_unlock (&self->lock);

  return open;
}

static gboolean
lend_copy (PPoolLender  *self,
           GVariant     *value,
           PPoolLoan    *loan,
           GError      **error)
{
  g_autoptr (GPtrArray) old = g_ptr_array_new_with_free_func (entry_free);
  g_autoptr (PPoolSegment) segment = NULL;
  gsize size = (gsize) loan->length;
  gboolean is_kept = FALSE;
  Entry *entry = NULL;
  gboolean open;

  g_mutex_lock (&self->lock);
  open = self->loans != NULL;
  if (open)
    {
      forget_old (self, g_get_monotonic_time (), old);
      entry = (Entry *) ppool_arena_take (&self->arena, size);
      if (entry == NULL)
        is_kept = make_room (self, ppool_segment_round (size), old);
      else
        begin (self, entry, NULL, loan);
    }
  if (entry != NULL)
    segment = ppool_segment_ref (entry->idle.segment);
  g_mutex_unlock (&self->lock);

  if (open && segment == NULL)
    {
      segment = make_segment (size, is_kept, error);
      if (segment == NULL)
        return FALSE;
      open = begin_new (self, segment, is_kept, loan);
    }
  if (!open)
    return set_closed (error);

  g_variant_store (value, ppool_segment_get_data (segment));
  return TRUE;
}

/* Lends a value in normal form. It is announced and forgotten as the next two
 * functions tell, in this order: announcements, the loan, what is forgotten.
 *
 * Returns: FALSE if the value is to travel inline, or if @error is set. */
gboolean
ppool_lender_lend (PPoolLender  *self,
                   GVariant     *value,
                   PPoolLoan    *loan,
                   GError      **error)
{
  gsize size = g_variant_get_size (value);

  if (size < PPOOL_SEGMENT_THRESHOLD)
    return FALSE;

  *loan = (PPoolLoan) { .length = size };

  /* The bytes of any other value are not those that are sent, or not yet there. */
  if (ppool_value_is_flat (g_variant_get_type (value), size))
    {
      g_autoptr (PPoolMemory) memory =
        ppool_memory_find (g_variant_get_data (value), size, &loan->offset);

      if (memory != NULL && loan->offset % 8 == 0 && lend_memory (self, memory, loan))
        return TRUE;
      loan->offset = 0;
    }

  return lend_copy (self, value, loan, error);
}

/* Takes what is to be announced next, before any loan is sent. */
gboolean
ppool_lender_take_announcement (PPoolLender       *self,
                                PPoolAnnouncement *announcement)
{
  gboolean found;

  g_mutex_lock (&self->lock);
  found = self->announcements->len > 0;
  if (found)
    {
      PPoolAnnouncement *first = &g_array_index (self->announcements, PPoolAnnouncement, 0);

      *announcement = *first;
      first->fd = -1;
      g_array_remove_index (self->announcements, 0);
    }
  g_mutex_unlock (&self->lock);

  return found;
}

/* Takes what is to be forgotten next, after the loans made so far were sent. */
gboolean
ppool_lender_take_forgotten (PPoolLender *self,
                             guint32     *number)
{
  gboolean found;

  g_mutex_lock (&self->lock);
  found = self->forgotten->len > 0;
  if (found)
    {
      *number = g_array_index (self->forgotten, guint32, 0);
      g_array_remove_index (self->forgotten, 0);
    }
  g_mutex_unlock (&self->lock);

  return found;
}

/* With the lock held. */
static void
end_loan (PPoolLender *self,
          const Loan  *loan,
          GPtrArray   *old)
{
  Entry *entry = loan->entry;

  self->lent_bytes -= loan->length;
  if (entry == NULL || --entry->n_loans > 0)
    return;

  g_ptr_array_remove_fast (self->lent, entry);
  self->lent_sizes -= ppool_segment_get_size (entry->idle.segment);
  if (entry->generation < G_MAXUINT32)
    ppool_arena_add (&self->arena, &entry->idle);
  else
    forget (self, entry, old);
}

/* Ends a loan that the other side has given back. Returns: FALSE if it had no such
 * loan. */
gboolean
ppool_lender_take_back (PPoolLender  *self,
                        guint32       number,
                        guint32       generation,
                        GError      **error)
{
  g_autoptr (GPtrArray) old = g_ptr_array_new_with_free_func (entry_free);
  guint64 key = key_of (number, generation);
  Loan *loan = NULL;
  gboolean open;

  g_mutex_lock (&self->lock);
  open = self->loans != NULL;
  if (open && g_hash_table_steal_extended (self->loans, &key, (gpointer *) &loan, NULL))
    end_loan (self, loan, old);
  g_mutex_unlock (&self->lock);

  if (loan == NULL && open)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                   "segment %u was released, but its generation %u was not lent",
                   number, generation);
      return FALSE;
    }

  g_clear_pointer (&loan, loan_free);
  return TRUE;
}

/* Forgets what has not been used for too long, of which the other side is to be told
 * in turn. Returns: when there may be more to do, or -1. */
gint64
ppool_lender_trim (PPoolLender *self,
                   gint64       now)
{
  g_autoptr (GPtrArray) old = g_ptr_array_new_with_free_func (entry_free);
  gint64 next = ppool_memory_trim (now);
  gint64 own;

  g_mutex_lock (&self->lock);
  own = forget_old (self, now, old);
  g_mutex_unlock (&self->lock);

  return next < 0 || own < 0 ? MAX (next, own) : MIN (next, own);
}

/* How much the other side has at present. */
gsize
ppool_lender_get_n_bytes (PPoolLender *self)
{
  gsize n_bytes;

  g_mutex_lock (&self->lock);
  n_bytes = (gsize) self->lent_bytes;
  g_mutex_unlock (&self->lock);

  return n_bytes;
}
