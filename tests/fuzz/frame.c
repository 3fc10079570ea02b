/* frame.c: what another process sends as a frame
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-frame-private.h"
#include "ppool-protocol-private.h"

/* What could be read is written again and read once more, and is the same. */
static void
check_item (const PPoolItem *item,
            GVariant        *value)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  PPoolFrameReader reader;
  PPoolItem other;

  if (!ppool_frame_append (frame, item->kind, item->id, item->name, value, NULL, &error))
    {
      /* What was read can be too deep to be sent on. */
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
      return;
    }

  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&frame));
  ppool_frame_reader_init (&reader, bytes);
  g_assert_true (ppool_frame_reader_next (&reader, &other, &error));
  g_assert_cmpuint (other.kind, ==, item->kind);
  g_assert_cmpuint (other.id, ==, item->id);
  g_assert_cmpstr (other.name, ==, item->name);
  again = ppool_frame_reader_load (&reader, &other, NULL, &error);
  g_assert_no_error (error);
  /* By their bytes: a number may be none. */
  g_assert_cmpstr (g_variant_get_type_string (again), ==, g_variant_get_type_string (value));
  g_assert_cmpmem (g_variant_get_data (again), g_variant_get_size (again),
                   g_variant_get_data (value), g_variant_get_size (value));
  g_assert_false (ppool_frame_reader_next (&reader, &other, &error));
  g_assert_no_error (error);
}

/* What could be understood of them can be said again. */
static void
check_options (GVariant *value)
{
  g_autoptr (GVariant) again = NULL;
  PPoolCallOptions options, other;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return;

  ppool_protocol_read_options (value, &options);
  again = ppool_protocol_pack_options (&options);
  if (again == NULL)
    return;

  g_variant_ref_sink (again);
  ppool_protocol_read_options (again, &other);
  g_assert_cmpint (options.timeout_msec, ==, other.timeout_msec);
  g_assert_cmpuint (options.attempt, ==, other.attempt);
}

static void
ignore_cb (gpointer owner G_GNUC_UNUSED)
{
}

static gpointer
ref_cb (gpointer owner)
{
  return owner;
}

/* Segment 1 is there, and holds texts and numbers. */
static PPoolBorrower *
make_borrower (void)
{
  static PPoolSegment *segment = NULL;
  static int fd = -1;
  static int owner;
  PPoolBorrower *borrower = ppool_borrower_new (ignore_cb, &owner, ref_cb, ignore_cb);
  GError *error = NULL;

  if (segment == NULL)
    {
      segment = ppool_segment_new (65536, &error);
      g_assert_no_error (error);
      fd = ppool_segment_steal_fd (segment);
      memcpy (ppool_segment_get_data (segment), "text\0more\0\5\12", 12);
      memset (ppool_segment_get_data (segment) + 32768, 7, 32768);
    }
  ppool_borrower_register (borrower, 1, 65536, fd, &error);
  g_assert_no_error (error);

  return borrower;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (PPoolBorrower) borrower = make_borrower ();
  g_autoptr (GError) error = NULL;
  PPoolFrameReader reader;
  PPoolItem item;

  ppool_frame_reader_init (&reader, bytes);
  while (error == NULL && ppool_frame_reader_next (&reader, &item, &error))
    {
      g_autoptr (GVariant) value = NULL;

      if (!ppool_item_is_note (item.kind))
        value = ppool_frame_reader_load (&reader, &item, borrower, &error);
      else if (item.kind == PPOOL_ITEM_FORGET)
        ppool_borrower_forget (borrower, PPOOL_ITEM_NUMBER (item.id), &error);

      if (value != NULL && item.kind == PPOOL_ITEM_OPTIONS)
        check_options (value);
      if (value != NULL)
        check_item (&item, value);
    }

  /* Either the frame or one value in it is nonsense. */
  g_assert_true (error == NULL || g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL) ||
                 g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS));

  return 0;
}
