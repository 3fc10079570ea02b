/* ppool-timings.c: how long functions take here
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-timings-private.h"

#include <string.h>

/* What is gathered waits for as long as the next function runs. So the worker
 * has to know which functions are short, and takes one that it never saw for a
 * long one. */

#define SHORT_USEC 100

/* One run in so many counts. */
#define WEIGHT 8

/* A function that is usually short is known to be that again soon after it took
 * long once. */
#define MAX_USEC 1000

/* Names are the program's, and some programs make them up. */
#define MAX_NAMES 1000

struct _PPoolTimings
{
  GHashTable *timings; /* (owned) (element-type utf8 PPoolTiming) */
  PPoolTiming *last;   /* (unowned) (nullable) */
};

static void
free_timing (gpointer data)
{
  PPoolTiming *self = data;

  g_ref_string_release (self->name);
  g_free (self);
}

PPoolTimings *
ppool_timings_new (void)
{
  PPoolTimings *self = g_new0 (PPoolTimings, 1);

  self->timings = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_timing);

  return self;
}

void
ppool_timings_free (PPoolTimings *self)
{
  g_hash_table_unref (self->timings);
  g_free (self);
}

/* Returns: (transfer none): what is known of the function; it lives until
 * another one is asked for */
PPoolTiming *
ppool_timings_find (PPoolTimings *self,
                    const char   *name)
{
  if (self->last != NULL && strcmp (self->last->name, name) == 0)
    return self->last;

  self->last = g_hash_table_lookup (self->timings, name);
  if (self->last == NULL)
    {
      if (g_hash_table_size (self->timings) >= MAX_NAMES)
        g_hash_table_remove_all (self->timings);

      self->last = g_new0 (PPoolTiming, 1);
      self->last->name = g_ref_string_new (name);
      self->last->average_usec = -1;
      g_hash_table_insert (self->timings, self->last->name, self->last);
    }

  return self->last;
}

gboolean
ppool_timing_is_short (const PPoolTiming *self)
{
  return self->average_usec >= 0 && self->average_usec <= SHORT_USEC;
}

void
ppool_timing_note (PPoolTiming *self,
                   gint64       usec)
{
  usec = CLAMP (usec, 0, MAX_USEC);

  if (self->average_usec < 0)
    self->average_usec = usec;
  else
    self->average_usec += (usec - self->average_usec) / WEIGHT;
}
