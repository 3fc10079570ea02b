/* ppool-completion-private.h: brings callbacks to the contexts that asked
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolCompletion PPoolCompletion;

typedef void (*PPoolCompletionFunc) (gpointer data);

PPoolCompletion *ppool_completion_new             (PPoolCompletionFunc  func,
                                                   gpointer             data,
                                                   GDestroyNotify       destroy);
PPoolCompletion *ppool_completion_ref             (PPoolCompletion     *self);
void             ppool_completion_unref           (PPoolCompletion     *self);

void             ppool_completion_set_cancellable (PPoolCompletion     *self,
                                                   GCancellable        *cancellable);
void             ppool_completion_set_deadline   (PPoolCompletion *self,
                                                  gint64           deadline);
void             ppool_completion_fire            (PPoolCompletion     *self);
void             ppool_completion_drop            (PPoolCompletion     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolCompletion, ppool_completion_unref)

G_END_DECLS
