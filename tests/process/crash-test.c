/* crash-test.c: every way in which a worker can end, wherever it is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A5, A13, A14, A17 and A23, in all their combinations.
 *
 * Most cells of the matrix wait more than they work, and each wants a process
 * without leftovers for itself. So this program runs itself several times at
 * once, with some of the cells each, and says what came of them.
 *
 * Without arguments, it takes a random tenth of the cells; with --all, all of
 * them. PPOOL_CRASH_SEED chooses the tenth, PPOOL_CRASH_JOBS is how many cells run
 * at a time. With a test program's usual arguments (-l, -p PATH of a cell), it runs
 * those cells itself. */

#include "crash-run.h"

#include "scratch.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_JOBS 6
#define CELLS_PER_JOB 12
#define N_SLOWEST 3

typedef struct
{
  char *path; /* (owned) */
  double seconds;
} Entry;

typedef struct
{
  char *program;      /* (owned) */
  GMainLoop *loop;    /* (owned) */
  GPtrArray *waiting; /* (owned) (element-type GPtrArray): of Entry, for one job each */
  GPtrArray *done;    /* (owned) (element-type Entry) */
  guint n_jobs;
  guint n_reported;
  guint n_failed;
} Driver;

/* One run of this program. */
typedef struct
{
  Driver *driver;          /* (unowned) */
  GSubprocess *process;    /* (owned) */
  GPtrArray *entries;      /* (owned) (element-type Entry): that it has not done */
  GDataInputStream *lines; /* (owned) */
  GString *log;            /* (owned): of the cell that it is at */
  gint64 start;            /* monotonic; of that cell */
} Job;

static void
free_entry (gpointer data)
{
  Entry *entry = data;

  g_free (entry->path);
  g_free (entry);
}

/* Reporting */

static void
print_comment (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", 0);

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      printf ("# %s\n", lines[i]);
}

static void
report (Job      *job,
        gboolean  passed)
{
  Driver *driver = job->driver;
  Entry *entry = g_ptr_array_steal_index (job->entries, 0);
  gint64 now = g_get_monotonic_time ();

  driver->n_failed += !passed;
  entry->seconds = (double) (now - job->start) / G_USEC_PER_SEC;
  g_ptr_array_add (driver->done, entry);

  printf ("%s %u %s\n", passed ? "ok" : "not ok", ++driver->n_reported, entry->path);
  printf ("# %.3f s\n", entry->seconds);
  if (!passed)
    print_comment (job->log->str);
  fflush (stdout);

  g_string_truncate (job->log, 0);
  job->start = now;
}

static int
compare_seconds (gconstpointer a,
                 gconstpointer b)
{
  const Entry *one = *(Entry * const *) a;
  const Entry *other = *(Entry * const *) b;

  return (one->seconds < other->seconds) - (one->seconds > other->seconds);
}

static void
summarize (Driver *self)
{
  printf ("# cells run: %u, failed: %u; the slowest:\n", self->done->len, self->n_failed);

  g_ptr_array_sort (self->done, compare_seconds);
  for (guint i = 0; i < MIN (N_SLOWEST, self->done->len); i++)
    {
      const Entry *entry = g_ptr_array_index (self->done, i);

      printf ("# %.3f s %s\n", entry->seconds, entry->path);
    }
}

/* Jobs */

static void start_job (Driver *self);

/* It is over when it has told all, or has died of a cell, or after all of them. */
static void
end_job (Job *job)
{
  Driver *driver = job->driver;
  gboolean success = g_subprocess_wait_check (job->process, NULL, NULL);

  if (job->entries->len > 0)
    report (job, FALSE);
  else if (!success)
    {
      printf ("not ok %u /crash/after-all\n", ++driver->n_reported);
      print_comment (job->log->str);
      driver->n_failed++;
    }
  if (job->entries->len > 0)
    g_ptr_array_add (driver->waiting, g_steal_pointer (&job->entries));

  g_clear_pointer (&job->entries, g_ptr_array_unref);
  g_object_unref (job->lines);
  g_object_unref (job->process);
  g_string_free (job->log, TRUE);
  g_free (job);

  driver->n_jobs--;
  start_job (driver);
}

static void
line_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Job *job = user_data;
  g_autofree char *line =
      g_data_input_stream_read_line_finish (job->lines, result, NULL, NULL);

  if (line == NULL)
    {
      end_job (job);
      return;
    }

  if (g_str_has_prefix (line, "ok ") && job->entries->len > 0)
    report (job, TRUE);
  else
    g_string_append_printf (job->log, "%s\n", line);
  g_data_input_stream_read_line_async (job->lines, G_PRIORITY_DEFAULT, NULL, line_cb, job);
}

static GSubprocess *
spawn (Driver    *self,
       GPtrArray *entries)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_ptr_array_add (argv, self->program);
  for (guint i = 0; i < entries->len; i++)
    {
      g_ptr_array_add (argv, (char *) "-p");
      g_ptr_array_add (argv, ((Entry *) g_ptr_array_index (entries, i))->path);
    }
  g_ptr_array_add (argv, NULL);

  process = g_subprocess_newv ((const char * const *) argv->pdata,
                               G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE,
                               &error);
  g_assert_no_error (error);

  return process;
}

