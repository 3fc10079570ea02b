/* processes.h: a second process of a peer
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Starts this program to serve; @fd is this end of a socketpair with it. */
GSubprocess *processes_start (const char *mode,
                              int        *fd);
/* Waits for its end, which comes when its socket is closed. */
void         processes_end   (GSubprocess *process);

G_END_DECLS
