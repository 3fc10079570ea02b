/* scratch.h: a place for files that is gone when the test is, however it ends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void        scratch_init         (void);
const char *scratch_get          (void);
void        scratch_assert_empty (void);

G_END_DECLS
