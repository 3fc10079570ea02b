/* ppool-record-wait-private.h: being told that a record is settled
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-record-private.h"

G_BEGIN_DECLS

/* Runs where the record is settled, without a lock: short work only. */
typedef void (*PPoolRecordFunc) (PPoolRecord *record,
                                 gpointer     data);

/* One that waits for a record. Who adds it owns it, and keeps it until @func is
 * called or it has been removed. */
typedef struct
{
  PPoolRecordFunc func;
  gpointer data;
  gboolean is_waiting; /* with the record's lock */
  GList link;          /* with the record's lock */
} PPoolRecordWaiter;

gboolean ppool_record_has_failed    (PPoolRecord       *self);
gboolean ppool_record_add_waiter    (PPoolRecord       *self,
                                     PPoolRecordWaiter *waiter);
gboolean ppool_record_remove_waiter (PPoolRecord       *self,
                                     PPoolRecordWaiter *waiter);

G_END_DECLS
