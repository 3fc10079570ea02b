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
} FrameKind;

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
  GByteArray *calls;           /* (owned): the frame that is to be sent */
  GPtrArray *results;          /* (owned) (element-type FrameResult) */
  guint64 last_id;
  guint n_messages;
} Frames;

Frames      *frames_new           (Peer        *peer,
                                   gboolean     with_board);
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
void         frames_cancel        (Frames      *self,
                                   guint64      id);
void         frames_cancel_if_open (Frames  *self,
                                    guint64  id);
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
                                   gboolean             with_board);
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
