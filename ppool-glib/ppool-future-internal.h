/* ppool-future-internal.h: what the files of the future share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-future-private.h"

G_BEGIN_DECLS

typedef struct
{
  guint id;
  PPoolCompletion *completion; /* (owned) */
} PPoolDoneCallback;

struct _PPoolFuture
{
  GObject parent_instance;

  PPoolRecord *record; /* (owned) */
  PPoolCall *call;     /* (owned) (nullable) */

  GMutex lock;     /* guards what follows */
  GSList *done;    /* (owned) (element-type PPoolDoneCallback) */
  guint last_done; /* id */
};

gboolean ppool_future_is_usable          (PPoolFuture *self);
void     ppool_future_done_callback_free (gpointer     data);

G_END_DECLS
