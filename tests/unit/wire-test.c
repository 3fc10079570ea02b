/* wire-test.c: D-Bus without a GDBusConnection, against GLib's and against bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-wire-private.h"

#define OBJECT_PATH "/org/ppool/Worker1"
#define INTERFACE "org.ppool.Worker1"

static GBytes *
make_blob (const char *member,
           GVariant   *body)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, member);
  g_autoptr (GError) error = NULL;
  guchar *blob;
  gsize size;

  g_dbus_message_set_serial (message, 1);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  if (body != NULL)
    g_dbus_message_set_body (message, body);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);

  return g_bytes_new_take (blob, size);
}

static GVariant *
make_frame_body (const char *text)
{
  GVariant *members[] = {
    g_variant_new_uint32 (0),
    g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1),
  };

  return g_variant_new_tuple (members, G_N_ELEMENTS (members));
}

static GBytes *
make_calls (const char *text)
{
  return make_blob ("Calls", make_frame_body (text));
}

/* Looks at a copy that ends where the message does. */
static gboolean
finds_frame (const guint8 *data,
             gsize         size,
             gsize        *offset)
{
  PPoolPacket message = { .data = g_memdup2 (data, size), .size = size };
  gboolean found = ppool_wire_find_frame (&message, "Calls", offset);

  g_free (message.data);

  return found;
}

/* Bytes alone */

static gboolean
measures (guint32 fields_size,
          guint32 body_size,
          gsize  *size)
{
  const guint8 start[] = { G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B', 1, 0, 1 };
  guint8 prefix[PPOOL_WIRE_PREFIX_SIZE] = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean success;

  memcpy (prefix, start, sizeof start);
  memcpy (prefix + 4, &body_size, sizeof body_size);
  memcpy (prefix + 12, &fields_size, sizeof fields_size);
  success = ppool_wire_measure (prefix, size, &error);
  g_assert_cmpint (success, ==, error == NULL);

  return success;
}

static void
test_measure (void)
{
  gsize size;

  g_assert_true (measures (0, 0, &size));
  g_assert_cmpuint (size, ==, 16);
  g_assert_true (measures (1, 3, &size));
  g_assert_cmpuint (size, ==, 27);
  g_assert_true (measures (1 << 26, 1 << 25, &size));
  g_assert_cmpuint (size, ==, 16 + (1 << 26) + (1 << 25));

  g_assert_false (measures ((1 << 26) + 1, 0, &size));
  g_assert_false (measures (0, 1 << 27, &size));
  g_assert_false (measures (0, G_MAXUINT32, &size));
  g_assert_false (measures (G_MAXUINT32, 0, &size));
  g_assert_false (measures (G_MAXUINT32, G_MAXUINT32, &size));
  g_assert_false (measures (1 << 26, 1 << 26, &size));
}

/* As GLib has it. */
static void
test_measure_blob (void)
{
  g_autoptr (GBytes) blob = make_calls ("some bytes");
  gsize size, measured;
  guint8 *data = g_memdup2 (g_bytes_get_data (blob, &size), g_bytes_get_size (blob));
  guint32 word;

  g_assert_true (ppool_wire_measure (data, &measured, NULL));
  g_assert_cmpuint (measured, ==, size);

  for (guint i = 4; i < PPOOL_WIRE_PREFIX_SIZE; i += 4)
    {
      memcpy (&word, data + i, sizeof word);
      word = GUINT32_SWAP_LE_BE (word);
      memcpy (data + i, &word, sizeof word);
    }
  data[0] = data[0] == 'l' ? 'B' : 'l';
  g_assert_true (ppool_wire_measure (data, &measured, NULL));
  g_assert_cmpuint (measured, ==, size);

  data[0] = 'x';
  g_assert_false (ppool_wire_measure (data, &measured, NULL));
  data[0] = 'l';
  data[3] = 2;
  g_assert_false (ppool_wire_measure (data, &measured, NULL));

  g_free (data);
}

static void
test_find (void)
{
  static const char * const texts[] = { "", "1", "12345678", "some more bytes than these" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GBytes) blob = make_calls (texts[i]);
      gsize size, offset;
      const guint8 *data = g_bytes_get_data (blob, &size);

      g_assert_true (finds_frame (data, size, &offset));
      g_assert_cmpuint (offset % 8, ==, 0);
      g_assert_cmpmem (data + offset, size - offset, texts[i], strlen (texts[i]));
    }
}

static void
assert_not_found (GBytes *blob)
{
  gsize offset;

  g_assert_false (finds_frame (g_bytes_get_data (blob, NULL), g_bytes_get_size (blob), &offset));
  g_bytes_unref (blob);
}

static void
test_find_other (void)
{
  assert_not_found (make_blob ("Call", make_frame_body ("text")));
  assert_not_found (make_blob ("Callsx", make_frame_body ("text")));
  assert_not_found (make_blob ("Calls", NULL));
  assert_not_found (make_blob ("Calls", g_variant_new ("(s)", "text")));
  assert_not_found (make_blob ("Calls", g_variant_new ("(us)", 0, "text")));
  assert_not_found (make_blob ("Calls", g_variant_new ("(ays)", NULL, "text")));
  assert_not_found (make_blob ("Calls", g_variant_new ("(iay)", 0, NULL)));
}

