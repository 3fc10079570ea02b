/* checksum.c: what sha256sum prints, from every processor
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* One program that is both ends of a pool. The first process walks through
 * folders, sends what it finds to the workers and prints what comes back, all
 * from one main loop; the workers, which are this program again, hash.
 *
 * Files travel in batches, since the hash of a small file costs less than a
 * call. They are printed in the order in which they were found, whichever is
 * done first. In a folder that is the order of the paths as bytes, so that
 *
 *     checksum FOLDER
 *     find -H FOLDER -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
 *
 * print the same. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ppool-glib/ppool-glib.h>

/* A batch is full when it has this many files, or files of this size. */
#define BATCH_FILES 64
#define BATCH_SIZE  (1024 * 1024)

/* How far the walk may be ahead of the printing: enough to keep the workers
 * busy behind one very large file, and no more memory than that. */
#define MAX_FILES_AHEAD 32768

#define EXIT_USAGE 2

typedef struct
{
  GMainLoop *loop;         /* (owned) */
  PPoolExecutor *executor; /* (owned) */

  /* The walking thread's, while it runs; the next one is the last. */
  GPtrArray *to_walk;      /* (owned) (element-type filename) */
  gboolean is_walking;

  GQueue batches;          /* (owned) (element-type Batch) found and not printed, in order */
  guint n_ahead;           /* files in @batches */
  guint n_found, n_done;   /* files */
  guint64 size_found, size_done;
  gboolean bar_is_shown;
  int status;
} App;

typedef struct
{
  App *app;          /* (unowned) */
  GPtrArray *names;  /* (owned) (element-type filename) */
  goffset size;
  GVariant *digests; /* (owned) (nullable) what hash_files() gave */
} Batch;

static void
batch_free (Batch *batch)
{
  g_ptr_array_unref (batch->names);
  g_clear_pointer (&batch->digests, g_variant_unref);
  g_free (batch);
}

/* Hashing: what a worker does. */

