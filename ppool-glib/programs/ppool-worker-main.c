/* ppool-worker-main.c: the program that makes a worker of a module
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-glib.h"

#include <gmodule.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_INIT "ppool_module_init"

static const char summary[] =
  "Loads MODULE and runs the functions that its " MODULE_INIT "() adds, as a\n"
  "worker of the PPoolExecutor that started this program.";

static const char description[] =
  "By hand it is of use with --check alone: make a PPoolExecutor with the launcher\n"
  "of ppool_launcher_new_module(), and it starts as many of these as it needs.";

typedef struct
{
  gboolean check;
  gboolean show_version;
} Options;

static gboolean
parse_arguments (int        *argc,
                 char     ***argv,
                 Options    *options,
                 GError    **error)
{
  const GOptionEntry entries[] = {
    { "check", 0, 0, G_OPTION_ARG_NONE, &options->check,
      "Load MODULE, list its functions and exit", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->show_version,
      "Print the version and exit", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("MODULE");

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;

  if (!options->show_version && *argc != 2)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "Expected one MODULE; see “%s --help”", g_get_prgname ());
      return FALSE;
    }

  return TRUE;
}

/* Everything is bound at once, as a missing symbol is better told here than in
 * the middle of a call. */
static gboolean
load_module (const char   *path,
             PPoolWorker  *worker,
             GError      **error)
{
  /* The linker would look for a bare name everywhere but here. */
  g_autofree char *canonical = g_canonicalize_filename (path, NULL);
  g_autoptr (GError) init_error = NULL;
  PPoolModuleInitFunc init;
  GModule *module = g_module_open_full (canonical, G_MODULE_BIND_LOCAL, error);

  if (module == NULL)
    return FALSE;

  /* Types and threads of a module stay behind in the process. */
  g_module_make_resident (module);

  if (!g_module_symbol (module, MODULE_INIT, (gpointer *) &init) || init == NULL)
    {
      g_set_error (error, G_MODULE_ERROR, G_MODULE_ERROR_FAILED,
                   "%s exports no function %s()", canonical, MODULE_INIT);
      return FALSE;
    }

  if (!init (worker, &init_error))
    {
      g_set_error (error, G_MODULE_ERROR, G_MODULE_ERROR_FAILED,
                   "%s() of %s failed: %s", MODULE_INIT, canonical,
                   init_error != NULL ? init_error->message : "it does not say why");
      return FALSE;
    }

  return TRUE;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* Prints what a pool could call. */
static gboolean
list_functions (const char   *path,
                PPoolWorker  *worker,
                GError      **error)
{
  GHashTable *functions = g_object_get_data (G_OBJECT (worker), "ppool-functions");
  guint n_functions = g_hash_table_size (functions);
  g_autofree gpointer *names = g_hash_table_get_keys_as_array (functions, NULL);
  guint signal_id = g_signal_lookup ("handle-call", PPOOL_TYPE_WORKER);
  gboolean takes_any = g_signal_has_handler_pending (worker, signal_id, 0, FALSE);

  if (n_functions == 0 && !takes_any)
    {
      g_set_error (error, G_MODULE_ERROR, G_MODULE_ERROR_FAILED,
                   "%s() of %s adds no function", MODULE_INIT, path);
      return FALSE;
    }

  qsort (names, n_functions, sizeof *names, compare_names);
  for (guint i = 0; i < n_functions; i++)
    g_print ("%s\n", (const char *) names[i]);
  if (takes_any)
    g_printerr ("%s: calls of other names go to a handler of “handle-call”\n", g_get_prgname ());

  return TRUE;
}

static gboolean
check (const char   *path,
       PPoolWorker  *worker,
       GError      **error)
{
  return load_module (path, worker, error) && list_functions (path, worker, error);
}

static gboolean
prepare (const char   *path,
         PPoolWorker  *worker,
         GError      **error)
{
  if (ppool_worker_is_spawned ())
    return load_module (path, worker, error);

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
               "This program is a worker and is started by a PPoolExecutor, not by hand; "
               "use “%s --check %s” to try the module", g_get_prgname (), path);
  return FALSE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (GError) error = NULL;
  Options options = { FALSE, FALSE };

  setlocale (LC_ALL, "");

  if (parse_arguments (&argc, &argv, &options, &error))
    {
      if (options.show_version)
        {
          g_print ("ppool-worker %d.%d.%d\n",
                   PPOOL_MAJOR_VERSION, PPOOL_MINOR_VERSION, PPOOL_MICRO_VERSION);
          return EXIT_SUCCESS;
        }
      if (options.check && check (argv[1], worker, &error))
        return EXIT_SUCCESS;
      if (!options.check && prepare (argv[1], worker, &error))
        return ppool_worker_run (worker, NULL);
    }

  g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  return EXIT_FAILURE;
}
