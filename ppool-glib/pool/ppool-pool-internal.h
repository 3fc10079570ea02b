/* ppool-pool-internal.h: what the files of the pool share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launcher-private.h"
#include "ppool-manager-private.h"
#include "ppool-outbox-private.h"
#include "ppool-pool-private.h"
#include "ppool-process-private.h"
#include "ppool-scheduler-private.h"

#include <sys/types.h>

G_BEGIN_DECLS

typedef struct
{
  PPoolPoolFunc func;
  gpointer data;
} OverCallback;

struct _PPoolPool
{
  /* Constant. */
  pid_t pid;
  PPoolProcessOwner process_owner;
  GWeakRef executor;       /* for g_async_result_get_source_object() */
  PPoolNotifier *notifier; /* (owned) */

  GMutex starting; /* is held while the first call starts the manager, without the lock */

  int n_unsettled;      /* atomic: calls that were accepted */
  int manager_has_ended; /* atomic */

  PPoolLock lock; /* guards what follows */
  GCond changed;
  PPoolExecutorState state;
  gboolean over;          /* nothing more will happen */
  GError *cause;          /* (owned) (nullable): why it is broken */
  PPoolFailure *broken;   /* (owned) (nullable): what every call then gets */
  PPoolScheduler *scheduler; /* (owned) */
  GHashTable *processes;  /* (owned) (element-type PPoolProcess): a set, with a reference of each */
  PPoolManager *manager;  /* (owned) (nullable): from the first call on */
  PPoolStartup startup;   /* likewise */
  GArray *over_callbacks; /* (owned) (element-type OverCallback) */
  PPoolSettings settings;
  guint n_processors; /* of the thread that wanted the default of workers */
  gboolean is_sender_posted; /* the manager is to send what was decided */
  PPoolTimer watch; /* guarded by the manager */
};

gpointer ppool_pool_ref            (PPoolPool    *self);
void     ppool_pool_unref          (gpointer      data);

/* With the lock held. */
void     ppool_pool_leave_lock     (PPoolPool    *self);

void     ppool_pool_record_settled (gpointer      owner,
                                    PPoolRecord  *record);
void     ppool_pool_manager_ended  (gpointer      data);

G_END_DECLS
