/* cancels-test.c: tests how a worker hears that a call is cancelled, from the pool's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-worker.h"

#include "fewer.h"
#include "frames.h"

#include <glib-unix.h>
#include <signal.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUNCTION_ERROR "org.ppool.Error.Function"
#define unit() (g_variant_new_tuple (NULL, 0))

#define PATIENCE_USEC (30 * G_TIME_SPAN_SECOND)

static char *program; /* (owned): this one */

/* The worker */

static GThread *main_thread;   /* (unowned) */
static PPoolInvocation *held;  /* (owned) (nullable) */
static GCancellable *kept;     /* (owned) (nullable) */
static int released;           /* atomic */
static int n_told;             /* atomic */
static gpointer told_in;       /* (unowned): a thread */

static void
say (const char *line)
{
  g_print ("%s\n", line);
}

static void
told_cb (GCancellable *cancellable,
         gpointer      user_data)
{
  told_in = g_thread_self ();
  g_atomic_int_inc (&n_told);
  /* It may be about to wait. */
  g_main_context_wakeup (NULL);
}

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

/* Is busy until it is cancelled. */
static GVariant *
spin (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  GCancellable *cancellable = ppool_invocation_get_cancellable (invocation);
  gint64 end = g_get_monotonic_time () + PATIENCE_USEC;

  g_assert_true (cancellable == ppool_invocation_get_cancellable (invocation));
  say ("spinning");
  while (!g_cancellable_set_error_if_cancelled (cancellable, error))
    g_assert_cmpint (g_get_monotonic_time (), <, end);

  return NULL;
}

static GVariant *
is_cancelled (PPoolInvocation  *invocation,
              GVariant         *args,
              gpointer          user_data,
              GError          **error)
{
  GCancellable *cancellable = ppool_invocation_get_cancellable (invocation);

  return g_variant_new_boolean (g_cancellable_is_cancelled (cancellable));
}

/* Tells in which thread it was told: that of the worker, or another. */
static GVariant *
watch (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  GCancellable *cancellable = ppool_invocation_get_cancellable (invocation);
  gint64 end = g_get_monotonic_time () + PATIENCE_USEC;
  gboolean nests = g_variant_get_boolean (args);

  g_atomic_int_set (&n_told, 0);
  g_signal_connect (cancellable, "cancelled", G_CALLBACK (told_cb), NULL);
  say ("spinning");
  while (g_atomic_int_get (&n_told) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      if (nests)
        g_main_context_iteration (NULL, TRUE);
    }

  return g_variant_new_boolean (told_in == main_thread);
}

/* Hears of nothing until it asks, after its loop has read what came. */
static GVariant *
ask_late (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  say ("spinning");
  while (!g_atomic_int_get (&released))
    g_main_context_iteration (NULL, TRUE);
  g_atomic_int_set (&released, FALSE);

  return is_cancelled (invocation, args, user_data, error);
}

static gpointer
ask_in_thread (gpointer data)
{
  return ppool_invocation_get_cancellable (data);
}

static GVariant *
spin_by_thread (PPoolInvocation  *invocation,
                GVariant         *args,
                gpointer          user_data,
                GError          **error)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("ask", ask_in_thread, invocation);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (g_thread_join (threads[i]) == ppool_invocation_get_cancellable (invocation));

  return spin (invocation, args, user_data, error);
}

static GVariant *
keep (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_set_object (&kept, ppool_invocation_get_cancellable (invocation));

  return g_variant_ref (args);
}

/* Answers, and goes on. */
static GVariant *
answer_and_spin (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  g_set_object (&kept, ppool_invocation_get_cancellable (invocation));
  ppool_invocation_return_value (invocation, NULL);
  while (!g_atomic_int_get (&released))
    g_main_context_iteration (NULL, TRUE);
  g_atomic_int_set (&released, FALSE);

  return NULL;
}

static GVariant *
kept_is_cancelled (PPoolInvocation  *invocation,
                   GVariant         *args,
                   gpointer          user_data,
                   GError          **error)
{
  return g_variant_new_boolean (g_cancellable_is_cancelled (kept));
}

