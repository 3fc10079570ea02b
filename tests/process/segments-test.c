/* segments-test.c: large values, which travel in shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"
#include "mapping.h"
#include "memory.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define KIB ((gsize) 1024)
#define MIB ((gsize) 1024 * 1024)

/* From here values are lent. */
#define THRESHOLD (32 * KIB)

/* Segments are idle for so long before they go. */
#define IDLE_SECONDS 5

#define N_THREADS 4

static GVariant *
make_bytes (gsize  size,
            guint8 first)
{
  guint8 *data = g_malloc (MAX (size, 1));

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (first + i % 251);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
}

static void
assert_bytes (GVariant *value,
              gsize     size,
              guint8    first)
{
  const guint8 *data = g_variant_get_data (value);

  g_assert_cmpstr (g_variant_get_type_string (value), ==, "ay");
  g_assert_cmpuint (g_variant_get_size (value), ==, size);
  for (gsize i = 0; i < size; i++)
    if (data[i] != (guint8) (first + i % 251))
      g_error ("Byte %" G_GSIZE_FORMAT " is %u", i, data[i]);
}

static PPoolFuture *
submit_fill (PPoolExecutor *executor,
             gsize          size,
             guint8         byte)
{
  return harness_submit (executor, "fill", g_variant_new ("(ty)", (guint64) size, byte));
}

static void
assert_filled (GVariant *value,
               gsize     size,
               guint8    byte)
{
  const guint8 *data = g_variant_get_data (value);

  g_assert_cmpuint (g_variant_get_size (value), ==, size);
  g_assert_true (data[0] == byte && memcmp (data, data + 1, size - 1) == 0);
}

/* How many lines of a file of this process name a segment. */
static guint
count_lines (const char *path)
{
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (const char *p = text; (p = strstr (p, "memfd:ppool-segment")) != NULL; p++)
    n++;

  return n;
}

static guint
count_mappings (void)
{
  return count_lines ("/proc/self/maps");
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      n += target != NULL && strstr (target, "memfd:ppool-segment") != NULL;
    }

  return n;
}

static guint
count_in_worker (PPoolExecutor *executor)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "count-segments", NULL);
  g_autoptr (GVariant) value = harness_result (future);

  return g_variant_get_uint32 (value);
}

/* What a test has let go of, and the other side has too. */
static void
assert_none (void)
{
  g_assert_cmpuint (count_mappings (), ==, 0);
  g_assert_cmpuint (count_descriptors (), ==, 0);
}

static gboolean
has_none (gpointer user_data)
{
  return count_mappings () == 0;
}

static void
assert_echo (PPoolExecutor *executor,
             GVariant      *value)
{
  g_autoptr (GVariant) sent = g_variant_ref_sink (value);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", sent);
  g_autoptr (GVariant) got = harness_result (future);
  g_autoptr (GBytes) sent_bytes = g_variant_get_data_as_bytes (sent);
  g_autoptr (GBytes) got_bytes = g_variant_get_data_as_bytes (got);

  g_assert_cmpstr (g_variant_get_type_string (got), ==, g_variant_get_type_string (sent));
  g_assert_true (g_bytes_equal (sent_bytes, got_bytes));
}

static void
test_sizes (Harness *harness)
{
  static const gsize sizes[] = {
    0, 1, 7, 1000, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, 65535, 65536, 65537, 1000003, 8 * MIB,
  };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
      assert_echo (executor, make_bytes (sizes[i], (guint8) i));
  harness_shut_down (executor);
  assert_none ();
}

/* The last one is larger than any message can be. */
static void
test_huge (Harness *harness)
{
  static const gsize sizes[] = { 64 * MIB - 64 * KIB - 4, 64 * MIB, 65 * MIB + 1, 256 * MIB };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", make_bytes (sizes[i], 3));
      g_autoptr (GVariant) value = harness_result (future);

      assert_bytes (value, sizes[i], 3);
    }
  harness_shut_down (executor);
  assert_none ();
}

static GVariant *
make_strings (guint n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < n; i++)
    g_variant_builder_add (&builder, "s", i % 3 == 0 ? "" : "some text");

  return g_variant_builder_end (&builder);
}

static GVariant *
make_dictionary (guint n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("key %u", i);

      g_variant_builder_add (&builder, "{sv}", key, g_variant_new_uint32 (i));
    }

  return g_variant_builder_end (&builder);
}

