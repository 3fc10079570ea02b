/* shutdown-races-test.c: the end of an executor, from several sides at a time
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

static void
assert_gone (PPoolExecutor *executor)
{
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_SHUT_DOWN);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 0);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

/* A17: before there is a worker, and while there is none yet. */
static void
test_at_once (Harness *harness)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (2);
      g_autoptr (PPoolFuture) future = harness_submit (executor, "pid", NULL);
      g_autoptr (GVariant) value = NULL;

      for (guint n = 0; n < 20 * i; n++)
        g_thread_yield ();
      harness_shut_down (executor);
      g_assert_true (ppool_future_is_done (future));
      value = harness_result (future);
      assert_gone (executor);
    }
}

static gpointer
cancel_pending_thread (gpointer user_data)
{
  PPoolExecutor *executor = user_data;

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);

  return NULL;
}

/* An executor is shut down when the last of its calls is done, and not before. */
static void
test_state (Harness *harness G_GNUC_UNUSED)
{
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  GThread *thread;

  harness_assert_works (executor);
  for (guint i = 0; i < 30000; i++)
    g_ptr_array_add (futures, ppool_executor_submit (executor, "echo", NULL, NULL, NULL));

  thread = g_thread_new ("closer", cancel_pending_thread, executor);
  while (ppool_executor_get_state (executor) != PPOOL_EXECUTOR_STATE_SHUT_DOWN)
    g_thread_yield ();
  for (guint i = 0; i < futures->len; i++)
    g_assert_true (ppool_future_is_done (futures->pdata[i]));

  g_thread_join (thread);
  assert_gone (executor);
}

typedef struct
{
  PPoolExecutor *executor;
  GPtrArray *futures; /* (owned) */
  guint round;
} Closer;

static gpointer
submit_and_close_thread (gpointer user_data)
{
  Closer *self = user_data;
  PPoolShutdownFlags flags =
      self->round % 2 ? PPOOL_SHUTDOWN_FLAGS_NONE : PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING;

  for (guint i = 0; i < 50; i++)
    {
      PPoolFuture *future = ppool_executor_submit (self->executor, "echo", NULL, NULL, NULL);

      if (future != NULL)
        g_ptr_array_add (self->futures, harness_track (future));
      if (i == 10 + self->round)
        ppool_executor_shutdown (self->executor, flags);
      if (i == 30 && self->round % 3 == 0)
        ppool_executor_terminate_workers (self->executor);
    }
  harness_shut_down (self->executor);
  for (guint i = 0; i < self->futures->len; i++)
    g_assert_true (ppool_future_is_done (self->futures->pdata[i]));

  return NULL;
}

/* A17: all of it, by several at a time. */
static void
test_mixed (Harness *harness)
{
  for (guint round = 0; round < 20; round++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (2);
      GThread *threads[4];
      Closer closers[4];

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          closers[i] = (Closer){ executor, g_ptr_array_new_with_free_func (g_object_unref),
                                 round + i };
          threads[i] = g_thread_new ("closer", submit_and_close_thread, &closers[i]);
        }
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
      assert_gone (executor);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_ptr_array_unref (closers[i].futures);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A17 */
  harness_add ("/shutdown/races/at-once", test_at_once);
  harness_add ("/shutdown/races/state", test_state);
  harness_add ("/shutdown/races/mixed", test_mixed);

  return g_test_run ();
}
