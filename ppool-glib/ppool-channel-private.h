/* ppool-channel-private.h: the peer connection between a pool and one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-board-private.h"
#include "ppool-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* The names of org.ppool.Worker1.xml. */
#define PPOOL_PROTOCOL_VERSION 1
#define PPOOL_FEATURE_GVARIANT "gvariant"
#define PPOOL_FEATURE_BOARD "board"
#define PPOOL_FEATURE_FRAMES "frames"

typedef struct _PPoolChannel PPoolChannel;

typedef enum
{
  PPOOL_CHANNEL_SIDE_POOL,
  PPOOL_CHANNEL_SIDE_WORKER,
} PPoolChannelSide;

typedef enum
{
  PPOOL_CHANNEL_INITIALIZED, /* pool: the worker is ready, or @error */
  PPOOL_CHANNEL_RESULTS,     /* pool: calls have @results */
  PPOOL_CHANNEL_VIOLATION,   /* pool: the worker sent @error's nonsense */
  PPOOL_CHANNEL_INITIALIZE,  /* worker: run @function if any, answer @ticket */
  PPOOL_CHANNEL_CALL,        /* worker: run @function, answer @ticket */
  PPOOL_CHANNEL_EXIT,        /* worker: leave once the running call is answered */
  PPOOL_CHANNEL_DRAINED,     /* both: closed, and nothing is left to read */
} PPoolChannelEventType;

/* What a reply needs to find its call. */
typedef struct
{
  guint64 id;
  guint32 serial;
  gboolean initializes; /* a value is answered with what the worker is */
} PPoolTicket;

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
  guint64 id;
  PPoolTicket ticket;
  const char *function;
  GVariant *value; /* arguments of CALL and INITIALIZE, what INITIALIZED says */
  const GError *error;
  const PPoolResult *results;
  guint n_results;
  gboolean has_board;  /* INITIALIZED: the worker looks at it */
  gboolean has_frames; /* INITIALIZED: the worker takes them */
} PPoolChannelEvent;

/* Runs in GDBus's I/O thread: short work only, never user code. */
typedef void (*PPoolChannelFunc) (PPoolChannel            *channel,
                                  const PPoolChannelEvent *event,
                                  gpointer                 owner);

PPoolChannel *ppool_channel_new             (int                fd,
                                             PPoolChannelSide   side,
                                             PPoolChannelFunc   func,
                                             gpointer           owner,
                                             GDestroyNotify     owner_unref);
PPoolChannel *ppool_channel_ref             (PPoolChannel      *self);
void          ppool_channel_unref           (PPoolChannel      *self);

gboolean      ppool_channel_connect         (PPoolChannel      *self,
                                             GCancellable      *cancellable,
                                             GError           **error);
void          ppool_channel_start           (PPoolChannel      *self);
void          ppool_channel_shut            (PPoolChannel      *self);
void          ppool_channel_close           (PPoolChannel      *self);

void          ppool_channel_send_initialize (PPoolChannel      *self,
                                             const char        *initializer,
                                             GVariant          *initializer_args,
                                             int                board_fd);
gboolean      ppool_channel_send_call       (PPoolChannel      *self,
                                             guint64            id,
                                             const char        *function,
                                             GVariant          *args,
                                             GError           **error);
void          ppool_channel_forget_call     (PPoolChannel      *self,
                                             guint64            id);
void          ppool_channel_send_frame      (PPoolChannel      *self,
                                             GByteArray        *frame);
void          ppool_channel_send_exit       (PPoolChannel      *self);
void          ppool_channel_flush           (PPoolChannel      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolChannel, ppool_channel_unref)

G_END_DECLS
