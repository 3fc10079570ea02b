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

G_END_DECLS
