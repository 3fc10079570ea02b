/* value.c: what another process sends as a value, with GLib as the judge
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "fuzz.h"

#include "ppool-error.h"
#include "ppool-value-private.h"

/* What this process has as such bytes is sent in GLib's normal form, but for what would
 * be too deep. */
static void
check_sent (GVariant *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) sent = ppool_value_normalize (value, &error);
  g_autoptr (GVariant) normal = NULL;

  if (sent == NULL)
    {
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
      return;
    }

  normal = g_variant_get_normal_form (value);
  g_assert_cmpmem (g_variant_get_data (sent), g_variant_get_size (sent),
                   g_variant_get_data (normal), g_variant_get_size (normal));
}

/* The length of a type, the type, and the bytes of a value. */
int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autofree char *type = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) unchecked = NULL;
  g_autoptr (GVariant) checked = NULL;

  if (size == 0 || size - 1 < data[0])
    return 0;

  type = g_strndup ((const char *) data + 1, data[0]);
  if (!g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    return 0;

  bytes = g_bytes_new (data + 1 + data[0], size - 1 - data[0]);
  unchecked = g_variant_ref_sink (
    g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, FALSE));
  checked = ppool_value_new_checked (G_VARIANT_TYPE (type), bytes);

  g_assert_cmpint (checked != NULL, ==, g_variant_is_normal_form (unchecked));
  if (checked != NULL)
    g_assert_true (g_variant_equal (checked, unchecked));
  check_sent (unchecked);

  return 0;
}
