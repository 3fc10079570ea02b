/* sending.h: a sendmsg() that does less than it could
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In a program of which this is a part, sendmsg() writes at most so many bytes, and fails so
 * many times with an error before it writes again. The kernel does both where and when it
 * likes. */
void sending_set_most (gsize most);
void sending_fail     (int   code,
                       guint times);

/* Every second time, until it is set to 0. */
void sending_fail_often (int code);

G_END_DECLS
