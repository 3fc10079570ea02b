/* ppool-record-internal.h: what the files of the record share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-record-private.h"
#include "ppool-record-wait-private.h"

G_BEGIN_DECLS

struct _PPoolRecord
{
  /* Constant. */
  GVariantType *result_type; /* (owned) (nullable) */
  const PPoolRecordOwner *owner_funcs;
  gpointer owner; /* (owned) */

  /* Guarded by the pool's lock. */
  PPoolRecordStage stage;
  GList link;
  guint64 id;
  PPoolRecordPlan plan;

  GMutex lock; /* guards what follows */
  GCond settled;
  PPoolFutureState state;
  guint n_blocked;            /* threads that wait for the condition */
  gboolean telling;           /* the waiters are being told */
  gboolean abandoned;         /* no future asks for the outcome any more */
  GQueue waiters;             /* (element-type PPoolRecordWaiter) */
  GVariant *args;             /* (owned) (nullable); NULL once released */
  GCancellable *cancellable;  /* (owned) (nullable) */
  gulong cancelled_handler;   /* 0 while it is being connected */
  GVariant *value;            /* (owned) (nullable) */
  PPoolFailure *failure;      /* (owned) (nullable) */
  PPoolRecordHistory history;

  char function[]; /* constant */
};

gboolean ppool_record_is_settled (PPoolRecord *self);

G_END_DECLS
