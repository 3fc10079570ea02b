/* crash-run.c: brings a worker to its end, and sees what comes of it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "crash-run.h"

#include "checker.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORKERS 5

/* Silence has to be told from a machine that is busy. */
/* A sanitized worker on a busy machine takes its time to start. */
#if defined (__SANITIZE_ADDRESS__)
# define HANDSHAKE_MSEC 6000
#elif defined (__has_feature)
# if __has_feature (address_sanitizer)
#  define HANDSHAKE_MSEC 6000
# endif
#endif
#ifndef HANDSHAKE_MSEC
# define HANDSHAKE_MSEC 1500
#endif

/* For workers that were asked to leave and don't. */
#define GRACE_MSEC 150

#define N_LESSONS 10

typedef struct
{
  const CrashCell *cell;
  Checker *checker; /* (owned) */
  Gate *gates[2];   /* (owned) */
  guint n_workers;
  guint n_calls;                 /* that are submitted at first */
  Visitor visitors[MAX_WORKERS]; /* the first one is the victim */
  gboolean is_submitted;
} Run;

/* Setting up */

static PPoolLauncher *
make_launcher (Run *run)
{
  g_auto (GStrv) steps = NULL;
  g_autoptr (GPtrArray) argv = NULL;

  if (crash_cell_get_steps (run->cell) == NULL)
    return harness_launcher ();

  if (run->cell->stage == CRASH_STARTING && run->cell->fate == CRASH_BY_ERROR)
    return ppool_launcher_new ((const char *[]){ "/no/such/program", NULL });

  argv = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (argv, harness_program ("raw-worker"));
  steps = g_strsplit (crash_cell_get_steps (run->cell), " ", 0);
  for (guint i = 0; steps[i] != NULL; i++)
    {
      const char *mark = strchr (steps[i], '%');
      const char *path = mark != NULL ? gate_get_path (run->gates[mark[1] - '1']) : NULL;

      g_ptr_array_add (argv, mark == NULL ? g_strdup (steps[i])
                                          : g_strdup_printf ("%.*s%s", (int) (mark - steps[i]),
                                                             steps[i], path));
    }
  g_ptr_array_add (argv, NULL);

  return ppool_launcher_new ((const char * const *) argv->pdata);
}

static PPoolExecutor *
make_executor (Run *run)
{
  g_autoptr (PPoolLauncher) launcher = harness_track (make_launcher (run));
  gboolean has_initializer = run->cell->stage == CRASH_INITIALIZER;
  const char *path = gate_get_path (run->gates[0]);
  PPoolExecutor *executor;

  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  if (run->cell->stage == CRASH_STARTING && run->cell->fate == CRASH_BY_GARBAGE)
    ppool_launcher_set_handshake_timeout_msec (launcher, HANDSHAKE_MSEC);

  executor = g_object_new (PPOOL_TYPE_EXECUTOR,
                           "launcher", launcher,
                           "max-workers", run->n_workers,
                           "initializer", has_initializer ? "obey" : NULL,
                           "initializer-args", has_initializer ? g_variant_new ("(s)", path) : NULL,
                           NULL);
  if (crash_cell_is_leaving (run->cell) && run->cell->fate < CRASH_BY_PEER)
    ppool_executor_set_grace_msec (executor, GRACE_MSEC);
  if (run->cell->stage == CRASH_RECYCLING)
    ppool_executor_set_max_tasks_per_worker (executor, 1);

  return harness_track (executor);
}

/* Has the pool believe that orders are soon done. */
static void
teach (Run *run)
{
  for (guint i = 0; i < N_LESSONS; i++)
    {
      g_autoptr (PPoolFuture) future =
          harness_submit (checker_get_executor (run->checker), "obey", g_variant_new ("(s)", ""));

      harness_assert_value (future, "('',)");
    }
}

