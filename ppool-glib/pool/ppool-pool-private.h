/* ppool-pool-private.h: what an executor shares with its manager
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-enums.h"
#include "ppool-facts-private.h"
#include "ppool-notifier-private.h"
#include "ppool-record-private.h"
#include "ppool-settings-private.h"

G_BEGIN_DECLS

typedef struct _PPoolPool PPoolPool;

typedef struct
{
  guint n_workers;
  guint n_pending;
  guint n_running;
} PPoolCounts;

/* Called once, when everything is over, in any thread and without a lock. */
typedef void (*PPoolPoolFunc) (gpointer data);

PPoolPool          *ppool_pool_new             (GObject            *executor,
                                                PPoolNotifier      *notifier,
                                                const guint        *worker_signals);
void                ppool_pool_drop            (PPoolPool          *self);

PPoolSettings       ppool_pool_get_settings    (PPoolPool          *self);
gboolean            ppool_pool_change_setting  (PPoolPool          *self,
                                                gsize               offset,
                                                gconstpointer       value,
                                                gsize               size);
gboolean            ppool_pool_set_max_workers (PPoolPool          *self,
                                                guint               max_workers);

gboolean            ppool_pool_check           (PPoolPool          *self,
                                                GError            **error);
gboolean            ppool_pool_accepts_calls   (PPoolPool          *self,
                                                const char         *function,
                                                GError            **error);
PPoolRecord        *ppool_pool_make_record     (PPoolPool          *self,
                                                PPoolCallSpec      *spec,
                                                GVariant           *args,
                                                GError            **error);
gboolean            ppool_pool_submit          (PPoolPool          *self,
                                                PPoolRecord        *record,
                                                GError            **error);
gboolean            ppool_pool_prestart        (PPoolPool          *self,
                                                guint               n_workers,
                                                GError            **error);

gboolean            ppool_pool_revive          (PPoolPool          *self,
                                                GError            **error);
void                ppool_pool_shutdown        (PPoolPool          *self,
                                                PPoolShutdownFlags  flags);
void                ppool_pool_end_workers     (PPoolPool          *self,
                                                int                 signal,
                                                const char         *who);
gboolean            ppool_pool_wait            (PPoolPool          *self,
                                                GCancellable       *cancellable,
                                                GError            **error);
void                ppool_pool_when_over       (PPoolPool          *self,
                                                PPoolPoolFunc       func,
                                                gpointer            data);
void                ppool_pool_join            (PPoolPool          *self);

PPoolExecutorState  ppool_pool_get_state       (PPoolPool          *self);
void                ppool_pool_get_counts      (PPoolPool          *self,
                                                PPoolCounts        *counts);
GError             *ppool_pool_get_error       (PPoolPool          *self);
PPoolEvent         *ppool_pool_take_event      (PPoolPool          *self,
                                                gboolean           *has_more);

G_END_DECLS
