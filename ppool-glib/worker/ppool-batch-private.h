/* ppool-batch-private.h: calls that arrived together
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-answers-private.h"
#include "ppool-frame-private.h"
#include "ppool-protocol-private.h"

G_BEGIN_DECLS

/* One call, or a frame of them. */
typedef struct
{
  GBytes *frame; /* (owned) (nullable) */
  PPoolFrameReader reader;
  PPoolItem item; /* the one that was taken last */

  PPoolCallId call_id;
  char *function;    /* (owned) (nullable) */
  GVariant *args;    /* (owned) (nullable): as they came */
  PPoolCallOptions options;
  gboolean packed;   /* they are bytes */
  gboolean swapped;  /* of the other order */
  gboolean is_begun; /* the one was taken */
} PPoolBatch;

PPoolBatch *ppool_batch_new              (void);
void        ppool_batch_free             (gpointer           data);
gboolean    ppool_batch_has_call         (const PPoolBatch  *self,
                                          guint64            id);
gboolean    ppool_batch_is_exhausted     (const PPoolBatch  *self);
gboolean    ppool_batch_read_initializer (PPoolBatch        *self,
                                          GVariant          *options,
                                          gboolean           has_segments,
                                          const int         *fds,
                                          guint              n_fds,
                                          GError           **error);

G_END_DECLS
