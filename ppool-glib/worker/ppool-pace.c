/* ppool-pace.c: how long functions take here
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-pace-private.h"

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

struct _PPoolPace
{
  GHashTable *strides; /* (owned) (element-type utf8 PPoolStride) */
  PPoolStride *last;   /* (unowned) (nullable) */
};

static void
free_stride (gpointer data)
{
  PPoolStride *self = data;

  g_ref_string_release (self->name);
  g_free (self);
}

PPoolPace *
ppool_pace_new (void)
{
  PPoolPace *self = g_new0 (PPoolPace, 1);

  self->strides = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_stride);

  return self;
}

void
ppool_pace_free (PPoolPace *self)
{
  g_hash_table_unref (self->strides);
  g_free (self);
}

/* Returns: (transfer none): what is known of the function; it lives until
 * another one is asked for */
PPoolStride *
ppool_pace_find (PPoolPace  *self,
                 const char *name)
{
  if (self->last != NULL && strcmp (self->last->name, name) == 0)
    return self->last;

  self->last = g_hash_table_lookup (self->strides, name);
  if (self->last == NULL)
    {
      if (g_hash_table_size (self->strides) >= MAX_NAMES)
        g_hash_table_remove_all (self->strides);

      self->last = g_new0 (PPoolStride, 1);
      self->last->name = g_ref_string_new (name);
      self->last->average_usec = -1;
      g_hash_table_insert (self->strides, self->last->name, self->last);
    }

  return self->last;
}

gboolean
ppool_stride_is_short (const PPoolStride *self)
{
  return self->average_usec >= 0 && self->average_usec <= SHORT_USEC;
}

void
ppool_stride_note (PPoolStride *self,
                   gint64       usec)
{
  usec = CLAMP (usec, 0, MAX_USEC);

  if (self->average_usec < 0)
    self->average_usec = usec;
  else
    self->average_usec += (usec - self->average_usec) / WEIGHT;
}
