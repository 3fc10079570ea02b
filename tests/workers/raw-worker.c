/* raw-worker.c: a worker without the library, which does what it is told
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Its arguments are steps, done one after the other, then it leaves with
 * status 0. A step is NAME or NAME:TEXT; the table below has all of them.
 * D-Bus messages are put together and taken apart by hand, so that they can be
 * wrong. */

#include "gate.h"
#include "raw-board.h"
#include "raw-channel.h"
#include "raw-frames.h"
#include "raw-segments.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECT_PATH "/org/ppool/Worker1"
#define INTERFACE "org.ppool.Worker1"

static GVariant *last_args; /* (owned) (nullable) */
static int lane_fd = -1;    /* that was offered */

/* With descriptors, for what needs them. */
static void
do_auth (const char *text)
{
  raw_authenticate (text != NULL &&
                    (strstr (text, "board") != NULL || strstr (text, "segments") != NULL ||
                     strstr (text, "lane") != NULL));
}

static void
do_greet (const char *text)
{
  g_autoptr (GDBusMessage) message = raw_read_message ();
  g_autoptr (GVariant) options = NULL;
  guint32 offered;
  gint32 handle;

  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Initialize");
  g_assert_cmpstr (g_dbus_message_get_interface (message), ==, INTERFACE);
  g_assert_cmpstr (g_dbus_message_get_path (message), ==, OBJECT_PATH);
  g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "a{sv}");
  options = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  g_assert_true (g_variant_lookup (options, "version", "u", &offered));
  g_assert_cmpuint (offered, ==, 1);
  if (g_variant_lookup (options, "lane", "h", &handle) && handle < RAW_MAX_FDS)
    lane_fd = raw_fds[handle];
}

/* With features, or with another version. */
static void
do_info (const char *text)
{
  gboolean is_version = text != NULL && g_ascii_isdigit (*text);
  g_auto (GStrv) features = g_strsplit (is_version || text == NULL ? "" : text, ",", 0);
  guint32 version = is_version ? atoi (text) : 1;
  GVariantDict info;

  g_variant_dict_init (&info, NULL);
  if (version != 0)
    g_variant_dict_insert (&info, "version", "u", version);
  if (g_getenv ("RAW_WORKER_LIBRARY") != NULL)
    g_variant_dict_insert (&info, "library", "s", g_getenv ("RAW_WORKER_LIBRARY"));
  g_variant_dict_insert (&info, "pid", "u", (guint32) getpid ());
  g_variant_dict_insert (&info, "features", "^as", features);
  raw_reply (raw_last_serial, g_variant_new ("(@a{sv})", g_variant_dict_end (&info)));
  if (g_strv_contains ((const char * const *) features, "lane"))
    raw_use_lane (lane_fd);
}

static void
do_init (const char *text)
{
  do_auth (text);
  do_greet (NULL);
  do_info (text);
}

static void
do_init_nonsense (const char *text)
{
  do_auth (NULL);
  do_greet (NULL);
  raw_reply (raw_last_serial, g_variant_new ("(us)", 7u, "nonsense"));
}

static void
do_refuse (const char *text)
{
  do_greet (NULL);
  raw_reply_error ("org.example.NotToday", g_variant_new ("(s)", text));
}

static void
do_init_error (const char *text)
{
  do_auth (NULL);
  do_refuse (text);
}

/* Reads a call: FALSE if the pool asks to leave instead. */
static gboolean
read_call (void)
{
  g_autoptr (GDBusMessage) message = raw_read_message ();

  if (g_strcmp0 (g_dbus_message_get_member (message), "Exit") == 0)
    return FALSE;

  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Call");
  g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "tsva{sv}");
  g_clear_pointer (&last_args, g_variant_unref);
  g_variant_get_child (g_dbus_message_get_body (message), 0, "t", &raw_last_id);
  g_variant_get_child (g_dbus_message_get_body (message), 2, "v", &last_args);

  return TRUE;
}

