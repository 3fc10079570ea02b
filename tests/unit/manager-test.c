/* manager-test.c: a thread that does what is posted, and what is due
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-manager-private.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Longer than any test. */
#define NEVER_MSEC (1000 * 1000)

typedef struct
{
  GMutex lock;
  GCond changed;
  guint n; /* guarded by the lock */
} Counter;

typedef struct
{
  PPoolManager *manager;
  Counter counter;
} Fixture;

static void
count_cb (gpointer data)
{
  Counter *counter = data;

  g_mutex_lock (&counter->lock);
  counter->n++;
  g_cond_signal (&counter->changed);
  g_mutex_unlock (&counter->lock);
}

static void
wait_for_count (Counter *counter,
                guint    n)
{
  g_mutex_lock (&counter->lock);
  while (counter->n < n)
    g_cond_wait (&counter->changed, &counter->lock);
  g_assert_cmpuint (counter->n, ==, n);
  g_mutex_unlock (&counter->lock);
}

static void
ignore_cb (gpointer data G_GNUC_UNUSED)
{
}

static void
end_cb (gpointer data)
{
  ppool_manager_end (data);
}

static void
set_up (Fixture       *self,
        gconstpointer  data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  g_mutex_init (&self->counter.lock);
  g_cond_init (&self->counter.changed);
  self->manager = ppool_manager_new (ignore_cb, NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture       *self,
           gconstpointer  data G_GNUC_UNUSED)
{
  ppool_manager_post (self->manager, end_cb, self->manager);
  ppool_manager_join (self->manager);
  ppool_manager_unref (self->manager);
  g_cond_clear (&self->counter.changed);
  g_mutex_clear (&self->counter.lock);
}

/* Whoever takes a timer back knows whether its function is called. */
static void
test_disarm (Fixture       *self,
             gconstpointer  data G_GNUC_UNUSED)
{
  PPoolTimer timer = { 0 };

  g_assert_false (ppool_manager_disarm (self->manager, &timer));

  ppool_manager_arm (self->manager, &timer, NEVER_MSEC, count_cb, &self->counter);
  g_assert_true (ppool_manager_disarm (self->manager, &timer));
  g_assert_false (ppool_manager_disarm (self->manager, &timer));

  /* One that is moved is armed once. */
  ppool_manager_arm (self->manager, &timer, NEVER_MSEC, count_cb, &self->counter);
  ppool_manager_arm (self->manager, &timer, 1, count_cb, &self->counter);
  wait_for_count (&self->counter, 1);
  g_assert_false (ppool_manager_disarm (self->manager, &timer));
}

/* It is called or taken back, never both and never neither. */
static void
test_disarm_race (Fixture       *self,
                  gconstpointer  data G_GNUC_UNUSED)
{
  enum { N = 500 };
  g_autofree PPoolTimer *timers = g_new0 (PPoolTimer, N);
  guint n_disarmed = 0;

  for (guint i = 0; i < N; i++)
    ppool_manager_arm (self->manager, &timers[i], i % 7, count_cb, &self->counter);
  for (guint i = 0; i < N; i++)
    n_disarmed += ppool_manager_disarm (self->manager, &timers[N - 1 - i]);
  wait_for_count (&self->counter, N - n_disarmed);
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (timers[i].place, ==, 0);
}

/* In the order of time, whatever that of arming was. */

typedef struct
{
  Counter *counter;
  guint place;
} Ordered;

static void
ordered_cb (gpointer data)
{
  Ordered *ordered = data;

  g_mutex_lock (&ordered->counter->lock);
  ordered->place = ordered->counter->n;
  g_mutex_unlock (&ordered->counter->lock);
  count_cb (ordered->counter);
}

static void
test_order (Fixture       *self,
            gconstpointer  data G_GNUC_UNUSED)
{
  enum { N = 60 };
  PPoolTimer timers[N] = { { 0 } };
  Ordered ordered[N];

  for (guint i = 0; i < N; i++)
    {
      guint k = i * 37 % N;

      ordered[k] = (Ordered) { &self->counter, G_MAXUINT };
      ppool_manager_arm (self->manager, &timers[k], 100 + 10 * k, ordered_cb, &ordered[k]);
    }
  for (guint k = 0; k < N; k += 3)
    g_assert_true (ppool_manager_disarm (self->manager, &timers[k]));
  wait_for_count (&self->counter, N - N / 3);
  for (guint k = 1; k + 1 < N; k++)
    if (k % 3 == 1)
      g_assert_cmpuint (ordered[k].place, <, ordered[k + 1].place);
}

/* Arming what is due later than something else does not wake the thread. */

static void
note_thread_cb (gpointer data)
{
  g_atomic_int_set ((int *) data, (int) syscall (SYS_gettid));
}

/* Returns: how often the thread went to sleep, once it sleeps */
static guint64
count_naps (int thread)
{
  const char *field = "\nvoluntary_ctxt_switches:";
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/status", thread);

  while (TRUE)
    {
      g_autofree char *status = NULL;
      const char *found;

      g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
      found = strstr (status, field);
      g_assert_nonnull (found);
      if (strstr (status, "\nState:\tS") != NULL)
        return g_ascii_strtoull (found + strlen (field), NULL, 10);
      g_thread_yield ();
    }
}

static void
test_later (Fixture       *self,
            gconstpointer  data G_GNUC_UNUSED)
{
  enum { N = 50 };
  PPoolTimer timers[2] = { { 0 } };
  int thread = 0;
  guint64 n_naps;

  ppool_manager_arm (self->manager, &timers[0], NEVER_MSEC, count_cb, &self->counter);
  ppool_manager_post (self->manager, note_thread_cb, &thread);
  ppool_manager_post (self->manager, count_cb, &self->counter);
  wait_for_count (&self->counter, 1);

  n_naps = count_naps (thread);
  for (guint i = 0; i < N; i++)
    {
      ppool_manager_arm (self->manager, &timers[(i + 1) % 2], NEVER_MSEC + i, count_cb,
                         &self->counter);
      g_assert_true (ppool_manager_disarm (self->manager, &timers[i % 2]));
      count_naps (thread);
    }
  /* It may have waited for a lock at first. */
  g_assert_cmpuint (count_naps (thread) - n_naps, <=, 2);
  g_assert_true (ppool_manager_disarm (self->manager, &timers[N % 2]));

  /* What is due earlier does. */
  ppool_manager_arm (self->manager, &timers[0], 1, count_cb, &self->counter);
  wait_for_count (&self->counter, 2);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/manager/disarm", Fixture, NULL, set_up, test_disarm, tear_down);
  g_test_add ("/manager/disarm-race", Fixture, NULL, set_up, test_disarm_race, tear_down);
  g_test_add ("/manager/order", Fixture, NULL, set_up, test_order, tear_down);
  g_test_add ("/manager/later", Fixture, NULL, set_up, test_later, tear_down);

  return g_test_run ();
}