/* As many calls as workers, and, except for idle ones, as many again that wait. */
static void
submit_calls (Run *run)
{
  CrashWaiting waiting = run->cell->waiting;
  CheckerWaiting by = waiting == CRASH_FOR_THREAD ? CHECKER_BY_THREAD
                      : waiting == CRASH_FOR_NOBODY ? CHECKER_BY_NOBODY
                                                    : CHECKER_BY_CALLBACK;
  const char *path = gate_get_path (run->gates[0]);

  for (guint i = 0; i < run->n_calls; i++)
    {
      gboolean is_first = i < run->n_workers;
      gboolean obeys = run->cell->stage == CRASH_AHEAD ||
                       (run->cell->stage == CRASH_RUNNING && is_first);

      checker_submit (run->checker, by, obeys ? "obey" : "echo",
                      g_variant_new ("(s)", is_first ? path : ""));
    }
  run->is_submitted = TRUE;
}

static void
submit_cb (PPoolFuture *future,
           gpointer     user_data)
{
  g_assert_true (ppool_future_is_done (future));
  submit_calls (user_data);
}

static gboolean
is_submitted (gpointer user_data)
{
  return ((Run *) user_data)->is_submitted;
}

static void
submit (Run *run)
{
  const char *nothing[] = { "/not/there", NULL };
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) other = NULL;
  g_autoptr (PPoolFuture) future = NULL;

  if (run->cell->waiting != CRASH_IN_CALLBACK)
    {
      submit_calls (run);
      return;
    }

  /* A call of this executor could be taken by a worker, and wait there. */
  launcher = harness_track (ppool_launcher_new (nothing));
  other = harness_track (ppool_executor_new (launcher));
  future = harness_submit (other, "echo", NULL);
  ppool_future_add_done_callback (future, submit_cb, run, NULL);
  checker_wait_for (run->checker, is_submitted, run);
  harness_shut_down (other);
}

static void
begin (Run             *run,
       const CrashCell *cell,
       Harness         *harness)
{
  run->cell = cell;
  run->n_workers = cell->n_workers;
  run->n_calls = cell->stage == CRASH_IDLE ? run->n_workers : 2 * run->n_workers;
  for (guint i = 0; i < G_N_ELEMENTS (run->gates); i++)
    run->gates[i] = gate_new (harness->dir);
  run->checker = checker_new (harness, make_executor (run));
  if (cell->stage == CRASH_AHEAD)
    teach (run);
  submit (run);
}

/* Workers and their orders */

static void
collect (Run   *run,
         guint  gate,
         guint  n)
{
  for (guint i = 0; i < n; i++)
    run->visitors[i] = gate_wait (run->gates[gate]);
}

/* Who is dead already doesn't hear it. */
static void
tell (Run        *run,
      guint       i,
      const char *order)
{
  Visitor *visitor = &run->visitors[i];

  if (*order != '\0' && send (visitor->fd, order, strlen (order), MSG_NOSIGNAL) < 0)
    g_test_message ("Process %d is gone", visitor->pid);
  close (visitor->fd);
  visitor->fd = -1;
}

/* Those who were told nothing yet go on as if nothing were. */
static void
let_go (Run *run)
{
  for (guint i = 0; i < run->n_workers; i++)
    if (run->visitors[i].fd >= 0)
      tell (run, i, "");
}

static void
tell_to_murder (Run        *run,
                guint       i,
                guint       victim,
                const char *next)
{
  g_autofree char *order = g_strdup_printf ("murder:%d%s", run->visitors[victim].pid, next);

  tell (run, i, order);
}

static void
tell_fate (Run        *run,
           const char *next)
{
  switch (run->cell->fate)
    {
    case CRASH_BY_PEER:
      tell_to_murder (run, 1, 0, next);
      break;
    case CRASH_BY_MUTUAL:
      for (guint i = 0; i < run->n_workers; i++)
        tell_to_murder (run, i, (i + 1) % run->n_workers, next);
      break;
    case CRASH_BY_ERROR:
    case CRASH_BY_EXIT_0:
    case CRASH_BY_EXIT_3:
    case CRASH_BY_SEGV:
    case CRASH_BY_KILL:
    case CRASH_BY_CLOSING:
    case CRASH_BY_GARBAGE:
    case CRASH_BY_STOP:
    case CRASH_N_FATES:
    default:
      tell (run, 0, crash_cell_get_order (run->cell));
    }
}

