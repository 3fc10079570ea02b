/* handlers-test.c: functions that wait, inside of the handler of their own cancellable
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "busy.h"
#include "harness.h"

#define LIMIT_USEC (20 * G_TIME_SPAN_SECOND)

/* Waits for what doesn't come, and gives the error. */
typedef GError *(*Door) (Busy         *busy,
                         GCancellable *cancellable);

static GError *
call_sync (Busy         *busy,
           GCancellable *cancellable)
{
  GError *error = NULL;

  g_assert_null (ppool_executor_call_sync (busy->executor, "echo", NULL, cancellable, &error));

  return error;
}

static GError *
wait_futures (Busy         *busy,
              GCancellable *cancellable)
{
  GError *error = NULL;

  g_assert_null (ppool_wait_futures (&busy->future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1,
                                     cancellable, &error));

  return error;
}

static GError *
shutdown_sync (Busy         *busy,
               GCancellable *cancellable)
{
  GError *error = NULL;

  g_assert_false (ppool_executor_shutdown_sync (busy->executor, PPOOL_SHUTDOWN_FLAGS_NONE,
                                                cancellable, &error));

  return error;
}

typedef struct
{
  Busy *busy;
  Door door;
  GCancellable *cancellable; /* (owned) */
  GError *error;             /* (owned) (nullable) */
  GAsyncQueue *ended;        /* (owned): gets this */
} Wait;

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  Wait *wait = user_data;

  wait->error = wait->door (wait->busy, cancellable);
}

static gpointer
cancel_thread (gpointer user_data)
{
  Wait *wait = user_data;

  g_cancellable_cancel (wait->cancellable);
  g_async_queue_push (wait->ended, wait);

  return NULL;
}

static gpointer
wait_thread (gpointer user_data)
{
  Wait *wait = user_data;

  wait->error = wait->door (wait->busy, wait->cancellable);
  g_async_queue_push (wait->ended, wait);

  return NULL;
}

static void
run (Harness    *harness,
     Door        door,
     gboolean    inside,
     GThreadFunc func)
{
  Busy busy;
  Wait wait = { &busy, door, g_cancellable_new (), NULL, g_async_queue_new () };
  GThread *thread;

  busy_init (&busy, harness);
  if (inside)
    g_signal_connect (wait.cancellable, "cancelled", G_CALLBACK (cancelled_cb), &wait);

  thread = g_thread_new ("wait", func, &wait);
  if (!inside)
    {
      g_assert_null (g_async_queue_timeout_pop (wait.ended, 20 * G_TIME_SPAN_MILLISECOND));
      g_cancellable_cancel (wait.cancellable);
    }
  g_assert_true (g_async_queue_timeout_pop (wait.ended, LIMIT_USEC) == &wait);
  g_thread_join (thread);
  g_assert_error (wait.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  gate_open (busy.visitor, NULL);
  harness_shut_down (busy.executor);
  busy_clear (&busy);
  g_clear_error (&wait.error);
  g_async_queue_unref (wait.ended);
  g_object_unref (wait.cancellable);
}

static const struct
{
  const char *name;
  Door door;
} doors[] = {
  { "call-sync", call_sync },
  { "wait-futures", wait_futures },
  { "shutdown-sync", shutdown_sync },
};

/* Clean-up code, say, that runs when something was cancelled. */
static void
test_inside (Harness       *harness,
             gconstpointer  data)
{
  run (harness, doors[GPOINTER_TO_SIZE (data)].door, TRUE, cancel_thread);
}

static void
test_outside (Harness       *harness,
              gconstpointer  data)
{
  run (harness, doors[GPOINTER_TO_SIZE (data)].door, FALSE, wait_thread);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (doors); i++)
    {
      g_autofree char *inside = g_strdup_printf ("/handlers/inside/%s", doors[i].name);
      g_autofree char *outside = g_strdup_printf ("/handlers/outside/%s", doors[i].name);

      harness_add_with_data (inside, test_inside, GSIZE_TO_POINTER (i));
      harness_add_with_data (outside, test_outside, GSIZE_TO_POINTER (i));
    }

  return g_test_run ();
}
