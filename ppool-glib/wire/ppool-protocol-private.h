/* ppool-protocol-private.h: the names of org.ppool.Worker1.xml
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define PPOOL_PROTOCOL_VERSION 1

/* What each side says its library is. */
#define PPOOL_PROTOCOL_LIBRARY "PPool-GLib " PPOOL_VERSION_TEXT
#define PPOOL_PROTOCOL_MAX_LIBRARY 64

#define PPOOL_PROTOCOL_PATH "/org/ppool/Worker1"
#define PPOOL_PROTOCOL_INTERFACE "org.ppool.Worker1"
#define PPOOL_PROTOCOL_ERROR_FUNCTION "org.ppool.Error.Function"

#define PPOOL_FEATURE_GVARIANT "gvariant"
#define PPOOL_FEATURE_BOARD "board"
#define PPOOL_FEATURE_FRAMES "frames"
#define PPOOL_FEATURE_SEGMENTS "segments"
#define PPOOL_FEATURE_CANCEL "cancel"
#define PPOOL_FEATURE_CALL_OPTIONS "call-options"
#define PPOOL_FEATURE_LANE "lane"

/* What goes with a call. */
typedef struct
{
  gint64 timeout_msec; /* from when the worker takes it; -1 for none */
  guint32 attempt;     /* from 1 */
} PPoolCallOptions;

/* Options that were read before. */
typedef struct
{
  guint8 bytes[64];
  gsize size; /* 0 if there are none, or if they don't fit */
  PPoolCallOptions options;
} PPoolReadOptions;

#define PPOOL_CALL_OPTIONS_NONE ((PPoolCallOptions) { .timeout_msec = -1, .attempt = 1 })

void     ppool_protocol_add_abilities (GVariantBuilder *dictionary,
                                       gboolean         board,
                                       gboolean         frames,
                                       gboolean         segments,
                                       gboolean         lane);
gboolean ppool_protocol_allows_segments (void);
gboolean ppool_protocol_allows_lane     (void);
gboolean ppool_protocol_has_feature   (GVariant        *dictionary,
                                       const char      *feature);
char    *ppool_protocol_dup_other  (GVariant        *dictionary);
GVariant *ppool_protocol_pack_options (const PPoolCallOptions *options);
void     ppool_protocol_read_options  (GVariant         *dictionary,
                                       PPoolCallOptions *options);
void     ppool_protocol_read_options_again (PPoolReadOptions *last,
                                            GVariant         *dictionary,
                                            PPoolCallOptions *options);
gboolean ppool_protocol_is_swapped    (GDBusMessage    *message);
gboolean ppool_protocol_has_body      (GDBusMessage    *message,
                                       const char      *type);

G_END_DECLS