/* Whoever tells it waits for long. */
G_NORETURN static void
block_cb (GCancellable *cancellable,
          gpointer      user_data)
{
  say ("blocking");
  while (TRUE)
    pause ();
}

static GVariant *
block (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  g_signal_connect (ppool_invocation_get_cancellable (invocation), "cancelled",
                    G_CALLBACK (block_cb), NULL);
  say ("spinning");
  while (TRUE)
    pause ();

  return NULL;
}

/* Closes what isn't its own, and is cancelled meanwhile. */
static GVariant *
close_channel (PPoolInvocation  *invocation,
               GVariant         *args,
               gpointer          user_data,
               GError          **error)
{
  int fd = atoi (user_data);

  g_assert_nonnull (ppool_invocation_get_cancellable (invocation));
  g_assert_no_errno (close (fd));
  g_assert_cmpint (open ("/dev/zero", O_RDONLY | O_CLOEXEC), ==, fd);
  say ("closed");
  while (!g_atomic_int_get (&released))
    g_main_context_iteration (NULL, TRUE);

  return g_variant_ref (args);
}

static GVariant *
get_options (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  gint64 deadline = ppool_invocation_get_deadline (invocation);
  gint64 left = deadline - g_get_monotonic_time ();

  g_assert_cmpint (deadline, >=, -1);

  return g_variant_new ("(xu)", deadline < 0 ? -1 : left / G_TIME_SPAN_MINUTE,
                        ppool_invocation_get_attempt (invocation));
}

static void
answer_cancelled_cb (GCancellable *cancellable,
                     gpointer      user_data)
{
  g_autoptr (PPoolInvocation) invocation = g_steal_pointer (&held);

  ppool_invocation_return_value (invocation,
                                 g_variant_new_boolean (g_thread_self () == main_thread));
}

static void
hold (PPoolInvocation *invocation,
      gpointer         user_data)
{
  held = g_object_ref (invocation);
  g_signal_connect (ppool_invocation_get_cancellable (invocation), "cancelled",
                    G_CALLBACK (answer_cancelled_cb), NULL);
  say ("holding");
}

static gboolean
release_cb (gpointer user_data)
{
  g_atomic_int_set (&released, TRUE);

  return G_SOURCE_CONTINUE;
}

static const struct
{
  const char *name;
  PPoolFunction function;
} functions[] = {
  { "answer-and-spin", answer_and_spin },
  { "ask-late", ask_late },
  { "block", block },
  { "close-channel", close_channel },
  { "echo", echo },
  { "get-options", get_options },
  { "is-cancelled", is_cancelled },
  { "keep", keep },
  { "kept-is-cancelled", kept_is_cancelled },
  { "spin", spin },
  { "spin-by-thread", spin_by_thread },
  { "watch", watch },
};

static int
run_worker (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autofree char *fd = g_strdup (g_getenv ("PPOOL_WORKER_FD"));
  guint source = g_unix_signal_add (SIGUSR1, release_cb, NULL);
  int status;

  main_thread = g_thread_self ();
  for (gsize i = 0; i < G_N_ELEMENTS (functions); i++)
    ppool_worker_add_function (worker, functions[i].name, functions[i].function, fd, NULL);
  ppool_worker_add_handler (worker, "hold", hold, NULL, NULL);

  status = ppool_worker_run (worker, NULL);
  g_source_remove (source);
  g_clear_object (&kept);
  g_assert_null (held);

  return status;
}

/* The pool's end */

static void
set_up (Served        *fixture,
        gconstpointer  board)
{
  const char *argv[] = { program, "worker", NULL };

  served_set_up (fixture, argv, board != NULL ? FRAMES_BOARD : FRAMES_PLAIN);
}

static guint64
call (Served     *fixture,
      const char *function,
      GVariant   *args)
{
  guint64 id = frames_add (fixture->frames, function, args);

  frames_send (fixture->frames);

  return id;
}

static void
expect_cancelled (Served  *fixture,
                  guint64  id)
{
  frames_expect_error (fixture->frames, id, FUNCTION_ERROR, "cancelled");
}

