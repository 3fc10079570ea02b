/* thumbnails.c: small images of a folder, some of whose files are bad
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Makes a thumbnail of each image in a folder, and puts it into another one:
 *
 *     thumbnails [--verbose] FOLDER OUTPUT
 *
 * The decoder stands for one with bugs: it crashes at an image that has the comment
 * "# crash", runs without end at "# hang", and believes every size that it is told. Each of
 * these costs one file, whose name and reason are printed; all others are done. With
 * --verbose, it also prints what becomes of the workers. */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ppool-glib/ppool-glib.h>

#define MAX_SIZE     64
#define TIMEOUT_MSEC 2000

/* Decoding: what a worker does. The images are "portable graymaps". */

typedef struct
{
  guint32 width, height;
  guint8 *pixels; /* (owned) */
} Image;

static void
skip_comment (const char **at)
{
  if (g_str_has_prefix (*at, "# crash"))
    raise (SIGSEGV);
  if (g_str_has_prefix (*at, "# hang"))
    for (;;)
      continue;
  *at += strcspn (*at, "\n");
}

static guint32
read_number (const char **at)
{
  guint32 number;

  while (g_ascii_isspace (**at) || **at == '#')
    if (**at == '#')
      skip_comment (at);
    else
      (*at)++;

  number = (guint32) g_ascii_strtoull (*at, (char **) at, 10);
  return number;
}

static gboolean
decode (const char  *data,
        gsize        length,
        Image       *image,
        GError     **error)
{
  const char *at = data + strlen ("P5");
  gsize size;

  if (!g_str_has_prefix (data, "P5"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "it is no image");
      return FALSE;
    }

  image->width = read_number (&at);
  image->height = read_number (&at);
  read_number (&at);
  size = (gsize) image->width * image->height;
  image->pixels = g_malloc (size);

  if (size == 0 || size >= length - (gsize) (at - data))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT, "the end is missing");
      return FALSE;
    }

  memcpy (image->pixels, at + 1, size);
  return TRUE;
}

static GVariant *
scale (const Image *image)
{
  guint32 longest = MAX (MAX (image->width, image->height), MAX_SIZE);
  guint32 width = MAX ((guint32) ((guint64) image->width * MAX_SIZE / longest), 1);
  guint32 height = MAX ((guint32) ((guint64) image->height * MAX_SIZE / longest), 1);
  g_autofree guint8 *pixels = g_malloc ((gsize) width * height);

  for (guint32 y = 0; y < height; y++)
    for (guint32 x = 0; x < width; x++)
      pixels[(gsize) y * width + x] =
        image->pixels[(gsize) y * image->height / height * image->width +
                      (gsize) x * image->width / width];

  return g_variant_new ("(uu@ay)", width, height,
                        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, pixels,
                                                   (gsize) width * height, 1));
}

/* Takes the path of a file as bytes. */
static GVariant *
thumbnail (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  g_autofree char *data = NULL;
  Image image = { 0 };
  GVariant *value = NULL;
  gsize length;

  if (!g_file_get_contents (g_variant_get_bytestring (args), &data, &length, error))
    return NULL;

  if (decode (data, length, &image, error))
    value = scale (&image);
  g_free (image.pixels);
  return value;
}

/* The program's side */

static PPoolExecutor *
new_executor (void)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  PPoolExecutor *executor;

  /* What workers write is told with their death. */
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  executor = ppool_executor_new (launcher);
  ppool_executor_set_crash_policy (executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_call_timeout_msec (executor, TIMEOUT_MSEC);
  /* Its functions don't look whether they are wanted, so there is no point in asking. */
  ppool_executor_set_abort_grace_msec (executor, 0);

  return executor;
}

/* What becomes of workers is not of interest to all. */
static void
worker_exited_cb (PPoolExecutor     *executor,
                  PPoolWorkerStatus *status,
                  const GError      *reason,
                  gpointer           user_data)
{
  fprintf (stderr, "thumbnails: worker %u: %s\n", ppool_worker_status_get_slot (status),
           reason != NULL ? reason->message : "has exited");
}

