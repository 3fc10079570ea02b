/* io-test.c: sockets that a thread waits for
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-io-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nothing-left.h"
#include "ppool-error.h"
#include "scratch.h"

#define PATIENCE_USEC (20 * G_TIME_SPAN_SECOND)

typedef struct
{
  PPoolIo *io;      /* (owned) (nullable): NULL once it was freed */
  GAsyncQueue *told; /* (owned) (element-type Told) */
  Leftovers *leftovers;
} Fixture;

/* One end of a pair of sockets, of which the thread waits for the other. */
typedef struct _Watched Watched;

struct _Watched
{
  Fixture *fixture;
  guint64 id;
  int fd;    /* (owned) */
  int other; /* (owned): or -1 */
  int n_refs; /* atomic: those of the thread */
  GAsyncQueue *gate; /* (owned) (nullable): a call waits until something is in it */
  Watched *removed;  /* (nullable): whom a call removes */
  gboolean ends;     /* the end is the last that is heard */
  int n_finished;    /* atomic: calls that are over */
};

typedef struct
{
  Watched *watched;
  gboolean can_read;
  gboolean can_write;
  ssize_t n; /* how much was read */
} Told;

static gpointer
ref_cb (gpointer owner)
{
  g_atomic_int_inc (&((Watched *) owner)->n_refs);
  return owner;
}

static void
unref_cb (gpointer owner)
{
  g_atomic_int_add (&((Watched *) owner)->n_refs, -1);
}

static void
stop (Watched *self)
{
  ppool_io_remove (self->fixture->io, self->id, self->fd);
  self->id = 0;
}