/* A field that is none of the known ones is for GLib to understand. */
static void
test_find_fields (void)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call ("a.destination", OBJECT_PATH, INTERFACE, "Calls");
  gsize size, offset;
  guchar *blob;

  g_dbus_message_set_serial (message, 1);
  g_dbus_message_set_sender (message, "a.sender");
  g_dbus_message_set_body (message, make_frame_body ("text"));
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_assert_true (finds_frame (blob, size, &offset));
  g_free (blob);

  g_dbus_message_set_header (message, (GDBusMessageHeaderField) 77,
                             g_variant_new_parsed ("[('a', {1: <2>})]"));
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_assert_false (finds_frame (blob, size, &offset));
  g_free (blob);
}

/* It is never found where it is not all there, and nothing behind is read. */
static void
test_find_cut (void)
{
  g_autoptr (GBytes) blob = make_calls ("some more bytes than these");
  gsize size, offset;
  const guint8 *data = g_bytes_get_data (blob, &size);

  for (gsize i = PPOOL_WIRE_PREFIX_SIZE; i < size; i++)
    g_assert_false (finds_frame (data, i, &offset));
}

static void
test_find_invalid (void)
{
  g_autoptr (GBytes) blob = make_calls ("some more bytes than these");
  gsize size;
  guint8 *data = g_memdup2 (g_bytes_get_data (blob, &size), g_bytes_get_size (blob));

  for (gsize i = 0; i < size * 8; i++)
    {
      gsize offset;

      data[i / 8] ^= (guint8) (1 << i % 8);
      if (finds_frame (data, size, &offset))
        g_assert_cmpuint (offset, ==, size - strlen ("some more bytes than these"));
      data[i / 8] ^= (guint8) (1 << i % 8);
    }

  g_free (data);
}

static void
test_signal (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  guint start;

  ppool_wire_begin_signal (bytes, OBJECT_PATH, INTERFACE, "Results");
  start = bytes->len;
  g_assert_cmpuint (start % 8, ==, 0);

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GDBusMessage) message = NULL;

      ppool_wire_finish_signal (bytes, start, i + 1);
      message = g_dbus_message_new_from_blob (bytes->data, bytes->len,
                                              G_DBUS_CAPABILITY_FLAGS_NONE, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_dbus_message_get_message_type (message), ==, G_DBUS_MESSAGE_TYPE_SIGNAL);
      g_assert_cmpstr (g_dbus_message_get_path (message), ==, OBJECT_PATH);
      g_assert_cmpstr (g_dbus_message_get_interface (message), ==, INTERFACE);
      g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Results");
      g_assert_cmpuint (g_dbus_message_get_serial (message), ==, i + 1);
      g_assert_cmpuint (g_variant_get_size (g_dbus_message_get_body (message)), ==, 4 + i);

      g_byte_array_append (bytes, (const guint8 *) "x", 1);
    }
}

/* A socket */

static PPoolWire *
make_wire (int *other)
{
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  *other = fds[1];

  return ppool_wire_new (fds[0]);
}

static void
write_all (int           fd,
           const guint8 *data,
           gsize         size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = send (fd, data + done, size - done, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      done += (gsize) n;
    }
}

static void
write_text (int         fd,
            const char *text)
{
  write_all (fd, (const guint8 *) text, strlen (text));
}

/* Takes out what is there. */
static void
collect (PPoolWire *wire,
         GPtrArray *messages)
{
  g_autoptr (GError) error = NULL;
  PPoolPacket message;

  while (ppool_link_next (ppool_wire_get_link (wire), &message, &error))
    g_ptr_array_add (messages, g_bytes_new_take (message.data, message.size));
  g_assert_no_error (error);
}

static void
assert_collected (GPtrArray *messages,
                  GBytes   **expected,
                  guint      n)
{
  g_assert_cmpuint (messages->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_true (g_bytes_equal (messages->pdata[i], expected[i]));
  g_ptr_array_set_size (messages, 0);
}

/* Authentication */

typedef struct
{
  int fd;
  const char * const *answers; /* one to each line, or empty for none */
  GString *heard;              /* (owned) */
} Server;

/* Says what it was told to, whatever it hears. */
static gpointer
serve_lines (gpointer data)
{
  Server *self = data;

  for (guint i = 0; self->answers[i] != NULL; i++)
    {
      char c = '\0';

      while (c != '\n' && read (self->fd, &c, 1) == 1)
        g_string_append_c (self->heard, c == '\0' ? '0' : c);
      write_text (self->fd, self->answers[i]);
    }

  return NULL;
}

static gboolean
authenticates (const char * const  *answers,
               char               **heard,
               GError             **error)
{
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);
  Server server = { other, answers, g_string_new (NULL) };
  GThread *thread = g_thread_new ("server", serve_lines, &server);
  gboolean success = ppool_wire_authenticate (wire, error);

  g_assert_no_errno (shutdown (other, SHUT_RDWR));
  g_thread_join (thread);
  close (other);
  *heard = g_string_free (server.heard, FALSE);

  return success;
}

