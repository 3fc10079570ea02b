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

#define MODULE_INIT "ppool_module_init"

static const char summary[] =
  "Loads MODULE and runs the functions that its " MODULE_INIT "() adds, as a\n"
  "worker of the PPoolExecutor that started this program.";

static const char description[] =
  "It is not for use by hand: make a PPoolExecutor with the launcher of\n"
  "ppool_launcher_new_module(), and it starts as many of these as it needs.";

static gboolean
parse_arguments (int        *argc,
                 char     ***argv,
                 gboolean   *show_version,
                 GError    **error)
{
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, show_version, "Print the version and exit", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("MODULE");

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;

  if (!*show_version && *argc != 2)
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

static gboolean
prepare (const char   *path,
         PPoolWorker  *worker,
         GError      **error)
{
  if (ppool_worker_is_spawned ())
    return load_module (path, worker, error);

  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
               "This program is a worker and is started by a PPoolExecutor, not by hand; "
               "see “%s --help”", g_get_prgname ());
  return FALSE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (GError) error = NULL;
  gboolean show_version = FALSE;

  setlocale (LC_ALL, "");

  if (parse_arguments (&argc, &argv, &show_version, &error))
    {
      if (show_version)
        {
          g_print ("ppool-worker %d.%d.%d\n",
                   PPOOL_MAJOR_VERSION, PPOOL_MINOR_VERSION, PPOOL_MICRO_VERSION);
          return EXIT_SUCCESS;
        }
      if (prepare (argv[1], worker, &error))
        return ppool_worker_run (worker, NULL);
    }

  g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  return EXIT_FAILURE;
}
