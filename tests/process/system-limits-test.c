/* system-limits-test.c: what the system doesn't allow
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#define _GNU_SOURCE

#include "busy.h"
#include "control-group.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A user that can't do what it likes. */
#define NOBODY 65534

/* Sets a limit for a while. */
static struct rlimit
lower (int    resource,
       rlim_t value)
{
  struct rlimit before, limit;

  g_assert_no_errno (getrlimit (resource, &before));
  limit = before;
  limit.rlim_cur = value;
  g_assert_no_errno (setrlimit (resource, &limit));

  return before;
}

/* The lowest descriptor that is free: as a limit, it leaves none. */
static int
get_first_free (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  close (fd);

  return fd;
}

/* Nothing has begun, and nothing is over. */
static void
check_refused (PPoolExecutor *executor,
               const char    *name,
               guint64        limit,
               guint64        needed)
{
  g_autofree char *limit_text = g_strdup_printf ("%" G_GUINT64_FORMAT, limit);
  g_autofree char *needed_text = g_strdup_printf ("%" G_GUINT64_FORMAT, needed);
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  g_test_message ("%s", error->message);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, name, limit_text, needed_text,
                        NULL);
  g_clear_error (&error);
  g_assert_null (ppool_executor_call_sync (executor, "echo", NULL, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);

  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, 0);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  g_assert_null (ppool_executor_get_error (executor));
}

/* A1: any number can be set, and what is more than the system can hold is
 * refused. */
static void
test_too_many (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (G_MAXUINT);
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  g_assert_cmpuint (ppool_executor_get_max_workers (executor), ==, G_MAXUINT);
  check_refused (executor, "RLIMIT_NOFILE", limit.rlim_cur, (guint64) G_MAXUINT * 4 + 16);

  ppool_executor_set_max_workers (executor, 1);
  harness_assert_works (executor);
}

/* A2 */
static void
test_descriptors (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (10);
  guint64 limit = get_first_free () + 40;
  struct rlimit before = lower (RLIMIT_NOFILE, limit);

  /* Four each, and some beside. */
  check_refused (executor, "RLIMIT_NOFILE", limit, 10 * 4 + 16);
  ppool_executor_set_max_workers (executor, 2);
  harness_assert_works (executor);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
}

/* A2: a limit that was raised is no limit. */
static void
test_raised (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (10);
  guint64 limit = get_first_free () + 40;
  struct rlimit before = lower (RLIMIT_NOFILE, limit);

  check_refused (executor, "RLIMIT_NOFILE", limit, 10 * 4 + 16);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  harness_assert_works (executor);
}

/* A2: however few are left, and none, there is an error and no end of the program. */
static void
check_left (guint n_left,
            guint max_workers)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (max_workers);
  g_autoptr (GError) error = NULL;
  guint64 limit = get_first_free () + n_left;
  g_autofree char *limit_text = g_strdup_printf ("%" G_GUINT64_FORMAT, limit);
  struct rlimit before = lower (RLIMIT_NOFILE, limit);
  g_autoptr (PPoolFuture) future = ppool_executor_submit (executor, "echo", NULL, NULL, &error);

  g_assert_null (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT, "file descriptors",
                        "RLIMIT_NOFILE", limit_text, NULL);
  g_clear_error (&error);
  g_assert_false (ppool_executor_prestart (executor, 1, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);

  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 0);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  if (n_left == 0)
    harness_assert_works (executor);
}

static void
test_no_descriptors (Harness *harness)
{
  int fds[40];

  /* The limit itself is high enough. */
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    g_assert_cmpint (fds[i] = open ("/dev/null", O_RDONLY | O_CLOEXEC), >=, 0);

  for (guint n_left = 0; n_left <= 12; n_left++)
    {
      check_left (n_left, 1);
      check_left (n_left, 0);
    }

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

#define LARGE (1024 * 1024)

/* Either direction has memory of its own, one for each large value that is about. */
static PPoolFuture *
submit_large (PPoolExecutor *executor,
              gboolean       as_argument)
{
  char *data;

  if (!as_argument)
    return harness_submit (executor, "allocate", g_variant_new ("(t)", (guint64) LARGE));

  data = g_malloc0 (LARGE);

  return harness_submit (executor, "last-byte",
                         g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, LARGE, TRUE,
                                                  g_free, data));
}

