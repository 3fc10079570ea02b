/* policy-test.c: what becomes of a call that dies, hangs, runs out of time or is aborted
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The crash matrix asks where a worker is when it ends; this one what its pool is to make of
 * it: with each policy, with retries and without, with a deadline, an abort, or both, at the
 * very moment, before others and beside them.
 *
 * Without arguments, a few of the cells are run, with PPOOL_TEST_LESS fewer; with -m slow all
 * of them. They are chosen by the seed that the test prints, which --seed repeats. */

#include "checker.h"
#include "fewer.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GRACE_MSEC 20
#define TIMEOUT_MSEC 30
#define N_CHOSEN 10

typedef enum
{
  BY_NOTHING, /* it returns */
  BY_EXIT,
  BY_SEGV,
  BY_KILL,    /* by somebody else */
  BY_CLOSING,
  BY_HANGING,
  N_FATES,
} Fate;

static const char *const orders[N_FATES] = { "", "exit:3", "kill:11", "kill:9", "close;hang",
                                             ";hang" };

/* Why the call is to end. */
typedef enum
{
  ENDS_NOT,
  ENDS_ABORTED,
  ENDS_OVERDUE,
  ENDS_BOTH,
  N_ENDS,
} End;

typedef struct
{
  PPoolCrashPolicy policy;
  Fate fate;
  End end;
  guint max_retries;
  guint n_workers;
  CheckerWaiting waiting;
} Cell;

typedef struct
{
  const Cell *cell;
  Checker *checker; /* (owned) */
  Gate *gate;       /* (owned) */
} Run;

static guint
take (guint *index,
      guint  n)
{
  guint digit = *index % n;

  *index /= n;
  return digit;
}

static guint
count_cells (void)
{
  return 2 * N_FATES * N_ENDS * 2 * 2 * 3;
}

static Cell
make_cell (guint index)
{
  Cell cell;

  cell.policy = take (&index, 2) == 0 ? PPOOL_CRASH_POLICY_BREAK : PPOOL_CRASH_POLICY_REPLACE;
  cell.fate = take (&index, N_FATES);
  cell.end = take (&index, N_ENDS);
  cell.max_retries = 2 * take (&index, 2);
  cell.n_workers = 1 + 2 * take (&index, 2);
  cell.waiting = take (&index, 3);

  return cell;
}

/* What never returns has to be ended. */
static gboolean
is_hole (const Cell *cell)
{
  return cell->fate == BY_HANGING && cell->end == ENDS_NOT;
}

static gboolean
aborts (const Cell *cell)
{
  return cell->end == ENDS_ABORTED || cell->end == ENDS_BOTH;
}

static gboolean
dies (const Cell *cell)
{
  return cell->fate != BY_NOTHING && cell->fate != BY_HANGING;
}

/* The call in question comes to the gate, others pass. */
static void
submit (Run *run)
{
  g_autoptr (PPoolCall) call = ppool_call_new ("obey", NULL);
  guint n_others = 3 * run->cell->n_workers;

  ppool_call_set_max_retries (call, run->cell->max_retries);
  if (run->cell->end == ENDS_OVERDUE || run->cell->end == ENDS_BOTH)
    ppool_call_set_timeout_msec (call, TIMEOUT_MSEC);
  /* One that is dropped can't be aborted. */
  checker_submit_call (run->checker,
                       aborts (run->cell) && run->cell->waiting == CHECKER_BY_NOBODY ?
                         CHECKER_BY_THREAD : run->cell->waiting,
                       call, g_variant_new ("(s)", gate_get_path (run->gate)));
  for (guint i = 0; i < n_others; i++)
    checker_submit (run->checker, run->cell->waiting, "obey", g_variant_new ("(s)", ""));
}

/* Whoever runs again may return. */
static gboolean
is_over (gpointer user_data)
{
  Run *run = user_data;

  while (gate_has_visitor (run->gate))
    gate_open (gate_wait (run->gate), "");

  return checker_is_over (run->checker);
}

/* Its time may have been up before. */
static void
tell (Visitor     visitor,
      const char *order)
{
  if (send (visitor.fd, order, strlen (order), MSG_NOSIGNAL) < 0)
    g_test_message ("It was ended before it was told");
  close (visitor.fd);
}

