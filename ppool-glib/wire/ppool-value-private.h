/* ppool-value-private.h: how values and errors travel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* The largest value that one message carries: D-Bus bounds an array to 64 MiB,
 * and a reader that meets more than it allows closes the connection. */
#define PPOOL_VALUE_MAX_SIZE ((gsize) 64 * 1024 * 1024 - 64 * 1024)

/* The longest error message that travels, in bytes. */
#define PPOOL_VALUE_MAX_MESSAGE 65536

/* The longest name of a function, in bytes. */
#define PPOOL_VALUE_MAX_NAME G_MAXUINT16

gsize       ppool_value_get_element_size  (const GVariantType *type,
                                           gboolean           *any_bytes);
gboolean    ppool_value_is_flat           (const GVariantType *type,
                                           gsize               size);

GVariant   *ppool_value_normalize         (GVariant        *value,
                                           GError         **error);
gboolean    ppool_value_check_bytes       (const GVariantType *type,
                                           gconstpointer       data,
                                           gsize               size);
GVariant   *ppool_value_new_checked       (const GVariantType *type,
                                           GBytes             *bytes);
gboolean    ppool_value_set_untrue        (const GVariantType *type,
                                           GError             **error);
gboolean    ppool_value_append            (GByteArray      *bytes,
                                           GVariant        *value,
                                           GError         **error);
GVariant   *ppool_value_load              (GBytes          *bytes,
                                           const guint8    *data,
                                           gsize            size,
                                           GError         **error);
GVariant   *ppool_value_ref_unit          (void);
void        ppool_value_compact           (GVariant        *value);
GVariant   *ppool_value_pack              (GVariant        *value,
                                           GError         **error);
GVariant   *ppool_value_unpack            (GVariant        *packed,
                                           gboolean         swapped,
                                           GError         **error);
gboolean    ppool_value_check_dbus        (GVariant        *value,
                                           GError         **error);

gboolean    ppool_value_check_name        (const char      *what,
                                           const char      *name,
                                           GError         **error);

const char *ppool_value_error_name        (PPoolError       code);
char       *ppool_value_clean_message     (const char      *message);
GError     *ppool_value_error_new         (const char      *domain,
                                           int              code,
                                           const char      *message);
GError     *ppool_value_error_new_by_name (const char      *name,
                                           const char      *message);

G_END_DECLS
