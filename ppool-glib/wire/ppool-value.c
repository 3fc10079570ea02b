/* ppool-value.c: how values travel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

#include <string.h>

/* The least size of a value that keeps the message in which it came, in bytes. */
#define LARGE_SIZE 16384

/* Up to this size, GLib has soon looked at each byte. */
#define SHORT_SIZE 256

/* Up to this size, the form of a value costs nothing to make beforehand. */
#define SMALL_SIZE 4096

/* Each level takes a byte at least, of the type or of a value in a variant. */
static gboolean
is_shallow (GVariant *value)
{
  const char *type = g_variant_get_type_string (value);
  gsize most = strlen (type);

  if (strchr (type, 'v') != NULL)
    most += g_variant_get_size (value);

  return most <= PPOOL_VALUE_MAX_DEPTH;
}

/* GLib believes who says so, and so does whoever sends such a value. */
gboolean
ppool_value_set_untrue (const GVariantType  *type,
                        GError             **error)
{
  gsize length = g_variant_type_get_string_length (type);

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
               "The value was created from bytes that are not valid for the type “%.*s”, although "
               "they were marked as trusted",
               (int) MIN (length, 255), g_variant_type_peek_string (type));

  return FALSE;
}

static gboolean
set_unreadable (GVariant       *value,
                PPoolValueForm  form,
                GError        **error)
{
  if (form == PPOOL_VALUE_TOO_DEEP)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                 "The value is nested too deeply to be read again (the limit is %d)",
                 PPOOL_VALUE_MAX_DEPTH);
  else
    ppool_value_set_untrue (g_variant_get_type (value), error);

  return FALSE;
}

/* @value, which is not floating, in the form in which it travels: (transfer full) (nullable) */
static GVariant *
normalize_held (GVariant  *value,
                GError   **error)
{
  g_autoptr (GVariant) normal = NULL;
  PPoolValueForm form;

  if (is_shallow (value) && g_variant_get_size (value) <= SHORT_SIZE)
    return g_variant_get_normal_form (value);

  form = ppool_value_get_form (value);
  if (form == PPOOL_VALUE_NORMAL)
    return g_variant_ref (value);

  if (form == PPOOL_VALUE_NOT_NORMAL)
    {
      normal = g_variant_get_normal_form (value);
      form = ppool_value_get_form (normal);
      if (form == PPOOL_VALUE_NORMAL)
        return g_steal_pointer (&normal);
    }

  set_unreadable (value, form, error);
  return NULL;
}

/* Sinks @value. Returns: (transfer full) (nullable): it in the form in which it
 * travels, or NULL if who receives it could not read it. */
GVariant *
ppool_value_normalize (GVariant  *value,
                       GError   **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);

  return normalize_held (held, error);
}

/* Appends the form in which every type travels: the bytes of a variant that holds
 * the value, serialised in normal form, which are the bytes of the value, a zero,
 * and its type. They are to start on a multiple of eight. @value is not floating. */
gboolean
ppool_value_append (GByteArray  *bytes,
                    GVariant    *value,
                    GError     **error)
{
  g_autoptr (GVariant) normal = normalize_held (value, error);
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
    return ppool_value_set_too_large (size, error);

  ppool_value_know_type (type, type_length);
  g_byte_array_set_size (bytes, start + (guint) size);
  g_variant_store (normal, bytes->data + start);
  bytes->data[start + value_size] = '\0';
  memcpy (bytes->data + start + value_size + 1, type, type_length);

  return TRUE;
}

/* Makes a value of bytes that another process sent, or none if that is not what they
 * are: (nullable) (transfer full). They are to belong to this process alone.
 *
 * GLib looks for each child of what it does not trust from the first one on, even once
 * it has found it to be in normal form. */
GVariant *
ppool_value_new_checked (const GVariantType *type,
                         GBytes             *bytes)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  if (!ppool_value_check_bytes (type, data, size))
    return NULL;

  return g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, TRUE));
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

/* Of bytes that were checked: (transfer full). A large value keeps @bytes, of which @data is a
 * part; a small one must not hold so much more than itself. */
static GVariant *
make_value (const PPoolKnownType *known,
            GBytes               *bytes,
            const guint8         *data,
            gsize                 size)
{
  g_autoptr (GBytes) part = NULL;

  if (known->length == 2 && memcmp (known->type, "()", 2) == 0)
    return ppool_value_ref_unit ();

  part = size < LARGE_SIZE ? g_bytes_new (data, size) :
                             g_bytes_new_with_free_func (data, size,
                                                         (GDestroyNotify) g_bytes_unref,
                                                         g_bytes_ref (bytes));

  return g_variant_ref_sink (g_variant_new_from_bytes (known->type, part, TRUE));
}

/* Checks everything, as the bytes come from another process. @data is a part of
 * @bytes. It fails with PPOOL_ERROR_INVALID_ARGS if there is a type of which the
 * bytes are no value: a program may have given the other side such a one. */
GVariant *
ppool_value_load (GBytes        *bytes,
                  const guint8  *data,
                  gsize          size,
                  GError       **error)
{
  const guint8 *zero = size > 0 ? memrchr (data, '\0', size) : NULL;
  const PPoolKnownType *known = NULL;

  if (zero != NULL)
    known = ppool_value_know_type ((const char *) zero + 1, (gsize) (data + size - zero - 1));
  if (known == NULL)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "received invalid bytes as a value");
      return NULL;
    }

  if (!ppool_value_check_known (known, data, (gsize) (zero - data)))
    {
      ppool_value_set_untrue (known->type, error);
      return NULL;
    }

  return make_value (known, bytes, data, (gsize) (zero - data));
}

/* A tree of values is several times as large as its bytes, and many may wait. Small
 * ones turn into their bytes here. What can't be read again stays as it is, for
 * who sends it to tell. */
void
ppool_value_compact (GVariant *value)
{
  if (g_variant_get_size (value) <= SMALL_SIZE &&
      (is_shallow (value) || ppool_value_get_form (value) == PPOOL_VALUE_NORMAL))
    (void) g_variant_get_data (value);
}

/* The same form, as a value of its own. */
GVariant *
ppool_value_pack (GVariant  *value,
                  GError   **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GBytes) packed = NULL;

  if (!ppool_value_append (bytes, held, error))
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
