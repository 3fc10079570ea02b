/* serve-test.c: tests how a worker serves frames, from the pool's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ppool-worker.h"

#include "fewer.h"
#include "frames.h"
#include "worker-functions.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUNCTION_ERROR "org.ppool.Error.Function"
#define INVALID_ARGS "org.ppool.Error.InvalidArgs"
#define TOO_LARGE "org.ppool.Error.TooLarge"
#define UNKNOWN_FUNCTION "org.ppool.Error.UnknownFunction"
#define UNHANDLED "org.ppool.Error.Unhandled"

#define FRAME_SIZE (64 * 1024)
#define MAX_ITEMS 256

#define unit() (g_variant_new_tuple (NULL, 0))

static char *program; /* (owned): this one */

/* @ways are FramesWays. */
static void
set_up (Served        *fixture,
        gconstpointer  ways)
{
  const char *argv[] = { program, "plain", NULL };

  served_set_up (fixture, argv, (FramesWays) GPOINTER_TO_INT (ways));
}

/* Asks the worker to leave. Returns: (nullable) (transfer full): what is answered, if
 * anything is */
static Reply *
send_exit (Served *fixture)
{
  if (fixture->frames->lane < 0)
    return peer_send (fixture->peer, "Exit", NULL);

  frames_send_note (fixture->frames, FRAME_EXIT, 0);

  return NULL;
}

/* For a worker that leaves by itself. */
static void
expect_end (Served  *fixture)
{
  frames_free (fixture->frames);
  g_assert_cmpint (peer_free (g_steal_pointer (&fixture->peer)), ==, 0);
}

/* Has the worker know that functions are short. */
static void
teach (Served     *fixture,
       const char *function,
       GVariant   *args)
{
  guint64 id = 0;

  g_variant_ref_sink (args);
  for (guint i = 0; i < 20; i++)
    id = frames_add (fixture->frames, function, args);
  frames_send (fixture->frames);
  frames_await (fixture->frames, (guint) id);
  g_variant_unref (args);
}

static void
test_features (void)
{
  static const struct
  {
    const char *offered[4];
    gboolean frames;
    gboolean segments;
  } cases[] = {
    { { NULL }, FALSE, FALSE },
    { { "gvariant", NULL }, FALSE, FALSE },
    { { "frames", NULL }, FALSE, FALSE },
    { { "segments", "gvariant", NULL }, FALSE, FALSE },
    { { "frames", "gvariant", NULL }, TRUE, FALSE },
    { { "segments", "frames", "gvariant", NULL }, TRUE, TRUE },
  };
  const char *argv[] = { program, "plain", NULL };
  Peer *peer = peer_new (argv);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Reply) reply = NULL;
      g_autoptr (GVariant) info = NULL;
      g_autofree const char **features = NULL;
      GVariantBuilder options;

      g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&options, "{sv}", "features",
                             g_variant_new_strv (cases[i].offered, -1));
      reply = peer_send (peer, "Initialize", g_variant_new ("(a{sv})", &options));
      reply_wait (reply);
      info = g_variant_get_child_value (g_dbus_message_get_body (reply->message), 0);
      g_assert_true (g_variant_lookup (info, "features", "^a&s", &features));
      g_assert_true (g_strv_contains (features, "frames") == cases[i].frames);
      g_assert_true (g_strv_contains (features, "segments") == cases[i].segments);
    }

  peer_exit (peer);
}

/* Answers */

static void
test_values (Served        *fixture,
             gconstpointer  ways)
{
  static const char * const values[] = {
    "()", "true", "int64 1", "'text'", "@ms nothing", "(@mi nothing, [<1>, <'a'>])", "{1, 'a'}",
  };
  Frames *frames = fixture->frames;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    frames_add (frames, "echo", g_variant_new_parsed (values[i]));
  frames_send (frames);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      FrameResult *result = frames_await (frames, i + 1);

      g_assert_cmpuint (result->id, ==, i + 1);
      frames_expect (frames, i + 1, values[i]);
    }
}

