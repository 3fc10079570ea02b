/* quiet.h: waits until other threads have nothing to do
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean is_task_asleep (const char *task);
void     wait_for_quiet (void);

G_END_DECLS
