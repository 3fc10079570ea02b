/* ppool-process-private.h: one worker as its pool sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launcher-private.h"
#include "ppool-manager-private.h"
#include "ppool-outbox-private.h"

G_BEGIN_DECLS

typedef struct _PPoolProcess PPoolProcess;

/* What a process tells the slot that its owner has for it. */
typedef struct
{
  /* In any thread, with the lock held: the process takes calls. */
  void (*ready) (gpointer      slot,
                 gboolean      takes_ahead);
  /* Likewise: it has answered a call, which took @nsec nanoseconds or -1. */
  void (*answered) (gpointer      slot,
                    PPoolRecord  *record,
                    gint64        nsec);
  /* Likewise: after that, it has room for others. */
  void (*refill) (gpointer      slot);
  /* Likewise: it has no call and must not be given one. */
  void (*unfit) (gpointer      slot);
  /* In the manager's thread: it ended without being asked, and why. */
  void (*died)  (gpointer      slot,
                 const GError *why);
  /* In the manager's thread: it is reaped and nothing of it is left. */
  void (*gone)  (gpointer      slot);
} PPoolProcessFuncs;

/* What all processes of a pool have in common. */
typedef struct
{
  PPoolLaunchPlan *plan;      /* (owned) */
  char *initializer;          /* (owned) (nullable) */
  GVariant *initializer_args; /* (owned) (nullable) */
} PPoolStartup;

PPoolProcess *ppool_process_new       (PPoolLock               *lock,
                                       PPoolManager            *manager,
                                       const PPoolStartup      *startup,
                                       guint                    grace_msec,
                                       const PPoolProcessFuncs *funcs,
                                       gpointer                 slot);
PPoolProcess *ppool_process_ref       (PPoolProcess            *self);
void          ppool_process_unref     (PPoolProcess            *self);
gpointer      ppool_process_get_slot  (PPoolProcess            *self);

/* With the lock held. */
void          ppool_process_push      (PPoolProcess            *self,
                                       PPoolRecord             *record);
PPoolRecord  *ppool_process_recall    (PPoolProcess            *self,
                                       PPoolRecord             *record);
gint64        ppool_process_get_since (PPoolProcess            *self);
void          ppool_process_refresh   (PPoolProcess            *self,
                                       PPoolRecord             *record);
void          ppool_process_retire    (PPoolProcess            *self,
                                       const char              *why);
void          ppool_process_terminate (PPoolProcess            *self,
                                       int                      signal,
                                       GPtrArray               *orphans);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolProcess, ppool_process_unref)

G_END_DECLS