static void
release (Served  *fixture)
{
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);
}

/* What was sent before has been read. */
static void
wait_until_read (Served  *fixture)
{
  g_autoptr (Reply) reply = peer_send (fixture->peer, "Dance", NULL);

  reply_expect_error (reply, "org.freedesktop.DBus.Error.UnknownMethod", "No such method");
}

static void
test_busy (Served        *fixture,
           gconstpointer  board)
{
  static const char * const names[] = { "spin", "spin-by-thread", "spin" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      guint64 id = call (fixture, names[i], unit ());

      served_expect_line (fixture, "spinning");
      frames_cancel (fixture->frames, id);
      expect_cancelled (fixture, id);
      frames_expect (fixture->frames, call (fixture, "is-cancelled", unit ()), "false");
    }
}

/* Calls that wait are cancelled one by one, and keep their order. */
static void
test_before (Served        *fixture,
             gconstpointer  board)
{
  Frames *frames = fixture->frames;
  const guint n = 100;

  frames_add (frames, "spin", unit ());
  for (guint i = 1; i < n / 2; i++)
    frames_add (frames, "is-cancelled", unit ());
  frames_send (frames);
  served_expect_line (fixture, "spinning");
  for (guint i = n / 2; i < n; i++)
    frames_add (frames, "is-cancelled", unit ());
  frames_send (frames);
  for (guint i = 3; i <= n; i += 3)
    frames_cancel (frames, i);
  frames_cancel (frames, 1);

  expect_cancelled (fixture, 1);
  frames_await (frames, n);
  for (guint i = 1; i < n; i++)
    {
      FrameResult *result = frames->results->pdata[i];

      g_assert_cmpuint (result->id, ==, i + 1);
      g_assert_true (g_variant_get_boolean (result->value) == ((i + 1) % 3 == 0));
    }
}

/* The same without frames, and with an answer for who wants one. */
static void
test_call (void)
{
  const char *argv[] = { program, "worker", NULL };
  const char *features[] = { "gvariant", "cancel", NULL };
  Peer *peer = peer_new (argv);
  g_autoptr (Reply) initialized = NULL;
  g_autoptr (Reply) spinning = NULL;
  g_autoptr (Reply) waiting = NULL;
  g_autoptr (Reply) other = NULL;
  Reply *replies[2];
  g_autofree char *line = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "features", g_variant_new_strv (features, -1));
  initialized = peer_send (peer, "Initialize", g_variant_new ("(a{sv})", &options));
  reply_wait (initialized);

  spinning = peer_send_call (peer, "spin", unit ());
  waiting = peer_send_call (peer, "is-cancelled", unit ());
  other = peer_send_call (peer, "is-cancelled", unit ());
  line = peer_read_line (peer);
  replies[0] = peer_send (peer, "Cancel", g_variant_new ("(t)", peer->last_id - 1));
  replies[1] = peer_send (peer, "Cancel", g_variant_new ("(t)", peer->last_id - 2));
  reply_expect_error (spinning, FUNCTION_ERROR, "cancelled");
  reply_expect_value (waiting, "true");
  reply_expect_value (other, "false");
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      reply_wait (replies[i]);
      g_assert_no_error (replies[i]->error);
      reply_free (replies[i]);
    }

  peer_exit (peer);
}

/* A handler hears of it from the main loop. */
static void
test_handler (Served        *fixture,
              gconstpointer  board)
{
  for (guint i = 0; i < 3; i++)
    {
      guint64 id = call (fixture, "hold", unit ());

      served_expect_line (fixture, "holding");
      frames_cancel (fixture->frames, id);
      frames_expect (fixture->frames, id, "true");
    }
}

static void
test_thread (Served        *fixture,
             gconstpointer  board)
{
  guint64 id = call (fixture, "watch", g_variant_new_boolean (FALSE));

  served_expect_line (fixture, "spinning");
  frames_cancel (fixture->frames, id);
  frames_expect (fixture->frames, id, "false");
}

