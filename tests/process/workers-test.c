/* workers-test.c: what an executor tells of workers that start and exit
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"
#include "fewer.h"

#include <signal.h>
#include <string.h>

#define NONE PPOOL_WORKER_EXIT_REASON_NONE
#define TASKS PPOOL_WORKER_EXIT_REASON_TASKS
#define SURPLUS PPOOL_WORKER_EXIT_REASON_SURPLUS
#define SHUTDOWN PPOOL_WORKER_EXIT_REASON_SHUTDOWN
#define TERMINATED PPOOL_WORKER_EXIT_REASON_TERMINATED
#define BROKEN PPOOL_WORKER_EXIT_REASON_BROKEN
#define ENDED PPOOL_WORKER_EXIT_REASON_ENDED
#define DIED PPOOL_WORKER_EXIT_REASON_DIED
#define NOT_STARTED PPOOL_WORKER_EXIT_REASON_NOT_STARTED

/* What was told, in order. */
typedef struct
{
  gboolean has_exited;
  PPoolWorkerStatus *status; /* (owned) */
  GError *reason;            /* (owned) (nullable) */
} Entry;

typedef struct
{
  PPoolExecutor *executor; /* (owned) (nullable) */
  GMainContext *context;   /* (owned): in which the executor was made */
  GArray *entries;         /* (owned) (element-type Entry) */
  guint n_wanted;
  guint n_notified;        /* of exit reasons */
  gboolean is_over;        /* the executor has told that it is shut down */
} Diary;

static void
clear_entry (gpointer data)
{
  Entry *entry = data;

  g_object_unref (entry->status);
  g_clear_error (&entry->reason);
}

static void
add_entry (Diary             *self,
           gboolean           has_exited,
           PPoolWorkerStatus *status,
           const GError      *reason)
{
  Entry entry = { has_exited, g_object_ref (status), NULL };

  g_assert_true (g_main_context_is_owner (self->context));
  g_assert_false (self->is_over);
  if (reason != NULL)
    entry.reason = g_error_copy (reason);
  g_test_message ("%s: %u in %u, %d: %s", has_exited ? "exited" : "started",
                  ppool_worker_status_get_pid (status), ppool_worker_status_get_slot (status),
                  ppool_worker_status_get_exit_reason (status),
                  reason != NULL ? reason->message : "");
  g_array_append_val (self->entries, entry);
}

static void
notify_reason_cb (PPoolWorkerStatus *status,
                  GParamSpec        *pspec G_GNUC_UNUSED,
                  gpointer           user_data)
{
  Diary *self = user_data;

  g_assert_true (g_main_context_is_owner (self->context));
  g_assert_cmpint (ppool_worker_status_get_exit_reason (status), !=, NONE);
  self->n_notified++;
}

static void
started_cb (PPoolExecutor     *executor G_GNUC_UNUSED,
            PPoolWorkerStatus *status,
            gpointer           user_data)
{
  Diary *self = user_data;

  g_assert_cmpuint (self->n_notified, <=, self->entries->len);
  harness_track (status);
  g_signal_connect (status, "notify::exit-reason", G_CALLBACK (notify_reason_cb), self);
  add_entry (self, FALSE, status, NULL);
}

static guint
n_exits (Diary *self)
{
  guint n = 0;

  for (guint i = 0; i < self->entries->len; i++)
    n += g_array_index (self->entries, Entry, i).has_exited;

  return n;
}

static const Entry *
find_start (Diary             *self,
            PPoolWorkerStatus *status)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);

      if (!entry->has_exited &&
          ppool_worker_status_get_pid (entry->status) == ppool_worker_status_get_pid (status))
        return entry;
    }

  return NULL;
}

static void
exited_cb (PPoolExecutor     *executor G_GNUC_UNUSED,
           PPoolWorkerStatus *status,
           const GError      *reason,
           gpointer           user_data)
{
  Diary *self = user_data;
  const Entry *start = find_start (self, status);

  g_assert_cmpint (ppool_worker_status_get_exit_reason (status), !=, NONE);
  if (start != NULL)
    {
      /* The same object, which has said why. */
      g_assert_true (start->status == status);
      g_assert_cmpuint (self->n_notified, >=, 1);
    }
  add_entry (self, TRUE, status, reason);
}

