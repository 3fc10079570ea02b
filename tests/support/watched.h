/* watched.h: one call that must settle once, and those that wait for it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <ppool-glib/ppool-glib.h>

G_BEGIN_DECLS

typedef struct _Watched Watched;

Watched     *watched_new           (GVariant      *args);
void         watched_free          (Watched       *self);

GVariant    *watched_get_args      (Watched       *self);
void         watched_accept        (Watched       *self,
                                    PPoolFuture   *future);
PPoolFuture *watched_get_future    (Watched       *self);

/* Who waits. */
void         watched_add_thread    (Watched       *self,
                                    int            timeout_msec);
void         watched_add_callbacks (Watched       *self,
                                    GMainContext  *context);
void         watched_add_async     (Watched       *self);
void         watched_drop_future   (Watched       *self);

/* What came of it. */
gboolean     watched_is_over       (Watched       *self);
gboolean     watched_is_released   (Watched       *self);
void         watched_look_again    (Watched       *self);
GError      *watched_get_error     (Watched       *self);
GVariant    *watched_get_value     (Watched       *self);
char        *watched_report        (Watched       *self);

G_END_DECLS
