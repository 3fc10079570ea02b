/* stderr-test.c: where a worker's standard error goes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-stderr-private.h"

#include "nothing-left.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define WAIT_MSEC 20000

/* More than all that lies between a worker and a reader of its output. */
#define PLENTY (1024 * 1024)

/* What a room keeps. */
#define KEPT (32 * 1024)

typedef struct
{
  GMainContext *context; /* (owned) */
  PPoolStderr *room;     /* (owned) (nullable) */
  Leftovers *leftovers;  /* (owned) */
  int write_fd;          /* (owned): the worker's end; it never waits */
  int read_fd;           /* (owned): what goes to standard error arrives here */
  int real_stderr;       /* (owned) */
} Fixture;

typedef enum
{
  OUTPUT_PIPE,
  OUTPUT_SOCKET,
  OUTPUT_TERMINAL,
} Output;

/* Makes standard error the other end of @read_fd. */
static void
redirect (Fixture *fixture,
          Output   output)
{
  int fds[2] = { -1, -1 };
  struct termios settings;

  switch (output)
    {
    case OUTPUT_PIPE:
      g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
      break;

    case OUTPUT_SOCKET:
      g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
      break;

    case OUTPUT_TERMINAL:
      fds[0] = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
      g_assert_cmpint (grantpt (fds[0]), ==, 0);
      g_assert_cmpint (unlockpt (fds[0]), ==, 0);
      fds[1] = open (ptsname (fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
      g_assert_cmpint (tcgetattr (fds[1], &settings), ==, 0);
      cfmakeraw (&settings);
      g_assert_cmpint (tcsetattr (fds[1], TCSANOW, &settings), ==, 0);
      break;

    default:
      g_assert_not_reached ();
    }

  if (fixture->read_fd >= 0)
    close (fixture->read_fd);
  fixture->read_fd = fds[0];
  g_assert_true (g_unix_set_fd_nonblocking (fds[0], TRUE, NULL));
  g_assert_cmpint (dup2 (fds[1], STDERR_FILENO), ==, STDERR_FILENO);
  close (fds[1]);
}

static void
open_room (Fixture         *fixture,
           PPoolStderrMode  mode)
{
  g_autoptr (GError) error = NULL;

  fixture->room = ppool_stderr_new (mode, fixture->context, &fixture->write_fd, &error);
  g_assert_no_error (error);
  g_assert_nonnull (fixture->room);
  if (fixture->write_fd >= 0)
    {
      g_assert_cmpint (fcntl (fixture->write_fd, F_GETFD) & FD_CLOEXEC, !=, 0);
      g_assert_cmpint (fcntl (fixture->write_fd, F_GETFL) & O_NONBLOCK, ==, 0);
      g_assert_true (g_unix_set_fd_nonblocking (fixture->write_fd, TRUE, NULL));
    }
}

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  fixture->leftovers = leftovers_new ();
  fixture->context = g_main_context_new ();
  fixture->write_fd = -1;
  fixture->read_fd = -1;
  fixture->real_stderr = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  redirect (fixture, OUTPUT_PIPE);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data)
{
  dup2 (fixture->real_stderr, STDERR_FILENO);
  close (fixture->real_stderr);
  if (fixture->read_fd >= 0)
    close (fixture->read_fd);
  if (fixture->write_fd >= 0)
    close (fixture->write_fd);
  g_clear_pointer (&fixture->room, ppool_stderr_free);
  g_main_context_unref (fixture->context);

  assert_nothing_left (fixture->leftovers);
}

static void
say (Fixture    *fixture,
     const char *text)
{
  g_assert_cmpint (write (fixture->write_fd, text, strlen (text)), ==, (gssize) strlen (text));
}

static void
turn (Fixture *fixture)
{
  while (g_main_context_iteration (fixture->context, FALSE))
    continue;
}

/* What is in standard error's other end now. */
static void
collect (Fixture *fixture,
         GString *seen)
{
  char bytes[65536];
  gssize n;

  while ((n = read (fixture->read_fd, bytes, sizeof bytes)) > 0)
    g_string_append_len (seen, bytes, n);
}

static void
assert_seen (Fixture    *fixture,
             const char *expected)
{
  g_autoptr (GString) seen = g_string_new (NULL);

  collect (fixture, seen);
  g_assert_cmpstr (seen->str, ==, expected);
}

static void
assert_tail (Fixture    *fixture,
             const char *expected)
{
  g_autofree char *tail = ppool_stderr_dup_tail (fixture->room, 0);

  g_assert_cmpstr (tail, ==, expected);
}

static void
test_tee (Fixture       *fixture,
          gconstpointer  user_data)
{
  redirect (fixture, (Output) GPOINTER_TO_INT (user_data));
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  assert_tail (fixture, "");

  say (fixture, "one");
  turn (fixture);
  assert_seen (fixture, "one");

  say (fixture, " two");
  turn (fixture);
  assert_seen (fixture, " two");
  assert_tail (fixture, "one two");

  ppool_stderr_catch_up (fixture->room);
  ppool_stderr_catch_up (fixture->room);
  assert_tail (fixture, "one two");
}

static void
test_discard (Fixture       *fixture,
              gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_DISCARD);
  say (fixture, "quiet\n");
  turn (fixture);
  say (fixture, "please\n");
  ppool_stderr_catch_up (fixture->room);
  assert_seen (fixture, "");
  assert_tail (fixture, "quiet\nplease");
}

