/* ppool-as-completed-internal.h: what the files of the iterator share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-as-completed.h"
#include "ppool-group-private.h"

G_BEGIN_DECLS

/* What a group has besides its futures; guarded by the group's lock. A future
 * that is done stands in the queue of what is ready until somebody asks, and
 * who asks stands in the other one until something is ready. */
typedef struct
{
  gsize n_left;     /* futures that are not done */
  gsize n_given_up; /* what was left when the time was up: nobody looks at members any more */
  GQueue ready;     /* (element-type PPoolGroupMember): in the order of their ends */
  GQueue requests;  /* (element-type PPoolArrivalRequest): in the order of their arrival */
  guint n_sleeping; /* threads that wait */
} PPoolArrivals;

/* One who is told by a callback. Nothing holds the main context, which a task
 * would: so that is made last, and what was given to a context that is freed goes
 * to the next one who asks. */
typedef struct
{
  PPoolAsCompleted *completed; /* (owned) */
  PPoolCompletion *completion; /* (unowned): holds this */
  GCancellable *cancellable;   /* (owned) (nullable) */
  GAsyncReadyCallback callback;
  gpointer user_data;

  /* With the group's lock. */
  GList link;               /* without data when it is in no queue */
  PPoolGroupMember *member; /* (nullable): what it was given */
  PPoolFuture *future;      /* (owned) (nullable): the future of that */
} PPoolArrivalRequest;

struct _PPoolAsCompleted
{
  GObject parent_instance;

  /* Constant. */
  PPoolGroup *group; /* (owned) */
  int timeout_msec;
  gint64 deadline; /* -1 is never */
};

void     ppool_arrivals_add   (PPoolGroup        *group,
                               PPoolGroupMember  *member);
gboolean ppool_arrivals_look  (PPoolGroup        *group,
                               PPoolGroupMember **member,
                               PPoolFuture      **future);
void     ppool_arrivals_serve (PPoolGroup        *group);

G_END_DECLS
