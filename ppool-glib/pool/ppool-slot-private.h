/* ppool-slot-private.h: one worker as the scheduler sees it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-record-private.h"

G_BEGIN_DECLS

typedef struct _PPoolSlot PPoolSlot;
typedef struct _PPoolProcess PPoolProcess;

typedef enum
{
  PPOOL_SLOT_STARTING,
  PPOOL_SLOT_IDLE,
  PPOOL_SLOT_BUSY,
  PPOOL_SLOT_LEAVING,
} PPoolSlotState;

/* One worker, and what it has. Embedded in its process. */
struct _PPoolSlot
{
  PPoolProcess *process; /* (unowned): has this */
  PPoolSlotState state;
  guint n_tasks;        /* given so far */
  guint n_calls;        /* that it has */
  guint n_trivial;      /* of these: so short that few workers do them all */
  gint64 expected;      /* how long they are going to take, in nanoseconds */
  gsize n_bytes;        /* their arguments have */
  gint64 busy_since;    /* with the first of them; monotonic, in microseconds */
  gboolean takes_ahead; /* it can be given calls that it may lose again */
  gboolean is_unfit;    /* what it says of its calls is of no interest any more */
  gboolean is_stuck;    /* what it runs takes longer than was expected */
  gboolean is_held;     /* it is given nothing for a while */
  GList link; /* in the scheduler's list of that state */
};

void ppool_slot_empty  (PPoolSlot   *self);
void ppool_slot_add    (PPoolSlot   *self,
                        PPoolRecord *record);
void ppool_slot_remove (PPoolSlot   *self,
                        PPoolRecord *record);

G_END_DECLS
