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
  PPoolServiceFunc noted;
  gpointer owner; /* (owned) */
  GDestroyNotify owner_unref;
  GThread *thread; /* (unowned): the one that serves; only to be compared */

  PPoolBoard *board;   /* (owned) (nullable); written before the first call */
  gboolean as_bytes;   /* values travel as bytes; written before the first call */
  gboolean has_frames; /* calls come together; written before the first call */

  PPoolLender *lender;     /* (owned) (nullable); likewise; NULL without segments */
  PPoolBorrower *borrower; /* (owned) (nullable); likewise */

  /* The serving thread's. */
  GQueue arrivals; /* (owned) (element-type PPoolArrival) */
  gboolean leaving;
  gboolean gathering; /* answers may wait for further ones */
  gboolean is_lent;   /* what the call has that was loaded last */
  gboolean holding;   /* an answer waits until that is let go of */
  gint64 trim_due;    /* when segments may have been idle for too long, or -1 */

  GMutex lock;         /* guards what follows, and writing to the wire */
  PPoolWire *wire;     /* (owned) (nullable); NULL once closed */
  GByteArray *results; /* (owned): a message; empty until the first result */
  gsize frame_offset;  /* where the frame starts in it */
  int n_results;       /* atomic: the serving thread reads it without the lock */
  gint64 first_time; /* when the first of them came */
  gsize n_lent;      /* how many bytes were lent with them */
  int has_notes;     /* atomic: of loans, for the next frame */
};

void     ppool_service_answer_info     (PPoolService      *self,
                                        const PPoolTicket *ticket);
void     ppool_service_answer_nothing  (PPoolService      *self,
                                        const PPoolTicket *ticket);
void     ppool_service_refuse          (PPoolService      *self,
                                        const PPoolTicket *ticket);

void     ppool_service_begin_lending   (PPoolService      *self);
void     ppool_service_end_lending     (PPoolService      *self);
void     ppool_service_receive_segment (PPoolService      *self,
                                        GDBusMessage      *message,
                                        const int         *fds,
                                        guint              n_fds);
GVariant *ppool_service_read_segment   (GVariant          *large,
                                        const int         *fds,
                                        guint              n_fds,
                                        GError           **error);
gboolean ppool_service_receive_note    (PPoolService      *self,
                                        const PPoolItem   *item);

/* With the lock held. */
void     ppool_service_append_notes    (PPoolService      *self);
void     ppool_service_write_announced (PPoolService      *self);

G_END_DECLS
