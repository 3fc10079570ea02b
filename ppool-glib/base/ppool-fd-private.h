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

/* Numbers of standard descriptors that were free. */
typedef struct
{
  int fds[3]; /* (owned) */
  guint n_fds;
} PPoolFdStandard;

gboolean ppool_fd_occupy_standard  (PPoolFdStandard *self);
void     ppool_fd_release_standard (PPoolFdStandard *self);

G_END_DECLS