static void
state_cb (PPoolExecutor *executor,
          GParamSpec    *pspec G_GNUC_UNUSED,
          gpointer       user_data)
{
  ((Diary *) user_data)->is_over =
    ppool_executor_get_state (executor) == PPOOL_EXECUTOR_STATE_SHUT_DOWN;
}

/* Takes @executor. */
static void
diary_init (Diary         *self,
            PPoolExecutor *executor)
{
  *self = (Diary){ .executor = executor, .context = g_main_context_ref_thread_default () };
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, clear_entry);
  g_signal_connect (executor, "worker-started", G_CALLBACK (started_cb), self);
  g_signal_connect (executor, "worker-exited", G_CALLBACK (exited_cb), self);
  g_signal_connect (executor, "notify::state", G_CALLBACK (state_cb), self);
}

static gboolean
has_wanted (gpointer user_data)
{
  Diary *self = user_data;

  return self->entries->len >= self->n_wanted;
}

static void
diary_wait (Diary *self,
            guint  n_wanted)
{
  self->n_wanted = n_wanted;
  harness_iterate_until (has_wanted, self);
  g_assert_cmpuint (self->entries->len, ==, n_wanted);
}

static gboolean
is_over (gpointer user_data)
{
  return ((Diary *) user_data)->is_over;
}

