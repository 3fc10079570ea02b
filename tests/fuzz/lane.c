/* lane.c: what another process sends on a lane, at either end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-borrower-private.h"
#include "ppool-error.h"
#include "ppool-frame-private.h"
#include "ppool-link-private.h"
#include "ppool-protocol-private.h"
#include "ppool-segment-private.h"

/* More does not fit into a socket that nobody reads yet. */
#define MAX_SIZE 65536

#define SEGMENT_SIZE 65536

/* The first byte says what is done with the others. */
#define WITH_FD 0x80 /* a segment goes with the first of them */
#define STEP 0x7f    /* how many come together, less one */

/* What has been read of a lane. */
typedef struct
{
  PPoolLink *link;         /* (owned) */
  PPoolBorrower *borrower; /* (owned) */
  GByteArray *taken;       /* (owned): whole packets */
  GString *found;          /* (owned): the items in them */
} Reading;

static void
ignore_cb (gpointer owner G_GNUC_UNUSED)
{
}

static gpointer
ref_cb (gpointer owner)
{
  return owner;
}

static int
get_segment (void)
{
  static PPoolSegment *segment = NULL;
  static int fd = -1;
  GError *error = NULL;

  if (segment == NULL)
    {
      segment = ppool_segment_new (SEGMENT_SIZE, &error);
      g_assert_no_error (error);
      fd = ppool_segment_steal_fd (segment);
      memcpy (ppool_segment_get_data (segment), "text\0more\0\5\12", 12);
    }

  return fd;
}

static gboolean
take_segment (Reading          *self,
              const PPoolItem  *item,
              GError          **error)
{
  gboolean success;
  int fd;

  if (!ppool_link_take_fds (self->link, &fd, 1, error))
    return FALSE;

  g_assert_cmpint (fd, >=, 0);
  success = ppool_borrower_register (self->borrower, PPOOL_ITEM_NUMBER (item->id),
                                     ppool_item_get_segment_size (item), fd, error);
  close (fd);

  return success;
}

static void
take_value (Reading           *self,
            PPoolFrameReader  *reader,
            const PPoolItem   *item,
            GError           **error)
{
  g_autoptr (GVariant) value = ppool_frame_reader_load (reader, item, self->borrower, error);
  PPoolCallOptions options;

  if (value == NULL)
    return;

  g_string_append (self->found, g_variant_get_type_string (value));
  if (item->kind == PPOOL_ITEM_OPTIONS && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    ppool_protocol_read_options (value, &options);
}

/* Both ends read the same, and differ in which kinds they take. */
static gboolean
take_packet (Reading     *self,
             PPoolPacket *packet)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (packet->data, packet->size);
  g_autoptr (GError) error = NULL;
  PPoolFrameReader reader = { bytes, PPOOL_LINK_LANE_PREFIX_SIZE };
  PPoolItem item;

  g_assert_cmpuint (packet->size, >, PPOOL_LINK_LANE_PREFIX_SIZE);
  g_byte_array_append (self->taken, packet->data, (guint) packet->size);

  while (error == NULL && ppool_frame_reader_next (&reader, &item, &error))
    {
      g_string_append_printf (self->found, "%d %s ", item.kind, item.name);
      if (item.kind == PPOOL_ITEM_SEGMENT)
        take_segment (self, &item, &error);
      else if (item.kind == PPOOL_ITEM_FORGET)
        ppool_borrower_forget (self->borrower, PPOOL_ITEM_NUMBER (item.id), &error);
      else if (!ppool_item_is_note (item.kind) && item.kind < PPOOL_ITEM_SEGMENT)
        take_value (self, &reader, &item, &error);
    }
  if (error != NULL)
    g_string_append (self->found, error->message);

  return error == NULL;
}

/* Returns: FALSE when nothing that comes can be understood any more. */
static gboolean
take_packets (Reading *self)
{
  g_autoptr (GError) error = NULL;
  PPoolPacket packet;

  while (ppool_link_next (self->link, &packet, &error))
    if (!take_packet (self, &packet))
      return FALSE;

  if (error != NULL)
    g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  ppool_link_has_stray_fds (self->link);

  return error == NULL;
}

static void
send_bytes (int            fd,
            const uint8_t *data,
            size_t         size,
            int            passed)
{
  PPoolLink *link = ppool_link_new (fd, &ppool_link_lane, NULL);
  const struct iovec part = { .iov_base = (void *) data, .iov_len = size };

  g_assert_cmpint (ppool_link_try_write (link, &part, 1, passed), ==, size);
  ppool_link_free (link);
}

static void
read_in_steps (Reading       *self,
               int            other,
               const uint8_t *data,
               size_t         size,
               size_t         step,
               gboolean       with_fd)
{
  gboolean goes_on = TRUE;
  gboolean more;

  for (size_t done = 0; done < size && goes_on; done += step)
    {
      send_bytes (dup (other), data + done, MIN (step, size - done),
                  with_fd && done == 0 ? get_segment () : -1);
      do
        goes_on = ppool_link_read (self->link, FALSE, &more, NULL) && take_packets (self);
      while (goes_on && more);
    }

  g_assert_no_errno (shutdown (other, SHUT_WR));
  while (goes_on)
    goes_on = ppool_link_read (self->link, FALSE, &more, NULL) && take_packets (self);
}

static void
receive (Reading       *self,
         const uint8_t *data,
         size_t         size,
         size_t         step,
         gboolean       with_fd)
{
  static int owner;
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  self->link = ppool_link_new (fds[0], &ppool_link_lane, NULL);
  self->borrower = ppool_borrower_new (ignore_cb, &owner, ref_cb, ignore_cb);
  self->taken = g_byte_array_new ();
  self->found = g_string_new (NULL);

  read_in_steps (self, fds[1], data, size, step, with_fd);
  close (fds[1]);
}

static void
clear (Reading *self)
{
  ppool_link_free (self->link);
  ppool_borrower_unref (self->borrower);
  g_byte_array_unref (self->taken);
  g_string_free (self->found, TRUE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  Reading whole, pieces;
  gboolean with_fd;

  if (size < 2 || size > MAX_SIZE)
    return 0;

  /* Where the bytes are cut makes no difference. */
  with_fd = (data[0] & WITH_FD) != 0;
  receive (&whole, data + 1, size - 1, size, with_fd);
  receive (&pieces, data + 1, size - 1, (data[0] & STEP) + 1u, with_fd);
  g_assert_cmpmem (whole.taken->data, whole.taken->len, pieces.taken->data, pieces.taken->len);
  g_assert_cmpstr (whole.found->str, ==, pieces.found->str);
  clear (&whole);
  clear (&pieces);

  return 0;
}