static void
test_errors (Served        *fixture,
             gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  guint64 failing = frames_add (frames, "fail", unit ());
  guint64 unknown = frames_add (frames, "none", unit ());
  guint64 silent = frames_add (frames, "nothing", unit ());
  guint64 dropped = frames_add (frames, "drop", unit ());
  guint64 large = frames_add (frames, "produce", g_variant_new_uint32 (64 * 1024 * 1024));
  guint64 invalid;

  frames_add_bytes (frames, "echo", "\xff\xff\xff", 3);
  invalid = frames->last_id;
  frames_send (frames);

  frames_expect_error (frames, failing, FUNCTION_ERROR, "not here");
  frames_expect_error (frames, unknown, UNKNOWN_FUNCTION, "“none”");
  frames_expect_error (frames, silent, UNHANDLED, "“nothing”");
  frames_expect_error (frames, dropped, UNHANDLED, "“drop”");
  frames_expect_error (frames, large, TOO_LARGE, "67043328");
  frames_expect_error (frames, invalid, INVALID_ARGS, "invalid bytes");
}

static void
test_handlers (Served        *fixture,
               gconstpointer  ways)
{
  static const char * const handlers[] = {
    "answer-from-thread", "answer-later", "answer-nothing", "drop-from-thread", "answer-error",
  };
  Frames *frames = fixture->frames;
  const guint n = 60;

  for (guint i = 0; i < n; i++)
    frames_add (frames, handlers[i % G_N_ELEMENTS (handlers)], unit ());
  frames_send (frames);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (frames_await (frames, i + 1)->id, ==, i + 1);
}

/* Calls of both kinds, and other requests, keep their order. */
static void
test_mixed (Served        *fixture,
            gconstpointer  ways)
{
  g_autoptr (Reply) reply = NULL;
  guint64 id = frames_add (fixture->frames, "echo", g_variant_new_int32 (1));

  frames_send (fixture->frames);
  fixture->peer->last_id = 1000;
  reply = peer_send_call (fixture->peer, "echo", g_variant_new_int32 (2));
  reply_expect_value (reply, "2");
  frames_expect (fixture->frames, id, "1");
}

/* When they are sent */

static void
test_gathered (Served        *fixture,
               gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  const guint n_calls = 200;
  guint n_before;

  teach (fixture, "echo", unit ());
  n_before = frames->n_messages;
  for (guint i = 0; i < n_calls; i++)
    frames_add (frames, "echo", g_variant_new_uint32 (i));
  frames_send (frames);
  frames_await (frames, (guint) frames->last_id);

  g_test_message ("%u messages", frames->n_messages - n_before);
  g_assert_cmpuint (frames->n_messages - n_before, <, n_calls / 4);
}

static void
test_bounds (Served        *fixture,
             gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  guint n_of_message = 0;
  guint last = 0;

  teach (fixture, "echo", unit ());
  teach (fixture, "produce", g_variant_new_uint32 (1));
  for (guint i = 0; i < 3000; i++)
    {
      gboolean large = i % 900 == 899;

      frames_add (frames, large ? "produce" : "echo", g_variant_new_uint32 (large ? 100000 : i));
    }
  for (guint i = 0; i < 1000; i++)
    frames_add (frames, "produce", g_variant_new_uint32 (900));
  frames_send (frames);
  frames_await (frames, (guint) frames->last_id);

  for (guint i = 0; i < frames->results->len; i++)
    {
      FrameResult *result = frames->results->pdata[i];

      g_assert_cmpuint (result->id, ==, i + 1);
      n_of_message = result->message == last ? n_of_message + 1 : 1;
      last = result->message;
      g_assert_cmpuint (n_of_message, <=, MAX_ITEMS);
      if (result->size > FRAME_SIZE)
        g_assert_cmpuint (n_of_message, ==, 1);
    }
}

/* A13: results that gather leave before a function that is not known to be
 * short. */
static void
test_before_unknown (Served        *fixture,
                     gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  teach (fixture, "echo", unit ());
  for (guint i = 0; i < 5; i++)
    frames_add (frames, "echo", unit ());
  frames_add (frames, "spin", unit ());
  frames_send (frames);
  served_expect_line (fixture, "spinning");
  frames_await (frames, (guint) frames->last_id - 1);

  peer_hang_up (fixture->peer);
  expect_end (fixture);
}