static G_NORETURN void
do_farewell (const char *text)
{
  if (raw_beside < 0)
    raw_reply (raw_last_serial, NULL);
  _exit (0);
}

/* A pool that has no work for this worker any more asks it to leave. */
static void
do_call (const char *text)
{
  if (!read_call ())
    do_farewell (NULL);
}

/* Leaves most of a call unread, so that the pool is still writing it. */
static void
do_peek (const char *text)
{
  guchar header[RAW_HEADER_SIZE];

  if (!raw_read (header, sizeof header))
    _exit (0);
  memcpy (&raw_last_serial, header + 8, sizeof raw_last_serial);
  g_clear_pointer (&last_args, g_variant_unref);
  last_args = g_variant_ref_sink (g_variant_new_string ("peeked"));
}

static void
do_return (const char *text)
{
  raw_reply (raw_last_serial, g_variant_new ("(v)", last_args));
}

static void
do_return_serial (const char *text)
{
  raw_reply (atoi (text), g_variant_new ("(v)", last_args));
}

static void
do_return_body (const char *text)
{
  raw_reply (raw_last_serial, *text == '\0' ? NULL : g_variant_new_parsed (text));
}

static void
do_return_error (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "=", 2);

  raw_reply_error (parts[0], parts[1] == NULL ? NULL : g_variant_new_parsed (parts[1]));
}

static GDBusMessage *
make_result (void)
{
  return raw_make_reply (raw_last_serial, g_variant_new ("(v)", last_args));
}

static void
do_half (const char *text)
{
  g_autoptr (GDBusMessage) message = make_result ();
  gsize size;
  g_autofree guchar *blob = raw_make_blob (message, &size);

  raw_write (blob, size / 2);
}

static G_NORETURN void
do_serve (const char *text)
{
  while (TRUE)
    {
      do_call (NULL);
      do_return (NULL);
    }
}

/* The next step is what it does when it is asked to leave. */
static void
do_until_exit (const char *text)
{
  while (read_call ())
    do_return (NULL);
}

static void
do_unasked (const char *text)
{
  g_autoptr (GDBusMessage) message = NULL;

  if (g_str_equal (text, "signal"))
    message = g_dbus_message_new_signal (OBJECT_PATH, INTERFACE, "Surprise");
  else if (g_str_equal (text, "results"))
    {
      message = g_dbus_message_new_signal (OBJECT_PATH, INTERFACE, "Results");
      g_dbus_message_set_body (message, g_variant_new_parsed ("(uint32 0, @ay [])"));
    }
  else
    message = g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, "Ping");
  raw_write_message (message);
}

