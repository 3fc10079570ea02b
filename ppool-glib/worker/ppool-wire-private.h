/* ppool-wire-private.h: D-Bus on a link, for who reads and writes by itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-link-private.h"

G_BEGIN_DECLS

/* So many bytes of a message tell how long it is. */
#define PPOOL_WIRE_PREFIX_SIZE 16

typedef struct _PPoolWire PPoolWire;

PPoolWire *ppool_wire_new           (int                  fd);
void       ppool_wire_free          (PPoolWire           *self);
PPoolLink *ppool_wire_get_link      (PPoolWire           *self);
gboolean   ppool_wire_authenticate  (PPoolWire           *self,
                                     GError             **error);
gboolean   ppool_wire_passes_fds    (PPoolWire           *self);
guint32    ppool_wire_next_serial   (PPoolWire           *self);
void       ppool_wire_end_without_channel (void) G_GNUC_NORETURN;

/* Bytes alone. */
gboolean   ppool_wire_measure       (const guint8            *prefix,
                                     gsize                   *size,
                                     GError                 **error);
gboolean   ppool_wire_find_frame    (const PPoolPacket   *message,
                                     const char              *member,
                                     gsize                   *offset);
void       ppool_wire_begin_signal  (GByteArray              *message,
                                     const char              *path,
                                     const char              *interface,
                                     const char              *member);
void       ppool_wire_finish_signal (GByteArray              *message,
                                     gsize                    frame_offset,
                                     guint32                  serial);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolWire, ppool_wire_free)

G_END_DECLS
