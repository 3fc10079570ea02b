/* ppool-fd-private.h: numbers of file descriptors
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

int      ppool_fd_lift      (int fd);
gboolean ppool_fd_lift_pair (int fds[2]);
int      ppool_fd_dup       (int fd);

G_END_DECLS
