/* parent.c: runs a table of cases from C
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* parent TABLE full|plain WORKER-COMMAND...
 *
 * The table, cases.txt, tells what a line of it means. The programs of the same name in
 * other languages do the same. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <ppool-glib.h>

#define LIMIT_MSEC 20000
#define MAX_FIELDS 6

static PPoolExecutor *shared;
static const char * const *command;
static gboolean is_plain;

/* Helpers */

static GVariant *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, text, NULL, NULL, &error);

  g_assert_no_error (error);

  return value;
}

static int
code_of (const char *name)
{
  static const struct
  {
    const char *name;
    int code;
  } codes[] = {
    { "INVALID_ARGS", PPOOL_ERROR_INVALID_ARGS },
    { "REMOTE", PPOOL_ERROR_REMOTE },
    { "UNKNOWN_FUNCTION", PPOOL_ERROR_UNKNOWN_FUNCTION },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_str_equal (codes[i].name, name))
      return codes[i].code;

  return -1;
}

static void
assert_contains (const char *text,
                 const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in “%s”", part, text);
}

/* Takes @got. */
static void
assert_value (GVariant *got,
              GVariant *wanted)
{
  if (!g_variant_equal (got, wanted))
    g_error ("got %s, wanted %s", g_variant_print (got, TRUE), g_variant_print (wanted, TRUE));
  g_variant_unref (got);
}

static PPoolExecutor *
make_executor (guint       max_workers,
               const char *initializer,
               GVariant   *initializer_args)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new (command);

  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);

  return g_object_new (PPOOL_TYPE_EXECUTOR,
                       "launcher", launcher,
                       "max-workers", max_workers,
                       "initializer", initializer,
                       "initializer-args", initializer_args,
                       NULL);
}

static void
end_executor (PPoolExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (executor);
}

static PPoolFuture *
submit (PPoolExecutor *executor,
        const char    *function,
        GVariant      *args)
{
  g_autoptr (GError) error = NULL;
  PPoolFuture *future = ppool_executor_submit (executor, function, args, NULL, &error);

  g_assert_no_error (error);

  return future;
}

static GVariant *
result (PPoolFuture *future)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_future_result (future, LIMIT_MSEC, &error);

  g_assert_no_error (error);

  return value;
}

static GError *
failure (PPoolFuture *future,
         int          limit_msec)
{
  GError *error = NULL;

  g_assert_null (ppool_future_result (future, limit_msec, &error));

  return error;
}

static void
check_outcome (const char *function,
               GVariant   *args,
               const char *outcome)
{
  g_autoptr (PPoolFuture) future = submit (shared, function, args);
  g_autoptr (GVariant) wanted = NULL;
  g_autoptr (GError) error = NULL;

  if (code_of (outcome) >= 0)
    {
      error = failure (future, LIMIT_MSEC);
      g_assert_error (error, PPOOL_ERROR, code_of (outcome));
      assert_contains (error->message,
                       code_of (outcome) == PPOOL_ERROR_INVALID_ARGS ? "" : function);
      return;
    }

  wanted = g_str_equal (outcome, "same") ? g_variant_ref (args) : parse (outcome);
  assert_value (result (future), wanted);
}

/* A worker whose only call reads from a pipe. */
typedef struct
{
  PPoolExecutor *executor;
  PPoolFuture *future;
  int pipe;
} Held;

static void
held_init (Held *self)
{
  g_autofree char *folder = g_dir_make_tmp ("ppool-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "pipe", NULL);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  self->executor = make_executor (1, NULL, NULL);
  self->future = submit (self->executor, "read-file", g_variant_new_string (path));
  self->pipe = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (self->pipe, >=, 0);
  g_assert_true (ppool_future_is_running (self->future));
  g_unlink (path);
  g_rmdir (folder);
}

static void
held_release (Held *self)
{
  static const char text[] = "geöffnet";
  g_autoptr (GVariant) wanted = g_variant_ref_sink (g_variant_new_string (text));

  g_assert_cmpint (write (self->pipe, text, strlen (text)), ==, strlen (text));
  close (self->pipe);
  assert_value (result (self->future), wanted);
  g_assert_finalize_object (self->future);
  end_executor (self->executor);
}

/* Cases: @fields are those behind the name, and then NULLs. */

static const char *
plain_outcome (const char *outcome)
{
  return is_plain && outcome != NULL ? outcome : "same";
}

static void
case_echo (const char * const *fields)
{
  g_autoptr (GVariant) value = parse (fields[0]);

  check_outcome ("echo", value, plain_outcome (fields[1]));
}

static void
case_deep (const char * const *fields)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string ("deep"));

  for (int i = atoi (fields[0]); i > 0; i--)
    {
      GVariant *outer = g_variant_ref_sink (g_variant_new_variant (value));

      g_variant_unref (value);
      value = outer;
    }

  check_outcome ("echo", value, plain_outcome (fields[1]));
}