/* The executor comes to its end, and has told @n_wanted things by then. */
static void
diary_clear (Diary *self,
             guint  n_wanted)
{
  ppool_executor_shutdown (self->executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  if (ppool_executor_get_state (self->executor) != PPOOL_EXECUTOR_STATE_BROKEN)
    harness_iterate_until (is_over, self);
  diary_wait (self, n_wanted);

  g_clear_object (&self->executor);
  g_array_unref (self->entries);
  g_main_context_unref (self->context);
}

static PPoolWorkerStatus *
assert_started (Diary *self,
                guint  index,
                guint  pid,
                guint  slot)
{
  const Entry *entry = &g_array_index (self->entries, Entry, index);

  g_assert_cmpuint (index, <, self->entries->len);
  g_assert_false (entry->has_exited);
  g_assert_cmpuint (ppool_worker_status_get_pid (entry->status), ==, pid);
  g_assert_cmpuint (ppool_worker_status_get_slot (entry->status), ==, slot);

  return entry->status;
}

static const GError *
assert_exited (Diary                 *self,
               guint                  index,
               guint                  pid,
               PPoolWorkerExitReason  reason)
{
  const Entry *entry = &g_array_index (self->entries, Entry, index);
  PPoolWorkerExitReason property;

  g_assert_cmpuint (index, <, self->entries->len);
  g_assert_true (entry->has_exited);
  g_assert_cmpuint (ppool_worker_status_get_pid (entry->status), ==, pid);
  g_object_get (entry->status, "exit-reason", &property, NULL);
  g_assert_cmpint (property, ==, reason);
  g_assert_cmpint (ppool_worker_status_get_exit_reason (entry->status), ==, reason);
  g_assert_true ((entry->reason != NULL) ==
                 (reason == DIED || reason == ENDED || reason == NOT_STARTED));

  return entry->reason;
}

static void
assert_death (Diary      *self,
              guint       index,
              const char *function,
              int         signal_number)
{
  const Entry *entry = &g_array_index (self->entries, Entry, index);
  g_autoptr (PPoolDeath) death = ppool_worker_status_get_death (entry->status);
  g_autoptr (PPoolDeath) property = NULL;

  g_object_get (entry->status, "death", &property, NULL);
  g_assert_true (death == property);
  g_assert_cmpuint (ppool_death_get_worker_pid (death), ==,
                    ppool_worker_status_get_pid (entry->status));
  g_assert_cmpstr (ppool_death_get_function (death), ==, function);
  g_assert_cmpint (ppool_death_get_signal_number (death), ==, signal_number);
  g_assert_cmpstr (ppool_death_get_message (death), ==, entry->reason->message);
}

static void
assert_no_death (Diary *self,
                 guint  index)
{
  g_assert_null (
    ppool_worker_status_get_death (g_array_index (self->entries, Entry, index).status));
}

static PPoolExecutor *
new_executor (guint            max_workers,
              PPoolCrashPolicy policy)
{
  PPoolExecutor *executor = harness_executor (max_workers);

  ppool_executor_set_crash_policy (executor, policy);
  ppool_executor_set_abort_grace_msec (executor, 50);

  return executor;
}

/* Each worker starts, and leaves when it is told to. */
static void
test_shutdown (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  PPoolFuture *futures[2];
  PPoolWorkerStatus *status;
  Visitor visitors[2];
  Diary diary;
  guint pid, slot;

  diary_init (&diary, harness_executor (2));
  for (guint i = 0; i < 2; i++)
    {
      futures[i] = harness_submit_gate (diary.executor, gate);
      visitors[i] = gate_wait (gate);
      diary_wait (&diary, i + 1);
      status = assert_started (&diary, i, (guint) visitors[i].pid, i);
      g_assert_cmpint (ppool_worker_status_get_exit_reason (status), ==, NONE);
      g_object_get (status, "pid", &pid, "slot", &slot, NULL);
      g_assert_cmpuint (pid, ==, (guint) visitors[i].pid);
      g_assert_cmpuint (slot, ==, i);
    }
  ppool_executor_shutdown (diary.executor, PPOOL_SHUTDOWN_FLAGS_NONE);

  /* In the order in which they are told, and they are gone then. */
  for (guint i = 0; i < 2; i++)
    {
      gate_open (visitors[1 - i], "");
      harness_assert_value (futures[1 - i], "''");
      diary_wait (&diary, 3 + i);
      assert_exited (&diary, 2 + i, (guint) visitors[1 - i].pid, SHUTDOWN);
      g_assert_cmpint (kill (visitors[1 - i].pid, 0), ==, -1);
      g_assert_cmpuint (ppool_executor_get_n_workers (diary.executor), ==, 1 - i);
      g_object_unref (futures[1 - i]);
    }
  g_assert_cmpuint (diary.n_notified, ==, 2);
  diary_clear (&diary, 4);
}

/* A worker's place is free again when it has exited, and nobody waits for that. */
static void
test_recycle (Harness *harness)
{
  enum { N = 5 };
  guint pids[N];
  Diary diary;

  diary_init (&diary, harness_executor (1));
  ppool_executor_set_max_tasks_per_worker (diary.executor, 1);
  for (guint i = 0; i < N; i++)
    pids[i] = harness_worker_pid (diary.executor);

  diary_wait (&diary, 2 * N);
  for (guint i = 0; i < N; i++)
    {
      assert_started (&diary, 2 * i, pids[i], 0);
      assert_exited (&diary, 2 * i + 1, pids[i], TASKS);
    }
  diary_clear (&diary, 2 * N);
}

static void
test_surplus (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) first = NULL, second = NULL;
  Visitor visitors[2];
  Diary diary;

  diary_init (&diary, harness_executor (2));
  first = harness_submit_gate (diary.executor, gate);
  visitors[0] = gate_wait (gate);
  second = harness_submit_gate (diary.executor, gate);
  visitors[1] = gate_wait (gate);
  ppool_executor_set_max_workers (diary.executor, 1);
  gate_open (visitors[0], "");
  diary_wait (&diary, 3);
  assert_exited (&diary, 2, (guint) visitors[0].pid, SURPLUS);
  gate_open (visitors[1], "");
  harness_assert_value (second, "''");
  diary_clear (&diary, 4);
}