/* A message that says of itself that it has 200 MiB. */
static void
do_huge (const char *text)
{
  guint32 header[4] = { 0, 200 * 1024 * 1024, 1, 0 };
  guchar start[] = { G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B', 2, 0, 1 };

  memcpy (header, start, sizeof start);
  raw_write (header, sizeof header);
}

static void
do_garbage (const char *text)
{
  char garbage[4096];

  memset (garbage, 'x', sizeof garbage);
  garbage[80] = '\n';
  raw_write (garbage, sizeof garbage);
}

/* What is no packet of a lane. */
static void
do_packet (const char *text)
{
  guint32 prefix[] = { 64, 0, 0, 0 };

  if (g_str_equal (text, "small"))
    prefix[0] = 7;
  else if (g_str_equal (text, "empty"))
    prefix[0] = 8;
  else if (g_str_equal (text, "large"))
    prefix[0] = 128 * 1024 * 1024 + 1;
  else if (g_str_equal (text, "reserved"))
    prefix[1] = 1;
  raw_write (prefix, sizeof prefix);
}

/* From now on everything is written to the channel again. */
static void
do_leave_lane (const char *text)
{
  raw_channel = raw_beside;
  raw_beside = -1;
}

static void
do_close_beside (const char *text)
{
  close (raw_beside);
}

static void
do_calls (const char *text)
{
  if (!raw_frames_read_calls ())
    do_farewell (NULL);
}

static void
do_results (const char *text)
{
  raw_frames_write_results (text != NULL ? text : "");
}

static G_NORETURN void
do_serve_frames (const char *text)
{
  while (TRUE)
    {
      do_calls (NULL);
      do_results (NULL);
    }
}

/* A whole message with a header that no signature fits. */
static void
do_undecodable (const char *text)
{
  g_autoptr (GDBusMessage) message = make_result ();
  gsize size;
  g_autofree guchar *blob = raw_make_blob (message, &size);

  memset (blob + RAW_HEADER_SIZE + 1, 0xff, 8);
  raw_write (blob, size);
}

/* A good reply that carries descriptors: as many as it says, or one that it
 * doesn't speak of. */
static void
do_descriptor (const char *text)
{
  g_autoptr (GDBusMessage) message = make_result ();
  guint n = text != NULL ? atoi (text) : 0;
  g_autofree guchar *blob = NULL;
  gsize size;

  if (n > 0)
    raw_declare_descriptors (message, n);
  blob = raw_make_blob (message, &size);
  raw_write_with_descriptors (blob, size, MAX (n, 1));
}

static void
write_flood (const char *payload,
             guint       n_descriptors)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_signal (OBJECT_PATH, INTERFACE, "Flood");
  g_autofree guchar *blob = NULL;
  gsize size;

  g_dbus_message_set_body (message, g_variant_new ("(s)", payload));
  raw_declare_descriptors (message, n_descriptors);
  blob = raw_make_blob (message, &size);
  if (n_descriptors > 0)
    raw_write_with_descriptors (blob, size, n_descriptors);
  else
    raw_write (blob, size);
}

/* Without an end: the call's answer, a line, descriptors, or messages of that
 * size. */
static G_NORETURN void
do_flood (const char *text)
{
  gsize size = g_ascii_strtoull (text, NULL, 10);
  g_autofree char *payload = g_strnfill (size > 0 ? size : 4096, 'f');

  while (TRUE)
    if (g_str_equal (text, "answers"))
      do_return (NULL);
    else if (g_str_equal (text, "line"))
      raw_write (payload, strlen (payload));
    else
      write_flood (payload, g_str_equal (text, "descriptors") ? 100 : 0);
}

static void
do_close (const char *text)
{
  close (raw_channel);
}

static G_NORETURN void
do_hang (const char *text)
{
  while (TRUE)
    pause ();
}

static void
do_deaf (const char *text)
{
  sigset_t term;

  sigemptyset (&term);
  sigaddset (&term, SIGTERM);
  sigprocmask (SIG_BLOCK, &term, NULL);
}

/* Comes to a gate once SIGTERM was sent to it, which it is to be deaf to. */
static void
do_take_term (const char *text)
{
  sigset_t term;
  int number;

  sigemptyset (&term);
  sigaddset (&term, SIGTERM);
  sigwait (&term, &number);
  g_free (gate_pass (text));
}

static G_NORETURN void
do_exit (const char *text)
{
  _exit (atoi (text));
}

static void
do_kill (const char *text)
{
  int number = atoi (text);

  if (number != SIGKILL && number != SIGSTOP)
    signal (number, SIG_DFL);
  kill (getpid (), number);
}

static void
do_murder (const char *text)
{
  kill (atoi (text), SIGKILL);
}

static void
do_gate (const char *text)
{
  g_free (gate_pass (text));
}

static void
do_stderr (const char *text)
{
  g_printerr ("%s\n", text);
}

/* Leaves a process behind that holds all that this one has open. */
static void
do_fork (const char *text)
{
  int fd = gate_enter (text);

  if (fork () == 0)
    {
      char c;

      setsid ();
      while (read (fd, &c, 1) > 0)
        ;
      _exit (0);
    }
  close (fd);
}

