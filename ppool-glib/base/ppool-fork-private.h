/* ppool-fork-private.h: which process this is, at the price of a load
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A lock of the whole process; zeros at first. */
typedef struct
{
  GMutex mutex;
  int owner; /* atomic: the process whose lock it is; negative while that becomes so */
} PPoolForkLock;

typedef void (*PPoolForgetFunc) (void);

void     ppool_fork_lock              (PPoolForkLock   *self,
                                       PPoolForgetFunc  forget);
void     ppool_fork_unlock            (PPoolForkLock   *self);

pid_t    ppool_fork_get_pid           (void);
gboolean ppool_fork_is_copy           (void);
gboolean ppool_fork_check             (pid_t             owner,
                                       const char       *belongs,
                                       GError          **error);

void     ppool_fork_set_threads_owner (void);
pid_t    ppool_fork_get_threads_owner (void);

G_END_DECLS
