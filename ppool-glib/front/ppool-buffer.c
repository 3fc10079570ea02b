/* ppool-buffer.c: memory to be filled and sent without a copy
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-buffer.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-memory-private.h"
#include "ppool-value-private.h"

/**
 * PPoolBuffer:
 *
 * Memory that a program fills in place and sends without a copy.
 *
 * Large values travel in memory that a program shares with its workers. An
 * ordinary [struct@GLib.Variant] is copied into it; the contents of a buffer
 * are there already. Use buffers for arguments or results of some hundred
 * kilobytes and more that a program computes, reads or decodes:
 *
 * 1. create a buffer with [ctor@PPool.Buffer.new],
 * 2. fill the memory returned by [method@PPool.Buffer.get_data], or use
 *    [method@PPool.Buffer.write],
 * 3. turn it into a value with [method@PPool.Buffer.to_variant], and submit
 *    that as the arguments of a call, or return it as the result of a function.
 *
 * ```c
 * g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (n * sizeof (double), &error);
 * double *samples = (double *) ppool_buffer_get_data (buffer, NULL);
 *
 * fill_samples (samples, n);
 * return ppool_buffer_to_variant (buffer, G_VARIANT_TYPE ("ad"), &error);
 * ```
 *
 * The value is an ordinary variant: it can be read, kept and sent to several
 * workers. As a part of a larger value, it is copied. It keeps the memory alive
 * after the buffer was dropped. When both have been dropped, and no worker
 * reads the memory any more, it is reused for another buffer of about that
 * size, which is cheaper than new memory.
 *
 * **After [method@PPool.Buffer.to_variant], the memory must not be written
 * to.** Other processes may read it at any time.
 *
 * A buffer of 32 KiB or more uses a file descriptor as long as the buffer or a
 * value of it exists. If none is left, ordinary memory is used instead, and
 * copied when it is sent.
 *
 * This class is final.
 *
 * **Threads**: a buffer may be used from any thread, but only by one thread at
 * a time until it was turned into a value.
 *
 * Since: 1.0
 */

struct _PPoolBuffer
{
  GObject parent_instance;

  PPoolMemory *memory; /* (owned) (nullable): NULL is empty */
  int is_value;        /* atomic */
};

G_DEFINE_FINAL_TYPE (PPoolBuffer, ppool_buffer, G_TYPE_OBJECT)

static void
ppool_buffer_finalize (GObject *object)
{
  PPoolBuffer *self = PPOOL_BUFFER (object);

  g_clear_pointer (&self->memory, ppool_memory_unref);

  G_OBJECT_CLASS (ppool_buffer_parent_class)->finalize (object);
}

static void
ppool_buffer_class_init (PPoolBufferClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ppool_buffer_finalize;
}

static void
ppool_buffer_init (PPoolBuffer *self G_GNUC_UNUSED)
{
}

/**
 * ppool_buffer_new:
 * @size: the size in bytes; may be 0
 * @error: return location for an error
 *
 * Creates a buffer.
 *
 * Its initial contents are not specified: they may be those of an earlier
 * buffer.
 *
 * It fails with `PPOOL_ERROR_SYSTEM_LIMIT` if not enough memory is available.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new buffer
 *
 * Since: 1.0
 */
PPoolBuffer *
ppool_buffer_new (gsize    size,
                  GError **error)
{
  PPoolMemory *memory;
  PPoolBuffer *self;

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  memory = ppool_memory_new (size, error);
  if (memory == NULL)
    return NULL;

  self = g_object_new (PPOOL_TYPE_BUFFER, NULL);
  self->memory = memory;

  return self;
}

/**
 * ppool_buffer_new_from_bytes:
 * @bytes: the contents
 * @error: return location for an error
 *
 * Creates a buffer with a copy of some bytes.
 *
 * This is for languages that can't write to the memory returned by
 * [method@PPool.Buffer.get_data]. In C it has no advantage over a
 * [struct@GLib.Variant] of the bytes, which is copied as often.
 *
 * It fails with `PPOOL_ERROR_SYSTEM_LIMIT` if not enough memory is available.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new buffer
 *
 * Since: 1.0
 */