/* Both at once, in any order. */
static void
strike (Run *run)
{
  Visitor visitor = gate_wait (run->gate);
  gboolean first = g_test_rand_bit ();
  PPoolFuture *future = checker_get_future (run->checker, 0);

  if (aborts (run->cell) && first)
    ppool_future_abort (future);
  tell (visitor, orders[run->cell->fate]);
  if (aborts (run->cell) && !first)
    ppool_future_abort (future);
}

static gboolean
is_broken (const GError *error)
{
  return g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
}

/* Whether the call may have ended like this. */
static gboolean
may_end (const Cell   *cell,
         GVariant     *value,
         const GError *error)
{
  if (value != NULL)
    return cell->fate == BY_NOTHING ||
           (dies (cell) && cell->policy == PPOOL_CRASH_POLICY_REPLACE && cell->max_retries > 0);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return aborts (cell);
  if (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT))
    return cell->end == ENDS_OVERDUE || cell->end == ENDS_BOTH;
  if (is_broken (error))
    return dies (cell) && cell->policy == PPOOL_CRASH_POLICY_BREAK;
  if (g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_WORKER_DIED))
    return dies (cell) && cell->policy == PPOOL_CRASH_POLICY_REPLACE && cell->max_retries == 0;

  return FALSE;
}

static void
run_cell (Harness       *harness,
          gconstpointer  data)
{
  Cell cell = make_cell (GPOINTER_TO_UINT (data));
  Run run = { &cell, NULL, gate_new (harness->dir) };
  PPoolExecutor *executor = harness_executor (cell.n_workers);
  gboolean broken;

  ppool_executor_set_crash_policy (executor, cell.policy);
  ppool_executor_set_abort_grace_msec (executor, GRACE_MSEC);
  run.checker = checker_new (harness, executor);
  checker_allow (run.checker, 3 * CHECKER_SECONDS);
  submit (&run);
  strike (&run);
  checker_wait_for (run.checker, is_over, &run);
  checker_wait (run.checker);

  broken = ppool_executor_get_state (executor) == PPOOL_EXECUTOR_STATE_BROKEN;
  g_assert_true (!broken || (dies (&cell) && cell.policy == PPOOL_CRASH_POLICY_BREAK));
  for (guint i = 0; i < checker_get_n_calls (run.checker); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      if (checker_get_future (run.checker, i) == NULL)
        continue;

      value = ppool_future_result (checker_get_future (run.checker, i), 0, &error);
      if (i == 0 && !may_end (&cell, value, error))
        g_error ("It ends with %s", error != NULL ? error->message : "a value");
      if (i == 0)
        g_assert_true (is_broken (error) == broken);
      else if (value == NULL)
        g_assert_true (broken && is_broken (error));
    }

  gate_free (run.gate);
  checker_end (run.checker, broken ? PPOOL_ERROR_WORKER_DIED : -1);
}

static void
add_cell (guint index)
{
  const char *const fates[] = { "returns", "exits", "segv", "kill", "closes", "hangs" };
  const char *const ends[] = { "alone", "aborted", "overdue", "both" };
  const char *const waitings[] = { "for-thread", "for-callback", "for-nobody" };
  Cell cell = make_cell (index);
  g_autofree char *path =
    g_strdup_printf ("/policy/%s/%s/%s/%u-retries/%u-workers/%s",
                     cell.policy == PPOOL_CRASH_POLICY_BREAK ? "break" : "replace",
                     fates[cell.fate], ends[cell.end], cell.max_retries, cell.n_workers,
                     waitings[cell.waiting]);

  harness_add_with_data (path, run_cell, GUINT_TO_POINTER (index));
}

/* That many of the cells, and no fewer. */
static void
add_cells (guint n_chosen)
{
  g_autoptr (GArray) fit = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < count_cells (); i++)
    {
      Cell cell = make_cell (i);

      if (!is_hole (&cell))
        g_array_append_val (fit, i);
    }

  for (guint i = 0; i < fit->len; i++)
    if (g_test_rand_int_range (0, (gint32) (fit->len - i)) < (gint32) n_chosen)
      {
        add_cell (g_array_index (fit, guint, i));
        n_chosen--;
      }
}

int
main (int    argc,
      char **argv)
{
  guint n_chosen = fewer (N_CHOSEN);

  harness_init (&argc, &argv);

  add_cells (g_test_slow () ? count_cells () : n_chosen);

  return g_test_run ();
}
