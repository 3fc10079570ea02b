/* frame-test.c: what is written can be read, and nothing else can
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <string.h>
#include <unistd.h>

#include "lending.h"
#include "ppool-error.h"
#include "ppool-frame-private.h"
#include "ppool-protocol-private.h"
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
                                         &"a.long.name"[i % 11], value, NULL, &error));
      g_assert_no_error (error);
    }

  bytes = finish (frame);
  ppool_frame_reader_init (&reader, bytes);
  while (ppool_frame_reader_next (&reader, &item, &error))
    {
      g_autoptr (GVariant) expected = g_variant_ref_sink (g_variant_new_parsed (values[n]));
      g_autoptr (GVariant) value = ppool_frame_reader_load (&reader, &item, NULL, &error);

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
                                     NULL, &error));
  bytes = finish (frame);
  ppool_frame_reader_init (&reader, bytes);
  g_assert_true (ppool_frame_reader_next (&reader, &item, &error));
  value = ppool_frame_reader_load (&reader, &item, NULL, &error);
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
      g_autoptr (GVariant) value = ppool_frame_reader_load (&reader, &item, NULL, &error);

      g_assert_true ((value == NULL) == (error != NULL));
      n++;
    }

  if (error == NULL)
    return n;

  /* Either the frame or one value in it is nonsense. */
  g_assert_true (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL) ||
                 g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS));
  g_error_free (error);
  return -1;
}

static GByteArray *
make_frame (void)
{
  GByteArray *frame = g_byte_array_new ();

  g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_CALL, 1, "function",
                                     g_variant_new_parsed ("('a', [1, 2, 3], <'b'>)"), NULL, NULL));
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
test_invalid (void)
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

  g_assert_false (ppool_frame_append (frame, PPOOL_ITEM_CALL, 2, name, value, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_assert_cmpuint (frame->len, ==, size);
}

static void
register_all (Lending *lending)
{
  PPoolAnnouncement announcement;
  GError *error = NULL;

  while (ppool_lender_take_announcement (lending->lender, &announcement))
    {
      ppool_borrower_register (lending->borrower, announcement.number, announcement.size,
                               announcement.fd, &error);
      g_assert_no_error (error);
      close (announcement.fd);
      lending->n_announced++;
    }
}

/* What a frame says beside its values. */
static void
note (Lending         *lending,
      const PPoolItem *item)
{
  GError *error = NULL;

  g_assert_cmpuint (item->size, ==, 0);
  g_assert_cmpstr (item->name, ==, "");
  if (item->kind == PPOOL_ITEM_FORGET)
    {
      g_assert_cmpuint (PPOOL_ITEM_GENERATION (item->id), ==, 0);
      ppool_borrower_forget (lending->borrower, PPOOL_ITEM_NUMBER (item->id), &error);
      lending->n_forgotten++;
    }
  else
    {
      ppool_lender_take_back (lending->lender, PPOOL_ITEM_NUMBER (item->id),
                              PPOOL_ITEM_GENERATION (item->id), &error);
      lending->n_returned++;
    }
  g_assert_no_error (error);
}

/* Takes @frame over. Returns: (transfer full): the values in it. */
static GPtrArray *
receive (Lending    *lending,
         GByteArray *frame)
{
  g_autoptr (GBytes) bytes = finish (frame);
  GPtrArray *values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  GError *error = NULL;
  PPoolFrameReader reader;
  PPoolItem item;

  register_all (lending);
  ppool_frame_reader_init (&reader, bytes);
  while (ppool_frame_reader_next (&reader, &item, &error))
    if (item.kind >= PPOOL_ITEM_RELEASE)
      note (lending, &item);
    else
      g_ptr_array_add (values, ppool_frame_reader_load (&reader, &item, lending->borrower, &error));
  g_assert_no_error (error);

  return values;
}

/* Large values are lent, small ones are not; all arrive, and what is not needed any
 * more goes back. */
static void
test_lent (Lending       *lending,
           gconstpointer  user_data)
{
  static const gsize sizes[] = { 100, 40000, 1000, 500000, 0, 32768, 32767 };
  GByteArray *frame = g_byte_array_new ();
  g_autoptr (GPtrArray) values = NULL;
  g_autoptr (GPtrArray) nothing = NULL;
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GVariant) value = lending_make_value (sizes[i], (guint8) i);

      g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_VALUE, i, "", value, lending->lender,
                                         &error));
    }
  g_assert_cmpuint (frame->len, <, 40000);

  values = receive (lending, frame);
  g_assert_cmpuint (values->len, ==, G_N_ELEMENTS (sizes));
  g_assert_cmpuint (lending->n_announced, ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GVariant) value = lending_make_value (sizes[i], (guint8) i);

      g_assert_cmpvariant (values->pdata[i], value);
    }

  g_ptr_array_set_size (values, 0);
  frame = g_byte_array_new ();
  ppool_frame_append_returned (frame, lending->borrower);
  g_assert_cmpuint (frame->len, ==, 3 * 24);
  nothing = receive (lending, frame);
  g_assert_cmpuint (nothing->len, ==, 0);
  g_assert_cmpuint (lending->n_returned, ==, 3);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
}

