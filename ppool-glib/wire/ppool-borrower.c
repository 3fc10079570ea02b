/* ppool-borrower.c: values read in the other side's shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-borrower-private.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ppool-align-private.h"
#include "ppool-error.h"
#include "ppool-fork-private.h"
#include "ppool-value-private.h"

/* One direction of one connection, at the side that reads. The other side registers
 * segments by number; a loan names one, and where in it the value is.
 *
 * The other side can write there at any time. So a value is left where it is only if
 * no bytes can do harm, see ppool-value-flat.c; all others are copied, and only
 * then checked.
 *
 * A value that is left there holds its segment and this table, and when it goes, on
 * any thread, its loan waits here to be given back. Nothing is sent to a connection
 * that is closed, or from a copy of the process that fork() made; the value can
 * be read as long as it is held. */

/* More than the other side needs: those that it keeps, and those that it forgets at
 * once, of which a frame can have as many as it has items. */
#define MAX_REGISTERED 512

/* From here a copy has room for huge pages, in bytes. */
#define HUGE_SIZE ((gsize) 4 * 1024 * 1024)

typedef struct
{
  PPoolSegment *segment; /* (owned) (nullable) */
  char *problem;         /* (owned) (nullable): why it could not be had, if so */
  guint32 generation;    /* of the last loan */
} Entry;

typedef struct
{
  guint32 number;
  guint32 generation;
} Key;

struct _PPoolBorrower
{
  pid_t pid;

  GMutex lock;         /* guards what follows */
  GHashTable *entries; /* (owned) (element-type guint32 Entry) */
  GArray *ended;       /* (owned) (element-type Key): to be given back */
  gpointer owner;      /* (owned) (nullable); NULL once closed */

  PPoolBorrowerFunc func;
  GBoxedCopyFunc owner_ref;
  GDestroyNotify owner_unref;
};

/* What a value in a segment holds. */
typedef struct
{
  PPoolBorrower *borrower; /* (owned) */
  PPoolSegment *segment;   /* (owned) */
  Key key;
} Hold;

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_clear_pointer (&entry->segment, ppool_segment_unref);
  g_free (entry->problem);
  g_free (entry);
}

/* Takes @owner over, on which @func is called when something is to be given back
 * after nothing was. */
PPoolBorrower *
ppool_borrower_new (PPoolBorrowerFunc func,
                    gpointer          owner,
                    GBoxedCopyFunc    owner_ref,
                    GDestroyNotify    owner_unref)
{
  PPoolBorrower *self = g_atomic_rc_box_new0 (PPoolBorrower);

  self->pid = ppool_fork_get_pid ();
  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  self->ended = g_array_new (FALSE, FALSE, sizeof (Key));
  self->func = func;
  self->owner = owner;
  self->owner_ref = owner_ref;
  self->owner_unref = owner_unref;

  return self;
}

PPoolBorrower *
ppool_borrower_ref (PPoolBorrower *self)
{
  return g_atomic_rc_box_acquire (self);
}

/* Releases the owner, and of all segments but those in which values are. */
void
ppool_borrower_close (PPoolBorrower *self)
{
  g_autoptr (GHashTable) entries = NULL;
  gpointer owner;

  g_mutex_lock (&self->lock);
  owner = g_steal_pointer (&self->owner);
  entries = g_steal_pointer (&self->entries);
  self->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  g_array_set_size (self->ended, 0);
  g_mutex_unlock (&self->lock);

  if (owner != NULL)
    self->owner_unref (owner);
}

static void
clear_borrower (PPoolBorrower *self)
{
  if (self->owner != NULL)
    self->owner_unref (self->owner);
  g_hash_table_unref (self->entries);
  g_array_unref (self->ended);
  g_mutex_clear (&self->lock);
}

void
ppool_borrower_unref (PPoolBorrower *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear_borrower);
}

static gboolean
set_invalid (GError     **error,
             guint32      number,
             const char  *what)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "segment %u %s", number, what);
  return FALSE;
}

