/* ppool-lane-private.h: the second socket of a channel, on which frames travel alone
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-frame-private.h"
#include "ppool-io-private.h"
#include "ppool-link-private.h"

G_BEGIN_DECLS

typedef struct _PPoolLane PPoolLane;

PPoolLane *ppool_lane_new       (PPoolIo         *io,
                                 PPoolIoFunc      func,
                                 gpointer         owner,
                                 GBoxedCopyFunc   owner_ref,
                                 GDestroyNotify   owner_unref,
                                 int             *worker_fd,
                                 GError         **error);
void       ppool_lane_free      (PPoolLane       *self);
void       ppool_lane_open      (PPoolLane       *self);
gboolean   ppool_lane_is_open   (PPoolLane       *self);

/* In any thread. */
void       ppool_lane_shut      (PPoolLane       *self);
void       ppool_lane_send      (PPoolLane       *self,
                                 GByteArray      *frame,
                                 int              fd);
void       ppool_lane_send_note (PPoolLane       *self,
                                 PPoolItemKind    kind,
                                 guint64          id);

/* In the io thread. */
PPoolLink *ppool_lane_get_link  (PPoolLane       *self);
void       ppool_lane_write     (PPoolLane       *self);
void       ppool_lane_end       (PPoolLane       *self);

/* While nobody reads it. */
void       ppool_lane_close     (PPoolLane       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLane, ppool_lane_free)

G_END_DECLS
