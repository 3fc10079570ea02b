/* ppool-frame.c: many calls or results as one run of bytes
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-frame-private.h"

#include <string.h>

#include "ppool-align-private.h"
#include "ppool-error.h"
#include "ppool-value-private.h"

/* A message of D-Bus costs as much as some fifty calls do, so many share one.
 * A frame is a run of items in the byte order of the machine, each of which
 * starts on a multiple of eight, as does what it holds:
 *
 *   header │ name, NUL, zeros │ value │ zeros
 *
 * A value may also lie in memory that the two sides share; then the item has where it
 * is, and its type.
 *
 * What is read comes from another process: every length is checked before it is
 * believed. */

#define ALIGNMENT 8

/* The flags. */
#define LENT 1

typedef struct
{
  guint32 size; /* with the header, without the zeros at the end */
  guint8 kind;
  guint8 flags;
  guint16 name_length;
  guint64 id;
} Header;

G_STATIC_ASSERT (sizeof (Header) == 16);
G_STATIC_ASSERT (sizeof (PPoolLoan) == 24);

static gsize
get_name_room (gsize name_length)
{
  return ppool_align (name_length + 1, ALIGNMENT);
}

/* Appends a header and a name. Returns: where it starts. */
static guint
begin_item (GByteArray *frame,
            const char *name,
            gsize       name_length)
{
  guint old_length = frame->len;
  guint start = (guint) ppool_align (old_length, ALIGNMENT);

  g_byte_array_set_size (frame, start + (guint) (sizeof (Header) + get_name_room (name_length)));
  memset (frame->data + old_length, 0, frame->len - old_length);
  memcpy (frame->data + start + sizeof (Header), name, name_length);

  return start;
}

static void
end_item (GByteArray *frame,
          guint       start,
          Header     *header)
{
  header->size = frame->len - start;
  memcpy (frame->data + start, header, sizeof *header);
}

/* Appends an item that is no more than its id. */
void
ppool_frame_append_note (GByteArray    *frame,
                         PPoolItemKind  kind,
                         guint64        id)
{
  Header header = { .kind = (guint8) kind, .id = id };

  end_item (frame, begin_item (frame, "", 0), &header);
}

/* Appends an item with which the descriptor of a segment goes. */
void
ppool_frame_append_segment (GByteArray *frame,
                            guint32     number,
                            guint64     size)
{
  Header header = { .kind = PPOOL_ITEM_SEGMENT, .id = PPOOL_ITEM_LOAN_ID (number, 0) };
  guint start = begin_item (frame, "", 0);

  g_byte_array_append (frame, (const guint8 *) &size, sizeof size);
  end_item (frame, start, &header);
}

/* Appends where the other side finds the value. Returns: FALSE if it is to be
 * appended itself, or if @error is set. */
static gboolean
append_lent (GByteArray   *frame,
             GVariant     *value,
             PPoolLender  *lender,
             GError      **error)
{
  g_autoptr (GVariant) normal = NULL;
  const char *type;
  PPoolLoan loan;

  if (lender == NULL || g_variant_get_size (value) < PPOOL_SEGMENT_THRESHOLD)
    return FALSE;

  normal = ppool_value_normalize (value, error);
  if (normal == NULL || !ppool_lender_lend (lender, normal, &loan, error))
    return FALSE;

  type = g_variant_get_type_string (normal);
  g_byte_array_append (frame, (const guint8 *) &loan, sizeof loan);
  g_byte_array_append (frame, (const guint8 *) type, (guint) strlen (type) + 1);

  return TRUE;
}

static gboolean
append_value (GByteArray   *frame,
              GVariant     *value,
              PPoolLender  *lender,
              Header       *header,
              GError      **error)
{
  g_autoptr (GError) local_error = NULL;

  if (append_lent (frame, value, lender, &local_error))
    {
      header->flags |= LENT;
      return TRUE;
    }

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  return ppool_value_append (frame, value, error);
}

/* No item takes more in its frame, whatever zeros it needs. A value that is lent is
 * not in there: should it have to be after all, it is of a size that does no harm. */
gsize
ppool_frame_bound (const char  *name,
                   GVariant    *value,
                   PPoolLender *lender)
{
  const gsize most_overhead = 64 + sizeof (PPoolLoan);
  gsize size = g_variant_get_size (value);

  if (lender != NULL && size >= PPOOL_SEGMENT_THRESHOLD && size < PPOOL_FRAME_MAX_LENT)
    size = 0;

  return strlen (name) + size + strlen (g_variant_get_type_string (value)) + most_overhead;
}

/* Appends an item. A value that can't travel leaves the frame as it was. With a
 * @lender, a large one is lent: what that has to announce is to be sent before the
 * frame. Sinks @value. */
gboolean
ppool_frame_append (GByteArray     *frame,
                    PPoolItemKind   kind,
                    guint64         id,
                    const char     *name,
                    GVariant       *value,
                    PPoolLender    *lender,
                    GError        **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  guint old_length = frame->len;
  gsize name_length = strlen (name);
  Header header = {
    .kind = (guint8) kind,
    .name_length = (guint16) name_length,
    .id = id,
  };
  guint start;

  if (name_length > PPOOL_VALUE_MAX_NAME)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE,
                   "The name of the function is %" G_GSIZE_FORMAT " bytes long; the limit is %d",
                   name_length, PPOOL_VALUE_MAX_NAME);
      return FALSE;
    }

  start = begin_item (frame, name, name_length);
  if (!append_value (frame, held, lender, &header, error))
    {
      g_byte_array_set_size (frame, old_length);
      return FALSE;
    }
  end_item (frame, start, &header);

  if (lender != NULL)
    ppool_frame_append_forgotten (frame, lender);

  return TRUE;
}

