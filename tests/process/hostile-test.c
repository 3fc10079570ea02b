/* hostile-test.c: workers that lie, as often as they like
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fewer.h"
#include "harness.h"
#include "memory.h"

#define N_WARM_UP 3
#define N_SLOW_WARM_UP 100

/* The heap grows by some 50 KiB in the first few hundred attacks, and by nothing after
 * that. */
#define HEAP_SLACK (48 * 1024)
#define RESIDENT_SLACK (2 * 1024 * 1024)

#define MAX_STEPS 6

#define FRAMES "gvariant,frames"
#define SEGMENTS FRAMES ",segments"
#define LANE SEGMENTS ",lane"

/* What raw-worker does with the call that it is given, and what is said of it. */
typedef struct
{
  const char *path;
  const char *text;
  const char *features;
  const char *steps[MAX_STEPS];
  gboolean answers_first; /* as it should */
  gboolean is_large;      /* the call */
} Lie;

/* A13, and “Trust” in the protocol. Floods are in flood-test.c. */
static const Lie lies[] = {
  { "/hostile/board/invalid", "board", "board", { "scribble:255", "return" } },
  { "/hostile/board/zeroed", "board", "board", { "scribble:0", "return" } },
  { "/hostile/board/not-taken", "board", "board", { "return" } },
  { "/hostile/board/not-done", "board", "board", { "word:2", "return" } },
  { "/hostile/board/withdrawn", "board", "board", { "word:4", "return" } },
  { "/hostile/board/no-state", "board", "board", { "word:7", "return" } },
  { "/hostile/board/other-id", "board", "board", { "word:3,99", "return" } },
  { "/hostile/board/next-round", "board", "board", { "word:3,257", "return" } },
  { "/hostile/id/unknown", "not given", NULL, { "return-serial:9999" } },
  { "/hostile/id/answered", "not given", NULL, { "return-serial:1" } },
  { "/hostile/id/zero", "not given", NULL, { "return-serial:0" } },
  { "/hostile/second-answer", "not given", NULL, { "return", "return" }, TRUE },
  { "/hostile/frame/forged", "not given", FRAMES, { "results:forged" } },
  { "/hostile/frame/twice", "not given", FRAMES, { "results:twice" }, TRUE },
  { "/hostile/frame/cut", NULL, FRAMES, { "results:cut" } },
  { "/hostile/frame/value", NULL, FRAMES, { "results:value" } },
  { "/hostile/segment/unwanted", "descriptors", FRAMES, { "segment:good" } },
  { "/hostile/segment/unsealed", "not sealed", SEGMENTS, { "segment:unsealed" } },
  { "/hostile/segment/hole", "not allocated", SEGMENTS, { "segment:hole" } },
  { "/hostile/segment/short", "not of the size", SEGMENTS, { "segment:short" } },
  { "/hostile/segment/empty", "not of the size", SEGMENTS, { "segment:empty" } },
  { "/hostile/segment/stderr", "no shared memory", SEGMENTS, { "segment:stderr" } },
  { "/hostile/segment/body", "(uth)", SEGMENTS, { "segment:body" } },
  { "/hostile/segment/bare", "(uth)", SEGMENTS, { "segment:bare" } },
  { "/hostile/segment/two", "(uth)", SEGMENTS, { "segment:two" } },
  { "/hostile/segment/handle", "(uth)", SEGMENTS, { "segment:handle" } },
  { "/hostile/segment/twice", "announced twice", SEGMENTS, { "segment:twice" } },
  { "/hostile/segment/many", "exceeds the number", SEGMENTS, { "segment:many" } },
  { "/hostile/loan/unwanted", "shared segment", FRAMES, { "lend:good" } },
  { "/hostile/loan/unknown", "without having been announced", SEGMENTS,
    { "segment:good", "lend:unknown" } },
  { "/hostile/loan/again", "lent twice", SEGMENTS, { "segment:good", "lend:again" } },
  { "/hostile/loan/outside", "smaller", SEGMENTS, { "segment:good", "lend:outside" } },
  { "/hostile/loan/far", "smaller", SEGMENTS, { "segment:good", "lend:far" } },
  { "/hostile/loan/long", "smaller", SEGMENTS, { "segment:good", "lend:long" } },
  { "/hostile/loan/crooked", "smaller", SEGMENTS, { "segment:good", "lend:crooked" } },
  { "/hostile/loan/type", "invalid type", SEGMENTS, { "segment:good", "lend:type" } },
  { "/hostile/loan/cut", "shared segment", SEGMENTS, { "segment:good", "lend:cut" } },
  { "/hostile/loan/forgotten", "without having been announced", SEGMENTS,
    { "segment:good", "note:5,1,0", "lend:good" } },
  { "/hostile/note/unwanted", "not a result", FRAMES, { "note:4,1,1" } },
  { "/hostile/note/release", "not lent", SEGMENTS, { "note:4,7,1" } },
  { "/hostile/note/release-twice", "not lent", SEGMENTS, { "note:4,1,1", "note:4,1,1" },
    FALSE, TRUE },
  { "/hostile/note/release-other", "not lent", SEGMENTS, { "note:4,1,2" }, FALSE, TRUE },
  { "/hostile/note/forget", "without having been announced", SEGMENTS, { "note:5,7,0" } },
  { "/hostile/lane/small", "not a packet", LANE, { "packet:small" } },
  { "/hostile/lane/empty", "not a packet", LANE, { "packet:empty" } },
  { "/hostile/lane/large", "not a packet", LANE, { "packet:large" } },
  { "/hostile/lane/reserved", "not a packet", LANE, { "packet:reserved" } },
  { "/hostile/lane/beside", "Results", LANE, { "leave-lane", "results" } },
  { "/hostile/lane/segment-beside", "descriptors", LANE, { "leave-lane", "segment:good" } },
  { "/hostile/lane/forged", "not given", LANE, { "results:forged" } },
  { "/hostile/lane/twice", "not given", LANE, { "results:twice" }, TRUE },
  { "/hostile/lane/call", "not a result", LANE, { "results:call" } },
  { "/hostile/lane/cancel", "not a result", LANE, { "note:8,0,1" } },
  { "/hostile/lane/exit", "not a result", LANE, { "note:9,0,0" } },
  { "/hostile/lane/kind", "unknown kind", LANE, { "results:kind" } },
  { "/hostile/lane/cut", "invalid size", LANE, { "results:cut" } },
  { "/hostile/lane/value", NULL, LANE, { "results:value" } },
  { "/hostile/lane/stray", "descriptors", LANE, { "results:stray" }, TRUE },
  { "/hostile/lane/segment/unwanted", "not a result", FRAMES ",lane", { "segment:good" } },
  { "/hostile/lane/segment/unsealed", "not sealed", LANE, { "segment:unsealed" } },
  { "/hostile/lane/segment/short", "not of the size", LANE, { "segment:short" } },
  { "/hostile/lane/segment/bare", "without its descriptors", LANE, { "segment:bare" } },
  { "/hostile/lane/segment/two", "descriptors", LANE, { "segment:two" } },
  { "/hostile/lane/segment/twice", "announced twice", LANE, { "segment:twice" } },
  { "/hostile/lane/segment/many", "exceeds the number", LANE, { "segment:many" } },
  { "/hostile/lane/loan/unknown", "without having been announced", LANE,
    { "segment:good", "lend:unknown" } },
  { "/hostile/lane/loan/outside", "smaller", LANE, { "segment:good", "lend:outside" } },
  { "/hostile/lane/release", "not lent", LANE, { "note:4,7,1" } },
  { "/hostile/message/signal", "Surprise", NULL, { "unasked:signal" } },
  { "/hostile/message/method", "Ping", NULL, { "unasked:method" } },
  { "/hostile/descriptor/silent", "descriptors", NULL, { "descriptor" } },
  { "/hostile/descriptor/declared", "descriptors", NULL, { "descriptor:1" } },
  { "/hostile/descriptor/many", "descriptors", NULL, { "descriptor:253" } },
};

