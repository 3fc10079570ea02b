/* ppool-value-dbus.c: what plain D-Bus can carry
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-internal.h"

#include <string.h>

#include "ppool-align-private.h"

/* D-Bus bounds the nesting of a message to 64; the message itself needs a few
 * levels for the value's envelope. */
#define MAX_DEPTH 60

/* The bounds of one signature. */
#define MAX_SIGNATURE 255
#define MAX_ARRAYS 32
#define MAX_TUPLES 32

/* No value grows more than sixteen times on its way from GVariant to D-Bus
 * form, so only larger ones need to be measured. */
#define MEASURED_SIZE (PPOOL_VALUE_MAX_SIZE / 16)

/* Returns: FALSE */
gboolean
ppool_value_set_too_large (gsize    size,
                           GError **error)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE,
               "The value has %" G_GSIZE_FORMAT " bytes and a message carries at most "
               "%" G_GSIZE_FORMAT,
               size, PPOOL_VALUE_MAX_SIZE);
  return FALSE;
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

  *offset = ppool_align (*offset + sizeof (guint32), alignment);
  start = *offset;

  /* Fixed-size basic types keep their size; a boolean grows to four bytes. */
  if (strchr ("ynqiuxtdhb", class) != NULL)
    *offset += g_variant_n_children (value) * (class == 'y' ? 1 : alignment);
  else if (!measure_children (value, depth, offset, error))
    return FALSE;

  return *offset - start <= PPOOL_VALUE_MAX_SIZE ||
         ppool_value_set_too_large (*offset - start, error);
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

  *offset = ppool_align (*offset, alignment);

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

  return size <= PPOOL_VALUE_MAX_SIZE || ppool_value_set_too_large (size, error);
}
