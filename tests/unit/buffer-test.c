/* buffer-test.c: memory that is filled in place and lent as it is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-buffer.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fewer.h"
#include "lending.h"
#include "ppool-error.h"
#include "ppool-memory-private.h"

static PPoolBuffer *
make_buffer (gsize  size,
             guint8 byte)
{
  GError *error = NULL;
  PPoolBuffer *buffer = ppool_buffer_new (size, &error);
  gsize found;

  g_assert_no_error (error);
  g_assert_cmpuint (ppool_buffer_get_size (buffer), ==, size);
  memset (ppool_buffer_get_data (buffer, &found), byte, size);
  g_assert_cmpuint (found, ==, size);

  return buffer;
}

/* Returns: (transfer full): the value of a buffer that is gone. */
static GVariant *
make_value (gsize       size,
            guint8      byte,
            const char *type)
{
  GError *error = NULL;
  PPoolBuffer *buffer = make_buffer (size, byte);
  GVariant *value = ppool_buffer_to_variant (buffer, G_VARIANT_TYPE (type), &error);

  g_assert_no_error (error);
  g_assert_finalize_object (buffer);

  return value;
}

/* A value like any other, whatever the size. */
static void
test_value (Lending       *lending,
            gconstpointer  user_data)
{
  static const gsize sizes[] = { 0, 1, 100, 32767, 32768, 65536, 1000000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GVariant) expected = lending_make_value (sizes[i], 7);
      g_autoptr (GVariant) value = make_value (sizes[i], 7, "ay");

      g_assert_false (g_variant_is_floating (value));
      g_assert_cmpvariant (value, expected);
      g_assert_true (g_variant_is_normal_form (value));
    }
}

static void
test_types (Lending       *lending,
            gconstpointer  user_data)
{
  static const char * const good[] = { "ay", "ai", "ad", "a(xx)", "ab", "a(yi)", "a{tt}" };
  static const char * const bad[] = { "as", "av", "y", "i", "(ay)", "aay", "a*", "a(ys)", "ami" };
  g_autoptr (PPoolBuffer) buffer = make_buffer (65536, 0);
  g_autoptr (PPoolBuffer) odd = make_buffer (65537, 0);
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GVariant) value =
        ppool_buffer_to_variant (buffer, G_VARIANT_TYPE (good[i]), &error);

      g_assert_no_error (error);
      g_assert_cmpstr (g_variant_get_type_string (value), ==, good[i]);
      g_assert_true (g_variant_get_data (value) == ppool_buffer_get_data (buffer, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (ppool_buffer_to_variant (buffer, G_VARIANT_TYPE (bad[i]), &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
      g_assert_nonnull (strstr (error->message, bad[i]));
      g_clear_error (&error);
    }
  g_assert_null (ppool_buffer_to_variant (odd, G_VARIANT_TYPE ("ai"), &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
  g_clear_error (&error);
}

static void
assert_not_written (PPoolBuffer *buffer,
                    gsize        offset,
                    GBytes      *bytes)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ppool_buffer_write (buffer, offset, bytes, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
}

static void
test_write (Lending       *lending,
            gconstpointer  user_data)
{
  g_autoptr (GBytes) text = g_bytes_new_static ("text", 4);
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  g_autoptr (PPoolBuffer) buffer = make_buffer (100, '.');
  g_autoptr (PPoolBuffer) copied = NULL;
  g_autoptr (GVariant) value = NULL;
  GError *error = NULL;

  g_assert_true (ppool_buffer_write (buffer, 0, text, &error));
  g_assert_true (ppool_buffer_write (buffer, 96, text, &error));
  g_assert_true (ppool_buffer_write (buffer, 100, nothing, &error));
  g_assert_no_error (error);
  assert_not_written (buffer, 97, text);
  assert_not_written (buffer, 101, nothing);
  assert_not_written (buffer, G_MAXSIZE, text);
  assert_not_written (buffer, G_MAXSIZE - 2, text);
  g_assert_cmpmem (ppool_buffer_get_data (buffer, NULL), 6, "text..", 6);
  g_assert_cmpmem (ppool_buffer_get_data (buffer, NULL) + 94, 6, "..text", 6);

  value = ppool_buffer_to_variant (buffer, NULL, &error);
  g_assert_no_error (error);
  assert_not_written (buffer, 0, text);

  copied = ppool_buffer_new_from_bytes (text, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (ppool_buffer_get_data (copied, NULL), ppool_buffer_get_size (copied), "text", 4);
}

/* What a binding makes without the constructor is empty. */
static void
test_bare (Lending       *lending,
           gconstpointer  user_data)
{
  g_autoptr (PPoolBuffer) buffer = g_object_new (PPOOL_TYPE_BUFFER, NULL);
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  g_autoptr (GBytes) text = g_bytes_new_static ("text", 4);
  g_autoptr (GVariant) value = NULL;
  GError *error = NULL;
  gsize size = 1;

  g_assert_nonnull (ppool_buffer_get_data (buffer, &size));
  g_assert_cmpuint (size, ==, 0);
  g_assert_true (ppool_buffer_write (buffer, 0, nothing, &error));
  assert_not_written (buffer, 0, text);
  value = ppool_buffer_to_variant (buffer, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_size (value), ==, 0);
}

static void
test_limits (Lending       *lending,
             gconstpointer  user_data)
{
  static const gsize sizes[] = {
#if GLIB_SIZEOF_SIZE_T > 4
    (gsize) 1 << 46,
#endif
    G_MAXSIZE / 2, G_MAXSIZE - 1, G_MAXSIZE
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ppool_buffer_new (sizes[i], &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
    }
}

/* The memory itself is lent, with its own descriptor once. */
static void
test_lent (Lending       *lending,
           gconstpointer  user_data)
{
  g_autoptr (GVariant) value = make_value (MIB, 1, "ad");
  g_autoptr (GVariant) arrived = lending_send (lending, value);
  g_autoptr (GVariant) again = lending_send (lending, value);
  guint8 *data = (guint8 *) (guintptr) g_variant_get_data (value);

  g_assert_cmpuint (lending->n_announced, ==, 1);
  g_assert_cmpvariant (arrived, value);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 2 * MIB);

  /* As nothing else may do. */
  data[MIB - 1] = 9;
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (arrived))[MIB - 1], ==, 9);
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (again))[MIB - 1], ==, 9);

  g_clear_pointer (&arrived, g_variant_unref);
  lending_return (lending);
  g_assert_cmpuint (lending->n_returned, ==, 1);
  g_clear_pointer (&again, g_variant_unref);
  lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
}

/* A part of a value lies there too; a value that has it as a part is copied. */
static void
test_parts (Lending       *lending,
            gconstpointer  user_data)
{
  g_autoptr (GVariant) value = make_value (MIB, 1, "ay");
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (value);
  g_autoptr (GBytes) part = g_bytes_new_from_bytes (bytes, 4096, MIB - 8192);
  g_autoptr (GBytes) askew = g_bytes_new_from_bytes (bytes, 4097, MIB - 8192);
  g_autoptr (GVariant) arrived = lending_send (
    lending, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, part, TRUE));
  guint8 *data = (guint8 *) (guintptr) g_variant_get_data (value);

  g_assert_cmpuint (g_variant_get_size (arrived), ==, MIB - 8192);
  data[4096] = 9;
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (arrived))[0], ==, 9);
  g_clear_pointer (&arrived, g_variant_unref);

  arrived = lending_send (lending, g_variant_new ("(s@ay)", "name", value));
  data[4096] = 1;
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), >, 0);
  lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
  g_clear_pointer (&arrived, g_variant_unref);

  arrived = lending_send (lending,
                          g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, askew, TRUE));
  data[4097] = 9;
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (arrived))[0], ==, 1);
}

