/* map-memory.c: what a map of many inputs costs in memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Maps a function that does nothing over so many numbers, drawn from a function,
 * and prints the peak of this process's memory. Each map is in a process of its
 * own, since the peak never goes back. */

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>
#include <ppool-glib/ppool-glib.h>

static gint64 n_inputs;
static int n_workers = 2;
static int buffer_size;
static gboolean from_array;
static char **counts;

static const GOptionEntry options[] = {
  { "inputs", 'n', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT64, &n_inputs, NULL, NULL },
  { "workers", 'w', 0, G_OPTION_ARG_INT, &n_workers, "Workers of the pool", "N" },
  { "buffer-size", 'b', 0, G_OPTION_ARG_INT, &buffer_size,
    "How far the map may be ahead; chosen if not given", "N" },
  { "array", 'a', 0, G_OPTION_ARG_NONE, &from_array, "Map over an array of the numbers", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &counts, NULL, "[INPUTS…]" },
  { NULL },
};

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

static GVariant *
next_number (gpointer   user_data,
             GError   **error)
{
  gint64 *n_drawn = user_data;

  return *n_drawn < n_inputs ? g_variant_new_int64 ((*n_drawn)++) : NULL;
}

static GVariant *
make_numbers (void)
{
  gint64 *numbers = g_new (gint64, n_inputs);

  for (gint64 i = 0; i < n_inputs; i++)
    numbers[i] = i;

  return g_variant_new_from_data (G_VARIANT_TYPE ("ax"), numbers, n_inputs * sizeof *numbers, TRUE,
                                  g_free, numbers);
}

/* In KiB. */
static guint64
read_status (const char *key)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;

  line = strstr (status, key);

  return line != NULL ? g_ascii_strtoull (line + strlen (key) + 1, NULL, 10) : 0;
}

static void
read_all (PPoolMap *map)
{
  g_autoptr (GError) error = NULL;
  gint64 n_read = 0;
  GVariant *value;

  while ((value = ppool_map_next_value (map, -1, &error)) != NULL)
    {
      if (g_variant_get_int64 (value) != n_read++)
        g_error ("The results are out of order");
      g_variant_unref (value);
    }

  g_assert_no_error (error);
  g_assert_cmpint (n_read, ==, n_inputs);
}

/* One map, in a process of its own. */
static void
measure (void)
{
  g_autoptr (PPoolExecutor) executor = ppool_executor_new (NULL);
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (GError) error = NULL;
  guint64 before = read_status ("VmHWM:");
  gint64 start = g_get_monotonic_time ();
  gint64 n_drawn = 0;
  double seconds;

  ppool_executor_set_max_workers (executor, n_workers);
  if (from_array)
    map = ppool_executor_map (executor, "echo", make_numbers (), &error);
  else
    map = ppool_executor_map_func (executor, "echo", next_number, &n_drawn, NULL);
  g_assert_no_error (error);
  ppool_map_set_buffer_size (map, buffer_size);
  read_all (map);

  seconds = (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC;
  g_print ("%10" G_GINT64_FORMAT "  %8.2f s  %8.0f calls/s  %8" G_GUINT64_FORMAT
           " KiB at first  %8" G_GUINT64_FORMAT " KiB at most\n",
           n_inputs, seconds, n_inputs / seconds, before, read_status ("VmHWM:"));
}

static void
measure_in_child (const char *program,
                  const char *count)
{
  g_autofree char *workers = g_strdup_printf ("--workers=%d", n_workers);
  g_autofree char *buffer = g_strdup_printf ("--buffer-size=%d", buffer_size);
  g_autofree char *inputs = g_strdup_printf ("--inputs=%s", count);
  const char *argv[] = { program, workers, buffer, inputs, from_array ? "--array" : NULL, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) child = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, &error);

  if (child == NULL || !g_subprocess_wait_check (child, NULL, &error))
    g_error ("%s", error->message);
}

int
main (int    argc,
      char **argv)
{
  static const char * const default_counts[] = { "10000", "1000000", NULL };
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  ppool_worker_add_function (worker, "echo", echo, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  if (n_inputs > 0)
    measure ();
  else
    for (const char * const *count = counts != NULL ? (const char * const *) counts
                                                    : default_counts;
         *count != NULL; count++)
      measure_in_child (program, *count);

  return EXIT_SUCCESS;
}
