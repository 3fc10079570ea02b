/* lane-test.c: what a pool sends on a lane, and what waits for room there
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-lane-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nothing-left.h"
#include "ppool-fd-private.h"
#include "scratch.h"
#include "sending.h"

#define PATIENCE_USEC (20 * G_TIME_SPAN_SECOND)

#define KIB ((gsize) 1024)

/* Stands for the end of what the worker says. */
#define END "end"

typedef struct
{
  PPoolIo *io;       /* (owned) */
  PPoolLane *lane;   /* (owned) */
  PPoolLink *worker; /* (owned) (nullable): the other end */
  GAsyncQueue *said; /* (owned): what the worker said, as text */
  int n_refs;        /* atomic */
  GMutex lock;       /* held while the lane is read; guards what follows */
  gboolean is_closed;
  Leftovers *leftovers;
} Fixture;

static gpointer
ref_cb (gpointer owner)
{
  g_atomic_int_inc (&((Fixture *) owner)->n_refs);
  return owner;
}

static void
unref_cb (gpointer owner)
{
  g_atomic_int_add (&((Fixture *) owner)->n_refs, -1);
}

static void
read_lane (Fixture *self)
{
  PPoolPacket packet;
  gboolean more;
  gboolean at_end;

  at_end = !ppool_link_read (ppool_lane_get_link (self->lane), FALSE, &more, NULL);
  while (ppool_link_next (ppool_lane_get_link (self->lane), &packet, NULL))
    {
      g_async_queue_push (self->said, g_strndup ((const char *) packet.data +
                                                   PPOOL_LINK_LANE_PREFIX_SIZE,
                                                 packet.size - PPOOL_LINK_LANE_PREFIX_SIZE));
      g_free (packet.data);
    }
  if (at_end)
    {
      ppool_lane_end (self->lane);
      g_async_queue_push (self->said, g_strdup (END));
    }
}

/* As a channel does. */
static void
lane_cb (gpointer owner,
         gboolean can_read,
         gboolean can_write)
{
  Fixture *self = owner;

  if (can_write)
    ppool_lane_write (self->lane);
  if (!can_read)
    return;

  g_mutex_lock (&self->lock);
  if (!self->is_closed && ppool_lane_is_open (self->lane))
    read_lane (self);
  g_mutex_unlock (&self->lock);
}

static void
close_lane (Fixture *self)
{
  g_mutex_lock (&self->lock);
  self->is_closed = TRUE;
  g_mutex_unlock (&self->lock);
  ppool_lane_close (self->lane);
}

static void
set_up_closed (Fixture       *fixture,
               gconstpointer  user_data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;
  int worker_fd = -1;

  g_mutex_init (&fixture->lock);
  fixture->leftovers = leftovers_new ();
  fixture->said = g_async_queue_new_full (g_free);
  fixture->io = ppool_io_new (&error);
  g_assert_no_error (error);
  fixture->lane = ppool_lane_new (fixture->io, lane_cb, fixture, ref_cb, unref_cb, &worker_fd,
                                  &error);
  g_assert_no_error (error);
  g_assert_false (ppool_lane_is_open (fixture->lane));
  g_assert_cmpint (fcntl (worker_fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  fixture->worker = ppool_link_new (worker_fd, &ppool_link_lane, NULL);
}

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  set_up_closed (fixture, user_data);
  ppool_lane_open (fixture->lane);
  g_assert_true (ppool_lane_is_open (fixture->lane));
}

/* The io thread has no call under way any more. */
static void
let_go (Fixture *fixture)
{
  while (g_atomic_int_get (&fixture->n_refs) > 0)
    g_thread_yield ();
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data G_GNUC_UNUSED)
{
  sending_set_most (0);
  sending_fail_often (0);
  ppool_lane_end (fixture->lane);
  let_go (fixture);
  g_clear_pointer (&fixture->lane, ppool_lane_free);
  ppool_io_free (fixture->io);
  g_clear_pointer (&fixture->worker, ppool_link_free);
  g_async_queue_unref (fixture->said);
  g_mutex_clear (&fixture->lock);
  assert_nothing_left (fixture->leftovers);
}

static GByteArray *
make_frame (guint number,
            gsize size)
{
  GByteArray *frame = g_byte_array_new ();

  g_byte_array_set_size (frame, (guint) size);
  memset (frame->data, (int) number, size);

  return frame;
}

static void
send_frame (Fixture *fixture,
            guint    number,
            gsize    size,
            int      fd)
{
  ppool_lane_send (fixture->lane, make_frame (number, size), fd);
}

/* At the worker's end: (nullable): NULL at the end of all. */
static guint8 *
try_to_read (Fixture *fixture,
             gsize   *size)
{
  struct pollfd input = { .fd = ppool_link_get_fd (fixture->worker), .events = POLLIN };
  g_autoptr (GError) error = NULL;
  gboolean more;
  PPoolPacket packet;

  while (!ppool_link_next (fixture->worker, &packet, &error))
    {
      g_assert_no_error (error);
      g_assert_cmpint (poll (&input, 1, (int) (PATIENCE_USEC / 1000)), ==, 1);
      if (!ppool_link_read (fixture->worker, FALSE, &more, &error))
        {
          g_assert_no_error (error);
          return NULL;
        }
    }
  *size = packet.size - PPOOL_LINK_LANE_PREFIX_SIZE;

  return packet.data;
}

static void
expect_frame (Fixture *fixture,
              guint    number,
              gsize    size)
{
  gsize read_size = 0;
  g_autofree guint8 *data = try_to_read (fixture, &read_size);

  g_assert_nonnull (data);
  g_assert_cmpuint (read_size, ==, size);
  for (gsize i = 0; i < size; i++)
    g_assert_cmpuint (data[PPOOL_LINK_LANE_PREFIX_SIZE + i], ==, (guint8) number);
}

/* Nothing comes any more but what has been written; maybe half of one. */
static void
expect_end (Fixture *fixture)
{
  gsize size;
  guint8 *data;

  while ((data = try_to_read (fixture, &size)) != NULL)
    g_free (data);
}

static void
expect_fd (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  int fd;

  g_assert_true (ppool_link_take_fds (fixture->worker, &fd, 1, &error));
  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_assert_false (ppool_link_has_stray_fds (fixture->worker));
}

static void
say (Fixture    *fixture,
     const char *text)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();

  g_byte_array_set_size (packet, PPOOL_LINK_LANE_PREFIX_SIZE);
  ppool_link_make_lane_prefix (packet->data, strlen (text));
  g_byte_array_append (packet, (const guint8 *) text, (guint) strlen (text));
  ppool_link_write (fixture->worker, packet->data, packet->len, -1);
}

