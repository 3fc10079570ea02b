/* ppool-board-private.h: who has taken what
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How many places there are, and where a call is to be found: two calls that a worker has at a
 * time must not share a place. */
#define PPOOL_BOARD_SIZE 256
#define PPOOL_BOARD_PLACE(id) ((guint) ((id) % PPOOL_BOARD_SIZE))

typedef struct _PPoolBoard PPoolBoard;

typedef enum
{
  PPOOL_BOARD_OFFERED = 1, /* by the pool: nobody has it yet */
  PPOOL_BOARD_TAKEN,       /* by the worker: it runs */
  PPOOL_BOARD_DONE,        /* by the worker: it is answered */
  PPOOL_BOARD_WITHDRAWN,   /* by the pool: it never will run there */
  PPOOL_BOARD_REVOKED,     /* by the pool: it is not to be answered any more */
  PPOOL_BOARD_INVALID,     /* something that can't be */
} PPoolBoardWord;

/* Monotonic times in microseconds; 0 until they come. The worker's word, but none
 * is negative or to come, and the second is not before the first. */
typedef struct
{
  gint64 taken;
  gint64 done;
} PPoolBoardTimes;

PPoolBoard     *ppool_board_new         (int              *fd,
                                         GError          **error);
PPoolBoard     *ppool_board_new_from_fd (int               fd,
                                         GError          **error);
void            ppool_board_free        (PPoolBoard       *self);

/* The pool's. */
void            ppool_board_offer       (PPoolBoard       *self,
                                         guint64           id);
PPoolBoardWord  ppool_board_withdraw    (PPoolBoard       *self,
                                         guint64           id);
PPoolBoardWord  ppool_board_look        (PPoolBoard       *self,
                                         guint64           id,
                                         PPoolBoardTimes  *times);
gboolean        ppool_board_revoke      (PPoolBoard       *self,
                                         guint64           id);

/* The worker's. */
gboolean        ppool_board_take        (PPoolBoard       *self,
                                         guint64           id,
                                         gint64            now);
gboolean        ppool_board_finish      (PPoolBoard       *self,
                                         guint64           id,
                                         gint64            now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolBoard, ppool_board_free)

G_END_DECLS