static void
test_auth_external (void)
{
  const char *answers[] = { "OK 1234\r\n", "AGREE_UNIX_FD\r\n", "", NULL };
  g_autofree char *heard = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) expected = g_string_new ("0AUTH EXTERNAL ");
  g_autofree char *user = g_strdup_printf ("%u", (guint) geteuid ());

  for (const char *p = user; *p != '\0'; p++)
    g_string_append_printf (expected, "%02x", *p);
  g_string_append (expected, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");

  g_assert_true (authenticates (answers, &heard, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (heard, ==, expected->str);
}

static void
test_auth_anonymous (void)
{
  const char *answers[] = { "REJECTED EXTERNAL ANONYMOUS\r\n", "OK 1234\r\n",
                            "ERROR no descriptors\r\n", "", NULL };
  g_autofree char *heard = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (authenticates (answers, &heard, &error));
  g_assert_no_error (error);
  g_assert_nonnull (strstr (heard, "\r\nAUTH ANONYMOUS "));
}

static void
test_auth_refused (void)
{
  const char *rejected[] = { "REJECTED\r\n", "REJECTED\r\n", NULL };
  const char *other[] = { "HELLO\r\n", NULL };
  const char *other_fds[] = { "OK 1234\r\n", "PERHAPS\r\n", NULL };
  const char * const *answers[] = { rejected, other, other_fds };

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autofree char *heard = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_false (authenticates (answers[i], &heard, &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
    }
}

static void
test_auth_endless (void)
{
  g_autofree char *line = g_strnfill (200000, 'x');
  g_autoptr (GError) error = NULL;
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);
  int room = 1 << 20;

  g_assert_no_errno (setsockopt (other, SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
  write_all (other, (const guint8 *) line, 100000);
  g_assert_false (ppool_wire_authenticate (wire, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  close (other);
}

static void
test_auth_closed (void)
{
  g_autoptr (GError) error = NULL;
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);

  close (other);
  g_assert_false (ppool_wire_authenticate (wire, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* Everything may come at once, and on a socket that does not wait. */
static void
test_auth_at_once (void)
{
  g_autoptr (GPtrArray) messages =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GError) error = NULL;
  GBytes *blob = make_calls ("text");
  int fds[2];
  PPoolWire *wire;

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
  wire = ppool_wire_new (fds[0]);
  write_text (fds[1], "OK 1234\r\nAGREE_UNIX_FD\r\n");
  write_all (fds[1], g_bytes_get_data (blob, NULL), g_bytes_get_size (blob));

  g_assert_true (ppool_wire_authenticate (wire, &error));
  g_assert_no_error (error);
  collect (wire, messages);
  assert_collected (messages, &blob, 1);

  g_bytes_unref (blob);
  ppool_wire_free (wire);
  close (fds[1]);
}

static gpointer
connect_in_thread (gpointer data)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (GPOINTER_TO_INT (data), NULL);
  g_autoptr (GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_sync (
    G_IO_STREAM (stream), guid,
    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
    NULL, NULL, &error);

  g_assert_no_error (error);

  return connection;
}

/* With GLib at the other end. */
static void
test_auth_gdbus (void)
{
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);
  GThread *thread = g_thread_new ("server", connect_in_thread, GINT_TO_POINTER (other));

  g_assert_true (ppool_wire_authenticate (wire, &error));
  g_assert_no_error (error);

  connection = g_thread_join (thread);
  g_assert_cmpint (g_dbus_connection_get_capabilities (connection), ==,
                   G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING);
  g_assert_true (g_dbus_connection_close_sync (connection, NULL, NULL));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/wire/measure", test_measure);
  g_test_add_func ("/wire/measure/blob", test_measure_blob);
  g_test_add_func ("/wire/find", test_find);
  g_test_add_func ("/wire/find/other", test_find_other);
  g_test_add_func ("/wire/find/fields", test_find_fields);
  g_test_add_func ("/wire/find/cut", test_find_cut);
  g_test_add_func ("/wire/find/invalid", test_find_invalid);
  g_test_add_func ("/wire/signal", test_signal);
  g_test_add_func ("/wire/auth/external", test_auth_external);
  g_test_add_func ("/wire/auth/anonymous", test_auth_anonymous);
  g_test_add_func ("/wire/auth/refused", test_auth_refused);
  g_test_add_func ("/wire/auth/endless", test_auth_endless);
  g_test_add_func ("/wire/auth/closed", test_auth_closed);
  g_test_add_func ("/wire/auth/at-once", test_auth_at_once);
  g_test_add_func ("/wire/auth/gdbus", test_auth_gdbus);

  return g_test_run ();
}
