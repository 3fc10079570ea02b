/* fewer.h: doing things less often
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

/* Whether PPOOL_TEST_LESS says that another run does all that this one would do many times
 * over: with sanitizers, under valgrind, and in other settings of the protocol. */
gboolean fewer_will_do (void);

/* @n, or a tenth of it if fewer will do. */
guint    fewer         (guint n);
