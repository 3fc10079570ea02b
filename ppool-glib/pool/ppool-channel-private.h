/* ppool-channel-private.h: the peer connection between a pool and one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-board-private.h"
#include "ppool-error.h"
#include "ppool-io-private.h"
#include "ppool-loans-private.h"
#include "ppool-protocol-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolChannel PPoolChannel;

typedef enum
{
  PPOOL_CHANNEL_INITIALIZED, /* the worker is ready, or @error */
  PPOOL_CHANNEL_RESULTS,     /* calls have @results */
  PPOOL_CHANNEL_NOTES,       /* the loans have some */
  PPOOL_CHANNEL_VIOLATION,   /* the worker sent @error's nonsense */
  PPOOL_CHANNEL_DRAINED,     /* closed, and nothing is left to read */
} PPoolChannelEventType;

/* Of one call: a value or an error. */
typedef struct
{
  guint64 id;
  GVariant *value; /* (owned) (nullable) */
  GError *error;   /* (owned) (nullable) */
} PPoolResult;

/* Everything is borrowed for the time of the callback. */
typedef struct
{
  PPoolChannelEventType type;
  GVariant *value; /* INITIALIZED: what the worker says of itself */
  const GError *error;
  const PPoolResult *results;
  guint n_results;
  gboolean has_board;  /* INITIALIZED: the worker looks at it */
  gboolean has_frames; /* INITIALIZED: the worker takes them */
  gboolean has_cancel; /* INITIALIZED: the worker can cancel calls that run */
  gboolean has_options; /* INITIALIZED: the worker knows those of calls */
} PPoolChannelEvent;

/* Runs in GDBus's I/O thread or in the io thread, never in both at once: short work only, never
 * user code. */
typedef void (*PPoolChannelFunc) (PPoolChannel            *channel,
                                  const PPoolChannelEvent *event,
                                  gpointer                 owner);

PPoolChannel *ppool_channel_new             (int                fd,
                                             PPoolChannelFunc   func,
                                             gpointer           owner,
                                             GDestroyNotify     owner_unref);
PPoolChannel *ppool_channel_ref             (PPoolChannel      *self);
void          ppool_channel_unref           (PPoolChannel      *self);

gboolean      ppool_channel_check_thread    (GError           **error);
gboolean      ppool_channel_connect         (PPoolChannel      *self,
                                             GCancellable      *cancellable,
                                             GError           **error);
void          ppool_channel_start           (PPoolChannel      *self);
void          ppool_channel_shut            (PPoolChannel      *self);
void          ppool_channel_close           (PPoolChannel      *self);

void          ppool_channel_send_initialize (PPoolChannel      *self,
                                             const char        *initializer,
                                             GVariant          *initializer_args,
                                             int                board_fd,
                                             PPoolIo           *io);
gboolean      ppool_channel_send_call       (PPoolChannel      *self,
                                             guint64            id,
                                             const char        *function,
                                             GVariant          *args,
                                             const PPoolCallOptions *options,
                                             GError           **error);
void          ppool_channel_forget_call     (PPoolChannel      *self,
                                             guint64            id);
void          ppool_channel_send_frame      (PPoolChannel      *self,
                                             GByteArray        *frame);
void          ppool_channel_send_cancel     (PPoolChannel      *self,
                                             guint64            id);
void          ppool_channel_send_exit       (PPoolChannel      *self);

/* For who sends frames. */
PPoolLoans   *ppool_channel_get_loans       (PPoolChannel      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolChannel, ppool_channel_unref)

G_END_DECLS
