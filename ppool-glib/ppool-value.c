/* ppool-value.c: how values and errors travel
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

/* No value grows more than sixteen times on its way from GVariant to D-Bus
 * form, so only larger ones need to be measured. */
#define MEASURED_SIZE (PPOOL_VALUE_MAX_SIZE / 16)

static const struct
{
  PPoolError code;
  const char *name;
} reserved_errors[] = {
  { PPOOL_ERROR_UNKNOWN_FUNCTION, "org.ppool.Error.UnknownFunction" },
  { PPOOL_ERROR_INVALID_ARGS, "org.ppool.Error.InvalidArgs" },
  { PPOOL_ERROR_TOO_LARGE, "org.ppool.Error.TooLarge" },
  { PPOOL_ERROR_UNHANDLED, "org.ppool.Error.Unhandled" },
  /* What D-Bus libraries say by themselves. */
  { PPOOL_ERROR_UNKNOWN_FUNCTION, "org.freedesktop.DBus.Error.UnknownMethod" },
};

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

/* Makes the form in which every type travels: the bytes of a variant that holds
 * the value, serialised in normal form. */
GVariant *
ppool_value_pack (GVariant  *value,
                  GError   **error)
{
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (value));
  g_autoptr (GVariant) normal = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (g_variant_get_size (boxed) > PPOOL_VALUE_MAX_SIZE)
    {
      set_too_large (g_variant_get_size (boxed), error);
      return NULL;
    }

  normal = g_variant_get_normal_form (boxed);
  if (g_variant_get_size (normal) > PPOOL_VALUE_MAX_SIZE)
    {
      set_too_large (g_variant_get_size (normal), error);
      return NULL;
    }

  if (is_too_deep (value, 0))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                   "The value is nested more deeply than can be read again (%d)",
                   MAX_PACKED_DEPTH);
      return NULL;
    }

  bytes = g_variant_get_data_as_bytes (normal);

  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

/* Checks everything, as the bytes come from another process. */
GVariant *
ppool_value_unpack (GVariant  *packed,
                    gboolean   swapped,
                    GError   **error)
{
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (!g_variant_is_of_type (packed, G_VARIANT_TYPE_BYTESTRING))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                   "a value arrived as “%s” instead of its bytes",
                   g_variant_get_type_string (packed));
      return NULL;
    }

  bytes = g_variant_get_data_as_bytes (packed);
  boxed = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, bytes, FALSE));
  if (swapped)
    {
      GVariant *native = g_variant_byteswap (boxed);

      g_variant_unref (boxed);
      boxed = native;
    }

  if (!g_variant_is_normal_form (boxed))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "a value arrived as bytes that are no value");
      return NULL;
    }

  return g_variant_get_variant (boxed);
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
                 "which has no %s",
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

const char *
ppool_value_error_name (PPoolError code)
{
  for (guint i = 0; i < G_N_ELEMENTS (reserved_errors); i++)
    if (reserved_errors[i].code == code)
      return reserved_errors[i].name;

  g_return_val_if_reached (NULL);
}

/* Messages are file names and foreign exceptions as often as not: they are
 * made valid and bounded before they travel and again when they arrive. */
char *
ppool_value_clean_message (const char *message)
{
  gsize length = strnlen (message, PPOOL_VALUE_MAX_MESSAGE + 1);
  g_autofree char *valid = g_utf8_make_valid (message, MIN (length, PPOOL_VALUE_MAX_MESSAGE));
  char *end;

  if (length <= PPOOL_VALUE_MAX_MESSAGE && strlen (valid) <= PPOOL_VALUE_MAX_MESSAGE)
    return g_steal_pointer (&valid);

  end = valid + PPOOL_VALUE_MAX_MESSAGE - strlen ("…");
  while (((guchar) *end & 0xc0) == 0x80)
    end--;
  *end = '\0';

  return g_strconcat (valid, "…", NULL);
}

/* Domains are looked up by name, and a name that nothing here has asked for
 * yet is unknown; these are the ones that functions use. */
static void
ensure_domains (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      (void) G_BOOKMARK_FILE_ERROR;
      (void) G_CONVERT_ERROR;
      (void) G_DBUS_ERROR;
      (void) G_FILE_ERROR;
      (void) G_IO_ERROR;
      (void) G_KEY_FILE_ERROR;
      (void) G_MARKUP_ERROR;
      (void) G_NUMBER_PARSER_ERROR;
      (void) G_OPTION_ERROR;
      (void) G_REGEX_ERROR;
      (void) G_RESOLVER_ERROR;
      (void) G_RESOURCE_ERROR;
      (void) G_SHELL_ERROR;
      (void) G_SPAWN_ERROR;
      (void) G_SPAWN_EXIT_ERROR;
      (void) G_THREAD_ERROR;
      (void) G_TLS_ERROR;
      (void) G_URI_ERROR;
      (void) G_VARIANT_PARSE_ERROR;
      g_once_init_leave (&once, 1);
    }
}

/* Makes the error that a function has set. The domain is looked up and never
 * interned: the names come from another process. */
GError *
ppool_value_error_new (const char *domain,
                       int         code,
                       const char *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);
  GQuark quark;

  ensure_domains ();

  quark = g_quark_try_string (domain);
  if (quark == 0 || quark == PPOOL_ERROR)
    return g_error_new (PPOOL_ERROR, PPOOL_ERROR_REMOTE, "%s (%.255s, code %d)", clean, domain,
                        code);

  return g_error_new_literal (quark, code, clean);
}

/* Makes the error of a reply that carries nothing but a D-Bus error name. */
GError *
ppool_value_error_new_by_name (const char *name,
                               const char *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);

  for (guint i = 0; i < G_N_ELEMENTS (reserved_errors); i++)
    if (g_str_equal (reserved_errors[i].name, name))
      return g_error_new_literal (PPOOL_ERROR, (int) reserved_errors[i].code, clean);

  return g_error_new (PPOOL_ERROR, PPOOL_ERROR_REMOTE, "%s (%.255s)", clean, name);
}