/* A frame of values each of which has a segment that is forgotten at once. */
static void
test_forgotten (Lending       *lending,
                gconstpointer  user_data)
{
  const guint n = PPOOL_SEGMENT_MAX_KEPT + 5;
  GByteArray *frame = g_byte_array_new ();
  g_autoptr (GPtrArray) values = NULL;
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) value = lending_make_value (MIB, (guint8) i);

      g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_VALUE, i, "", value, lending->lender,
                                         &error));
    }
  values = receive (lending, frame);
  g_assert_cmpuint (values->len, ==, n);
  g_assert_cmpuint (lending->n_forgotten, ==, 5);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (((const guint8 *) g_variant_get_data (values->pdata[i]))[MIB - 1], ==, i);
  g_ptr_array_set_size (values, 0);
  lending_return (lending);
}

/* A value that can't travel leaves no trace, and lends nothing. */
static void
test_not_lent (Lending       *lending,
               gconstpointer  user_data)
{
  g_autofree char *text = g_strnfill (100000, 'x');
  GVariant *value = g_variant_new_string (text);
  g_autoptr (GByteArray) frame = make_frame ();
  guint size = frame->len;
  GError *error = NULL;

  for (guint i = 0; i < 127; i++)
    value = g_variant_new_variant (value);
  g_assert_false (ppool_frame_append (frame, PPOOL_ITEM_CALL, 1, "f", value, lending->lender,
                                      &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
  g_clear_error (&error);
  g_assert_cmpuint (frame->len, ==, size);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
}

/* What lies elsewhere is changed in each bit, and cut at each byte. */
static void
test_lent_invalid (Lending       *lending,
                   gconstpointer  user_data)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  g_autoptr (GVariant) value = lending_make_value (40000, 1);
  GError *error = NULL;

  g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_VALUE, 1, "", value, lending->lender,
                                     &error));
  register_all (lending);

  /* Without a borrower there is nothing that could be lent. */
  g_assert_cmpint (read_all (frame->data, frame->len), ==, -1);

  for (guint i = 0; i < frame->len * 8 + frame->len; i++)
    {
      g_autoptr (GByteArray) copy = g_byte_array_new ();
      g_autoptr (GVariant) arrived = NULL;
      g_autoptr (GBytes) bytes = NULL;
      PPoolFrameReader reader;
      PPoolItem item;

      g_byte_array_append (copy, frame->data, frame->len);
      if (i < frame->len * 8)
        copy->data[i / 8] ^= (guint8) (1 << i % 8);
      else
        {
          guint32 cut = i - frame->len * 8;

          g_byte_array_set_size (copy, MAX (cut, sizeof cut));
          memcpy (copy->data, &cut, sizeof cut);
        }
      bytes = g_bytes_new (copy->data, copy->len);
      ppool_frame_reader_init (&reader, bytes);
      if (ppool_frame_reader_next (&reader, &item, &error) && item.kind < PPOOL_ITEM_RELEASE)
        arrived = ppool_frame_reader_load (&reader, &item, lending->borrower, &error);
      if (error != NULL)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
      g_clear_error (&error);
    }
}

