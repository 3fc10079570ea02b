/* iterations.h: how long a main context is kept from polling
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Once a process: from the end of a poll to the beginning of the next. To be put at once
 * when the loop is left. */
void iterations_watch (GMainContext *context);
void iterations_put   (GMainContext *context);

G_END_DECLS