static int
hash_file (const char *name,
           GChecksum  *checksum)
{
  static guint8 buffer[256 * 1024];
  int fd = g_str_equal (name, "-") ? dup (STDIN_FILENO)
                                   : open (name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
  ssize_t n_read;
  int errsv;

  if (fd < 0)
    return errno;

  posix_fadvise (fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  while ((n_read = read (fd, buffer, sizeof buffer)) > 0)
    g_checksum_update (checksum, buffer, n_read);

  errsv = n_read < 0 ? errno : 0;
  close (fd);
  return errsv;
}

/* Gives a(is): for each file 0 and the digest, or an errno. */
static GVariant *
hash_files (const char * const *names)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(is)"));

  for (gsize i = 0; names[i] != NULL; i++)
    {
      int errsv = hash_file (names[i], checksum);

      g_variant_builder_add (&builder, "(is)", errsv,
                             errsv == 0 ? g_checksum_get_string (checksum) : "");
      g_checksum_reset (checksum);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* Takes (aay): the name of a file is bytes, not always a string. */
static GVariant *
sha256 (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  g_autofree const char **names = NULL;

  g_variant_get (args, "(^a&ay)", &names);
  return hash_files (names);
}

/* Walking: in a thread, since folders can be slow to read; a batch at a time,
 * since there can be millions of files. */

static int
compare_last_first (gconstpointer a,
                    gconstpointer b)
{
  return strcmp (*(const char * const *) b, *(const char * const *) a);
}

/* The path of a folder ends with a slash, which tells it from a file and puts
 * its files where they belong among the names beside it. */
static char *
operand_to_path (const char *operand)
{
  gboolean is_folder = !g_str_equal (operand, "-") && g_file_test (operand, G_FILE_TEST_IS_DIR);

  return g_strconcat (operand, is_folder && !g_str_has_suffix (operand, "/") ? "/" : NULL, NULL);
}

static gboolean
read_folder (const char *folder,
             GPtrArray  *to_walk)
{
  g_autoptr (GPtrArray) children = g_ptr_array_new ();
  DIR *dir = opendir (folder);
  struct dirent *child;
  int errsv;

  if (dir == NULL)
    return FALSE;

  while (errno = 0, (child = readdir (dir)) != NULL)
    {
      const char *name = child->d_name;
      struct stat st;

      if (fstatat (dirfd (dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        st.st_mode = S_IFREG;

      if (S_ISREG (st.st_mode))
        g_ptr_array_add (children, g_strconcat (folder, name, NULL));
      else if (S_ISDIR (st.st_mode) && !g_str_equal (name, ".") && !g_str_equal (name, ".."))
        g_ptr_array_add (children, g_strconcat (folder, name, "/", NULL));
    }

  errsv = errno;
  closedir (dir);
  g_ptr_array_sort (children, compare_last_first);
  g_ptr_array_extend_and_steal (to_walk, g_steal_pointer (&children));
  return errsv == 0;
}

static void
collect_batch_in_thread (GTask        *task,
                         gpointer      source_object,
                         gpointer      task_data,
                         GCancellable *cancellable)
{
  App *app = task_data;
  GPtrArray *to_walk = app->to_walk;
  Batch *batch = g_new0 (Batch, 1);

  batch->app = app;
  batch->names = g_ptr_array_new_with_free_func (g_free);

  while (to_walk->len > 0 && batch->names->len < BATCH_FILES && batch->size < BATCH_SIZE)
    {
      g_autofree char *path = g_ptr_array_steal_index (to_walk, to_walk->len - 1);
      struct stat st;

      /* What can't be looked at goes to a worker, which will say why. */
      if (g_str_has_suffix (path, "/") && read_folder (path, to_walk))
        continue;

      if (!g_str_equal (path, "-"))
        {
          batch->size += stat (path, &st) == 0 ? st.st_size : 0;
          g_ptr_array_add (batch->names, g_steal_pointer (&path));
          continue;
        }

      /* Standard input, which workers don't share, may take for ever: what was
       * found before it goes first. */
      if (batch->names->len == 0)
        {
          batch->digests = hash_files ((const char *[]) { path, NULL });
          g_ptr_array_add (batch->names, g_steal_pointer (&path));
        }
      else
        {
          g_ptr_array_add (to_walk, g_steal_pointer (&path));
        }
      break;
    }

  if (batch->names->len == 0)
    batch->digests = hash_files ((const char *[]) { NULL });

  g_task_return_pointer (task, batch, (GDestroyNotify) batch_free);
}

/* Printing. */

static void
clear_bar (App *app)
{
  if (app->bar_is_shown)
    fputs ("\r\033[K", stderr);
  app->bar_is_shown = FALSE;
}

static gboolean
draw_bar_cb (gpointer user_data)
{
  App *app = user_data;
  char bar[] = "                    ";

  /* A file counts as a byte, too, or empty ones would not move the bar. */
  if (app->n_found > 0)
    memset (bar, '#', strlen (bar) * (app->size_done + app->n_done) /
                        (app->size_found + app->n_found));

  fprintf (stderr, "\r[%s] %u of %u%s files\033[K",
           bar, app->n_done, app->n_found, app->is_walking ? " or more" : "");
  app->bar_is_shown = TRUE;
  return G_SOURCE_CONTINUE;
}

/* A line that begins with a backslash has a name with escapes. */
static void
print_digest (const char *digest,
              const char *name)
{
  g_autoptr (GString) escaped = g_string_new (name);
  guint n_escapes = 0;

  n_escapes += g_string_replace (escaped, "\\", "\\\\", 0);
  n_escapes += g_string_replace (escaped, "\n", "\\n", 0);
  n_escapes += g_string_replace (escaped, "\r", "\\r", 0);
  printf ("%s%s  %s\n", n_escapes > 0 ? "\\" : "", digest, escaped->str);
}

/* A name that would be odd to read is quoted, as sha256sum does. */
static void
print_problem (int         errsv,
               const char *name)
{
  g_autofree char *shown = g_filename_display_name (name);
  g_autofree char *quoted = NULL;

  for (char *p = shown; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = '?';

  quoted = g_shell_quote (shown);
  fflush (stdout);
  fprintf (stderr, "%s: %s: %s\n", g_get_prgname (),
           name[0] == '\0' || strpbrk (name, " !\"#$&'()*:;<=>?[\\`|~\n") != NULL ? quoted : shown,
           g_strerror (errsv));
}

static void
print_batch (App   *app,
             Batch *batch)
{
  clear_bar (app);
  for (guint i = 0; i < batch->names->len; i++)
    {
      const char *name = g_ptr_array_index (batch->names, i);
      const char *digest;
      int errsv;

      g_variant_get_child (batch->digests, i, "(i&s)", &errsv, &digest);
      if (errsv == 0)
        {
          print_digest (digest, name);
        }
      else
        {
          print_problem (errsv, name);
          app->status = EXIT_FAILURE;
        }
    }
}

static void
check_output (void)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return;

  /* GIO ignores SIGPIPE, but when its reader has gone, a program should end
   * as everybody expects. */
  if (errno == EPIPE)
    {
      signal (SIGPIPE, SIG_DFL);
      raise (SIGPIPE);
    }

  fprintf (stderr, "%s: write error: %s\n", g_get_prgname (), g_strerror (errno));
  exit (EXIT_FAILURE);
}

/* The road of a batch: found, called, printed, and on to the next. */

static void walk_on (App *app);

static void
print_ready (App *app)
{
  Batch *batch;

  while ((batch = g_queue_peek_head (&app->batches)) != NULL && batch->digests != NULL)
    {
      print_batch (app, batch);
      app->n_ahead -= batch->names->len;
      batch_free (g_queue_pop_head (&app->batches));
    }

  check_output ();
  walk_on (app);
}

static void
hashed_cb (GObject      *source_object,
           GAsyncResult *result,
           gpointer      user_data)
{
  Batch *batch = user_data;
  App *app = batch->app;
  g_autoptr (GError) error = NULL;

  batch->digests = ppool_executor_call_finish (PPOOL_EXECUTOR (source_object), result, &error);

  if (batch->digests != NULL)
    {
      app->n_done += batch->names->len;
      app->size_done += batch->size;
      print_ready (app);
    }
  else if (g_main_loop_is_running (app->loop))
    {
      /* A worker has died. This says which one, how and in what; every other
       * call fails with the same. */
      clear_bar (app);
      fprintf (stderr, "%s: %s\n", g_get_prgname (), error->message);
      app->status = EXIT_FAILURE;
      g_main_loop_quit (app->loop);
    }
}

static GVariant *
make_args (GPtrArray *names)
{
  return g_variant_new ("(@aay)", g_variant_new_bytestring_array ((const char **) names->pdata,
                                                                  names->len));
}

static void
batch_collected_cb (GObject      *source_object,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  App *app = user_data;
  Batch *batch = g_task_propagate_pointer (G_TASK (result), NULL);
  gboolean is_done = batch->digests != NULL;

  app->is_walking = FALSE;
  app->n_ahead += batch->names->len;
  app->n_found += batch->names->len;
  app->size_found += batch->size;
  app->n_done += is_done ? batch->names->len : 0;
  g_queue_push_tail (&app->batches, batch);

  if (!is_done)
    ppool_executor_call_async (app->executor, "sha256", make_args (batch->names),
                               NULL, hashed_cb, batch);

  print_ready (app);
}

static void
walk_on (App *app)
{
  g_autoptr (GTask) task = NULL;

  if (app->is_walking || app->n_ahead >= MAX_FILES_AHEAD)
    return;

  if (app->to_walk->len > 0)
    {
      task = g_task_new (NULL, NULL, batch_collected_cb, app);
      g_task_set_source_tag (task, walk_on);
      g_task_set_task_data (task, app, NULL);
      app->is_walking = TRUE;
      g_task_run_in_thread (task, collect_batch_in_thread);
    }
  else if (g_queue_is_empty (&app->batches))
    {
      g_main_loop_quit (app->loop);
    }
}

/* What was asked for. */

static int n_workers;
static char **operands;
static gboolean show_version;

static const GOptionEntry option_entries[] = {
  { "jobs", 'j', 0, G_OPTION_ARG_INT, &n_workers,
    "Hash in N processes (default: one for each processor)", "N" },
  { "version", 0, 0, G_OPTION_ARG_NONE, &show_version, "Show the version and exit", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &operands, NULL, "PATH…" },
  G_OPTION_ENTRY_NULL
};

static gboolean
parse_options (int       argc,
               char    **argv,
               GError  **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  /* GOption knows "-j 4", and not what everybody is used to. */
  for (int i = 1; i < argc && !g_str_equal (argv[i], "--"); i++)
    if (g_str_has_prefix (argv[i], "-j") && argv[i][2] != '\0')
      {
        g_autofree char *jobs = g_strconcat ("--jobs=", argv[i] + 2, NULL);

        argv[i] = (char *) g_intern_string (jobs);
      }

  g_option_context_add_main_entries (context, option_entries, NULL);
  g_option_context_set_summary (context,
    "Prints SHA-256 checksums as sha256sum does, in the order of the PATHs and, in a\n"
    "folder, of “find -H PATH -type f | LC_ALL=C sort”. With - reads standard input.");
  g_option_context_set_description (context,
    "The exit status is 0 when every file was hashed, 1 when one could not be read\n"
    "or a worker died, and 2 when the command line is wrong.");

  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;

  if (show_version || (operands != NULL && n_workers >= 0))
    return TRUE;

  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       operands == NULL ? "Missing operand" : "N can't be negative");
  return FALSE;
}

static int
run (void)
{
  /* Static, since after a failure the walk may still be at work. */
  static App app = { .batches = G_QUEUE_INIT, .status = EXIT_SUCCESS };
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  const char *term = g_getenv ("TERM");

  app.loop = g_main_loop_new (NULL, FALSE);
  app.executor = ppool_executor_new (launcher);
  app.to_walk = g_ptr_array_new ();
  ppool_executor_set_max_workers (app.executor, n_workers);

  for (guint i = g_strv_length (operands); i > 0; i--)
    g_ptr_array_add (app.to_walk, operand_to_path (operands[i - 1]));

  if (isatty (STDERR_FILENO) && term != NULL && !g_str_equal (term, "dumb"))
    g_timeout_add (100, draw_bar_cb, &app);

  /* Signals need no handlers: they end this process at once, and workers, busy
   * or not, leave when it is gone. */
  walk_on (&app);
  g_main_loop_run (app.loop);

  clear_bar (&app);
  ppool_executor_shutdown_sync (app.executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING, NULL, NULL);
  g_object_unref (app.executor);
  g_main_loop_unref (app.loop);
  return app.status;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (GError) error = NULL;

  /* A worker is this program with the same arguments, so this comes first. */
  ppool_worker_add_function (worker, "sha256", sha256, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  setlocale (LC_ALL, "");

  if (!parse_options (argc, argv, &error))
    {
      fprintf (stderr, "%s: %s\nTry '%s --help' for more information.\n",
               g_get_prgname (), error->message, g_get_prgname ());
      return EXIT_USAGE;
    }

  if (show_version)
    {
      printf ("checksum (PPool-GLib) %d.%d.%d\n",
              PPOOL_MAJOR_VERSION, PPOOL_MINOR_VERSION, PPOOL_MICRO_VERSION);
      return EXIT_SUCCESS;
    }

  return run ();
}
