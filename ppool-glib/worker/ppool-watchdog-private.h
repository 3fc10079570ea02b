/* ppool-watchdog-private.h: looks after a worker that is busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From the end of its channel a worker has this long to leave by itself. */
#define PPOOL_WATCHDOG_GRACE_MSEC 100

typedef struct _PPoolWatchdog PPoolWatchdog;

/* Runs in the watchdog's thread. */
typedef void (*PPoolWatchdogFunc) (gpointer data);

PPoolWatchdog *ppool_watchdog_new   (int                 fd,
                                     PPoolWatchdogFunc   look_func,
                                     gpointer            data,
                                     GError            **error);
void           ppool_watchdog_rouse (PPoolWatchdog      *self);
void           ppool_watchdog_free  (PPoolWatchdog      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolWatchdog, ppool_watchdog_free)

G_END_DECLS
