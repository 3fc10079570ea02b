/* ppool-reply-private.h: one who is told by a GAsyncReadyCallback
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Part of what waits for the answer. */
typedef struct
{
  gpointer source_object;    /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) (nullable) */
  GAsyncReadyCallback callback;
  gpointer user_data;
} PPoolReply;

void   ppool_reply_init     (PPoolReply          *self,
                             gpointer             source_object,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data);
void   ppool_reply_clear    (PPoolReply          *self);

GTask *ppool_reply_new_task (PPoolReply          *self,
                             gboolean             is_cancellable,
                             gpointer             source_tag);

G_END_DECLS