/* How many workers are to be brought to the second gate. */
static guint
n_principals (Run *run)
{
  if (run->cell->fate == CRASH_BY_MUTUAL)
    return run->n_workers;

  return run->cell->fate == CRASH_BY_PEER && crash_cell_is_leaving (run->cell) ? 2 : 1;
}

static void
bring_to_second_gate (Run        *run,
                      const char *way,
                      const char *next)
{
  g_autofree char *order =
      g_strdup_printf ("%s;obey:%s%s", way, gate_get_path (run->gates[1]), next);
  guint n = n_principals (run);

  for (guint i = 0; i < n; i++)
    tell (run, i, order);
  collect (run, 1, n);
}

static void
assert_counts (Run   *run,
               guint  n_running)
{
  PPoolExecutor *executor = checker_get_executor (run->checker);

  g_assert_cmpuint (ppool_executor_get_n_workers (executor), ==, run->n_workers);
  g_assert_cmpuint (ppool_executor_get_n_running (executor), ==, n_running);
  /* Short calls may have been done by workers on their way to a long one. */
  if (run->cell->stage == CRASH_AHEAD)
    g_assert_cmpuint (ppool_executor_get_n_pending (executor), <=, run->n_calls - n_running);
  else
    g_assert_cmpuint (ppool_executor_get_n_pending (executor), ==, run->n_calls - n_running);
}

static gboolean
has_stopped (gpointer user_data)
{
  siginfo_t info = { 0 };

  g_assert_no_errno (waitid (P_PID, *(int *) user_data, &info, WSTOPPED | WNOHANG | WNOWAIT));

  return info.si_pid != 0;
}

/* All are at the first gate. */
static void
strike_where_they_are (Run *run)
{
  int victim;

  if (run->cell->stage == CRASH_HALF_SENT)
    bring_to_second_gate (run, "half", "");
  else if (run->cell->stage == CRASH_SHUTTING_DOWN)
    ppool_executor_shutdown (checker_get_executor (run->checker), PPOOL_SHUTDOWN_FLAGS_NONE);
  else if (run->cell->stage == CRASH_IDLE)
    {
      let_go (run);
      checker_wait (run->checker);
      collect (run, 1, run->n_workers);
    }

  victim = run->visitors[0].pid;
  tell_fate (run, ";hang");
  if (run->cell->fate != CRASH_BY_STOP)
    return;

  checker_wait_for (run->checker, has_stopped, &victim);
  kill (victim, SIGKILL);
}

/* As soon as they are asked to leave. */
static void
strike_leaving (Run *run)
{
  if (run->cell->stage == CRASH_LEAVING)
    ppool_executor_shutdown (checker_get_executor (run->checker), PPOOL_SHUTDOWN_FLAGS_NONE);

  if (crash_cell_get_order (run->cell) != NULL)
    {
      g_autofree char *order =
          g_strdup_printf ("return;until-exit;%s", crash_cell_get_order (run->cell));

      tell (run, 0, order);
    }
  else
    {
      for (guint i = n_principals (run); i < run->n_workers; i++)
        tell (run, i, "");
      bring_to_second_gate (run, "return;until-exit", ";farewell");
      tell_fate (run, "");
    }

  let_go (run);
  if (run->cell->stage != CRASH_RECYCLING)
    return;

  /* The workers that take their place. */
  collect (run, 0, run->n_workers);
  let_go (run);
}

/* What comes of it */

