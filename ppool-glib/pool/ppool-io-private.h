/* ppool-io-private.h: a thread that waits for sockets
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

typedef struct _PPoolIo PPoolIo;

/* Runs in the thread: short work only, never user code. */
typedef void (*PPoolIoFunc) (gpointer owner,
                             gboolean can_read,
                             gboolean can_write);

PPoolIo *ppool_io_new    (GError          **error);
void     ppool_io_free   (PPoolIo          *self);

/* In any thread. */
guint64  ppool_io_add    (PPoolIo          *self,
                          int               fd,
                          PPoolIoFunc       func,
                          gpointer          owner,
                          GBoxedCopyFunc    owner_ref,
                          GDestroyNotify    owner_unref,
                          GError          **error);
void     ppool_io_watch  (PPoolIo          *self,
                          guint64           id,
                          int               fd,
                          gboolean          writing);
void     ppool_io_remove (PPoolIo          *self,
                          guint64           id,
                          int               fd);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolIo, ppool_io_free)

G_END_DECLS
