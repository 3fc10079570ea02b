/* raw-board.h: the board of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

extern guint64 raw_last_id; /* of the call that was read last */

/* Steps of raw-worker, which needs the feature “board” for them. */
void raw_board_word     (const char *text);
void raw_board_times    (const char *text);
void raw_board_scribble (const char *text);

G_END_DECLS