static void
assert_broken (Run *run)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (PPOOL_TYPE_ERROR);
  int cause = crash_cell_get_cause (run->cell);
  const char *name = g_enum_get_value (klass, cause)->value_name + strlen ("PPOOL_ERROR_");
  g_autoptr (GError) error = ppool_executor_get_error (checker_get_executor (run->checker));
  g_autofree char *pid = g_strdup_printf ("%d", run->visitors[0].pid);
  guint n_before = run->cell->stage == CRASH_IDLE ? run->n_workers : 0;

  g_test_message ("%s", error->message);
  g_assert_error (error, PPOOL_ERROR, cause);
  if (run->cell->stage != CRASH_STARTING && run->cell->fate != CRASH_BY_MUTUAL)
    harness_assert_error (error, PPOOL_ERROR, cause, pid, NULL);

  for (guint i = 0; i < checker_get_n_calls (run->checker); i++)
    if (i < n_before)
      checker_assert_value (run->checker, i);
    else if (run->cell->stage != CRASH_AHEAD || i < run->n_workers)
      checker_assert_error (run->checker, i, PPOOL_ERROR, PPOOL_ERROR_BROKEN, name,
                            crash_cell_get_text (run->cell));
}

static void
assert_one_failed (Run *run)
{
  gboolean is_remote = crash_cell_get_steps (run->cell) != NULL;
  guint victim = run->visitors[0].pid;
  guint n_failed = 0;

  for (guint i = 0; i < run->n_calls; i++)
    {
      PPoolFuture *future = checker_get_future (run->checker, i);

      if (i < run->n_workers && future != NULL && ppool_future_get_worker_pid (future) == victim)
        {
          n_failed++;
          checker_assert_error (run->checker, i, is_remote ? PPOOL_ERROR : G_IO_ERROR,
                                is_remote ? (int) PPOOL_ERROR_REMOTE : (int) G_IO_ERROR_BUSY,
                                is_remote ? "org.example.Told" : "as it was told", NULL);
        }
      else
        checker_assert_value (run->checker, i);
    }
  if (run->cell->waiting != CRASH_FOR_NOBODY)
    g_assert_cmpuint (n_failed, ==, 1);
}

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

/* An idle worker may die when nobody wants anything, or behind calls that come at
 * that very moment. */
static void
submit_late (Run *run)
{
  if (run->cell->waiting == CRASH_FOR_CALLBACK || run->cell->waiting == CRASH_IN_CALLBACK)
    for (guint i = 0; i < run->n_workers; i++)
      checker_submit (run->checker, CHECKER_BY_CALLBACK, "echo", NULL);
}

static void
finish (Run *run)
{
  switch (crash_cell_get_effect (run->cell))
    {
    case CRASH_BREAKS:
      if (run->cell->stage == CRASH_IDLE)
        submit_late (run);
      checker_wait_for (run->checker, is_broken, checker_get_executor (run->checker));
      checker_wait (run->checker);
      assert_broken (run);
      let_go (run);
      break;
    case CRASH_FAILS_CALL:
      let_go (run);
      checker_wait (run->checker);
      assert_one_failed (run);
      break;
    case CRASH_IS_NOTHING:
      checker_wait (run->checker);
      for (guint i = 0; i < run->n_calls; i++)
        checker_assert_value (run->checker, i);
      break;
    default:
      g_assert_not_reached ();
    }

  for (guint i = 0; i < G_N_ELEMENTS (run->gates); i++)
    gate_free (run->gates[i]);
  checker_end (run->checker, crash_cell_get_cause (run->cell));
}

void
crash_run (const CrashCell *cell,
           Harness         *harness)
{
  Run run = { NULL };

  if (cell->fate == CRASH_BY_GARBAGE)
    harness_allow_warnings ();

  begin (&run, cell, harness);
  for (guint i = 0; i < MAX_WORKERS; i++)
    run.visitors[i].fd = -1;
  if (cell->stage != CRASH_STARTING || cell->fate != CRASH_BY_ERROR)
    {
      collect (&run, 0, run.n_workers);
      assert_counts (&run, cell->stage <= CRASH_INITIALIZER ? 0 : run.n_workers);
      if (crash_cell_is_leaving (cell))
        strike_leaving (&run);
      else
        strike_where_they_are (&run);
    }
  finish (&run);
}
