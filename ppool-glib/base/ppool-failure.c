/* ppool-failure.c: an error that many calls can have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-failure-private.h"

struct _PPoolFailure
{
  GError *error; /* (owned) */
};

PPoolFailure *
ppool_failure_new (GError *error)
{
  PPoolFailure *self = g_atomic_rc_box_new (PPoolFailure);

  self->error = error;
  return self;
}

PPoolFailure *
ppool_failure_ref (PPoolFailure *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_failure (gpointer data)
{
  PPoolFailure *self = data;

  g_error_free (self->error);
}

void
ppool_failure_unref (PPoolFailure *self)
{
  g_atomic_rc_box_release_full (self, free_failure);
}

const GError *
ppool_failure_get_error (PPoolFailure *self)
{
  return self->error;
}
