/* nothing-left.h: the end of a test of one room
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "leftovers.h"

G_BEGIN_DECLS

void keep_what_glib_keeps (void);
void assert_nothing_left  (Leftovers *leftovers);

G_END_DECLS
