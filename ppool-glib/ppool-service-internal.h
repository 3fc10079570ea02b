/* ppool-service-internal.h: what the files of the service share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-service-private.h"

#include "ppool-board-private.h"
#include "ppool-frame-private.h"
#include "ppool-wire-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Calls that arrived together: one, or a frame of them. */
typedef struct
{
  GBytes *frame; /* (owned) (nullable) */
  PPoolFrameReader reader;
  PPoolItem item; /* the one that was taken last */

  PPoolTicket ticket;
  char *function;    /* (owned) (nullable) */
  GVariant *args;    /* (owned) (nullable): as they came */
  gboolean packed;   /* they are bytes */
  gboolean swapped;  /* of the other order */
  gboolean is_begun; /* the one was taken */
} PPoolArrival;

struct _PPoolService
{
  PPoolServiceFunc answered;
  gpointer owner; /* (owned) */
  GDestroyNotify owner_unref;
  GThread *thread; /* (unowned): the one that serves; only to be compared */

  PPoolBoard *board;   /* (owned) (nullable); written before the first call */
  gboolean as_bytes;   /* values travel as bytes; written before the first call */
  gboolean has_frames; /* calls come together; written before the first call */

  /* The serving thread's. */
  GQueue arrivals; /* (owned) (element-type PPoolArrival) */
  gboolean leaving;
  gboolean gathering; /* answers may wait for further ones */

  GMutex lock;         /* guards what follows, and writing to the wire */
  PPoolWire *wire;     /* (owned) (nullable); NULL once closed */
  GByteArray *results; /* (owned): a message; empty until the first result */
  gsize frame_offset;  /* where the frame starts in it */
  int n_results;       /* atomic: the serving thread reads it without the lock */
  gint64 first_time; /* when the first of them came */
};

void ppool_service_answer_info    (PPoolService      *self,
                                   const PPoolTicket *ticket);
void ppool_service_answer_nothing (PPoolService      *self,
                                   const PPoolTicket *ticket);
void ppool_service_refuse         (PPoolService      *self,
                                   const PPoolTicket *ticket);

G_END_DECLS
