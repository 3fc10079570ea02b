/* ppool-handshake-private.h: connecting to a worker that was just started
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"

G_BEGIN_DECLS

typedef struct _PPoolHandshake PPoolHandshake;

typedef void (*PPoolHandshakeFunc) (const GError *error,
                                    gpointer      data);

PPoolHandshake *ppool_handshake_new    (PPoolChannel       *channel,
                                        GMainContext       *context,
                                        PPoolHandshakeFunc  func,
                                        gpointer            data,
                                        GError            **error);
void            ppool_handshake_cancel (PPoolHandshake     *self);
void            ppool_handshake_free   (PPoolHandshake     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolHandshake, ppool_handshake_free)

G_END_DECLS