static void
test_inherit (Fixture       *fixture,
              gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_INHERIT);
  g_assert_cmpint (fixture->write_fd, ==, -1);
  turn (fixture);
  ppool_stderr_catch_up (fixture->room);
  assert_tail (fixture, "");
}

/* Writes numbered lines until the pipe is full or there were plenty. */
static void
flood (Fixture *fixture,
       GString *said)
{
  char line[64];
  gssize n;

  do
    {
      g_snprintf (line, sizeof line, "line number %" G_GSIZE_FORMAT "\n", said->len);
      n = write (fixture->write_fd, line, strlen (line));
      if (n > 0)
        g_string_append_len (said, line, n);
    }
  while (n > 0 && said->len < PLENTY);
}

/* What was never read before the worker had gone, while another process keeps
 * the pipe open. */
static void
test_catch_up (Fixture       *fixture,
               gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  say (fixture, "last words\n");
  ppool_stderr_catch_up (fixture->room);
  assert_seen (fixture, "last words\n");
  assert_tail (fixture, "last words");

  say (fixture, "and more\n");
  turn (fixture);
  assert_seen (fixture, "and more\n");
}

/* Waits until @expected has come out. */
static void
await_seen (Fixture    *fixture,
            const char *expected)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  struct pollfd output = { .fd = fixture->read_fd, .events = POLLIN };

  while (seen->len < strlen (expected))
    {
      g_assert_cmpint (poll (&output, 1, WAIT_MSEC), ==, 1);
      collect (fixture, seen);
    }
  g_assert_cmpstr (seen->str, ==, expected);
}

/* A process that the worker has left behind writes on, and when it ends nothing of
 * this is left. */
static void
test_release (Fixture       *fixture,
              gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  say (fixture, "of the worker\n");
  g_clear_pointer (&fixture->room, ppool_stderr_release);
  await_seen (fixture, "of the worker\n");

  say (fixture, "of its child\n");
  await_seen (fixture, "of its child\n");
  g_assert_false (g_main_context_pending (fixture->context));
}

static void
test_release_at_end (Fixture       *fixture,
                     gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  say (fixture, "bye\n");
  close (g_steal_fd (&fixture->write_fd));
  g_clear_pointer (&fixture->room, ppool_stderr_release);
  assert_seen (fixture, "bye\n");
}

/* More than fits into all that lies between, of which the reader takes its time. */
static void
test_release_blocked (Fixture       *fixture,
                      gconstpointer  user_data)
{
  g_autoptr (GString) said = g_string_new (NULL);
  g_autoptr (GString) seen = g_string_new (NULL);
  struct pollfd output = { .fd = fixture->read_fd, .events = POLLIN };

  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  turn (fixture);
  g_clear_pointer (&fixture->room, ppool_stderr_release);
  flood (fixture, said);
  close (g_steal_fd (&fixture->write_fd));

  while (seen->len < said->len)
    {
      g_assert_cmpint (poll (&output, 1, WAIT_MSEC), ==, 1);
      collect (fixture, seen);
    }
  g_assert_true (g_string_equal (seen, said));
}

