/* ppool-protocol.c: what the two sides tell each other of themselves
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-protocol-private.h"

/* What each side tells the other of itself in Initialize. */
void
ppool_protocol_add_abilities (GVariantBuilder *dictionary,
                              gboolean         board,
                              gboolean         frames,
                              gboolean         segments)
{
  const char *features[5] = { PPOOL_FEATURE_GVARIANT };
  guint n = 1;

  if (board)
    features[n++] = PPOOL_FEATURE_BOARD;
  if (frames)
    features[n++] = PPOOL_FEATURE_FRAMES;
  if (segments)
    features[n++] = PPOOL_FEATURE_SEGMENTS;

  g_variant_builder_add (dictionary, "{sv}", "version",
                         g_variant_new_uint32 (PPOOL_PROTOCOL_VERSION));
  g_variant_builder_add (dictionary, "{sv}", "features", g_variant_new_strv (features, -1));
}

gboolean
ppool_protocol_has_feature (GVariant   *dictionary,
                            const char *feature)
{
  g_autofree const char **features = NULL;

  return g_variant_lookup (dictionary, "features", "^a&s", &features) &&
         g_strv_contains (features, feature);
}

/* Whether @message is in another byte order than this machine's. */
gboolean
ppool_protocol_is_swapped (GDBusMessage *message)
{
  return g_dbus_message_get_byte_order (message) !=
         (G_BYTE_ORDER == G_LITTLE_ENDIAN ? G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN :
                                            G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN);
}

gboolean
ppool_protocol_has_body (GDBusMessage *message,
                         const char   *type)
{
  GVariant *body = g_dbus_message_get_body (message);

  return body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE (type));
}
