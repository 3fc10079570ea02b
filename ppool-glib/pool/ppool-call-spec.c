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
  self->timeout_msec = -1;
  self->queue_timeout_msec = -1;

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

/* The same options for another function. */
PPoolCallSpec *
ppool_call_spec_copy_options (PPoolCallSpec *self,
                              const char    *function)
{
  PPoolCallSpec *copy = ppool_call_spec_new (function);

  copy->result_type = self->result_type != NULL ? g_variant_type_copy (self->result_type) : NULL;
  copy->timeout_msec = self->timeout_msec;
  copy->queue_timeout_msec = self->queue_timeout_msec;
  copy->max_retries = self->max_retries;
  copy->label = g_strdup (self->label);

  return copy;
}

/* What a call is called in messages: (transfer full). */
char *
ppool_call_spec_dup_name (PPoolCallSpec *self)
{
  return self->label != NULL ? g_strdup_printf ("“%s” (%s)", self->function, self->label) :
                               g_strdup_printf ("“%s”", self->function);
}

/* For who changes the copy before anybody else has it. */
PPoolCallSpec *
ppool_call_spec_copy (PPoolCallSpec *self)
{
  return ppool_call_spec_copy_options (self, self->function);
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
  g_free (self->label);
}

void
ppool_call_spec_unref (PPoolCallSpec *self)
{
  g_atomic_rc_box_release_full (self, free_spec);
}