/* What is not a value yet, or can't be any bytes, is copied. */
static void
test_copied (Lending       *lending,
             gconstpointer  user_data)
{
  g_autoptr (PPoolBuffer) buffer = make_buffer (MIB, 1);
  guint8 *data = ppool_buffer_get_data (buffer, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, MIB);
  g_autoptr (GVariant) arrived = lending_send (
    lending, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
  g_autoptr (GVariant) booleans = make_value (MIB / 8, 1, "ab");

  data[0] = 9;
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (arrived))[0], ==, 1);
  g_clear_pointer (&arrived, g_variant_unref);
  lending_return (lending);

  arrived = lending_send (lending, booleans);
  g_assert_cmpvariant (arrived, booleans);
  lending_return (lending);
  g_assert_cmpuint (ppool_lender_get_n_bytes (lending->lender), ==, 0);
}

/* The memory is used again once nobody has it, and the other side knows it. */
static void
test_reuse (Lending       *lending,
            gconstpointer  user_data)
{
  g_autoptr (GVariant) value = make_value (MIB, 1, "ay");
  gconstpointer data = g_variant_get_data (value);
  g_autoptr (GVariant) arrived = lending_send (lending, value);
  g_autoptr (GVariant) other = NULL;

  /* Not as long as it is read. */
  g_clear_pointer (&value, g_variant_unref);
  other = make_value (MIB, 2, "ay");
  g_assert_true (g_variant_get_data (other) != data);
  g_assert_cmpuint (((const guint8 *) g_variant_get_data (arrived))[0], ==, 1);
  g_clear_pointer (&arrived, g_variant_unref);
  g_clear_pointer (&other, g_variant_unref);
  lending_return (lending);

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GVariant) next = make_value (MIB - i * 8, (guint8) i, "ax");

      g_assert_true (g_variant_get_data (next) == data);
      arrived = lending_send (lending, next);
      g_assert_cmpvariant (arrived, next);
      g_clear_pointer (&arrived, g_variant_unref);
      lending_return (lending);
    }
  g_assert_cmpuint (lending->n_announced, ==, 1);

  /* What is kept goes in time, and then the other side is told. */
  ppool_lender_trim (lending->lender, g_get_monotonic_time () + 2 * PPOOL_SEGMENT_IDLE_USEC);
  lending_tell_forgotten (lending);
  g_assert_cmpuint (lending->n_forgotten, ==, 1);
  g_assert_cmpuint (lending_count_mappings (), ==, 0);
}