static void
limit_worker (PPoolExecutor *executor,
              const char    *function,
              GVariant      *left)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, function, left);
  g_autoptr (GVariant) value G_GNUC_UNUSED = harness_result (future);
}

/* A value that can't be received fails its call and no more than that, and the next one
 * arrives when there are descriptors again. */
static void
check_lost (gboolean as_argument)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  int pid = as_argument ? (int) harness_worker_pid (executor) : getpid ();
  g_autofree char *process = g_strdup_printf ("process %d", pid);
  g_autoptr (PPoolFuture) after = NULL;
  g_autoptr (GVariant) value G_GNUC_UNUSED = NULL;
  struct rlimit before;

  harness_assert_works (executor);
  if (as_argument)
    limit_worker (executor, "limit-descriptors", g_variant_new_int32 (0));
  else
    before = lower (RLIMIT_NOFILE, get_first_free ());

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PPoolFuture) lost = submit_large (executor, as_argument);
      g_autoptr (GError) error = harness_failure (lost);

      harness_assert_error (error, PPOOL_ERROR,
                            as_argument ? PPOOL_ERROR_TOO_LARGE : PPOOL_ERROR_SYSTEM_LIMIT,
                            "shared memory", process, "RLIMIT_NOFILE", NULL);
      harness_assert_works (executor);
    }

  if (as_argument)
    limit_worker (executor, "limit-descriptors", g_variant_new_int32 (-1));
  else
    g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  after = submit_large (executor, as_argument);
  value = harness_result (after);
}

static void
test_lost (Harness *harness)
{
  check_lost (FALSE);
  check_lost (TRUE);
}

/* A worker that may have less memory than its pool sends. */
static void
test_unmapped (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) after = NULL;
  g_autoptr (GVariant) value G_GNUC_UNUSED = NULL;
  g_autoptr (GError) error = NULL;

  harness_assert_works (executor);
  limit_worker (executor, "limit-memory", g_variant_new_int64 (LARGE / 2));
  future = submit_large (executor, TRUE);
  error = harness_failure (future);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE, "could not be mapped in process",
                        NULL);

  limit_worker (executor, "limit-memory", g_variant_new_int64 (-1));
  after = submit_large (executor, TRUE);
  value = harness_result (after);
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n - 1;
}

/* A1: the default is cut to what there is room for. */
static void
test_default (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (0);
  guint64 limit = count_descriptors () + 16 + 4 + 3;
  struct rlimit before = lower (RLIMIT_NOFILE, limit);
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) first = harness_submit_gate (executor, gate);
  g_autoptr (PPoolFuture) second = harness_submit_gate (executor, gate);
  Visitor visitor = gate_wait (gate);

  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  g_assert_cmpuint (ppool_executor_get_max_workers (executor), ==, 0);
  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 1);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 1);

  /* Looked at again when it is set again. */
  ppool_executor_set_max_workers (executor, 1);
  ppool_executor_set_max_workers (executor, 0);
  gate_open (visitor, "");
  harness_assert_value (first, "''");
  gate_open (gate_wait (gate), "");
  harness_assert_value (second, "''");
}

/* A2: the superuser has no such limit. */
static void
test_processes (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (5);
  gboolean was_root = geteuid () == 0;
  struct rlimit before = lower (RLIMIT_NPROC, 13);

  /* The limit is that of the real user, who is above it as much as the effective one. */
  if (was_root)
    g_assert_no_errno (setresuid (NOBODY, NOBODY, 0));
  check_refused (executor, "RLIMIT_NPROC", 13, 5 * 2 + 4);
  if (was_root)
    g_assert_no_errno (setresuid (0, 0, 0));
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &before));

  harness_assert_works (executor);
}