static gboolean
add_entry (PPoolBorrower  *self,
           guint32         number,
           PPoolSegment   *segment,
           char           *reason,
           GError        **error)
{
  Entry *entry = g_new0 (Entry, 1);
  const char *problem = NULL;

  entry->segment = segment;
  entry->problem = reason;

  g_mutex_lock (&self->lock);
  if (g_hash_table_contains (self->entries, GUINT_TO_POINTER (number)))
    problem = "was announced twice";
  else if (g_hash_table_size (self->entries) >= MAX_REGISTERED)
    problem = "exceeds the number of segments";
  else if (self->owner != NULL)
    g_hash_table_insert (self->entries, GUINT_TO_POINTER (number), g_steal_pointer (&entry));
  g_mutex_unlock (&self->lock);

  g_clear_pointer (&entry, entry_free);

  return problem == NULL || set_invalid (error, number, problem);
}

/* Maps what the other side has announced; @fd stays the caller's. What there is no room
 * for is noted: it is not the other side's fault, and fails what is lent there. */
gboolean
ppool_borrower_register (PPoolBorrower  *self,
                         guint32         number,
                         guint64         size,
                         int             fd,
                         GError        **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolSegment *segment = ppool_segment_new_from_fd (fd, size, &local_error);

  if (segment != NULL)
    return add_entry (self, number, segment, NULL, error);

  if (g_error_matches (local_error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT))
    return add_entry (self, number, NULL, g_strdup (local_error->message), error);

  g_propagate_error (error, g_steal_pointer (&local_error));

  return FALSE;
}

/* Notes that the descriptor of a segment did not arrive: a message leaves those behind
 * that this process may not have. */
gboolean
ppool_borrower_register_lost (PPoolBorrower  *self,
                              guint32         number,
                              GError        **error)
{
  struct rlimit limit = { 0 };

  getrlimit (RLIMIT_NOFILE, &limit);

  return add_entry (self, number, NULL,
                    g_strdup_printf ("The value's shared memory could not be received: all file "
                                     "descriptors of process %d were in use, and its "
                                     "RLIMIT_NOFILE is %" G_GUINT64_FORMAT "; raise the limit or "
                                     "close some",
                                     (int) ppool_fork_get_pid (), (guint64) limit.rlim_cur),
                    error);
}

/* Unmaps a segment, once no value is there any more. */
gboolean
ppool_borrower_forget (PPoolBorrower  *self,
                       guint32         number,
                       GError        **error)
{
  Entry *entry = NULL;
  gboolean closed;

  g_mutex_lock (&self->lock);
  closed = self->owner == NULL;
  g_hash_table_steal_extended (self->entries, GUINT_TO_POINTER (number), NULL,
                               (gpointer *) &entry);
  g_mutex_unlock (&self->lock);

  if (entry == NULL && !closed)
    return set_invalid (error, number, "was withdrawn without having been announced");

  g_clear_pointer (&entry, entry_free);
  return TRUE;
}

static void
end_loan (PPoolBorrower *self,
          const Key     *key)
{
  gpointer owner = NULL;

  if (self->pid != ppool_fork_get_pid ())
    return;

  g_mutex_lock (&self->lock);
  if (self->owner != NULL)
    {
      if (self->ended->len == 0)
        owner = self->owner_ref (self->owner);
      g_array_append_val (self->ended, *key);
    }
  g_mutex_unlock (&self->lock);

  if (owner != NULL)
    {
      self->func (owner);
      self->owner_unref (owner);
    }
}

static void
hold_free (gpointer data)
{
  Hold *hold = data;

  end_loan (hold->borrower, &hold->key);
  ppool_segment_unref (hold->segment);
  ppool_borrower_unref (hold->borrower);
  g_free (hold);
}

static GVariant *
load_in_place (PPoolBorrower   *self,
               PPoolSegment    *segment,
               const PPoolLoan *loan,
               const char      *type)
{
  Hold *hold = g_new0 (Hold, 1);
  g_autoptr (GBytes) bytes = NULL;

  hold->borrower = ppool_borrower_ref (self);
  hold->segment = ppool_segment_ref (segment);
  hold->key = (Key) { loan->number, loan->generation };
  bytes = g_bytes_new_with_free_func (ppool_segment_get_data (segment) + loan->offset,
                                      (gsize) loan->length, hold_free, hold);

  return g_variant_ref_sink (g_variant_new_from_bytes ((const GVariantType *) type, bytes, TRUE));
}

/* New memory comes page by page, which can take longer than to fill it: so it is asked
 * for in huge pages, where the system has them. (nullable) */
