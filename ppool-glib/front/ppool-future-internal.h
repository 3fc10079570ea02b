/* ppool-future-internal.h: what the files of the future share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-future-private.h"

G_BEGIN_DECLS

struct _PPoolFuture
{
  GObject parent_instance;

  PPoolRecord *record; /* (owned) */
  PPoolCall *call;     /* (owned) (nullable) */

  GMutex lock;     /* guards what follows */
  GQueue callbacks; /* (unowned): that were not called yet; each holds the future */
  guint last_id;    /* of a callback */
};

gboolean ppool_future_is_usable (PPoolFuture *self);

G_END_DECLS