PPoolBuffer *
ppool_buffer_new_from_bytes (GBytes  *bytes,
                             GError **error)
{
  PPoolBuffer *self;

  g_return_val_if_fail (bytes != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = ppool_buffer_new (g_bytes_get_size (bytes), error);
  if (self != NULL)
    ppool_buffer_write (self, 0, bytes, NULL);

  return self;
}

/**
 * ppool_buffer_get_data:
 * @self: a buffer
 * @size: (out) (optional): the size in bytes
 *
 * Gets the memory of the buffer.
 *
 * It is aligned for any type of number. It may be written to until
 * [method@PPool.Buffer.to_variant] is called, and read as long as the buffer or
 * a value of it exists. In languages in which this returns a copy, fill the
 * buffer with [method@PPool.Buffer.write].
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (array length=size) (element-type guint8): the memory
 *
 * Since: 1.0
 */
guint8 *
ppool_buffer_get_data (PPoolBuffer *self,
                       gsize       *size)
{
  static guint8 nothing[1];

  g_return_val_if_fail (PPOOL_IS_BUFFER (self), NULL);

  if (size != NULL)
    *size = ppool_buffer_get_size (self);

  return self->memory != NULL ? ppool_memory_get_data (self->memory) : nothing;
}

/**
 * ppool_buffer_get_size:
 * @self: a buffer
 *
 * Gets the size of the buffer.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the size in bytes
 *
 * Since: 1.0
 */
gsize
ppool_buffer_get_size (PPoolBuffer *self)
{
  g_return_val_if_fail (PPOOL_IS_BUFFER (self), 0);

  return self->memory != NULL ? ppool_memory_get_size (self->memory) : 0;
}

/**
 * ppool_buffer_write:
 * @self: a buffer
 * @offset: the offset from the beginning of the buffer, in bytes
 * @bytes: the bytes to write
 * @error: return location for an error
 *
 * Copies some bytes into the buffer.
 *
 * It fails with `PPOOL_ERROR_INVALID_ARGS` if they don't fit, or if
 * [method@PPool.Buffer.to_variant] was called already.
 *
 * **Threads**: may be called from any thread, but not while another thread uses
 * @self.
 *
 * Returns: `TRUE`, or `FALSE` with @error set
 *
 * Since: 1.0
 */
gboolean
ppool_buffer_write (PPoolBuffer  *self,
                    gsize         offset,
                    GBytes       *bytes,
                    GError      **error)
{
  gsize length;
  gconstpointer data;
  gsize size;

  g_return_val_if_fail (PPOOL_IS_BUFFER (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);
  size = ppool_buffer_get_size (self);

  if (g_atomic_int_get (&self->is_value))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                           "A buffer can't be written to after it was turned into a value");
      return FALSE;
    }

  if (offset > size || length > size - offset)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                   "%" G_GSIZE_FORMAT " bytes don't fit at %" G_GSIZE_FORMAT " of a buffer of "
                   "%" G_GSIZE_FORMAT,
                   length, offset, size);
      return FALSE;
    }

  if (length > 0)
    memcpy (ppool_memory_get_data (self->memory) + offset, data, length);

  return TRUE;
}

/**
 * ppool_buffer_to_variant:
 * @self: a buffer
 * @type: (nullable): an array of elements of a fixed size, such as `ad` or
 *   `a(xx)`, or `NULL` for `ay`
 * @error: return location for an error
 *
 * Creates a value from the contents of the buffer, whose memory must not be
 * written to afterwards.
 *
 * The value uses the buffer's memory and keeps it alive. The method can be
 * called several times. Arrays of booleans, or of tuples with padding, are
 * copied nevertheless when they are sent, because not all bytes form a valid
 * value.
 *
 * It fails with `PPOOL_ERROR_INVALID_ARGS` if @type is not supported, or if the
 * size is not a multiple of the size of an element.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): the value, which is not floating
 *
 * Since: 1.0
 */
GVariant *
ppool_buffer_to_variant (PPoolBuffer         *self,
                         const GVariantType  *type,
                         GError             **error)
{
  g_autoptr (GBytes) bytes = NULL;
  gboolean any_bytes = FALSE;
  gsize element_size;
  gsize size;

  g_return_val_if_fail (PPOOL_IS_BUFFER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (type == NULL)
    type = G_VARIANT_TYPE_BYTESTRING;
  element_size = ppool_value_get_element_size (type, &any_bytes);
  size = ppool_buffer_get_size (self);

  if (element_size == 0 || size % element_size != 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                   "A buffer of %" G_GSIZE_FORMAT " bytes can't be a value of type “%.*s”",
                   size, (int) g_variant_type_get_string_length (type),
                   g_variant_type_peek_string (type));
      return NULL;
    }

  if (size == 0)
    bytes = g_bytes_new_static ("", 0);
  else
    bytes = g_bytes_new_with_free_func (ppool_memory_get_data (self->memory), size,
                                        (GDestroyNotify) ppool_memory_unref,
                                        ppool_memory_ref (self->memory));

  g_atomic_int_set (&self->is_value, TRUE);
  if (size > 0)
    ppool_memory_publish (self->memory);

  return g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, any_bytes));
}