/* Gaps between numbers have to be zeros. */
static GVariant *
make_array (const char *type,
            gsize       size)
{
  gpointer data = g_malloc0 (size);

  if (strchr (type, 'y') == NULL)
    memset (data, 1, size);
  return g_variant_new_from_data (G_VARIANT_TYPE (type), data, size, TRUE, g_free, data);
}

static void
test_types (Harness *harness)
{
  static const char * const types[] = { "ad", "ai", "an", "ab", "at", "a(tt)", "a(xy)", "a{ty}" };
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      GVariant *values = make_array (types[i], 96 * KIB);

      assert_echo (executor, values);
    }
  assert_echo (executor, make_strings (10000));
  assert_echo (executor, make_dictionary (5000));
  assert_echo (executor, g_variant_new ("(s@ayb)", "name", make_bytes (MIB, 1), TRUE));
  assert_echo (executor, g_variant_new_variant (make_bytes (MIB, 1)));
  assert_echo (executor, g_variant_new_maybe (NULL, make_bytes (MIB, 1)));
  harness_shut_down (executor);
  assert_none ();
}

/* Large calls and small ones in one burst; answers to each. */
static void
test_mixed (Harness *harness)
{
  enum { N = 300 };
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  PPoolFuture *futures[N];

  for (guint i = 0; i < N; i++)
    futures[i] = harness_submit (executor, "echo", make_bytes (i % 7 * 20 * KIB, (guint8) i));
  for (guint i = 0; i < N; i++)
    {
      g_autoptr (GVariant) value = harness_result (futures[i]);

      assert_bytes (value, i % 7 * 20 * KIB, (guint8) i);
      g_object_unref (futures[i]);
    }
  harness_shut_down (executor);
  assert_none ();
}

/* An inline result that comes between lent ones, in every combination of ways. */
static void
test_both_ways (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (PPoolFuture) there =
        harness_submit (executor, "last-byte", make_bytes (251 * 400, (guint8) i));
      g_autoptr (PPoolFuture) back = submit_fill (executor, 100 * KIB + i, (guint8) i);
      g_autoptr (GVariant) last = harness_result (there);
      g_autoptr (GVariant) filled = harness_result (back);

      g_assert_cmpuint (g_variant_get_byte (last), ==, (guint8) (i + 250));
      assert_filled (filled, 100 * KIB + i, (guint8) i);
    }
}

/* More results than a worker lends of at once are held, and dropped from several
 * threads in an order that is none. */

typedef struct
{
  GPtrArray *values; /* (unowned) (element-type GVariant) */
  int next;          /* atomic */
} Heap;

static gpointer
drop_values (gpointer data)
{
  Heap *heap = data;
  guint i;

  while ((i = (guint) g_atomic_int_add (&heap->next, 1)) < heap->values->len)
    {
      guint place = i * 37 % heap->values->len;

      g_variant_unref (g_steal_pointer (&heap->values->pdata[place]));
    }

  return NULL;
}

static void
drop_in_threads (GPtrArray *values)
{
  Heap heap = { .values = values };
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("dropper", drop_values, &heap);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_ptr_array_set_size (values, 0);
}

static void
hold_many (PPoolExecutor *executor,
           GPtrArray     *values,
           guint          n)
{
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (futures, harness_submit (executor, "echo", make_bytes (50 * KIB, (guint8) i)));
  for (guint i = 0; i < n; i++)
    {
      g_ptr_array_add (values, harness_result (futures->pdata[i]));
      assert_bytes (values->pdata[i], 50 * KIB, (guint8) i);
    }
}

static void
test_dropped_in_threads (Harness *harness)
{
  const guint n = 101;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();

  for (guint round = 0; round < 3; round++)
    {
      hold_many (executor, values, n);
      for (guint i = 0; i < n; i++)
        assert_bytes (values->pdata[i], 50 * KIB, (guint8) i);
      drop_in_threads (values);
    }
  harness_assert_works (executor);
  harness_shut_down (executor);
  assert_none ();
}

/* The value outlives all that it came through. */
static void
test_held_after_end (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();

  hold_many (executor, values, 70);
  harness_shut_down (executor);
  g_clear_object (&executor);
  g_assert_cmpuint (count_mappings (), >, 0);
  for (guint i = 0; i < values->len; i++)
    assert_bytes (values->pdata[i], 50 * KIB, (guint8) i);

  drop_in_threads (values);
  assert_none ();
}