/* A crash costs one worker, and says the same as its call. */
static void
test_replace (Harness *harness)
{
  static const int signals[] = { SIGKILL, SIGABRT, SIGSEGV };
  Diary diary;

  diary_init (&diary, new_executor (1, PPOOL_CRASH_POLICY_REPLACE));
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (
        diary.executor, "die", g_variant_new ("(is)", signals[i], "last words"));
      g_autoptr (GError) error = harness_failure (future);
      guint pid = ppool_future_get_worker_pid (future);
      const GError *reason;

      diary_wait (&diary, 2 * i + 2);
      assert_started (&diary, 2 * i, pid, 0);
      reason = assert_exited (&diary, 2 * i + 1, pid, DIED);
      harness_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "last words", NULL);
      g_assert_cmpstr (reason->message, ==, error->message);
    }
  harness_assert_running (diary.executor);
  diary_clear (&diary, 2 * G_N_ELEMENTS (signals) + 2);
}

static const Entry *
find_exit (Diary *self,
           guint  pid)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);

      if (entry->has_exited && ppool_worker_status_get_pid (entry->status) == pid)
        return entry;
    }

  g_assert_not_reached ();
}

/* One breaks the executor, and the other is ended for that. */
static void
test_break (Harness *harness)
{
  g_autoptr (GError) error = NULL;
  const Entry *entry;
  Busy busy;
  Diary diary;

  busy_init (&busy, harness);
  ppool_executor_set_max_workers (busy.executor, 2);
  diary_init (&diary, g_object_ref (busy.executor));
  {
    g_autoptr (PPoolFuture) future = harness_submit (
      busy.executor, "die", g_variant_new ("(is)", SIGKILL, "last words"));

    harness_assert_broken (busy.executor, future, PPOOL_ERROR_WORKER_DIED, "last words", NULL);
    diary_wait (&diary, 3);
    entry = find_exit (&diary, ppool_future_get_worker_pid (future));
  }
  g_assert_cmpint (ppool_worker_status_get_exit_reason (entry->status), ==, DIED);
  error = ppool_executor_get_error (busy.executor);
  g_assert_error (entry->reason, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
  g_assert_cmpstr (entry->reason->message, ==, error->message);

  /* It was there before anybody listened. */
  entry = find_exit (&diary, (guint) busy.visitor.pid);
  g_assert_cmpint (ppool_worker_status_get_exit_reason (entry->status), ==, BROKEN);
  g_assert_no_error (entry->reason);

  gate_expect_death (busy.visitor);
  busy_clear (&busy);
  diary_clear (&diary, 3);
}

/* A worker that is ended for one call says which limit that had. */
static void
test_deadline (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  const GError *reason;
  Visitor visitor;
  Diary diary;

  diary_init (&diary, new_executor (1, PPOOL_CRASH_POLICY_BREAK));
  future = harness_submit_limited (diary.executor, "hang",
                                   g_variant_new ("(ss)", gate_get_path (gate), ""), 100);
  visitor = gate_wait (gate);
  error = harness_failure (future);
  diary_wait (&diary, 2);
  reason = assert_exited (&diary, 1, (guint) visitor.pid, ENDED);
  g_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT);
  g_assert_cmpstr (reason->message, ==, error->message);
  gate_expect_death (visitor);
  diary_clear (&diary, 2);
}

static void
test_abort (Harness *harness)
{
  static const char *const ways[] = { "", "stubborn" };
  g_autoptr (Gate) gate = gate_new (harness->dir);
  Diary diary;

  diary_init (&diary, new_executor (1, PPOOL_CRASH_POLICY_BREAK));
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autoptr (PPoolFuture) future = harness_submit (
        diary.executor, "hang", g_variant_new ("(ss)", gate_get_path (gate), ways[i]));
      Visitor visitor = gate_wait (gate);
      const GError *reason;

      ppool_future_abort (future);
      diary_wait (&diary, 2 * i + 2);
      reason = assert_exited (&diary, 2 * i + 1, (guint) visitor.pid, ENDED);
      harness_assert_error (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED, "“hang” was aborted",
                            i == 0 ? "SIGTERM" : "SIGKILL", NULL);
      gate_expect_death (visitor);
    }
  diary_clear (&diary, 2 * G_N_ELEMENTS (ways));
}

