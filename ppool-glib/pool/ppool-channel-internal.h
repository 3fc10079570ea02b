/* ppool-channel-internal.h: what the files of the channel share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"
#include "ppool-lane-private.h"

G_BEGIN_DECLS

typedef enum
{
  PPOOL_REQUEST_INITIALIZE,
  PPOOL_REQUEST_CALL,
  PPOOL_REQUEST_EXIT,
  PPOOL_REQUEST_CALLS,   /* is not answered */
  PPOOL_REQUEST_SEGMENT, /* likewise */
  PPOOL_REQUEST_CANCEL,  /* likewise */
} PPoolRequestKind;

typedef struct
{
  guint32 serial;
  PPoolRequestKind kind;
  guint64 id;
} PPoolRequest;

/* What Initialize offers, and what of it the worker can't do without. */
typedef struct
{
  int board; /* index of a descriptor, or -1 */
  int lane;  /* likewise */
  gboolean segments;
  gboolean needs_bytes;
  gboolean needs_segments;
} PPoolChannelOffer;

/* The messages to the worker, and which of them are unanswered. */
typedef struct _PPoolChannelRequests PPoolChannelRequests;

/* What is lent over a channel. */
typedef struct _PPoolChannelLending PPoolChannelLending;

struct _PPoolChannel
{
  PPoolChannelFunc func;
  gpointer owner; /* (owned) */
  GDestroyNotify owner_unref;

  GSocket *socket; /* (owned) */
  GDBusConnection *connection; /* (owned) (nullable); in the owner's context; NULL once closed */
  gulong closed_handler;
  GMainContext *io_context; /* (owned) (nullable); atomic; of GDBus's I/O thread, which sets it */

  PPoolChannelRequests *requests; /* (owned) */
  PPoolChannelOffer offer; /* written before Initialize was sent */
  gboolean as_bytes;       /* values travel as bytes; written before the first call */
  gboolean has_frames;     /* calls travel together; likewise */
  PPoolLane *lane;       /* (owned) (nullable); likewise; NULL if the worker has none */
  PPoolChannelLending *lending; /* (owned) (nullable); likewise; NULL without segments */
  PPoolLoans *loans;            /* (unowned) (nullable): of that; likewise */

  /* GDBus's I/O thread's. */
  int n_unread; /* when it was drained last */

  GMutex event_lock; /* held while an event is under way; guards what follows */
  gboolean violated;
  gboolean connection_drained;
  gboolean lane_drained;
  gboolean ended;
};

void     ppool_channel_emit            (PPoolChannel          *self,
                                        PPoolChannelEventType  type,
                                        const GError          *error);
void     ppool_channel_violate         (PPoolChannel          *self,
                                        const char            *format,
                                        ...) G_GNUC_PRINTF (2, 3);
void     ppool_channel_violate_with    (PPoolChannel          *self,
                                        const GError          *error);
gboolean ppool_channel_has_lane        (PPoolChannel          *self);
void     ppool_channel_note_drained    (PPoolChannel          *self,
                                        gboolean              *drained);

/* With the event lock held. */
void     ppool_channel_receive_message (PPoolChannel          *self,
                                        GDBusMessage          *message);
void     ppool_channel_receive_packets (PPoolChannel          *self);

PPoolChannelRequests *ppool_channel_requests_new              (GDBusConnection       *connection);
void                  ppool_channel_requests_free             (PPoolChannelRequests  *self);
void                  ppool_channel_requests_close            (PPoolChannelRequests  *self);
gboolean              ppool_channel_requests_pass_descriptors (PPoolChannelRequests  *self);
GVariant             *ppool_channel_requests_make_call        (guint64                id,
                                                               const char            *function,
                                                               GVariant              *value,
                                                               const PPoolCallOptions *options);
gboolean              ppool_channel_requests_send             (PPoolChannelRequests  *self,
                                                               PPoolRequestKind       kind,
                                                               guint64                id,
                                                               GVariant              *body,
                                                               GUnixFDList           *fds,
                                                               GError               **error);
void                  ppool_channel_requests_take             (PPoolChannelRequests  *self,
                                                               guint32                serial,
                                                               PPoolRequest          *taken);
void                  ppool_channel_requests_forget_call      (PPoolChannelRequests  *self,
                                                               guint64                id);

GVariant *ppool_channel_offer_make  (PPoolChannelOffer        *self,
                                     const char               *initializer,
                                     GVariant                 *args,
                                     GUnixFDList              *fds,
                                     GError                  **error);
gboolean  ppool_channel_offer_check (const PPoolChannelOffer  *self,
                                     gboolean                  takes_bytes,
                                     gboolean                  takes_segments,
                                     GError                  **error);

PPoolChannelLending *ppool_channel_lending_new             (GMainContext         *io_context,
                                                            GSourceFunc           has_notes,
                                                            gpointer              owner,
                                                            GDestroyNotify        owner_unref);
void                 ppool_channel_lending_unref           (PPoolChannelLending  *self);
void                 ppool_channel_lending_close           (PPoolChannelLending  *self);
PPoolLoans          *ppool_channel_lending_get_loans       (PPoolChannelLending  *self);

/* In events of the channel; the first in GDBus's I/O thread. */
void                 ppool_channel_lending_trim            (PPoolChannelLending  *self);
gboolean             ppool_channel_lending_receive_segment (PPoolChannelLending  *self,
                                                            GDBusMessage         *message,
                                                            GError              **error);
gboolean             ppool_channel_lending_receive_item    (PPoolChannelLending  *self,
                                                            const PPoolItem      *item,
                                                            PPoolLink            *link,
                                                            GError              **error);

GError *ppool_channel_results_get_error  (GDBusMessage         *message);
GArray *ppool_channel_results_read       (GDBusMessage         *message,
                                          guint64               id,
                                          gboolean              as_bytes,
                                          GError              **error);
GArray *ppool_channel_results_read_frame (GBytes               *bytes,
                                          gsize                 offset,
                                          PPoolChannelLending  *lending,
                                          PPoolLink            *link,
                                          GError              **error);

G_END_DECLS
