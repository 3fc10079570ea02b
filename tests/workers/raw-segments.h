/* raw-segments.h: shared memory of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void raw_segments_announce (const char *how);
void raw_segments_lend     (const char *how);
void raw_segments_note     (const char *text);

G_END_DECLS