static void
test_closed_by_worker (Fixture       *fixture,
                       gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  say (fixture, "bye\n");
  close (g_steal_fd (&fixture->write_fd));

  turn (fixture);
  assert_seen (fixture, "bye\n");

  /* The source must not be ready for ever. */
  g_assert_false (g_main_context_pending (fixture->context));
  ppool_stderr_catch_up (fixture->room);
  assert_tail (fixture, "bye");
}

static void
test_dropped (Fixture       *fixture,
              gconstpointer  user_data)
{
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  say (fixture, "never read\n");
  g_clear_pointer (&fixture->room, ppool_stderr_free);
  turn (fixture);
  assert_seen (fixture, "");
}

static gboolean
wake_cb (gpointer user_data)
{
  gboolean *late = user_data;

  *late = TRUE;
  return G_SOURCE_CONTINUE;
}

/* Nobody reads standard error: the worker has to wait, the context has not; and
 * when somebody does, everything is there in order. */
static void
test_backpressure (Fixture       *fixture,
                   gconstpointer  user_data)
{
  g_autoptr (GString) said = g_string_new (NULL);
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GSource) timeout = g_timeout_source_new (WAIT_MSEC);
  g_autofree char *tail = NULL;
  gboolean late = FALSE;
  gsize before;

  redirect (fixture, (Output) GPOINTER_TO_INT (user_data));
  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  g_source_set_callback (timeout, wake_cb, &late, NULL);
  g_source_attach (timeout, fixture->context);

  do
    {
      before = said->len;
      flood (fixture, said);
      turn (fixture);
    }
  while (said->len > before);
  g_assert_cmpuint (said->len, <, PLENTY);

  close (g_steal_fd (&fixture->write_fd));
  while (seen->len < said->len && !late)
    {
      collect (fixture, seen);
      if (seen->len < said->len)
        g_main_context_iteration (fixture->context, TRUE);
    }

  g_source_destroy (timeout);
  g_assert_false (late);
  g_assert_true (g_string_equal (seen, said));
  tail = ppool_stderr_dup_tail (fixture->room, 0);
  g_assert_cmpuint (strlen (tail), >, 4000);
  g_assert_true (g_str_has_suffix (g_strchomp (said->str), tail));
}

/* What was written before is of no interest, if it was read before. */
static void
test_since (Fixture       *fixture,
            gconstpointer  user_data)
{
  enum { N = 100, AT = 90 };
  g_autofree char *tail = NULL;
  g_autofree char *nothing = NULL;
  gint64 since = 0;

  open_room (fixture, PPOOL_STDERR_MODE_DISCARD);
  for (int i = 0; i < N; i++)
    {
      g_autofree char *line = g_strdup_printf ("%02d\n", i);

      if (i == AT)
        {
          gint64 now = g_get_monotonic_time ();

          /* Of the microsecond of the one before. */
          while ((since = g_get_monotonic_time ()) == now)
            continue;
        }
      say (fixture, line);
      turn (fixture);
    }

  tail = ppool_stderr_dup_tail (fixture->room, since);
  g_assert_nonnull (strstr (tail, "90\n91\n"));
  g_assert_true (g_str_has_suffix (tail, "99"));
  /* Parts of it are known together. */
  g_assert_null (strstr (tail, "70"));

  nothing = ppool_stderr_dup_tail (fixture->room, g_get_monotonic_time () + 1);
  g_assert_cmpstr (nothing, ==, "");
}

/* The worker has gone while nobody reads: it is told all the same. */
static void
test_catch_up_blocked (Fixture       *fixture,
                       gconstpointer  user_data)
{
  g_autoptr (GString) said = g_string_new (NULL);
  g_autofree char *tail = NULL;

  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  flood (fixture, said);
  turn (fixture);
  flood (fixture, said);
  ppool_stderr_catch_up (fixture->room);

  tail = ppool_stderr_dup_tail (fixture->room, 0);
  g_assert_true (g_str_has_suffix (g_strchomp (said->str), tail));
}

