/* lender-test.c: values that are lent, read and given back
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lender-private.h"

#include <string.h>
#include <unistd.h>

#include "fewer.h"
#include "lending.h"
#include "ppool-error.h"

static void
assert_bytes (GVariant *value,
              gsize     size,
              guint8    byte)
{
  gsize n;
  const guint8 *data = g_variant_get_fixed_array (value, &n, 1);

  g_assert_cmpuint (n, ==, size);
  for (gsize i = 0; i < n; i += 509)
    g_assert_cmpuint (data[i], ==, byte);
}

static GVariant *
send_bytes (Lending *lending,
            gsize    size,
            guint8   byte)
{
  g_autoptr (GVariant) value = lending_make_value (size, byte);

  return lending_send (lending, value);
}

/* One value after the other has one segment, which both sides keep mapped. */
static void
test_reuse (Lending       *lending,
            gconstpointer  user_data)
{
  const guint8 *where = NULL;

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GVariant) value = send_bytes (lending, MIB - i * 4096, (guint8) i);
      const guint8 *data = g_variant_get_data (value);

      assert_bytes (value, MIB - i * 4096, (guint8) i);
      g_assert_true (where == NULL || where == data);
      where = data;
      g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, MIB - i * 4096);
      g_clear_pointer (&value, g_variant_unref);
      g_assert_cmpint (lending->n_woken, ==, (int) i + 1);
      lending_return (lending);
      g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
    }

  g_assert_cmpuint (lending->n_announced, ==, 1);
  g_assert_cmpuint (lending->n_forgotten, ==, 0);
  g_assert_cmpuint (lending_count_mappings (), ==, 2);
}

/* The smallest that is large enough; none that would be wasted. */
static void
test_best_fit (Lending       *lending,
               gconstpointer  user_data)
{
  GVariant *values[3];

  for (guint i = 0; i < 3; i++)
    values[i] = send_bytes (lending, (i + 1) * MIB, 1);
  for (guint i = 0; i < 3; i++)
    g_variant_unref (values[i]);
  lending_return (lending);
  g_assert_cmpuint (lending->n_announced, ==, 3);

  values[0] = send_bytes (lending, 3 * MIB / 2, 2);
  values[1] = send_bytes (lending, 3 * MIB / 2, 2);
  values[2] = send_bytes (lending, MIB / 2, 2);
  g_assert_cmpuint (lending->n_announced, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_variant_unref (values[i]);
  lending_return (lending);

  g_variant_unref (send_bytes (lending, MIB / 8, 2));
  g_assert_cmpuint (lending->n_announced, ==, 4);
}

static void
test_inline (Lending       *lending,
             gconstpointer  user_data)
{
  g_assert_null (send_bytes (lending, PPOOL_SEGMENT_THRESHOLD - 1, 1));
  g_assert_null (lending_send (lending, g_variant_new_string ("short")));
  g_assert_cmpuint (lending->n_announced, ==, 0);
}

static void
assert_arrives (Lending  *lending,
                GVariant *value,
                gboolean  in_place)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GVariant) arrived = lending_send (lending, held);

  g_test_message ("%s", g_variant_get_type_string (held));
  g_assert_cmpvariant (arrived, held);
  g_assert_true (g_variant_is_normal_form (arrived));
  if (!in_place)
    lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender) > 0, ==, in_place);
  g_clear_pointer (&arrived, g_variant_unref);
  lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
}

/* Types that are read where they are, and types that are copied and given back at
 * once; each arrives as it was sent. */
static void
test_types (Lending       *lending,
            gconstpointer  user_data)
{
  static const char * const in_place[] = { "ay", "an", "ai", "ad", "a(xx)", "a{tt}" };
  static const char * const copied[] = { "ab", "a(yi)", "a()" };
  static const char * const texts[] = { "%s", "[%s, 'b']", "(%s, b'x')", "[<%s>, <7>]", "just %s",
                                        "{%s: <1>}", "<<%s>>" };
  g_autofree char *text = g_strnfill (50000, 'x');
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (48000), 48000);

  for (guint i = 0; i < G_N_ELEMENTS (in_place); i++)
    assert_arrives (lending,
                    g_variant_new_from_bytes (G_VARIANT_TYPE (in_place[i]), zeros, FALSE), TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (copied); i++)
    assert_arrives (lending,
                    g_variant_new_from_bytes (G_VARIANT_TYPE (copied[i]), zeros, FALSE), FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_arrives (lending, g_variant_new_parsed (texts[i], text), FALSE);
}

/* An element or a part holds what the whole held. */
static void
test_children (Lending       *lending,
               gconstpointer  user_data)
{
  g_autofree gint64 *numbers = g_new (gint64, 20000);
  g_autoptr (GVariant) child = NULL;
  g_autoptr (GVariant) value = NULL;

  for (guint i = 0; i < 20000; i++)
    numbers[i] = i;
  value = lending_send (lending, g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, 20000,
                                                            sizeof *numbers));
  child = g_variant_get_child_value (value, 19999);
  g_clear_pointer (&value, g_variant_unref);
  g_assert_cmpint (lending->n_woken, ==, 0);
  g_assert_cmpint (g_variant_get_int64 (child), ==, 19999);
  g_clear_pointer (&child, g_variant_unref);
  g_assert_cmpint (lending->n_woken, ==, 1);
  lending_return (lending);
}

