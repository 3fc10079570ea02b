/* ppool-process-private.h: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-death-private.h"
#include "ppool-facts-private.h"
#include "ppool-manager-private.h"
#include "ppool-outbox-private.h"
#include "ppool-start-private.h"

G_BEGIN_DECLS

/* How a worker has ended that was not asked to, or had calls. */
typedef struct
{
  GError *error;        /* what became of it */
  char *summary;        /* the same without what it has written */
  PPoolDeath *death;    /* the same for programs */
  gboolean was_asked;   /* by the pool, for a call's sake */
  gboolean was_killed;  /* with SIGKILL, by somebody else */
  gint64 created_time;  /* when its start was decided */
} PPoolProcessEnd;

/* What a process needs of the pool that it belongs to. */
typedef struct
{
  PPoolLock *lock;           /* (unowned) */
  PPoolScheduler *scheduler; /* (unowned) */
  gpointer pool;             /* (unowned): outlives all processes */

  /* In the manager's thread: it has ended. Its calls are to be taken. */
  void (*ended) (gpointer               pool,
                 PPoolProcess          *process,
                 const PPoolProcessEnd *end);
  /* In any thread: whether somebody is to be told of workers. */
  gboolean (*is_heard) (gpointer pool);
  /* With the lock held: (transfer full). */
  void (*happened) (gpointer    pool,
                    PPoolEvent *event);
  /* In any thread: it has answered its first call. */
  void (*proved) (gpointer pool);
  /* In the manager's thread: it is reaped and nothing of it is left. */
  void (*gone) (gpointer      pool,
                PPoolProcess *process);
} PPoolProcessOwner;

PPoolProcess *ppool_process_new       (const PPoolProcessOwner *owner,
                                       PPoolManager            *manager,
                                       const PPoolStartup      *startup,
                                       guint                    number);
PPoolProcess *ppool_process_ref       (PPoolProcess            *self);
void          ppool_process_unref     (PPoolProcess            *self);
PPoolSlot    *ppool_process_get_slot  (PPoolProcess            *self);
guint         ppool_process_get_number (PPoolProcess           *self);
PPoolEvent   *ppool_process_make_exit (PPoolProcess            *self,
                                       gboolean                 is_heard);

/* With the lock held. */
void          ppool_process_push      (PPoolProcess            *self,
                                       PPoolRecord             *record);
PPoolRecord  *ppool_process_recall    (PPoolProcess            *self,
                                       PPoolRecord             *record);
gint64        ppool_process_get_since (PPoolProcess            *self);
void          ppool_process_refresh   (PPoolProcess            *self,
                                       PPoolRecord             *record);
void          ppool_process_retire    (PPoolProcess            *self,
                                       PPoolWorkerExitReason    reason);
void          ppool_process_end_call  (PPoolProcess            *self,
                                       PPoolRecord             *record,
                                       PPoolRecordEnding        ending);
void          ppool_process_take_calls (PPoolProcess *self,
                                        GPtrArray    *untaken,
                                        GPtrArray    *taken,
                                        GPtrArray    *done);
void          ppool_process_terminate (PPoolProcess            *self,
                                       int                      signal,
                                       PPoolWorkerExitReason    reason,
                                       GPtrArray               *orphans);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolProcess, ppool_process_unref)

G_END_DECLS
