/* board-test.c: who has taken what
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-board-private.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ppool-error.h"

typedef struct
{
  PPoolBoard *pool;
  PPoolBoard *worker;
  int fd;
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  fixture->pool = ppool_board_new (&fixture->fd, &error);
  g_assert_no_error (error);
  fixture->worker = ppool_board_new_from_fd (fixture->fd, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  ppool_board_free (fixture->pool);
  ppool_board_free (fixture->worker);
  close (fixture->fd);
}

static void
test_take (Fixture       *fixture,
           gconstpointer  data)
{
  PPoolBoardTimes times;

  ppool_board_offer (fixture->pool, 7);
  g_assert_cmpint (ppool_board_look (fixture->pool, 7, &times), ==, PPOOL_BOARD_OFFERED);
  g_assert_cmpint (times.taken, ==, 0);

  g_assert_true (ppool_board_take (fixture->worker, 7, g_get_monotonic_time ()));
  g_assert_false (ppool_board_take (fixture->worker, 7, g_get_monotonic_time ()));
  g_assert_cmpint (ppool_board_withdraw (fixture->pool, 7), ==, PPOOL_BOARD_TAKEN);

  ppool_board_finish (fixture->worker, 7, g_get_monotonic_time ());
  g_assert_cmpint (ppool_board_look (fixture->pool, 7, &times), ==, PPOOL_BOARD_DONE);
  g_assert_cmpint (times.taken, >, 0);
  g_assert_cmpint (times.done, >=, times.taken);
}

static void
test_withdraw (Fixture       *fixture,
               gconstpointer  data)
{
  ppool_board_offer (fixture->pool, 7);
  g_assert_cmpint (ppool_board_withdraw (fixture->pool, 7), ==, PPOOL_BOARD_WITHDRAWN);
  g_assert_false (ppool_board_take (fixture->worker, 7, g_get_monotonic_time ()));

  /* The place is offered again while the first call is still on its way. */
  ppool_board_offer (fixture->pool, 7 + PPOOL_BOARD_SIZE);
  g_assert_false (ppool_board_take (fixture->worker, 7, g_get_monotonic_time ()));
  g_assert_true (ppool_board_take (fixture->worker, 7 + PPOOL_BOARD_SIZE, g_get_monotonic_time ()));
}

/* Who is first says whether there is an answer. */
static void
test_revoke (Fixture       *fixture,
             gconstpointer  data)
{
  ppool_board_offer (fixture->pool, 7);
  g_assert_true (ppool_board_take (fixture->worker, 7, 1));
  g_assert_true (ppool_board_revoke (fixture->pool, 7));
  g_assert_true (ppool_board_revoke (fixture->pool, 7));
  g_assert_cmpint (ppool_board_look (fixture->pool, 7, NULL), ==, PPOOL_BOARD_TAKEN);
  g_assert_false (ppool_board_finish (fixture->worker, 7, 2));
  g_assert_cmpint (ppool_board_look (fixture->pool, 7, NULL), ==, PPOOL_BOARD_TAKEN);

  ppool_board_offer (fixture->pool, 8);
  g_assert_true (ppool_board_take (fixture->worker, 8, 1));
  g_assert_true (ppool_board_finish (fixture->worker, 8, 2));
  g_assert_false (ppool_board_revoke (fixture->pool, 8));
  g_assert_true (ppool_board_finish (fixture->worker, 8, 3));
  g_assert_cmpint (ppool_board_look (fixture->pool, 8, NULL), ==, PPOOL_BOARD_DONE);
}

static void
test_invalid (Fixture       *fixture,
              gconstpointer  data)
{
  guint64 *words = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->fd, 0);

  ppool_board_offer (fixture->pool, 0);
  for (guint i = 0; i < 4096 / sizeof *words; i++)
    words[i] = G_MAXUINT64;
  g_assert_cmpint (ppool_board_look (fixture->pool, 0, NULL), ==, PPOOL_BOARD_INVALID);
  g_assert_cmpint (ppool_board_withdraw (fixture->pool, 0), ==, PPOOL_BOARD_INVALID);
  g_assert_true (ppool_board_revoke (fixture->pool, 0));
  g_assert_cmpint (ppool_board_look (fixture->pool, 0, NULL), ==, PPOOL_BOARD_INVALID);
  munmap (words, 4096);
}

