/* raw-channel.h: D-Bus messages of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What of a message tells how long it is. */
#define RAW_HEADER_SIZE 16

#define RAW_MAX_FDS 4

extern int raw_channel;         /* or the lane, once it is in use */
extern int raw_beside;          /* the channel then, or -1 */
extern int raw_fds[RAW_MAX_FDS]; /* that came with a message */
extern guint32 raw_last_serial; /* of the message that was read last */

gboolean      raw_read                   (void         *buffer,
                                          gsize         size);
void          raw_write                  (const void   *buffer,
                                          gsize         size);
void          raw_write_with_fd          (const void   *buffer,
                                          gsize         size,
                                          int           fd,
                                          guint         n_descriptors);
void          raw_write_with_descriptors (const void   *buffer,
                                          gsize         size,
                                          guint         n_descriptors);
void          raw_use_lane               (int           fd);
void          raw_write_packet           (const void   *frame,
                                          gsize         size,
                                          int           fd,
                                          guint         n_descriptors);
GByteArray   *raw_read_packet            (void);
void          raw_authenticate           (gboolean      descriptors);
GDBusMessage *raw_read_message           (void);
guchar       *raw_make_blob              (GDBusMessage *message,
                                          gsize        *size);
void          raw_declare_descriptors    (GDBusMessage *message,
                                          guint         n);
void          raw_write_message          (GDBusMessage *message);
GDBusMessage *raw_make_reply             (guint32       serial,
                                          GVariant     *body);
void          raw_reply                  (guint32       serial,
                                          GVariant     *body);
void          raw_reply_error            (const char   *name,
                                          GVariant     *body);

G_END_DECLS