static gpointer
wait_for_end (gpointer user_data)
{
  GMutex *mutex = user_data;

  g_mutex_lock (mutex);
  g_mutex_unlock (mutex);

  return NULL;
}

/* A2: what the user has already counts, threads too. */
static void
test_processes_in_use (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (5);
  GThread *threads[100];
  GMutex mutex;
  struct rlimit before;

  if (geteuid () != 0)
    {
      g_test_skip ("only the superuser can become a user who has nothing else");
      return;
    }

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("in-use", wait_for_end, &mutex);

  before = lower (RLIMIT_NPROC, G_N_ELEMENTS (threads) + 10);
  g_assert_no_errno (setresuid (NOBODY, NOBODY, 0));
  check_refused (executor, "RLIMIT_NPROC", G_N_ELEMENTS (threads) + 10, 5 * 2 + 4);
  g_assert_no_errno (setresuid (0, 0, 0));
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &before));

  g_mutex_unlock (&mutex);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_mutex_clear (&mutex);
  harness_assert_works (executor);
}

/* A2: nor may a control group have more. */
static void
test_group_of_processes (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (50);
  g_autoptr (ControlGroup) group = control_group_new ("pids");

  if (group == NULL || !control_group_set (group, "pids.max", "pids.max", 60) ||
      !control_group_join (group))
    {
      g_test_skip ("no control group can be made here");
      return;
    }

  check_refused (executor, "pids.max", 60, 50 * 2 + 4);
  ppool_executor_set_max_workers (executor, 2);
  harness_assert_works (executor);
  harness_shut_down (executor);
}

/* A2: a limit of memory is an error of what needs the memory, in the program and in
 * its workers, and not the end of either. */
static void
test_group_of_memory (Harness *harness)
{
  const gsize mib = 1024 * 1024;
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (ControlGroup) group = control_group_new ("memory");
  g_autoptr (PPoolFuture) sent = NULL;
  g_autoptr (PPoolFuture) got = NULL;
  g_autoptr (PPoolBuffer) buffer = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) refusal = NULL;
  g_autoptr (GError) failure = NULL;
  g_autofree char *bytes = NULL;

  if (group == NULL ||
      !control_group_set (group, "memory.max", "memory.limit_in_bytes", 128 * mib) ||
      !control_group_join (group))
    {
      g_test_skip ("no control group can be made here");
      return;
    }

  g_assert_null (ppool_buffer_new (160 * mib, &error));
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                        "not enough memory is available", NULL);
  g_clear_error (&error);

  /* One by one they come to the same. */
  do
    {
      PPoolBuffer *next = ppool_buffer_new (8 * mib, &error);

      if (next != NULL)
        g_object_set_data_full (G_OBJECT (next), "before", g_steal_pointer (&buffer),
                                g_object_unref);
      buffer = next != NULL ? next : g_steal_pointer (&buffer);
    }
  while (error == NULL);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
  g_clear_object (&buffer);

  bytes = g_malloc (72 * mib);
  memset (bytes, 7, 72 * mib);

  /* Who sends has a copy. */
  args = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, 72 * mib,
                                                      TRUE, NULL, NULL));
  sent = harness_submit (executor, "last-byte", args);
  refusal = harness_failure (sent);
  harness_assert_error (refusal, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                        "not enough memory is available", NULL);
  g_clear_pointer (&args, g_variant_unref);
  g_clear_pointer (&bytes, g_free);

  /* The function has it from its buffer. */
  got = harness_submit (executor, "fill", g_variant_new ("(ty)", (guint64) (160 * mib), 7));
  failure = harness_failure (got);
  harness_assert_error (failure, PPOOL_ERROR, PPOOL_ERROR_REMOTE,
                        "not enough memory is available", NULL);
  harness_assert_works (executor);
  harness_shut_down (executor);
}

