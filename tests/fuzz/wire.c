/* wire.c: what another process sends on the channel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "fuzz.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-wire-private.h"

/* More does not fit into a socket that nobody reads yet. */
#define MAX_SIZE 65536

/* Where GLib understands the message as well, it sees the same frame. */
static void
check_frame (const PPoolPacket *bytes,
             gsize                   offset)
{
  g_autoptr (GDBusMessage) message = NULL;
  g_autoptr (GVariant) frame = NULL;
  GVariant *body;

  g_assert_cmpuint (offset, <=, bytes->size);
  message = g_dbus_message_new_from_blob (bytes->data, bytes->size,
                                          G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  if (message == NULL)
    return;

  body = g_dbus_message_get_body (message);
  g_assert_cmpint (g_dbus_message_get_message_type (message), ==,
                   G_DBUS_MESSAGE_TYPE_METHOD_CALL);
  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Calls");
  g_assert_nonnull (body);
  g_assert_cmpstr (g_variant_get_type_string (body), ==, "(uay)");
  frame = g_variant_get_child_value (body, 1);
  g_assert_cmpmem (g_variant_get_data (frame), g_variant_get_size (frame),
                   bytes->data + offset, bytes->size - offset);
}

/* Returns: FALSE when nothing that comes can be understood any more. */
static gboolean
take_messages (PPoolWire  *wire,
               GByteArray *taken)
{
  g_autoptr (GError) error = NULL;
  PPoolPacket message;
  gsize offset;

  while (ppool_link_next (ppool_wire_get_link (wire), &message, &error))
    {
      if (ppool_wire_find_frame (&message, "Calls", &offset))
        check_frame (&message, offset);
      g_byte_array_append (taken, message.data, (guint) message.size);
      g_free (message.data);
    }

  if (error != NULL)
    g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);

  return error == NULL;
}

static void
read_all (PPoolWire  *wire,
          GByteArray *taken)
{
  gboolean more = TRUE;

  while (more && take_messages (wire, taken) &&
         ppool_link_read (ppool_wire_get_link (wire), FALSE, &more, NULL))
    ;
  take_messages (wire, taken);
}

static PPoolWire *
make_wire (int *other)
{
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  *other = fds[1];

  return ppool_wire_new (fds[0]);
}

static void
send_bytes (int            fd,
            const uint8_t *data,
            size_t         size)
{
  g_assert_cmpint (send (fd, data, size, MSG_DONTWAIT), ==, size);
}

/* Sends @data in pieces of @step bytes. Returns: (transfer full): the messages in it */
static GByteArray *
receive (const uint8_t *data,
         size_t         size,
         size_t         step)
{
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);
  GByteArray *taken = g_byte_array_new ();
  gboolean goes_on = TRUE;
  gboolean more;

  for (size_t done = 0; done < size && goes_on; done += step)
    {
      send_bytes (other, data + done, MIN (step, size - done));
      goes_on = ppool_link_read (ppool_wire_get_link (wire), FALSE, &more, NULL) &&
                take_messages (wire, taken);
    }
  if (goes_on)
    read_all (wire, taken);
  close (other);

  return taken;
}

/* Some messages may have come with the last line. */
static void
authenticate (const uint8_t *data,
              size_t         size)
{
  int other;
  g_autoptr (PPoolWire) wire = make_wire (&other);
  g_autoptr (GByteArray) taken = g_byte_array_new ();

  send_bytes (other, data, size);
  g_assert_no_errno (shutdown (other, SHUT_WR));
  if (ppool_wire_authenticate (wire, NULL))
    read_all (wire, taken);
  close (other);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (GByteArray) whole = NULL;
  g_autoptr (GByteArray) pieces = NULL;

  if (size < 2 || size > MAX_SIZE)
    return 0;

  if ((data[0] & 1) != 0)
    {
      authenticate (data + 1, size - 1);
      return 0;
    }

  /* Where the bytes are cut makes no difference. */
  whole = receive (data + 1, size - 1, size);
  pieces = receive (data + 1, size - 1, data[0] + 1u);
  g_assert_cmpmem (whole->data, whole->len, pieces->data, pieces->len);

  return 0;
}