static PPoolLauncher *
make_launcher (const Lie *lie)
{
  g_autofree char *program = harness_program ("raw-worker");
  const char *features = lie->features != NULL ? lie->features : "";
  g_autofree char *init = g_strconcat ("init", lie->features != NULL ? ":" : NULL, lie->features,
                                       NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  PPoolLauncher *launcher;

  g_ptr_array_add (argv, program);
  g_ptr_array_add (argv, init);
  g_ptr_array_add (argv, (char *) (g_str_has_prefix (features, FRAMES) ? "calls" : "call"));
  for (guint i = 0; i < MAX_STEPS && lie->steps[i] != NULL; i++)
    g_ptr_array_add (argv, (char *) lie->steps[i]);
  g_ptr_array_add (argv, (char *) "hang");
  g_ptr_array_add (argv, NULL);

  launcher = ppool_launcher_new ((const char * const *) argv->pdata);
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);

  return launcher;
}

static gboolean
is_broken (gpointer user_data)
{
  return ppool_executor_get_state (user_data) == PPOOL_EXECUTOR_STATE_BROKEN;
}

/* Who answers first and lies then has answered. */
static void
tell (const Lie *lie)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (make_launcher (lie), 1);
  g_autofree char *text = g_strnfill (lie->is_large ? 100000 : 8, 'a');
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function",
                                                   g_variant_new ("(s)", text));
  g_autoptr (GVariant) value = ppool_future_result (future, PATIENCE_SECONDS * 1000, NULL);
  g_autoptr (GError) error = NULL;

  harness_iterate_until (is_broken, executor);
  g_assert_cmpint (value != NULL, ==, lie->answers_first);
  if (value == NULL)
    harness_assert_broken (executor, future, PPOOL_ERROR_PROTOCOL, lie->text, NULL);

  error = ppool_executor_get_error (executor);
  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, lie->text, NULL);
  harness_shut_down (executor);
}

