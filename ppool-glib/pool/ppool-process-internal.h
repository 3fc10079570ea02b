/* ppool-process-internal.h: what the files of the process share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-child-private.h"
#include "ppool-handshake-private.h"
#include "ppool-process-private.h"
#include "ppool-stderr-private.h"

G_BEGIN_DECLS

/* How long a worker that closed its channel may take to exit. */
#define PPOOL_PROCESS_EXIT_MSEC 2000

typedef enum
{
  PPOOL_PROCESS_STARTING,
  PPOOL_PROCESS_READY,
  PPOOL_PROCESS_LEAVING,
  PPOOL_PROCESS_DYING,
} PPoolProcessState;

struct _PPoolProcess
{
  /* Constant. */
  const PPoolProcessOwner *owner; /* (unowned): outlives the process */
  PPoolLock *lock;       /* (unowned): the owner's */
  PPoolManager *manager; /* (owned) */
  const PPoolStartup *startup; /* (unowned): the owner's */
  PPoolOutbox *outbox;   /* (owned) */
  guint grace_msec;

  /* Guarded by the pool's lock. */
  PPoolSlot slot;
  PPoolProcessState state;
  guint pid;
  gboolean was_ready;
  GError *cause; /* (owned) (nullable): what is wrong with it */
  const char *violation; /* (nullable): what it did that can't be */
  char *library;         /* (owned) (nullable): the worker's, if it is another one */
  const char *leaving;   /* (nullable): why it was asked to leave */

  /* In the manager's thread. */
  PPoolChild *child;         /* (owned) (nullable) */
  gint64 start_time;         /* constant once there is a channel */
  PPoolChannel *channel;     /* (owned) (nullable) */
  PPoolBoard *board;         /* (owned) (nullable): while it is offered; taken in GDBus's thread,
                              * under the lock */
  PPoolHandshake *handshake; /* (owned) (nullable): while it goes on */
  GError *handshake_error;   /* (owned) (nullable) */
  gboolean is_initializing;  /* or has been */
  PPoolStderr *errors;       /* (owned) (nullable) */
  PPoolTimer timer;          /* of one part of what is waited for … */
  gint64 part_due;
  guint part_msec;
  guint left_msec;           /* … of which so much is left … */
  PPoolManagerFunc overdue;  /* … until this is called */
  gboolean was_late;         /* the last part did not count */
  guint n_signals; /* sent to a worker that is to leave */
  int wait_status;
  gboolean status_is_lost;       /* somebody else has reaped it … */
  gboolean children_are_ignored; /* … which the kernel did */
  gboolean exited;
  gboolean drained;
  gboolean executed; /* killed for what it did, so its exit tells nothing */
  gboolean judged;
  gboolean is_gone;
};

void              ppool_process_post      (PPoolProcess     *self,
                                           PPoolManagerFunc  func);
void              ppool_process_arm       (PPoolProcess     *self,
                                           guint             msec,
                                           PPoolManagerFunc  func);
PPoolProcessState ppool_process_get_state (PPoolProcess     *self);
gboolean          ppool_process_condemn   (PPoolProcess     *self,
                                           const GError     *cause);

/* In the manager's thread. */
void              ppool_process_start     (gpointer          data);
void              ppool_process_conclude  (PPoolProcess     *self);
void              ppool_process_signal    (PPoolProcess     *self,
                                           int               number);
void              ppool_process_shut      (PPoolProcess     *self);
void              ppool_process_execute   (PPoolProcess     *self);
void              ppool_process_overdue   (gpointer          data);
void              ppool_process_condemned (gpointer          data);
void              ppool_process_drained   (gpointer          data);
void              ppool_process_exited    (int               wait_status,
                                           gboolean          is_lost,
                                           gpointer          data);

/* With the pool's lock held. */
void              ppool_process_set_violation (PPoolProcess     *self,
                                               const char       *what);

G_END_DECLS
