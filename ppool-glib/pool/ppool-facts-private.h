/* ppool-facts-private.h: what programs may know of a worker, and what they are told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-death.h"
#include "ppool-enums.h"

G_BEGIN_DECLS

/* Shared by the process of a worker and by the object that a program has of it. */
typedef struct
{
  /* Constant once somebody is told of them. */
  guint slot;
  guint pid; /* 0 while there is no process */

  PPoolDeath *death; /* (owned) (nullable): constant once there is an exit reason */
  int exit_reason;   /* atomic: a PPoolWorkerExitReason */
} PPoolFacts;

typedef enum
{
  PPOOL_EVENT_STARTED,
  PPOOL_EVENT_EXITED,
} PPoolEventType;

#define PPOOL_EVENT_N_TYPES (PPOOL_EVENT_EXITED + 1)

/* What has happened to a worker. */
typedef struct
{
  PPoolEventType type;
  PPoolFacts *facts; /* (owned) */
  GError *reason;    /* (owned) (nullable): of the exit, unless it was asked for */
  GList link;        /* of who keeps it */
} PPoolEvent;

PPoolFacts            *ppool_facts_new             (guint                  slot);
PPoolFacts            *ppool_facts_ref             (PPoolFacts            *self);
void                   ppool_facts_unref           (PPoolFacts            *self);
PPoolWorkerExitReason  ppool_facts_get_exit_reason (PPoolFacts            *self);
void                   ppool_facts_set_exit_reason (PPoolFacts            *self,
                                                    PPoolWorkerExitReason  reason);
PPoolDeath            *ppool_facts_ref_death       (PPoolFacts            *self);

PPoolEvent            *ppool_event_new             (PPoolEventType         type,
                                                    PPoolFacts            *facts,
                                                    const GError          *reason);
void                   ppool_event_free            (PPoolEvent            *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolFacts, ppool_facts_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolEvent, ppool_event_free)

G_END_DECLS
