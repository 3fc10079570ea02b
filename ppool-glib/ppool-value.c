/* ppool-value.c: how values travel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-private.h"

#include <string.h>

/* D-Bus bounds the nesting of a message to 64; the message itself needs a few
 * levels for the value's envelope. */
#define MAX_DEPTH 60

/* GVariant reads as far as 128 levels; the outermost is the envelope's. */
#define MAX_PACKED_DEPTH 126

/* The bounds of one signature. */
#define MAX_SIGNATURE 255
#define MAX_ARRAYS 32
#define MAX_TUPLES 32

/* The least size of a value that keeps the message in which it came, in bytes. */
#define LARGE_SIZE 16384

/* Up to this size, the form of a value costs nothing to make beforehand. */
#define SMALL_SIZE 4096

/* No value grows more than sixteen times on its way from GVariant to D-Bus
 * form, so only larger ones need to be measured. */
#define MEASURED_SIZE (PPOOL_VALUE_MAX_SIZE / 16)

static gboolean
set_too_large (gsize    size,
               GError **error)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE,
               "The value has %" G_GSIZE_FORMAT " bytes and a message carries at most "
               "%" G_GSIZE_FORMAT,
               size, PPOOL_VALUE_MAX_SIZE);
  return FALSE;
}

/* How deeply values of a type are nested at most, variants apart. */
static guint
nesting_of_type (const char *type)
{
  guint n_prefixes = 0;
  guint n_open = 0;
  guint most_open = 0;

  for (const char *p = type; *p != '\0'; p++)
    {
      if (*p == 'a' || *p == 'm')
        n_prefixes++;
      else if (*p == '(' || *p == '{')
        most_open = MAX (most_open, ++n_open);
      else if (*p == ')' || *p == '}')
        n_open--;
    }

  return n_prefixes + most_open;
}

/* Each level inside of a variant takes a byte at least, so only what is large
 * has to be looked at. */
static gboolean
is_too_deep (GVariant *value,
             guint     depth)
{
  const char *type = g_variant_get_type_string (value);
  gsize deepest = depth + nesting_of_type (type);
  gboolean too_deep = FALSE;
  gsize n;

  if (strchr (type, 'v') != NULL)
    deepest += g_variant_get_size (value);
  if (deepest <= MAX_PACKED_DEPTH || !g_variant_is_container (value))
    return depth > MAX_PACKED_DEPTH;

  n = g_variant_n_children (value);
  for (gsize i = 0; i < n && !too_deep; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      too_deep = is_too_deep (child, depth + 1);
    }

  return too_deep;
}

/* Sinks @value. Returns: (transfer full) (nullable): it in the form in which it
 * travels, or NULL if who receives it could not read it. */
GVariant *
ppool_value_normalize (GVariant  *value,
                       GError   **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GVariant) normal = NULL;

  /* GLib would look at each element of what nobody has vouched for. */
  if (ppool_value_is_flat (g_variant_get_type (held), g_variant_get_size (held)))
    return g_steal_pointer (&held);

  normal = g_variant_get_normal_form (held);
  if (!is_too_deep (normal, 0))
    return g_steal_pointer (&normal);

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
               "The value is nested more deeply than can be read again (%d)",
               MAX_PACKED_DEPTH);
  return NULL;
}

/* Appends the form in which every type travels: the bytes of a variant that holds
 * the value, serialised in normal form, which are the bytes of the value, a zero,
 * and its type. They are to start on a multiple of eight. Sinks @value. */
gboolean
ppool_value_append (GByteArray  *bytes,
                    GVariant    *value,
                    GError     **error)
{
  g_autoptr (GVariant) normal = ppool_value_normalize (value, error);
  const char *type;
  gsize type_length;
  gsize value_size;
  gsize size;
  guint start = bytes->len;

  if (normal == NULL)
    return FALSE;

  type = g_variant_get_type_string (normal);
  type_length = strlen (type);
  value_size = g_variant_get_size (normal);
  size = value_size + 1 + type_length;
  if (size > PPOOL_VALUE_MAX_SIZE)
    return set_too_large (size, error);

  ppool_value_know_type (type, type_length);
  g_byte_array_set_size (bytes, start + (guint) size);
  g_variant_store (normal, bytes->data + start);
  bytes->data[start + value_size] = '\0';
  memcpy (bytes->data + start + value_size + 1, type, type_length);

  return TRUE;
}

