/* protocol-test.c: workers that send what they must not send
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

/* Takes @launcher, whose worker has been given a call when it misbehaves. */
static void
check (PPoolLauncher *launcher,
       int            cause)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (launcher, 1);
  g_autoptr (PPoolFuture) future =
      harness_submit (executor, "function", g_variant_new ("(s)", "argument"));
  g_autofree char *pid = NULL;
  g_autoptr (GError) error = NULL;

  error = harness_failure (future);
  pid = g_strdup_printf ("%u", ppool_future_get_worker_pid (future));
  harness_assert_broken (executor, future, cause, "function", pid, NULL);
  harness_shut_down (executor);
  g_assert_cmpuint (leftovers_count_children (), ==, 0);
}

static void
check_violation (const char *step)
{
  g_test_message ("%s", step);
  check (harness_raw_launcher ("init", "call", step, "hang", NULL), PPOOL_ERROR_PROTOCOL);
}

static void
test_replies (Harness *harness)
{
  check_violation ("return-serial:9999");
  check_violation ("return-serial:1"); /* Initialize has been answered. */
  check_violation ("return-serial:0");
  check_violation ("return-serial:-1");
  check_violation ("return-body:");
  check_violation ("return-body:('not', 'a', 'variant')");
  check_violation ("return-body:(uint32 7,)");
}

static void
test_second_reply (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init", "call", "return", "return", "hang", NULL), 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function", g_variant_new ("(i)", 7));
  g_autoptr (PPoolFuture) next = NULL;
  g_autoptr (GError) error = NULL;

  /* The first one counts. */
  harness_assert_value (future, "(7,)");
  next = ppool_executor_submit (executor, "next", NULL, NULL, &error);
  if (next != NULL)
    {
      harness_track (next);
      error = harness_failure (next);
    }
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_clear_error (&error);
  error = ppool_executor_get_error (executor);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

static void
test_unasked (Harness *harness)
{
  check_violation ("unasked:signal");
  check_violation ("unasked:method");
}

/* With the feature, a result is the bytes of a variant; these are not. */
static void
test_packed (Harness *harness)
{
  static const char * const bodies[] = {
    "(<'bare'>,)",
    "(<@ay []>,)",
    "(<[byte 0]>,)",
    "(<[byte 0x61]>,)",
    "(<[byte 0x61, 0]>,)",                     /* No type. */
    "(<[byte 0x61, 0, 0, 0x61, 0x2a]>,)",      /* The type “a*”. */
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autofree char *step = g_strconcat ("return-body:", bodies[i], NULL);

      g_test_message ("%s", step);
      check (harness_raw_launcher ("init:gvariant", "call", step, "hang", NULL),
             PPOOL_ERROR_PROTOCOL);
    }
}

/* Bytes that say what they are, and are not: that is a mistake of the function, and its call
 * fails alone. */
static void
assert_fails_alone (PPoolLauncher *launcher)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (launcher, 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function", g_variant_new ("(i)", 7));
  g_autoptr (GError) error = harness_failure (future);

  harness_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
                        "not valid for the type", NULL);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  ppool_executor_kill_workers (executor);
}

static void
test_not_a_value (Harness *harness)
{
  static const char * const bodies[] = {
    "(<[byte 0x61, 0x62, 0x63, 0, 0x73]>,)",   /* A string without its end. */
    "(<[byte 0x07, 0, 0x62]>,)",               /* A boolean that is neither. */
    "(<[byte 0xff, 0, 0, 0x73]>,)",            /* A string that isn't UTF-8. */
    "(<[byte 1, 2, 3, 0, 0x28, 0x73, 0x75, 0x29]>,)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autofree char *step = g_strconcat ("return-body:", bodies[i], NULL);

      g_test_message ("%s", step);
      assert_fails_alone (harness_raw_launcher ("init:gvariant", "call", step, "hang", NULL));
    }
}

#define FRAMES "init:gvariant,frames"

static PPoolLauncher *
frames_launcher (const char *how)
{
  g_autofree char *results = g_strconcat ("results:", how, NULL);

  return harness_raw_launcher (FRAMES, "calls", results, "hang", NULL);
}

static void
test_frames (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
    harness_executor_on (harness_raw_launcher (FRAMES, "serve-frames", NULL), 2);
  PPoolFuture *futures[20];

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = harness_submit (executor, "function", g_variant_new ("(u)", i));
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_autofree char *expected = g_strdup_printf ("(uint32 %u,)", i);

      harness_assert_value (futures[i], expected);
      g_object_unref (futures[i]);
    }
}

