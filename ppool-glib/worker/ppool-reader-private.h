/* ppool-reader-private.h: reads beside a function that is busy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolReader PPoolReader;

/* Runs in the reader's thread. Returns: whether there is reason to go on. */
typedef gboolean (*PPoolReaderFunc) (gpointer data);

PPoolReader *ppool_reader_new   (int               fd,
                                 PPoolReaderFunc   read_func,
                                 gpointer          data,
                                 GError          **error);
void         ppool_reader_start (PPoolReader      *self);
void         ppool_reader_free  (PPoolReader      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolReader, ppool_reader_free)

G_END_DECLS