/* Who lies later than it lends has lent nothing that could do harm. */
static void
test_invalid (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init:" SEGMENTS, "calls", "segment:good", "lend:invalid",
                            "calls", NULL),
      1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function", NULL);
  g_autoptr (GVariant) value = harness_result (future);
  const char *bytes = g_variant_get_data (value);

  g_assert_cmpuint (g_variant_get_size (value), ==, 40000);
  g_assert_true (bytes[39999] == 'c' || bytes[39999] == 'd');
  harness_shut_down (executor);
  g_assert_cmpint (bytes[39999], ==, 'd');
}

/* A value that is none, in a message that is sound, may be an oversight of a function. */
static void
test_text (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init:" SEGMENTS, "calls", "segment:good", "lend:text", "calls", NULL),
      1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function", NULL);
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "“as”", "trusted", NULL);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  harness_shut_down (executor);
}

static void
test_lie (Harness       *harness,
          gconstpointer  data)
{
  guint n = g_test_slow () ? 300 : fewer_will_do () ? 1 : 9;
  guint n_warm_up = g_test_slow () ? N_SLOW_WARM_UP : fewer_will_do () ? 1 : N_WARM_UP;
  Memory before = { 0 };

  for (guint i = 0; i < n_warm_up + n; i++)
    {
      if (i == n_warm_up)
        before = memory_measure ();
      tell (data);
    }
  if (!fewer_will_do ())
    memory_assert_flat (&before, HEAP_SLACK, RESIDENT_SLACK);
}

/* The times on a board are good for a guess; they break nothing, and are not told
 * to anybody if they can't be. */
static void
test_times (Harness *harness)
{
  static const char * const steps[] = {
    "times:-1,-1",
    "times:-9223372036854775808,9223372036854775807",
    "times:1,9223372036854775807",
    "times:9223372036854775807,-9223372036854775808",
    "times:9223372036854775807,9223372036854775807",
    "times:-9223372036854775808,1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor_on (
          harness_raw_launcher ("init:board", "call", "word:3", steps[i], "return", "call", NULL),
          1);
      g_autoptr (PPoolFuture) future =
          harness_submit (executor, "function", g_variant_new ("(i)", 7));

      harness_assert_value (future, "(7,)");
      g_assert_cmpint (ppool_future_get_started_time (future), >, 0);
      g_assert_cmpint (ppool_future_get_started_time (future), <=, g_get_monotonic_time ());
      harness_shut_down (executor);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    harness_add_with_data (lies[i].path, test_lie, &lies[i]);
  harness_add ("/hostile/board/times", test_times);
  harness_add ("/hostile/loan/invalid", test_invalid);
  harness_add ("/hostile/loan/text", test_text);

  return g_test_run ();
}