/* An item that is a note has nothing else. */
static void
test_notes_refused (void)
{
  static const struct
  {
    guint offset;
    guint8 byte;
    gboolean good;
  } cases[] = {
    { 4, PPOOL_ITEM_FORGET, TRUE }, { 8, 1, TRUE },   { 4, PPOOL_ITEM_OPTIONS + 1, FALSE },
    { 0, 23, FALSE },               { 0, 32, FALSE }, { 5, 1, FALSE },
    { 6, 1, FALSE },                { 16, 'x', FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint8 bytes[32] = { 24, 0, 0, 0, PPOOL_ITEM_RELEASE };
      gsize size = cases[i].offset == 0 && cases[i].byte == 32 ? 32 : 24;
      g_autoptr (GBytes) all = NULL;
      g_autoptr (GError) error = NULL;
      PPoolFrameReader reader;
      PPoolItem item;

      bytes[cases[i].offset] = cases[i].byte;
      all = g_bytes_new (bytes, size);
      ppool_frame_reader_init (&reader, all);
      g_assert_cmpint (ppool_frame_reader_next (&reader, &item, &error), ==, cases[i].good);
      if (!cases[i].good)
        g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
    }
}

static void
test_options (void)
{
  static const struct
  {
    const char *text;
    PPoolCallOptions options;
  } cases[] = {
    { "{'timeout-msec': <uint32 0>}", { 0, 1 } },
    { "{'timeout-msec': <uint32 1500>, 'attempt': <uint32 3>}", { 1500, 3 } },
    { "{'timeout-msec': <uint32 4294967295>}", { G_MAXUINT32, 1 } },
    { "{'attempt': <uint32 2>}", { -1, 2 } },
    { NULL, { -1, 1 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GVariant *packed = ppool_protocol_pack_options (&cases[i].options);
      GByteArray *frame = g_byte_array_new ();
      g_autoptr (GVariant) expected = NULL;
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GBytes) bytes = NULL;
      PPoolCallOptions options;
      PPoolFrameReader reader;
      PPoolItem item;
      GError *error = NULL;

      g_assert_true ((packed == NULL) == (cases[i].text == NULL));
      if (packed != NULL)
        g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_OPTIONS, i, "", packed, NULL, &error));
      bytes = finish (frame);
      ppool_frame_reader_init (&reader, bytes);
      if (packed == NULL)
        continue;

      g_assert_true (ppool_frame_reader_next (&reader, &item, &error));
      g_assert_cmpint (item.kind, ==, PPOOL_ITEM_OPTIONS);
      g_assert_cmpuint (item.id, ==, i);
      value = ppool_frame_reader_load (&reader, &item, NULL, &error);
      g_assert_no_error (error);
      expected = g_variant_ref_sink (g_variant_new_parsed (cases[i].text));
      g_assert_cmpvariant (value, expected);
      ppool_protocol_read_options (value, &options);
      g_assert_cmpint (options.timeout_msec, ==, cases[i].options.timeout_msec);
      g_assert_cmpuint (options.attempt, ==, cases[i].options.attempt);
    }
}

/* What is of another type, or unknown, is passed over. */
static void
test_options_unknown (void)
{
  g_autoptr (GVariant) dictionary = g_variant_ref_sink (g_variant_new_parsed (
    "{'timeout-msec': <'soon'>, 'attempt': <uint32 0>, 'colour': <'red'>}"));
  PPoolCallOptions options;

  ppool_protocol_read_options (dictionary, &options);
  g_assert_cmpint (options.timeout_msec, ==, -1);
  g_assert_cmpuint (options.attempt, ==, 1);
}

/* They have no name, and aren't lent. */
static void
test_options_refused (void)
{
  for (guint i = 0; i < 2; i++)
    {
      GByteArray *frame = g_byte_array_new ();
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GError) error = NULL;
      PPoolFrameReader reader;
      PPoolItem item;

      g_assert_true (ppool_frame_append (frame, PPOOL_ITEM_OPTIONS, 1, i == 0 ? "name" : "",
                                         g_variant_new_parsed ("@a{sv} {}"), NULL, NULL));
      if (i == 1)
        frame->data[5] = 1;
      bytes = finish (frame);
      ppool_frame_reader_init (&reader, bytes);
      g_assert_false (ppool_frame_reader_next (&reader, &item, &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/frame/round-trip", test_round_trip);
  g_test_add_func ("/frame/large", test_large);
  g_test_add_func ("/frame/cut-off", test_cut_off);
  g_test_add_func ("/frame/invalid", test_invalid);
  g_test_add_func ("/frame/refused", test_refused);
  g_test_add_func ("/frame/too-large", test_too_large);
  g_test_add_func ("/frame/notes-refused", test_notes_refused);
  g_test_add_func ("/frame/options", test_options);
  g_test_add_func ("/frame/options-unknown", test_options_unknown);
  g_test_add_func ("/frame/options-refused", test_options_refused);
  lending_add ("/frame/lent", test_lent);
  lending_add ("/frame/forgotten", test_forgotten);
  lending_add ("/frame/not-lent", test_not_lent);
  lending_add ("/frame/lent-invalid", test_lent_invalid);

  return g_test_run ();
}