/* Nor do they wait for a function that usually is short. */
static void
test_before_blocked (Served        *fixture,
                     gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  for (guint i = 0; i < 2; i++)
    {
      teach (fixture, "echo", unit ());
      teach (fixture, "nest-if", g_variant_new_boolean (FALSE));
      for (guint j = 0; j < 5; j++)
        frames_add (frames, "echo", unit ());
      frames_add (frames, "nest-if", g_variant_new_boolean (TRUE));
      frames_send (frames);
      frames_await (frames, (guint) frames->last_id - 1);
      if (i == 0)
        {
          served_expect_line (fixture, "nesting");
          g_assert_cmpuint (frames->results->len, ==, frames->last_id - 1);
          g_subprocess_send_signal (fixture->peer->process, SIGUSR1);
        }
      frames_await (frames, (guint) frames->last_id);
    }
}

/* An answer that is given early leaves early. */
static void
test_answer_early (Served        *fixture,
                   gconstpointer  ways)
{
  guint64 id = frames_add (fixture->frames, "nest-after-answer", unit ());

  frames_send (fixture->frames);
  served_expect_line (fixture, "nesting");
  frames_expect (fixture->frames, id, "()");
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);
}

/* The loop */

/* The program's own sources have their turn. */
static void
test_fair (Served        *fixture,
           gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  gint64 before, after;

  frames_add (frames, "tick", unit ());
  frames_send (frames);
  teach (fixture, "last", g_variant_new_int64 (0));
  before = g_variant_get_int64 (frames_await (frames, (guint) frames->last_id)->value);
  for (guint i = 0; i < 200; i++)
    frames_add (frames, "last", g_variant_new_int64 (50));
  frames_send (frames);
  after = g_variant_get_int64 (frames_await (frames, (guint) frames->last_id)->value);

  g_test_message ("%" G_GINT64_FORMAT " ticks", after - before);
  g_assert_cmpint (after - before, >=, 10);
}

static void
wait_a_little (void)
{
  gint64 end = g_get_monotonic_time () + 100 * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, FALSE);
}

/* What waits to be read does not keep a loop awake that a function runs. */
static void
test_nested_sleeps (Served        *fixture,
                    gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  guint64 id = frames_add (frames, "nest-if", g_variant_new_boolean (TRUE));
  FrameResult *result;

  frames_send (frames);
  served_expect_line (fixture, "nesting");
  frames_add (frames, "echo", unit ());
  frames_send (frames);
  wait_a_little ();
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);
  frames_await (frames, 2);

  result = frames->results->pdata[0];
  g_assert_cmpuint (result->id, ==, id);
  g_assert_cmpint (g_variant_get_int64 (result->value), <, 50);
}

/* Invocations */

static void
test_kept (Served        *fixture,
           gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  for (guint i = 0; i < 100; i++)
    frames_add (frames, i % 3 == 0 ? "keep" : "echo", unit ());
  frames_send (frames);
  frames_await (frames, 100);
  frames_expect (frames, 100, "uint32 34");
}

/* What somebody attached to an invocation, or who watches it, learns of its end. */
static void
test_attached (Served        *fixture,
               gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  frames_add (frames, "attach", g_variant_new_boolean (TRUE));
  frames_add (frames, "attach", g_variant_new_boolean (FALSE));
  frames_add (frames, "get-freed", unit ());
  frames_send (frames);
  frames_expect (frames, 1, "int64 0");
  frames_expect (frames, 2, "int64 1");
  frames_expect (frames, 3, "int64 2");
}

/* A22: a value is let go of at once, also where it is gathered. */
static void
test_released (Served        *fixture,
               gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  for (guint i = 0; i < 30; i++)
    frames_add (frames, i % 2 == 0 ? "produce-counted" : "get-freed", unit ());
  frames_send (frames);
  for (guint i = 1; i < 30; i += 2)
    {
      g_autofree char *text = g_strdup_printf ("int64 %u", i / 2 + 1);

      frames_expect (frames, i + 1, text);
    }
}

/* The board */

