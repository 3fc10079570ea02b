/* ppool-wire-message.c: what the bytes of a message are
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-wire-private.h"

#include <gio/gio.h>
#include <string.h>

#include "ppool-align-private.h"
#include "ppool-error.h"

/* Most messages are a frame of calls or of results, in the form (uay), whose
 * header is always the same. Those are read and written here; GLib does that
 * for the rest. */

#define NATIVE_ORDER                                                                            \
  (G_BYTE_ORDER == G_LITTLE_ENDIAN ? G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN :                  \
                                     G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN)

#define FRAME_SIGNATURE "uay"

/* A number that is reserved, and the size of the frame. */
#define FRAME_PREFIX_SIZE (2 * sizeof (guint32))

/* What D-Bus allows, in bytes. */
#define MAX_ARRAY_SIZE ((gsize) 64 * 1024 * 1024)
#define MAX_MESSAGE_SIZE ((gsize) 128 * 1024 * 1024)

typedef struct
{
  guint8 order;
  guint8 type;
  guint8 flags;
  guint8 version;
  guint32 body_size;
  guint32 serial;
  guint32 fields_size;
} Prefix;

G_STATIC_ASSERT (sizeof (Prefix) == PPOOL_WIRE_PREFIX_SIZE);

/* Tells how long the message is that begins with @prefix. */
gboolean
ppool_wire_measure (const guint8  *prefix,
                    gsize         *size,
                    GError       **error)
{
  Prefix read;

  memcpy (&read, prefix, sizeof read);
  if (read.order != NATIVE_ORDER)
    {
      read.body_size = GUINT32_SWAP_LE_BE (read.body_size);
      read.fields_size = GUINT32_SWAP_LE_BE (read.fields_size);
    }

  if ((read.order == G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN ||
       read.order == G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN) &&
      read.version == 1 && read.fields_size <= MAX_ARRAY_SIZE &&
      read.body_size <= MAX_MESSAGE_SIZE)
    {
      *size = ppool_align (sizeof read + read.fields_size, 8) + read.body_size;
      if (*size <= MAX_MESSAGE_SIZE)
        return TRUE;
    }

  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                       "received bytes that are not a D-Bus message");
  return FALSE;
}

/* Reading the fields of a header */

typedef struct
{
  const guint8 *data;
  gsize offset;
  gsize end;
} Reader;

static gboolean
skip (Reader *self,
      gsize   size)
{
  if (self->end - self->offset < size)
    return FALSE;

  self->offset += size;
  return TRUE;
}

static gboolean
skip_to (Reader *self,
         gsize   alignment)
{
  return skip (self, ppool_align (self->offset, alignment) - self->offset);
}

static gboolean
read_byte (Reader *self,
           guint8 *value)
{
  if (!skip (self, 1))
    return FALSE;

  *value = self->data[self->offset - 1];
  return TRUE;
}

static gboolean
read_number (Reader  *self,
             guint32 *value)
{
  if (!skip_to (self, sizeof *value) || !skip (self, sizeof *value))
    return FALSE;

  memcpy (value, self->data + self->offset - sizeof *value, sizeof *value);
  return TRUE;
}

/* @size is that of the text without its NUL. */
static gboolean
read_text (Reader      *self,
           gsize        size,
           const char **text)
{
  const char *begin = (const char *) self->data + self->offset;

  if (!skip (self, size) || !skip (self, 1) || memchr (begin, '\0', size) != NULL ||
      begin[size] != '\0')
    return FALSE;

  *text = begin;
  return TRUE;
}

/* Reads one field, if it has one of the types of those that everybody knows.
 * Its text, if it is one, ends with a NUL. */
static gboolean
read_field (Reader      *self,
            guint8      *code,
            const char **text)
{
  guint8 signature_size, size;
  const char *signature;
  guint32 number;

  *text = NULL;
  if (!skip_to (self, 8) || !read_byte (self, code) || !read_byte (self, &signature_size) ||
      signature_size != 1 || !read_text (self, signature_size, &signature))
    return FALSE;

  switch (signature[0])
    {
    case 'g':
      return read_byte (self, &size) && read_text (self, size, text);
    case 'o':
    case 's':
      return read_number (self, &number) && read_text (self, number, text);
    case 'u':
      return read_number (self, &number);
    default:
      return FALSE;
    }
}

/* Whether the body is all of the frame. */
static gboolean
has_frame (const PPoolPacket *message,
           gsize                   body)
{
  guint32 size;

  if (message->size < body || message->size - body < FRAME_PREFIX_SIZE)
    return FALSE;

  memcpy (&size, message->data + body + sizeof size, sizeof size);

  return size == message->size - body - FRAME_PREFIX_SIZE && size <= MAX_ARRAY_SIZE;
}

