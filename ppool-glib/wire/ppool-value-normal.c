/* ppool-value-normal.c: whether bytes are a value in normal form
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

#include <string.h>

/* GLib looks at each number of an array, although none can be wrong, which takes twenty
 * times as long as a copy. Here they are passed over, wherever they are in a value, and
 * texts are read by the word. The answer is the one of g_variant_is_normal_form().
 *
 * The bytes come from another process: nothing is read outside of them, whatever they
 * are, and no offset is read twice. */

/* GLib's own: there is no value at this level, the outermost being 0. */
#define END_OF_DEPTH 128

typedef struct
{
  guint deepest; /* where a value was seen */
} Check;

static gboolean check (Check             *self,
                       const PPoolLayout *layout,
                       const guint8      *data,
                       gsize              size,
                       guint              depth);

/* How large each of the offsets is that a container of @size bytes has at its end. */
static gsize
get_offset_size (gsize size)
{
  if (size > G_MAXUINT32)
    return 8;
  if (size > G_MAXUINT16)
    return 4;
  if (size > G_MAXUINT8)
    return 2;

  return size > 0 ? 1 : 0;
}

static gsize
read_offset (const guint8 *data,
             gsize         offset_size)
{
  guint64 offset = 0;

  memcpy (&offset, data, offset_size);

  return (gsize) GUINT64_FROM_LE (offset);
}

/* Whether a container has the least size that it can have with so many offsets. */
static gboolean
is_minimal (gsize size,
            gsize body_size,
            gsize n_offsets)
{
  gsize offset_size = 1;

  while (offset_size < 8 && get_offset_size (body_size + offset_size * n_offsets) > offset_size)
    offset_size *= 2;

  return body_size + offset_size * n_offsets == size;
}

/* What is left free for the sake of alignment. */
static gboolean
skip_zeros (const guint8 *data,
            gsize         size,
            guint8        alignment,
            gsize        *offset)
{
  while ((*offset & alignment) != 0)
    if (*offset >= size || data[(*offset)++] != 0)
      return FALSE;

  return TRUE;
}

/* Whether these are no zeros, and ASCII: no byte then borrows from the next. */
static gboolean
is_ascii_word (const guint8 *data)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101);
  guint64 word;

  memcpy (&word, data, sizeof word);

  return (((word - ones) | word) & (ones << 7)) == 0;
}

static gboolean
is_text (const guint8 *data,
         gsize         size)
{
  gsize length = size - 1;
  gsize done = 0;

  if (size == 0 || data[length] != '\0')
    return FALSE;

  while (length - done >= sizeof (guint64) && is_ascii_word (data + done))
    done += sizeof (guint64);

  return g_utf8_validate_len ((const char *) data + done, length - done, NULL);
}

/* Booleans, or items that have them or gaps. */
static gboolean
check_fixed_elements (Check             *self,
                      const PPoolLayout *element,
                      const guint8      *data,
                      gsize              size,
                      guint              depth)
{
  for (gsize offset = 0; offset < size; offset += element->size)
    if (!check (self, element, data + offset, element->size, depth))
      return FALSE;

  return TRUE;
}

/* These have the end of each behind the last, in order. */
static gboolean
check_elements (Check             *self,
                const PPoolLayout *element,
                const guint8      *data,
                gsize              size,
                guint              depth)
{
  gsize offset_size = get_offset_size (size);
  gsize body_size = read_offset (data + size - offset_size, offset_size);
  gsize offset = 0;

  if (body_size >= size || (size - body_size) % offset_size != 0 ||
      !is_minimal (size, body_size, (size - body_size) / offset_size))
    return FALSE;

  for (gsize i = body_size; i < size; i += offset_size)
    {
      gsize end = read_offset (data + i, offset_size);

      if (end < offset || end > body_size ||
          !skip_zeros (data, end, element->alignment, &offset) ||
          !check (self, element, data + offset, end - offset, depth))
        return FALSE;

      offset = end;
    }

  return offset == body_size;
}

static gboolean
check_array (Check             *self,
             const PPoolLayout *layout,
             const guint8      *data,
             gsize              size,
             guint              depth)
{
  const PPoolLayout *element = layout + 1;

  if (size == 0)
    return TRUE;
  if (element->size == 0)
    return check_elements (self, element, data, size, depth + 1);
  if (size % element->size != 0)
    return FALSE;
  if (element->any_bytes)
    return check (self, element, data, element->size, depth + 1);

  return check_fixed_elements (self, element, data, size, depth + 1);
}

