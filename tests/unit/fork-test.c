/* fork-test.c: what a forked copy of a process can rely on
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-fork-private.h"

#include "ppool-memory-private.h"
#include "ppool-notifier-private.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 30

/* How often a process is forked while its other threads are at something. */
#define N_COPIES 100

typedef void (*CopyFunc) (gpointer data);

static void
run_in_copy (CopyFunc func,
             gpointer data)
{
  int status;
  int pid = fork ();

  g_assert_no_errno (pid);
  if (pid == 0)
    {
      alarm (PATIENCE_SECONDS);
      func (data);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static void
check_pid (gpointer data)
{
  g_assert_cmpint (ppool_fork_get_pid (), ==, getpid ());
  g_assert_cmpint (ppool_fork_get_pid (), !=, GPOINTER_TO_INT (data));
  g_assert_true (ppool_fork_is_copy ());
}

static void
test_pid (void)
{
  g_assert_cmpint (ppool_fork_get_pid (), ==, getpid ());
  run_in_copy (check_pid, GINT_TO_POINTER (ppool_fork_get_pid ()));
}

static PPoolForkLock lock;
static int n_forgotten;

static void
forget (void)
{
  n_forgotten++;
}

static gpointer
lock_thread (gpointer data G_GNUC_UNUSED)
{
  ppool_fork_lock (&lock, forget);
  ppool_fork_unlock (&lock);

  return NULL;
}

/* Whoever has it is not here. */
static void
use_lock (gpointer data)
{
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("lock", lock_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (n_forgotten, ==, GPOINTER_TO_INT (data));

  if (n_forgotten == 1)
    {
      ppool_fork_lock (&lock, forget);
      run_in_copy (use_lock, GINT_TO_POINTER (2));
      ppool_fork_unlock (&lock);
    }
}

static void
test_lock (void)
{
  ppool_fork_lock (&lock, forget);
  run_in_copy (use_lock, GINT_TO_POINTER (1));
  ppool_fork_unlock (&lock);
  lock_thread (NULL);
  g_assert_cmpint (n_forgotten, ==, 0);
}

/* Memory */

static int is_stopping;

static gpointer
find_thread (gpointer user_data)
{
  PPoolMemory *memory = user_data;
  guint64 offset;

  while (!g_atomic_int_get (&is_stopping))
    ppool_memory_unref (ppool_memory_find (ppool_memory_get_data (memory), 1, &offset));

  return NULL;
}

static PPoolMemory *
make_memory (void)
{
  g_autoptr (GError) error = NULL;
  PPoolMemory *memory = ppool_memory_new (PPOOL_SEGMENT_THRESHOLD, &error);

  g_assert_no_error (error);
  ppool_memory_publish (memory);

  return memory;
}

/* What the original published is nobody's here until it is published once more. */
static void
use_memory (gpointer data)
{
  PPoolMemory *memory = data;
  PPoolMemory *own = make_memory ();
  guint64 offset;

  g_assert_null (ppool_memory_find (ppool_memory_get_data (memory), 1, &offset));
  ppool_memory_publish (memory);
  ppool_memory_unref (ppool_memory_find (ppool_memory_get_data (memory), 1, &offset));
  ppool_memory_unref (ppool_memory_find (ppool_memory_get_data (own), 1, &offset));
  ppool_memory_unref (memory);
  ppool_memory_unref (own);
}

static void
test_memory (void)
{
  PPoolMemory *memory = make_memory ();
  GThread *thread = g_thread_new ("find", find_thread, memory);

  for (int i = 0; i < N_COPIES; i++)
    run_in_copy (use_memory, memory);
  g_atomic_int_set (&is_stopping, TRUE);
  g_thread_join (thread);
  ppool_memory_unref (memory);
}

/* The notifier: a thread is in the middle of it while this one has the lock of its main
 * context, which GLib holds when it calls this. */

typedef struct
{
  PPoolNotifier *notifier; /* (owned) */
  GThread *thread;         /* (owned) (nullable) */
  int is_poking;           /* atomic */
} Poke;

static void
changed_cb (GObject *object G_GNUC_UNUSED,
            gboolean all G_GNUC_UNUSED)
{
}

static gpointer
poke_thread (gpointer user_data)
{
  Poke *self = user_data;

  g_atomic_int_set (&self->is_poking, gettid ());
  ppool_notifier_poke (self->notifier, TRUE);

  return NULL;
}

static void
use_notifier (gpointer data)
{
  Poke *self = data;

  ppool_notifier_poke (self->notifier, TRUE);
  ppool_notifier_end (self->notifier);
  ppool_notifier_unref (self->notifier);
}

static gboolean
is_asleep (int task)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", task);
  g_autofree char *stat = NULL;

  return g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") S ") != NULL;
}

static void
get_callback (gpointer     data,
              GSource     *source G_GNUC_UNUSED,
              GSourceFunc *func,
              gpointer    *func_data)
{
  Poke *self = data;

  if (self->thread == NULL)
    {
      self->thread = g_thread_new ("poke", poke_thread, self);
      while (g_atomic_int_get (&self->is_poking) == 0 ||
             !is_asleep (g_atomic_int_get (&self->is_poking)))
        g_thread_yield ();
      run_in_copy (use_notifier, self);
    }

  *func = G_SOURCE_FUNC (g_source_remove);
  *func_data = NULL;
}

static void
ignore (gpointer data G_GNUC_UNUSED)
{
}

static gboolean
dispatch (GSource     *source G_GNUC_UNUSED,
          GSourceFunc  callback G_GNUC_UNUSED,
          gpointer     user_data G_GNUC_UNUSED)
{
  return G_SOURCE_REMOVE;
}

static void
test_notifier (void)
{
  static GSourceCallbackFuncs callback_funcs = { ignore, ignore, get_callback };
  static GSourceFuncs funcs = { .dispatch = dispatch };
  g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (GSource) source = g_source_new (&funcs, sizeof (GSource));
  Poke poke = { 0 };

  poke.notifier = ppool_notifier_new (object, 0, changed_cb);
  g_source_set_ready_time (source, 0);
  g_source_set_callback_indirect (source, &poke, &callback_funcs);
  g_source_attach (source, NULL);
  while (poke.thread == NULL)
    g_main_context_iteration (NULL, TRUE);

  g_thread_join (poke.thread);
  ppool_notifier_end (poke.notifier);
  ppool_notifier_unref (poke.notifier);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/fork/pid", test_pid);
  g_test_add_func ("/fork/lock", test_lock);
  g_test_add_func ("/fork/memory", test_memory);
  g_test_add_func ("/fork/notifier", test_notifier);

  return g_test_run ();
}
