/* ppool-notifier-private.h: tells an object's context that it has changed, not too often
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

typedef struct _PPoolNotifier PPoolNotifier;

/* Runs in the context where the notifier was made; once in an interval for
 * @all changes, at any time for those that don't wait. */
typedef void (*PPoolNotifierFunc) (GObject  *object,
                                   gboolean  all);

PPoolNotifier *ppool_notifier_new   (GObject           *object,
                                     guint              interval_msec,
                                     PPoolNotifierFunc  func);
PPoolNotifier *ppool_notifier_ref   (PPoolNotifier     *self);
void           ppool_notifier_unref (PPoolNotifier     *self);

gboolean       ppool_notifier_is_at_home (PPoolNotifier *self);
gboolean       ppool_notifier_is_due (PPoolNotifier    *self);
gboolean       ppool_notifier_is_heard (PPoolNotifier  *self,
                                        const guint    *signals,
                                        guint           n_signals);
void           ppool_notifier_poke  (PPoolNotifier     *self,
                                     gboolean           now);
void           ppool_notifier_end   (PPoolNotifier     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolNotifier, ppool_notifier_unref)

G_END_DECLS