/* That is told in the main context, which nothing else here needs. */
static void
tell_of_workers (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static PPoolFuture *
submit (PPoolExecutor  *executor,
        const char     *folder,
        const char     *name,
        GError        **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *label = g_filename_display_name (name);
  g_autoptr (PPoolCall) call = ppool_call_new ("thumbnail", g_variant_new_bytestring (path));
  PPoolFuture *future;

  ppool_call_set_label (call, label);
  future = ppool_executor_submit_call (executor, call, NULL, error);
  if (future != NULL)
    g_object_set_data_full (G_OBJECT (future), "name", g_strdup (name), g_free);

  return future;
}

static gboolean
write_thumbnail (const char  *output,
                 const char  *name,
                 GVariant    *value,
                 GError     **error)
{
  g_autofree char *path = g_build_filename (output, name, NULL);
  g_autoptr (GVariant) pixels = NULL;
  g_autoptr (GString) data = g_string_new (NULL);
  guint32 width, height;

  g_variant_get (value, "(uu@ay)", &width, &height, &pixels);
  g_string_append_printf (data, "P5\n%u %u\n255\n", width, height);
  g_string_append_len (data, g_variant_get_data (pixels), (gssize) g_variant_get_size (pixels));

  return g_file_set_contents (path, data->str, (gssize) data->len, error);
}

/* What went wrong with a file, for who has never heard of workers. */
static char *
explain (PPoolFuture  *future,
         const GError *error)
{
  g_autoptr (PPoolDeath) death = ppool_future_get_death (future);

  if (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT))
    return g_strdup_printf ("it takes longer than %d s", TIMEOUT_MSEC / 1000);
  if (death == NULL)
    return g_strdup (error->message);
  if (ppool_death_get_cause (death) == PPOOL_DEATH_CAUSE_OUT_OF_MEMORY)
    return g_strdup ("it needs more memory than there is");
  if (ppool_death_get_stderr_tail (death) != NULL)
    return g_strstrip (g_strdup_printf ("the decoder crashed: %s",
                                        ppool_death_get_stderr_tail (death)));

  return g_strdup_printf ("the decoder crashed: %s",
                          g_strsignal (ppool_death_get_signal_number (death)));
}

static gboolean
finish (PPoolFuture *future,
        const char  *output)
{
  const char *name = g_object_get_data (G_OBJECT (future), "name");
  g_autofree char *shown = g_filename_display_name (name);
  g_autofree char *reason = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = ppool_future_propagate (future, &error);

  if (value != NULL && write_thumbnail (output, name, value, &error))
    return TRUE;

  reason = explain (future, error);
  fprintf (stderr, "thumbnails: %s: %s\n", shown, reason);
  return FALSE;
}

static void
show_progress (guint n_done,
               guint n_files)
{
  if (isatty (STDERR_FILENO))
    fprintf (stderr, n_done < n_files ? "\r%u of %u files" : "\r\033[K", n_done, n_files);
}

/* Returns: the number of files that are bad, or -1 */
static int
run (PPoolExecutor  *executor,
     const char     *folder,
     const char     *output,
     GError        **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (PPoolAsCompleted) completed = NULL;
  const char *name;
  PPoolFuture *future;
  guint n_done = 0;
  int n_bad = 0;

  if (dir == NULL)
    return -1;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      future = submit (executor, folder, name, error);
      if (future == NULL)
        return -1;
      g_ptr_array_add (futures, future);
    }

  completed = ppool_as_completed_new ((PPoolFuture **) futures->pdata, futures->len, -1);
  show_progress (0, futures->len);
  while ((future = ppool_as_completed_next_future (completed, -1, NULL)) != NULL)
    {
      if (isatty (STDERR_FILENO))
        fputs ("\r\033[K", stderr);
      n_bad += !finish (future, output);
      tell_of_workers ();
      show_progress (++n_done, futures->len);
      g_object_unref (future);
    }

  printf ("%u thumbnails, %d files are bad\n", n_done - (guint) n_bad, n_bad);
  return n_bad;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_verbose;
  int n_bad;

  setlocale (LC_ALL, "");

  worker = ppool_worker_new ();
  ppool_worker_add_function (worker, "thumbnail", thumbnail, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  is_verbose = argc > 1 && g_str_equal (argv[1], "--verbose");
  if (argc != (is_verbose ? 4 : 3))
    {
      fputs ("Usage: thumbnails [--verbose] FOLDER OUTPUT\n", stderr);
      return 2;
    }

  executor = new_executor ();
  if (is_verbose)
    g_signal_connect (executor, "worker-exited", G_CALLBACK (worker_exited_cb), NULL);
  n_bad = run (executor, argv[argc - 2], argv[argc - 1], &error);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING, NULL, NULL);
  tell_of_workers ();
  if (error != NULL)
    fprintf (stderr, "thumbnails: %s\n", error->message);

  return n_bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
