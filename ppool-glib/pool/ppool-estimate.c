/* ppool-estimate.c: how long the functions of a pool take
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-estimate-private.h"

/* Guarded by the pool's lock, with its scheduler. */

/* How long a trivial call takes. Longer ones may wait for something, and then many at a
 * time make sense on few processors. */
#define TRIVIAL_NSEC (10 * 1000)

/* How long a function takes that was never measured. */
#define LONG_NSEC (G_TIME_SPAN_SECOND * 1000)

/* What an estimate becomes at most by one call that took longer. */
#define MAX_GROWTH 8
#define MIN_GROWN_NSEC (10 * 1000)

/* How many functions are remembered; names come from callers. */
#define MAX_ESTIMATES 1024

struct _PPoolEstimate
{
  gint64 nsec;  /* how long it takes, about */
  gint64 usual; /* what half of its calls take at most, about: long ones by chance don't count */
};

GHashTable *
ppool_estimate_new_table (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/* What is known of a function: (nullable) if there are too many. */
PPoolEstimate *
ppool_estimate_find (GHashTable *table,
                     const char *function)
{
  PPoolEstimate *self = g_hash_table_lookup (table, function);

  if (self == NULL && g_hash_table_size (table) < MAX_ESTIMATES)
    {
      self = g_new0 (PPoolEstimate, 1);
      self->nsec = LONG_NSEC;
      self->usual = LONG_NSEC;
      g_hash_table_insert (table, g_strdup (function), self);
    }

  return self;
}

/* A call took @nsec nanoseconds, or -1 if that is not known. */
void
ppool_estimate_measure (PPoolEstimate *self,
                        gint64         nsec)
{
  if (self == NULL || nsec < 0)
    return;

  /* A function counts as long until it was measured, and as long again soon after
   * it was. One time alone tells more of how busy the machine is. */
  nsec = MIN (nsec, LONG_NSEC);
  if (nsec > self->usual)
    self->usual += self->usual / 8 + 1;
  else if (self->usual == LONG_NSEC)
    self->usual = nsec;
  else
    self->usual -= (self->usual - nsec) / 8;

  if (self->nsec == LONG_NSEC)
    self->nsec = nsec;
  else if (nsec > self->nsec * MAX_GROWTH + MIN_GROWN_NSEC)
    self->nsec = self->nsec * MAX_GROWTH + MIN_GROWN_NSEC;
  else
    self->nsec += (nsec - self->nsec) / 8;
}

/* How long a call is going to take, in nanoseconds. */
gint64
ppool_estimate_get (const PPoolEstimate *self)
{
  return self != NULL ? self->nsec : LONG_NSEC;
}

/* Whether what the function does takes no more than a moment. */
gboolean
ppool_estimate_is_trivial (const PPoolEstimate *self)
{
  return self != NULL && self->usual <= TRIVIAL_NSEC;
}