static void
test_withdrawn (Served        *fixture,
                gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  guint64 held, withdrawn, last;

  held = frames_add (frames, "hold", unit ());
  frames_add (frames, "echo", unit ());
  withdrawn = frames_add (frames, "echo", unit ());
  frames_add (frames, "echo", unit ());
  last = frames_add (frames, "echo", unit ());
  frames_send (frames);
  served_expect_line (fixture, "holding");
  g_assert_cmpint (frames_get_state (frames, held), ==, FRAME_TAKEN);
  g_assert_cmpint (frames_get_state (frames, last), ==, FRAME_OFFERED);
  frames_withdraw (frames, withdrawn);
  frames_withdraw (frames, last);
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);

  frames_await (frames, 3);
  last = frames_add (frames, "echo", g_variant_new_string ("last"));
  frames_send (frames);
  frames_expect (frames, last, "'last'");
  g_assert_cmpuint (frames->results->len, ==, 4);
  g_assert_cmpint (frames_get_state (frames, withdrawn), ==, FRAME_WITHDRAWN);
}

/* Leaving */

static void
test_exit (Served        *fixture,
           gconstpointer  ways)
{
  Frames *frames = fixture->frames;
  g_autoptr (Reply) reply = NULL;

  teach (fixture, "echo", unit ());
  frames_add (frames, "hold", unit ());
  for (guint i = 0; i < 50; i++)
    frames_add (frames, i % 5 == 0 ? "answer-later" : "echo", unit ());
  frames_send (frames);
  reply = send_exit (fixture);
  served_expect_line (fixture, "holding");
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);

  frames_await (frames, (guint) frames->last_id);
  if (reply != NULL)
    reply_wait (reply);
  expect_end (fixture);
}

static void
test_exit_large (Served        *fixture,
                 gconstpointer  ways)
{
  const guint32 size = fewer (32 * 1024 * 1024);
  Frames *frames = fixture->frames;
  g_autoptr (Reply) reply = NULL;

  frames_add (frames, "produce", g_variant_new_uint32 (size));
  frames_send (frames);
  reply = send_exit (fixture);
  g_assert_cmpuint (g_variant_get_size (frames_await (frames, 1)->value), ==, size);
  if (reply != NULL)
    reply_wait (reply);
  expect_end (fixture);
}

static void
test_hang_up (Served        *fixture,
              gconstpointer  ways)
{
  for (guint i = 0; i < 1000; i++)
    frames_add (fixture->frames, "last", g_variant_new_int64 (1000));
  frames_send (fixture->frames);
  frames_await (fixture->frames, 1);

  peer_hang_up (fixture->peer);
  expect_end (fixture);
}

/* What a pool never sends */

static void
spoil (Frames     *frames,
       const char *how)
{
  guint8 *item = frames_add_bytes (frames, "echo", "\0()", 3);

  if (g_str_equal (how, "kind"))
    item[4] = FRAME_VALUE;
  else if (g_str_equal (how, "flags"))
    item[5] = 0x80;
  else if (g_str_equal (how, "name"))
    item[6] = 77;
  else if (g_str_equal (how, "size"))
    item[1] = 77;
  else
    g_byte_array_set_size (frames->calls, 10);

  frames_send (frames);
}

static void
assert_gives_up (Peer       *peer,
                 const char *message_part)
{
  g_autofree char *line = NULL;
  int status;

  while (line == NULL || g_str_equal (line, "left"))
    {
      g_free (line);
      line = peer_read_line (peer);
    }
  if (strstr (line, message_part) == NULL)
    g_error ("“%s” is not in “%s”", message_part, line);

  status = peer_free (peer);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
}

