/* raw-frames.h: frames of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean raw_frames_read_calls    (void);
void     raw_frames_write_results (const char *how);

/* One item, which answers the first call that was read last or has an id of its
 * own. */
guint64  raw_frames_get_id        (void);
void     raw_frames_write_item    (guint8      kind,
                                   guint8      flags,
                                   guint64     id,
                                   const void *data,
                                   gsize       size);

G_END_DECLS