/* A function that returns when it is asked to costs nobody anything. */
static void
test_abort_answered (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Visitor visitor;
  Diary diary;

  diary_init (&diary, harness_executor (1));
  future = harness_submit (diary.executor, "until-cancelled",
                           g_variant_new ("(ss)", gate_get_path (gate), ""));
  visitor = gate_wait (gate);
  ppool_future_abort (future);
  error = harness_failure (future);
  g_assert_cmpuint (harness_worker_pid (diary.executor), ==, (guint) visitor.pid);
  gate_expect_death (visitor);
  diary_clear (&diary, 2);
}

/* Nobody's call, and still a death. */
static void
test_idle (Harness *harness)
{
  static const PPoolCrashPolicy policies[] = { PPOOL_CRASH_POLICY_REPLACE,
                                               PPOOL_CRASH_POLICY_BREAK };

  for (guint i = 0; i < G_N_ELEMENTS (policies); i++)
    {
      const GError *reason;
      Diary diary;
      guint pid;

      diary_init (&diary, new_executor (1, policies[i]));
      pid = harness_worker_pid (diary.executor);
      kill ((pid_t) pid, SIGKILL);
      diary_wait (&diary, 2);
      reason = assert_exited (&diary, 1, pid, DIED);
      harness_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED, "SIGKILL",
                            "while it ran nothing", NULL);
      assert_death (&diary, 1, NULL, SIGKILL);
      diary_clear (&diary, 2);
    }
}

/* What is not valid is a death as well. */
static void
test_garbage (Harness *harness)
{
  const GError *reason;
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Diary diary;

  harness_allow_warnings ();
  diary_init (&diary, new_executor (1, PPOOL_CRASH_POLICY_REPLACE));
  future = harness_submit (diary.executor, "garbage", NULL);
  error = harness_failure (future);
  diary_wait (&diary, 2);
  reason = assert_exited (&diary, 1, ppool_future_get_worker_pid (future), DIED);
  assert_death (&diary, 1, "garbage", 0);
  g_assert_true (g_str_has_suffix (error->message, reason->message));
  diary_clear (&diary, 2);
}

/* A worker that never becomes ready has no start, and its exit says why. */
static void
test_start_failures (Harness *harness)
{
  static const char *const argv[] = { "/bin/sh", "-c", "echo last words >&2; exit 3", NULL };
  enum { N = 2 };
  PPoolLauncher *launcher = ppool_launcher_new (argv);
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Diary diary;

  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  diary_init (&diary, harness_executor_on (launcher, 1));
  ppool_executor_set_crash_policy (diary.executor, PPOOL_CRASH_POLICY_REPLACE);
  ppool_executor_set_max_start_failures (diary.executor, N);
  future = harness_submit (diary.executor, "echo", NULL);
  harness_assert_broken (diary.executor, future, PPOOL_ERROR_LAUNCH, "last words", NULL);
  diary_wait (&diary, N);
  error = ppool_executor_get_error (diary.executor);
  for (guint i = 0; i < N; i++)
    {
      const Entry *entry = &g_array_index (diary.entries, Entry, i);
      guint pid = ppool_worker_status_get_pid (entry->status);
      const GError *reason = assert_exited (&diary, i, pid, DIED);

      g_assert_cmpuint (pid, !=, 0);
      harness_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_LAUNCH, "status 3", "last words",
                            NULL);
    }
  g_assert_cmpstr (g_array_index (diary.entries, Entry, N - 1).reason->message, ==,
                   error->message);
  diary_clear (&diary, N);
}

/* Where there is not even a process. */
static void
test_no_process (Harness *harness)
{
  PPoolLauncher *launcher = harness_launcher ();
  g_autoptr (PPoolFuture) future = NULL;
  const GError *reason;
  Diary diary;

  ppool_launcher_set_cwd (launcher, "/nonexistent/directory");
  diary_init (&diary, harness_executor_on (launcher, 1));
  future = harness_submit (diary.executor, "echo", NULL);
  harness_assert_broken (diary.executor, future, PPOOL_ERROR_LAUNCH, NULL);
  diary_wait (&diary, 1);
  reason = assert_exited (&diary, 0, 0, NOT_STARTED);
  g_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
  assert_no_death (&diary, 0);
  diary_clear (&diary, 1);
}