/* All of a segment can be lent but nothing of it used. */
static void
test_held (Lending       *lending,
           gconstpointer  user_data)
{
  g_autoptr (GPtrArray) values =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  const guint n = PPOOL_SEGMENT_MAX_KEPT + 10;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (values, send_bytes (lending, 2 * MIB, (guint8) i));
  g_assert_cmpuint (lending->n_announced, ==, n);
  g_assert_cmpuint (lending->n_forgotten, ==, 10);

  /* What is not worth a segment of its own travels inline then. */
  g_assert_null (send_bytes (lending, MIB / 2, 1));
  for (guint i = 0; i < n; i++)
    assert_bytes (values->pdata[i], 2 * MIB, (guint8) i);

  /* In any order. */
  for (guint i = n; i-- > 0;)
    if (i % 3 != 0)
      g_ptr_array_remove_index_fast (values, i);
  lending_return (lending);
  g_variant_unref (send_bytes (lending, 2 * MIB, 1));
  g_assert_cmpuint (lending->n_announced, ==, n);
  g_ptr_array_set_size (values, 0);
  lending_return (lending);
  g_assert_cmpuint (lending->n_returned, ==, n + 1);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
  g_assert_cmpuint (lending_count_mappings (), ==, 2 * PPOOL_SEGMENT_MAX_KEPT);
}

/* Room for the large is made by those that are idle. */
static void
test_bytes_bound (Lending       *lending,
                  gconstpointer  user_data)
{
  const gsize large = PPOOL_SEGMENT_MAX_BYTES / 4;
  /* Made first, as what is given back is kept for a time only. */
  g_autoptr (GVariant) filled = lending_make_value (2 * large, 7);
  g_autoptr (GVariant) larger = NULL;
  GVariant *values[4];

  for (guint i = 0; i < 4; i++)
    values[i] = send_bytes (lending, large, (guint8) i);
  g_assert_cmpuint (lending->n_forgotten, ==, 0);

  /* One more travels, but is not kept. */
  g_variant_unref (send_bytes (lending, large, 9));
  g_assert_cmpuint (lending->n_forgotten, ==, 1);

  for (guint i = 0; i < 4; i++)
    {
      assert_bytes (values[i], large, (guint8) i);
      g_variant_unref (values[i]);
    }
  lending_return (lending);
  larger = lending_send (lending, filled);
  g_assert_cmpuint (lending->n_forgotten, ==, 3);
  assert_bytes (larger, 2 * large, 7);
  g_clear_pointer (&larger, g_variant_unref);
  lending_return (lending);
}

static void
assert_not_lent (PPoolLender *lender,
                 guint32      number,
                 guint32      generation)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ppool_lender_take_back (lender, number, generation, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

/* Nothing can be given back that was not lent, or twice, however often. */
static void
test_wrongly_returned (Lending       *lending,
                       gconstpointer  user_data)
{
  g_autoptr (GVariant) value = lending_make_value (MIB, 1);
  GError *error = NULL;
  PPoolAnnouncement announcement;
  PPoolLoan loan;

  assert_not_lent (lending->lender, 0, 0);
  assert_not_lent (lending->lender, 1, 1);
  g_assert_true (ppool_lender_lend (lending->lender, value, &loan, &error));
  g_assert_true (ppool_lender_take_announcement (lending->lender, &announcement));
  close (announcement.fd);

  for (guint i = 0; i < fewer (10000); i++)
    {
      assert_not_lent (lending->lender, loan.number, loan.generation + 1 + i);
      assert_not_lent (lending->lender, loan.number + 1 + i, loan.generation);
    }
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, MIB);
  g_assert_true (ppool_lender_take_back (lending->lender, loan.number, loan.generation, &error));
  assert_not_lent (lending->lender, loan.number, loan.generation);

  /* The next loan of the same memory is another one. */
  g_assert_true (ppool_lender_lend (lending->lender, value, &loan, &error));
  g_assert_cmpuint (loan.generation, ==, 2);
  assert_not_lent (lending->lender, loan.number, 1);
  g_assert_no_error (error);
}