static Peer *
new_merged_peer (void)
{
  const char *argv[] = { program, "plain", NULL };

  return peer_new_with_flags (argv,
                              G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
}

static void
test_nonsense_frame_on_lane (gconstpointer how)
{
  Peer *peer = new_merged_peer ();
  Frames *frames = frames_new (peer, FRAMES_LANE);

  spoil (frames, how);
  frames_await_end (frames);
  frames_free (frames);
  assert_gives_up (peer, "received a frame with");
}

static void
test_nonsense_frame (gconstpointer how)
{
  Peer *peer = new_merged_peer ();
  Frames *frames = frames_new (peer, FRAMES_PLAIN);

  spoil (frames, how);
  frames_free (frames);
  assert_gives_up (peer, "received a frame with");
}

/* Kinds of items that a lane has, where they don't belong. */

typedef struct
{
  const char *name;
  guint8 kinds[3]; /* of the items in a packet; 1 is a good call */
  const char *message_part;
} BadPacket;

static const BadPacket bad_packets[] = {
  { "none", { 0 }, "received a frame with an item of an unknown kind" },
  { "value", { 2 }, "received a frame with an item that is not a call" },
  { "error", { 3 }, "received a frame with an item that is not a call" },
  { "release", { 4 }, "received a frame with an item that is not a call" },
  { "forget", { 5 }, "received a frame with an item that is not a call" },
  { "options", { 6 }, "received a frame with options without a call" },
  { "ten", { 10 }, "received a frame with an item of an unknown kind" },
  { "segment", { 7 }, "a message came without its descriptors" },
  { "call-and-cancel", { 1, 8 }, "received a frame with an item that is not a call" },
  { "call-and-exit", { 1, 9 }, "received a frame with an item that is not a call" },
  { "cancel-and-call", { 8, 1 }, "an item that is not alone in its packet" },
  { "exit-and-call", { 9, 1 }, "an item that is not alone in its packet" },
  { "exit-and-nothing", { 9, 77 }, "an item that is not alone in its packet" },
};

static void
add_item (Frames *frames,
          guint8  kind)
{
  static const guint8 options[] = "\0a{sv}";
  guint8 *item;

  if (kind == FRAME_CALL)
    item = frames_add_bytes (frames, "echo", "\0()", 3);
  else if (kind == FRAME_OPTIONS)
    item = frames_add_bytes (frames, "", options, sizeof options - 1);
  else
    item = frames_add_bytes (frames, "", "12345678", kind == FRAME_SEGMENT ? 8 : 0);
  item[4] = kind;
}

static void
test_bad_packet (gconstpointer user_data)
{
  const BadPacket *bad = user_data;
  Peer *peer = new_merged_peer ();
  Frames *frames = frames_new (peer, bad->kinds[0] == FRAME_SEGMENT ?
                                       FRAMES_LANE | FRAMES_SEGMENTS : FRAMES_LANE);

  add_item (frames, bad->kinds[0]);
  if (bad->kinds[1] != 0)
    add_item (frames, bad->kinds[1]);
  frames_send (frames);
  frames_await_end (frames);
  frames_free (frames);
  assert_gives_up (peer, bad->message_part);
}

/* What precedes a packet. */
static void
test_bad_prefix (void)
{
  static const guint32 prefixes[][2] = {
    { 0, 0 }, { 8, 0 }, { 128 * 1024 * 1024 + 1, 0 }, { G_MAXUINT32, 0 }, { 32, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    {
      Peer *peer = new_merged_peer ();
      Frames *frames = frames_new (peer, FRAMES_LANE);

      frames_send_bytes (frames, prefixes[i], sizeof prefixes[i]);
      frames_await_end (frames);
      frames_free (frames);
      assert_gives_up (peer, "received bytes that are not a packet");
    }
}

/* Either of the two sockets, after half a packet, is the end of both. */
static void
test_lane_end (Served        *fixture,
               gconstpointer  ways)
{
  static const guint32 prefix[] = { 100, 0 };

  frames_send_bytes (fixture->frames, prefix, sizeof prefix);
  frames_send_bytes (fixture->frames, "half", 4);
  frames_shut_lane (fixture->frames);
  frames_await_end (fixture->frames);
  expect_end (fixture);
}

static void
test_channel_end (Served        *fixture,
                  gconstpointer  ways)
{
  peer_hang_up (fixture->peer);
  frames_await_end (fixture->frames);
  expect_end (fixture);
}

/* There is nothing to be known of such a call. */
static void
test_cancel_unknown (Served        *fixture,
                     gconstpointer  ways)
{
  guint64 id;

  frames_cancel (fixture->frames, 0);
  frames_cancel (fixture->frames, 1);
  frames_cancel (fixture->frames, G_MAXUINT64);
  id = frames_add (fixture->frames, "echo", unit ());
  frames_send (fixture->frames);
  frames_expect (fixture->frames, id, "()");
}

/* Of calls that wait in several packets, none is lost. */
static void
test_exit_packets (Served        *fixture,
                   gconstpointer  ways)
{
  Frames *frames = fixture->frames;

  frames_add (frames, "hold", unit ());
  for (guint i = 0; i < 30; i++)
    {
      frames_add (frames, "echo", unit ());
      if (i % 7 == 0)
        frames_send (frames);
    }
  frames_send (frames);
  frames_send_note (frames, FRAME_EXIT, 0);
  served_expect_line (fixture, "holding");
  g_subprocess_send_signal (fixture->peer->process, SIGUSR1);
  frames_await (frames, (guint) frames->last_id);
  expect_end (fixture);
}

static void
expect_calls_work (Frames *frames)
{
  guint64 id = frames_add (frames, "echo", unit ());

  frames_send (frames);
  frames_expect (frames, id, "()");
}

/* A worker that can't have one says so, and does without. */
static void
test_no_lane (Served        *fixture,
              gconstpointer  ways)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  expect_calls_work (fixture->frames);
  frames_offer_lane (fixture->frames, -1, -1, FALSE);
  frames_offer_lane (fixture->frames, null, -1, FALSE);
  frames_offer_lane (fixture->frames, -1, 0, FALSE);
  frames_offer_lane (fixture->frames, null, 1, FALSE);
  frames_offer_lane (fixture->frames, null, 0, FALSE);
  expect_calls_work (fixture->frames);
  close (null);
}

/* It has the first one, and closes what else there is. */
static void
test_second_lane (Served        *fixture,
                  gconstpointer  ways)
{
  char byte;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  expect_calls_work (fixture->frames);
  frames_offer_lane (fixture->frames, fds[1], 0, TRUE);
  close (fds[1]);
  g_assert_cmpint (recv (fds[0], &byte, 1, 0), ==, 0);
  close (fds[0]);
  expect_calls_work (fixture->frames);
}

/* Results that were in messages before are in packets then. */
static void
test_late_lane (Served        *fixture,
                gconstpointer  ways)
{
  int fds[2];

  expect_calls_work (fixture->frames);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  frames_offer_lane (fixture->frames, fds[1], 0, TRUE);
  close (fds[1]);
  frames_use_lane (fixture->frames, fds[0]);
  expect_calls_work (fixture->frames);
}

static void
test_nonsense_bytes (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n";
  Peer *peer = new_merged_peer ();
  GSocket *socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (peer->stream));

  g_assert_cmpint (send (g_socket_get_fd (socket), text, strlen (text), MSG_NOSIGNAL), ==,
                   strlen (text));
  assert_gives_up (peer, "not a D-Bus message");
}

/* What is no message of GLib's either. */
static void
test_nonsense_message (void)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, "/org/ppool/Worker1", NULL, "Exit");
  Peer *peer = new_merged_peer ();
  GSocket *socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (peer->stream));
  gsize size;
  guchar *blob;

  g_dbus_message_set_serial (message, 77);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  memset (blob + 24, 0xff, size - 24);
  g_assert_cmpint (send (g_socket_get_fd (socket), blob, size, MSG_NOSIGNAL), ==, size);
  g_free (blob);
  assert_gives_up (peer, "The pool sent something invalid");
}