/* Takes @args. */
static PPoolExecutor *
new_initialized (const char *initializer,
                 GVariant   *args)
{
  g_autoptr (PPoolLauncher) launcher = harness_launcher ();

  return harness_track (g_object_new (PPOOL_TYPE_EXECUTOR, "launcher", launcher, "max-workers", 1,
                                      "initializer", initializer, "initializer-args", args, NULL));
}

static void
test_initializer (Harness *harness)
{
  g_autoptr (PPoolFuture) future = NULL;
  const GError *reason;
  Diary diary;

  diary_init (&diary, new_initialized ("fail", NULL));
  g_test_expect_message ("PPool", G_LOG_LEVEL_MESSAGE, "*initializer*");
  future = harness_submit (diary.executor, "echo", NULL);
  harness_assert_broken (diary.executor, future, PPOOL_ERROR_INITIALIZER, NULL);
  diary_wait (&diary, 1);
  reason = assert_exited (
    &diary, 0,
    ppool_worker_status_get_pid (g_array_index (diary.entries, Entry, 0).status), DIED);
  g_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_INITIALIZER);
  diary_clear (&diary, 1);
  g_test_assert_expected_messages ();
}

static void
test_terminate (Harness *harness)
{
  static void (*const ends[]) (PPoolExecutor *executor) = { ppool_executor_terminate_workers,
                                                            ppool_executor_kill_workers };

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      Busy busy;
      Diary diary;

      busy_init (&busy, harness);
      diary_init (&diary, g_object_ref (busy.executor));
      ends[i](busy.executor);
      diary_wait (&diary, 1);
      assert_exited (&diary, 0, (guint) busy.visitor.pid, TERMINATED);
      gate_expect_death (busy.visitor);
      busy_clear (&busy);
      diary_clear (&diary, 1);
    }
}

