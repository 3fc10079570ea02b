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
  guint worker_signals[PPOOL_EVENT_N_TYPES]; /* of the executor, by type of event */

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
  GByteArray *numbers;    /* (owned): of processes, whether there is one that has it */
  GQueue events;          /* (owned) (element-type PPoolEvent): that nobody was told of yet */
  PPoolManager *manager;  /* (owned) (nullable): from the first call on */
  PPoolStartup startup;   /* likewise */
  GArray *over_callbacks; /* (owned) (element-type OverCallback) */
  PPoolSettings settings;
  guint n_processors; /* of the thread that wanted the default of workers */
  gboolean is_sender_posted; /* the manager is to send what was decided */
  GQueue retrying;        /* (owned) (element-type PPoolRecord): calls that run again in a while */
  guint n_failed_starts;  /* in a row */
  gint64 failed_start_time;
  gboolean was_shut_down;
  gboolean is_ending;     /* the manager was told to end */

  PPoolTimer watch;  /* guarded by the manager, as the next */
  PPoolTimer starts; /* when one may be tried again */
};

gpointer ppool_pool_ref            (PPoolPool    *self);
void     ppool_pool_unref          (gpointer      data);

/* With the lock held. */
void     ppool_pool_leave_lock     (PPoolPool    *self);
void     ppool_pool_set_state      (PPoolPool    *self,
                                    PPoolExecutorState state);

void     ppool_pool_look_for_end   (PPoolPool    *self);

void     ppool_pool_conclude       (PPoolPool    *self);
void     ppool_pool_note_end       (PPoolPool    *self);

void     ppool_pool_record_settled (gpointer      owner,
                                    PPoolRecord  *record);
void     ppool_pool_manager_ended  (gpointer      data);

/* With the lock held. */
void     ppool_pool_take_pending  (PPoolPool *self,
                                   GPtrArray *records);
void     ppool_pool_evict_all     (PPoolPool             *self,
                                   int                    signal,
                                   PPoolWorkerExitReason  reason,
                                   GPtrArray             *records);
gboolean ppool_pool_withdraw      (PPoolPool   *self,
                                   PPoolRecord *record);
void     ppool_pool_limit_time    (PPoolPool   *self,
                                   PPoolRecord *record);
void     ppool_pool_allow_starts        (PPoolPool              *self);

/* Without the lock. */
void     ppool_pool_settle_all    (GPtrArray    *records,
                                   PPoolFailure *failure);
void     ppool_pool_process_ended (gpointer               pool,
                                   PPoolProcess          *process,
                                   const PPoolProcessEnd *end);
void     ppool_pool_proved        (gpointer                pool);

G_END_DECLS
