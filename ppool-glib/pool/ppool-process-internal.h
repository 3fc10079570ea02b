/* ppool-process-internal.h: what the files of the process share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-countdown-private.h"
#include "ppool-exit-private.h"
#include "ppool-handshake-private.h"
#include "ppool-process-private.h"

G_BEGIN_DECLS

/* How long a worker that closed its channel may take to exit. */
#define PPOOL_PROCESS_EXIT_MSEC 2000

/* In the order of time. */
typedef enum
{
  STARTING,
  READY,
  LEAVING,
  FAILED,
  CONCLUDED,
  GONE,
} Life;

/* Likewise; what is drained can't be read any more. */
typedef enum
{
  CHANNEL_CONNECTING,
  CHANNEL_OPEN, /* the worker is being initialized, or has been */
  CHANNEL_DRAINED,
  CHANNEL_DRAINED_UNOPENED,
} ChannelState;

struct _PPoolProcess
{
  /* Constant. */
  const PPoolProcessOwner *owner; /* (unowned): outlives the process */
  PPoolManager *manager; /* (owned) */
  const PPoolStartup *startup; /* (unowned): the owner's */
  PPoolOutbox *outbox;   /* (owned) */
  PPoolFacts *facts;     /* (owned) */
  guint grace_msec;

  /* Guarded by the pool's lock. */
  PPoolSlot slot;
  Life life;
  guint pid;
  gboolean was_ready;
  gboolean is_announced; /* somebody was told of it */
  PPoolWorkerExitReason exit_reason; /* NONE until its end is decided or known */
  GError *cause; /* (owned) (nullable): what is wrong with it */
  const char *violation; /* (nullable): what it did that can't be */
  char *library;         /* (owned) (nullable): the worker's, if it is another one */
  PPoolRecord *ending;   /* (owned) (nullable): the call that it is to end */
  gboolean ending_begun; /* it was told */
  gint64 overdue_due;    /* when to look for calls that have run for too long, or 0 */
  gboolean is_evicted;   /* its calls were taken while it ran them */

  gboolean has_answered; /* a call; in events of the channel */

  /* In the manager's thread. */
  PPoolExit exit;
  GError *exit_error;        /* (owned) (nullable): why it has ended, unless it was to leave */
  gint64 created_time;       /* constant */
  guint64 n_oom_kills;       /* before there was a worker */
  gint64 start_time;         /* constant once there is a channel */
  PPoolChannel *channel;     /* (owned) (nullable) */
  ChannelState channel_state;
  PPoolBoard *board;         /* (owned) (nullable): while it is offered; taken in GDBus's thread,
                              * under the lock */
  PPoolHandshake *handshake; /* (owned) (nullable): while it goes on */
  GError *handshake_error;   /* (owned) (nullable) */
  PPoolStderr *errors;       /* (owned) (nullable) */
  PPoolCountdown countdown;  /* of what is waited for */
  PPoolTimer overdue;
  guint n_signals; /* sent to a worker that is to leave */
};

void     ppool_process_post         (PPoolProcess     *self,
                                     PPoolManagerFunc  func);
Life     ppool_process_get_life     (PPoolProcess     *self);

/* In the manager's thread. */
gboolean ppool_process_is_drained   (PPoolProcess     *self);
void     ppool_process_shut         (PPoolProcess     *self);

/* With the lock held. */
void     ppool_process_stop_ending  (PPoolProcess     *self);
void     ppool_process_look_for_overdue (PPoolProcess *self,
                                         gint64        now,
                                         gint64        due);

G_END_DECLS
