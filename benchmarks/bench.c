/* bench.c: what the benchmarks and their peers in C share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MIN_CALLS 200
#define MAX_CALLS 200000

volatile guint64 bench_sink;

static GHashTable *given;   /* (element-type utf8 utf8) */
static GString *measured;

static void
read_arguments (int    argc,
                char **argv)
{
  given = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (int i = 2; i < argc; i++)
    {
      g_auto (GStrv) parts = g_strsplit (argv[i], "=", 2);

      if (g_strv_length (parts) != 2)
        g_error ("“%s” is no KEY=VALUE", argv[i]);
      g_hash_table_insert (given, g_strdup (parts[0]), g_strdup (parts[1]));
    }
}

int
bench_main (int              argc,
            char           **argv,
            const BenchRow  *rows,
            gsize            n_rows)
{
  const char *name = argc > 1 ? argv[1] : "";

  setlocale (LC_ALL, "C.UTF-8");
  read_arguments (argc, argv);
  measured = g_string_new (NULL);

  for (gsize i = 0; i < n_rows; i++)
    if (g_str_equal (rows[i].name, name))
      {
        rows[i].run ();
        g_print ("{%s}\n", measured->str);
        return EXIT_SUCCESS;
      }

  g_printerr ("Usage: %s ROW [KEY=VALUE…]; rows:", argv[0]);
  for (gsize i = 0; i < n_rows; i++)
    g_printerr (" %s", rows[i].name);
  g_printerr ("\n");
  return EXIT_FAILURE;
}

const char *
bench_get_string (const char *key,
                  const char *otherwise)
{
  const char *value = g_hash_table_lookup (given, key);

  return value != NULL ? value : otherwise;
}

gint64
bench_get (const char *key,
           gint64      otherwise)
{
  const char *value = bench_get_string (key, NULL);

  return value != NULL ? g_ascii_strtoll (value, NULL, 10) : otherwise;
}

double
bench_get_double (const char *key,
                  double      otherwise)
{
  const char *value = bench_get_string (key, NULL);

  return value != NULL ? g_ascii_strtod (value, NULL) : otherwise;
}

static void
put_key (const char *key)
{
  g_string_append_printf (measured, "%s\"%s\": ", measured->len > 0 ? ", " : "", key);
}

void
bench_put (const char *key,
           double      value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  put_key (key);
  g_string_append (measured, g_ascii_formatd (buffer, sizeof buffer, "%.6g", value));
}

/* Of what could break JSON, messages of errors have no more than this. */
void
bench_put_string (const char *key,
                  const char *value)
{
  g_autofree char *clean = g_strdup (value);

  put_key (key);
  g_string_append_printf (measured, "\"%s\"", g_strdelimit (clean, "\"\\\n\r\t", ' '));
}

void
bench_check (const GError *error)
{
  if (error == NULL)
    return;

  g_string_truncate (measured, 0);
  bench_put_string ("failed", error->message);
  g_print ("{%s}\n", measured->str);
  exit (EXIT_SUCCESS);
}

static double
read_clock (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);

  return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

double
bench_now (void)
{
  return read_clock (CLOCK_MONOTONIC);
}

double
bench_cpu_time (void)
{
  return read_clock (CLOCK_THREAD_CPUTIME_ID);
}

double
bench_all_time (void)
{
  return read_clock (CLOCK_PROCESS_CPUTIME_ID);
}

void
bench_spin (double usec)
{
  double end = bench_now () + usec;

  while (bench_now () < end)
    ;
}

void
bench_work (double usec)
{
  double end = bench_cpu_time () + usec;

  while (bench_cpu_time () < end)
    ;
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return (x > y) - (x < y);
}

double
bench_percentile (GArray *values,
                  double  percent)
{
  guint place;

  if (values->len == 0)
    return 0;

  g_array_sort (values, compare_doubles);
  place = (guint) (percent / 100 * (double) (values->len - 1) + 0.5);

  return g_array_index (values, double, MIN (place, values->len - 1));
}

guint
bench_scale (guint  n_done,
             double usec,
             double seconds)
{
  return (guint) CLAMP (n_done / MAX (usec, 1) * seconds * 1e6, MIN_CALLS, MAX_CALLS);
}

gpointer
bench_touch (gint64 mib)
{
  gsize size = (gsize) mib << 20;
  char *data = g_malloc (size + 1);

  memset (data, 1, size + 1);

  return data;
}

double
bench_status (const char *key)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;

  line = strstr (status, key);

  return line != NULL ? (double) g_ascii_strtoull (line + strlen (key) + 1, NULL, 10) * 1024 : 0;
}

void
bench_fill (guint64 *words,
            gsize    n_words,
            guint64  first)
{
  for (gsize i = 0; i < n_words; i++)
    words[i] = first + i;
}

guint64
bench_sum (const guint64 *words,
           gsize          n_words)
{
  guint64 sum = 0;

  for (gsize i = 0; i < n_words; i++)
    sum += words[i];

  return sum;
}
