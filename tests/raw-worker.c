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

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define OBJECT_PATH "/org/ppool/Worker1"
#define INTERFACE "org.ppool.Worker1"

#define HEADER_SIZE 16

static int channel;
static guint32 last_serial;  /* of the message that was read last */
static GVariant *last_args;  /* (owned) (nullable) */
static guint32 next_serial = 1;

static gboolean
read_all (void  *buffer,
          gsize  size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = read (channel, (char *) buffer + done, size - done);

      if (n == 0 || (n < 0 && errno != EINTR))
        return FALSE;
      if (n > 0)
        done += n;
    }

  return TRUE;
}

static void
write_all (const void *buffer,
           gsize       size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = write (channel, (const char *) buffer + done, size - done);

      if (n < 0 && errno != EINTR)
        _exit (90);
      if (n > 0)
        done += n;
    }
}

static GDBusMessage *
read_message (void)
{
  g_autofree guchar *blob = g_malloc (HEADER_SIZE);
  GDBusMessage *message;
  gssize size;

  if (!read_all (blob, HEADER_SIZE))
    _exit (0);
  size = g_dbus_message_bytes_needed (blob, HEADER_SIZE, NULL);
  g_assert_cmpint (size, >, 0);
  blob = g_realloc (blob, size);
  if (!read_all (blob + HEADER_SIZE, size - HEADER_SIZE))
    _exit (0);

  message = g_dbus_message_new_from_blob (blob, size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_assert_nonnull (message);
  last_serial = g_dbus_message_get_serial (message);

  return message;
}

static guchar *
make_blob (GDBusMessage *message,
           gsize        *size)
{
  g_autoptr (GError) error = NULL;
  guchar *blob;

  g_dbus_message_set_serial (message, next_serial++);
  blob = g_dbus_message_to_blob (message, size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);

  return blob;
}

static void
write_message (GDBusMessage *message)
{
  gsize size;
  g_autofree guchar *blob = make_blob (message, &size);

  write_all (blob, size);
}

static GDBusMessage *
make_reply (guint32   serial,
            GVariant *body)
{
  GDBusMessage *message = g_dbus_message_new ();

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_reply_serial (message, serial);
  if (body != NULL)
    g_dbus_message_set_body (message, body);

  return message;
}

static void
reply (guint32   serial,
       GVariant *body)
{
  g_autoptr (GDBusMessage) message = make_reply (serial, body);

  write_message (message);
}

static void
reply_error (const char *name,
             GVariant   *body)
{
  g_autoptr (GDBusMessage) message = make_reply (last_serial, body);

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_error_name (message, name);
  write_message (message);
}

static void
do_auth (const char *text)
{
  static const char hello[] = "\0AUTH ANONYMOUS\r\n";
  char answer[3] = { 0 };
  char c = 0;

  write_all (hello, sizeof hello - 1);
  if (!read_all (answer, 2))
    _exit (91);
  g_assert_cmpstr (answer, ==, "OK");
  while (c != '\n')
    if (!read_all (&c, 1))
      _exit (91);
  write_all ("BEGIN\r\n", strlen ("BEGIN\r\n"));
}

static void
answer_initialize (guint32             version,
                   const char * const *features)
{
  g_autoptr (GDBusMessage) message = read_message ();
  g_autoptr (GVariant) options = NULL;
  GVariantDict info;
  guint32 offered;

  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Initialize");
  g_assert_cmpstr (g_dbus_message_get_interface (message), ==, INTERFACE);
  g_assert_cmpstr (g_dbus_message_get_path (message), ==, OBJECT_PATH);
  g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "a{sv}");
  options = g_variant_get_child_value (g_dbus_message_get_body (message), 0);
  g_assert_true (g_variant_lookup (options, "version", "u", &offered));
  g_assert_cmpuint (offered, ==, 1);

  g_variant_dict_init (&info, NULL);
  if (version != 0)
    g_variant_dict_insert (&info, "version", "u", version);
  g_variant_dict_insert (&info, "pid", "u", (guint32) getpid ());
  g_variant_dict_insert (&info, "features", "^as", features);
  reply (last_serial, g_variant_new ("(@a{sv})", g_variant_dict_end (&info)));
}

/* With a feature, or with another version. */
static void
do_init (const char *text)
{
  gboolean is_version = text != NULL && g_ascii_isdigit (*text);
  const char *features[] = { is_version ? NULL : text, NULL };

  do_auth (NULL);
  answer_initialize (is_version ? atoi (text) : 1, features);
}

static void
do_init_nonsense (const char *text)
{
  g_autoptr (GDBusMessage) message = NULL;

  do_auth (NULL);
  message = read_message ();
  reply (last_serial, g_variant_new ("(us)", 7u, "nonsense"));
}

static void
do_init_error (const char *text)
{
  g_autoptr (GDBusMessage) message = NULL;

  do_auth (NULL);
  message = read_message ();
  reply_error ("org.example.NotToday", g_variant_new ("(s)", text));
}

static void
do_call (const char *text)
{
  g_autoptr (GDBusMessage) message = read_message ();

  /* A pool that has no work for this worker any more asks it to leave. */
  if (g_strcmp0 (g_dbus_message_get_member (message), "Exit") == 0)
    {
      reply (last_serial, NULL);
      exit (0);
    }

  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Call");
  g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "tsva{sv}");
  g_clear_pointer (&last_args, g_variant_unref);
  g_variant_get_child (g_dbus_message_get_body (message), 2, "v", &last_args);
}

