/* ppool-group-private.h: many futures, waited for at once
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include "ppool-future-private.h"
#include "ppool-record-private.h"
#include "ppool-waiter-private.h"

G_BEGIN_DECLS

typedef struct _PPoolGroup PPoolGroup;

/* One of the futures, each of which is there once. */
typedef struct
{
  PPoolFuture *future;  /* (owned) (nullable); NULL once it was taken */
  gint64 finished_time; /* monotonic, in microseconds; 0 until the call is done */
  GList link;           /* for its owner */

  PPoolGroup *group;    /* (unowned) */
  PPoolOutcomeWaiter waiter;
} PPoolGroupMember;

/* Runs where a call is settled, without a lock, once a member: short work only,
 * and no object may be released. */
typedef void (*PPoolGroupFunc) (PPoolGroup       *group,
                                PPoolGroupMember *member,
                                PPoolOutcome     *outcome);

struct _PPoolGroup
{
  /* Constant, but for what members say of themselves. */
  PPoolGroupMember *members; /* (owned) (array length=n_members) */
  gsize n_members;
  PPoolGroupFunc func;
  gpointer data; /* (owned) */
  GDestroyNotify destroy;
  pid_t pid;
  GError *foreign; /* (owned) (nullable): why nothing can be done with it */

  /* For whoever made the group; it guards @data. */
  GMutex lock;
  GCond changed;
};

PPoolGroup *ppool_group_new      (PPoolFuture    **futures,
                                  gsize            n_futures,
                                  PPoolGroupFunc   func,
                                  gpointer         data,
                                  GDestroyNotify   destroy);
PPoolGroup *ppool_group_ref      (PPoolGroup      *self);
void        ppool_group_unref    (PPoolGroup      *self);

gboolean    ppool_group_check    (PPoolGroup      *self,
                                  GError         **error);
void        ppool_group_watch    (PPoolGroup      *self);
void        ppool_group_close    (PPoolGroup      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolGroup, ppool_group_unref)

G_END_DECLS
