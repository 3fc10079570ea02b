/* ppool-call-spec.c: what a call asks for
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-call-spec-private.h"

#include <string.h>

/* With the default of each option. */
PPoolCallSpec *
ppool_call_spec_new (const char *function)
{
  gsize name_size = strlen (function) + 1;
  PPoolCallSpec *self = g_atomic_rc_box_alloc0 (sizeof *self + name_size);

  memcpy (self->function, function, name_size);

  return self;
}

/* Likewise: (transfer full). Most calls of a thread are of the same function as the one before,
 * and share what they ask for. */
PPoolCallSpec *
ppool_call_spec_ref_plain (const char *function)
{
  static GPrivate last = G_PRIVATE_INIT ((GDestroyNotify) ppool_call_spec_unref);
  PPoolCallSpec *self = g_private_get (&last);

  if (self == NULL || strcmp (self->function, function) != 0)
    {
      self = ppool_call_spec_new (function);
      g_private_replace (&last, self);
    }

  return ppool_call_spec_ref (self);
}

/* For who changes the copy before anybody else has it. */
PPoolCallSpec *
ppool_call_spec_copy (PPoolCallSpec *self)
{
  PPoolCallSpec *copy = g_atomic_rc_box_dup (sizeof *self + strlen (self->function) + 1, self);

  if (self->result_type != NULL)
    copy->result_type = g_variant_type_copy (self->result_type);

  return copy;
}

PPoolCallSpec *
ppool_call_spec_ref (PPoolCallSpec *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_spec (gpointer data)
{
  PPoolCallSpec *self = data;

  g_clear_pointer (&self->result_type, g_variant_type_free);
}

void
ppool_call_spec_unref (PPoolCallSpec *self)
{
  g_atomic_rc_box_release_full (self, free_spec);
}
