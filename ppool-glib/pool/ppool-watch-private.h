/* ppool-watch-private.h: brings the end of a call to a main context
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-completion-private.h"
#include "ppool-record-private.h"

G_BEGIN_DECLS

typedef struct _PPoolWatch PPoolWatch;

PPoolWatch *ppool_watch_new   (PPoolRecord     *record);
void        ppool_watch_unref (PPoolWatch      *self);

void        ppool_watch_start (PPoolWatch      *self,
                               PPoolCompletion *completion);
void        ppool_watch_stop  (PPoolWatch      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolWatch, ppool_watch_unref)

G_END_DECLS