static void
test_held_after_death (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint pid = harness_worker_pid (executor);
  g_autoptr (PPoolFuture) future = submit_fill (executor, MIB, 'k');
  g_autoptr (GVariant) value = harness_result (future);
  g_autoptr (PPoolFuture) victim = harness_submit (executor, "spin", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (kill ((pid_t) pid, SIGKILL), ==, 0);
  error = harness_failure (victim);
  g_assert_nonnull (error);
  assert_filled (value, MIB, 'k');
  harness_shut_down (executor);
  g_clear_object (&future);
  g_clear_object (&executor);

  assert_filled (value, MIB, 'k');
  g_clear_pointer (&value, g_variant_unref);
  assert_none ();
}

/* A part of a result is enough to hold it. */
static void
test_held_by_part (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "echo", make_array ("a(tt)", MIB));
  g_autoptr (GVariant) value = harness_result (future);
  g_autoptr (GVariant) part = g_variant_get_child_value (value, 1000);
  guint64 first;
  guint64 second;

  g_clear_pointer (&value, g_variant_unref);
  g_clear_object (&future);
  for (guint i = 0; i < 10; i++)
    assert_echo (executor, make_bytes (MIB, 7));
  g_variant_get (part, "(tt)", &first, &second);
  g_assert_cmpuint (first, ==, 0x0101010101010101);
  g_assert_cmpuint (second, ==, first);
}

/* Buffers */

static GVariant *
make_filled (gsize  size,
             guint8 byte)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (size, &error);
  GVariant *value;

  g_assert_no_error (error);
  memset (ppool_buffer_get_data (buffer, NULL), byte, size);
  value = ppool_buffer_to_variant (buffer, G_VARIANT_TYPE_BYTESTRING, &error);
  g_assert_no_error (error);

  return value;
}

static void
test_buffer (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  guint n_mappings = 0;

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GVariant) args = make_filled (MIB, (guint8) i);
      g_autoptr (PPoolFuture) there = harness_submit (executor, "last-byte", args);
      g_autoptr (PPoolFuture) back = submit_fill (executor, MIB, (guint8) i);
      g_autoptr (GVariant) last = harness_result (there);
      g_autoptr (GVariant) filled = harness_result (back);

      g_assert_cmpuint (g_variant_get_byte (last), ==, i);
      assert_filled (filled, MIB, (guint8) i);
      n_mappings = MAX (n_mappings, count_mappings ());
    }

  /* What is given back is filled again. */
  g_test_message ("%u mappings", n_mappings);
  g_assert_cmpuint (n_mappings, <=, 12);
  harness_shut_down (executor);
  assert_none ();
}

/* One value, by several workers at once and again. */
static void
test_buffer_shared (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (GVariant) args = make_filled (2 * MIB, 's');
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < 20; i++)
    g_ptr_array_add (futures, harness_submit (executor, i % 2 == 0 ? "last-byte" : "echo", args));
  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr (GVariant) value = harness_result (futures->pdata[i]);

      if (i % 2 == 0)
        g_assert_cmpuint (g_variant_get_byte (value), ==, 's');
      else
        assert_filled (value, 2 * MIB, 's');
    }
  assert_filled (args, 2 * MIB, 's');
  g_clear_pointer (&args, g_variant_unref);
  g_clear_pointer (&futures, g_ptr_array_unref);
  harness_shut_down (executor);
  assert_none ();
}

/* Many calls */

typedef struct
{
  guint n_mappings;
  guint n_descriptors;
} Most;

static void
call_many (PPoolExecutor *executor,
           guint          n,
           gsize          size,
           Most          *most)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "echo", make_bytes (size, (guint8) i));
      g_autoptr (GVariant) value = harness_result (future);

      assert_bytes (value, size, (guint8) i);
      most->n_mappings = MAX (most->n_mappings, count_mappings ());
      most->n_descriptors = MAX (most->n_descriptors, count_descriptors ());
    }
}

/* Segments are used again at both sides. */
static void
test_reuse (Harness *harness)
{
  const guint n = g_test_slow () ? 20000 : 200;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  Memory before;
  Most most = { 0 };

  call_many (executor, 20, 200 * KIB, &most);
  before = memory_measure ();
  call_many (executor, n, 200 * KIB, &most);
  g_test_message ("%u mappings, %u descriptors", most.n_mappings, most.n_descriptors);
  memory_assert_flat (&before, 256 * KIB, 8 * MIB);
  g_assert_cmpuint (most.n_mappings, <=, 12);
  g_assert_cmpuint (most.n_descriptors, <=, 2);
  g_assert_cmpuint (count_in_worker (executor), <=, 12);

  harness_shut_down (executor);
  assert_none ();
}

