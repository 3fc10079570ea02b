/* ppool-wire-internal.h: what the files of the wire share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-wire-private.h"

G_BEGIN_DECLS

/* How much is read at once; what is larger is read to where it stays. */
#define PPOOL_WIRE_INPUT_SIZE ((gsize) 64 * 1024)

struct _PPoolWire
{
  int fd; /* (owned) */
  gboolean passes_fds; /* written during authentication */

  /* The reading thread's. Bytes wait in input, from start to end, unless the
   * message at their head is larger than what has come of it: then that is in
   * partial, and input is empty. */
  guint8 *input; /* (owned) */
  gsize start;
  gsize end;
  PPoolWireMessage partial;
  gsize partial_size;          /* how much of it is there */
  int fds[PPOOL_WIRE_MAX_FDS]; /* (owned); that no message has taken yet */
  guint n_fds;

  /* The writing thread's. */
  guint32 last_serial;
  gboolean broken; /* nobody reads what is written */
};

gboolean ppool_wire_receive (PPoolWire  *self,
                             gboolean    wait,
                             gboolean   *more,
                             GError    **error);

G_END_DECLS