static gpointer
flood_thread (gpointer user_data)
{
  Fixture *fixture = user_data;
  static const char bytes[512] = { 'x', };

  /* Until the other end is closed. */
  while (write (fixture->write_fd, bytes, sizeof bytes) > 0 || errno == EAGAIN)
    continue;

  return NULL;
}

/* A child of the worker that writes without end. */
static void
test_flooded (Fixture       *fixture,
              gconstpointer  user_data)
{
  GThread *thread;

  open_room (fixture, PPOOL_STDERR_MODE_DISCARD);
  thread = g_thread_new ("flood", flood_thread, fixture);
  g_main_context_iteration (fixture->context, TRUE);
  ppool_stderr_catch_up (fixture->room);
  g_clear_pointer (&fixture->room, ppool_stderr_free);
  g_thread_join (thread);
}

/* Standard error is closed, has no reader, or is not for writing. */
static void
test_no_output (Fixture       *fixture,
                gconstpointer  user_data)
{
  int fd;

  open_room (fixture, PPOOL_STDERR_MODE_TEE);

  close (g_steal_fd (&fixture->read_fd));
  say (fixture, "1\n");
  turn (fixture);

  fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2 (fd, STDERR_FILENO);
  close (fd);
  say (fixture, "2\n");
  turn (fixture);

  close (STDERR_FILENO);
  say (fixture, "3\n");
  turn (fixture);
  dup2 (fixture->real_stderr, STDERR_FILENO);

  redirect (fixture, OUTPUT_PIPE);
  say (fixture, "4\n");
  turn (fixture);
  assert_seen (fixture, "4\n");
  assert_tail (fixture, "1\n2\n3\n4");
}

/* A file of the program's that got the number of standard error, which was closed. */
static void
test_other_file (Fixture       *fixture,
                 gconstpointer  user_data)
{
  int fds[2];
  char byte;

  open_room (fixture, PPOOL_STDERR_MODE_TEE);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint (dup3 (fds[1], STDERR_FILENO, O_CLOEXEC), ==, STDERR_FILENO);
  say (fixture, "not for a file\n");
  turn (fixture);
  g_assert_cmpint (recv (fds[0], &byte, 1, MSG_DONTWAIT), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
  close (fds[0]);
  close (fds[1]);

  redirect (fixture, OUTPUT_PIPE);
  say (fixture, "for what is made standard error\n");
  turn (fixture);
  assert_seen (fixture, "for what is made standard error\n");
}

/* What standard error was from the start it is also when it is not to be inherited. */
static void
test_original (Fixture       *fixture,
               gconstpointer  user_data)
{
  g_test_trap_subprocess ("/stderr/subprocess/original", WAIT_MSEC * 1000,
                          G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*for the original*");
}

static void
say_to_original (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (PPoolStderr) room = NULL;
  g_autoptr (GError) error = NULL;
  int write_fd;

  fcntl (STDERR_FILENO, F_SETFD, FD_CLOEXEC);
  room = ppool_stderr_new (PPOOL_STDERR_MODE_TEE, context, &write_fd, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (write_fd, "for the original\n", 17), ==, 17);
  g_main_context_iteration (context, TRUE);
  close (write_fd);
}

/* Goes on where the others that write to the same file are. */
static void
test_file (Fixture       *fixture,
           gconstpointer  user_data)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  int fd;

  fd = g_file_open_tmp ("ppool-stderr-XXXXXX", &path, NULL);
  g_assert_cmpint (fd, >=, 0);
  dup2 (fd, STDERR_FILENO);

  open_room (fixture, PPOOL_STDERR_MODE_TEE);
  g_assert_cmpint (write (fd, "parent ", 7), ==, 7);
  say (fixture, "worker ");
  turn (fixture);
  g_assert_cmpint (write (fd, "parent", 6), ==, 6);

  close (fd);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "parent worker parent");
  g_unlink (path);
}