static void
told_cb (gpointer owner,
         gboolean can_read,
         gboolean can_write)
{
  Watched *self = owner;
  Told *told = g_new0 (Told, 1);
  char buffer[65536];

  g_assert_cmpint (g_atomic_int_get (&self->n_refs), ==, 1);
  *told = (Told) { self, can_read, can_write, -1 };
  if (can_read)
    told->n = recv (self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (can_write)
    ppool_io_watch (self->fixture->io, self->id, self->fd, FALSE);
  if (self->ends && told->n == 0)
    stop (self);
  if (self->removed != NULL)
    stop (g_steal_pointer (&self->removed));

  g_async_queue_push (self->fixture->told, told);
  if (self->gate != NULL)
    g_free (g_async_queue_pop (self->gate));
  g_atomic_int_inc (&self->n_finished);
}

static Told
await (Fixture *fixture)
{
  g_autofree Told *told = g_async_queue_timeout_pop (fixture->told, PATIENCE_USEC);

  g_assert_nonnull (told);

  return *told;
}

static void
expect (Fixture *fixture,
        Watched *watched,
        gboolean can_read,
        gboolean can_write)
{
  Told told = await (fixture);

  g_assert_true (told.watched == watched);
  g_assert_cmpint (told.can_read, ==, can_read);
  g_assert_cmpint (told.can_write, ==, can_write);
}

static void
add_watched (Fixture *fixture,
             Watched *self)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  *self = (Watched) { .fixture = fixture, .fd = fds[0], .other = fds[1], .ends = TRUE };
  self->id = ppool_io_add (fixture->io, self->fd, told_cb, self, ref_cb, unref_cb, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (self->id, !=, 0);
}

static void
watch (Watched *self)
{
  ppool_io_watch (self->fixture->io, self->id, self->fd, FALSE);
}

static void
say (Watched *self)
{
  g_assert_cmpint (send (self->other, "x", 1, MSG_NOSIGNAL), ==, 1);
}

static void
hang_up (Watched *self)
{
  close (self->other);
  self->other = -1;
}

static void
drop (Watched *self)
{
  if (self->id != 0)
    stop (self);
  if (self->other >= 0)
    hang_up (self);
  close (self->fd);
  while (g_atomic_int_get (&self->n_refs) > 0)
    g_thread_yield ();
}

/* What the thread was told of before, it has passed on when this returns. Returns: how much
 * that was */
static guint
let_it_pass (Fixture *fixture)
{
  Watched last;
  guint n = 0;

  add_watched (fixture, &last);
  watch (&last);
  say (&last);
  while (await (fixture).watched != &last)
    n++;
  drop (&last);

  return n;
}

static void
expect_silence (Fixture *fixture)
{
  g_assert_cmpuint (let_it_pass (fixture), ==, 0);
  g_assert_cmpint (g_async_queue_length (fixture->told), ==, 0);
}

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  fixture->leftovers = leftovers_new ();
  fixture->told = g_async_queue_new_full (g_free);
  fixture->io = ppool_io_new (&error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data G_GNUC_UNUSED)
{
  g_clear_pointer (&fixture->io, ppool_io_free);
  g_async_queue_unref (fixture->told);
  assert_nothing_left (fixture->leftovers);
}

static void
test_read (Fixture       *fixture,
           gconstpointer  user_data)
{
  Watched watched;

  add_watched (fixture, &watched);
  watch (&watched);
  for (guint i = 0; i < 10; i++)
    {
      say (&watched);
      expect (fixture, &watched, TRUE, FALSE);
    }
  expect_silence (fixture);
  hang_up (&watched);
  expect (fixture, &watched, TRUE, FALSE);
  expect_silence (fixture);
  drop (&watched);
}

/* What comes before anybody looks waits. */
static void
test_unwatched (Fixture       *fixture,
                gconstpointer  user_data)
{
  Watched watched;

  add_watched (fixture, &watched);
  say (&watched);
  expect_silence (fixture);
  watch (&watched);
  g_assert_cmpint (await (fixture).n, ==, 1);
  drop (&watched);
}

/* The end, once before, and again when somebody looks. */
static void
test_hang_up_unwatched (Fixture       *fixture,
                        gconstpointer  user_data)
{
  Watched watched;
  guint n = 0;

  add_watched (fixture, &watched);
  watched.ends = FALSE;
  hang_up (&watched);
  for (guint i = 0; i < 10; i++)
    n += let_it_pass (fixture);
  g_assert_cmpuint (n, <=, 1);

  watched.ends = TRUE;
  watch (&watched);
  g_assert_cmpint (await (fixture).n, ==, 0);
  expect_silence (fixture);
  drop (&watched);
}

static void
test_removed (Fixture       *fixture,
              gconstpointer  user_data)
{
  Watched watched;

  add_watched (fixture, &watched);
  watch (&watched);
  stop (&watched);
  say (&watched);
  hang_up (&watched);
  expect_silence (fixture);
  drop (&watched);
}

/* The call goes on, with whom it is for, and no other comes. */
static void
test_removed_meanwhile (Fixture       *fixture,
                        gconstpointer  user_data)
{
  Watched watched;

  add_watched (fixture, &watched);
  watched.gate = g_async_queue_new_full (g_free);
  watch (&watched);
  say (&watched);
  expect (fixture, &watched, TRUE, FALSE);
  say (&watched);
  stop (&watched);
  g_assert_cmpint (g_atomic_int_get (&watched.n_refs), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&watched.n_finished), ==, 0);

  g_async_queue_push (watched.gate, g_new0 (char, 1));
  expect_silence (fixture);
  g_assert_cmpint (g_atomic_int_get (&watched.n_refs), ==, 0);
  g_assert_cmpint (g_atomic_int_get (&watched.n_finished), ==, 1);
  g_async_queue_unref (watched.gate);
  drop (&watched);
}

