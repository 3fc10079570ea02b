/* late-loader.c: a program that loads the library when it has changed its title
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <dlfcn.h>
#include <gio/gio.h>
#include <string.h>

/* late-loader LIBRARY TITLE-LENGTH [ARGUMENT…]: prints what comes of a call to a
 * worker that is this program again. TITLE-LENGTH 0 leaves the title as it is. */
int
main (int    argc,
      char **argv)
{
  g_autofree char *path = g_strdup (argv[1]);
  gsize length = (gsize) g_ascii_strtoull (argv[2], NULL, 10);
  char *last = argv[argc - 1];
  gsize room = (gsize) (last + strlen (last) - argv[0]);
  GObject *(*new_self) (void);
  GObject *(*new_executor) (gpointer launcher);
  GVariant *(*call) (gpointer executor, const char *function, GVariant *args,
                     GCancellable *cancellable, GError **error);
  gboolean (*is_spawned) (void);
  g_autoptr (GObject) launcher = NULL;
  g_autoptr (GObject) executor = NULL;
  g_autoptr (GError) error = NULL;
  void *library;

  if (length > 0)
    {
      memset (argv[0], 0, room);
      memset (argv[0], 't', MIN (length, room));
    }

  library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL)
    return 2;

  *(void **) &is_spawned = dlsym (library, "ppool_worker_is_spawned");
  *(void **) &new_self = dlsym (library, "ppool_launcher_new_self");
  *(void **) &new_executor = dlsym (library, "ppool_executor_new");
  *(void **) &call = dlsym (library, "ppool_executor_call_sync");
  if (is_spawned ())
    {
      g_printerr ("started with %d arguments", argc);
      return 3;
    }

  launcher = new_self ();
  executor = new_executor (launcher);
  call (executor, "nothing", NULL, NULL, &error);
  g_print ("%s\n", error->message);

  return 0;
}
