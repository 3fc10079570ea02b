/* names-test.c: names of functions that no worker can be told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "harness.h"

#include <string.h>

/* Each door gets such a name and gives the error. */
typedef GError *(*Door) (PPoolExecutor *executor,
                         const char    *name);

static GError *
through_submit (PPoolExecutor *executor,
                const char    *name)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_submit (executor, name, g_variant_new ("(i)", 1), NULL, &error));

  return error;
}

static GError *
through_call_sync (PPoolExecutor *executor,
                   const char    *name)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_call_sync (executor, name, NULL, NULL, &error));

  return error;
}

static void
called_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GError **error = user_data;

  g_assert_null (ppool_executor_call_finish (PPOOL_EXECUTOR (source), result, error));
  g_assert_nonnull (*error);
}

static gboolean
has_error (gpointer user_data)
{
  GError **error = user_data;

  return *error != NULL;
}

static GError *
through_call_async (PPoolExecutor *executor,
                    const char    *name)
{
  GError *error = NULL;

  ppool_executor_call_async (executor, name, g_variant_new_string ("x"), NULL, NULL, NULL);
  ppool_executor_call_async (executor, name, NULL, NULL, called_cb, &error);
  harness_iterate_until (has_error, &error);

  return error;
}

static GError *
submit_call (PPoolExecutor *executor,
             PPoolCall     *call)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_submit_call (executor, call, NULL, &error));
  g_assert_nonnull (ppool_call_get_function (call));

  return error;
}

static GError *
through_new_call (PPoolExecutor *executor,
                  const char    *name)
{
  g_autoptr (PPoolCall) call = ppool_call_new (name, g_variant_new ("(i)", 1));

  return submit_call (executor, call);
}

static GError *
through_property (PPoolExecutor *executor,
                  const char    *name)
{
  g_autoptr (PPoolCall) call = g_object_new (PPOOL_TYPE_CALL, "function", name, NULL);

  return submit_call (executor, call);
}

static GError *
through_map (PPoolExecutor *executor,
             const char    *name)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_map (executor, name, g_variant_new_parsed ("[1, 2]"), &error));

  return error;
}

static GVariant *
endless_cb (gpointer   user_data G_GNUC_UNUSED,
            GError   **error G_GNUC_UNUSED)
{
  return g_variant_new_int32 (1);
}

static GError *
through_map_func (PPoolExecutor *executor,
                  const char    *name)
{
  g_autoptr (PPoolMap) map = ppool_executor_map_func (executor, name, endless_cb, NULL, NULL);
  GError *error = NULL;
  g_autoptr (GError) end = NULL;

  g_assert_null (ppool_map_next_value (map, -1, &error));
  g_assert_null (ppool_map_next_value (map, -1, &end));
  g_assert_no_error (end);

  return error;
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_assert_null (ppool_map_next_value_finish (PPOOL_MAP (source), result, user_data));
}

static GError *
through_async_read (PPoolExecutor *executor,
                    const char    *name)
{
  g_autoptr (PPoolMap) map = ppool_executor_map_func (executor, name, endless_cb, NULL, NULL);
  GError *error = NULL;

  ppool_map_next_value_async (map, NULL, read_cb, &error);
  harness_iterate_until (has_error, &error);

  return error;
}

/* NULL is possible where a binding can give it without a mistake in C. */
static const struct
{
  const char *name;
  Door enter;
  gboolean takes_null;
} doors[] = {
  { "submit", through_submit, FALSE },
  { "call-sync", through_call_sync, FALSE },
  { "call-async", through_call_async, FALSE },
  { "call", through_new_call, FALSE },
  { "property", through_property, TRUE },
  { "map", through_map, FALSE },
  { "map-func", through_map_func, FALSE },
  { "async-read", through_async_read, FALSE },
};

static void
assert_refused (PPoolExecutor *executor,
                Door           enter,
                const char    *name,
                int            code,
                const char    *text)
{
  g_autoptr (GError) error = enter (executor, name);

  harness_assert_error (error, PPOOL_ERROR, code, text, NULL);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
}

static void
test_function (Harness       *harness G_GNUC_UNUSED,
               gconstpointer  data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  Door enter = doors[i].enter;
  g_autofree char *long_name = g_strnfill (65536, 'f');
  g_autofree char *longest = g_strnfill (65535, 'f');
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) unknown = NULL;

  for (guint round = 0; round < 2; round++)
    {
      assert_refused (executor, enter, "", PPOOL_ERROR_INVALID_ARGS,
                      "The name of the function is empty");
      assert_refused (executor, enter, "caf\xe9", PPOOL_ERROR_INVALID_ARGS,
                      "The name of the function is not valid UTF-8: “caf\\351”");
      assert_refused (executor, enter, "\xed\xa0\x80", PPOOL_ERROR_INVALID_ARGS, "not valid UTF-8");
      assert_refused (executor, enter, long_name, PPOOL_ERROR_TOO_LARGE, "65536 bytes");
      if (doors[i].takes_null)
        assert_refused (executor, enter, NULL, PPOOL_ERROR_INVALID_ARGS, "is empty");

      /* Nothing was started, and then there is a worker that runs. */
      g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, round);
      harness_assert_works (executor);
    }

  g_assert_null (ppool_executor_call_sync (executor, longest, NULL, NULL, &unknown));
  g_assert_error (unknown, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION);
  harness_assert_works (executor);
}

static PPoolExecutor *
executor_with_initializer (const char *initializer)
{
  g_autoptr (PPoolLauncher) launcher = harness_launcher ();

  return g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "initializer", initializer, NULL);
}

static void
test_initializer (Harness *harness G_GNUC_UNUSED)
{
  static const char *const names[] = { "", "caf\xe9" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (PPoolExecutor) executor = executor_with_initializer (names[i]);
      g_autoptr (PPoolMap) map = NULL;
      g_autoptr (GError) prestart = NULL;
      g_autoptr (GError) submit = NULL;
      g_autoptr (GError) read = NULL;

      g_assert_false (ppool_executor_prestart (executor, 1, &prestart));
      harness_assert_error (prestart, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                            "The name of the initializer is ", NULL);
      g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &submit));
      harness_assert_error (submit, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                            "The name of the initializer is ", NULL);
      map = ppool_executor_map_func (executor, "echo", endless_cb, NULL, NULL);
      g_assert_null (ppool_map_next_value (map, -1, &read));
      harness_assert_error (read, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                            "The name of the initializer is ", NULL);

      g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
      g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
      harness_shut_down (executor);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (doors); i++)
    {
      g_autofree char *path = g_strdup_printf ("/names/function/%s", doors[i].name);

      harness_add_with_data (path, test_function, GSIZE_TO_POINTER (i));
    }
  harness_add ("/names/initializer", test_initializer);

  return g_test_run ();
}