static void
start_job (Driver *self)
{
  Job *job;

  if (self->waiting->len == 0)
    {
      if (self->n_jobs == 0)
        g_main_loop_quit (self->loop);
      return;
    }

  job = g_new0 (Job, 1);
  job->driver = self;
  job->entries = g_ptr_array_steal_index_fast (self->waiting, 0);
  job->process = spawn (self, job->entries);
  job->lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (job->process));
  job->log = g_string_new (NULL);
  job->start = g_get_monotonic_time ();
  self->n_jobs++;
  g_data_input_stream_read_line_async (job->lines, G_PRIORITY_DEFAULT, NULL, line_cb, job);
}

/* Cells */

static void
report_hole (Driver          *self,
             const CrashCell *cell)
{
  g_autofree char *path = crash_cell_get_path (cell);

  printf ("ok %u %s # SKIP %s\n", ++self->n_reported, path, crash_cell_get_hole (cell));
}

/* @rand (nullable): chooses one of each ten in a row, and so in each part of the matrix. */
static GPtrArray *
list_cells (Driver *self,
            GRand  *rand)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func (free_entry);
  guint chosen = 0;

  for (guint i = 0; i < crash_cell_count (); i++)
    {
      CrashCell cell;
      Entry *entry;

      crash_cell_init (&cell, i);
      if (rand != NULL && i % 10 == 0)
        chosen = i + g_rand_int_range (rand, 0, 10);
      if (rand != NULL && i != chosen)
        continue;

      if (crash_cell_get_hole (&cell) != NULL)
        {
          report_hole (self, &cell);
          continue;
        }

      entry = g_new0 (Entry, 1);
      entry->path = crash_cell_get_path (&cell);
      g_ptr_array_add (entries, entry);
    }

  return entries;
}

/* Slow ones stand together, so each job takes a few from everywhere; in the order
 * in which it will do them. */
static void
distribute (Driver    *self,
            GPtrArray *entries)
{
  guint n_jobs = (entries->len + CELLS_PER_JOB - 1) / CELLS_PER_JOB;

  for (guint i = 0; i < n_jobs; i++)
    {
      GPtrArray *part = g_ptr_array_new_with_free_func (free_entry);

      for (guint k = i; k < entries->len; k += n_jobs)
        g_ptr_array_add (part, g_ptr_array_index (entries, k));
      g_ptr_array_add (self->waiting, part);
    }
  g_ptr_array_set_free_func (entries, NULL);
}

static int
drive (char     *program,
       gboolean  all)
{
  const char *seed_text = g_getenv ("PPOOL_CRASH_SEED");
  const char *jobs_text = g_getenv ("PPOOL_CRASH_JOBS");
  guint32 seed = seed_text != NULL ? (guint32) g_ascii_strtoull (seed_text, NULL, 10)
                                   : g_random_int ();
  guint n_jobs = jobs_text != NULL ? MAX (atoi (jobs_text), 1) : DEFAULT_JOBS;
  g_autoptr (GRand) rand = all ? NULL : g_rand_new_with_seed (seed);
  g_autoptr (GPtrArray) entries = NULL;
  Driver self = { .program = program };

  if (rand != NULL)
    printf ("# a tenth of the cells; PPOOL_CRASH_SEED=%u chooses the same ones\n", seed);
  self.loop = g_main_loop_new (NULL, FALSE);
  self.waiting = g_ptr_array_new ();
  self.done = g_ptr_array_new_with_free_func (free_entry);
  entries = list_cells (&self, rand);
  distribute (&self, entries);

  for (guint i = 0; i < n_jobs; i++)
    start_job (&self);
  g_main_loop_run (self.loop);

  summarize (&self);
  printf ("1..%u\n", self.n_reported);
  g_ptr_array_unref (self.waiting);
  g_ptr_array_unref (self.done);
  g_main_loop_unref (self.loop);
  if (self.n_failed == 0)
    scratch_assert_empty ();

  return self.n_failed == 0 ? 0 : 1;
}

static void
run_cell (Harness       *harness,
          gconstpointer  data)
{
  CrashCell cell;

  crash_cell_init (&cell, GPOINTER_TO_UINT (data));
  crash_run (&cell, harness);
}

int
main (int    argc,
      char **argv)
{
  gboolean all = g_strcmp0 (argv[1], "--all") == 0;

  setlocale (LC_ALL, "");
  if (argc == 1 || all)
    {
      scratch_init ();
      return drive (argv[0], all);
    }

  harness_init (&argc, &argv);
  for (guint i = 0; i < crash_cell_count (); i++)
    {
      g_autofree char *path = NULL;
      CrashCell cell;

      crash_cell_init (&cell, i);
      path = crash_cell_get_path (&cell);
      if (crash_cell_get_hole (&cell) == NULL)
        harness_add_with_data (path, run_cell, GUINT_TO_POINTER (i));
    }

  return g_test_run ();
}