/* Without anybody who lends, nothing is kept. */
static void
test_nobody (Lending       *lending,
             gconstpointer  user_data)
{
  g_variant_unref (make_value (MIB, 1, "ay"));
  g_assert_cmpuint (lending_count_mappings (), ==, 1);
  ppool_lender_close (lending->lender);
  g_assert_cmpuint (lending_count_mappings (), ==, 0);
  g_variant_unref (make_value (MIB, 1, "ay"));
  g_assert_cmpuint (lending_count_mappings (), ==, 0);
}

/* More buffers than can be kept registered, to two others at once. */
static void
test_many (Lending       *lending,
           gconstpointer  user_data)
{
  GVariant *values[2 * PPOOL_SEGMENT_MAX_KEPT];
  GVariant *arrived[2 * PPOOL_SEGMENT_MAX_KEPT];
  Lending other = { 0 };

  lending_set_up (&other, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      values[i] = make_value (65536, (guint8) i, "ay");
      arrived[i] = lending_send (lending, values[i]);
      g_variant_unref (lending_send (&other, values[i]));
    }
  g_assert_cmpuint (lending->n_announced, ==, G_N_ELEMENTS (values));
  g_assert_cmpuint (lending->n_forgotten, ==, PPOOL_SEGMENT_MAX_KEPT);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_assert_cmpvariant (arrived[i], values[i]);
      g_variant_unref (arrived[i]);
      g_variant_unref (values[i]);
    }
  lending_return (lending);
  lending_return (&other);
  ppool_lender_close (lending->lender);
  ppool_borrower_close (lending->borrower);
  lending_tear_down (&other, NULL);
}

/* Without descriptors a buffer is ordinary memory. */
static void
test_no_descriptors (Lending       *lending,
                     gconstpointer  user_data)
{
  g_autoptr (GVariant) value = NULL;
  struct rlimit before, limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 3;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  value = make_value (MIB, 1, "ay");
  g_assert_null (lending_send (lending, value));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_cmpuint (lending_count_mappings (), ==, 0);
  g_variant_unref (lending_send (lending, value));
}

/* A forked copy fills none of its parent's memory. */
static void
test_forked (Lending       *lending,
             gconstpointer  user_data)
{
  g_autoptr (GVariant) value = make_value (MIB, 1, "ay");
  int status;
  pid_t pid;

  g_variant_unref (make_value (MIB, 1, "ay"));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      g_variant_unref (value);
      for (guint i = 0; i < 3; i++)
        g_variant_unref (make_value (MIB, 66, "ay"));
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  for (gsize i = 0; i < MIB; i += 4096)
    g_assert_cmpuint (((const guint8 *) g_variant_get_data (value))[i], ==, 1);
}

static gpointer
make_values (gpointer data)
{
  guint8 byte = (guint8) GPOINTER_TO_UINT (data);

  for (guint i = 0; i < fewer (300); i++)
    {
      g_autoptr (GVariant) value = make_value (40000 + (i % 7) * 30000, byte, "ay");
      g_autoptr (PPoolMemory) memory = NULL;
      const guint8 *bytes = g_variant_get_data (value);
      gsize size = g_variant_get_size (value);
      guint64 offset;

      memory = ppool_memory_find (bytes, size, &offset);
      g_assert_nonnull (memory);
      g_assert_true (ppool_memory_get_data (memory) == bytes);
      for (gsize j = 0; j < size; j += 4096)
        g_assert_cmpuint (bytes[j], ==, byte);
    }

  return NULL;
}

static void
test_threads (Lending       *lending,
              gconstpointer  user_data)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("buffers", make_values, GUINT_TO_POINTER (i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  lending_add ("/buffer/value", test_value);
  lending_add ("/buffer/types", test_types);
  lending_add ("/buffer/write", test_write);
  lending_add ("/buffer/bare", test_bare);
  lending_add ("/buffer/limits", test_limits);
  lending_add ("/buffer/lent", test_lent);
  lending_add ("/buffer/parts", test_parts);
  lending_add ("/buffer/copied", test_copied);
  lending_add ("/buffer/reuse", test_reuse);
  lending_add ("/buffer/nobody", test_nobody);
  lending_add ("/buffer/many", test_many);
  lending_add ("/buffer/no-descriptors", test_no_descriptors);
  lending_add ("/buffer/forked", test_forked);
  lending_add ("/buffer/threads", test_threads);

  return g_test_run ();
}
