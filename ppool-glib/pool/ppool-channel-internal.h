/* ppool-channel-internal.h: what the files of the channel share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"

#include "ppool-frame-private.h"

G_BEGIN_DECLS

typedef enum
{
  PPOOL_REQUEST_INITIALIZE,
  PPOOL_REQUEST_CALL,
  PPOOL_REQUEST_EXIT,
  PPOOL_REQUEST_CALLS,   /* is not answered */
  PPOOL_REQUEST_SEGMENT, /* likewise */
} PPoolRequestKind;

typedef struct
{
  guint32 serial;
  PPoolRequestKind kind;
  guint64 id;
} PPoolRequest;

/* What is lent over a channel. */
typedef struct _PPoolChannelLending PPoolChannelLending;

struct _PPoolChannel
{
  PPoolChannelFunc func;
  gpointer owner; /* (owned) */
  GDestroyNotify owner_unref;

  GSocket *socket; /* (owned) */
  gulong closed_handler;
  gboolean as_bytes;   /* values travel as bytes; written before the first call */
  gboolean has_frames; /* calls travel together; written before the first call */
  gboolean offers_board; /* Initialize did; written before it was sent */
  gboolean offers_segments; /* likewise */
  PPoolChannelLending *lending; /* (owned) (nullable); likewise; NULL without segments */
  gboolean needs_bytes; /* Initialize did; written before it was sent */
  gboolean needs_segments; /* likewise */
  gboolean violated; /* I/O thread */
  int n_unread; /* I/O thread; when it was drained last */

  GMutex event_lock; /* held while an event is under way; guards what follows */
  gboolean ended;

  GMutex lock;                 /* guards what follows */
  GDBusConnection *connection; /* (owned) (nullable); NULL once closed */
  GMainContext *io_context;    /* (owned) (nullable); of GDBus's I/O thread */
  GArray *requests;            /* (owned) (element-type PPoolRequest); unanswered */
  guint32 last_serial;
};

GDBusConnection *ppool_channel_ref_connection    (PPoolChannel            *self);
gboolean         ppool_channel_is_closed_error   (const GError            *error);
void             ppool_channel_emit              (PPoolChannel            *self,
                                                  const PPoolChannelEvent *event);
void             ppool_channel_emit_type         (PPoolChannel            *self,
                                                  PPoolChannelEventType    type,
                                                  const GError            *error);
void             ppool_channel_violate_with      (PPoolChannel            *self,
                                                  const GError            *error);
void             ppool_channel_violate           (PPoolChannel            *self,
                                                  const char              *format,
                                                  ...) G_GNUC_PRINTF (2, 3);

void             ppool_channel_remove_request    (PPoolChannel            *self,
                                                  guint32                  serial,
                                                  PPoolRequest            *removed);

/* In GDBus's I/O thread. */
void             ppool_channel_begin_lending     (PPoolChannel            *self);
void             ppool_channel_receive_in_pool   (PPoolChannel            *self,
                                                  GDBusMessage            *message);

PPoolChannelLending *ppool_channel_lending_new             (GMainContext         *io_context,
                                                            GSourceFunc           has_notes,
                                                            gpointer              owner,
                                                            GDestroyNotify        owner_unref);
void                 ppool_channel_lending_unref           (PPoolChannelLending  *self);
void                 ppool_channel_lending_close           (PPoolChannelLending  *self);
PPoolLender         *ppool_channel_lending_get_lender      (PPoolChannelLending  *self);
PPoolBorrower       *ppool_channel_lending_get_borrower    (PPoolChannelLending  *self);
void                 ppool_channel_lending_prepend_notes   (PPoolChannelLending  *self,
                                                            GByteArray           *frame);

/* In GDBus's I/O thread. */
void                 ppool_channel_lending_trim            (PPoolChannelLending  *self);
gboolean             ppool_channel_lending_receive_segment (PPoolChannelLending  *self,
                                                            GDBusMessage         *message,
                                                            GError              **error);
gboolean             ppool_channel_lending_receive_note    (PPoolChannelLending  *self,
                                                            const PPoolItem      *item,
                                                            GError              **error);

G_END_DECLS