/* Appends what has been borrowed and is not needed any more. */
void
ppool_frame_append_returned (GByteArray    *frame,
                             PPoolBorrower *borrower)
{
  guint32 number, generation;

  while (ppool_borrower_give_back (borrower, &number, &generation))
    ppool_frame_append_note (frame, PPOOL_ITEM_RELEASE,
                             PPOOL_ITEM_LOAN_ID (number, generation));
}

/* Appends what will not be lent again. */
void
ppool_frame_append_forgotten (GByteArray  *frame,
                              PPoolLender *lender)
{
  guint32 number;

  while (ppool_lender_take_forgotten (lender, &number))
    ppool_frame_append_note (frame, PPOOL_ITEM_FORGET, PPOOL_ITEM_LOAN_ID (number, 0));
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
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "received a frame with %s", what);
  return FALSE;
}

static gboolean
is_name (const char *name,
         gsize       length)
{
  return memchr (name, '\0', length) == NULL && name[length] == '\0' &&
         g_utf8_validate (name, (gssize) length, NULL);
}

/* Whether an item is about what is lent, and has no more than its id. */
gboolean
ppool_item_is_note (PPoolItemKind kind)
{
  return kind == PPOOL_ITEM_RELEASE || kind == PPOOL_ITEM_FORGET;
}

/* Whether an item has nothing that its kind does not have. */
static gboolean
is_of_kind (const Header *header)
{
  gsize least = sizeof *header + get_name_room (0);

  switch ((PPoolItemKind) header->kind)
    {
    case PPOOL_ITEM_RELEASE:
    case PPOOL_ITEM_FORGET:
    case PPOOL_ITEM_CANCEL:
    case PPOOL_ITEM_EXIT:
      return header->size == least;
    case PPOOL_ITEM_SEGMENT:
      return header->size == least + sizeof (guint64);
    case PPOOL_ITEM_OPTIONS:
      return header->name_length == 0;
    case PPOOL_ITEM_CALL:
    case PPOOL_ITEM_VALUE:
    case PPOOL_ITEM_ERROR:
    default:
      return TRUE;
    }
}

/* The size of the segment that a PPOOL_ITEM_SEGMENT is about, in bytes. */
guint64
ppool_item_get_segment_size (const PPoolItem *item)
{
  guint64 size;

  memcpy (&size, item->data, sizeof size);

  return size;
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
    return set_invalid (error, "a truncated item");

  start = data + self->offset;
  memcpy (&header, start, sizeof header);
  room = get_name_room (header.name_length);

  if (header.size > left || header.size < sizeof header + room)
    return set_invalid (error, "an item of an invalid size");
  if (header.kind < PPOOL_ITEM_CALL || header.kind > PPOOL_ITEM_EXIT)
    return set_invalid (error, "an item of an unknown kind");
  if ((header.flags & ~(header.kind < PPOOL_ITEM_RELEASE ? LENT : 0)) != 0)
    return set_invalid (error, "an item with unknown flags");
  if (!is_name ((const char *) start + sizeof header, header.name_length))
    return set_invalid (error, "an item whose name is not UTF-8");
  if (!is_of_kind (&header))
    return set_invalid (error, "an item with data that its kind does not have");

  item->kind = (PPoolItemKind) header.kind;
  item->id = header.id;
  item->name = (const char *) start + sizeof header;
  item->data = start + sizeof header + room;
  item->size = header.size - sizeof header - room;
  item->is_lent = (header.flags & LENT) != 0;
  self->offset += ppool_align (header.size, ALIGNMENT);

  return TRUE;
}

/* Returns: (nullable): the type of a value that is lent */
static const char *
read_loan (const PPoolItem  *item,
           PPoolBorrower    *borrower,
           PPoolLoan        *loan,
           GError          **error)
{
  const char *type = (const char *) item->data + sizeof *loan;

  if (borrower == NULL || item->size <= sizeof *loan ||
      memchr (type, '\0', item->size - sizeof *loan) != (const char *) item->data + item->size - 1)
    {
      set_invalid (error, "an invalid reference to a shared segment");
      return NULL;
    }

  memcpy (loan, item->data, sizeof *loan);

  return type;
}

static GVariant *
load_lent (const PPoolItem  *item,
           PPoolBorrower    *borrower,
           GError          **error)
{
  PPoolLoan loan;
  const char *type = read_loan (item, borrower, &loan, error);

  return type != NULL ? ppool_borrower_load (borrower, &loan, type, error) : NULL;
}

/* Makes the value of an item, which is floating no more: (nullable) (transfer
 * full). */
GVariant *
ppool_frame_reader_load (PPoolFrameReader  *self,
                         const PPoolItem   *item,
                         PPoolBorrower     *borrower,
                         GError           **error)
{
  if (item->is_lent)
    return load_lent (item, borrower, error);

  return ppool_value_load (self->bytes, item->data, item->size, error);
}

/* Gives back what an item has that nobody wants. */
gboolean
ppool_frame_reader_skip (const PPoolItem  *item,
                         PPoolBorrower    *borrower,
                         GError          **error)
{
  PPoolLoan loan;

  return !item->is_lent || (read_loan (item, borrower, &loan, error) != NULL &&
                            ppool_borrower_skip (borrower, &loan, error));
}