/* What the kernel had told already, when the one before removed it. */
static void
test_removed_together (Fixture       *fixture,
                       gconstpointer  user_data)
{
  Watched first, second, third;

  add_watched (fixture, &first);
  add_watched (fixture, &second);
  add_watched (fixture, &third);
  first.gate = g_async_queue_new_full (g_free);
  second.removed = &third;
  watch (&first);
  watch (&second);
  watch (&third);

  say (&first);
  expect (fixture, &first, TRUE, FALSE);
  say (&second);
  say (&third);
  g_async_queue_push (first.gate, g_new0 (char, 1));
  expect (fixture, &second, TRUE, FALSE);
  expect_silence (fixture);

  g_async_queue_unref (first.gate);
  drop (&first);
  drop (&second);
  drop (&third);
}

static void
test_many (Fixture       *fixture,
           gconstpointer  user_data)
{
  Watched all[100];

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      add_watched (fixture, &all[i]);
      watch (&all[i]);
    }
  for (guint round = 1; round <= 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (all); i++)
        say (&all[i]);
      for (guint i = 0; i < G_N_ELEMENTS (all); i++)
        g_assert_cmpint (await (fixture).n, ==, 1);
    }
  expect_silence (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_assert_cmpint (g_atomic_int_get (&all[i].n_finished), ==, 3);
      drop (&all[i]);
    }
}

static void
fill (int fd)
{
  static const char bytes[65536] = { 0 };

  while (send (fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
}

static void
drain (int fd)
{
  static char bytes[65536];

  while (recv (fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
    ;
}

/* Who waits for room hears of it when there is some, and then no more. */
static void
test_write (Fixture       *fixture,
            gconstpointer  user_data)
{
  Watched watched;

  add_watched (fixture, &watched);
  watch (&watched);
  expect_silence (fixture);
  ppool_io_watch (fixture->io, watched.id, watched.fd, TRUE);
  expect (fixture, &watched, FALSE, TRUE);
  expect_silence (fixture);

  fill (watched.fd);
  ppool_io_watch (fixture->io, watched.id, watched.fd, TRUE);
  expect_silence (fixture);
  say (&watched);
  expect (fixture, &watched, TRUE, FALSE);
  drain (watched.other);
  expect (fixture, &watched, FALSE, TRUE);
  say (&watched);
  expect (fixture, &watched, TRUE, FALSE);
  drop (&watched);
}

static gpointer
open_gate (gpointer data)
{
  g_async_queue_push (data, g_new0 (char, 1));
  return NULL;
}

/* The call that is under way is over when it is gone. */
static void
test_free (Fixture       *fixture,
           gconstpointer  user_data)
{
  GThread *thread;
  Watched watched;

  add_watched (fixture, &watched);
  watched.gate = g_async_queue_new_full (g_free);
  watch (&watched);
  say (&watched);
  expect (fixture, &watched, TRUE, FALSE);
  stop (&watched);
  thread = g_thread_new ("gate", open_gate, watched.gate);
  g_clear_pointer (&fixture->io, ppool_io_free);
  g_assert_cmpint (g_atomic_int_get (&watched.n_finished), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&watched.n_refs), ==, 0);

  g_thread_join (thread);
  g_async_queue_unref (watched.gate);
  drop (&watched);
}

/* What is no socket is refused. */
static void
test_refused (Fixture       *fixture,
              gconstpointer  user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (ppool_io_add (fixture->io, -1, told_cb, NULL, ref_cb, unref_cb, &error), ==, 0);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
}

static void
add (const char *path,
     void      (*test) (Fixture       *fixture,
                        gconstpointer  user_data))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  scratch_init ();

  add ("/io/read", test_read);
  add ("/io/unwatched", test_unwatched);
  add ("/io/hang-up/unwatched", test_hang_up_unwatched);
  add ("/io/removed", test_removed);
  add ("/io/removed/meanwhile", test_removed_meanwhile);
  add ("/io/removed/together", test_removed_together);
  add ("/io/many", test_many);
  add ("/io/write", test_write);
  add ("/io/free", test_free);
  add ("/io/refused", test_refused);

  return g_test_run ();
}