/* Either thread may read then. */
static void
test_nested (Served        *fixture,
             gconstpointer  board)
{
  for (guint i = 0; i < 20; i++)
    {
      guint64 id = call (fixture, "watch", g_variant_new_boolean (TRUE));
      FrameResult *result;

      served_expect_line (fixture, "spinning");
      frames_cancel (fixture->frames, id);
      result = frames_await (fixture->frames, i + 1);
      g_assert_cmpint (result->kind, ==, FRAME_VALUE);
    }
}

static void
test_asked_late (Served        *fixture,
                 gconstpointer  board)
{
  for (guint i = 0; i < 2; i++)
    {
      guint64 id = call (fixture, "ask-late", unit ());

      served_expect_line (fixture, "spinning");
      if (i == 0)
        frames_cancel (fixture->frames, id);
      wait_until_read (fixture);
      release (fixture);
      frames_expect (fixture->frames, id, i == 0 ? "true" : "false");
    }
}

static void
test_twice (Served        *fixture,
            gconstpointer  board)
{
  Frames *frames = fixture->frames;
  guint64 id = frames_add (frames, "spin", unit ());
  guint64 next = frames_add (frames, "is-cancelled", unit ());
  guint64 last = frames_add (frames, "is-cancelled", unit ());

  frames_send (frames);
  served_expect_line (fixture, "spinning");
  for (guint i = 0; i < 3; i++)
    frames_cancel (frames, last);
  for (guint i = 0; i < 3; i++)
    frames_cancel (frames, id);
  expect_cancelled (fixture, id);
  frames_expect (frames, next, "false");
  frames_expect (frames, last, "true");
}

/* Calls that are not there. */
static void
test_unknown (Served        *fixture,
              gconstpointer  board)
{
  Frames *frames = fixture->frames;
  guint64 id = call (fixture, "keep", unit ());

  frames_expect (frames, id, "()");
  frames_cancel (frames, id);
  frames_cancel (frames, id + 1);
  frames_cancel (frames, 0);
  frames_cancel (frames, G_MAXUINT64);
  wait_until_read (fixture);
  frames_expect (frames, call (fixture, "is-cancelled", unit ()), "false");
  frames_expect (frames, call (fixture, "kept-is-cancelled", unit ()), "false");

  id = call (fixture, "answer-and-spin", unit ());
  frames_expect (frames, id, "()");
  frames_cancel (frames, id);
  wait_until_read (fixture);
  release (fixture);
  frames_expect (frames, call (fixture, "kept-is-cancelled", unit ()), "false");
}

/* Each call is answered once, in order, whatever is cancelled. */
static void
test_random (Served        *fixture,
             gconstpointer  board)
{
  static const char * const names[] = { "is-cancelled", "echo", "keep", "spin" };
  Frames *frames = fixture->frames;
  const guint n_cancels = fewer (10000);
  guint n_calls = 0;

  for (guint i = 0; i < n_cancels; i++)
    {
      if (i % 50 == 0 && n_calls - frames->results->len < 200)
        {
          for (guint j = 0; j < 4; j++, n_calls++)
            frames_add (frames, names[g_test_rand_int_range (0, j == 3 ? 4 : 3)], unit ());
          frames_send (frames);
        }
      frames_cancel (frames, (guint64) g_test_rand_int_range (0, (int) n_calls + 10));
      g_main_context_iteration (NULL, FALSE);
    }

  for (guint i = 0; i < n_calls; i++)
    {
      frames_cancel (frames, i + 1);
      g_assert_cmpuint (frames_await (frames, i + 1)->id, ==, i + 1);
    }
  wait_until_read (fixture);
  g_assert_cmpuint (frames->results->len, ==, n_calls);
}