/* One that is told to leave before it is ready was never there. */
static void
test_never_ready (Harness *harness)
{
  g_autoptr (Gate) gate = gate_new (harness->dir);
  g_autoptr (PPoolFuture) future = NULL;
  Visitor visitor;
  Diary diary;

  diary_init (&diary,
              new_initialized ("gate", g_variant_new ("(s)", gate_get_path (gate))));
  future = harness_submit (diary.executor, "echo", NULL);
  visitor = gate_wait (gate);
  g_assert_true (ppool_future_cancel (future));
  ppool_executor_shutdown (diary.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  diary_wait (&diary, 1);
  assert_exited (&diary, 0, (guint) visitor.pid, SHUTDOWN);
  gate_expect_death (visitor);
  diary_clear (&diary, 1);
}

/* Handlers that do something */

G_NORETURN static void
must_not_come_cb (void)
{
  g_assert_not_reached ();
}

/* Nothing is told any more, and nothing is left. */
static void
test_dropped (Harness *harness)
{
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (1);

      g_signal_connect (executor, "worker-started", G_CALLBACK (must_not_come_cb), NULL);
      g_signal_connect (executor, "worker-exited", G_CALLBACK (must_not_come_cb), NULL);
      harness_assert_works (executor);
      if (i == 1)
        kill ((pid_t) harness_worker_pid (executor), SIGKILL);
      if (i >= 2)
        harness_shut_down (executor);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
drop_cb (PPoolExecutor     *executor,
         PPoolWorkerStatus *status G_GNUC_UNUSED,
         gpointer           user_data)
{
  PPoolExecutor **dropped = user_data;

  /* Only once: there is more to tell. */
  g_assert_true (executor == *dropped);
  g_clear_object (dropped);
}

static gboolean
is_dropped (gpointer user_data)
{
  return *(PPoolExecutor **) user_data == NULL;
}

static void
test_drops (Harness *harness)
{
  PPoolExecutor *executor = harness_executor (1);

  g_signal_connect (executor, "worker-started", G_CALLBACK (drop_cb), &executor);
  g_signal_connect (executor, "worker-exited", G_CALLBACK (must_not_come_cb), NULL);
  harness_assert_works (executor);
  harness_shut_down (executor);
  harness_iterate_until (is_dropped, &executor);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
shut_down_cb (PPoolExecutor     *executor,
              PPoolWorkerStatus *status G_GNUC_UNUSED,
              gpointer           user_data G_GNUC_UNUSED)
{
  harness_shut_down (executor);
}

static void
test_shuts_down (Harness *harness)
{
  g_autoptr (PPoolFuture) future = NULL;
  Diary diary;

  diary_init (&diary, harness_executor (1));
  g_signal_connect (diary.executor, "worker-started", G_CALLBACK (shut_down_cb), NULL);
  future = harness_submit (diary.executor, "pid", NULL);
  diary_wait (&diary, 2);
  assert_started (&diary, 0, ppool_future_get_worker_pid (future), 0);
  assert_exited (&diary, 1, ppool_future_get_worker_pid (future), SHUTDOWN);
  diary_clear (&diary, 2);
}

static void
revive_cb (PPoolExecutor     *executor,
           PPoolWorkerStatus *status,
           const GError      *reason,
           gpointer           user_data)
{
  PPoolFuture **future = user_data;

  if (ppool_worker_status_get_exit_reason (status) == SHUTDOWN)
    return;

  g_assert_error (reason, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED);
  g_assert_true (ppool_executor_revive (executor, NULL));
  *future = harness_submit (executor, "echo", g_variant_new ("i", 7));
}

/* A program that goes on after a crash. */
static void
test_revives (Harness *harness)
{
  g_autoptr (PPoolFuture) future = NULL;
  g_autoptr (PPoolFuture) bad = NULL;
  Diary diary;

  diary_init (&diary, harness_executor (1));
  g_signal_connect (diary.executor, "worker-exited", G_CALLBACK (revive_cb), &future);
  bad = harness_submit (diary.executor, "die", g_variant_new ("(is)", SIGSEGV, ""));
  diary_wait (&diary, 3);
  harness_assert_value (future, "7");
  diary_clear (&diary, 4);
}

/* Nobody hears what happens while nobody is connected, and who comes later hears the rest. */
static void
test_connections (Harness *harness)
{
  PPoolExecutor *executor = harness_executor (2);
  guint pid;
  gulong handler;
  Diary diary;

  handler = g_signal_connect (executor, "worker-started", G_CALLBACK (must_not_come_cb), NULL);
  g_signal_handler_disconnect (executor, handler);
  pid = harness_worker_pid (executor);
  handler = g_signal_connect (executor, "worker-exited", G_CALLBACK (must_not_come_cb), NULL);
  g_signal_handler_disconnect (executor, handler);

  diary_init (&diary, executor);
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  diary_wait (&diary, 1);
  assert_exited (&diary, 0, pid, SHUTDOWN);
  diary_clear (&diary, 1);
}

static gboolean
has_reason (gpointer user_data)
{
  return ppool_worker_status_get_exit_reason (user_data) != NONE;
}

/* A status outlives its executor, and knows the end of its worker. */
static void
test_kept (Harness *harness)
{
  g_autoptr (PPoolWorkerStatus) status = NULL;
  Diary diary;

  diary_init (&diary, harness_executor (1));
  harness_assert_works (diary.executor);
  diary_wait (&diary, 1);
  status = g_object_ref (g_array_index (diary.entries, Entry, 0).status);
  g_clear_object (&diary.executor);
  harness_iterate_until (has_reason, status);
  g_assert_cmpint (ppool_worker_status_get_exit_reason (status), ==, SHUTDOWN);
  g_assert_cmpuint (diary.n_notified, ==, 0);
  g_array_unref (diary.entries);
  g_main_context_unref (diary.context);
}

static gpointer
make_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  diary_init (user_data, harness_executor (1));
  g_main_context_pop_thread_default (context);

  return NULL;
}

/* In the context of the constructor, and nowhere else. */
static void
test_context (Harness *harness)
{
  Diary diary;
  guint pid;

  g_thread_join (g_thread_new ("maker", make_thread, &diary));
  pid = harness_worker_pid (diary.executor);
  harness_shut_down (diary.executor);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (diary.entries->len, ==, 0);

  while (g_main_context_iteration (diary.context, FALSE))
    ;
  g_assert_true (diary.is_over);
  assert_started (&diary, 0, pid, 0);
  assert_exited (&diary, 1, pid, SHUTDOWN);
  diary_clear (&diary, 2);
}

static gpointer
make_homeless_thread (gpointer user_data G_GNUC_UNUSED)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  PPoolExecutor *executor;

  g_main_context_push_thread_default (context);
  executor = harness_executor (1);
  g_signal_connect (executor, "worker-started", G_CALLBACK (must_not_come_cb), NULL);
  harness_assert_works (executor);
  g_main_context_pop_thread_default (context);

  return executor;
}

/* A context that is gone while there is something to tell. */
static void
test_nobody (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
    g_thread_join (g_thread_new ("maker", make_homeless_thread, NULL));

  harness_assert_works (executor);
  harness_shut_down (executor);
}

/* Many that start and exit at the same time: each is told of once, first of its start. */
static void
test_many (Harness *harness)
{
  guint n_calls = fewer (60);
  Diary diary;
  guint n_died = 0;

  diary_init (&diary, new_executor (4, PPOOL_CRASH_POLICY_REPLACE));
  ppool_executor_set_max_tasks_per_worker (diary.executor, 3);
  for (guint i = 0; i < n_calls; i++)
    {
      PPoolFuture *future =
        i % 10 == 0 ? harness_submit (diary.executor, "die", g_variant_new ("(is)", SIGKILL, "")) :
                      harness_submit (diary.executor, "pid", NULL);

      g_object_unref (future);
    }
  ppool_executor_shutdown (diary.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  harness_iterate_until (is_over, &diary);

  for (guint i = 0; i < diary.entries->len; i++)
    {
      const Entry *entry = &g_array_index (diary.entries, Entry, i);

      g_assert_cmpuint (ppool_worker_status_get_slot (entry->status), <, 8);
      if (!entry->has_exited)
        continue;
      n_died += ppool_worker_status_get_exit_reason (entry->status) == DIED;
      g_assert_true (find_start (&diary, entry->status) < entry);
    }
  g_assert_cmpuint (n_died, >=, n_calls / 10);
  g_assert_cmpuint (n_exits (&diary), >=, n_calls / 10);
  diary_clear (&diary, diary.entries->len);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  harness_add ("/workers/shutdown", test_shutdown);
  harness_add ("/workers/recycle", test_recycle);
  harness_add ("/workers/surplus", test_surplus);
  harness_add ("/workers/replace", test_replace);
  harness_add ("/workers/break", test_break);
  harness_add ("/workers/deadline", test_deadline);
  harness_add ("/workers/abort", test_abort);
  harness_add ("/workers/abort-answered", test_abort_answered);
  harness_add ("/workers/idle", test_idle);
  harness_add ("/workers/garbage", test_garbage);
  harness_add ("/workers/start-failures", test_start_failures);
  harness_add ("/workers/no-process", test_no_process);
  harness_add ("/workers/initializer", test_initializer);
  harness_add ("/workers/terminate", test_terminate);
  harness_add ("/workers/never-ready", test_never_ready);
  harness_add ("/workers/dropped", test_dropped);
  harness_add ("/workers/drops", test_drops);
  harness_add ("/workers/shuts-down", test_shuts_down);
  harness_add ("/workers/revives", test_revives);
  harness_add ("/workers/connections", test_connections);
  harness_add ("/workers/kept", test_kept);
  harness_add ("/workers/context", test_context);
  harness_add ("/workers/nobody", test_nobody);
  harness_add ("/workers/many", test_many);

  return g_test_run ();
}