static void
case_large (const char * const *fields)
{
  gsize size = g_ascii_strtoull (fields[1], NULL, 10);
  guint8 *data = g_malloc (size);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, size);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) got = NULL;
  g_autoptr (PPoolFuture) future = NULL;

  for (gsize i = 0; i < size; i++)
    data[i] = 1 + i % 100;
  if (g_str_equal (fields[0], "s"))
    data[size - 1] = '\0';
  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (fields[0]), bytes, FALSE));

  future = submit (shared, "echo", value);
  got = result (future);
  g_assert_cmpstr (g_variant_get_type_string (got), ==, fields[0]);
  g_assert_cmpmem (g_variant_get_data (got), g_variant_get_size (got), data, size);
}

static void
case_segments (const char * const *fields)
{
  g_autofree char *maps = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  g_assert_cmpint (strstr (maps, "/memfd:ppool-segment") != NULL, ==, !is_plain);
}

static void
case_call (const char * const *fields)
{
  g_autoptr (GVariant) args = parse (fields[1]);

  check_outcome (fields[0], args, fields[2]);
}

static void
case_fail (const char * const *fields)
{
  g_autoptr (GVariant) args = parse (fields[0]);
  g_autoptr (PPoolFuture) future = submit (shared, "fail", args);
  g_autoptr (GError) error = failure (future, LIMIT_MSEC);
  const char *domain, *message;
  int code;

  g_variant_get (args, "(&si&s)", &domain, &code, &message);
  if (g_str_equal (fields[1], "same"))
    {
      g_assert_error (error, g_quark_from_string (domain), code);
      g_assert_cmpstr (error->message, ==, message);
      return;
    }

  g_assert_error (error, PPOOL_ERROR, code_of (fields[1]));
  assert_contains (error->message, message);
  assert_contains (error->message, domain);
}

static void
case_map (const char * const *fields)
{
  g_autoptr (GVariant) inputs = parse (fields[1]);
  g_autoptr (GVariant) wanted = parse (fields[2]);
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolMap) map = ppool_executor_map (shared, fields[0], inputs, &error);

  g_assert_no_error (error);
  for (gsize i = 0; i < g_variant_n_children (wanted); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (wanted, i);
      GVariant *value = ppool_map_next_value (map, LIMIT_MSEC, &error);

      g_assert_no_error (error);
      g_assert_nonnull (value);
      assert_value (value, child);
    }
  g_assert_null (ppool_map_next_value (map, LIMIT_MSEC, &error));
  g_assert_no_error (error);
}

static GVariant *
draw_cb (gpointer   user_data,
         GError   **error)
{
  gint64 *left = user_data;

  return *left > 0 ? g_variant_new_int64 ((*left)--) : NULL;
}

static void
case_count (const char * const *fields)
{
  gint64 n = atoi (fields[1]);
  gint64 left = n;
  g_autoptr (PPoolMap) map = ppool_executor_map_func (shared, fields[0], draw_cb, &left, NULL);
  g_autoptr (GError) error = NULL;

  for (gint64 i = n; i > 0; i--)
    {
      g_autoptr (GVariant) value = ppool_map_next_value (map, LIMIT_MSEC, &error);

      g_assert_no_error (error);
      g_assert_nonnull (value);
      g_assert_cmpint (g_variant_get_int64 (value), ==, -i);
    }
  g_assert_null (ppool_map_next_value (map, LIMIT_MSEC, &error));
  g_assert_no_error (error);
}