/* Leaves most of a call unread, so that the pool is still writing it. */
static void
do_peek (const char *text)
{
  guchar header[HEADER_SIZE];

  if (!read_all (header, sizeof header))
    _exit (0);
  memcpy (&last_serial, header + 8, sizeof last_serial);
  g_clear_pointer (&last_args, g_variant_unref);
  last_args = g_variant_ref_sink (g_variant_new_string ("peeked"));
}

static void
do_return (const char *text)
{
  reply (last_serial, g_variant_new ("(v)", last_args));
}

static void
do_return_serial (const char *text)
{
  reply (atoi (text), g_variant_new ("(v)", last_args));
}

static void
do_return_body (const char *text)
{
  reply (last_serial, *text == '\0' ? NULL : g_variant_new_parsed (text));
}

static void
do_return_error (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "=", 2);

  reply_error (parts[0], parts[1] == NULL ? NULL : g_variant_new_parsed (parts[1]));
}

static void
do_half (const char *text)
{
  g_autoptr (GDBusMessage) message = make_reply (last_serial, g_variant_new ("(v)", last_args));
  gsize size;
  g_autofree guchar *blob = make_blob (message, &size);

  write_all (blob, size / 2);
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

static void
do_unasked (const char *text)
{
  g_autoptr (GDBusMessage) message = NULL;

  if (g_str_equal (text, "signal"))
    message = g_dbus_message_new_signal (OBJECT_PATH, INTERFACE, "Surprise");
  else
    message = g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, "Ping");
  write_message (message);
}

/* A message that says of itself that it has 200 MiB. */
static void
do_huge (const char *text)
{
  guint32 header[4] = { 0, 200 * 1024 * 1024, 1, 0 };
  guchar start[] = { G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B', 2, 0, 1 };

  memcpy (header, start, sizeof start);
  write_all (header, sizeof header);
}

static void
do_garbage (const char *text)
{
  char garbage[4096];

  memset (garbage, 'x', sizeof garbage);
  garbage[80] = '\n';
  write_all (garbage, sizeof garbage);
}

/* A whole message with a header that no signature fits. */
static void
do_undecodable (const char *text)
{
  g_autoptr (GDBusMessage) message = make_reply (last_serial, g_variant_new ("(v)", last_args));
  gsize size;
  g_autofree guchar *blob = make_blob (message, &size);

  memset (blob + HEADER_SIZE + 1, 0xff, 8);
  write_all (blob, size);
}

/* A good reply that carries a descriptor. */
static void
do_descriptor (const char *text)
{
  g_autoptr (GDBusMessage) answer = make_reply (last_serial, g_variant_new ("(v)", last_args));
  gsize size;
  g_autofree guchar *blob = make_blob (answer, &size);
  struct iovec data = { .iov_base = blob, .iov_len = size };
  union
  {
    char buffer[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.buffer,
                            .msg_controllen = sizeof control.buffer };
  struct cmsghdr *part = CMSG_FIRSTHDR (&message);
  int fd = STDERR_FILENO;

  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN (sizeof fd);
  memcpy (CMSG_DATA (part), &fd, sizeof fd);
  if (sendmsg (channel, &message, 0) != (ssize_t) size)
    _exit (92);
}

static void
do_close (const char *text)
{
  close (channel);
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
  signal (SIGTERM, SIG_IGN);
}

static G_NORETURN void
do_exit (const char *text)
{
  _exit (atoi (text));
}

static void
do_kill (const char *text)
{
  kill (getpid (), atoi (text));
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

static const struct
{
  const char *name;
  void (*func) (const char *text);
} steps[] = {
  { "auth", do_auth },
  { "init", do_init },                   /* [FEATURE or VERSION, 0 for none] */
  { "init-nonsense", do_init_nonsense },
  { "init-error", do_init_error },       /* MESSAGE */
  { "call", do_call },
  { "peek", do_peek },
  { "return", do_return },
  { "return-serial", do_return_serial }, /* NUMBER */
  { "return-body", do_return_body },     /* VARIANT, in GVariant text form */
  { "return-error", do_return_error },   /* NAME[=VARIANT] */
  { "half", do_half },
  { "serve", do_serve },
  { "unasked", do_unasked },             /* signal, method */
  { "huge", do_huge },
  { "garbage", do_garbage },
  { "undecodable", do_undecodable },
  { "descriptor", do_descriptor },
  { "close", do_close },
  { "hang", do_hang },
  { "deaf", do_deaf },
  { "exit", do_exit },                   /* STATUS */
  { "kill", do_kill },                   /* SIGNAL */
  { "gate", do_gate },                   /* PATH */
  { "stderr", do_stderr },               /* TEXT */
  { "fork", do_fork },                   /* PATH of a gate */
};

static void
do_step (const char *step)
{
  g_auto (GStrv) parts = g_strsplit (step, ":", 2);

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    if (g_str_equal (steps[i].name, parts[0]))
      {
        steps[i].func (parts[1]);
        return;
      }

  g_error ("No step “%s”", step);
}

int
main (int    argc,
      char **argv)
{
  const char *fd = g_getenv ("PPOOL_WORKER_FD");

  if (fd == NULL)
    g_error ("No PPOOL_WORKER_FD: this program is started by a pool");

  signal (SIGPIPE, SIG_IGN);
  channel = atoi (fd);

  for (int i = 1; i < argc; i++)
    do_step (argv[i]);

  return 0;
}
