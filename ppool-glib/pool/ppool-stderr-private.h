/* ppool-stderr-private.h: tee and tail of a worker's standard error
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-enums.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolStderr PPoolStderr;

PPoolStderr *ppool_stderr_new      (PPoolStderrMode   mode,
                                    GMainContext     *context,
                                    int              *write_fd,
                                    GError          **error);
void         ppool_stderr_catch_up (PPoolStderr      *self);
char        *ppool_stderr_dup_tail (PPoolStderr      *self,
                                    gint64            since);
void         ppool_stderr_release  (PPoolStderr      *self);
void         ppool_stderr_free     (PPoolStderr      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolStderr, ppool_stderr_free)

G_END_DECLS
