/* settings-test.c: an executor that is told different things at the same time
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "harness.h"

#define N_ROUNDS 1000

/* More workers than any system has descriptors for: so the number by which an executor
 * goes is in an error, and none is started. */
#define MANY 1000001

typedef void (*SetFunc)  (PPoolExecutor *executor,
                          guint          value);
typedef guint (*GetFunc) (PPoolExecutor *executor);

typedef struct
{
  PPoolExecutor *executor;
  SetFunc set;
  guint value;
  int *round; /* atomic: is counted up to begin one */
  int *n_done; /* atomic */
} Setter;

static gpointer
set_thread (gpointer user_data)
{
  Setter *self = user_data;

  for (int round = 1; round <= N_ROUNDS; round++)
    {
      while (g_atomic_int_get (self->round) < round)
        g_thread_yield ();
      self->set (self->executor, self->value);
      g_atomic_int_inc (self->n_done);
    }

  return NULL;
}

typedef void (*CheckFunc) (PPoolExecutor *executor,
                           guint          value);

/* Two threads set something at the same time, again and again. What the getter says is
 * then what the executor goes by. */
static void
set_at_once (PPoolExecutor *executor,
             SetFunc        set,
             GetFunc        get,
             guint          other,
             CheckFunc      check)
{
  int round = 0;
  int n_done = 0;
  Setter setters[] = {
    { executor, set, other, &round, &n_done },
    { executor, set, MANY, &round, &n_done },
  };
  GThread *threads[G_N_ELEMENTS (setters)];

  for (guint i = 0; i < G_N_ELEMENTS (setters); i++)
    threads[i] = g_thread_new ("setter", set_thread, &setters[i]);

  for (int i = 1; i <= N_ROUNDS; i++)
    {
      guint value;

      g_atomic_int_set (&round, i);
      while (g_atomic_int_get (&n_done) < i * (int) G_N_ELEMENTS (setters))
        g_thread_yield ();

      value = get (executor);
      g_assert_true (value == MANY || value == other);
      if (check != NULL && value == MANY)
        check (executor, value);
    }

  for (guint i = 0; i < G_N_ELEMENTS (setters); i++)
    g_thread_join (threads[i]);
}

static void
assert_goes_by (PPoolExecutor *executor,
                guint          max_workers)
{
  g_autofree char *number = g_strdup_printf ("%u workers", max_workers);
  g_autoptr (GError) error = NULL;

  g_assert_false (ppool_executor_prestart (executor, 1, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, number, NULL);
}

/* 0 is what there are processors for, which takes a moment to be known. */
static void
test_max_workers (Harness *harness G_GNUC_UNUSED)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  set_at_once (executor, ppool_executor_set_max_workers, ppool_executor_get_max_workers, 0,
               assert_goes_by);
  ppool_executor_set_max_workers (executor, 2);
  harness_assert_works (executor);
}

/* With workers, so that what is decided has to be sent. */
static void
test_in_use (Harness *harness G_GNUC_UNUSED)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);

  harness_assert_works (executor);
  set_at_once (executor, ppool_executor_set_grace_msec, ppool_executor_get_grace_msec, 7,
               NULL);
  set_at_once (executor, ppool_executor_set_max_tasks_per_worker,
               ppool_executor_get_max_tasks_per_worker, 7, NULL);
  harness_assert_works (executor);
}

static void
test_defaults (Harness *harness G_GNUC_UNUSED)
{
  g_autoptr (PPoolExecutor) executor = ppool_executor_new (NULL);
  const char *const names[] = { "max-workers", "max-tasks-per-worker", "spare-workers",
                                "grace-msec" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (executor), names[i]);
      guint value;

      g_object_get (executor, names[i], &value, NULL);
      g_assert_cmpuint (value, ==, G_PARAM_SPEC_UINT (pspec)->default_value);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/settings/defaults", test_defaults);
  harness_add ("/settings/max-workers", test_max_workers);
  harness_add ("/settings/in-use", test_in_use);

  return g_test_run ();
}
