/* frame-test.c: what is written can be read, and nothing else can
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-frame-private.h"
#include "ppool-value-private.h"

static GBytes *
finish (GByteArray *frame)
{
  return g_byte_array_free_to_bytes (frame);
}

static void
test_round_trip (void)
{
  static const char * const values[] = {
    "()", "true", "byte 0xff", "int16 -5", "int64 1", "1.5", "'text'", "objectpath '/a'",
    "@ay []", "b'bytes'", "@mi nothing", "just 'x'", "{'a': <1>}", "[(1, 'a'), (2, 'b')]",
    "<<<'deep'>>>", "@as []", "@a{sv} {}",
  };
  GByteArray *frame = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;
  PPoolFrameReader reader;
  PPoolItem item;
  GError *error = NULL;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      GVariant *value = g_variant_new_parsed (values[i]);

      g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_CALL + i % 3, i,
                                         &"a.long.name"[i % 11], value, &error));
      g_assert_no_error (error);
    }

  bytes = finish (frame);
  ppool_frame_reader_init (&reader, bytes);
  while (ppool_frame_reader_next (&reader, &item, &error))
    {
      g_autoptr (GVariant) expected = g_variant_ref_sink (g_variant_new_parsed (values[n]));
      g_autoptr (GVariant) value = ppool_frame_reader_load (&reader, &item, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (item.kind, ==, PPOOL_ITEM_CALL + n % 3);
      g_assert_cmpuint (item.id, ==, n);
      g_assert_cmpstr (item.name, ==, &"a.long.name"[n % 11]);
      g_assert_cmpvariant (value, expected);
      n++;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (values));
}

/* A large value is a part of the frame that it keeps, a small one a copy. */
static void
test_large (void)
{
  GByteArray *frame = g_byte_array_new ();
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  PPoolFrameReader reader;
  PPoolItem item;
  GError *error = NULL;

  g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_VALUE, 1, "", g_variant_new_string (text),
                                     &error));
  bytes = finish (frame);
  ppool_frame_reader_init (&reader, bytes);
  g_assert_true (ppool_frame_reader_next (&reader, &item, &error));
  value = ppool_frame_reader_load (&reader, &item, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_get_data (value) == (gconstpointer) item.data);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, text);
}

/* Reads all of a frame, whatever it is, and tells how many items it had. */
static int
read_all (const guint8 *data,
          gsize         size)
{
  /* In memory of just that size, so that a tool sees what is read beyond. */
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  PPoolFrameReader reader;
  PPoolItem item;
  GError *error = NULL;
  int n = 0;

  ppool_frame_reader_init (&reader, bytes);
  while (error == NULL && ppool_frame_reader_next (&reader, &item, &error))
    {
      g_autoptr (GVariant) value = ppool_frame_reader_load (&reader, &item, &error);

      g_assert_true ((value == NULL) == (error != NULL));
      n++;
    }

  if (error == NULL)
    return n;

  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  g_error_free (error);
  return -1;
}

static GByteArray *
make_frame (void)
{
  GByteArray *frame = g_byte_array_new ();

  g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_CALL, 1, "function",
                                     g_variant_new_parsed ("('a', [1, 2, 3], <'b'>)"), NULL));
  return frame;
}

static void
test_cut_off (void)
{
  g_autoptr (GByteArray) frame = make_frame ();

  g_assert_cmpint (read_all (frame->data, frame->len), ==, 1);
  g_assert_cmpint (read_all (frame->data, 0), ==, 0);
  for (guint i = 1; i < frame->len; i++)
    g_assert_cmpint (read_all (frame->data, i), ==, -1);
}

/* Each byte is changed in each bit: it is read or refused, and no more is read
 * than there is. */
static void
test_scribbled (void)
{
  g_autoptr (GByteArray) frame = make_frame ();

  for (guint i = 0; i < frame->len * 8; i++)
    {
      frame->data[i / 8] ^= (guint8) (1 << i % 8);
      read_all (frame->data, frame->len);
      frame->data[i / 8] ^= (guint8) (1 << i % 8);
    }
}

static void
assert_refused (guint  offset,
                guint8 byte)
{
  g_autoptr (GByteArray) frame = make_frame ();

  frame->data[offset] = byte;
  g_assert_cmpint (read_all (frame->data, frame->len), ==, -1);
}

static void
test_refused (void)
{
  assert_refused (3, 0x7f);    /* a size beyond the end */
  assert_refused (0, 20);      /* a size that leaves no room for the name */
  assert_refused (4, 0);       /* no kind */
  assert_refused (4, 99);      /* another kind */
  assert_refused (5, 0x80);    /* a flag */
  assert_refused (6, 3);       /* a name with more behind it */
  assert_refused (16, 0xff);   /* a name that is no text */
  assert_refused (17, 0);      /* a name with a zero in it */
}

/* What can't be appended leaves no trace. */
static void
test_too_large (void)
{
  g_autoptr (GByteArray) frame = make_frame ();
  g_autofree char *name = g_strnfill (70000, 'f');
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_tuple (NULL, 0));
  guint size = frame->len;
  GError *error = NULL;

  g_assert_false (ppool_frame_append (frame, PPOOL_ITEM_CALL, 2, name, value, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_assert_cmpuint (frame->len, ==, size);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/frame/round-trip", test_round_trip);
  g_test_add_func ("/frame/large", test_large);
  g_test_add_func ("/frame/cut-off", test_cut_off);
  g_test_add_func ("/frame/scribbled", test_scribbled);
  g_test_add_func ("/frame/refused", test_refused);
  g_test_add_func ("/frame/too-large", test_too_large);

  return g_test_run ();
}
