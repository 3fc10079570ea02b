/* ppool-wire-private.h: D-Bus on a socket, for who reads and writes by itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* So many bytes of a message tell how long it is. */
#define PPOOL_WIRE_PREFIX_SIZE 16

/* As many as the kernel passes at once. */
#define PPOOL_WIRE_MAX_FDS 253

typedef struct _PPoolWire PPoolWire;

/* One message, whole, at a multiple of eight. */
typedef struct
{
  guint8 *data; /* (owned) (nullable) */
  gsize size;
} PPoolWireMessage;

PPoolWire *ppool_wire_new           (int                      fd);
void       ppool_wire_free          (PPoolWire               *self);
gboolean   ppool_wire_authenticate  (PPoolWire               *self,
                                     GError                 **error);
gboolean   ppool_wire_passes_fds    (PPoolWire               *self);

/* For one thread. */
gboolean   ppool_wire_read          (PPoolWire               *self,
                                     gboolean                *more,
                                     GError                 **error);
gboolean   ppool_wire_next          (PPoolWire               *self,
                                     PPoolWireMessage        *message,
                                     GError                 **error);
gboolean   ppool_wire_take_fds      (PPoolWire               *self,
                                     int                     *fds,
                                     guint                    n_fds,
                                     GError                 **error);

/* For one thread at a time. */
guint32    ppool_wire_next_serial   (PPoolWire               *self);
void       ppool_wire_write         (PPoolWire               *self,
                                     const guint8            *data,
                                     gsize                    size);
void       ppool_wire_write_with_fd (PPoolWire               *self,
                                     const guint8            *data,
                                     gsize                    size,
                                     int                      fd);

/* Bytes alone. */
gboolean   ppool_wire_measure       (const guint8            *prefix,
                                     gsize                   *size,
                                     GError                 **error);
gboolean   ppool_wire_find_frame    (const PPoolWireMessage  *message,
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
