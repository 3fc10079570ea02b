/* ppool-buffer.h: memory to be filled and sent without a copy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_BUFFER (ppool_buffer_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolBuffer, ppool_buffer, PPOOL, BUFFER, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolBuffer *ppool_buffer_new            (gsize                size,
                                          GError             **error) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolBuffer *ppool_buffer_new_from_bytes (GBytes              *bytes,
                                          GError             **error) G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
guint8      *ppool_buffer_get_data       (PPoolBuffer         *self,
                                          gsize               *size);
PPOOL_AVAILABLE_IN_1_0
gsize        ppool_buffer_get_size       (PPoolBuffer         *self);
PPOOL_AVAILABLE_IN_1_0
gboolean     ppool_buffer_write          (PPoolBuffer         *self,
                                          gsize                offset,
                                          GBytes              *bytes,
                                          GError             **error);

PPOOL_AVAILABLE_IN_1_0
GVariant    *ppool_buffer_to_variant     (PPoolBuffer         *self,
                                          const GVariantType  *type,
                                          GError             **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
