/* ppool-frame.c: many calls or results as one run of bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-frame-private.h"

#include <string.h>

#include "ppool-error.h"
#include "ppool-value-private.h"

/* A message of D-Bus costs as much as some fifty calls do, so many share one.
 * A frame is a run of items in the byte order of the machine, each of which
 * starts on a multiple of eight, as does what it holds:
 *
 *   header │ name, NUL, zeros │ value │ zeros
 *
 * What is read comes from another process: every length is checked before it is
 * believed. */

#define ALIGNMENT 8
#define KNOWN_FLAGS 0

typedef struct
{
  guint32 size; /* with the header, without the zeros at the end */
  guint8 kind;
  guint8 flags;
  guint16 name_length;
  guint64 id;
} Header;

G_STATIC_ASSERT (sizeof (Header) == 16);

static gsize
align (gsize size)
{
  return (size + ALIGNMENT - 1) & ~(gsize) (ALIGNMENT - 1);
}

static gsize
get_name_room (gsize name_length)
{
  return align (name_length + 1);
}

/* Appends an item. A value that can't travel leaves the frame as it was. */
gboolean
ppool_frame_append (GByteArray     *frame,
                    PPoolItemKind   kind,
                    guint64         id,
                    const char     *name,
                    GVariant       *value,
                    GError        **error)
{
  guint start = (guint) align (frame->len);
  guint old_length = frame->len;
  gsize name_length = strlen (name);
  Header header = {
    .kind = (guint8) kind,
    .name_length = (guint16) name_length,
    .id = id,
  };

  if (name_length > G_MAXUINT16)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE,
                   "The name of the function has %" G_GSIZE_FORMAT " bytes, and at most %d travel",
                   name_length, G_MAXUINT16);
      return FALSE;
    }

  g_byte_array_set_size (frame, start + (guint) (sizeof header + get_name_room (name_length)));
  memset (frame->data + old_length, 0, frame->len - old_length);
  memcpy (frame->data + start + sizeof header, name, name_length);

  if (!ppool_value_append (frame, value, error))
    {
      g_byte_array_set_size (frame, old_length);
      return FALSE;
    }

  header.size = frame->len - start;
  memcpy (frame->data + start, &header, sizeof header);

  return TRUE;
}

/* @bytes start on a multiple of eight. */
void
ppool_frame_reader_init (PPoolFrameReader *self,
                         GBytes           *bytes)
{
  self->bytes = bytes;
  self->offset = 0;
}

static gboolean
set_invalid (GError     **error,
             const char  *what)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "a frame arrived with %s", what);
  return FALSE;
}

static gboolean
is_name (const char *name,
         gsize       length)
{
  return memchr (name, '\0', length) == NULL && name[length] == '\0' &&
         g_utf8_validate (name, (gssize) length, NULL);
}

/* Reads the next item. Returns: FALSE at the end, or with @error set if there is
 * something else. */
gboolean
ppool_frame_reader_next (PPoolFrameReader  *self,
                         PPoolItem         *item,
                         GError           **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (self->bytes, &size);
  gsize left = self->offset < size ? size - self->offset : 0;
  const guint8 *start;
  Header header;
  gsize room;

  if (left == 0)
    return FALSE;
  if (left < sizeof header)
    return set_invalid (error, "an item that is cut off");

  start = data + self->offset;
  memcpy (&header, start, sizeof header);
  room = get_name_room (header.name_length);

  if (header.size > left || header.size < sizeof header + room)
    return set_invalid (error, "an item of a wrong size");
  if (header.kind < PPOOL_ITEM_CALL || header.kind > PPOOL_ITEM_ERROR)
    return set_invalid (error, "an item of an unknown kind");
  if ((header.flags & ~KNOWN_FLAGS) != 0)
    return set_invalid (error, "an item with unknown flags");
  if (!is_name ((const char *) start + sizeof header, header.name_length))
    return set_invalid (error, "an item whose name is no text");

  item->kind = (PPoolItemKind) header.kind;
  item->id = header.id;
  item->name = (const char *) start + sizeof header;
  item->data = start + sizeof header + room;
  item->size = header.size - sizeof header - room;
  self->offset += align (header.size);

  return TRUE;
}

/* Makes the value of an item, which is floating no more: (nullable) (transfer
 * full). */
GVariant *
ppool_frame_reader_load (PPoolFrameReader  *self,
                         const PPoolItem   *item,
                         GError           **error)
{
  return ppool_value_load (self->bytes, item->data, item->size, error);
}