/* What is read beside a function runs after it, in the order in which it came. */
static void
test_order (Served        *fixture,
            gconstpointer  board)
{
  Frames *frames = fixture->frames;
  const guint n = 200;
  g_autoptr (Reply) reply = NULL;

  call (fixture, "spin", unit ());
  served_expect_line (fixture, "spinning");
  for (guint i = 1; i < n; i++)
    {
      frames_add (frames, "echo", g_variant_new_uint32 (i));
      if (i % 7 == 0)
        frames_send (frames);
    }
  frames_send (frames);
  wait_until_read (fixture);
  reply = peer_send (fixture->peer, "Exit", NULL);
  reply_wait (reply);
  frames_cancel (frames, 1);
  frames_await (frames, n);
  for (guint i = 1; i < n; i++)
    {
      FrameResult *result = frames->results->pdata[i];

      g_assert_cmpuint (result->id, ==, i + 1);
      g_assert_cmpuint (g_variant_get_uint32 (result->value), ==, i);
    }

  frames_free (frames);
  g_assert_cmpint (peer_free (g_steal_pointer (&fixture->peer)), ==, 0);
}

/* A call that was taken back leaves nothing behind. */
static void
test_withdrawn (Served        *fixture,
                gconstpointer  board)
{
  Frames *frames = fixture->frames;
  guint64 id = frames_add (frames, "spin", unit ());
  guint64 withdrawn = frames_add (frames, "is-cancelled", unit ());
  guint64 last = frames_add (frames, "is-cancelled", unit ());

  frames_send (frames);
  served_expect_line (fixture, "spinning");
  frames_withdraw (frames, withdrawn);
  frames_cancel (frames, withdrawn);
  frames_cancel (frames, id);
  expect_cancelled (fixture, id);
  frames_expect (frames, last, "false");
}

/* A worker that was not offered it. */
static void
test_feature (void)
{
  const char *argv[] = { program, "worker", NULL };
  Peer *peer = peer_new (argv);
  g_autoptr (Reply) initialized = peer_send_initialize (peer);
  g_autoptr (Reply) reply = NULL;

  reply_wait (initialized);
  reply = peer_send (peer, "Cancel", g_variant_new ("(t)", G_GUINT64_CONSTANT (1)));
  reply_expect_error (reply, "org.freedesktop.DBus.Error.UnknownMethod", "No such method");
  expect_value (peer_call (peer, "is-cancelled", unit ()), "false");
  peer_exit (peer);
}

static void
test_hang_up (Served        *fixture,
              gconstpointer  board)
{
  gboolean blocks = board != NULL;
  guint64 id = call (fixture, blocks ? "block" : "spin", unit ());

  served_expect_line (fixture, "spinning");
  if (blocks)
    {
      frames_cancel (fixture->frames, id);
      served_expect_line (fixture, "blocking");
    }
  peer_hang_up (fixture->peer);
  frames_free (fixture->frames);
  g_assert_cmpint (peer_free (g_steal_pointer (&fixture->peer)), ==, 0);
}

static void
test_closed_channel (void)
{
  const char *argv[] = { program, "worker", NULL };
  Served fixture;
  g_autofree char *line = NULL;
  int status;

  fixture.peer = peer_new_with_flags (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                              G_SUBPROCESS_FLAGS_STDERR_MERGE);
  fixture.frames = frames_new (fixture.peer, FRAMES_PLAIN);
  call (&fixture, "close-channel", unit ());
  served_expect_line (&fixture, "closed");
  /* The channel is there for as long as the worker still waits to read from it. */
  frames_cancel_if_open (fixture.frames, 1);
  release (&fixture);
  line = peer_read_line (fixture.peer);
  g_assert_true (g_str_has_prefix (line, "The channel to the pool was closed in this process"));
  frames_free (fixture.frames);
  status = peer_free (fixture.peer);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
}

/* Options */

static void
test_options (Served        *fixture,
              gconstpointer  board)
{
  static const struct
  {
    const char *options;
    const char *expected;
  } cases[] = {
    { "{'timeout-msec': <uint32 630000>}", "(int64 10, uint32 1)" },
    { "{'timeout-msec': <uint32 0>}", "(int64 0, uint32 1)" },
    { "{'attempt': <uint32 3>}", "(int64 -1, uint32 3)" },
    { "{'attempt': <uint32 2>, 'timeout-msec': <uint32 90000>}", "(int64 1, uint32 2)" },
    { "{'attempt': <'many'>, 'colour': <'red'>}", "(int64 -1, uint32 1)" },
    { "@a{sv} {}", "(int64 -1, uint32 1)" },
  };
  Frames *frames = fixture->frames;
  guint64 plain;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    frames_add_with_options (frames, "get-options", unit (),
                             g_variant_new_parsed (cases[i].options));
  plain = frames_add (frames, "get-options", unit ());
  frames_send (frames);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    frames_expect (frames, i + 1, cases[i].expected);
  frames_expect (frames, plain, "(int64 -1, uint32 1)");
}