/* Not worth to leave for. */
static void
test_unknown_request (Served        *fixture,
                      gconstpointer  ways)
{
  g_autoptr (Reply) reply = peer_send (fixture->peer, "Dance", NULL);
  g_autoptr (Reply) other = peer_send (fixture->peer, "Calls", g_variant_new ("(s)", "echo"));
  g_autoptr (GError) error = NULL;
  guint64 id;

  g_dbus_connection_emit_signal (fixture->peer->connection, NULL, "/a", "a.b", "C", NULL, &error);
  g_assert_no_error (error);
  reply_expect_error (reply, "org.freedesktop.DBus.Error.UnknownMethod", "No such method");
  reply_expect_error (other, "org.freedesktop.DBus.Error.UnknownMethod", "No such method");
  id = frames_add (fixture->frames, "echo", unit ());
  frames_send (fixture->frames);
  frames_expect (fixture->frames, id, "()");
}

static void
add_with (const char *prefix,
          const char *path,
          FramesWays  ways,
          void      (*test) (Served        *fixture,
                             gconstpointer  ways))
{
  g_autofree char *whole = g_strconcat (prefix, path, NULL);

  g_test_add (whole, Served, GINT_TO_POINTER (ways), set_up, test, served_tear_down);
}

/* In messages, and on a lane. */
static void
add (const char *path,
     void      (*test) (Served        *fixture,
                        gconstpointer  ways))
{
  add_with ("/serve", path, FRAMES_PLAIN, test);
  add_with ("/serve/lane", path, FRAMES_LANE, test);
}

