/* bench.h: what the benchmarks and their peers in C share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One row of the table of figures. It runs once and puts what it measured. */
typedef struct
{
  const char *name;
  void (*run) (void);
} BenchRow;

/* PROGRAM ROW [KEY=VALUE…]: prints one JSON object. */
int         bench_main       (int              argc,
                              char           **argv,
                              const BenchRow  *rows,
                              gsize            n_rows);

/* What was given on the command line. */
gint64      bench_get        (const char      *key,
                              gint64           otherwise);
double      bench_get_double (const char      *key,
                              double           otherwise);
const char *bench_get_string (const char      *key,
                              const char      *otherwise);

/* What was measured. */
void        bench_put        (const char      *key,
                              double           value);
void        bench_put_string (const char      *key,
                              const char      *value);

/* Ends the program with the error as its only result, if there is one. */
void        bench_check      (const GError    *error);

/* Monotonic, in µs. */
double      bench_now        (void);
/* Of the processor in this thread, in µs. */
double      bench_cpu_time   (void);
/* The same in all threads, so that it doesn't matter who else uses the machine. */
double      bench_all_time   (void);
/* Keeps the processor busy, by its own clock or by this thread's. */
void        bench_spin       (double           usec);
void        bench_work       (double           usec);

/* Sorts. */
double      bench_percentile (GArray          *values,
                              double           percent);

/* How many calls take about so many seconds, after @n_done took @usec. */
guint       bench_scale      (guint            n_done,
                              double           usec,
                              double           seconds);

/* Allocates so many MiB and writes to each page. */
gpointer    bench_touch      (gint64           mib);

/* A value of the line of /proc/self/status, in bytes. */
double      bench_status     (const char      *key);

/* Where results go that nobody reads, so that the work is done. */
extern volatile guint64 bench_sink;

void        bench_fill       (guint64         *words,
                              gsize            n_words,
                              guint64          first);
guint64     bench_sum        (const guint64   *words,
                              gsize            n_words);

G_END_DECLS
