/* ppool-value-flat.c: arrays whose elements can be any bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

/* A value that lies in memory which another process can write may change at any
 * time, so it may be read there only if no bytes can do harm: if it has no
 * offsets, and if each bytes are a value in normal form. That goes for numbers,
 * and for tuples of them that have no gaps, which would have to be zeros. Of such
 * values nothing has to be checked but the size. */

/* The size of an element, if @type is an array of elements of a fixed size, or 0.
 * @any_bytes tells whether all bytes are such an array. */
gsize
ppool_value_get_element_size (const GVariantType *type,
                              gboolean           *any_bytes)
{
  const char *string = g_variant_type_peek_string (type);
  PPoolLayouts layouts;
  gsize size;

  if (string[0] != 'a' ||
      !ppool_layouts_init (&layouts, string, g_variant_type_get_string_length (type)))
    return 0;

  size = layouts.types[1].size;
  if (any_bytes != NULL)
    *any_bytes = layouts.types[1].any_bytes;
  ppool_layouts_clear (&layouts);

  return size;
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