static void
case_crash (const char * const *fields)
{
  PPoolExecutor *executor = make_executor (1, NULL, NULL);
  g_autoptr (PPoolFuture) future = submit (executor, "crash", g_variant_new_string (fields[0]));
  g_autoptr (GError) error = failure (future, LIMIT_MSEC);
  g_autoptr (GError) cause = ppool_executor_get_error (executor);

  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  assert_contains (error->message, fields[1]);
  assert_contains (error->message, "“crash”");
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_BROKEN);
  g_assert_error (cause, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
  g_clear_object (&future);
  end_executor (executor);
}

static void
case_cancel_queued (const char * const *fields)
{
  Held held;
  g_autoptr (PPoolFuture) queued = NULL;
  g_autoptr (GError) error = NULL;

  held_init (&held);
  queued = submit (held.executor, "echo", NULL);
  g_assert_true (ppool_future_cancel (queued));
  g_assert_true (ppool_future_is_cancelled (queued));
  error = failure (queued, LIMIT_MSEC);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&queued);
  held_release (&held);
}

static void
case_cancel_running (const char * const *fields)
{
  Held held;

  held_init (&held);
  g_assert_false (ppool_future_cancel (held.future));
  g_assert_false (ppool_future_is_cancelled (held.future));
  held_release (&held);
}

static void
case_time_out (const char * const *fields)
{
  Held held;
  g_autoptr (GError) error = NULL;

  held_init (&held);
  error = failure (held.future, 10);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  held_release (&held);
}

static void
case_initializer (const char * const *fields)
{
  g_autoptr (GVariant) args = parse (fields[0]);
  PPoolExecutor *executor = make_executor (1, "set-up", args);
  PPoolFuture *future = submit (executor, "get-set-up", NULL);

  assert_value (result (future), args);
  g_assert_finalize_object (future);
  end_executor (executor);
}

/* The table */

static const struct
{
  const char *operation;
  void (*func) (const char * const *fields);
} cases[] = {
  { "call", case_call },
  { "cancel-queued", case_cancel_queued },
  { "cancel-running", case_cancel_running },
  { "count", case_count },
  { "crash", case_crash },
  { "deep", case_deep },
  { "echo", case_echo },
  { "fail", case_fail },
  { "initializer", case_initializer },
  { "large", case_large },
  { "map", case_map },
  { "segments", case_segments },
  { "time-out", case_time_out },
};

static void
run_case (gconstpointer data)
{
  const char * const *fields = data;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    if (g_str_equal (cases[i].operation, fields[0]))
      {
        cases[i].func (fields + 2);
        return;
      }
  g_assert_not_reached ();
}

static void
fields_free (gpointer data)
{
  char **fields = data;

  for (gsize i = 0; i < MAX_FIELDS; i++)
    g_free (fields[i]);
  g_free (fields);
}

static void
add_line (const char *line)
{
  g_auto (GStrv) parts = g_strsplit (line, "|", MAX_FIELDS - 1);
  g_autofree char *path = NULL;
  char **fields;

  if (*line == '\0' || *line == '#')
    return;

  fields = g_new0 (char *, MAX_FIELDS);
  for (gsize i = 0; parts[i] != NULL; i++)
    fields[i] = g_strdup (g_strstrip (parts[i]));
  path = g_strconcat ("/", fields[0], "/", fields[1], NULL);
  g_test_add_data_func_full (path, fields, run_case, fields_free);
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *table = NULL;
  g_auto (GStrv) lines = NULL;
  int n_own = 1;
  int status;

  /* What the worker's command has is not for GTest. */
  g_assert_cmpint (argc, >, 3);
  g_test_init (&n_own, &argv, NULL);
  g_assert_true (g_file_get_contents (argv[1], &table, NULL, NULL));
  is_plain = g_str_equal (argv[2], "plain");
  command = (const char * const *) argv + 3;

  lines = g_strsplit (table, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    add_line (lines[i]);

  shared = make_executor (2, NULL, NULL);
  status = g_test_run ();
  end_executor (shared);

  return status;
}
