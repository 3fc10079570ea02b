/* ppool-value-types.c: the types that values have had lately
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

#include <string.h>

/* Before 2.84, GLib forgets what it knows of a tuple's type with the last value of that
 * type, and to find it out again takes longer than the rest of a short call. (Since then
 * it keeps some 32 types that are not in use.) So each thread keeps an empty value of the
 * types that it met last, and how values of them lie in memory. Types come from other
 * processes, too: they are few, and one that is kept has been checked. */

#define N_KEPT 8
#define MAX_KEPT_LENGTH 256

typedef struct
{
  PPoolKnownType types[N_KEPT];
  GVariant *values[N_KEPT]; /* (owned) (nullable) */
  PPoolKnownType too_long;  /* to be kept */
  guint last;               /* that was looked for */
  guint next;               /* to be replaced */
} KeptTypes;

static void
free_kept_types (gpointer data)
{
  KeptTypes *self = data;

  for (guint i = 0; i < N_KEPT; i++)
    {
      ppool_layouts_clear (&self->types[i].layouts);
      g_clear_pointer (&self->values[i], g_variant_unref);
    }
  ppool_layouts_clear (&self->too_long.layouts);
  g_free (self);
}

static KeptTypes *
get_kept_types (void)
{
  static GPrivate kept_types = G_PRIVATE_INIT (free_kept_types);
  KeptTypes *self = g_private_get (&kept_types);

  if (G_UNLIKELY (self == NULL))
    {
      self = g_new0 (KeptTypes, 1);
      g_private_set (&kept_types, self);
    }

  return self;
}

static gboolean
is_type (const PPoolKnownType *self,
         const char           *string,
         gsize                 length)
{
  return self->length == length && memcmp (self->type, string, length) == 0;
}

static gboolean
is_definite_type (const char *string,
                  gsize       length)
{
  const char *end = NULL;

  return g_variant_type_string_scan (string, string + length, &end) && end == string + length &&
         g_variant_type_is_definite ((const GVariantType *) string);
}

/* Returns: FALSE if there is not enough memory */
static gboolean
set_type (PPoolKnownType     *self,
          const GVariantType *type,
          gsize               length)
{
  ppool_layouts_clear (&self->layouts);
  self->type = type;
  self->length = 0;
  if (!ppool_layouts_init (&self->layouts, g_variant_type_peek_string (type), length))
    return FALSE;

  self->length = length;

  return TRUE;
}

static PPoolKnownType *
keep_type (KeptTypes          *self,
           const GVariantType *type,
           gsize               length)
{
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  GVariant *value = g_variant_ref_sink (g_variant_new_from_bytes (type, nothing, FALSE));

  self->last = self->next;
  self->next = (self->next + 1) % N_KEPT;
  g_clear_pointer (&self->values[self->last], g_variant_unref);
  self->values[self->last] = value;

  return set_type (&self->types[self->last], g_variant_get_type (value), length) ?
           &self->types[self->last] : NULL;
}

/* (nullable) */
static PPoolKnownType *
find_type (KeptTypes  *self,
           const char *string,
           gsize       length)
{
  for (guint i = 0; i < N_KEPT; i++)
    if (is_type (&self->types[i], string, length))
      {
        self->last = i;
        return &self->types[i];
      }

  return NULL;
}

/* The type that the @length bytes at @string are, or NULL if they are none that a
 * value can have. It is good until the next one is asked for in this thread. */
const PPoolKnownType *
ppool_value_know_type (const char *string,
                       gsize       length)
{
  KeptTypes *self = get_kept_types ();
  const GVariantType *type = (const GVariantType *) string;
  PPoolKnownType *known;

  if (length == 0)
    return NULL;
  if (is_type (&self->types[self->last], string, length))
    return &self->types[self->last];

  known = find_type (self, string, length);
  if (known != NULL)
    return known;
  if (!is_definite_type (string, length))
    return NULL;
  if (length <= MAX_KEPT_LENGTH)
    return keep_type (self, type, length);

  return set_type (&self->too_long, type, length) ? &self->too_long : NULL;
}
