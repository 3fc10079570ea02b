/* release-test.c: what a worker keeps of a call that is over
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include <string.h>

#define MIB ((gsize) 1024 * 1024)
#define SIZE (4 * MIB)

/* What else may come and go. */
#define SLACK (3 * MIB)

static GVariant *
make_bytes (void)
{
  char *data = g_malloc (SIZE);

  memset (data, 'b', SIZE);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, SIZE, TRUE, g_free, data);
}

/* What is freed is to be given back at once, by sanitizers as well. */
static PPoolExecutor *
make_executor (void)
{
  PPoolLauncher *launcher = harness_launcher ();
  const char *options = ppool_launcher_getenv (launcher, "ASAN_OPTIONS");
  g_autofree char *more = g_strdup_printf (
      "%s:quarantine_size_mb=0:thread_local_quarantine_size_kb=0", options != NULL ? options : "");

  ppool_launcher_setenv (launcher, "ASAN_OPTIONS", more, TRUE);
  ppool_launcher_setenv (launcher, "MALLOC_MMAP_THRESHOLD_", "131072", TRUE);

  return harness_executor_on (launcher, 1);
}

typedef struct
{
  PPoolExecutor *executor;
  guint64 limit;
} Bound;

static guint64
get_resident (PPoolExecutor *executor)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "resident", NULL);
  g_autoptr (GVariant) value = harness_result (future);

  return g_variant_get_uint64 (value);
}

/* What was sent last may be freed a moment after it has arrived. */
static gboolean
is_below (gpointer user_data)
{
  Bound *bound = user_data;

  return get_resident (bound->executor) < bound->limit;
}

static void
call (PPoolExecutor *executor,
      const char    *function,
      GVariant      *args)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, function, args);
  g_autoptr (GVariant) value G_GNUC_UNUSED =
    ppool_future_result (future, PATIENCE_SECONDS * 1000, NULL);

  g_assert_true (ppool_future_is_done (future));
}

/* GDBus keeps the memory into which it has read the largest message. */
static void
check_args (const char *function)
{
  g_autoptr (PPoolExecutor) executor = make_executor ();
  guint pid = harness_worker_pid (executor);
  Bound bound = { executor, get_resident (executor) + SIZE + SLACK };

  g_test_message ("%s", function);
  for (guint i = 0; i < 3; i++)
    call (executor, function, make_bytes ());
  harness_iterate_until (is_below, &bound);
  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
}

/* A22: also those of a call that fails, or that is answered later. */
static void
test_args (Harness *harness)
{
  check_args ("type");
  check_args ("nothing");
  check_args ("no-such-function");
  check_args ("drop");
  check_args ("later");
  check_args ("from-thread");
}

/* A22: also while somebody holds the invocation, as garbage collectors do. */
static void
test_kept (Harness *harness)
{
  check_args ("keep");
}

/* A22 */
static void
test_results (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = make_executor ();
  Bound bound = { executor, get_resident (executor) + SLACK };

  for (guint i = 0; i < 3; i++)
    call (executor, "allocate", g_variant_new ("(t)", (guint64) SIZE));
  harness_iterate_until (is_below, &bound);

  check_args ("echo");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/executor/release/args", test_args);
  harness_add ("/executor/release/kept", test_kept);
  harness_add ("/executor/release/results", test_results);

  return g_test_run ();
}