/* Makes a value of bytes that another process sent, or none if that is not what they
 * are: (nullable) (transfer full). They are to belong to this process alone. */
GVariant *
ppool_value_new_checked (const GVariantType *type,
                         GBytes             *bytes)
{
  gboolean flat = ppool_value_is_flat (type, g_bytes_get_size (bytes));
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, flat));

  return g_variant_is_normal_form (value) ? g_steal_pointer (&value) : NULL;
}

/* Checks everything, as the bytes come from another process. @data is a part of
 * @bytes, which a large value keeps; a small one must not hold so much more than
 * itself. */
GVariant *
ppool_value_load (GBytes        *bytes,
                  const guint8  *data,
                  gsize          size,
                  GError       **error)
{
  const guint8 *zero = size > 0 ? memrchr (data, '\0', size) : NULL;
  const GVariantType *type = NULL;

  if (zero != NULL)
    type = ppool_value_know_type ((const char *) zero + 1, (gsize) (data + size - zero - 1));
  if (type != NULL)
    {
      gsize value_size = (gsize) (zero - data);
      g_autoptr (GBytes) part =
        value_size < LARGE_SIZE ?
          g_bytes_new (data, value_size) :
          g_bytes_new_with_free_func (data, value_size, (GDestroyNotify) g_bytes_unref,
                                      g_bytes_ref (bytes));
      g_autoptr (GVariant) value = ppool_value_new_checked (type, part);

      if (value != NULL)
        return g_steal_pointer (&value);
    }

  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                       "a value arrived as bytes that are no value");
  return NULL;
}

/* A tree of values is several times as large as its bytes, and many may wait. Small
 * ones turn into their bytes here. What can't be read again stays as it is, for
 * who sends it to tell. */
void
ppool_value_compact (GVariant *value)
{
  if (g_variant_get_size (value) <= SMALL_SIZE && !is_too_deep (value, 0))
    (void) g_variant_get_data (value);
}

/* The empty tuple: what arguments are where there are none. (transfer full) */
GVariant *
ppool_value_ref_unit (void)
{
  static GVariant *unit = NULL;
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      unit = g_variant_ref_sink (g_variant_new_tuple (NULL, 0));
      g_once_init_leave (&once, 1);
    }

  return g_variant_ref (unit);
}

/* The same form, as a value of its own. */
GVariant *
ppool_value_pack (GVariant  *value,
                  GError   **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GBytes) packed = NULL;

  if (!ppool_value_append (bytes, value, error))
    return NULL;

  packed = g_byte_array_free_to_bytes (g_steal_pointer (&bytes));

  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, packed, TRUE);
}

GVariant *
ppool_value_unpack (GVariant  *packed,
                    gboolean   swapped,
                    GError   **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (!g_variant_is_of_type (packed, G_VARIANT_TYPE_BYTESTRING))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                   "a value arrived as “%s” instead of its bytes",
                   g_variant_get_type_string (packed));
      return NULL;
    }

  bytes = g_variant_get_data_as_bytes (packed);
  value = ppool_value_load (bytes, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
  if (value == NULL || !swapped)
    return g_steal_pointer (&value);

  return g_variant_byteswap (value);
}

static gboolean
check_signature (const char  *type,
                 GError     **error)
{
  const char *lack = NULL;
  guint n_arrays = 0;
  guint n_tuples = 0;

  for (const char *p = type; *p != '\0' && lack == NULL; p++)
    {
      if (*p == 'm')
        lack = "maybe types";
      else if (p[0] == '(' && p[1] == ')')
        lack = "the empty tuple";
      else if (*p == '{' && (p == type || p[-1] != 'a'))
        lack = "dictionary entries outside of a dictionary";

      n_arrays += *p == 'a';
      n_tuples += *p == '(' || *p == '{';
    }

  if (lack == NULL && strlen (type) > MAX_SIGNATURE)
    lack = "types of more than 255 characters";
  else if (lack == NULL && (n_arrays > MAX_ARRAYS || n_tuples > MAX_TUPLES))
    lack = "types of more than 32 arrays or tuples";

  if (lack != NULL)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                 "A value of type “%.255s” can't be sent to this worker: it speaks plain D-Bus, "
                 "which does not know %s",
                 type, lack);

  return lack == NULL;
}

