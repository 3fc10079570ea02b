/* prestart-test.c: workers that are there before their calls
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "held.h"

typedef struct
{
  PPoolExecutor *executor;
  guint n_workers;
} Expected;

static gboolean
has_workers (gpointer user_data)
{
  const Expected *expected = user_data;

  return ppool_executor_get_n_workers (expected->executor) == expected->n_workers;
}

static void
wait_for_workers (PPoolExecutor *executor,
                  guint          n_workers)
{
  Expected expected = { executor, n_workers };

  harness_iterate_until (has_workers, &expected);
}

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

/* A3, beyond it: workers run their initializer although nobody has called anything. */
static void
test_prestart (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolLauncher) launcher = harness_launcher ();
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitors[2];

  executor = harness_track (
    g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers", 2, "initializer",
                  "gate", "initializer-args", g_variant_new ("(s)", gate_get_path (gate)), NULL));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_true (ppool_executor_prestart (executor, 0, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    visitors[i] = gate_wait (gate);
  g_assert_cmpint (visitors[0].pid, !=, visitors[1].pid);
  for (guint i = 0; i < G_N_ELEMENTS (visitors); i++)
    gate_open (visitors[i], "");

  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 2);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  harness_shut_down (executor);
}

static void
test_bounds (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  g_assert_true (ppool_executor_prestart (executor, 1, NULL));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 1);
  g_assert_true (ppool_executor_prestart (executor, 5, NULL));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 2);
  g_assert_true (ppool_executor_prestart (executor, 1, NULL));
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 2);
  harness_assert_works (executor);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 2);
}

static void
test_refused (Harness *harness)
{
  static const char * const argv[] = { "/nowhere/to/be/found", NULL };
  g_autoptr (PPoolExecutor) broken = harness_executor_on (ppool_launcher_new (argv), 1);
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (GError) error = NULL;

  /* It is accepted, and what comes of it breaks the executor. */
  g_assert_true (ppool_executor_prestart (broken, 1, NULL));
  harness_iterate_until (is_broken, broken);
  error = ppool_executor_get_error (broken);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
  g_clear_error (&error);
  g_assert_false (ppool_executor_prestart (broken, 1, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_clear_error (&error);

  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  g_assert_false (ppool_executor_prestart (executor, 1, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
}

/* One more than is needed, as far as so many may be. */
static void
test_spare (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (3);
  Held held[3];
  guint value;

  ppool_executor_set_spare_workers (executor, 1);
  g_object_get (executor, "spare-workers", &value, NULL);
  g_assert_cmpuint (value, ==, 1);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    {
      held_init (&held[i], harness, executor);
      wait_for_workers (executor, MIN (i + 2, 3));
    }
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    {
      held_let_go (&held[i]);
      held_clear (&held[i]);
    }
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 3);
}

/* The spare one is there again when another has done its share, and all leave
 * in the end. */
static void
test_spare_recycled (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);

  ppool_executor_set_max_tasks_per_worker (executor, 1);
  ppool_executor_set_spare_workers (executor, 1);
  for (guint i = 0; i < 3; i++)
    {
      harness_assert_works (executor);
      wait_for_workers (executor, 1);
    }
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/prestart/initializer", test_prestart);
  harness_add ("/prestart/bounds", test_bounds);
  harness_add ("/prestart/refused", test_refused);
  harness_add ("/prestart/spare", test_spare);
  harness_add ("/prestart/spare-recycled", test_spare_recycled);

  return g_test_run ();
}
