/* ppool-outbox-private.h: calls on their way to one worker, and those it has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-board-private.h"
#include "ppool-channel-private.h"
#include "ppool-record-private.h"

G_BEGIN_DECLS

typedef struct _PPoolGate PPoolGate;
typedef struct _PPoolOutbox PPoolOutbox;

/* Within the gate. */
typedef struct
{
  /* A call is over. It took @nsec nanoseconds, or -1 if that is not known. */
  void (*answered) (gpointer     owner,
                    PPoolRecord *record,
                    gint64       nsec);
  /* So there is room for others. */
  void (*refill)   (gpointer     owner);
  /* The worker did @what can't be. */
  void (*violated) (gpointer     owner,
                    const char  *what);
} PPoolOutboxFuncs;

/* Without the lock, in the thread that has changed something. */
typedef void (*PPoolGateFunc) (gpointer owner,
                               gboolean is_urgent);

/* The pool's one lock. What is decided while it is held is sent by whoever
 * leaves, in the order of decision. */
struct _PPoolGate
{
  /* Constant. */
  PPoolGateFunc changed;
  gpointer owner; /* (unowned): has this */

  GMutex lock; /* guards what follows */
  PPoolOutbox *dirty; /* (owned) (nullable): the first with something to send */
  gboolean has_changed; /* somebody is to be told, outside of the lock */
  gboolean is_urgent;   /* at once */
};

void         ppool_gate_init         (PPoolGate       *self,
                                      PPoolGateFunc    changed,
                                      gpointer         owner);
void         ppool_gate_clear        (PPoolGate       *self);
void         ppool_gate_enter        (PPoolGate       *self);
void         ppool_gate_leave        (PPoolGate       *self);
void         ppool_gate_leave_quietly (PPoolGate      *self);
gboolean     ppool_gate_is_dirty     (PPoolGate       *self);
void         ppool_gate_note_change  (PPoolGate       *self,
                                      gboolean         is_urgent);

PPoolOutbox *ppool_outbox_new        (PPoolGate              *gate,
                                      const PPoolOutboxFuncs *funcs,
                                      gpointer                owner);
void         ppool_outbox_unref      (PPoolOutbox            *self);

/* Within the gate. */
void         ppool_outbox_open       (PPoolOutbox     *self,
                                      PPoolChannel    *channel);
void         ppool_outbox_set_abilities (PPoolOutbox  *self,
                                      PPoolBoard      *board,
                                      gboolean         has_frames);
gboolean     ppool_outbox_has_board  (PPoolOutbox     *self);
void         ppool_outbox_close      (PPoolOutbox     *self);
void         ppool_outbox_push       (PPoolOutbox     *self,
                                      PPoolRecord     *record);
void         ppool_outbox_push_exit  (PPoolOutbox     *self);
PPoolRecord *ppool_outbox_recall     (PPoolOutbox     *self,
                                      PPoolRecord     *record);
gboolean     ppool_outbox_is_running (PPoolOutbox     *self,
                                      PPoolRecord     *record,
                                      gint64          *since);
gint64       ppool_outbox_get_since  (PPoolOutbox     *self);
PPoolRecord *ppool_outbox_peek       (PPoolOutbox     *self,
                                      gboolean        *is_done);
void         ppool_outbox_take_all   (PPoolOutbox     *self,
                                      guint            pid,
                                      GPtrArray       *records);

/* Outside of the gate. */
void         ppool_outbox_send_notes (PPoolOutbox     *self);
void         ppool_outbox_settle     (PPoolOutbox       *self,
                                      guint              pid,
                                      const PPoolResult *results,
                                      guint              n_results);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolOutbox, ppool_outbox_unref)

G_END_DECLS