/* A2: once, before the first worker. */
static void
test_once (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (2);
  guint pid = harness_worker_pid (executor);
  struct rlimit before = lower (RLIMIT_NOFILE, get_first_free ());

  g_assert_cmpuint (harness_worker_pid (executor), ==, pid);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
}

/* A17: what is over stays over, whatever the system thinks of it. */
static void
test_shut_down (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (G_MAXUINT);
  g_autoptr (GError) error = NULL;

  harness_shut_down (executor);
  g_assert_null (ppool_executor_submit (executor, "echo", NULL, NULL, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SHUT_DOWN);
}

/* Starts a worker when there are so many descriptors left, beside one that is
 * busy. */
static void
check_start (Harness *harness,
             guint    n_left)
{
  g_autoptr (PPoolFuture) next = NULL;
  g_autoptr (GVariant) value = NULL;
  struct rlimit before;
  Busy busy;

  busy_init (&busy, harness);
  ppool_executor_set_max_workers (busy.executor, 2);
  before = lower (RLIMIT_NOFILE, get_first_free () + n_left);
  next = harness_submit (busy.executor, "echo", NULL);
  value = ppool_future_result (next, PATIENCE_SECONDS * 1000, NULL);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));

  if (value == NULL)
    {
      harness_assert_broken (busy.executor, next, PPOOL_ERROR_LAUNCH, "Too many open files", NULL);
      harness_assert_broken (busy.executor, busy.future, PPOOL_ERROR_LAUNCH, NULL);
      gate_expect_death (busy.visitor);
    }
  else
    gate_open (busy.visitor, "");

  harness_shut_down (busy.executor);
  g_assert_true (value == NULL || n_left > 0);
  busy_clear (&busy);
}

/* A23: what the check can't know of shows when a worker is to start. */
static void
test_start_fails (Harness *harness)
{
  for (guint n_left = 0; n_left < 12; n_left++)
    check_start (harness, n_left);
}

static gpointer
make_executor_on_one_processor (gpointer user_data)
{
  cpu_set_t one;

  CPU_ZERO (&one);
  CPU_SET (sched_getcpu (), &one);
  g_assert_no_errno (sched_setaffinity (0, sizeof one, &one));

  return harness_executor (0);
}

/* A1: 0 is as many as there are processors for who asks. */
static void
test_affinity (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      g_thread_join (g_thread_new ("one", make_executor_on_one_processor, NULL));
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolFuture *futures[3];

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = harness_submit_gate (executor, gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      Visitor visitor = gate_wait (gate);

      g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, 1);
      g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, 1);
      gate_open (visitor, "");
      harness_assert_value (futures[i], "''");
      g_object_unref (futures[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/executor/limits/too-many", test_too_many);
  harness_add ("/executor/limits/descriptors", test_descriptors);
  harness_add ("/executor/limits/raised", test_raised);
  harness_add ("/executor/limits/processes", test_processes);
  harness_add ("/executor/limits/processes-in-use", test_processes_in_use);
  harness_add ("/executor/limits/no-descriptors", test_no_descriptors);
  harness_add ("/executor/limits/lost", test_lost);
  harness_add ("/executor/limits/unmapped", test_unmapped);
  harness_add ("/executor/limits/default", test_default);
  harness_add ("/executor/limits/group-of-processes", test_group_of_processes);
  harness_add ("/executor/limits/group-of-memory", test_group_of_memory);
  harness_add ("/executor/limits/once", test_once);
  harness_add ("/executor/limits/shut-down", test_shut_down);
  harness_add ("/executor/limits/start-fails", test_start_fails);
  harness_add ("/executor/limits/affinity", test_affinity);

  return g_test_run ();
}