static gsize
alignment_of (GVariantClass class)
{
  switch (class)
    {
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
      return 2;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_UINT32:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_ARRAY:
      return 4;
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
    case G_VARIANT_CLASS_DOUBLE:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
      return 8;
    case G_VARIANT_CLASS_BYTE:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
    default:
      return 1;
    }
}

static gsize
align_to (gsize offset,
          gsize alignment)
{
  return (offset + alignment - 1) & ~(alignment - 1);
}

static gboolean measure (GVariant  *value,
                         guint      depth,
                         gsize     *offset,
                         GError   **error);

static gboolean
measure_children (GVariant  *value,
                  guint      depth,
                  gsize     *offset,
                  GError   **error)
{
  gsize n = g_variant_n_children (value);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (!measure (child, depth + 1, offset, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
measure_array (GVariant  *value,
               guint      depth,
               gsize     *offset,
               GError   **error)
{
  const GVariantType *element = g_variant_type_element (g_variant_get_type (value));
  char class = g_variant_type_peek_string (element)[0];
  gsize alignment = alignment_of ((GVariantClass) class);
  gsize start;

  *offset = align_to (*offset + sizeof (guint32), alignment);
  start = *offset;

  /* Fixed-size basic types keep their size; a boolean grows to four bytes. */
  if (strchr ("ynqiuxtdhb", class) != NULL)
    *offset += g_variant_n_children (value) * (class == 'y' ? 1 : alignment);
  else if (!measure_children (value, depth, offset, error))
    return FALSE;

  return *offset - start <= PPOOL_VALUE_MAX_SIZE || set_too_large (*offset - start, error);
}

static gboolean
measure_variant (GVariant  *value,
                 guint      depth,
                 gsize     *offset,
                 GError   **error)
{
  g_autoptr (GVariant) child = g_variant_get_variant (value);

  if (!check_signature (g_variant_get_type_string (child), error))
    return FALSE;

  *offset += 2 + strlen (g_variant_get_type_string (child));
  return measure (child, depth + 1, offset, error);
}

/* Adds to @offset what @value takes in D-Bus form. */
static gboolean
measure (GVariant  *value,
         guint      depth,
         gsize     *offset,
         GError   **error)
{
  GVariantClass class = g_variant_classify (value);
  gsize alignment = alignment_of (class);

  if (depth > MAX_DEPTH)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                   "The value is nested more deeply than plain D-Bus allows (%d)", MAX_DEPTH);
      return FALSE;
    }

  *offset = align_to (*offset, alignment);

  switch (class)
    {
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
      *offset += sizeof (guint32) + g_variant_get_size (value);
      break;
    case G_VARIANT_CLASS_SIGNATURE:
      *offset += 1 + g_variant_get_size (value);
      break;
    case G_VARIANT_CLASS_VARIANT:
      return measure_variant (value, depth, offset, error);
    case G_VARIANT_CLASS_ARRAY:
      return measure_array (value, depth, offset, error);
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
    case G_VARIANT_CLASS_MAYBE:
      return measure_children (value, depth, offset, error);
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_BYTE:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_UINT32:
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_DOUBLE:
    default:
      *offset += alignment;
      break;
    }

  return TRUE;
}

/* Tells whether @value can travel as it is, as a type of D-Bus. */
gboolean
ppool_value_check_dbus (GVariant  *value,
                        GError   **error)
{
  const char *type = g_variant_get_type_string (value);
  gsize size = 0;

  if (!check_signature (type, error))
    return FALSE;

  if (strchr (type, 'v') == NULL && g_variant_get_size (value) < MEASURED_SIZE &&
      strlen (type) < MAX_DEPTH)
    return TRUE;

  if (!measure (value, 0, &size, error))
    return FALSE;

  return size <= PPOOL_VALUE_MAX_SIZE || set_too_large (size, error);
}
