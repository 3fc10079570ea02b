/* unload-test.c: a program that closes the library, as the host of a plugin does
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "leftovers.h"

#include <dlfcn.h>
#include <gio/gio.h>

/* This program is not linked to the library. It closes it while the library's thread
 * and GDBus's still run its code, and comes back to its types. */

#define PATIENCE_MSEC 50000

/* The few functions that are used here, looked up once the library is open. */
typedef struct
{
  void *library;
  gpointer (*launcher_new) (const char * const *argv);
  gpointer (*executor_new) (gpointer launcher);
  gpointer (*submit) (gpointer     executor,
                      const char  *function,
                      GVariant    *args,
                      gpointer     cancellable,
                      GError     **error);
  GVariant *(*result) (gpointer   future,
                       int        timeout_msec,
                       GError   **error);
  gboolean (*shutdown_sync) (gpointer   executor,
                             guint      flags,
                             gpointer   cancellable,
                             GError   **error);
} Plugin;

static gpointer
look_up (Plugin     *self,
         const char *name)
{
  gpointer symbol = dlsym (self->library, name);

  g_assert_nonnull (symbol);

  return symbol;
}

static void
open_plugin (Plugin *self)
{
  g_autofree char *path =
    g_test_build_filename (G_TEST_BUILT, "..", "ppool-glib", LIBRARY_NAME, NULL);

  self->library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (self->library == NULL)
    g_error ("%s", dlerror ());

  self->launcher_new = look_up (self, "ppool_launcher_new");
  self->executor_new = look_up (self, "ppool_executor_new");
  self->submit = look_up (self, "ppool_executor_submit");
  self->result = look_up (self, "ppool_future_result");
  self->shutdown_sync = look_up (self, "ppool_executor_shutdown_sync");
}

static void
close_plugin (Plugin *self)
{
  g_assert_cmpint (dlclose (self->library), ==, 0);
}

static gpointer
make_executor (Plugin *self)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "workers", "bad-worker", NULL);
  g_autoptr (GObject) launcher = self->launcher_new ((const char *[]){ program, NULL });

  return self->executor_new (launcher);
}

static void
call (Plugin   *self,
      gpointer  executor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) future = self->submit (executor, "echo", NULL, NULL, &error);
  g_autoptr (GVariant) value = NULL;

  g_assert_no_error (error);
  value = self->result (future, PATIENCE_MSEC, &error);
  g_assert_no_error (error);
}

static void
shut_down (Plugin   *self,
           gpointer  executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (self->shutdown_sync (executor, 0, NULL, &error));
  g_assert_no_error (error);
}

static void
wait_for_children (void)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_MSEC * G_TIME_SPAN_MILLISECOND;

  while (leftovers_count_children () > 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_thread_yield ();
    }
}

/* The manager is about to end. */
static void
test_shut_down (void)
{
  for (int i = 0; i < 10; i++)
    {
      Plugin plugin;
      g_autoptr (GObject) executor = NULL;

      open_plugin (&plugin);
      executor = make_executor (&plugin);
      call (&plugin, executor);
      shut_down (&plugin, executor);
      g_clear_object (&executor);
      close_plugin (&plugin);
    }
}

/* The manager has a worker to wait for. */
static void
test_dropped (void)
{
  for (int i = 0; i < 10; i++)
    {
      Plugin plugin;
      g_autoptr (GObject) executor = NULL;

      open_plugin (&plugin);
      executor = make_executor (&plugin);
      call (&plugin, executor);
      g_clear_object (&executor);
      close_plugin (&plugin);
    }
  wait_for_children ();
}

/* Somebody still has an object of it. */
static void
test_late (void)
{
  g_autoptr (GObject) executor = NULL;
  Plugin plugin;

  open_plugin (&plugin);
  executor = make_executor (&plugin);
  call (&plugin, executor);
  close_plugin (&plugin);

  call (&plugin, executor);
  shut_down (&plugin, executor);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/unload/shut-down", test_shut_down);
  g_test_add_func ("/unload/dropped", test_dropped);
  g_test_add_func ("/unload/late", test_late);

  return g_test_run ();
}
