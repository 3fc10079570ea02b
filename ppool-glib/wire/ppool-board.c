/* ppool-board.c: who has taken what
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-board-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-fd-private.h"

/* One page of memory that a pool shares with one worker. Each call that was
 * sent has a place there, by its id, whose word both sides move by
 * compare-and-swap:
 *
 *   OFFERED ─► TAKEN ─► DONE      the worker's way
 *      │         └────► REVOKED   the pool's
 *      └─────► WITHDRAWN          the pool's
 *
 * So who was first is certain, at once, and without a message. The id is part
 * of the word: a place may be offered again while a withdrawn call is still on
 * its way to the worker, who then finds another id there.
 *
 * To the pool it is the worker's word about its own calls and nothing more. The
 * file is sealed, so neither side can make the other fault. */

#define STATE_BITS 3
#define STATE_MASK (((guint64) 1 << STATE_BITS) - 1)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

typedef struct
{
  guint64 word;
  gint64 taken;
  gint64 done;
  gint64 unused;
} Place;

struct _PPoolBoard
{
  Place *places; /* (owned): shared memory */
};

#define BOARD_BYTES (PPOOL_BOARD_SIZE * sizeof (Place))

static PPoolBoard *
map_board (int      fd,
           GError **error)
{
  PPoolBoard *self;
  Place *places = mmap (NULL, BOARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  if (places == MAP_FAILED)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "The board can't be mapped: %s",
                   g_strerror (errno));
      return NULL;
    }

  self = g_new0 (PPoolBoard, 1);
  self->places = places;
  return self;
}

/* Makes a board; @fd is to be handed to the worker and closed. */
PPoolBoard *
ppool_board_new (int     *fd,
                 GError **error)
{
  PPoolBoard *self = NULL;

  *fd = ppool_fd_lift (memfd_create ("ppool-board", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (*fd >= 0 && ftruncate (*fd, BOARD_BYTES) == 0 && fcntl (*fd, F_ADD_SEALS, SEALS) == 0)
    self = map_board (*fd, error);
  else
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "The board can't be made: %s",
                 g_strerror (errno));

  if (self == NULL && *fd >= 0)
    {
      close (*fd);
      *fd = -1;
    }

  return self;
}

/* Maps the board that a pool has handed over. */
PPoolBoard *
ppool_board_new_from_fd (int      fd,
                         GError **error)
{
  struct stat status;
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || (seals & SEALS) != SEALS || fstat (fd, &status) < 0 ||
      (gsize) status.st_size < BOARD_BYTES)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "The board is not sealed memory of the right size");
      return NULL;
    }

  return map_board (fd, error);
}

void
ppool_board_free (PPoolBoard *self)
{
  munmap (self->places, BOARD_BYTES);
  g_free (self);
}

static Place *
place_of (PPoolBoard *self,
          guint64     id)
{
  return &self->places[PPOOL_BOARD_PLACE (id)];
}

static guint64
word_of (guint64        id,
         PPoolBoardWord word)
{
  return id << STATE_BITS | (guint64) word;
}

static gboolean
move_word (Place          *place,
           guint64         id,
           PPoolBoardWord  from,
           PPoolBoardWord  to)
{
  guint64 expected = word_of (id, from);

  return __atomic_compare_exchange_n (&place->word, &expected, word_of (id, to), FALSE,
                                      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void
ppool_board_offer (PPoolBoard *self,
                   guint64     id)
{
  Place *place = place_of (self, id);

  __atomic_store_n (&place->taken, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&place->done, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&place->word, word_of (id, PPOOL_BOARD_OFFERED), __ATOMIC_RELEASE);
}

/* Takes a call back. Returns: WITHDRAWN if that was in time, or what it is. */
PPoolBoardWord
ppool_board_withdraw (PPoolBoard *self,
                      guint64     id)
{
  if (move_word (place_of (self, id), id, PPOOL_BOARD_OFFERED, PPOOL_BOARD_WITHDRAWN))
    return PPOOL_BOARD_WITHDRAWN;

  return ppool_board_look (self, id, NULL);
}

/* A time that can't be is none. */
static gint64
read_time (const gint64 *time,
           gint64        earliest)
{
  gint64 value = __atomic_load_n (time, __ATOMIC_RELAXED);

  return value >= earliest && value <= g_get_monotonic_time () ? value : 0;
}

PPoolBoardWord
ppool_board_look (PPoolBoard      *self,
                  guint64          id,
                  PPoolBoardTimes *times)
{
  Place *place = place_of (self, id);
  guint64 word = __atomic_load_n (&place->word, __ATOMIC_ACQUIRE);
  guint64 state = word & STATE_MASK;

  if (times != NULL)
    {
      times->taken = read_time (&place->taken, 0);
      times->done = read_time (&place->done, times->taken);
    }

  /* It runs, whatever becomes of that. */
  if (word == word_of (id, PPOOL_BOARD_REVOKED))
    return PPOOL_BOARD_TAKEN;
  if (word >> STATE_BITS != id || state < PPOOL_BOARD_OFFERED || state > PPOOL_BOARD_DONE)
    return PPOOL_BOARD_INVALID;

  return (PPoolBoardWord) state;
}

/* Has the worker answer a call no more that it has taken. Returns: FALSE if it is answered
 * already, and the answer is there or about to be. */
gboolean
ppool_board_revoke (PPoolBoard *self,
                    guint64     id)
{
  Place *place = place_of (self, id);

  return move_word (place, id, PPOOL_BOARD_TAKEN, PPOOL_BOARD_REVOKED) ||
         __atomic_load_n (&place->word, __ATOMIC_ACQUIRE) != word_of (id, PPOOL_BOARD_DONE);
}

/* To be called just before the call runs, with the monotonic time. Returns: FALSE
 * if the pool has taken it back. */
gboolean
ppool_board_take (PPoolBoard *self,
                  guint64     id,
                  gint64      now)
{
  Place *place = place_of (self, id);

  if (!move_word (place, id, PPOOL_BOARD_OFFERED, PPOOL_BOARD_TAKEN))
    return FALSE;

  __atomic_store_n (&place->taken, now, __ATOMIC_RELAXED);
  return TRUE;
}

/* To be called before the answer is sent, with the monotonic time. Returns: FALSE if the
 * pool does not take it any more. */
gboolean
ppool_board_finish (PPoolBoard *self,
                    guint64     id,
                    gint64      now)
{
  Place *place = place_of (self, id);

  __atomic_store_n (&place->done, now, __ATOMIC_RELAXED);
  /* An error may be in the place of an answer that can't be sent. */
  return move_word (place, id, PPOOL_BOARD_TAKEN, PPOOL_BOARD_DONE) ||
         __atomic_load_n (&place->word, __ATOMIC_ACQUIRE) != word_of (id, PPOOL_BOARD_REVOKED);
}
