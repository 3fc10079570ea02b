/* raw-frames.c: frames of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "raw-frames.h"

#include <string.h>

#include "raw-channel.h"

/* Frames are put together and taken apart by hand, so that they can be wrong.
 * What is answered is what was asked: each call's arguments are its result. */

enum
{
  CALL = 1,
  VALUE = 2,
  ERROR = 3,
  SEGMENT = 7,
  EXIT = 9,
};

typedef struct
{
  guint32 size;
  guint8 kind;
  guint8 flags;
  guint16 name_length;
  guint64 id;
} Header;

static GByteArray *calls; /* (owned) (nullable): the last frame that was read */

static gsize
align (gsize size)
{
  return (size + 7) & ~(gsize) 7;
}

static guint8
get_kind (GByteArray *frame)
{
  Header header;

  memcpy (&header, frame->data, sizeof header);

  return header.kind;
}

static gboolean
read_packet_with_calls (void)
{
  do
    {
      g_clear_pointer (&calls, g_byte_array_unref);
      calls = raw_read_packet ();
    }
  while (get_kind (calls) == SEGMENT);

  return get_kind (calls) != EXIT;
}

static gboolean
read_message_with_calls (void)
{
  g_autoptr (GDBusMessage) message = raw_read_message ();
  g_autoptr (GVariant) packed = NULL;

  /* What it announces is looked at by nobody here. */
  while (g_strcmp0 (g_dbus_message_get_member (message), "Segment") == 0)
    {
      g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "uth");
      g_assert_cmpuint (g_dbus_message_get_num_unix_fds (message), ==, 1);
      g_assert_cmpuint (g_dbus_message_get_flags (message), ==,
                        G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
      g_object_unref (message);
      message = raw_read_message ();
    }

  if (g_strcmp0 (g_dbus_message_get_member (message), "Exit") == 0)
    return FALSE;

  g_assert_cmpstr (g_dbus_message_get_member (message), ==, "Calls");
  g_assert_cmpstr (g_dbus_message_get_signature (message), ==, "uay");
  g_assert_cmpuint (g_dbus_message_get_flags (message), ==,
                    G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);

  g_clear_pointer (&calls, g_byte_array_unref);
  packed = g_variant_get_child_value (g_dbus_message_get_body (message), 1);
  calls = g_byte_array_new ();
  g_byte_array_append (calls, g_variant_get_data (packed), g_variant_get_size (packed));

  return TRUE;
}

/* Reads calls: FALSE if the pool asks to leave instead. */
gboolean
raw_frames_read_calls (void)
{
  return raw_beside >= 0 ? read_packet_with_calls () : read_message_with_calls ();
}

static void
append_item (GByteArray *frame,
             Header      header,
             const char *name,
             const void *data,
             gsize       size)
{
  gsize start = align (frame->len);
  gsize room = align (strlen (name) + 1);
  guint old_length = frame->len;

  header.name_length = strlen (name);
  header.size = sizeof header + room + size;
  g_byte_array_set_size (frame, start + header.size);
  memset (frame->data + old_length, 0, frame->len - old_length);
  memcpy (frame->data + start, &header, sizeof header);
  memcpy (frame->data + start + sizeof header, name, strlen (name));
  memcpy (frame->data + start + sizeof header + room, data, size);
}

static void
write_message (GByteArray *frame)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_signal ("/org/ppool/Worker1", "org.ppool.Worker1", "Results");
  GVariant *members[2];

  members[0] = g_variant_new_uint32 (0);
  members[1] = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, frame->data, frame->len, 1);
  g_dbus_message_set_body (message, g_variant_new_tuple (members, 2));
  raw_write_message (message);
}

static void
write_frame (GByteArray *frame)
{
  if (raw_beside >= 0)
    raw_write_packet (frame->data, frame->len, -1, 0);
  else
    write_message (frame);
}

static void
append_results (GByteArray *frame,
                guint8      kind,
                guint64     id_offset)
{
  for (gsize offset = 0; offset < calls->len;)
    {
      const guint8 *item = calls->data + offset;
      Header header;
      gsize start;

      memcpy (&header, item, sizeof header);
      g_assert_cmpuint (header.kind, ==, CALL);
      start = sizeof header + align (header.name_length + 1);
      offset += align (header.size);
      append_item (frame, (Header) { .kind = kind, .id = header.id + id_offset },
                   kind == ERROR ? "org.example.Bad" : "", item + start, header.size - start);
    }
}

/* Answers the calls that were read last. */
void
raw_frames_write_results (const char *how)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  append_results (frame, g_str_equal (how, "call") ? CALL : g_str_equal (how, "error") ?
                  ERROR : VALUE,
                  g_str_equal (how, "forged") ? 1000 : 0);

  if (g_str_equal (how, "twice"))
    append_results (frame, VALUE, 0);
  else if (g_str_equal (how, "cut"))
    g_byte_array_set_size (frame, frame->len - 1);
  else if (g_str_equal (how, "size"))
    frame->data[2] = 0x7f;
  else if (g_str_equal (how, "flags"))
    frame->data[5] = 0x80;
  else if (g_str_equal (how, "kind"))
    frame->data[4] = 77;
  else if (g_str_equal (how, "name"))
    frame->data[6] = 200;
  else if (g_str_equal (how, "value"))
    memset (frame->data + 24, 0xff, frame->len - 24);
  else if (g_str_equal (how, "tail"))
    g_byte_array_append (frame, (const guint8 *) "12345678", 8);

  if (g_str_equal (how, "stray"))
    raw_write_packet (frame->data, frame->len, 0, 1);
  else
    write_frame (frame);
}

guint64
raw_frames_get_id (void)
{
  Header header;

  memcpy (&header, calls->data, sizeof header);

  return header.id;
}

void
raw_frames_write_item (guint8      kind,
                       guint8      flags,
                       guint64     id,
                       const void *data,
                       gsize       size)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();

  append_item (frame, (Header) { .kind = kind, .flags = flags, .id = id }, "", data, size);
  write_frame (frame);
}