static void do_step (const char *step);

/* Does what it is told at the gate: steps with semicolons between them. */
static void
do_obey (const char *text)
{
  g_autofree char *orders = gate_pass (text);
  g_auto (GStrv) parts = g_strsplit (orders, ";", 0);

  for (guint i = 0; parts[i] != NULL; i++)
    do_step (parts[i]);
}

static const struct
{
  const char *name;
  void (*func) (const char *text);
} steps[] = {
  { "auth", do_auth },                   /* [FEATURES] */
  { "greet", do_greet },
  { "info", do_info },                   /* [FEATURES or VERSION, 0 for none] */
  { "init", do_init },                   /* all three; the same */
  { "init-nonsense", do_init_nonsense },
  { "init-error", do_init_error },       /* MESSAGE */
  { "refuse", do_refuse },               /* MESSAGE */
  { "call", do_call },
  { "peek", do_peek },
  { "return", do_return },
  { "return-serial", do_return_serial }, /* NUMBER */
  { "return-body", do_return_body },     /* VARIANT, in GVariant text form */
  { "return-error", do_return_error },   /* NAME[=VARIANT] */
  { "half", do_half },
  { "calls", do_calls },
  { "results", do_results },             /* [how they are wrong] */
  { "serve-frames", do_serve_frames },
  { "serve", do_serve },
  { "until-exit", do_until_exit },
  { "farewell", do_farewell },
  { "unasked", do_unasked },             /* signal, results, method */
  { "flood", do_flood },                 /* answers, line, descriptors, SIZE */
  { "huge", do_huge },
  { "garbage", do_garbage },
  { "undecodable", do_undecodable },
  { "descriptor", do_descriptor },       /* [NUMBER] */
  { "close", do_close },
  { "packet", do_packet },               /* small, empty, large, reserved, cut */
  { "leave-lane", do_leave_lane },
  { "close-beside", do_close_beside },
  { "hang", do_hang },
  { "deaf", do_deaf },
  { "take-term", do_take_term },         /* PATH of a gate */
  { "exit", do_exit },                   /* STATUS */
  { "kill", do_kill },                   /* SIGNAL */
  { "murder", do_murder },               /* PID */
  { "word", raw_board_word },            /* STATE[,ID] */
  { "times", raw_board_times },          /* TAKEN,DONE */
  { "scribble", raw_board_scribble },    /* BYTE */
  { "segment", raw_segments_announce },  /* how it is wrong, or good */
  { "lend", raw_segments_lend },         /* likewise */
  { "note", raw_segments_note },         /* KIND,NUMBER,GENERATION */
  { "gate", do_gate },                   /* PATH */
  { "obey", do_obey },                   /* PATH of a gate that gives steps */
  { "stderr", do_stderr },               /* TEXT */
  { "fork", do_fork },                   /* PATH of a gate */
};

static void
do_step (const char *step)
{
  g_auto (GStrv) parts = g_strsplit (step, ":", 2);

  if (parts[0] == NULL)
    return;

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    if (g_str_equal (steps[i].name, parts[0]))
      {
        steps[i].func (parts[1]);
        return;
      }

  g_error ("No step “%s”", step);
}

/* A worker that is killed while a sanitizer looks for leaks in it is not reaped:
 * GLib takes a process that is traced for one that is gone. */
int __lsan_is_turned_off (void);

int
__lsan_is_turned_off (void)
{
  return TRUE;
}

int
main (int    argc,
      char **argv)
{
  const char *fd = g_getenv ("PPOOL_WORKER_FD");

  if (fd == NULL)
    g_error ("No PPOOL_WORKER_FD: this program is started by a pool");

  signal (SIGPIPE, SIG_IGN);
  raw_channel = atoi (fd);

  for (int i = 1; i < argc; i++)
    do_step (argv[i]);

  return 0;
}
