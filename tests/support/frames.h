/* frames.h: calls and results in frames, at the pool's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "peer.h"

G_BEGIN_DECLS

typedef enum
{
  FRAME_CALL = 1,
  FRAME_VALUE,
  FRAME_ERROR,
  FRAME_OPTIONS = 6,
  FRAME_SEGMENT,
  FRAME_CANCEL,
  FRAME_EXIT,
} FrameKind;

/* What there is beside the frames. */
typedef enum
{
  FRAMES_PLAIN = 0,
  FRAMES_BOARD = 1 << 0,
  FRAMES_LANE = 1 << 1,     /* on which they travel */
  FRAMES_SEGMENTS = 1 << 2,
} FramesWays;

/* What a place of the board says of its call. */
typedef enum
{
  FRAME_OFFERED = 1,
  FRAME_TAKEN,
  FRAME_DONE,
  FRAME_WITHDRAWN,
} FrameState;

typedef struct
{
  guint64 id;
  FrameKind kind;
  char *name;      /* (owned) */
  GVariant *value; /* (owned) */
  guint message;   /* the number of the message in which it came, from 1 */
  gsize size;      /* of the frame in which it came */
} FrameResult;

/* A conversation in frames; like the peer, all of it is written here. */
typedef struct
{
  Peer *peer;                  /* (unowned) */
  GDBusConnection *connection; /* (owned): also after the peer has hung up */
  guint subscription;
  guint64 *board;              /* (nullable): shared memory */
  int lane;                    /* (owned): the socket, or -1 */
  guint lane_source;           /* reads it, or 0 */
  GByteArray *packets;         /* (owned): what came on it, and is not whole */
  GByteArray *calls;           /* (owned): the frame that is to be sent */
  GPtrArray *results;          /* (owned) (element-type FrameResult) */
  guint64 last_id;
  guint n_messages;
} Frames;

Frames      *frames_new           (Peer        *peer,
                                   FramesWays   ways);
void         frames_free          (Frames      *self);

guint64      frames_add           (Frames      *self,
                                   const char  *function,
                                   GVariant    *args);
guint8      *frames_add_bytes     (Frames      *self,
                                   const char  *function,
                                   const void  *data,
                                   gsize        size);
guint64      frames_add_with_options (Frames     *self,
                                      const char *function,
                                      GVariant   *args,
                                      GVariant   *options);
void         frames_send          (Frames      *self);
void         frames_send_bytes    (Frames      *self,
                                   const void  *data,
                                   gsize        size);
void         frames_send_note     (Frames      *self,
                                   FrameKind    kind,
                                   guint64      id);
void         frames_offer_lane    (Frames      *self,
                                   int          fd,
                                   int          handle,
                                   gboolean     expected);
void         frames_use_lane      (Frames      *self,
                                   int          fd);
void         frames_shut_lane     (Frames      *self);
void         frames_cancel        (Frames      *self,
                                   guint64      id);
void         frames_cancel_if_open (Frames  *self,
                                    guint64  id);
void         frames_await_end     (Frames      *self);
FrameResult *frames_await         (Frames      *self,
                                   guint        n);
void         frames_expect        (Frames      *self,
                                   guint64      id,
                                   const char  *text);
void         frames_expect_error  (Frames      *self,
                                   guint64      id,
                                   const char  *name,
                                   const char  *message_part);

/* A worker that is served in frames: the fixture of a test. */
typedef struct
{
  Peer *peer;     /* (owned) (nullable): NULL once it has ended */
  Frames *frames; /* (owned) */
} Served;

void         served_set_up        (Served              *self,
                                   const char * const  *argv,
                                   FramesWays           ways);
void         served_tear_down     (Served              *self,
                                   gconstpointer        user_data);
void         served_expect_line   (Served              *self,
                                   const char          *text);
FrameState   frames_get_state     (Frames      *self,
                                   guint64      id);
void         frames_withdraw      (Frames      *self,
                                   guint64      id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Frames, frames_free)

G_END_DECLS
