/* ppool-batch.c: calls that arrived together
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-batch-private.h"

#include "ppool-value-private.h"

PPoolBatch *
ppool_batch_new (void)
{
  PPoolBatch *self = g_new0 (PPoolBatch, 1);

  self->options = PPOOL_CALL_OPTIONS_NONE;

  return self;
}

void
ppool_batch_free (gpointer data)
{
  PPoolBatch *self = data;

  g_clear_pointer (&self->frame, g_bytes_unref);
  g_clear_pointer (&self->args, g_variant_unref);
  g_free (self->function);
  g_free (self);
}

/* Whether a call that was not given out is in it. Frames are read by a copy of their
 * reader. */
gboolean
ppool_batch_has_call (const PPoolBatch *self,
                      guint64           id)
{
  PPoolFrameReader reader = self->reader;
  PPoolItem item;

  if (self->frame == NULL)
    return !self->is_begun && !self->call_id.initializes && self->call_id.id == id;

  while (ppool_frame_reader_next (&reader, &item, NULL))
    if (item.kind == PPOOL_ITEM_CALL && item.id == id)
      return TRUE;

  return FALSE;
}

/* Whether all of it was given out. */
gboolean
ppool_batch_is_exhausted (const PPoolBatch *self)
{
  if (self->frame != NULL)
    return self->reader.offset >= g_bytes_get_size (self->frame);

  return self->is_begun;
}

/* Makes the arguments of an initializer, which are in a segment of their own: the name,
 * which descriptor has them, where they are, their size and their type. The pool doesn't
 * write there any more. */
static GVariant *
read_segment (GVariant   *large,
              const int  *fds,
              guint       n_fds,
              GError    **error)
{
  g_autoptr (PPoolSegment) segment = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  const char *type;
  guint64 offset, size;
  gint32 handle;

  g_variant_get (large, "(&shtt&s)", NULL, &handle, &offset, &size, &type);
  if (handle < 0 || (guint) handle >= n_fds || offset % 8 != 0 || size > G_MAXUINT64 - offset ||
      !g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "the arguments of the initializer are not in a segment");
      return NULL;
    }

  segment = ppool_segment_new_from_fd (fds[handle], offset + size, error);
  if (segment == NULL)
    return NULL;

  bytes = g_bytes_new_with_free_func (ppool_segment_get_data (segment) + offset, (gsize) size,
                                      (GDestroyNotify) ppool_segment_unref,
                                      ppool_segment_ref (segment));
  value = ppool_value_new_checked (G_VARIANT_TYPE (type), bytes);
  if (value == NULL)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                         "the arguments of the initializer are not a valid value");

  return g_steal_pointer (&value);
}

/* Makes it the call of the initializer that Initialize names. Leaves the function NULL if
 * there is none to run. */
gboolean
ppool_batch_read_initializer (PPoolBatch  *self,
                              GVariant    *options,
                              gboolean     has_segments,
                              const int   *fds,
                              guint        n_fds,
                              GError     **error)
{
  g_autoptr (GVariant) large = NULL;

  if (has_segments)
    large = g_variant_lookup_value (options, "initializer-segment", G_VARIANT_TYPE ("(shtts)"));
  if (large != NULL)
    {
      g_variant_get_child (large, 0, "s", &self->function);
      self->args = read_segment (large, fds, n_fds, error);
      return self->args != NULL;
    }

  if (!g_variant_lookup (options, "initializer", "s", &self->function))
    return TRUE;

  self->args = g_variant_lookup_value (options, "initializer-args-bytes", NULL);
  self->packed = self->args != NULL;
  if (self->args == NULL)
    self->args = g_variant_lookup_value (options, "initializer-args", NULL);
  if (self->args == NULL)
    self->args = ppool_value_ref_unit ();

  return TRUE;
}