static void
expect_said (Fixture    *fixture,
             const char *text)
{
  g_autofree char *said = g_async_queue_timeout_pop (fixture->said, PATIENCE_USEC);

  g_assert_cmpstr (said, ==, text);
}

static void
test_both_ways (Fixture       *fixture,
                gconstpointer  user_data)
{
  for (guint i = 0; i < 100; i++)
    {
      send_frame (fixture, i, i + 1, -1);
      expect_frame (fixture, i, i + 1);
      say (fixture, "text");
      expect_said (fixture, "text");
    }
}

static void
test_note (Fixture       *fixture,
           gconstpointer  user_data)
{
  g_autoptr (GByteArray) expected = g_byte_array_new ();
  g_autofree guint8 *data = NULL;
  gsize size;

  ppool_frame_append_note (expected, PPOOL_ITEM_CANCEL, 77);
  ppool_lane_send_note (fixture->lane, PPOOL_ITEM_CANCEL, 77);
  data = try_to_read (fixture, &size);
  g_assert_nonnull (data);
  g_assert_cmpmem (data + PPOOL_LINK_LANE_PREFIX_SIZE, size, expected->data, expected->len);
}

/* Nothing is read before. */
static void
test_open (Fixture       *fixture,
           gconstpointer  user_data)
{
  say (fixture, "text");
  g_assert_null (g_async_queue_timeout_pop (fixture->said, 1));
  ppool_lane_open (fixture->lane);
  expect_said (fixture, "text");
}

/* An end that came before is heard as well. */
static void
test_open_late (Fixture       *fixture,
                gconstpointer  user_data)
{
  say (fixture, "text");
  g_clear_pointer (&fixture->worker, ppool_link_free);
  ppool_lane_open (fixture->lane);
  expect_said (fixture, "text");
  expect_said (fixture, END);
}

/* Room */

/* With a socket that takes a few bytes at a time, and every now and then none; the rest is
 * the io thread's. */
static void
test_cut (Fixture       *fixture,
          gconstpointer  user_data)
{
  for (guint most = 1; most <= 20; most++)
    {
      sending_set_most (most);
      sending_fail_often (most % 3 == 0 ? ENOBUFS : EAGAIN);
      for (guint i = 0; i < 5; i++)
        send_frame (fixture, i, 10 + i, i % 2 == 0 ? ppool_fd_dup (STDERR_FILENO) : -1);
      for (guint i = 0; i < 5; i++)
        expect_frame (fixture, i, 10 + i);
      for (guint i = 0; i < 5; i += 2)
        {
          g_autoptr (GError) error = NULL;
          int fd;

          g_assert_true (ppool_link_take_fds (fixture->worker, &fd, 1, &error));
          close (fd);
        }
      g_assert_false (ppool_link_has_stray_fds (fixture->worker));
    }
}

/* Sends more than there is room for, and returns at once. */
static void
send_too_much (Fixture *fixture,
               guint    n,
               gsize    size)
{
  for (guint i = 0; i < n; i++)
    send_frame (fixture, i, size, i % 4 == 3 ? ppool_fd_dup (STDERR_FILENO) : -1);
}

static void
test_order (Fixture       *fixture,
            gconstpointer  user_data)
{
  const guint n = 200;

  send_too_much (fixture, n, 20 * KIB);
  for (guint i = 0; i < n; i++)
    {
      expect_frame (fixture, i, 20 * KIB);
      if (i % 4 == 3)
        expect_fd (fixture);
      /* Those that are sent meanwhile are behind the others. */
      send_frame (fixture, n + i, 10, -1);
    }
  for (guint i = 0; i < n; i++)
    expect_frame (fixture, n + i, 10);
}

