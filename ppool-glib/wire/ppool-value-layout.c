/* ppool-value-layout.c: how the values of a type lie in memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

#include <string.h>

#include "ppool-align-private.h"

/* A type may come from another process. Each of its characters is read once, and
 * what is made of it is no larger than some bytes for each. */

/* GLib's own, of containers in one type. */
#define MAX_NESTING 128

typedef struct
{
  const char *next;
  const char *end;
  PPoolLayout *types;
  gsize n_types;
} Reader;

static gboolean read_type (Reader *self,
                           guint   nesting);

static gboolean
read_basic (PPoolLayout *layout)
{
  layout->depth = 1;

  switch (layout->class)
    {
    case 'b':
    case 'y':
      layout->size = 1;
      break;
    case 'n':
    case 'q':
      layout->size = 2;
      break;
    case 'i':
    case 'u':
    case 'h':
      layout->size = 4;
      break;
    case 'x':
    case 't':
    case 'd':
      layout->size = 8;
      break;
    case 's':
    case 'o':
    case 'g':
      return TRUE;
    default:
      return FALSE;
    }

  layout->alignment = (guint8) (layout->size - 1);
  layout->any_bytes = layout->class != 'b';

  return TRUE;
}

/* What a type has of one that is in it. */
static void
add_item (PPoolLayout       *layout,
          const PPoolLayout *item)
{
  layout->alignment = MAX (layout->alignment, item->alignment);
  layout->depth = (guint8) MAX (layout->depth, item->depth + 1);
  layout->has_flat = layout->has_flat || item->has_flat;
  layout->has_variant = layout->has_variant || item->has_variant;
}

/* An array, or what may be nothing. */
static gboolean
read_element (Reader      *self,
              PPoolLayout *layout,
              guint        nesting)
{
  const PPoolLayout *element = self->types + self->n_types;

  if (nesting == MAX_NESTING || !read_type (self, nesting + 1))
    return FALSE;

  add_item (layout, element);
  if (layout->class == 'a' && element->any_bytes)
    layout->has_flat = TRUE;

  return TRUE;
}

/* A tuple. The numbers of bytes that it has are added up as long as all are known, to
 * see whether there is a gap. */
static gboolean
read_items (Reader      *self,
            PPoolLayout *layout,
            char         last,
            guint        nesting)
{
  gboolean fixed = TRUE;
  gsize size = 0;
  gsize sum = 0;

  layout->any_bytes = TRUE;

  while (self->next < self->end && *self->next != last)
    {
      const PPoolLayout *item = self->types + self->n_types;

      if (nesting == MAX_NESTING || !read_type (self, nesting + 1))
        return FALSE;

      add_item (layout, item);
      fixed = fixed && item->size > 0;
      size = ppool_align (size, item->alignment + (gsize) 1) + item->size;
      sum += item->size;
      layout->any_bytes = layout->any_bytes && item->any_bytes;
    }

  /* Without items it is a byte, which is zero. */
  if (fixed)
    layout->size = MAX (ppool_align (size, layout->alignment + (gsize) 1), 1);
  layout->any_bytes = layout->any_bytes && layout->size == sum;

  return self->next++ < self->end;
}

/* Two types, the first of which is a basic one. GLib does not count that as a level. */
static gboolean
read_entry (Reader      *self,
            PPoolLayout *layout,
            guint        nesting)
{
  const PPoolLayout *key = layout + 1;
  const PPoolLayout *value = layout + 2;

  if (!read_items (self, layout, '}', nesting) || self->types + self->n_types <= value ||
      key->class == '\0' || strchr ("bynqiuxthdsog", key->class) == NULL ||
      self->types + self->n_types != value + value->n_types)
    return FALSE;

  layout->depth = (guint8) (value->depth + 1);

  return TRUE;
}

static gboolean
read_type (Reader *self,
           guint   nesting)
{
  PPoolLayout *layout = self->types + self->n_types;
  gboolean good;

  if (self->next == self->end)
    return FALSE;

  self->n_types++;
  *layout = (PPoolLayout) { .class = *self->next++ };

  switch (layout->class)
    {
    case 'a':
    case 'm':
      good = read_element (self, layout, nesting);
      break;
    case '(':
      good = read_items (self, layout, ')', nesting);
      break;
    case '{':
      good = read_entry (self, layout, nesting);
      break;
    case 'v':
      layout->alignment = 7;
      layout->depth = 1;
      layout->has_variant = TRUE;
      good = TRUE;
      break;
    default:
      good = read_basic (layout);
      break;
    }

  layout->n_types = (guint32) (self->types + self->n_types - layout);

  return good;
}

/* Returns: FALSE if the @length bytes at @type are none that a value can have, or
 * more than there is memory for. */
gboolean
ppool_layouts_init (PPoolLayouts *self,
                    const char   *type,
                    gsize         length)
{
  Reader reader = { .next = type, .end = type + length };

  /* None has more than it has characters. */
  self->types = self->few;
  if (length > G_N_ELEMENTS (self->few))
    self->types = length < G_MAXUINT32 ? g_try_new (PPoolLayout, length) : NULL;
  if (self->types == NULL)
    return FALSE;

  reader.types = self->types;
  if (read_type (&reader, 0) && reader.next == reader.end)
    return TRUE;

  ppool_layouts_clear (self);
  return FALSE;
}

void
ppool_layouts_clear (PPoolLayouts *self)
{
  if (self->types != self->few)
    g_free (self->types);
  self->types = NULL;
}