static void
test_options_of_call (Served        *fixture,
                      gconstpointer  board)
{
  g_autoptr (Reply) reply = NULL;
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (unit ()));
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (boxed);

  reply = peer_send (fixture->peer, "Call",
                     g_variant_new ("(ts@v@a{sv})", G_GUINT64_CONSTANT (77), "get-options",
                                    g_variant_new_variant (g_variant_new_from_bytes (
                                      G_VARIANT_TYPE_BYTESTRING, bytes, TRUE)),
                                    g_variant_new_parsed ("{'attempt': <uint32 4>}")));
  reply_expect_value (reply, "(int64 -1, uint32 4)");
}

/* They belong to the call that comes next. */
static void
test_options_nonsense (gconstpointer how)
{
  const char *argv[] = { program, "worker", NULL };
  Peer *peer = peer_new_with_flags (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                            G_SUBPROCESS_FLAGS_STDERR_MERGE);
  Frames *frames = frames_new (peer, FRAMES_PLAIN);
  gboolean is_type = g_str_equal (how, "type");
  g_autofree char *line = NULL;
  guint32 size;
  int status;

  frames_add_with_options (frames, "echo", unit (),
                           g_variant_new_parsed (is_type ? "['text']" : "@a{sv} {}"));
  memcpy (&size, frames->calls->data, sizeof size);
  if (g_str_equal (how, "alone"))
    g_byte_array_set_size (frames->calls, size);
  else if (g_str_equal (how, "other"))
    frames->calls->data[8]++;
  frames_send (frames);

  line = peer_read_line (peer);
  g_assert_nonnull (strstr (line, "options without a call"));
  frames_free (frames);
  status = peer_free (peer);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
}

static void
add (const char *path,
     void      (*test) (Served        *fixture,
                        gconstpointer  board))
{
  g_autofree char *with_board = g_strconcat (path, "/board", NULL);

  g_test_add (path, Served, NULL, set_up, test, served_tear_down);
  g_test_add (with_board, Served, "board", set_up, test, served_tear_down);
}

int
main (int    argc,
      char **argv)
{
  const char *warm_up[] = { argv[0], "worker", NULL };

  if (ppool_worker_is_spawned ())
    return run_worker ();

  g_test_init (&argc, &argv, NULL);
  program = g_canonicalize_filename (argv[0], NULL);
  peer_warm_up (warm_up);

  add ("/cancels/busy", test_busy);
  add ("/cancels/before", test_before);
  g_test_add_func ("/cancels/call", test_call);
  add ("/cancels/handler", test_handler);
  add ("/cancels/thread", test_thread);
  add ("/cancels/nested", test_nested);
  add ("/cancels/asked-late", test_asked_late);
  add ("/cancels/twice", test_twice);
  add ("/cancels/unknown", test_unknown);
  add ("/cancels/random", test_random);
  add ("/cancels/order", test_order);
  g_test_add ("/cancels/withdrawn", Served, "board", set_up, test_withdrawn, served_tear_down);
  g_test_add_func ("/cancels/feature", test_feature);
  add ("/cancels/hang-up", test_hang_up);
  g_test_add_func ("/cancels/closed-channel", test_closed_channel);
  add ("/cancels/options", test_options);
  g_test_add ("/cancels/options/call", Served, NULL, set_up, test_options_of_call,
              served_tear_down);
  g_test_add_data_func ("/cancels/options/alone", "alone", test_options_nonsense);
  g_test_add_data_func ("/cancels/options/other", "other", test_options_nonsense);
  g_test_add_data_func ("/cancels/options/type", "type", test_options_nonsense);

  return g_test_run ();
}
