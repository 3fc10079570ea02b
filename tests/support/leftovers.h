/* leftovers.h: what this process has, and whether it got more
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _Leftovers Leftovers;

Leftovers *leftovers_new            (void);
void       leftovers_free           (Leftovers *self);

gboolean   leftovers_is_clean       (Leftovers *self);
char      *leftovers_report         (Leftovers *self);

guint      leftovers_count_children (void);
gboolean   leftovers_is_running     (int        pid);

G_END_DECLS