/* What comes is heard while something waits. */
static void
test_read_meanwhile (Fixture       *fixture,
                     gconstpointer  user_data)
{
  send_too_much (fixture, 100, 20 * KIB);
  for (guint i = 0; i < 10; i++)
    {
      say (fixture, "text");
      expect_said (fixture, "text");
    }
}

/* The kernel has no event for that. */
static void
test_no_memory (Fixture       *fixture,
                gconstpointer  user_data)
{
  static const int codes[] = { ENOBUFS, ENOMEM, ETOOMANYREFS };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      sending_fail (codes[i], 5);
      send_frame (fixture, i, 100, ppool_fd_dup (STDERR_FILENO));
      expect_frame (fixture, i, 100);
      expect_fd (fixture);
    }
}

/* The end */

/* What waits is dropped with its descriptors. */
static void
test_end_unsent (Fixture       *fixture,
                 gconstpointer  user_data)
{
  send_too_much (fixture, 400, 20 * KIB);
  ppool_lane_end (fixture->lane);
  send_frame (fixture, 1, 10, ppool_fd_dup (STDERR_FILENO));
  close_lane (fixture);
  expect_end (fixture);
}

static void
test_close_unsent (Fixture       *fixture,
                   gconstpointer  user_data)
{
  send_too_much (fixture, 400, 20 * KIB);
  close_lane (fixture);
  g_assert_null (ppool_lane_get_link (fixture->lane));
  send_frame (fixture, 1, 10, ppool_fd_dup (STDERR_FILENO));
  expect_end (fixture);
}

/* A worker that has gone is no reason to complain. */
static void
test_gone (Fixture       *fixture,
           gconstpointer  user_data)
{
  send_too_much (fixture, 100, 20 * KIB);
  say (fixture, "last");
  g_clear_pointer (&fixture->worker, ppool_link_free);
  expect_said (fixture, "last");
  expect_said (fixture, END);
  send_too_much (fixture, 100, 20 * KIB);
}

/* It stops reading, and then says more. */
static void
test_half_closed (Fixture       *fixture,
                  gconstpointer  user_data)
{
  send_too_much (fixture, 100, 20 * KIB);
  g_assert_no_errno (shutdown (ppool_link_get_fd (fixture->worker), SHUT_RD));
  send_too_much (fixture, 100, 20 * KIB);
  say (fixture, "text");
  expect_said (fixture, "text");
}

static void
test_shut (Fixture       *fixture,
           gconstpointer  user_data)
{
  send_frame (fixture, 7, 10, -1);
  for (guint i = 0; i < 3; i++)
    say (fixture, "text");
  ppool_lane_shut (fixture->lane);
  send_frame (fixture, 8, 10, ppool_fd_dup (STDERR_FILENO));
  for (guint i = 0; i < 3; i++)
    expect_said (fixture, "text");
  expect_said (fixture, END);
  expect_frame (fixture, 7, 10);
  expect_end (fixture);
}

static void
do_step (Fixture *fixture,
         char     step)
{
  if (step == 's')
    ppool_lane_shut (fixture->lane);
  else if (step == 'e')
    ppool_lane_end (fixture->lane);
  else
    close_lane (fixture);
}

/* Each may come first; whoever sends meanwhile does not know. */
static void
test_any_order (Fixture       *fixture,
                gconstpointer  user_data)
{
  static const char * const orders[] = { "esc", "sec", "ecs", "ces", "cse", "eec", "ccc" };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (orders); i++)
    {
      Fixture other = { NULL };

      set_up (&other, NULL);
      if (i % 2 == 0)
        send_too_much (&other, 50, 20 * KIB);
      for (const char *step = orders[i / 2]; *step != '\0'; step++)
        {
          do_step (&other, *step);
          send_frame (&other, 1, 10, ppool_fd_dup (STDERR_FILENO));
          ppool_lane_send_note (other.lane, PPOOL_ITEM_EXIT, 0);
        }
      expect_end (&other);
      tear_down (&other, NULL);
    }
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

  add ("/lane/both-ways", test_both_ways);
  add ("/lane/note", test_note);
  g_test_add ("/lane/open", Fixture, NULL, set_up_closed, test_open, tear_down);
  g_test_add ("/lane/open/late", Fixture, NULL, set_up_closed, test_open_late, tear_down);
  add ("/lane/cut", test_cut);
  add ("/lane/order", test_order);
  add ("/lane/read-meanwhile", test_read_meanwhile);
  add ("/lane/no-memory", test_no_memory);
  add ("/lane/end/unsent", test_end_unsent);
  add ("/lane/close/unsent", test_close_unsent);
  add ("/lane/gone", test_gone);
  add ("/lane/half-closed", test_half_closed);
  add ("/lane/shut", test_shut);
  add ("/lane/any-order", test_any_order);

  return g_test_run ();
}