static guint8 *
allocate_copy (gsize size)
{
  guint8 *data = g_try_malloc (MAX (size, 1));

  if (data != NULL && size >= HUGE_SIZE)
    {
      gsize start = ppool_align ((gsize) data, (gsize) sysconf (_SC_PAGESIZE));

      (void) madvise ((void *) start, size - (start - (gsize) data), MADV_HUGEPAGE);
    }

  return data;
}

static GVariant *
load_copy (PPoolBorrower    *self,
           PPoolSegment     *segment,
           const PPoolLoan  *loan,
           const char       *type,
           GError          **error)
{
  gsize size = (gsize) loan->length;
  Key key = { loan->number, loan->generation };
  g_autofree guint8 *data = allocate_copy (size);
  g_autoptr (GBytes) bytes = NULL;
  GVariant *value;

  if (data != NULL)
    memcpy (data, ppool_segment_get_data (segment) + loan->offset, size);
  end_loan (self, &key);

  if (data == NULL)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "Failed to allocate %" G_GSIZE_FORMAT " bytes", size);
      return NULL;
    }

  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  value = ppool_value_new_checked ((const GVariantType *) type, bytes);
  if (value == NULL)
    ppool_value_set_untrue ((const GVariantType *) type, error);

  return value;
}

/* Finds the segment of a loan, each of which has a later generation than the ones
 * before: (nullable) (transfer full). What got lost is not given back, as the other side
 * would use it again. */
static PPoolSegment *
find_segment (PPoolBorrower    *self,
              const PPoolLoan  *loan,
              GError          **error)
{
  g_autoptr (PPoolSegment) segment = NULL;
  g_autofree char *problem = NULL;
  gboolean again = FALSE;
  Entry *entry;

  g_mutex_lock (&self->lock);
  entry = g_hash_table_lookup (self->entries, GUINT_TO_POINTER (loan->number));
  if (entry != NULL)
    {
      segment = entry->segment != NULL ? ppool_segment_ref (entry->segment) : NULL;
      problem = g_strdup (entry->problem);
      again = loan->generation <= entry->generation;
      if (!again)
        entry->generation = loan->generation;
    }
  g_mutex_unlock (&self->lock);

  if (segment == NULL && problem == NULL)
    set_invalid (error, loan->number, "was used without having been announced");
  else if (again)
    set_invalid (error, loan->number, "was lent twice under the same number");
  else if (segment == NULL)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, problem);
  else if (loan->offset % 8 != 0 || loan->offset > ppool_segment_get_size (segment) ||
           loan->length > ppool_segment_get_size (segment) - loan->offset)
    set_invalid (error, loan->number, "is smaller than the value in it");
  else
    return g_steal_pointer (&segment);

  return NULL;
}

/* Makes the value of a loan, which is floating no more: (nullable) (transfer
 * full). */
GVariant *
ppool_borrower_load (PPoolBorrower    *self,
                     const PPoolLoan  *loan,
                     const char       *type,
                     GError          **error)
{
  g_autoptr (PPoolSegment) segment = NULL;

  if (!g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite ((const GVariantType *) type))
    {
      set_invalid (error, loan->number, "was announced with an invalid type");
      return NULL;
    }

  segment = find_segment (self, loan, error);
  if (segment == NULL)
    return NULL;

  if (ppool_value_is_flat ((const GVariantType *) type, (gsize) loan->length))
    return load_in_place (self, segment, loan, type);

  return load_copy (self, segment, loan, type, error);
}

/* Has a loan given back that nobody looks at. */
gboolean
ppool_borrower_skip (PPoolBorrower    *self,
                     const PPoolLoan  *loan,
                     GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (PPoolSegment) segment = find_segment (self, loan, &local_error);
  Key key = { loan->number, loan->generation };

  if (segment != NULL)
    end_loan (self, &key);
  else if (!g_error_matches (local_error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT))
    g_propagate_error (error, g_steal_pointer (&local_error));

  return segment != NULL || local_error != NULL;
}

/* Takes what is to be given back next. */
gboolean
ppool_borrower_give_back (PPoolBorrower *self,
                          guint32       *number,
                          guint32       *generation)
{
  gboolean found;

  g_mutex_lock (&self->lock);
  found = self->ended->len > 0;
  if (found)
    {
      const Key *last = &g_array_index (self->ended, Key, self->ended->len - 1);

      *number = last->number;
      *generation = last->generation;
      g_array_set_size (self->ended, self->ended->len - 1);
    }
  g_mutex_unlock (&self->lock);

  return found;
}