/* The ends of items are in reverse behind the last, but for those that are known. */
static gboolean
check_items (Check             *self,
             const PPoolLayout *layout,
             const guint8      *data,
             gsize              size,
             guint              depth)
{
  const PPoolLayout *after = layout + layout->n_types;
  gsize offset_size = get_offset_size (size);
  gsize body_size = size;
  gsize offset = 0;

  for (const PPoolLayout *item = layout + 1; item < after; item += item->n_types)
    {
      gsize end = body_size;

      if (!skip_zeros (data, size, item->alignment, &offset))
        return FALSE;

      if (item->size > 0)
        end = offset + item->size;
      else if (item + item->n_types < after)
        {
          if (body_size < offset_size)
            return FALSE;
          body_size -= offset_size;
          end = read_offset (data + body_size, offset_size);
        }

      if (end < offset || end > body_size ||
          !check (self, item, data + offset, end - offset, depth + 1))
        return FALSE;

      offset = end;
    }

  if (layout->size > 0 && !skip_zeros (data, size, layout->alignment, &offset))
    return FALSE;

  return offset == body_size &&
         (size == 0 || is_minimal (size, body_size, (size - body_size) / offset_size));
}

static gboolean
check_tuple (Check             *self,
             const PPoolLayout *layout,
             const guint8      *data,
             gsize              size,
             guint              depth)
{
  /* The empty one. */
  if (layout->n_types == 1)
    return data[0] == 0;

  return check_items (self, layout, data, size, depth);
}

static gboolean
check_maybe (Check             *self,
             const PPoolLayout *layout,
             const guint8      *data,
             gsize              size,
             guint              depth)
{
  const PPoolLayout *element = layout + 1;

  if (size == 0)
    return TRUE;
  if (element->size > 0)
    return size == element->size && check (self, element, data, size, depth + 1);

  /* So that it differs from nothing. */
  return data[size - 1] == 0 && check (self, element, data, size - 1, depth + 1);
}

static gboolean
check_packed (Check        *self,
              const char   *type,
              gsize         type_length,
              const guint8 *data,
              gsize         size,
              guint         depth)
{
  PPoolLayouts layouts;
  const PPoolLayout *layout;
  gboolean normal;

  if (!ppool_layouts_init (&layouts, type, type_length))
    return FALSE;

  /* GLib lets the deepest of all types pass here, of which only an empty value can be
   * read. */
  layout = layouts.types;
  normal = (layout->depth > END_OF_DEPTH || depth + layout->depth < END_OF_DEPTH) &&
           (layout->size == 0 || layout->size == size) &&
           check (self, layout, data, size, depth + 1);
  ppool_layouts_clear (&layouts);

  return normal;
}

/* The value, a zero, and its type. */
static gboolean
check_variant (Check        *self,
               const guint8 *data,
               gsize         size,
               guint         depth)
{
  const guint8 *zero = size > 0 ? memrchr (data, 0, size) : NULL;

  return zero != NULL &&
         check_packed (self, (const char *) zero + 1, (gsize) (data + size - zero - 1),
                       data, (gsize) (zero - data), depth);
}

static gboolean
check_contents (Check             *self,
                const PPoolLayout *layout,
                const guint8      *data,
                gsize              size,
                guint              depth)
{
  switch (layout->class)
    {
    case 'b':
      return data[0] < 2;
    case 's':
      return is_text (data, size);
    case 'o':
      return is_text (data, size) && g_variant_is_object_path ((const char *) data);
    case 'g':
      return is_text (data, size) && g_variant_is_signature ((const char *) data);
    case 'v':
      return check_variant (self, data, size, depth);
    case 'a':
      return check_array (self, layout, data, size, depth);
    case 'm':
      return check_maybe (self, layout, data, size, depth);
    case '(':
    case '{':
      return check_tuple (self, layout, data, size, depth);
    default:
      return TRUE;
    }
}

/* A value of a type with a size has that. */
static gboolean
check (Check             *self,
       const PPoolLayout *layout,
       const guint8      *data,
       gsize              size,
       guint              depth)
{
  guint lowest = layout->any_bytes ? depth + layout->depth - 1 : depth;

  self->deepest = MAX (self->deepest, lowest);
  if (lowest >= END_OF_DEPTH)
    return FALSE;

  return layout->any_bytes || check_contents (self, layout, data, size, depth);
}

static gboolean
check_layout (const PPoolLayout *layout,
              gconstpointer      data,
              gsize              size)
{
  Check self = { .deepest = 0 };

  return (layout->size == 0 || layout->size == size) &&
         check (&self, layout, data != NULL ? data : "", size, 0);
}