static void
test_shares (void)
{
  g_assert_cmpuint (PPOOL_BOARD_PLACE (3), ==, PPOOL_BOARD_PLACE (3 + PPOOL_BOARD_SIZE));
  g_assert_cmpuint (PPOOL_BOARD_PLACE (3), !=, PPOOL_BOARD_PLACE (4));
}

typedef struct Racer
{
  PPoolBoard *board;
  gboolean is_pool;
  guint n_won;
  int n_through; /* how many calls it has had; read by the other */
  struct Racer *other; /* (unowned) (nullable) */
} Racer;

#define N_RACES 100000

static gpointer
race (gpointer data)
{
  Racer *racer = data;

  for (guint64 id = 1; id <= N_RACES; id++)
    {
      /* The pool offers; whoever is first has it. */
      if (racer->is_pool)
        {
          ppool_board_offer (racer->board, id);
          racer->n_won += ppool_board_withdraw (racer->board, id) == PPOOL_BOARD_WITHDRAWN;
        }
      else
        racer->n_won += ppool_board_take (racer->board, id, 1);
    }

  return NULL;
}

/* No call is both withdrawn and taken. */
static void
test_race (Fixture       *fixture,
           gconstpointer  data)
{
  Racer pool = { .board = fixture->pool, .is_pool = TRUE };
  Racer worker = { .board = fixture->worker };
  GThread *thread = g_thread_new ("pool", race, &pool);

  race (&worker);
  g_thread_join (thread);
  g_assert_cmpuint (pool.n_won + worker.n_won, ==, N_RACES);
}

static void
wait_for_other (Racer *self,
                int   n)
{
  while (g_atomic_int_get (&self->other->n_through) < n)
    g_thread_yield ();
}

static gpointer
race_to_the_end (gpointer data)
{
  Racer *racer = data;

  for (int id = 1; id <= N_RACES; id++)
    {
      if (racer->is_pool)
        {
          wait_for_other (racer, id);
          racer->n_won += ppool_board_revoke (racer->board, (guint64) id);
          g_atomic_int_inc (&racer->n_through);
        }
      else
        {
          /* The place is not to be another call's meanwhile. */
          wait_for_other (racer, id - PPOOL_BOARD_SIZE);
          ppool_board_offer (racer->board, (guint64) id);
          g_assert_true (ppool_board_take (racer->board, (guint64) id, 1));
          g_atomic_int_inc (&racer->n_through);
          racer->n_won += ppool_board_finish (racer->board, (guint64) id, 1);
        }
    }

  return NULL;
}

/* No call is both revoked and answered. */
static void
test_race_to_the_end (Fixture       *fixture,
                      gconstpointer  data)
{
  Racer pool = { .board = fixture->pool, .is_pool = TRUE };
  Racer worker = { .board = fixture->worker, .other = &pool };
  GThread *thread;

  pool.other = &worker;
  thread = g_thread_new ("pool", race_to_the_end, &pool);
  race_to_the_end (&worker);
  g_thread_join (thread);
  g_assert_cmpuint (pool.n_won + worker.n_won, ==, N_RACES);
}

static void
test_unsealed (void)
{
  int fd = memfd_create ("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ftruncate (fd, 1 << 20), ==, 0);
  g_assert_null (ppool_board_new_from_fd (fd, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  close (fd);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/board/take", Fixture, NULL, set_up, test_take, tear_down);
  g_test_add ("/board/withdraw", Fixture, NULL, set_up, test_withdraw, tear_down);
  g_test_add ("/board/revoke", Fixture, NULL, set_up, test_revoke, tear_down);
  g_test_add ("/board/race-to-the-end", Fixture, NULL, set_up, test_race_to_the_end, tear_down);
  g_test_add ("/board/invalid", Fixture, NULL, set_up, test_invalid, tear_down);
  g_test_add_func ("/board/shares", test_shares);
  g_test_add ("/board/race", Fixture, NULL, set_up, test_race, tear_down);
  g_test_add_func ("/board/unsealed", test_unsealed);

  return g_test_run ();
}