/* Arguments of a call that was taken back are given back, too. */
static void
test_taken_back (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  Most most = { 0 };

  call_many (executor, 20, 40 * KIB, &most);
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

      for (guint k = 0; k < 8; k++)
        g_ptr_array_add (futures, harness_submit (executor, "echo", make_bytes (40 * KIB, 1)));
      for (guint k = 1; k < 8; k += 2)
        ppool_future_cancel (futures->pdata[k]);
      for (guint k = 0; k < 8; k += 2)
        {
          g_autoptr (GVariant) value = harness_result (futures->pdata[k]);

          assert_bytes (value, 40 * KIB, 1);
        }
    }
  call_many (executor, 20, 40 * KIB, &most);
  g_test_message ("%u mappings", most.n_mappings);
  g_assert_cmpuint (most.n_mappings, <=, 28);
  harness_shut_down (executor);
  assert_none ();
}

/* Each worker has its own, and takes them along. */
static void
test_recycled (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (harness_launcher (), 2);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();

  ppool_executor_set_max_tasks_per_worker (executor, 5);
  for (guint round = 0; round < 3; round++)
    {
      hold_many (executor, values, 20);
      drop_in_threads (values);
    }
  harness_shut_down (executor);
  assert_none ();
}

static GVariant *
make_inputs (guint n,
             gsize size)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aay"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add_value (&builder, make_bytes (size, (guint8) i));

  return g_variant_builder_end (&builder);
}

static void
test_map (Harness *harness)
{
  const guint n = 64;
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  g_autoptr (PPoolMap) map = mapping_new (executor, "echo", make_inputs (n, 300 * KIB));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) value = mapping_next (map);

      assert_bytes (value, 300 * KIB, (guint8) i);
    }
  mapping_assert_end (map);
  g_clear_object (&map);
  harness_shut_down (executor);
  assert_none ();
}

/* A worker that knows frames, but has no way to get segments. */
static void
test_without (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
    harness_executor_on (harness_raw_launcher ("init:gvariant,frames", "serve-frames", NULL), 1);

  for (guint i = 0; i < 3; i++)
    assert_echo (executor, make_bytes (3 * MIB, (guint8) i));
  assert_none ();
}

/* Without shared memory to be had, what a message can carry travels in one. */
static void
test_no_room (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  const struct rlimit limit = { 1, 1 };
  guint pid = harness_worker_pid (executor);

  g_assert_no_errno (prlimit ((pid_t) pid, RLIMIT_FSIZE, &limit, NULL));
  for (guint i = 0; i < 3; i++)
    {
      assert_echo (executor, make_bytes (3 * MIB, (guint8) i));
      assert_echo (executor, make_bytes (50 * KIB, (guint8) i));
    }
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

/* What is idle goes, at both sides. */
static void
test_idle (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  gint64 before = g_get_monotonic_time ();
  Most most = { 0 };

  call_many (executor, 5, MIB, &most);
  g_assert_cmpuint (count_mappings (), >, 0);
  harness_iterate_until (has_none, NULL);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, IDLE_SECONDS * G_USEC_PER_SEC);
  g_assert_cmpuint (count_in_worker (executor), ==, 0);
  assert_none ();

  call_many (executor, 5, MIB, &most);
  harness_shut_down (executor);
  assert_none ();
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* B13 */
  harness_add ("/segments/sizes", test_sizes);
  harness_add ("/segments/types", test_types);
  harness_add ("/segments/mixed", test_mixed);
  harness_add ("/segments/both-ways", test_both_ways);
  harness_add ("/segments/dropped-in-threads", test_dropped_in_threads);
  harness_add ("/segments/held/after-end", test_held_after_end);
  harness_add ("/segments/held/after-death", test_held_after_death);
  harness_add ("/segments/held/by-part", test_held_by_part);
  harness_add ("/segments/buffer/again", test_buffer);
  harness_add ("/segments/buffer/shared", test_buffer_shared);
  harness_add ("/segments/reuse", test_reuse);
  harness_add ("/segments/taken-back", test_taken_back);
  harness_add ("/segments/recycled", test_recycled);
  harness_add ("/segments/map", test_map);
  harness_add ("/segments/without", test_without);
  harness_add ("/segments/no-room", test_no_room);
  harness_add ("/segments/long/huge", test_huge);
  harness_add ("/segments/long/idle", test_idle);

  return g_test_run ();
}