/* Tells whether @size bytes at @data are a value of @type in normal form. */
gboolean
ppool_value_check_bytes (const GVariantType *type,
                         gconstpointer       data,
                         gsize               size)
{
  PPoolLayouts layouts;
  gboolean normal;

  if (!ppool_layouts_init (&layouts, g_variant_type_peek_string (type),
                           g_variant_type_get_string_length (type)))
    return FALSE;

  normal = check_layout (layouts.types, data, size);
  ppool_layouts_clear (&layouts);

  return normal;
}

/* The same of a type that is known. */
gboolean
ppool_value_check_known (const PPoolKnownType *known,
                         gconstpointer         data,
                         gsize                 size)
{
  return check_layout (known->layouts.types, data, size);
}

/* What follows is for values of this process, which may be bytes, or a tree of values of
 * either kind. */

static PPoolValueForm get_form (GVariant          *value,
                                const PPoolLayout *layout,
                                guint              depth);

static PPoolValueForm
ask_glib (GVariant *value)
{
  return g_variant_is_normal_form (value) ? PPOOL_VALUE_NORMAL : PPOOL_VALUE_NOT_NORMAL;
}

static PPoolValueForm
get_form_of_bytes (GVariant          *value,
                   const PPoolLayout *layout,
                   guint              depth)
{
  Check self = { .deepest = 0 };
  gconstpointer data = g_variant_get_data (value);
  gboolean normal = check (&self, layout, data != NULL ? data : "", g_variant_get_size (value),
                           depth);

  if (self.deepest > PPOOL_VALUE_MAX_DEPTH)
    return PPOOL_VALUE_TOO_DEEP;

  return normal ? PPOOL_VALUE_NORMAL : PPOOL_VALUE_NOT_NORMAL;
}

static PPoolValueForm
get_form_of_packed (GVariant *value,
                    guint     depth)
{
  const char *type = g_variant_get_type_string (value);
  PPoolLayouts layouts;
  PPoolValueForm form;

  if (!ppool_layouts_init (&layouts, type, strlen (type)))
    return PPOOL_VALUE_NOT_NORMAL;

  form = get_form (value, layouts.types, depth);
  ppool_layouts_clear (&layouts);

  return form;
}

/* Goes on where something is not normal, as there may be what is too deep. */
static PPoolValueForm
get_form_of_children (GVariant          *value,
                      const PPoolLayout *layout,
                      guint              depth)
{
  const PPoolLayout *item = layout + 1;
  PPoolValueForm form = PPOOL_VALUE_NORMAL;
  gsize n = g_variant_n_children (value);

  for (gsize i = 0; i < n && form != PPOOL_VALUE_TOO_DEEP; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      PPoolValueForm found = layout->class == 'v' ? get_form_of_packed (child, depth + 1) :
                                                    get_form (child, item, depth + 1);

      form = MAX (form, found);
      if (layout->class == '(' || layout->class == '{')
        item += item->n_types;
    }

  return form;
}

/* A value that is a tree has the same child each time, and others make a new one. */
static gboolean
is_tree (GVariant *value)
{
  g_autoptr (GVariant) child = g_variant_get_child_value (value, 0);
  g_autoptr (GVariant) again = g_variant_get_child_value (value, 0);

  return child == again;
}

/* GLib is asked where it has not much to look at, or has looked before. */
static PPoolValueForm
get_form (GVariant          *value,
          const PPoolLayout *layout,
          guint              depth)
{
  gsize size = g_variant_get_size (value);
  gsize deepest = depth + layout->depth + (layout->has_variant ? size : 0);

  if (depth > PPOOL_VALUE_MAX_DEPTH)
    return PPOOL_VALUE_TOO_DEEP;
  if (deepest <= PPOOL_VALUE_MAX_DEPTH && (size <= PPOOL_VALUE_MAX_DEPTH || !layout->has_flat))
    return ask_glib (value);
  if (layout->class == 'a' && layout[1].any_bytes && deepest <= PPOOL_VALUE_MAX_DEPTH)
    return size % layout[1].size == 0 ? PPOOL_VALUE_NORMAL : PPOOL_VALUE_NOT_NORMAL;
  if (!g_variant_is_container (value) || g_variant_n_children (value) == 0)
    return ask_glib (value);
  if (is_tree (value))
    return get_form_of_children (value, layout, depth);

  return get_form_of_bytes (value, layout, depth);
}

PPoolValueForm
ppool_value_get_form (GVariant *value)
{
  return get_form_of_packed (value, 0);
}
