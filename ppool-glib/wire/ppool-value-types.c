/* ppool-value-types.c: the types that values have had lately
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-private.h"

#include <string.h>

/* Before 2.84, GLib forgets what it knows of a tuple's type with the last value of that
 * type, and to find it out again takes longer than the rest of a short call. (Since then
 * it keeps some 32 types that are not in use.) So each thread keeps an empty value of the
 * types that it met last. Types come from other processes, too: they are few, and one that
 * is kept has been checked. */

#define N_KEPT 8
#define MAX_KEPT_LENGTH 256

typedef struct
{
  GVariant *values[N_KEPT]; /* (owned) (nullable) */
  guint last;               /* that was looked for */
  guint next;               /* to be replaced */
} KeptTypes;

static void
free_kept_types (gpointer data)
{
  KeptTypes *self = data;

  for (guint i = 0; i < N_KEPT; i++)
    g_clear_pointer (&self->values[i], g_variant_unref);
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

/* (nullable): NULL if it is another. */
static const GVariantType *
get_if_equal (GVariant   *value,
              const char *string,
              gsize       length)
{
  const char *kept = value != NULL ? g_variant_get_type_string (value) : "";

  if (strncmp (kept, string, length) != 0 || kept[length] != '\0' || length == 0)
    return NULL;

  return g_variant_get_type (value);
}

static gboolean
is_definite_type (const char *string,
                  gsize       length)
{
  const char *end = NULL;

  return g_variant_type_string_scan (string, string + length, &end) && end == string + length &&
         g_variant_type_is_definite ((const GVariantType *) string);
}

/* The type that the @length bytes at @string are, or NULL if they are none that a
 * value can have. It is good until the next one is asked for in this thread. */
const GVariantType *
ppool_value_know_type (const char *string,
                       gsize       length)
{
  KeptTypes *self = get_kept_types ();
  const GVariantType *type = get_if_equal (self->values[self->last], string, length);
  g_autoptr (GBytes) nothing = NULL;

  for (guint i = 0; i < N_KEPT && type == NULL; i++)
    {
      type = get_if_equal (self->values[i], string, length);
      if (type != NULL)
        self->last = i;
    }

  if (type != NULL)
    return type;
  if (!is_definite_type (string, length))
    return NULL;
  if (length > MAX_KEPT_LENGTH)
    return (const GVariantType *) string;

  nothing = g_bytes_new (NULL, 0);
  self->last = self->next;
  self->next = (self->next + 1) % N_KEPT;
  g_clear_pointer (&self->values[self->last], g_variant_unref);
  self->values[self->last] = g_variant_ref_sink (
    g_variant_new_from_bytes ((const GVariantType *) string, nothing, FALSE));

  return g_variant_get_type (self->values[self->last]);
}
