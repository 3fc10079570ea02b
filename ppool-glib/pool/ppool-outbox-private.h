/* ppool-outbox-private.h: calls on their way to one worker, and those it has
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-board-private.h"
#include "ppool-channel-private.h"
#include "ppool-lock-private.h"
#include "ppool-scheduler-private.h"

G_BEGIN_DECLS

typedef struct _PPoolOutbox PPoolOutbox;

PPoolOutbox *ppool_outbox_new        (PPoolLock       *lock,
                                      PPoolScheduler  *scheduler,
                                      PPoolSlot       *slot);
void         ppool_outbox_unref      (PPoolOutbox     *self);

/* With the lock held. */
void         ppool_outbox_open       (PPoolOutbox     *self,
                                      PPoolChannel    *channel);
void         ppool_outbox_set_abilities (PPoolOutbox *self,
                                         PPoolBoard  *board,
                                         gboolean     has_frames,
                                         gboolean     has_cancel,
                                         gboolean     has_options);
void         ppool_outbox_close      (PPoolOutbox     *self);
void         ppool_outbox_push       (PPoolOutbox     *self,
                                      PPoolRecord     *record,
                                      guint            pid);
void         ppool_outbox_push_exit  (PPoolOutbox     *self);
PPoolRecord *ppool_outbox_recall     (PPoolOutbox     *self,
                                      PPoolRecord     *record,
                                      const char     **violation);
gboolean     ppool_outbox_is_running (PPoolOutbox     *self,
                                      PPoolRecord     *record,
                                      gint64          *since);
gint64       ppool_outbox_get_since  (PPoolOutbox     *self);
PPoolRecord *ppool_outbox_peek       (PPoolOutbox     *self,
                                      gboolean        *is_done);
void         ppool_outbox_push_cancel (PPoolOutbox *self,
                                       PPoolRecord *record);
gboolean     ppool_outbox_can_cancel (PPoolOutbox     *self);
gboolean     ppool_outbox_revoke     (PPoolOutbox     *self,
                                      PPoolRecord     *record);
gboolean     ppool_outbox_still_runs (PPoolOutbox     *self,
                                      PPoolRecord     *record);
gboolean     ppool_outbox_is_empty   (PPoolOutbox     *self);
void         ppool_outbox_take_all   (PPoolOutbox     *self,
                                      guint            pid,
                                      GPtrArray       *untaken,
                                      GPtrArray       *taken,
                                      GPtrArray       *done);
PPoolRecord *ppool_outbox_find_ending (PPoolOutbox    *self);
PPoolRecord *ppool_outbox_find_overdue (PPoolOutbox *self,
                                        gint64       now,
                                        gint64      *due);

/* Without the lock. */
void         ppool_outbox_send_notes (PPoolOutbox     *self);
const char  *ppool_outbox_settle     (PPoolOutbox       *self,
                                      guint              pid,
                                      const PPoolResult *results,
                                      guint              n_results);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolOutbox, ppool_outbox_unref)

G_END_DECLS