static void
test_frame_error (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (frames_launcher ("error"), 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function",
                                                   g_variant_new ("(s)", "why"));
  g_autoptr (GError) error = harness_failure (future);

  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_REMOTE);
  g_assert_nonnull (strstr (error->message, "why"));
  g_assert_nonnull (strstr (error->message, "org.example.Bad"));
  ppool_executor_kill_workers (executor);
}

/* Frames that are none, and results of calls that it doesn't have. */
static void
test_bad_frames (Harness *harness)
{
  static const char * const ways[] = {
    "forged", "call", "cut", "size", "flags", "kind", "name", "value",
  };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_test_message ("%s", ways[i]);
      check (frames_launcher (ways[i]), PPOOL_ERROR_PROTOCOL);
    }

  /* Where it doesn't take frames. */
  check (harness_raw_launcher ("init", "call", "unasked:results", "hang", NULL),
         PPOOL_ERROR_PROTOCOL);
}

/* What is good before what is bad counts. */
static void
test_half_bad_frames (Harness *harness)
{
  static const char * const ways[] = { "twice", "tail" };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor_on (frames_launcher (ways[i]), 1);
      g_autoptr (PPoolFuture) future =
        harness_submit (executor, "function", g_variant_new ("(i)", 7));
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", ways[i]);
      harness_assert_value (future, "(7,)");
      while ((error = ppool_executor_get_error (executor)) == NULL)
        g_thread_yield ();
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
      harness_shut_down (executor);
    }
}

static void
test_garbage (Harness *harness)
{
  harness_allow_warnings ();
  check_violation ("garbage");
  check_violation ("undecodable");
  check_violation ("huge");
}

/* The rest of the message is the beginning of the next one. */
static void
test_truncated (Harness *harness)
{
  harness_allow_warnings ();
  check (harness_raw_launcher ("init", "call", "half", "return", "return", "hang", NULL),
         PPOOL_ERROR_PROTOCOL);
}

static void
test_declared_descriptors (Harness *harness)
{
  check_violation ("descriptor:1");
  check_violation ("descriptor:253");
}

/* The descriptor that nobody asked for is open nowhere when the test has ended. */
static void
test_descriptor (Harness *harness)
{
  check_violation ("descriptor");
}

/* Dead with a message that was begun. */
static void
test_half_result (Harness *harness)
{
  check (harness_raw_launcher ("init", "call", "half", "exit:0", NULL), PPOOL_ERROR_WORKER_DIED);
  check (harness_raw_launcher ("init", "call", "half", "kill:9", NULL), PPOOL_ERROR_WORKER_DIED);
  check (harness_raw_launcher ("init", "call", "half", "close", "hang", NULL),
         PPOOL_ERROR_WORKER_DIED);
}

static void
test_closed (Harness *harness)
{
  check (harness_raw_launcher ("init", "call", "close", "hang", NULL), PPOOL_ERROR_WORKER_DIED);
}

/* A worker with nothing to do misbehaves as well. */
static void
test_idle (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor_on (
      harness_raw_launcher ("init", "call", "return", "unasked:signal", "hang", NULL), 1);
  g_autoptr (PPoolFuture) future = harness_submit (executor, "function", NULL);
  g_autoptr (GError) error = NULL;

  harness_assert_value (future, "@av []");
  while ((error = ppool_executor_get_error (executor)) == NULL)
    g_thread_yield ();
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

/* A worker whose program uses the library and writes to a descriptor that isn't
 * its own. */
static void
test_scribbler (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;

  harness_allow_warnings ();
  future = harness_submit (executor, "garbage", NULL);
  harness_assert_broken (executor, future, PPOOL_ERROR_PROTOCOL, "garbage", NULL);
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A13 */
  harness_add ("/protocol/replies", test_replies);
  harness_add ("/protocol/second-reply", test_second_reply);
  harness_add ("/protocol/unasked", test_unasked);
  harness_add ("/protocol/packed", test_packed);
  harness_add ("/protocol/not-a-value", test_not_a_value);
  harness_add ("/protocol/frames/good", test_frames);
  harness_add ("/protocol/frames/error", test_frame_error);
  harness_add ("/protocol/frames/bad", test_bad_frames);
  harness_add ("/protocol/frames/half-bad", test_half_bad_frames);
  harness_add ("/protocol/garbage", test_garbage);
  harness_add ("/protocol/truncated", test_truncated);
  harness_add ("/protocol/descriptor/silent", test_descriptor);
  harness_add ("/protocol/descriptor/declared", test_declared_descriptors);
  harness_add ("/protocol/open-end/half-result", test_half_result);
  harness_add ("/protocol/open-end/closed", test_closed);
  harness_add ("/protocol/idle", test_idle);
  harness_add ("/protocol/scribbler", test_scribbler);

  return g_test_run ();
}