/* Finds the frame in a method call of @member that has one and nothing else that
 * matters. Returns: FALSE if GLib has to be asked what the message is. */
gboolean
ppool_wire_find_frame (const PPoolPacket *message,
                       const char             *member,
                       gsize                  *offset)
{
  Reader reader = { .data = message->data, .offset = sizeof (Prefix) };
  gboolean right_member = FALSE;
  gboolean right_signature = FALSE;
  Prefix prefix;
  gsize body;

  memcpy (&prefix, message->data, sizeof prefix);
  body = ppool_align (sizeof prefix + prefix.fields_size, 8);
  if (prefix.order != NATIVE_ORDER || prefix.type != G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
      !has_frame (message, body))
    return FALSE;

  reader.end = sizeof prefix + prefix.fields_size;
  while (reader.offset < reader.end)
    {
      const char *text;
      guint8 code;

      if (!read_field (&reader, &code, &text))
        return FALSE;

      if (code == G_DBUS_MESSAGE_HEADER_FIELD_MEMBER)
        right_member = text != NULL && strcmp (text, member) == 0;
      else if (code == G_DBUS_MESSAGE_HEADER_FIELD_SIGNATURE)
        right_signature = text != NULL && strcmp (text, FRAME_SIGNATURE) == 0;
      else if (code == G_DBUS_MESSAGE_HEADER_FIELD_NUM_UNIX_FDS)
        return FALSE;
    }

  *offset = body + FRAME_PREFIX_SIZE;
  return right_member && right_signature;
}

/* Writing */

static void
pad (GByteArray *message,
     gsize       alignment)
{
  static const guint8 zeros[8] = { 0 };

  g_byte_array_append (message, zeros,
                       (guint) (ppool_align (message->len, alignment) - message->len));
}

static void
append_field (GByteArray *message,
              guint8      code,
              char        type,
              const char *text)
{
  const guint8 start[] = { code, 1, (guint8) type, 0 };
  guint32 size = (guint32) strlen (text);
  guint8 short_size = (guint8) size;

  pad (message, 8);
  g_byte_array_append (message, start, sizeof start);
  if (type == 'g')
    g_byte_array_append (message, &short_size, sizeof short_size);
  else
    g_byte_array_append (message, (const guint8 *) &size, sizeof size);
  g_byte_array_append (message, (const guint8 *) text, size + 1);
}

/* Makes of the empty @message the beginning of a signal, to which a frame is to
 * be appended. Its length is a multiple of eight. */
void
ppool_wire_begin_signal (GByteArray *message,
                         const char *path,
                         const char *interface,
                         const char *member)
{
  Prefix prefix = {
    .order = NATIVE_ORDER,
    .type = G_DBUS_MESSAGE_TYPE_SIGNAL,
    .flags = G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED,
    .version = 1,
  };
  static const guint8 frame_prefix[FRAME_PREFIX_SIZE] = { 0 };

  g_byte_array_append (message, (const guint8 *) &prefix, sizeof prefix);
  append_field (message, G_DBUS_MESSAGE_HEADER_FIELD_PATH, 'o', path);
  append_field (message, G_DBUS_MESSAGE_HEADER_FIELD_INTERFACE, 's', interface);
  append_field (message, G_DBUS_MESSAGE_HEADER_FIELD_MEMBER, 's', member);
  append_field (message, G_DBUS_MESSAGE_HEADER_FIELD_SIGNATURE, 'g', FRAME_SIGNATURE);

  prefix.fields_size = message->len - (guint32) sizeof prefix;
  memcpy (message->data, &prefix, sizeof prefix);
  pad (message, 8);
  g_byte_array_append (message, frame_prefix, sizeof frame_prefix);
}

/* Makes the signal whole whose frame starts at @frame_offset. */
void
ppool_wire_finish_signal (GByteArray *message,
                          gsize       frame_offset,
                          guint32     serial)
{
  guint32 frame_size = (guint32) (message->len - frame_offset);
  Prefix prefix;

  memcpy (&prefix, message->data, sizeof prefix);
  prefix.body_size = frame_size + (guint32) FRAME_PREFIX_SIZE;
  prefix.serial = serial;
  memcpy (message->data, &prefix, sizeof prefix);
  memcpy (message->data + frame_offset - sizeof frame_size, &frame_size, sizeof frame_size);
}