/* What is not used for a while goes. */
static void
test_trim (Lending       *lending,
           gconstpointer  user_data)
{
  g_autoptr (GVariant) held = NULL;
  gint64 now = g_get_monotonic_time ();
  gint64 next;

  g_assert_cmpint (ppool_lender_trim (lending->lender, now), ==, -1);
  held = send_bytes (lending, MIB, 1);
  g_assert_cmpint (ppool_lender_trim (lending->lender, now), ==, -1);
  g_variant_unref (send_bytes (lending, MIB, 2));
  lending_return (lending);

  next = ppool_lender_trim (lending->lender, now);
  g_assert_cmpint (next, >=, now + PPOOL_SEGMENT_IDLE_USEC);
  g_assert_cmpint (ppool_lender_trim (lending->lender, next - 1), ==, next);
  lending_tell_forgotten (lending);
  g_assert_cmpuint (lending->n_forgotten, ==, 0);
  g_assert_cmpuint (lending_count_mappings (), ==, 4);

  g_assert_cmpint (ppool_lender_trim (lending->lender, next), ==, -1);
  lending_tell_forgotten (lending);
  g_assert_cmpuint (lending->n_forgotten, ==, 1);
  g_assert_cmpuint (lending_count_mappings (), ==, 2);
  assert_bytes (held, MIB, 1);
}

/* Values outlive the connection; nothing is given back to it then. */
static void
test_closed (Lending       *lending,
             gconstpointer  user_data)
{
  g_autoptr (GVariant) first = send_bytes (lending, MIB, 1);
  g_autoptr (GVariant) second = send_bytes (lending, MIB, 2);
  g_autoptr (GVariant) third = send_bytes (lending, MIB, 3);
  g_autoptr (GVariant) late = lending_make_value (MIB, 4);
  g_autoptr (GError) error = NULL;
  guint32 number, generation;
  PPoolLoan loan;

  g_clear_pointer (&third, g_variant_unref);
  g_assert_cmpint (lending->n_woken, ==, 1);

  ppool_lender_close (lending->lender);
  ppool_lender_close (lending->lender);
  ppool_borrower_close (lending->borrower);
  g_assert_false (ppool_borrower_give_back (lending->borrower, &number, &generation));

  g_assert_cmpuint (lending_count_mappings (), ==, 2);
  assert_bytes (first, MIB, 1);
  g_clear_pointer (&first, g_variant_unref);
  g_assert_cmpuint (lending_count_mappings (), ==, 1);
  g_assert_cmpint (lending->n_woken, ==, 1);
  g_assert_false (ppool_borrower_give_back (lending->borrower, &number, &generation));
  assert_bytes (second, MIB, 2);

  /* What comes late is no protocol error. */
  g_assert_true (ppool_lender_take_back (lending->lender, 1, 1, &error));
  g_assert_true (ppool_borrower_forget (lending->borrower, 1, &error));
  g_assert_no_error (error);
  g_assert_false (ppool_lender_lend (lending->lender, late, &loan, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_cmpint (ppool_lender_trim (lending->lender, G_MAXINT64), ==, -1);
}

/* Announcements that nobody took are no leak, see the fixture. */
static void
test_unsent (Lending       *lending,
             gconstpointer  user_data)
{
  g_autoptr (GVariant) value = lending_make_value (MIB, 1);
  GError *error = NULL;
  PPoolLoan loan;

  for (guint i = 0; i < 40; i++)
    g_assert_true (ppool_lender_lend (lending->lender, value, &loan, &error));
  g_assert_no_error (error);
}

#define N_THREADS 4
#define MAX_ROUNDS 400

static gpointer
drop_values (gpointer data)
{
  GAsyncQueue *queue = data;
  GVariant *value;

  while (g_variant_n_children (value = g_async_queue_pop (queue)) > 0)
    {
      const guint8 *bytes = g_variant_get_data (value);

      g_assert_cmpuint (bytes[0], ==, bytes[g_variant_get_size (value) - 1]);
      g_variant_unref (value);
    }
  g_variant_unref (value);

  return NULL;
}

/* Values go on any thread, while others are lent. */
static void
test_threads (Lending       *lending,
              gconstpointer  user_data)
{
  g_autoptr (GAsyncQueue) queue = g_async_queue_new ();
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("drop", drop_values, queue);
  for (guint i = 0; i < fewer (MAX_ROUNDS); i++)
    {
      GVariant *value = send_bytes (lending, 40000 + i * 1000, (guint8) i);

      if (value != NULL)
        g_async_queue_push (queue, value);
      lending_return (lending);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_async_queue_push (queue, g_variant_ref_sink (g_variant_new_fixed_array (
                                 G_VARIANT_TYPE_BYTE, "", 0, 1)));
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
  g_assert_cmpuint (lending->n_announced, <=, PPOOL_SEGMENT_MAX_KEPT + lending->n_forgotten);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  lending_add ("/lender/reuse", test_reuse);
  lending_add ("/lender/best-fit", test_best_fit);
  lending_add ("/lender/inline", test_inline);
  lending_add ("/lender/types", test_types);
  lending_add ("/lender/children", test_children);
  lending_add ("/lender/held", test_held);
  lending_add ("/lender/bytes-bound", test_bytes_bound);
  lending_add ("/lender/wrongly-returned", test_wrongly_returned);
  lending_add ("/lender/trim", test_trim);
  lending_add ("/lender/closed", test_closed);
  lending_add ("/lender/unsent", test_unsent);
  lending_add ("/lender/threads", test_threads);

  return g_test_run ();
}
