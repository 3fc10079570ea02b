/* ppool-value-flat.c: arrays whose elements can be any bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-private.h"

#include "ppool-align-private.h"

/* A value that lies in memory which another process can write may change at any
 * time, so it may be read there only if no bytes can do harm: if it has no
 * offsets, and if each bytes are a value in normal form. That goes for numbers,
 * and for tuples of them that have no gaps, which would have to be zeros. Of such
 * values nothing has to be checked but the size. */

typedef struct
{
  gsize size;
  gsize alignment;
  gboolean any_bytes;
} Layout;

static gboolean measure (const GVariantType *type,
                         Layout             *layout);

static gboolean
set_number (Layout   *layout,
            gsize     size,
            gboolean  any_bytes)
{
  *layout = (Layout) { size, size, any_bytes };
  return TRUE;
}

static gboolean
measure_tuple (const GVariantType *type,
               Layout             *layout)
{
  gsize sum = 0;
  Layout item;

  *layout = (Layout) { 0, 1, TRUE };

  for (const GVariantType *t = g_variant_type_first (type); t != NULL; t = g_variant_type_next (t))
    {
      if (!measure (t, &item))
        return FALSE;

      layout->size = ppool_align (layout->size, item.alignment) + item.size;
      layout->alignment = MAX (layout->alignment, item.alignment);
      layout->any_bytes = layout->any_bytes && item.any_bytes;
      sum += item.size;
    }

  /* Without items it is a byte, which is zero. */
  layout->size = MAX (ppool_align (layout->size, layout->alignment), 1);
  layout->any_bytes = layout->any_bytes && layout->size == sum;

  return TRUE;
}

/* Tells whether values of a type all have the same size. */
static gboolean
measure (const GVariantType *type,
         Layout             *layout)
{
  switch (g_variant_type_peek_string (type)[0])
    {
    case 'b':
      return set_number (layout, 1, FALSE);
    case 'y':
      return set_number (layout, 1, TRUE);
    case 'n':
    case 'q':
      return set_number (layout, 2, TRUE);
    case 'i':
    case 'u':
    case 'h':
      return set_number (layout, 4, TRUE);
    case 'x':
    case 't':
    case 'd':
      return set_number (layout, 8, TRUE);
    case '(':
    case '{':
      return measure_tuple (type, layout);
    default:
      return FALSE;
    }
}

/* The size of an element, if @type is an array of elements of a fixed size, or 0.
 * @any_bytes tells whether all bytes are such an array. */
gsize
ppool_value_get_element_size (const GVariantType *type,
                              gboolean           *any_bytes)
{
  Layout layout;

  if (!g_variant_type_is_definite (type) || !g_variant_type_is_array (type) ||
      !measure (g_variant_type_element (type), &layout))
    return 0;

  if (any_bytes != NULL)
    *any_bytes = layout.any_bytes;

  return layout.size;
}

/* Tells whether @size bytes are a value of @type in normal form, whichever they
 * are. */
gboolean
ppool_value_is_flat (const GVariantType *type,
                     gsize               size)
{
  gboolean any_bytes;
  gsize element_size = ppool_value_get_element_size (type, &any_bytes);

  return element_size > 0 && any_bytes && size % element_size == 0;
}