static void
assert_tail_of (Fixture    *fixture,
                const char *text,
                gsize       length,
                const char *expected)
{
  open_room (fixture, PPOOL_STDERR_MODE_DISCARD);
  g_assert_cmpint (write (fixture->write_fd, text, length), ==, (gssize) length);
  turn (fixture);
  assert_tail (fixture, expected);

  g_clear_pointer (&fixture->room, ppool_stderr_free);
  close (g_steal_fd (&fixture->write_fd));
}

static void
test_tail (Fixture       *fixture,
           gconstpointer  user_data)
{
  g_autoptr (GString) text = g_string_new ("first ");
  g_autofree char *expected = NULL;

  assert_tail_of (fixture, "", 0, "");
  assert_tail_of (fixture, " \n\n ", 4, "");
  assert_tail_of (fixture, "\n a \n b\n", 8, "a \n b");
  assert_tail_of (fixture, "caf\xe9\n", 5, "caf\357\277\275");
  assert_tail_of (fixture, "a\0b", 3, "a\357\277\275b");

  /* As much as fits, and one more. */
  while (text->len < KEPT - 2)
    g_string_append_c (text, 'x');
  g_string_append (text, "\nz");
  assert_tail_of (fixture, text->str, KEPT, text->str);
  g_string_append_c (text, '!');
  assert_tail_of (fixture, text->str, KEPT + 1, "z!");

  /* One line that is too long begins anywhere, but not within a letter. */
  g_string_truncate (text, 0);
  while (text->len < KEPT + 1000)
    g_string_append (text, "\342\202\254");
  assert_tail_of (fixture, text->str, text->len, text->str + text->len - KEPT / 3 * 3);
  expected = g_strdup (text->str + text->len - (KEPT - 1) / 3 * 3);
  g_string_append_c (text, '\n');
  assert_tail_of (fixture, text->str, text->len, expected);
}

int
main (int    argc,
      char **argv)
{
  scratch_init ();
  g_test_init (&argc, &argv, NULL);

  /* As the threads of the library do. */
  signal (SIGPIPE, SIG_IGN);
  keep_what_glib_keeps ();

#define ADD(path, output, func) \
  g_test_add (path, Fixture, GINT_TO_POINTER (output), set_up, func, tear_down)
  ADD ("/stderr/tee/pipe", OUTPUT_PIPE, test_tee);
  ADD ("/stderr/tee/socket", OUTPUT_SOCKET, test_tee);
  ADD ("/stderr/tee/terminal", OUTPUT_TERMINAL, test_tee);
  ADD ("/stderr/tee/file", 0, test_file);
  ADD ("/stderr/tee/no-output", 0, test_no_output);
  ADD ("/stderr/tee/other-file", 0, test_other_file);
  ADD ("/stderr/tee/original", 0, test_original);
  g_test_add_func ("/stderr/subprocess/original", say_to_original);
  ADD ("/stderr/discard", 0, test_discard);
  ADD ("/stderr/inherit", 0, test_inherit);
  ADD ("/stderr/closed-by-worker", 0, test_closed_by_worker);
  ADD ("/stderr/dropped", 0, test_dropped);
  ADD ("/stderr/since", 0, test_since);
  ADD ("/stderr/catch-up/held-open", 0, test_catch_up);
  ADD ("/stderr/catch-up/blocked", 0, test_catch_up_blocked);
  ADD ("/stderr/catch-up/flooded", 0, test_flooded);
  ADD ("/stderr/release/held-open", 0, test_release);
  ADD ("/stderr/release/at-end", 0, test_release_at_end);
  ADD ("/stderr/release/blocked", 0, test_release_blocked);
  ADD ("/stderr/backpressure/pipe", OUTPUT_PIPE, test_backpressure);
  ADD ("/stderr/backpressure/socket", OUTPUT_SOCKET, test_backpressure);
  ADD ("/stderr/backpressure/terminal", OUTPUT_TERMINAL, test_backpressure);
  ADD ("/stderr/tail", 0, test_tail);
#undef ADD

  return g_test_run ();
}
