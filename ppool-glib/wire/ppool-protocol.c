/* ppool-protocol.c: what the two sides tell each other of themselves
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-protocol-private.h"

#include <stdlib.h>
#include <string.h>

/* Whether this process may have @feature: a variable of its environment can keep it
 * from some, to find out what one of them does. */
static gboolean
allows (const char *feature)
{
  static GStrv allowed = NULL;
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      const char *list = secure_getenv ("PPOOL_FEATURES");

      if (list != NULL && *list != '\0')
        allowed = g_strsplit (list, ",", -1);
      g_once_init_leave (&once, 1);
    }

  return allowed == NULL || g_strv_contains ((const char * const *) allowed, feature);
}

static void
add (const char **features,
     const char  *feature,
     gboolean     has)
{
  if (has && allows (feature))
    features[g_strv_length ((char **) features)] = feature;
}

/* What each side tells the other of itself in Initialize. */
void
ppool_protocol_add_abilities (GVariantBuilder *dictionary,
                              gboolean         board,
                              gboolean         frames,
                              gboolean         segments,
                              gboolean         lane)
{
  const char *features[8] = { NULL };

  add (features, PPOOL_FEATURE_GVARIANT, TRUE);
  add (features, PPOOL_FEATURE_BOARD, board);
  add (features, PPOOL_FEATURE_FRAMES, frames);
  add (features, PPOOL_FEATURE_SEGMENTS, segments);
  add (features, PPOOL_FEATURE_CANCEL, TRUE);
  add (features, PPOOL_FEATURE_CALL_OPTIONS, TRUE);
  add (features, PPOOL_FEATURE_LANE, lane);

  g_variant_builder_add (dictionary, "{sv}", "version",
                         g_variant_new_uint32 (PPOOL_PROTOCOL_VERSION));
  g_variant_builder_add (dictionary, "{sv}", "features", g_variant_new_strv (features, -1));
  g_variant_builder_add (dictionary, "{sv}", "library",
                         g_variant_new_string (PPOOL_PROTOCOL_LIBRARY));
}

/* Whether this side may name segments, and all that they need. */
gboolean
ppool_protocol_allows_segments (void)
{
  return allows (PPOOL_FEATURE_GVARIANT) && allows (PPOOL_FEATURE_FRAMES) &&
         allows (PPOOL_FEATURE_SEGMENTS);
}

/* Whether this side may name a lane, and all that it needs. */
gboolean
ppool_protocol_allows_lane (void)
{
  return allows (PPOOL_FEATURE_GVARIANT) && allows (PPOOL_FEATURE_FRAMES) &&
         allows (PPOOL_FEATURE_LANE);
}

/* Whether both sides have it. */
gboolean
ppool_protocol_has_feature (GVariant   *dictionary,
                            const char *feature)
{
  g_autofree const char **features = NULL;

  return allows (feature) && g_variant_lookup (dictionary, "features", "^a&s", &features) &&
         g_strv_contains (features, feature);
}

/* Returns: (nullable) (transfer full): the library of the other side if that is another
 * one, or another version of this one, fit for a message */
char *
ppool_protocol_dup_other (GVariant *dictionary)
{
  const char *library;
  g_autofree char *start = NULL;

  if (!g_variant_lookup (dictionary, "library", "&s", &library) ||
      g_str_equal (library, PPOOL_PROTOCOL_LIBRARY))
    return NULL;

  start = g_utf8_substring (library, 0,
                            MIN (g_utf8_strlen (library, -1), PPOOL_PROTOCOL_MAX_LIBRARY));

  return g_strescape (start, NULL);
}

/* Returns: (transfer full) (nullable): what says @options, floating, or NULL if they are what
 * a call has that says nothing */
GVariant *
ppool_protocol_pack_options (const PPoolCallOptions *options)
{
  GVariantBuilder dictionary;

  if (options->timeout_msec < 0 && options->attempt <= 1)
    return NULL;

  g_variant_builder_init (&dictionary, G_VARIANT_TYPE_VARDICT);
  if (options->timeout_msec >= 0)
    g_variant_builder_add (&dictionary, "{sv}", "timeout-msec",
                           g_variant_new_uint32 ((guint32) MIN (options->timeout_msec,
                                                                G_MAXUINT32)));
  if (options->attempt > 1)
    g_variant_builder_add (&dictionary, "{sv}", "attempt",
                           g_variant_new_uint32 (options->attempt));

  return g_variant_builder_end (&dictionary);
}

/* What is unknown, or of another type, is passed over. */
void
ppool_protocol_read_options (GVariant         *dictionary,
                             PPoolCallOptions *options)
{
  guint32 number;

  *options = PPOOL_CALL_OPTIONS_NONE;
  if (g_variant_lookup (dictionary, "timeout-msec", "u", &number))
    options->timeout_msec = number;
  if (g_variant_lookup (dictionary, "attempt", "u", &number))
    options->attempt = MAX (number, 1);
}

/* Most calls have the same options as the call before, byte for byte: they are @last. */
void
ppool_protocol_read_options_again (PPoolReadOptions *last,
                                   GVariant         *dictionary,
                                   PPoolCallOptions *options)
{
  gsize size = g_variant_get_size (dictionary);
  gconstpointer bytes = g_variant_get_data (dictionary);

  if (size == 0 || size != last->size || memcmp (last->bytes, bytes, size) != 0)
    {
      ppool_protocol_read_options (dictionary, &last->options);
      last->size = size <= sizeof last->bytes ? size : 0;
      if (last->size > 0)
        memcpy (last->bytes, bytes, size);
    }

  *options = last->options;
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
