/* ppool-channel-internal.h: what the files of the channel share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"

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
  gboolean board;
  gboolean segments;
  gboolean needs_bytes;
  gboolean needs_segments;
} PPoolChannelOffer;

/* The messages to the worker, and which of them are unanswered. */
typedef struct _PPoolChannelRequests PPoolChannelRequests;

/* What is lent over a channel. */
typedef struct _PPoolChannelLending PPoolChannelLending;

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

/* In GDBus's I/O thread. */
void                 ppool_channel_lending_trim            (PPoolChannelLending  *self);
gboolean             ppool_channel_lending_receive_segment (PPoolChannelLending  *self,
                                                            GDBusMessage         *message,
                                                            GError              **error);
gboolean             ppool_channel_lending_receive_note    (PPoolChannelLending  *self,
                                                            const PPoolItem      *item,
                                                            GError              **error);

GError *ppool_channel_results_get_error  (GDBusMessage         *message);
GArray *ppool_channel_results_read       (GDBusMessage         *message,
                                          guint64               id,
                                          gboolean              as_bytes,
                                          GError              **error);
GArray *ppool_channel_results_read_frame (GVariant             *packed,
                                          PPoolChannelLending  *lending,
                                          GError              **error);

G_END_DECLS
