/* raw-board.c: the board of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "raw-board.h"

#include "raw-channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* As the protocol has it. */
#define N_PLACES 256
#define STATE_BITS 3

typedef struct
{
  guint64 word;
  gint64 times[2];
  guint64 unused;
} Place;

guint64 raw_last_id;

static Place *
get_places (void)
{
  static Place *places;

  if (places == NULL)
    places = mmap (NULL, N_PLACES * sizeof (Place), PROT_READ | PROT_WRITE, MAP_SHARED,
                   raw_fds[0], 0);
  if (places == MAP_FAILED)
    g_error ("The board %d can't be mapped: %s", raw_fds[0], g_strerror (errno));

  return places;
}

/* STATE[,ID]: what stands at the place of the last call, of itself or of another
 * one. */
void
raw_board_word (const char *text)
{
  const char *id_text = strchr (text, ',');
  guint64 id = id_text != NULL ? g_ascii_strtoull (id_text + 1, NULL, 10) : raw_last_id;

  get_places ()[raw_last_id % N_PLACES].word = id << STATE_BITS | (guint64) atoi (text);
}

/* TAKEN,DONE: in microseconds. */
void
raw_board_times (const char *text)
{
  Place *place = &get_places ()[raw_last_id % N_PLACES];

  place->times[0] = g_ascii_strtoll (text, NULL, 10);
  place->times[1] = g_ascii_strtoll (strchr (text, ',') + 1, NULL, 10);
}

/* BYTE: all over it. */
void
raw_board_scribble (const char *text)
{
  memset (get_places (), atoi (text), N_PLACES * sizeof (Place));
}