static void
add_with_board (const char *path,
                void      (*test) (Served        *fixture,
                                   gconstpointer  ways))
{
  add_with ("/serve", path, FRAMES_BOARD, test);
  add_with ("/serve/lane", path, FRAMES_BOARD | FRAMES_LANE, test);
}

int
main (int    argc,
      char **argv)
{
  const char *warm_up[] = { argv[0], "plain", NULL };

  if (ppool_worker_is_spawned ())
    return worker_functions_run (argv[1]);

  g_test_init (&argc, &argv, NULL);
  program = g_canonicalize_filename (argv[0], NULL);
  peer_warm_up (warm_up);

  g_test_add_func ("/serve/features", test_features);
  add ("/values", test_values);
  add_with_board ("/values-and-board", test_values);
  add ("/errors", test_errors);
  add_with_board ("/errors-and-board", test_errors);
  add ("/handlers", test_handlers);
  add_with_board ("/handlers-and-board", test_handlers);
  add_with ("/serve", "/mixed", FRAMES_PLAIN, test_mixed);
  add_with_board ("/gathered", test_gathered);
  add ("/bounds", test_bounds);
  add ("/before/unknown", test_before_unknown);
  add_with_board ("/before/blocked", test_before_blocked);
  add ("/answer-early", test_answer_early);
  add_with_board ("/fair", test_fair);
  add ("/nested-sleeps", test_nested_sleeps);
  add ("/invocation/kept", test_kept);
  add ("/invocation/attached", test_attached);
  add ("/released", test_released);
  add_with_board ("/withdrawn", test_withdrawn);
  add_with_board ("/exit", test_exit);
  add ("/exit-large", test_exit_large);
  add_with_board ("/hang-up", test_hang_up);
  g_test_add_data_func ("/serve/nonsense/kind", "kind", test_nonsense_frame);
  g_test_add_data_func ("/serve/lane/nonsense/kind", "kind", test_nonsense_frame_on_lane);
  g_test_add_data_func ("/serve/nonsense/flags", "flags", test_nonsense_frame);
  g_test_add_data_func ("/serve/lane/nonsense/flags", "flags", test_nonsense_frame_on_lane);
  g_test_add_data_func ("/serve/nonsense/name", "name", test_nonsense_frame);
  g_test_add_data_func ("/serve/lane/nonsense/name", "name", test_nonsense_frame_on_lane);
  g_test_add_data_func ("/serve/nonsense/size", "size", test_nonsense_frame);
  g_test_add_data_func ("/serve/lane/nonsense/size", "size", test_nonsense_frame_on_lane);
  g_test_add_data_func ("/serve/nonsense/cut", "cut", test_nonsense_frame);
  g_test_add_data_func ("/serve/lane/nonsense/cut", "cut", test_nonsense_frame_on_lane);
  g_test_add_func ("/serve/nonsense/bytes", test_nonsense_bytes);
  g_test_add_func ("/serve/nonsense/message", test_nonsense_message);
  add ("/unknown-request", test_unknown_request);
  for (guint i = 0; i < G_N_ELEMENTS (bad_packets); i++)
    {
      g_autofree char *path = g_strconcat ("/serve/lane/bad-packet/", bad_packets[i].name, NULL);

      g_test_add_data_func (path, &bad_packets[i], test_bad_packet);
    }
  g_test_add_func ("/serve/lane/bad-prefix", test_bad_prefix);
  add_with ("/serve/lane", "/end/lane", FRAMES_LANE, test_lane_end);
  add_with ("/serve/lane", "/end/channel", FRAMES_LANE, test_channel_end);
  add_with ("/serve/lane", "/cancel-unknown", FRAMES_LANE, test_cancel_unknown);
  add_with ("/serve/lane", "/exit-packets", FRAMES_LANE, test_exit_packets);
  add_with ("/serve/lane", "/none", FRAMES_PLAIN, test_no_lane);
  add_with ("/serve/lane", "/second", FRAMES_LANE, test_second_lane);
  add_with ("/serve/lane", "/late", FRAMES_PLAIN, test_late_lane);

  return g_test_run ();
}
