/* ppool-link-private.h: whole packets on a socket
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/* How much is read at once; what is larger is read to where it stays. */
#define PPOOL_LINK_INPUT_SIZE ((gsize) 64 * 1024)

/* As many as the kernel passes at once. */
#define PPOOL_LINK_MAX_FDS 253

typedef struct _PPoolLink PPoolLink;

/* One packet, whole, at a multiple of eight. */
typedef struct
{
  guint8 *data; /* (owned) (nullable) */
  gsize size;
} PPoolPacket;

/* What a packet is: so many bytes tell how long it is. */
typedef struct
{
  gsize prefix_size;
  gboolean (*measure) (const guint8  *prefix,
                       gsize         *size,
                       GError       **error);
} PPoolLinkFormat;

/* A lane: frames, each behind its size. */
#define PPOOL_LINK_LANE_PREFIX_SIZE ((gsize) 8)
extern const PPoolLinkFormat ppool_link_lane;

/* Somebody else has closed the socket in this process. */
typedef void (*PPoolLinkFunc) (void);

PPoolLink *ppool_link_new        (int                     fd,
                                  const PPoolLinkFormat  *format,
                                  PPoolLinkFunc           lost);
void       ppool_link_free       (PPoolLink              *self);
int        ppool_link_get_fd     (PPoolLink              *self);

/* For one thread at a time. */
gboolean   ppool_link_read       (PPoolLink              *self,
                                  gboolean                wait,
                                  gboolean               *more,
                                  GError                **error);
gboolean   ppool_link_next       (PPoolLink              *self,
                                  PPoolPacket            *packet,
                                  GError                **error);
gboolean   ppool_link_take_fds   (PPoolLink              *self,
                                  int                    *fds,
                                  guint                   n_fds,
                                  GError                **error);
gboolean   ppool_link_has_stray_fds (PPoolLink           *self);
const guint8 *ppool_link_peek    (PPoolLink              *self,
                                  gsize                  *size);
void       ppool_link_skip       (PPoolLink              *self,
                                  gsize                   size);

/* For one thread at a time, which may be another. */
gssize     ppool_link_try_write  (PPoolLink              *self,
                                  const struct iovec     *parts,
                                  guint                   n_parts,
                                  int                     fd);
void       ppool_link_write      (PPoolLink              *self,
                                  const guint8           *data,
                                  gsize                   size,
                                  int                     fd);

/* Bytes alone. */
void       ppool_link_make_lane_prefix (guint8           *prefix,
                                        gsize             frame_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLink, ppool_link_free)

G_END_DECLS
